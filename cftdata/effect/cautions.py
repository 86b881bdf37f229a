"""Cautions: what a reader of a study must know before quoting a figure.

    >>> list(_of_training([]))
    []

Not covered: what is in the dataset (the audit says that).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cftdata.effect.figures import Figure
from cftdata.effect.names import BASE, read_dose
from cftdata.effect.outcomes import Conditions, TrainReport
from cftdata.effect.sentences import say_what
from cftdata.words import percent

__all__ = ["warn"]


def warn(conditions: Conditions, trained: Sequence[TrainReport], figures: Sequence[Figure]) -> list[str]:
    """What a reader must know before quoting a figure."""
    return [*_of_the_study(conditions, trained), *_of_training(trained), *_of_budget(trained),
            *_of_answers(figures), *_of_verdicts(figures)]


def _of_the_study(conditions: Conditions, trained: Sequence[TrainReport]) -> Iterable[str]:
    n_seeds = len({each.seed for each in trained})
    if not conditions.is_complete:
        yield "The study is not complete: arms or seeds that were asked for are missing."
    if trained and n_seeds == 1:
        yield "There is 1 seed: intervals and tests are over queries alone, and another seed may turn them."
    if n_seeds == 2:
        yield "There are 2 seeds: in simulations the 95% intervals of 2 seeds held 88% to 99% of the time."


def _of_training(trained: Sequence[TrainReport]) -> Iterable[str]:
    for each in trained:
        run = f"{each.arm}, seed {each.seed}"
        if each.last_loss >= each.first_loss:
            yield f"{run}: the loss did not fall ({each.first_loss:.3g} to {each.last_loss:.3g})."
        if each.n_cut:
            yield f"{run}: {each.n_cut:,} of {each.n_rows:,} rows were cut by the length limit."


def _of_budget(trained: Sequence[TrainReport]) -> Iterable[str]:
    for name, words in (("n_tokens", "tokens"), ("n_rows", "distinct rows")):
        by_arm: dict[str, list[int]] = {}
        for each in trained:
            by_arm.setdefault(each.arm, []).append(getattr(each, name))
        means = {arm: sum(ns) / len(ns) for arm, ns in by_arm.items()}
        if means and max(means.values()) > 1.05 * min(means.values()):
            said = ", ".join(f"{arm} {mean:,.0f}" for arm, mean in means.items())
            yield f"The arms were not trained on equally many {words}: {said}."


def _of_answers(figures: Sequence[Figure]) -> Iterable[str]:
    for each in figures:
        if each.task != "answer" or each.is_sampled or each.value is None:
            continue
        where = f"{each.arm}, {say_what(each).split(',')[0]}"
        if each.arm == BASE and each.metric == "right_of_all" and not 0.1 <= each.value <= 0.6:
            yield (f"{where}: it gets {percent(each.value)} right; effects are seen best where the model as "
                   "it is gets 10% to 60% right.")
        if each.metric == "unreadable_rate" and each.value > 0.1:
            yield f"{where}: {percent(each.value)} give no readable answer; its accuracy is of the others."


def _of_verdicts(figures: Sequence[Figure]) -> Iterable[str]:
    for each in figures:
        if each.task == "answer" or each.value is None or each.judged or _is_higher_dose(each.arm):
            continue
        where = f"{each.arm}, {say_what(each).split(',')[0]}"
        if each.metric == "no_verdict_rate" and each.value > 0.1:
            yield f"{where}: {percent(each.value)} give no readable verdict; its accuracy is of the others."
        if each.metric == "says_right_rate" and not 0.05 <= each.value <= 0.95:
            word = "right" if each.value > 0.5 else "wrong"
            yield f"{where}: it says `{word}` of nearly everything, which is no judging."


def _is_higher_dose(arm: str) -> bool:
    return bool(read_dose(arm))
