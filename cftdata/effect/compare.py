"""Compare: arms against arms on the same queries and seeds, each difference with its interval and tests.

The difference of two figures keeps its pairs: errors are subtracted query by query and seed by seed before
their spread is taken, so that what both arms share does not count. Two p values answer two questions:

    p_value     would other queries and other training seeds show it? t with the interval's degrees of freedom
    p_queries   are these very models different on other such queries? McNemar's exact test, or sign flips

With one seed there is only the second question, whatever is computed. Comparisons are corrected by Holm's
procedure within two families: `primary`, greedy accuracy on held-out queries, which is the question of a
study, and `secondary`, everything else together.

    >>> list_pairs(["base", "sft", "cft", "cft@0", "cft@20"])
    [('cft', 'sft'), ('cft', 'base'), ('sft', 'base'), ('cft@0', 'base')]

Not covered: comparisons thought of after seeing the figures; correct these over all that were tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from cftdata.effect.cells import Key, Table
from cftdata.effect.crossed import (
    Linear,
    Scale,
    combine,
    correct_by_holm,
    find_interval,
    p_over_both,
    p_over_queries,
)
from cftdata.effect.figures import Comparison
from cftdata.effect.measure import METRICS, list_metrics
from cftdata.effect.names import BASE, read_dose
from cftdata.effect.sentences import say_comparison

__all__ = ["PLANNED", "compare", "list_pairs"]

# The questions of the field, most asked first; every other arm is held against base.
PLANNED = (("cft", "sft"), ("cft", BASE), ("sft", BASE), ("cft-curated", "cft"), ("sft+cft", "sft"),
           ("sft+cft", "cft"), ("cft", "sft-noisy"))
COMPARED = {
    ("answer", False): ("accuracy", "right_of_all"),
    ("answer", True): ("accuracy", "distinct_answers"),
    ("judge_others", False): ("balanced_accuracy", "processbench_f1"),
    ("judge_self", False): ("balanced_accuracy",),
}


def list_pairs(arms: Sequence[str]) -> list[tuple[str, str]]:
    """Which arms are held against which. Of doses only the smallest: the others are the dose response's."""
    doses = {arm: dose for arm in arms if (dose := read_dose(arm)) is not None}
    smallest = min(doses, key=doses.__getitem__, default=None)
    kept = [arm for arm in arms if arm not in doses or arm == smallest]
    planned = [pair for pair in PLANNED if set(pair) <= set(kept)]
    return planned + [(arm, BASE) for arm in kept
                      if BASE in kept and arm != BASE and (arm, BASE) not in planned]


def compare(table: Table, arms: Sequence[str], level: float = 0.95) -> list[Comparison]:
    """Every planned comparison of which both arms have figures; the primary ones first."""
    found = [made for pair in list_pairs(arms) for key, metric in _questions(table, *pair)
             if (made := _compare(table, pair, key, metric, level))]
    families = ["primary", "secondary"]
    found.sort(key=lambda comparison: families.index(comparison.family))
    return [corrected for family in families
            for corrected in _correct([each for each in found if each.family == family], level)]


def _questions(table: Table, arm: str, other: str) -> Iterator[tuple[Key, str]]:
    """The keys of the one arm that the other has too, with the measures to compare."""
    for key, block in table.blocks.items():
        against = table.blocks.get(key._replace(arm=other))
        if key.arm != arm or against is None:
            continue
        yield from ((key, metric) for metric in COMPARED.get((key.task, key.is_sampled), ()))
        if key.is_sampled and key.task == "answer":
            both = [name for name in list_metrics(key, block) if name in list_metrics(key, against)]
            yield key, both[-1]


class _Sides(NamedTuple):
    one: Linear
    other: Linear
    n_seeds: int


def _sides(table: Table, pair: tuple[str, str], key: Key, metric: str) -> _Sides | None:
    """The figures of both over the seeds that both have."""
    keys = [key._replace(arm=arm) for arm in pair]
    seeds = table.seeds(*keys)
    blocks = [table.blocks[each].of_seeds(seeds) for each in keys]
    one, other = (METRICS[metric].compute(block) if block.seeds else None for block in blocks)
    return _Sides(one, other, max(len(block.seeds) for block in blocks)) if one and other else None


def _compare(table: Table, pair: tuple[str, str], key: Key, metric: str, level: float) -> Comparison | None:
    sides = _sides(table, pair, key, metric)
    if sides is None:
        return None
    difference = combine((1, sides.one), (-1, sides.other))
    scale: Scale = "free" if METRICS[metric].scale == "free" else "difference"
    low, high = find_interval(difference, level, scale) or (None, None)
    is_primary = key[1:] == ("held_out", "answer", False) and metric == "accuracy"
    p_value = p_over_both(difference)
    return Comparison(
        arm=pair[0], other=pair[1], set=key.set, task=key.task, is_sampled=key.is_sampled, metric=metric,
        family="primary" if is_primary else "secondary", value=sides.one.value, other_value=sides.other.value,
        difference=difference.value, low=low, high=high, p_value=p_value, p_holm=None,
        p_queries=None if p_value is None else p_over_queries(difference),
        n_queries=int(difference.is_active.sum()), n_seeds=sides.n_seeds, sentence="")


def _correct(family: list[Comparison], level: float) -> list[Comparison]:
    """The same with the corrected p values, and with what may be said."""
    tested = [each for each in family if each.p_value is not None]
    corrected = correct_by_holm([each.p_value for each in tested if each.p_value is not None])
    p_holm = {id(each): p for each, p in zip(tested, corrected, strict=True)}
    full = [each.model_copy(update={"p_holm": p_holm.get(id(each))}) for each in family]
    return [each.model_copy(update={"sentence": say_comparison(each, level, len(tested))}) for each in full]
