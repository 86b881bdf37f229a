"""An audit: how many critiques of a set are wrong, which, and how sure that is.

Rows stream: an engine, here or on a cluster (`engine`), reads, normalises and verifies them in batches
(`batch`). What is kept of the rows goes to disk (`audit_shards`), small entries sorted by query among it;
these are counted partition by partition into one summary (`entries`, `summary`), from which the report is
made: memory does not grow with the rows. The report is written last, so that where there is one all is
there.

    >>> report = audit("set.jsonl", reference_answer="4", out="audit")        # doctest: +SKIP
    >>> report.rates["verdict_error"].n_hits                                  # doctest: +SKIP
    24

Not covered: samples drawn from a set too large to read, and audits that ask a model or people.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from types import ModuleType

from cftdata.agreement import measure_ballots
from cftdata.audit_shards import Shard, keep_shard, read_ids
from cftdata.batch import Task, audit_batch, spoil_row
from cftdata.caveats import find_caveats
from cftdata.config import Protocol, load_protocol
from cftdata.engine import Engine, Job, Part, Source
from cftdata.entries import cut_partitions, read_queries
from cftdata.errors import ColumnUnknown, SourceEmpty
from cftdata.figures import AuditReport, Group, LabelAgreement, SuspectReference
from cftdata.findings import UNREAD, mark_findings, pick_flagged, read_flagged
from cftdata.local_engine import Local
from cftdata.parquet import writing
from cftdata.report import render_html, render_markdown
from cftdata.scorecard import Labels, read_labels, score
from cftdata.sources import BUILT_IN, ID_COLUMNS, Reader, References, read_references, tell_unknown_shape
from cftdata.summary import Counting, Summary, count_queries, open_summary
from cftdata.tables import RawRow
from cftdata.tally import count_outcomes, count_overlap, rate_clustered, rate_groups, rate_rows
from cftdata.verifiers import verify

__all__ = ["audit"]

DEFAULT_GROUPINGS = (("critic",), ("student",), ("verdict",), ("injection",))

Groupings = Sequence[Sequence[str]]


def audit(source: str | Path, *, format: str | None = None, columns: Mapping[str, str] | None = None,  # noqa: PLR0913
          reference_answer: str | None = None, references: str | Path | None = None,
          by: str | Sequence[str | Sequence[str]] | None = None, protocol: str | Path | Protocol = "default",
          split: str | None = None, revision: str | None = None, out: str | Path | None = None,
          labels: str | Path | None = None, suspected: Sequence[SuspectReference] = (),
          n_processes: int | None = None, progress: Callable[[int], None] | None = None,
          engine: Engine | None = None) -> AuditReport:
    """Audits a file, folder or Hub dataset; writes the report and the two tables where `out` names a folder.

    source, format, columns, reference_answer, references, split, revision: as `sources.load` takes them.
    by: what rates are grouped by, besides over all: names of columns, or critic, student, verdict, domain,
    source, format, file, injection (`yes` where the response gives orders to its critic); "student,verdict"
    or ("student", "verdict") crosses the two. None groups by critic, student, verdict and injection where
    rows have them. A name must be a column of one of the first rows.
    labels: a file of labelled samples (see `scorecard`), to say how good the verifiers are on them.
    suspected: references found suspect in a larger set that these rows are taken from (see `suspects`).
    n_processes: None takes all cores. progress: called with the number of rows done, again and again.
    engine: where it runs, in place of so many processes here (`scale.OnRay`: a cluster).

    Writes report.json, report.md, report.html, samples.parquet and findings.parquet,
    all or none; on a cluster the two tables are folders of parts, and what is done of them stays.
    Raises SourceError and its kinds, ColumnUnknown, ConfigError, ExtraMissing, OutputError.
    """
    started = time.monotonic()
    chosen = protocol if isinstance(protocol, Protocol) else load_protocol(protocol)
    answers = read_references(reference_answer, str(references) if references else None)
    reader = Reader(str(source), format, columns, answers, split, revision)
    groupings = _read_groupings(by)
    known = read_labels(labels) if labels else {}
    task = Task(reader, chosen, tuple(dict.fromkeys(chain.from_iterable(groupings))), out is not None)
    counting = _plan(task, groupings, known, suspected)
    runner = engine or Local(n_processes, progress)
    first = runner.read_first(Source(reader.source, split, revision))
    _check(task, first, is_named=by is not None)
    with runner.open(out) as folder:
        run = _Run(task, groupings, counting, known, runner, folder, started)
        parts = _collect(run)
        report, summary = _count(run, parts)
        if out is not None:
            with writing(folder):
                _write(run, report, parts, summary)
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


@dataclass(frozen=True, slots=True)
class _Run:
    """What an audit works with."""

    task: Task
    groupings: Groupings
    counting: Counting
    labels: Mapping[str, Labels]
    engine: Engine
    folder: Path
    started: float


def _plan(task: Task, groupings: Groupings, labels: Mapping[str, Labels],
          suspected: Iterable[SuspectReference]) -> Counting:
    by_query: dict[bytes, tuple[SuspectReference, ...]] = {}
    for one in suspected:
        query = bytes.fromhex(one.query_id)
        by_query[query] = (*by_query.get(query, ()), one)
    positions = tuple(tuple(task.columns.index(name) for name in names) for names in groupings)
    return Counting(task.protocol, positions, frozenset(map(bytes.fromhex, labels)), by_query)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What came of the stretches of the source."""

    whole: Shard
    """What is known of all rows."""
    each: Sequence[tuple[Part, range, Sequence[str]]]
    """Of each its files, its rows in the source, and the names of its runs."""

    @property
    def runs(self) -> list[Path]:
        """All runs."""
        return [part.work(name) for part, _, names in self.each for name in names]


