"""Findings: what an audit hands a person to look at, as rows of a table and as rows of the report.

A finding is a place in which a verification failed or erred, so that nothing found is lost. One that rests
on no place is one finding, and so is a row of the source that could not be read.

Not covered: findings of several rows together (two critiques that contradict each other).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from cftdata.cards import Flagged
from cftdata.config import Protocol
from cftdata.parquet import arrow_schema, open_table, printable
from cftdata.sample import Count, Outcome, Record, Sample, Slug
from cftdata.sources import Row
from cftdata.tally import Entry, Suspects, rests_on_suspect

__all__ = ["Finding", "find", "find_unread", "pick_flagged", "tabulate_findings", "write_findings"]


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


def tabulate_findings(findings: Iterable[Finding]) -> Any:
    """A pyarrow.RecordBatch of the findings."""
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([finding.model_dump() for finding in findings],
                                      schema=arrow_schema(Finding))


def write_findings(path: Path, tables: Sequence[Any], entries: Iterable[Entry], suspects: Suspects) -> None:
    """All findings as one Parquet file, those marked that rest on a suspect reference."""
    import pyarrow as pa
    import pyarrow.compute as pc

    resting = [(entry.source_row, verifier) for entry in entries for verifier, _, reason in entry.outcomes
               if rests_on_suspect(entry, verifier, reason, suspects)]
    rows = {name: pa.array([row for row, verifier in resting if verifier == name], pa.int64())
            for name in {verifier for _, verifier in resting}}
    schema = arrow_schema(Finding)
    position = schema.get_field_index("suspect_reference")
    with open_table(path, schema) as write:
        for table in tables:
            marks = pa.array([False] * table.num_rows, pa.bool_())
            for name, suspected in rows.items():
                one = pc.and_(pc.is_in(table["source_row"], suspected), pc.equal(table["verifier"], name))
                marks = pc.or_(marks, one)
            write(table.set_column(position, schema.field(position), marks))


def pick_flagged(folder: Path, tables: Iterable[Any], entries: Iterable[Entry], suspects: Suspects,
                 protocol: Protocol) -> tuple[list[Flagged], int]:
    """Rows for people to look at, at most flagged_rows_shown, as in the source; and how many there are.

    Flagged is what the protocol counts as an error, what broke, and what was not read. Every reason has its
    turn, so that a rare one is among those shown. What rests on a suspect reference is not flagged: the fault
    is most likely the reference's. A duplicate is shown once.
    """
    import pyarrow.compute as pc

    by_reason: dict[tuple[str, ...], list[int]] = defaultdict(list)
    unread = {row["source_row"]: row for table in tables
              for row in table.filter(pc.equal(table["verifier"], "load")).to_pylist()}
    by_reason["load",] = list(unread)
    for entry in entries:
        reasons = [reason for verifier, outcome, reason in entry.outcomes
                   if outcome == "error" or (outcome == "fail" and protocol.counts(verifier, reason)
                                             and not rests_on_suspect(entry, verifier, reason, suspects))]
        if reasons and entry.first:
            by_reason[tuple(reasons)].append(entry.source_row)
    turns = chain.from_iterable(zip_longest(*by_reason.values()))
    chosen = sorted(islice((row for row in turns if row is not None), protocol.flagged_rows_shown))
    flagged = [Flagged(row, unread[row]["file"], None, unread[row]["reason"], unread[row]["detail"])
               for row in chosen if row in unread]
    flagged += _read_samples(folder / "samples.parquet", [row for row in chosen if row not in unread])
    return sorted(flagged, key=lambda row: row.source_row), sum(map(len, by_reason.values()))


def _read_samples(path: Path, source_rows: Sequence[int]) -> Iterator[Flagged]:
    """The samples of these rows, from the table that the audit has written."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    wanted = pa.array(source_rows, pa.int64())
    with pq.ParquetFile(path) as file:
        for i in range(file.num_row_groups):
            mask = pc.is_in(file.read_row_group(i, columns=["source_row"])["source_row"], wanted)
            if not pc.any(mask).as_py():
                continue
            for row in file.read_row_group(i).filter(mask).to_pylist():
                source_row, name = row.pop("source_row"), row.pop("file")
                yield Flagged(source_row, name, Sample.model_validate(row))
