"""The records of curating: what was decided of a row, and what came of all; and the summary for people.

    >>> DecisionRow(source_row=0, sample_id=None, action="unread", reason="bad_json").other is None
    True

Not covered: how it is decided (`decisions`), and done (`curate`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftdata.contamination import EvaluationSet
from cftdata.ledger import ModelTotals
from cftdata.sample import Count, Proportion, Rate, Record, Slug
from cftdata.verifiers import VERIFIERS
from cftdata.words import code, escape_markdown, interval, name_of, percent, reason_in_words, sort_rates

__all__ = ["ContaminationCheck", "CurateReport", "DecisionRow", "decision_in_words", "render_markdown"]

DECISIONS = {
    "no_finding": "nothing wrong was found",
    "undecided": "its verdict could not be checked",
    "with_consensus": "no reference, or a suspect one; the verdict is with what those judged right agree on",
    "against_consensus": "no reference, or a suspect one; the verdict is against what those judged right "
                         "agree on",
    "suspect_reference": "its reference is suspect",
    "exact_duplicate": "the same as another row",
    "near_duplicate": "nearly the same as another row",
    "contaminated": "holds a passage of an evaluation set",
    "balance": "one too many of its verdict",
    "too_long": "more tokens than may be",
    "too_short": "fewer tokens than must be",
    "relabel_not_known": "wrong, and the evidence does not put it right",
    "relabel_not_borne_out": "wrong, and the explanation does not say what the turned verdict does",
    "relabel_not_passed": "wrong, and what was put right did not pass every verifier",
    "regenerate_not_checkable": "wrong, and no reference could tell whether another verdict is right",
    "regenerate_none_passed": "wrong, and no critique that was written again passed",
    "regenerate_no_author": "wrong, and nobody knows whom to ask again",
    "regenerate_budget_spent": "wrong, and the budget did not last to ask again",
    "regenerate_interrupted": "wrong, and asking again was interrupted",
    "regenerate_set_aside": "wrong, and the critic was set aside for its failures",
    "regenerate_unavailable": "wrong, and the critic could not be reached",
}


class DecisionRow(Record):
    """One row of decisions.parquet."""

    source_row: Count
    """0-based position in the source."""
    sample_id: str | None
    """Id of the sample; None for a row that could not be read."""
    action: Literal["keep", "drop", "relabel", "regenerate", "unread"]
    """What was done."""
    reason: Slug
    """Why."""
    detail: str | None = None
    """The evidence as a sentence."""
    new_sample_id: str | None = None
    """Id of the row that stands in its place, where it was changed."""
    critique_before: str | None = None
    """The critique as it was, where it was changed."""
    other: str | None = None
    """Id of the row that it duplicates, or evaluation set:row of the item it holds."""


class ContaminationCheck(Record):
    """What was checked against evaluation sets."""

    n_words: Count
    """Words in a row that count as a passage."""
    sets: tuple[EvaluationSet, ...]
    """Sets that were checked against."""
    n_hits: Count
    """Rows that hold a passage, among those that no finding dropped; all are dropped."""


class CurateReport(Record):
    """What curating did. n_kept + n_dropped + n_unread == n_rows."""

    source: str
    """What was curated."""
    mark: str
    """Hash of all that the result depends on; the same call on a folder with the same mark is done."""
    policy: str
    """Policy as id@hash."""
    protocol: str
    """Audit protocol as id@hash."""
    cftdata_version: str
    """Version that curated it."""
    is_complete: bool
    """Whether nothing is left that the same command could still do."""
    content_hash_before: str
    """Of the source's samples, as its audit has it."""
    content_hash_after: str
    """Of the rows that are kept."""
    n_rows: Count
    """Rows of the source."""
    n_unread: Count
    """Rows that could not be read."""
    n_samples: Count
    """Rows that could be read."""
    n_kept: Count
    """Rows of samples.parquet, changed ones included."""
    n_dropped: Count
    """Rows of dropped.parquet."""
    n_undecided: Count
    """Rows that are kept though their verdict could not be checked."""
    actions: dict[str, Count]
    """Action to the number of rows."""
    reasons: dict[str, Count]
    """action:reason to the number of rows."""
    first_rows: dict[str, tuple[Count, ...]]
    """action:reason to the first rows of the source, 0-based; but of those with nothing found."""
    rates_before: dict[str, Rate]
    """Rates of the source."""
    rates_after: dict[str, Rate]
    """Rates of what is kept, by the same verifiers."""
    right_rate_before: Proportion | None
    """Share of the verdicts that are `right`; None without verdicts."""
    right_rate_after: Proportion | None
    """The same of what is kept."""
    n_suspect_references: Count
    """References of the source that those judged right agree against."""
    contamination: ContaminationCheck | None
    """What was checked; None when no evaluation set was named."""
    models: tuple[ModelTotals, ...]
    """What was asked of each model, over all runs."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Sum of the known prices; None when calls were made and none is known."""
    n_retries: Count = 0
    """How often work was begun again, because a process or a machine was lost."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time."""


