"""Export: a set written as a trainer reads it.

    train.jsonl         the rows (or train.parquet)
    left_out.parquet    one row for every row of the source that is in no row of these, with the reason
    export.json         the `ExportReport`
    dataset_info.json, axolotl.yaml    what some trainers want beside the rows

Rows stream: the source is cut into batches, which several processes turn into lines (`export_batch`); this
process writes them. Every row of the source is in a row that is written or in left_out.parquet. All files
appear together or not at all.

    >>> report = export("curated", format="trl", out="trl")                       # doctest: +SKIP
    >>> report.n_rows, report.left_out                                            # doctest: +SKIP
    (594, {})

Not covered: splits (each is exported by itself), sharded files, uploads (see `publish`).
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cftdata.config import Protocol, load_protocol, name_content
from cftdata.errors import ConfigError, SourceEmpty, SourceError
from cftdata.export_batch import Line, Task, make_lines
from cftdata.export_files import (
    N_ROWS,
    Leave,
    LeftOut,
    Write,
    hash_files,
    open_left_out,
    open_rows,
    remove_stale,
)
from cftdata.formats import REASONS, Format, choose_format
from cftdata.formats.asking import check_prompt
from cftdata.formats.form import FileType
from cftdata.pairing import Half, Pairs, open_pairs
from cftdata.parquet import open_output, writing
from cftdata.pool import cut_batches, run_batches
from cftdata.prompts import load_prompt
from cftdata.sample import Count, Record
from cftdata.sources import Reader, read_references, tell_unknown_shape
from cftdata.stored import find_samples, find_suspect_keys, is_stored, read_stored
from cftdata.tables import RawRow, read_rows

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
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time."""


def export(source: str | Path, *, format: str, out: str | Path, prompt: str | None = None,  # noqa: PLR0913
           file_type: FileType = "jsonl", source_format: str | None = None,
           columns: Mapping[str, str] | None = None, reference_answer: str | None = None,
           references: str | Path | None = None, split: str | None = None, revision: str | None = None,
           protocol: str | Path | Protocol = "default", n_processes: int | None = None,
           progress: Callable[[int], None] | None = None) -> ExportReport:
    """Writes a file, folder or Hub dataset as a trainer reads it, into the folder `out`.

    source: as `sources.load` takes it, or a folder that curating, auditing or building left.
    format: a name in `formats.FORMATS`. prompt: id or file of a prompt that asks for what the rows hold; None
    for the published form. file_type: jsonl or parquet.
    source_format, columns, reference_answer, references, split, revision: as `audit` takes them, where
    source_format is its `format`. protocol: says which verifications count, for `dpo`.
    n_processes: None takes all cores. progress: called with the number of rows done, again and again.

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
    batches = _cut(task, chosen)
    with open_output(Path(out)) as folder:
        counts = _write(task, batches, folder, f"train.{file_type}", n_processes, progress)
        with writing(Path(out)):
            report = _report(task, counts, folder, file_type, started)
            (folder / REPORT).write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        before = _read_files(Path(out))
    remove_stale(Path(out), before, report.files)
    return report


def _read_files(folder: Path) -> dict[str, str]:
    """The files that an earlier export left in the folder, by its report."""
    try:
        return ExportReport.model_validate_json((folder / REPORT).read_bytes()).files
    except (OSError, ValidationError):
        return {}


def _cut(task: Task, chosen: Format) -> Iterator[list[RawRow]]:
    """The source's rows in batches; raises ColumnUnknown where a named column is not in the first."""
    reader = task.reader
    is_plain = not (reader.split or reader.revision or reader.columns) and reader.format in (None, "cftdata")
    rows = (read_stored(Path(reader.source), chosen.reads) if is_plain and is_stored(reader.source)
            else read_rows(reader.source, split=reader.split, revision=reader.revision))
    batches = cut_batches(rows)
    first = next(batches, [])
    if not first:
        raise SourceEmpty(f"{reader.source} holds no row")
    readable = next((raw for raw in first if raw.columns is not None), None)
    if readable:
        reader.check_columns(readable.columns or {})
    return chain([first], batches)


# --- What is counted


@dataclass
class _Counts:
    """What became of the rows so far."""

    n_source_rows: int = 0
    n_samples: int = 0
    n_rows: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    queries: dict[bytes, bool] = field(default_factory=dict)
    """Hash of a query to whether it is in a row."""
    content: Any = field(default_factory=hashlib.sha256)
    detail: str | None = None
    """Why the first row that could not be read could not be."""

    def add(self, lines: Iterable[Line]) -> None:
        """Counts what was read."""
        for line in lines:
            self.n_source_rows += 1
            if line.sample_id is None or line.query is None:
                self.detail = self.detail or line.detail
                continue
            self.n_samples += 1
            self.content.update(line.sample_id.encode())
            self.queries.setdefault(line.query, False)

    def add_row(self, query: bytes | None) -> None:
        """Counts a row that is written."""
        self.n_rows += 1
        if query is not None:
            self.queries[query] = True


