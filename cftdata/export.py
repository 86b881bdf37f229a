"""Export: a set written as a trainer reads it.

    train.jsonl         the rows (or train.parquet)
    left_out.parquet    one row for every row of the source that is in no row of these, with the reason
    export.json         the `ExportReport`
    dataset_info.json, axolotl.yaml    what some trainers want beside the rows

Rows stream: an engine (`engine`) turns batches of the source into lines (`export_batch`), and writes what
came of each stretch of it (`export_shards`); then what needs all stretches is done by partitions
(`export_merge`): of rows made twice the first is written, halves are joined to pairs, queries are counted.
Every row of the source is in a row that is written or in left_out.parquet. All files appear together or not
at all; on a cluster train.jsonl and left_out.parquet are folders of parts, and export.json is written last.

    >>> report = export("curated", format="trl", out="trl")                       # doctest: +SKIP
    >>> report.n_rows, report.left_out                                            # doctest: +SKIP
    (594, {})

On a cluster rows are in the order of the source, pairs in that of a hash of their prompt. The driver keeps
what is counted of each part; where all is one stretch, hashes of its queries and keys (about 100 bytes each).

Not covered: splits (each is exported by itself), uploads (see `publish`).
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Annotated

from pydantic import Field, ValidationError

from cftdata.audit_shards import read_ids
from cftdata.config import Protocol, load_protocol, name_content
from cftdata.engine import Engine, Job, Part, Source
from cftdata.errors import ConfigError, SourceEmpty, SourceError
from cftdata.export_batch import Task, make_lines, spoil_line
from cftdata.export_files import LeftOut, hash_file, remove_stale
from cftdata.export_merge import Merged, Stretch, merge
from cftdata.export_shards import Shard, keep_shard
from cftdata.formats import REASONS, choose_format
from cftdata.formats.asking import check_prompt
from cftdata.formats.form import FileType
from cftdata.local_engine import Local
from cftdata.parquet import writing
from cftdata.paths import open_path, remove
from cftdata.prompts import load_prompt
from cftdata.sample import Count, Record
from cftdata.sources import Reader, read_references, tell_unknown_shape
from cftdata.stored import find_samples, find_suspect_keys, is_stored
from cftdata.tables import read_rows

__all__ = ["ExportReport", "LeftOut", "export"]

REPORT = "export.json"


class ExportReport(Record):
    """What was exported. n_source_rows is the number of rows used, one a row and two a pair, and of those
    left out."""

    format: str
    """Name of the format."""
    prompt: str | None
    """The prompt as id@hash; None for the format's own form."""
    protocol: str | None
    """The protocol that says which verifications count, as id@hash; None where the format reads none."""
    file_type: FileType
    """Kind of the data file."""
    source: str
    """What was read."""
    split: str | None
    """Split of the source."""
    revision: str | None
    """Revision of the source."""
    content_hash: str
    """SHA-256 over the ids of the samples read, in order; an audit of the same samples has the same."""
    cftdata_version: str
    """Version that exported it."""
    n_source_rows: Count
    """Rows of the source."""
    n_samples: Count
    """Those that could be read."""
    n_rows: Count
    """Rows written."""
    left_out: dict[str, Count]
    """Reason to the number of rows of the source that are in no row."""
    n_queries: Count
    """Distinct queries of the samples read."""
    n_queries_exported: Count
    """Those that are in a row; of the SFT twin the queries that have one."""
    n_suspect_references: Count
    """References that the audit beside the source suspects; nothing written rests on them."""
    files: dict[str, str]
    """Name of each file but this report to its SHA-256."""
    n_retries: Count = 0
    """How often work was begun again, because a process or a machine was lost."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time."""


