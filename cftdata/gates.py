"""Gates: what must hold of a curated set before it is released, with by how much it fails and which rows.

A gate whose figure is not known fails: nothing decided, or no evaluation set to check against, is no pass.

    >>> Gates(n_samples=10).n_samples
    10

Not covered: gates on what a set teaches (see `effect`), and on figures that no audit or curation has.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from cftdata.config import Protocol
from cftdata.figures import AuditReport
from cftdata.sample import Count, Proportion, Rate, Record
from cftdata.stored import list_parts

__all__ = ["GateResult", "Gates", "Subject", "check_gates", "read_report"]

N_ROWS_TOLD = 20


class Gates(Record):
    """What must hold; None, or an empty mapping, leaves a gate out."""

    error_high: dict[str, Proportion] = Field(default_factory=lambda: {"any_error": 0.05})
    """Rate to the most that the upper end of its interval may be, after curating."""
    undecided_rate: dict[str, Proportion] = Field(default_factory=lambda: {"any_error": 0.10})
    """Rate to the largest share of rows of which it could not be decided."""
    n_suspect_references: Count | None = 0
    """Most suspect references that nobody has reviewed."""
    reviewed: tuple[str, ...] = ()
    """Ids of queries (as the report gives them) whose suspect reference someone has looked at."""
    n_contaminated: Count | None = None
    """Most kept rows that hold a passage of an evaluation set; it takes sets to check against."""
    n_samples: Count | None = None
    """Fewest rows that must be left."""
    dropped_rate: Proportion | None = None
    """Largest share of the rows that curating may drop."""


class GateResult(Record):
    """What came of one gate."""

    gate: str
    """Its name: `error_high.any_error`."""
    is_passed: bool
    """Whether it holds."""
    value: float | None
    """What was measured; None when it is not known, which is no pass."""
    limit: float
    """What it is held against."""
    sentence: str
    """The same for people, with by how much it fails."""
    n_rows: Count = 0
    """Rows, or references, that it fails for."""
    rows: tuple[str, ...] = ()
    """The first ids of these."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the gates look at: a curated folder's figures."""

    folder: Path
    report: AuditReport
    """The audit after curating; its tables lie in the folder's `after`."""
    protocol: Protocol
    """What that audit counts."""
    n_kept: int
    n_dropped: int
    n_contaminated: int | None
    """Kept rows with a passage of an evaluation set; None when none was checked against."""


def check_gates(gates: Gates, subject: Subject) -> tuple[GateResult, ...]:
    """Every gate's result, in the order of the fields of `Gates`."""
    return tuple(_check(gates, subject))


def _check(gates: Gates, subject: Subject) -> Iterator[GateResult]:
    report = subject.report
    for name, limit in gates.error_high.items():
        yield _check_high(name, limit, subject)
    for name, limit in gates.undecided_rate.items():
        yield _check_undecided(name, limit, subject)
    if gates.n_suspect_references is not None:
        suspects = tuple(one.query_id for one in report.suspect_references
                         if one.query_id not in gates.reviewed)
        yield _at_most("n_suspect_references", len(suspects), gates.n_suspect_references,
                       "suspect references nobody has reviewed", suspects)
    if gates.n_contaminated is not None:
        yield _at_most("n_contaminated", subject.n_contaminated, gates.n_contaminated,
                       "kept rows that hold a passage of an evaluation set")
    if gates.n_samples is not None:
        yield GateResult(
            gate="n_samples", is_passed=subject.n_kept >= gates.n_samples, value=subject.n_kept,
            limit=gates.n_samples, sentence=f"{subject.n_kept:,} rows are kept; at least "
                                            f"{gates.n_samples:,} must be")
    if gates.dropped_rate is not None:
        n = subject.n_kept + subject.n_dropped
        yield _at_most("dropped_rate", subject.n_dropped / n if n else None, gates.dropped_rate,
                       "of the rows were dropped")