# --- Writing


def _write(task: Task, batches: Iterator[list[RawRow]], folder: Path, name: str,  # noqa: PLR0913, PLR0917
           n_processes: int | None, progress: Callable[[int], None] | None) -> _Counts:
    """Writes all files but the report."""
    counts, seen, chosen = _Counts(), set[bytes](), choose_format(task.format)
    with ExitStack() as stack:
        write = stack.enter_context(open_rows(folder / name, chosen.record))
        leave = stack.enter_context(open_left_out(folder / "left_out.parquet"))
        pairs = stack.enter_context(open_pairs(folder)) if chosen.is_pair else None
        done = stack.enter_context(closing(run_batches(partial(make_lines, task), batches, n_processes)))
        for lines in done:
            counts.add(lines)
            kept = _keep_new(lines, seen, leave, counts)
            if pairs:
                pairs.put(_halve(line) for line in kept)
            else:
                _write_rows(write, ((line.query, line.row or {}) for line in kept), counts)
            if progress:
                progress(counts.n_source_rows)
        if pairs:
            _join(pairs, write, leave, counts)
        _check(counts, task)
    for beside, text in (chosen.beside(name) if chosen.beside else {}).items():
        with writing(folder):
            (folder / beside).write_text(text, encoding="utf-8")
    return counts


def _keep_new(lines: Iterable[Line], seen: set[bytes], leave: Leave, counts: _Counts) -> list[Line]:
    """The lines whose row is to be written; the others are left out."""
    kept, left = [], []
    for line in lines:
        if line.row is None:
            left.append(_leave(line, line.reason or "crashed", line.detail))
        elif line.key in seen:
            left.append(_leave(line, "repeated", REASONS["repeated"]))
        else:
            kept.append(line)
            if line.key:
                seen.add(line.key)
    counts.left_out.update(one.reason for one in left)
    leave(left)
    return kept


def _leave(line: Line, reason: str, detail: str | None) -> LeftOut:
    return LeftOut(source_row=line.source_row, file=line.file, sample_id=line.sample_id, reason=reason,
                   detail=detail)


def _halve(line: Line) -> Half:
    return Half(line.source_row, line.file, line.sample_id or "", line.query or b"", line.row or {})


def _write_rows(write: Write, rows: Iterable[tuple[bytes | None, dict[str, Any]]], counts: _Counts) -> None:
    """Writes rows, each with the hash of its query."""
    pending = iter(rows)
    while some := list(islice(pending, N_ROWS)):
        for query, _ in some:
            counts.add_row(query)
        write([row for _, row in some])


def _join(pairs: Pairs, write: Write, leave: Leave, counts: _Counts) -> None:
    """Writes the pairs, and leaves out the halves that have no partner."""
    _write_rows(write, pairs.join(), counts)
    counts.left_out.update("no_partner" for _ in pairs.rest())
    leave(LeftOut(source_row=row, file=file, sample_id=sample_id, reason="no_partner",
                  detail=REASONS["no_partner"]) for row, file, sample_id in pairs.rest())


def _check(counts: _Counts, task: Task) -> None:
    """Raises where there is nothing to train on: a file without rows would only fail later."""
    if not counts.n_samples:
        raise _tell_unread(counts, task)
    if not counts.n_rows:
        reasons = "; ".join(f"{n} {reason} ({REASONS.get(reason, 'it could not be read')})"
                            for reason, n in counts.left_out.most_common())
        raise ConfigError(f"{task.reader.source} gives not one row of the format {task.format}: {reasons}")


def _tell_unread(counts: _Counts, task: Task) -> SourceError:
    source = task.reader.source
    first = next(iter(read_rows(source, split=task.reader.split, revision=task.reader.revision)))
    return tell_unknown_shape(source, map(str, first.columns or {}), task.reader.format, counts.detail)


def _report(task: Task, counts: _Counts, folder: Path, file_type: FileType, started: float) -> ExportReport:
    reader, chosen = task.reader, choose_format(task.format)
    return ExportReport(
        format=task.format, file_type=file_type, source=reader.source, split=reader.split,
        prompt=name_content(Path(task.prompt).stem, load_prompt(task.prompt)) if task.prompt else None,
        protocol=task.protocol.ref if chosen.reads else None, revision=reader.revision,
        content_hash=counts.content.hexdigest(), cftdata_version=version("cftdata"),
        n_source_rows=counts.n_source_rows, n_samples=counts.n_samples, n_rows=counts.n_rows,
        left_out=dict(counts.left_out.most_common()), n_queries=len(counts.queries),
        n_queries_exported=sum(counts.queries.values()), n_suspect_references=len(task.suspects),
        files=hash_files(folder),
        seconds=round(time.monotonic() - started, 3))


class _CallableModule(ModuleType):
    """`cftdata.export` is this module once anything has imported it, and its function to its callers."""

    __call__ = staticmethod(export)


sys.modules[__name__].__class__ = _CallableModule