def decision_in_words(reason: str) -> str:
    """The reason of a decision, for people."""
    verifier = next((name for name in VERIFIERS if reason.startswith(f"{name}_")), None)
    if reason in DECISIONS or verifier is None:
        return DECISIONS.get(reason) or reason_in_words(reason)
    return f"{verifier.replace('_', ' ')}: {reason_in_words(reason.removeprefix(f'{verifier}_'))}"


def render_markdown(report: CurateReport) -> str:
    """curation.md: what was done with how many rows, why, and the rates before and after."""
    parts = (_head(report), _tabulate_reasons(report), _tabulate_rates(report), _tell(report))
    return "\n".join(line for lines in parts for line in lines) + "\n"


def _head(report: CurateReport) -> list[str]:
    said = f"{report.n_kept:,} kept, {report.n_dropped:,} dropped, {report.n_unread:,} could not be read"
    changed = [f"{report.actions[name]:,} {word}" for name, word in (
        ("relabel", "put right"), ("regenerate", "written again")) if name in report.actions]
    among = f" Of those kept, {' and '.join(changed)}." if changed else ""
    left = ["", "**Not complete:** some rows are dropped only because their critics could not be asked; the "
                "same command goes on."] if not report.is_complete else []
    return [f"# Curation of {escape_markdown(report.source)}", "",
            f"**{report.n_rows:,} rows: {said}.**{among}", *left, ""]


def _tabulate_reasons(report: CurateReport) -> list[str]:
    lines = ["## What was done, and why", "", "| done | why | reason | rows | first rows (from 0) |",
             "|---|---|---|---|---|"]
    for key, n in report.reasons.items():
        action, _, reason = key.partition(":")
        first = ", ".join(map(str, report.first_rows.get(key, ())))
        lines.append(f"| {action} | {escape_markdown(decision_in_words(reason))} | {code(reason)} | {n:,} | "
                     f"{first} |")
    return [*lines, "", "Row by row, with the evidence: decisions.parquet.", ""]


def _tabulate_rates(report: CurateReport) -> list[str]:
    lines = ["## Rates before and after", "", "| what | before | after |", "|---|---|---|"]
    for name in sort_rates(report.rates_before):
        pair = (report.rates_before[name], report.rates_after.get(name))
        if any(rate and rate.n_decided for rate in pair):
            lines.append(f"| {escape_markdown(name_of(name))} | {' | '.join(map(_say, pair))} |")
    right = [percent(rate) if rate is not None else "—"
             for rate in (report.right_rate_before, report.right_rate_after)]
    return [*lines, f"| verdicts that say right | {' | '.join(right)} |", "",
            "After: by the same verifiers; what they cannot see is not in it.", ""]


def _say(rate: Rate | None) -> str:
    if rate is None or rate.rate is None:
        return "not decided"
    return f"{rate.n_hits:,} of {rate.n_decided:,}: {percent(rate.rate)} ({interval(rate)})"


def _tell(report: CurateReport) -> list[str]:
    checked = report.contamination
    sets = ", ".join(f"{code(one.source)} ({one.n_items:,})" for one in checked.sets) if checked else ""
    said = [f"policy {code(report.policy)}, protocol {code(report.protocol)}, "
            f"cftdata {report.cftdata_version}",
            f"verdicts kept that could not be checked: {report.n_undecided:,}",
            f"suspect references: {report.n_suspect_references:,}",
            f"contamination: {checked.n_hits:,} rows hold {checked.n_words} words in a row of {sets}"
            if checked else "contamination: not checked, no evaluation set was named"]
    if report.models:
        cost = "not known" if report.cost_usd is None else f"{report.cost_usd:.4f} USD"
        said.append(f"asked again: {sum(one.n_calls for one in report.models):,} calls of "
                    f"{', '.join(code(one.model) for one in report.models)}; cost {cost}")
    return ["## How", "", *(f"- {line}" for line in said)]
