"""The types of what an effect study says: figures, comparisons, dose and response, the report.

    >>> Figure(arm="base", set="held_out", task="answer", metric="accuracy", value=None, low=None, high=None,
    ...        n_counted=0, n_total=0, n_queries=0, n_seeds=1).is_sampled
    False

Not covered: how they are computed (`measure`, `asymmetry`, `gaps`, `compare`, `dose`) and shown (`report`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftdata.effect.outcomes import Conditions, SetName, Task, TrainReport
from cftdata.sample import SCHEMA_VERSION, Count, Proportion, Record

__all__ = ["Asymmetry", "Comparison", "Dose", "DosePoint", "EffectReport", "Estimate", "Figure", "Gaps"]


class Estimate(Record):
    """A figure with its interval over queries and seeds."""

    value: float | None
    """The figure; None where nothing was counted."""
    low: float | None
    """Lower end of the interval; None where there is none."""
    high: float | None
    """Upper end of the interval; None where there is none."""


class Figure(Estimate):
    """One measure of one arm on one set of items."""

    arm: str
    """The arm."""
    set: SetName
    """The items."""
    task: Task
    """What was asked."""
    is_sampled: bool = False
    """Whether the texts were sampled; False: they are greedy."""
    metric: str
    """Name of the measure, as in `measure.METRICS`."""
    judged: str | None = None
    """Kind of the responses that were judged, where the figure is of a part; None for all."""
    n_counted: Count
    """Outcomes that it rests on: the denominator."""
    n_total: Count
    """Outcomes there were; the others could not be counted."""
    n_queries: Count
    """Queries among those counted."""
    n_seeds: Count
    """Seeds; with 1 the interval is over queries alone."""


class Comparison(Record):
    """Two arms on the same queries, by one measure."""

    arm: str
    """The one arm."""
    other: str
    """The arm it is held against."""
    set: SetName
    """The items."""
    task: Task
    """What was asked."""
    is_sampled: bool = False
    """Whether the texts were sampled."""
    metric: str
    """Name of the measure."""
    family: Literal["primary", "secondary"]
    """`primary`: greedy accuracy on held-out queries, the question of the study; all else is `secondary`."""
    value: float
    """Of the one arm, over the seeds that both have."""
    other_value: float
    """Of the other."""
    difference: float
    """value - other_value."""
    low: float | None
    """Lower end of its interval over queries and seeds; None with fewer than two queries."""
    high: float | None
    """Upper end."""
    p_value: Proportion | None
    """Of no difference, were queries and seeds drawn again (t with Satterthwaite's degrees of freedom)."""
    p_holm: Proportion | None
    """The same, corrected by Holm's procedure over the comparisons of its family."""
    p_queries: Proportion | None
    """Of no difference between these very models, were only the queries drawn again: McNemar's exact test, or
    sign flips by query. It says nothing of other training seeds."""
    n_queries: Count
    """Queries that the two are compared on."""
    n_seeds: Count
    """Seeds that both have; with 1 the interval is over queries alone."""
    sentence: str
    """What these numbers allow to say."""


class Asymmetry(Record):
    """Judging others against judging itself, at equal difficulty and equal base rate of right responses."""

    arm: str
    """The arm."""
    set: SetName
    """The items."""
    others: Estimate
    """Accuracy of its verdicts on others' responses, half of them right, difficulties weighted as below."""
    itself: Estimate
    """The same on its own responses, with the same weights."""
    difference: Estimate
    """others - itself: above 0, it judges others better."""
    p_value: Proportion | None
    """Of the difference being 0, over queries and seeds."""
    self_trust: Estimate
    """How much more often it says `right` of its own responses than of others', at equal truth."""
    others_right_rate: Proportion | None
    """Share of right ones among others' responses as they are; None where none has a known truth."""
    itself_right_rate: Proportion | None
    """The same among its own responses."""
    others_unadjusted: Proportion | None
    """Verdict accuracy on others as they are."""
    itself_unadjusted: Proportion | None
    """Verdict accuracy on itself as it is."""
    difficulties: tuple[int | None, ...]
    """Difficulties that are compared; None stands for those whose difficulty is not known."""
    n_others: Count
    """Verdicts on others that are compared."""
    n_itself: Count
    """Verdicts on itself that are compared."""
    n_left_out: Count
    """Verdicts with a known truth that are not, since their difficulty lacks right or wrong responses."""
    n_seeds: Count
    """Seeds."""


class Gaps(Record):
    """Generator, discriminator and critique, after Saunders et al. 2022 (see `gaps` for what is taken)."""

    arm: str
    """The arm."""
    set: SetName
    """The items."""
    generated: Estimate
    """G: share of right ones among its own answers that it judged."""
    selected: Estimate
    """D: the same when of the answers to a query those are taken that it judges right; all where none is."""
    best: Estimate
    """Share of queries with a right one among them: what D could reach."""
    discriminator_gap: Estimate
    """D - G; above 0, it knows more than it answers."""
    detected: Estimate
    """Share of others' wrong responses that it calls wrong, where the first wrong step is known."""
    located: Estimate
    """Share of these that it calls wrong and whose first wrong step it names."""
    critique_gap: Estimate
    """detected - located: errors that it notices and does not explain."""
    n_draws: float | None
    """Answers judged a query and seed, on average; None where fewer than two were judged of each."""
    n_seeds: Count
    """Seeds."""


class DosePoint(Estimate):
    """One dose."""

    arm: str
    """The arm."""
    dose: Proportion
    """Share of critiques made wrong."""


class Dose(Record):
    """A measure against the planted share of wrong critiques."""

    set: SetName
    """The items."""
    task: Task
    """What was asked."""
    is_sampled: bool = False
    """Whether the texts were sampled."""
    metric: str
    """Name of the measure."""
    points: tuple[DosePoint, ...]
    """The doses, smallest first."""
    slope: Estimate
    """Change of the measure for one more wrong critique in one: -0.2 means that a percentage point of wrong
    critiques costs 0.2 percentage points."""
    p_value: Proportion | None
    """Of the slope being 0, over queries and seeds."""
    p_bend: Proportion | None
    """Of the points lying on a straight line but for a bend; None with fewer than three doses."""
    n_queries: Count
    """Queries."""
    n_seeds: Count
    """Seeds that every dose has."""
    is_told: bool
    """Whether the study tells what wrong critiques cost: the interval of the slope excludes 0."""
    sentence: str
    """What these numbers allow to say."""


class EffectReport(Record):
    """What an effect study found."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    """Version of this schema."""
    conditions: Conditions
    """What was trained on, which model, with what hardware."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Confidence level of the intervals."""
    method: str
    """How intervals and tests were made."""
    trained: tuple[TrainReport, ...]
    """How each adapter was trained."""
    figures: tuple[Figure, ...]
    """Every measure of every arm."""
    comparisons: tuple[Comparison, ...]
    """Arms against arms."""
    asymmetries: tuple[Asymmetry, ...]
    """Judging others against judging itself."""
    gaps: tuple[Gaps, ...]
    """Generator, discriminator and critique."""
    doses: tuple[Dose, ...]
    """What wrong critiques cost; empty where no dose was trained."""
    n_outcomes: Count
    """Texts that were generated and read."""
    n_generated: Count
    """Tokens that were generated."""
    sentences: tuple[str, ...]
    """What the numbers allow to say, most important first."""
    warnings: tuple[str, ...]
    """What a reader must know before quoting a figure."""
