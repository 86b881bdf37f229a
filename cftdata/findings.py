"""Findings: what an audit hands a person to look at, as rows of a table and as rows of the report.

A finding is a place in which a verification failed or erred, so that nothing found is lost. One that rests
on no place is one finding, and so is a row of the source that could not be read.

Not covered: findings of several rows together (two critiques that contradict each other).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from cftdata.cards import Flagged
from cftdata.parquet import arrow_schema, open_table, printable
from cftdata.sample import Count, Outcome, Record, Sample, Slug
from cftdata.sources import Row
from cftdata.summary import Flags
from cftdata.tally import Entry, rests_on

__all__ = ["UNREAD", "Finding", "find", "find_unread", "mark_findings", "pick_flagged", "read_flagged",
           "resting_schema", "tabulate_findings"]

UNREAD = ("load",)
"""What rows that could not be read are flagged for."""
N_ROWS_AT_A_TIME = 1_000

Key = tuple[bytes, str | None]


class Finding(Record):
    """One row of findings.parquet."""

    sample_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None
    """Id of the sample; None for a row that was not read."""
    source_row: Count
    """0-based position in the source."""
    file: str
    """File or Hub id the row stands in."""
    verifier: Slug
    """Name of the verifier; `load` for a row that was not read."""
    outcome: Outcome
    """`fail` or `error`."""
    reason: Slug
    """Why."""
    evidence: str | None
    """The stretch of text that it rests on."""
    start: Count | None
    """0-based offset of the evidence in the text of the verification's target."""
    end: Count | None
    """Offset after it."""
    detail: str | None
    """A sentence for people."""
    critic: str | None
    """Who wrote the critique."""
    student: str | None
    """Who wrote the response."""
    suspect_reference: bool
    """It rests on a reference answer that is suspect: the rates leave it undecided."""


def find_unread(row: Row) -> Finding:
    """The finding of a row that could not be read."""
    return Finding(sample_id=None, source_row=row.source_row, file=printable(row.file), verifier="load",
                   outcome="error", reason=row.reason or "bad_value", evidence=None, start=None, end=None,
                   detail=printable(row.detail or ""), critic=None, student=None, suspect_reference=False)


def find(row: Row, sample: Sample, verifiers: Sequence[str]) -> Iterator[Finding]:
    """What these verifiers found, place by place. Which references are suspect is known at the end."""
    for said in sample.verifications:
        if said.verifier not in verifiers or said.outcome not in ("fail", "error"):
            continue
        places = [place for place in (said.evidence, *said.more) if place]
        for where in places or (None,):
            yield Finding(
                sample_id=sample.id, source_row=row.source_row, file=printable(row.file),
                verifier=said.verifier, outcome=said.outcome, reason=said.reason,
                detail=where.note if where and where.note else said.detail,
                evidence=where.text if where else None, start=where.start if where else None,
                end=where.end if where else None,
                critic=sample.critique.provenance.model if sample.critique else None,
                student=sample.response.provenance.model if sample.response else None,
                suspect_reference=False)


def tabulate_findings(findings: Iterable[Finding], entries: Iterable[Entry | None] | None = None) -> Any:
    """A pyarrow.RecordBatch of the findings; with `entries`, one a finding, also the reference each is of."""
    import pyarrow as pa

    rows = [finding.model_dump() for finding in findings]
    if entries is None:
        return pa.RecordBatch.from_pylist(rows, schema=arrow_schema(Finding))
    for row, entry in zip(rows, entries, strict=True):
        if entry:
            row.update(query=entry.query, reference=entry.reference, on_answer=entry.on_answer)
    return pa.RecordBatch.from_pylist(rows, schema=resting_schema())


def resting_schema() -> Any:
    """The pyarrow.Schema of findings that are yet to be marked: a `Finding`, and which reference it is of."""
    import pyarrow as pa

    of = pa.schema({"query": pa.binary(), "reference": pa.string(), "on_answer": pa.bool_()})
    return pa.unify_schemas([arrow_schema(Finding), of])


def mark_findings(source: Path, path: Path, suspects: Set[Key]) -> None:
    """Writes findings as an audit hands them over: those marked that rest on a suspect reference."""
    import pyarrow.parquet as pq

    schema = arrow_schema(Finding)
    with open_table(path, schema) as write, source.open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(N_ROWS_AT_A_TIME):
            write(_mark(batch, suspects).select(schema.names))


def _mark(batch: Any, suspects: Set[Key]) -> Any:
    import pyarrow as pa

    names = ("query", "reference", "verifier", "reason", "on_answer")
    rows = zip(*(batch[name].to_pylist() for name in names), strict=True)
    marks = [(query, reference) in suspects and rests_on(verifier, reason, bool(on_answer))
             for query, reference, verifier, reason, on_answer in rows]
    position = batch.schema.get_field_index("suspect_reference")
    return batch.set_column(position, batch.schema.field(position), pa.array(marks, pa.bool_()))


def pick_flagged(flagged: Mapping[tuple[str, ...], Flags], n_shown: int) -> tuple[list[int], int]:
    """Rows for people to look at, at most n_shown, as in the source; and how many there are.

    Every reason has its turn, so that a rare one is among those shown, and within a reason the lot decides;
    rows that were not read (reason `load`) come first.
    """
    rows = {reasons: sorted(flags.rows) for reasons, flags in flagged.items() if flags.n_rows}
    by_reason = sorted(rows.items(), key=lambda one: (one[0] != UNREAD, one[1]))
    turns = chain.from_iterable(zip_longest(*(some for _, some in by_reason)))
    chosen = sorted(islice((row for _, row in filter(None, turns)), n_shown))
    return chosen, sum(flags.n_rows for flags in flagged.values())


def read_flagged(path: Path, source_rows: Sequence[int]) -> Iterator[Flagged]:
    """The samples of these rows, from a table that the audit has written."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pa.array(source_rows, pa.int64())
    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        for i in range(file.num_row_groups):
            mask = pc.is_in(file.read_row_group(i, columns=["source_row"])["source_row"], wanted)
            if not pc.any(mask).as_py():
                continue
            for row in file.read_row_group(i).filter(mask).to_pylist():
                source_row, name = row.pop("source_row"), row.pop("file")
                yield Flagged(source_row, name, Sample.model_validate(row))
