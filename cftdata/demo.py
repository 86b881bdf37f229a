"""The demo's check: the figures of an audit against what is true of the bundled set by construction.

    >>> compare_with_truth(audit(demo_path()), truth_summary())        # doctest: +SKIP
    []

Not covered: sets whose truth is not known by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cftdata.figures import AuditReport
from cftdata.sample import Rate

__all__ = ["compare_with_truth"]

COUNTS = ("n_rows", "n_unread", "n_samples", "n_duplicates", "n_queries")
RATES = ("verdict_error", "false_right", "false_wrong", "verdict_error_unrounded",
         "verdict_error_suspects_included")


def compare_with_truth(report: AuditReport, truth: Mapping[str, Any]) -> list[str]:
    """A sentence for every figure that differs from the truth; none when all are equal.

    `truth` is `bundled.truth_summary()`. A figure that either side lacks differs.
    """
    return [f"{name} is {ours}, the truth is {theirs}" for name, ours, theirs in _pairs(report, truth)
            if ours != theirs]


def _pairs(report: AuditReport, truth: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    """Name, the report's figure, the true one."""
    for name in COUNTS:
        yield name, getattr(report, name), truth.get(name)
    for name in RATES:
        yield name, _counts(report.rates.get(name)), truth.get(name)
    for column, groups in truth["verdict_error_by"].items():
        ours = {group.by[column]: _counts(group.rates["verdict_error"]) for group in report.groups
                if set(group.by) == {column}}
        for value in sorted({*ours, *groups}, key=str):
            yield f"verdict_error of {column} {value}", ours.get(value), groups.get(value)
    yield ("suspect references", sorted((one.query, one.reference_answer, one.n_samples)
                                        for one in report.suspect_references),
           sorted((one["query"], one["reference_answer"], one["n_samples"])
                  for one in truth["suspect_references"]))


def _counts(rate: Rate | None) -> dict[str, int] | None:
    return {"n_hits": rate.n_hits, "n_decided": rate.n_decided} if rate else None
