"""An audit: how many critiques of a set are wrong, which, and how sure that is.

Rows stream: the source is cut into batches, which several processes read, normalise and verify (`batch`);
of each row this process keeps a small `Entry`, and counts at the end (`tally`, `suspects`). The two tables
are written batch by batch into a hidden folder and moved into place together, so that an audit that is
interrupted leaves nothing half.

    >>> report = audit("set.jsonl", reference_answer="4", out="audit")        # doctest: +SKIP
    >>> report.rates["verdict_error"].n_hits                                  # doctest: +SKIP
    24

Not covered: samples drawn from a set too large to read, and audits that ask a model or people.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

from cftdata.agreement import Agreement, measure_agreement
from cftdata.batch import Batch, Task, audit_batch, sample_schema
from cftdata.caveats import find_caveats
from cftdata.config import Protocol, load_protocol
from cftdata.errors import ColumnUnknown, SourceEmpty
from cftdata.figures import AuditReport, Group, SuspectReference
from cftdata.findings import pick_flagged, write_findings
from cftdata.parquet import open_output, open_table, writing
from cftdata.pool import cut_batches, run_batches
from cftdata.report import render_html, render_markdown
from cftdata.scorecard import Labels, read_labels, score
from cftdata.sources import BUILT_IN, ID_COLUMNS, Reader, References, read_references, tell_unknown_shape
from cftdata.step_labels import count_label_agreement, list_suspect_labels
from cftdata.suspects import describe_suspects, find_suspects
from cftdata.tables import RawRow, read_rows
from cftdata.tally import (
    Entry,
    Suspects,
    code_rates,
    count_outcomes,
    count_overlap,
    rate_clustered,
    rate_groups,
    rate_rows,
    rests_on_suspect,
)
from cftdata.verifiers import verify

__all__ = ["audit"]

DEFAULT_GROUPINGS = (("critic",), ("student",), ("verdict",), ("injection",))
SHARED = ("query", "response", "final_answer", "reference", "outcomes", "values")

Groupings = Sequence[Sequence[str]]


def audit(source: str | Path, *, format: str | None = None, columns: Mapping[str, str] | None = None,  # noqa: PLR0913
          reference_answer: str | None = None, references: str | Path | None = None,
          by: str | Sequence[str | Sequence[str]] | None = None, protocol: str | Path | Protocol = "default",
          split: str | None = None, revision: str | None = None, out: str | Path | None = None,
          labels: str | Path | None = None, suspected: Sequence[SuspectReference] = (),
          n_processes: int | None = None,
          progress: Callable[[int], None] | None = None) -> AuditReport:
    """Audits a file, folder or Hub dataset; writes the report and the two tables where `out` names a folder.

    source, format, columns, reference_answer, references, split, revision: as `sources.load` takes them.
    by: what rates are grouped by, besides over all: names of columns, or critic, student, verdict, domain,
    source, format, file, injection (`yes` where the response gives orders to its critic); "student,verdict"
    or ("student", "verdict") crosses the two. None groups by critic, student, verdict and injection where
    rows have them. A name must be a column of one of the first rows.
    labels: a file of labelled samples (see `scorecard`), to say how good the verifiers are on them.
    suspected: references found suspect in a larger set that these rows are taken from (see `suspects`).
    n_processes: None takes all cores. progress: called with the number of rows done, again and again.

    Writes report.json, report.md, report.html, samples.parquet and findings.parquet, all or none.
    Raises SourceError and its kinds, ColumnUnknown, ConfigError, ExtraMissing, OutputError.
    """
    started = time.monotonic()
    chosen = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    answers = read_references(reference_answer, str(references) if references else None)
    reader = Reader(str(source), format, columns, answers, split, revision)
    groupings = _read_groupings(by)
    known = read_labels(labels) if labels else {}
    task = Task(reader, chosen, tuple(dict.fromkeys(chain.from_iterable(groupings))), out is not None)
    batches = cut_batches(read_rows(reader.source, split=split, revision=revision))
    first = next(batches, [])
    _check(task, first, is_named=by is not None)
    batches = chain([first], batches)
    if out is None:
        run = _collect(task, batches, n_processes, progress)
        return _count(run, task, groupings, find_suspects(run.entries, chosen, suspected), known, started)
    with open_output(Path(out)) as folder:
        run = _collect(task, batches, n_processes, progress, folder)
        suspects = find_suspects(run.entries, chosen, suspected)
        report = _count(run, task, groupings, suspects, known, started)
        with writing(Path(out)):
            _write(folder, report, run, suspects, chosen)
    return report


def _read_groupings(by: str | Sequence[str | Sequence[str]] | None) -> Groupings:
    if by is None:
        return DEFAULT_GROUPINGS
    each = [by] if isinstance(by, str) else by
    split = [one.split(",") if isinstance(one, str) else one for one in each]
    return tuple(tuple(name.strip() for name in names if name.strip()) for names in split)


def _check(task: Task, rows: Sequence[RawRow], *, is_named: bool) -> None:
    """Refuses a call whose columns or verifiers are not there, before the work begins."""
    verify((), task.protocol.verifiers)
    if not rows:
        raise SourceEmpty(f"{task.reader.source} holds no row")
    read = [raw for raw in rows if raw.columns is not None]
    if read:
        task.reader.check_columns(read[0].columns or {})
    known = {*BUILT_IN, *chain.from_iterable(raw.columns or {} for raw in read)}
    for name in task.columns if is_named else ():
        if name not in known:
            raise ColumnUnknown(name, known)


@dataclass
class _Run:
    """What is kept of the rows."""

    n_rows: int = 0
    entries: list[Entry] = field(default_factory=list)
    formats: Counter[str] = field(default_factory=Counter)
    queries: dict[bytes, str] = field(default_factory=dict)
    findings: list[Any] = field(default_factory=list)
    columns: dict[str, None] = field(default_factory=dict)
    has_reference: bool = False
    n_referenced: int = 0


def _collect(task: Task, batches: Iterable[list[RawRow]], n_processes: int | None,
             progress: Callable[[int], None] | None, folder: Path | None = None) -> _Run:
    """Audits every batch; samples go to samples.parquet in the folder at once."""
    run, seen, share = _Run(), set[bytes](), dict[object, Any]()
    with ExitStack() as stack:
        write = stack.enter_context(
            open_table(folder / "samples.parquet", sample_schema())) if folder else None
        done = stack.enter_context(closing(run_batches(partial(audit_batch, task), batches, n_processes)))
        for batch in done:
            _keep(run, batch, seen, share)
            if write:
                write(batch.samples)
            if progress:
                progress(run.n_rows)
    if not run.entries:
        detail = run.findings[0]["detail"][0].as_py()
        raise tell_unknown_shape(task.reader.source, run.columns, next(iter(run.formats), None), detail)
    return run


def _keep(run: _Run, batch: Batch, seen: set[bytes], share: dict[object, Any]) -> None:
    """Adds a batch. `share` maps a value to its first copy: batches of other processes bring their own."""
    run.n_rows += batch.n_rows
    run.formats += batch.formats
    run.has_reference |= batch.has_reference
    run.n_referenced += batch.n_referenced
    run.findings.append(batch.findings)
    run.columns.update(dict.fromkeys(batch.columns))
    for query, text in batch.queries.items():
        run.queries.setdefault(query, text)
    for entry in batch.entries:
        shared = {name: share.setdefault(getattr(entry, name), getattr(entry, name)) for name in SHARED}
        run.entries.append(entry._replace(first=entry.sample_id not in seen, **shared))
        seen.add(entry.sample_id)


def _count(run: _Run, task: Task, groupings: Groupings, suspects: Suspects,  # noqa: PLR0913, PLR0917
           labels: Mapping[str, Labels], started: float) -> AuditReport:
    """The report: everything in it is a function of what was kept."""
    reader, protocol, entries = task.reader, task.protocol, run.entries
    rows = [row for row, entry in enumerate(entries) if entry.first]
    codes = code_rates(entries, suspects, protocol)
    outcomes, reasons = count_outcomes(entries, protocol.verifiers)
    found = describe_suspects(suspects, entries, run.queries)
    groups, left_out = _group(run, task, groupings, codes, rows)
    n_unread = run.n_rows - len(entries)
    digest = hashlib.sha256("".join(entry.sample_id.hex() for entry in entries).encode())
    return AuditReport(
        source=reader.source, revision=reader.revision, split=reader.split, content_hash=digest.hexdigest(),
        formats=dict(run.formats.most_common()), protocol=protocol.ref, cftdata_version=version("cftdata"),
        references=reader.references.describe(is_any=run.has_reference), n_rows=run.n_rows, n_unread=n_unread,
        n_samples=len(entries), n_duplicates=len(entries) - len(rows), n_queries=len(run.queries),
        rates=rate_rows(codes, rows, protocol.level),
        clustered_rates=rate_clustered(codes, rows, entries, protocol.level), groups=tuple(groups),
        overlap=count_overlap(codes, rows), agreement=_measure_agreement(entries, rows, protocol.level),
        scorecard=score(_outcomes_of(entries, suspects, labels), labels, protocol.level),
        verifiers=outcomes, reasons=reasons, suspect_references=found, cost_usd=0.0,
        suspect_labels=list_suspect_labels(entries), label_agreement=count_label_agreement(entries),
        warnings=(*find_caveats(entries, n_unread, found, protocol), *_on_references(run, reader.references),
                  *_on_labels(entries, labels), *left_out),
        seconds=round(time.monotonic() - started, 3))


def _on_references(run: _Run, references: References) -> list[str]:
    """A sentence where a file of references has no answer for some rows: keys may be spelled otherwise."""
    n_missed = len(run.entries) - run.n_referenced
    if references.file is None or not n_missed:
        return []
    return [f"{references.file} answers {run.n_referenced:,} of {len(run.entries):,} rows (by query, or by "
            f"{', '.join(ID_COLUMNS)}); the others keep the row's own reference, where it has one."]


def _on_labels(entries: Sequence[Entry], labels: Mapping[str, Labels]) -> list[str]:
    """A sentence where not all labelled samples are in the set."""
    n_found = len(labels.keys() & {entry.sample_id.hex() for entry in entries})
    if n_found == len(labels):
        return []
    return [f"Of {len(labels):,} labelled samples {n_found:,} are in this set; the scorecard rests on these."]


def _measure_agreement(entries: Sequence[Entry], rows: Sequence[int], level: float) -> Agreement | None:
    votes = [(entry.query + (entry.response or b""), entry.critic, entry.verdict)
             for entry in map(entries.__getitem__, rows) if entry.response is not None]
    return measure_agreement(votes, level)


def _outcomes_of(entries: Sequence[Entry], suspects: Suspects,
                 labels: Mapping[str, Labels]) -> dict[str, dict[str, tuple[str, str]]]:
    """Of the labelled samples what each verifier says; what rests on a suspect reference is left out."""
    said = {}
    for entry in entries:
        sample_id = entry.sample_id.hex()
        if sample_id in labels:
            said[sample_id] = {verifier: (outcome, reason) for verifier, outcome, reason in entry.outcomes
                               if not rests_on_suspect(entry, verifier, reason, suspects)}
    return said


def _group(run: _Run, task: Task, groupings: Groupings, codes: Mapping[str, bytes],
           rows: Sequence[int]) -> tuple[list[Group], list[str]]:
    """The groups of every grouping, and a sentence where some were left out."""
    groups: list[Group] = []
    sentences = []
    for names in groupings:
        positions = [task.columns.index(name) for name in names]
        keys = {row: tuple(run.entries[row].values[i] for i in positions) for row in rows}
        if groupings is DEFAULT_GROUPINGS and set(keys.values()) <= {(None,)}:
            continue
        found, n_left_out = rate_groups(codes, rows, keys, names, task.protocol.level)
        groups += found
        if n_left_out:
            sentences.append(f"Of the groups by {', '.join(names)} the {len(found)} largest are shown; "
                             f"{n_left_out:,} smaller ones are left out.")
    return groups, sentences


def _write(folder: Path, report: AuditReport, run: _Run, suspects: Suspects, protocol: Protocol) -> None:
    """Writes all but the samples, which are there already."""
    write_findings(folder / "findings.parquet", run.findings, run.entries, suspects)
    flagged, n_flagged = pick_flagged(folder, run.findings, run.entries, suspects, protocol)
    for name, text in (("report.json", report.model_dump_json(by_alias=True, indent=2) + "\n"),
                       ("report.md", render_markdown(report)),
                       ("report.html", render_html(report, flagged, n_flagged))):
        (folder / name).write_text(text, encoding="utf-8")


class _CallableModule(ModuleType):
    """`cftdata.audit` is this module once anything has imported it, and its function to those who call it."""

    __call__ = staticmethod(audit)


sys.modules[__name__].__class__ = _CallableModule
