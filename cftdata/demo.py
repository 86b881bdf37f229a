"""The demo's checks: the figures of an audit against what is true by construction.

Of the bundled set every figure is known (`compare_with_truth`); of what the recipe `demo` builds, the share
of the symbolic critic's critiques in which a fault was planted (`compare_with_planted`).

    >>> compare_with_truth(audit(demo_path()), truth_summary())        # doctest: +SKIP
    []

Not covered: sets whose truth is not known by construction.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cftdata.figures import AuditReport
from cftdata.sample import Rate
from cftdata.words import interval, percent

if TYPE_CHECKING:
    from cftdata.builds import BuildReport
    from cftdata.recipe import Recipe

__all__ = ["compare_with_planted", "compare_with_truth", "demo_recipe"]

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


def demo_recipe(*, has_local: bool = True) -> tuple[Recipe, str | None]:
    """The recipe that the demo builds, and why the local critic is left out of it; None when it is not."""
    from cftdata.local import local_missing
    from cftdata.recipe import load_recipe

    recipe, missing = load_recipe("demo"), local_missing() if has_local else "as asked for"
    if missing is None:
        return recipe, None
    free = tuple(critic for critic in recipe.critics if critic.model != "local")
    return recipe.model_copy(update={"critics": free}), f"without the local critic: {missing}"


def compare_with_planted(built: BuildReport, report: AuditReport) -> Iterator[tuple[str, bool]]:
    """For wrong verdicts and for faults of any kind that were planted in the symbolic critic's critiques: a
    sentence with both shares, and whether the audit's interval holds the planted one."""
    [group] = [group for group in report.groups if group.by == {"critic": "symbolic"}]
    n = built.samples_by_critic["symbolic"]
    for words, rate, n_planted in (
            ("a wrong verdict", group.rates["verdict_error"], built.planted_faults.get("wrong_verdict", 0)),
            ("a fault of any kind", group.rates["any_error"], sum(built.planted_faults.values()))):
        is_held = rate.low is not None and rate.high is not None and rate.low <= n_planted / n <= rate.high
        found = "nothing" if rate.rate is None else f"{percent(rate.rate)} ({interval(rate)})"
        yield (f"planted in the symbolic critic's critiques: {words} in {percent(n_planted / n)} "
               f"({n_planted} of {n}); the audit finds {found}", is_held)