def _collect(run: _Run) -> _Parts:
    """Audits every row."""
    task, n_shown = run.task, run.task.protocol.flagged_rows_shown
    source = Source(task.reader.source, task.reader.split, task.reader.revision)
    job = Job(source, partial(audit_batch, task), partial(spoil_row, task),
              partial(keep_shard, n_shown, task.keeps_samples), Shard, _mark(run),
              stale=("report.json", "samples.parquet", "findings.parquet"))
    whole, each = Shard(), []
    for part, shard in run.engine.fold(job, run.folder):
        each.append((part, range(whole.n_rows, whole.n_rows + shard.n_rows), shard.runs))
        whole.merge(shard, n_shown)
    if not whole.n_samples:
        detail = next(iter(whole.shown.values())).detail
        raise tell_unknown_shape(task.reader.source, whole.columns, next(iter(whole.formats), None), detail)
    return _Parts(whole, each)


def _mark(run: _Run) -> str:
    """A hash of all that the rows' verifications depend on, but for the source."""
    task = run.task
    said = (version("cftdata"), task.protocol.ref, task.columns, task.keeps_samples, task.reader)
    return hashlib.sha256(repr(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _count_partition(counting: Counting, runs: Sequence[Path], buckets: range) -> Summary:
    return count_queries(read_queries(runs, buckets), counting)


def _summarise(run: _Run, parts: _Parts) -> Summary:
    """The summaries of all partitions, merged; what is listed is sorted, for the parts come in any order."""
    summary = open_summary(run.counting)
    work = partial(_count_partition, run.counting, parts.runs)
    for part in run.engine.map(work, cut_partitions(parts.whole.n_samples)):
        summary.merge(part, run.counting)
    summary.suspects.sort(key=lambda one: (-one.n_samples, one.query_id))
    summary.suspect_labels.sort(key=lambda one: one.source_row)
    return summary


def _count(run: _Run, parts: _Parts) -> tuple[AuditReport, Summary]:
    """The report: everything in it is a function of the summary, and of what is known of the parts."""
    summary, shard = _summarise(run, parts), parts.whole
    reader, protocol = run.task.reader, run.task.protocol
    outcomes, reasons = count_outcomes(summary.outcomes, protocol.verifiers)
    groups, left_out = _group(run, summary)
    n_unread = shard.n_rows - shard.n_samples
    report = AuditReport(
        source=reader.source, revision=reader.revision, split=reader.split,
        content_hash=_hash_content(parts),
        formats=dict(shard.formats.most_common()), protocol=protocol.ref, cftdata_version=version("cftdata"),
        references=reader.references.describe(is_any=shard.has_reference), n_rows=shard.n_rows,
        n_unread=n_unread, n_samples=shard.n_samples, n_duplicates=shard.n_samples - summary.n_distinct,
        n_queries=summary.n_queries, rates=rate_rows(summary.codes, protocol),
        clustered_rates=rate_clustered(summary.codes, summary.clusters, summary.n_queries, protocol),
        groups=tuple(groups), overlap=count_overlap(summary.codes, protocol),
        agreement=measure_ballots(summary.ballots, protocol.level),
        scorecard=score({key: {verifier: (outcome, reason) for verifier, outcome, reason in said}
                         for key, said in summary.labelled.items()}, run.labels, protocol.level),
        verifiers=outcomes, reasons=reasons, suspect_references=tuple(summary.suspects), cost_usd=0.0,
        suspect_labels=tuple(summary.suspect_labels),
        label_agreement=LabelAgreement(**summary.label_agreement) if summary.label_agreement else None,
        warnings=(*find_caveats(summary, n_unread, protocol), *_on_references(shard, reader.references),
                  *_on_labels(summary, run.labels), *left_out),
        n_retries=run.engine.n_retries, seconds=round(time.monotonic() - run.started, 3))
    return report, summary


def _hash_content(parts: _Parts) -> str:
    digest = hashlib.sha256()
    for part, _, _ in parts.each:
        for ids in read_ids(part):
            digest.update(ids.hex().encode())
    return digest.hexdigest()


def _on_references(shard: Shard, references: References) -> list[str]:
    """A sentence where a file of references has no answer for some rows: keys may be spelled otherwise."""
    if references.file is None or shard.n_referenced == shard.n_samples:
        return []
    return [f"{references.file} answers {shard.n_referenced:,} of {shard.n_samples:,} rows (by query, or by "
            f"{', '.join(ID_COLUMNS)}); the others keep the row's own reference, where it has one."]


def _on_labels(summary: Summary, labels: Mapping[str, Labels]) -> list[str]:
    """A sentence where not all labelled samples are in the set."""
    n_found = len(summary.labelled)
    if n_found == len(labels):
        return []
    return [f"Of {len(labels):,} labelled samples {n_found:,} are in this set; the scorecard rests on these."]


def _group(run: _Run, summary: Summary) -> tuple[list[Group], list[str]]:
    """The groups of every grouping, and a sentence where some were left out."""
    groups: list[Group] = []
    sentences = []
    for names, by_values in zip(run.groupings, summary.groups, strict=True):
        if run.groupings is DEFAULT_GROUPINGS and by_values.keys() <= {(None,)}:
            continue
        found, n_left_out = rate_groups(by_values, names, run.task.protocol)
        groups += found
        if n_left_out:
            sentences.append(f"Of the groups by {', '.join(names)} the {len(found)} largest are shown; "
                             f"{n_left_out:,} smaller ones are left out.")
    return groups, sentences


def _write(run: _Run, report: AuditReport, parts: _Parts, summary: Summary) -> None:
    """Writes all but the samples, which are there already; the report that is read by others comes last."""
    suspects = {(bytes.fromhex(one.query_id), one.reference_answer) for one in report.suspect_references}
    for _ in run.engine.map(partial(_mark_part, suspects), [part for part, _, _ in parts.each]):
        pass
    shown = parts.whole.shown
    rows, n_flagged = pick_flagged({UNREAD: parts.whole.unread} | summary.flagged,
                                   run.task.protocol.flagged_rows_shown)
    flagged = [shown[row] for row in rows if row in shown]
    for part, inside, _ in parts.each:
        if wanted := [row for row in rows if row in inside and row not in shown]:
            flagged += read_flagged(part.table("samples.parquet"), wanted)
    flagged.sort(key=lambda one: one.source_row)
    for name, text in (("report.md", render_markdown(report)),
                       ("report.html", render_html(report, flagged, n_flagged)),
                       ("report.json", report.model_dump_json(by_alias=True, indent=2) + "\n")):
        (run.folder / name).write_text(text, encoding="utf-8")


def _mark_part(suspects: set[tuple[bytes, str]], part: Part) -> None:
    table = part.table("findings.parquet")
    with writing(part.folder):
        table.parent.mkdir(parents=True, exist_ok=True)
    mark_findings(part.work("findings.parquet"), table, suspects)


class _CallableModule(ModuleType):
    """`cftdata.audit` is this module once anything has imported it, and its function to those who call it."""

    __call__ = staticmethod(audit)


sys.modules[__name__].__class__ = _CallableModule