def _check_high(name: str, limit: float, subject: Subject) -> GateResult:
    """The upper end of the wider of the two intervals: rows of one query tell less than they seem to."""
    rates = [rate for rate in (subject.report.rates.get(name), subject.report.clustered_rates.get(name))
             if rate is not None and rate.high is not None]
    high = max((rate.high or 0.0 for rate in rates), default=None)
    found = _find_failing(subject, name) if high is not None and high > limit else ()
    what = f"{name}: upper end of the interval"
    return _at_most(f"error_high.{name}", high, limit, what, found)


def _check_undecided(name: str, limit: float, subject: Subject) -> GateResult:
    rate: Rate | None = subject.report.rates.get(name)
    share = (rate.n_total - rate.n_decided) / rate.n_total if rate and rate.n_total else None
    found = _find_undecided(subject, name) if share is not None and share > limit else ()
    return _at_most(f"undecided_rate.{name}", share, limit, f"{name}: rows not decided", found)


def _at_most(gate: str, value: float | None, limit: float, what: str,
             rows: tuple[str, ...] = ()) -> GateResult:
    """A gate that holds where the value is known and at most the limit."""
    shown = _number(value, limit)
    if value is None:
        said = f"{what}: not known, which is no pass; at most {_number(limit, limit)} is asked"
    elif value > limit:
        said = f"{what}: {shown}, {_number(value - limit, limit)} over the limit of {_number(limit, limit)}"
    else:
        said = f"{what}: {shown}, at most {_number(limit, limit)}"
    return GateResult(gate=gate, is_passed=value is not None and value <= limit, value=value, limit=limit,
                      sentence=said, n_rows=len(rows), rows=rows[:N_ROWS_TOLD])


def _number(value: float | None, limit: float) -> str:
    """A count as it is, a share in per cent."""
    if value is None:
        return "unknown"
    is_count = isinstance(limit, int) and not isinstance(limit, bool)
    return f"{value:,}" if is_count else f"{value:.1%}"


def _find_failing(subject: Subject, name: str) -> tuple[str, ...]:
    """Ids of the samples with a finding that the rate counts."""
    import pyarrow.parquet as pq

    judges = _verifiers_of(name, subject.protocol)
    columns = ["sample_id", "verifier", "outcome", "reason"]
    ids = [row["sample_id"] for part in list_parts(subject.folder / "after" / "findings.parquet")
           for row in pq.read_table(part, columns=columns).to_pylist()
           if row["sample_id"] and row["outcome"] == "fail" and row["verifier"] in judges
           and subject.protocol.counts(row["verifier"], row["reason"])]
    return tuple(dict.fromkeys(ids))


def _find_undecided(subject: Subject, name: str) -> tuple[str, ...]:
    """Ids of the samples of which no verifier that the rate counts decided anything."""
    import pyarrow.parquet as pq

    judges = _verifiers_of(name, subject.protocol)
    found = [row["id"] for part in list_parts(subject.folder / "after" / "samples.parquet")
             for batch in pq.ParquetFile(part).iter_batches(columns=["id", "verifications"])
             for row in batch.to_pylist()
             if not any(said["verifier"] in judges and said["outcome"] in ("pass", "fail")
                        for said in row["verifications"] or ())]
    return tuple(dict.fromkeys(found))


def _verifiers_of(rate: str, protocol: Protocol) -> frozenset[str]:
    """The verifiers that a rate rests on."""
    known = {"verdict_error": {"verdict"}, "claim_error": set(protocol.claims),
             "any_error": {"verdict", *protocol.claims}}
    one = {f"{name}_error": {name} for name in protocol.claims}
    return frozenset((one | known).get(rate, {"verdict"}))


def read_report(audit: Path) -> AuditReport:
    """The report of an audit's folder."""
    return AuditReport.model_validate(json.loads((audit / "report.json").read_text(encoding="utf-8")))