def export(source: str | Path, *, format: str, out: str | Path, prompt: str | None = None,  # noqa: PLR0913
           file_type: FileType = "jsonl", source_format: str | None = None,
           columns: Mapping[str, str] | None = None, reference_answer: str | None = None,
           references: str | Path | None = None, split: str | None = None, revision: str | None = None,
           protocol: str | Path | Protocol = "default", n_processes: int | None = None,
           progress: Callable[[int], None] | None = None, engine: Engine | None = None) -> ExportReport:
    """Writes a file, folder or Hub dataset as a trainer reads it, into the folder `out`.

    source: as `sources.load` takes it, or a folder that curating, auditing or building left.
    format: a name in `formats.FORMATS`. prompt: id or file of a prompt that asks for what the rows hold; None
    for the published form. file_type: jsonl or parquet.
    source_format, columns, reference_answer, references, split, revision: as `audit` takes them, where
    source_format is its `format`. protocol: says which verifications count, for `dpo`.
    n_processes: None takes all cores. progress: called with the number of rows done, again and again.
    engine: where it runs, in place of so many processes here (`scale.OnRay`: a cluster).

    Raises ConfigError (also where not one sample has a row), SourceError and its kinds, ColumnUnknown,
    ExtraMissing, OutputError.
    """
    started = time.monotonic()
    chosen = choose_format(format)
    check_prompt(prompt, chosen.reply, format)
    if file_type not in chosen.file_types:
        raise ConfigError(f"{format} is read from {' or '.join(chosen.file_types)}, not from {file_type}")
    samples = find_samples(str(source))
    answers = read_references(reference_answer, str(references) if references else None)
    reader = Reader(samples, source_format, columns, answers, split, revision)
    counted = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    task = Task(reader, format, prompt, counted, find_suspect_keys(str(source)))
    run = _Run(task, file_type, engine or Local(n_processes, progress))
    _check_columns(run)
    before = _read_files(open_path(out))
    with run.engine.open(out) as folder:
        made = _make(run, folder)
        report = _report(run, made, started)
        with writing(folder):
            (folder / REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    remove_stale(open_path(out), before, report.files)
    return report


def _read_files(folder: Path) -> dict[str, str]:
    """The files that an earlier export left in the folder, by its report."""
    try:
        return ExportReport.model_validate_json((folder / REPORT).read_bytes()).files
    except (OSError, ValidationError):
        return {}


@dataclass(frozen=True, slots=True)
class _Run:
    """What an export works with."""

    task: Task
    file_type: FileType
    engine: Engine

    @property
    def needs(self) -> tuple[str, ...] | None:
        """The fields of our own samples that the format reads; None where the source is another."""
        reader = self.task.reader
        is_plain = not (reader.split or reader.revision or reader.columns)
        if not is_plain or reader.format not in (None, "cftdata") or not is_stored(reader.source):
            return None
        return choose_format(self.task.format).reads

    @property
    def mark(self) -> str:
        """A hash of all that the rows depend on, but for the source."""
        task = self.task
        prompt = load_prompt(task.prompt) if task.prompt else None
        said = (version("cftdata"), task.reader, task.format, prompt, task.protocol.ref,
                sorted(task.suspects, key=repr), self.file_type)
        return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _check_columns(run: _Run) -> None:
    """Raises SourceEmpty, and ColumnUnknown where a named column is not in the first rows."""
    reader = run.task.reader
    if run.needs is not None:
        return      # of our own samples no column is named
    first = run.engine.read_first(Source(reader.source, reader.split, reader.revision))
    if not first:
        raise SourceEmpty(f"{reader.source} holds no row")
    readable = next((raw for raw in first if raw.columns is not None), None)
    if readable:
        reader.check_columns(readable.columns or {})


# --- What is made


@dataclass
class _Made:
    """What became of all rows."""

    whole: Shard = field(default_factory=Shard)
    merged: Merged = field(default_factory=Merged)
    content_hash: str = ""
    beside: dict[str, str] = field(default_factory=dict)
    """Name of each file beside the tables to its SHA-256."""

    @property
    def left_out(self) -> dict[str, int]:
        """Reason to rows, the most common first."""
        counts = self.whole.left_out + Counter(repeated=self.merged.n_repeated,
                                               no_partner=self.merged.n_alone)
        return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _make(run: _Run, folder: Path) -> _Made:
    """Writes all files but the report."""
    reader, made, stretches = run.task.reader, _Made(), list[Stretch]()
    job = Job(Source(reader.source, reader.split, reader.revision), partial(make_lines, run.task),
              partial(spoil_line, run.task), partial(keep_shard, run.task, run.file_type), Shard, run.mark,
              run.needs)
    for part, shard in run.engine.fold(job, folder / "work" / "rows"):
        n = made.whole.n_source_rows
        stretches.append(Stretch(part, Part(folder, part.name), range(n, n + shard.n_source_rows), shard))
        made.whole.merge(shard)
    _check(made, run.task)
    made.content_hash = _hash_content(stretches)
    name = f"train.{run.file_type}"
    with writing(folder):
        for stale in (REPORT, name, "left_out.parquet"):
            remove(folder / stale)
    made.merged = merge(run.engine, run.task, run.file_type, stretches)
    _check(made, run.task, made.merged)
    beside = choose_format(run.task.format).beside
    for file, text in (beside(name) if beside else {}).items():
        with writing(folder):
            (folder / file).write_text(text, encoding="utf-8")
            made.beside[file] = hash_file(folder / file)
    return made


def _hash_content(stretches: list[Stretch]) -> str:
    digest = hashlib.sha256()
    for one in stretches:
        for ids in read_ids(one.made):
            digest.update(ids.hex().encode())
    return digest.hexdigest()


def _check(made: _Made, task: Task, merged: Merged | None = None) -> None:
    """Raises where there is nothing to train on: a file without rows would only fail later."""
    if not made.whole.n_samples:
        raise _tell_unread(made, task)
    if not (made.whole.n_rows if merged is None else merged.n_rows):
        reasons = "; ".join(f"{n} {reason} ({REASONS.get(reason, 'it could not be read')})"
                            for reason, n in made.left_out.items())
        raise ConfigError(f"{task.reader.source} gives not one row of the format {task.format}: {reasons}")


def _tell_unread(made: _Made, task: Task) -> SourceError:
    source = task.reader.source
    first = next(iter(read_rows(source, split=task.reader.split, revision=task.reader.revision)))
    return tell_unknown_shape(source, map(str, first.columns or {}), task.reader.format, made.whole.detail)


def _report(run: _Run, made: _Made, started: float) -> ExportReport:
    task, whole, merged = run.task, made.whole, made.merged
    reader, chosen = task.reader, choose_format(task.format)
    return ExportReport(
        format=task.format, file_type=run.file_type, source=reader.source, split=reader.split,
        prompt=name_content(Path(task.prompt).stem, load_prompt(task.prompt)) if task.prompt else None,
        protocol=task.protocol.ref if chosen.reads else None, revision=reader.revision,
        content_hash=made.content_hash, cftdata_version=version("cftdata"),
        n_source_rows=whole.n_source_rows, n_samples=whole.n_samples, n_rows=merged.n_rows,
        left_out=made.left_out, n_queries=merged.n_queries,
        n_queries_exported=merged.n_queries_exported, n_suspect_references=len(task.suspects),
        files=dict(sorted((merged.files | made.beside).items())), n_retries=run.engine.n_retries,
        seconds=round(time.monotonic() - started, 3))


class _CallableModule(ModuleType):
    """`cftdata.export` is this module once anything has imported it, and its function to its callers."""

    __call__ = staticmethod(export)


sys.modules[__name__].__class__ = _CallableModule
