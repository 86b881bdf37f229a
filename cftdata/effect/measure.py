"""Measure: what the outcomes of one arm come to, each figure with its interval over queries and seeds.

Answering: accuracy among the answers that could be read and compared, and apart from it the share without a
readable answer; `right_of_all` asks another question (how many queries got a readable right answer) and needs
no answer to be called wrong for it. pass@k is the unbiased estimator 1 - C(n - c, k) / C(n, k) of Chen et al.
(arXiv 2107.03374). Judging: accuracy of verdicts, balanced accuracy beside the majority baseline, the share
without a verdict apart; the first wrong step; the F1 of ProcessBench (arXiv 2412.06559), the harmonic mean of
the accuracies on erroneous and on correct responses, where as in its protocol a critique that names no step
has not found it.

    >>> from cftdata.effect.outcomes import Outcome
    >>> told = [Outcome(arm="base", seed=0, task="answer", set="held_out", item_id=f"q{i}", text=text,
    ...                 answer=text or None, correct=correct, n_tokens=1)
    ...         for i, (text, correct) in enumerate([("4", True), ("5", False), ("", None)])]
    >>> {each.metric: each.value for each in measure(told) if each.metric in ("accuracy", "right_of_all")}
    {'accuracy': 0.5, 'right_of_all': 0.3333333333333333}

Not covered: comparing arms (`compare`), others against itself (`asymmetry`), and calibration.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from cftdata.effect.cells import NO_STEP, UNKNOWN, Block, Bools, Floats, Key, Table, read_table
from cftdata.effect.crossed import Linear, Scale, combine, find_interval, harmonic_mean, ratio
from cftdata.effect.figures import Estimate, Figure
from cftdata.effect.outcomes import Outcome

__all__ = ["METRICS", "Metric", "estimate", "list_metrics", "measure", "measure_table", "share"]


class Metric(NamedTuple):
    """A measure of a block."""

    compute: Callable[[Block], Linear | None]
    """The figure; None where nothing can be counted."""
    words: str
    """What it is, for people."""
    scale: Scale = "proportion"
    """What values it takes."""


def measure(outcomes: Iterable[Outcome], trained: Collection[str] = (), level: float = 0.95) -> list[Figure]:
    """Every measure of every arm, set and task. trained: names of the arms that were trained.

    Raises ValueError where an outcome is there twice.
    """
    return measure_table(read_table(outcomes, trained), level)


def measure_table(table: Table, level: float = 0.95) -> list[Figure]:
    """The same, of outcomes that are columns already."""
    figures = []
    for key, block in table.blocks.items():
        for judged, part in _parts(block, table.kinds):
            figures += [_figure(key, name, part, level, judged) for name in list_metrics(key, block)]
    return figures


def list_metrics(key: Key, block: Block) -> list[str]:
    """Names of the measures that a block of this key has."""
    if key.task != "answer":
        return list(JUDGING)
    if not key.is_sampled:
        return list(ANSWERING)
    n_draws = len(np.unique(block.draw))
    return [*ANSWERING, "distinct_answers", *(f"pass_at_{k}" for k in PASS_AT if k <= n_draws)]


def _parts(block: Block, kinds: tuple[str, ...]) -> Iterator[tuple[str | None, Block]]:
    """The whole block, and where it judges several kinds of responses each of them."""
    yield None, block
    present = [] if (block.judged == UNKNOWN).all() else np.unique(block.judged).tolist()
    if len(present) > 1:
        yield from ((kinds[kind] if kind != UNKNOWN else "other", block.where(block.judged == kind))
                    for kind in present)


def _figure(key: Key, name: str, block: Block, level: float, judged: str | None) -> Figure:
    metric = METRICS[name]
    found = metric.compute(block)
    made = estimate(found, level, metric.scale)
    return Figure(
        **made.model_dump(), arm=key.arm, set=key.set, task=key.task, is_sampled=key.is_sampled, metric=name,
        judged=judged, n_counted=found.n_counted if found else 0, n_total=len(block),
        n_queries=int(found.is_active.sum()) if found else 0, n_seeds=len(block.seeds))


def estimate(figure: Linear | None, level: float, scale: Scale = "proportion") -> Estimate:
    """The figure with its interval, as a record."""
    low, high = (find_interval(figure, level, scale) if figure else None) or (None, None)
    return Estimate(value=figure.value if figure else None, low=low, high=high)


# ---- the measures


def share(block: Block, hits: Bools, counted: Bools) -> Linear | None:
    """Share of hits among what is counted; None where nothing is."""
    return ratio(block.sum_cells(hits & counted), block.sum_cells(counted))


def _has_answer(block: Block) -> Bools:
    return np.asarray(block.answer != UNKNOWN)


def _undecided(block: Block) -> Bools:
    """It gives an answer, and whether that is right cannot be told."""
    return np.asarray(_has_answer(block) & (block.correct == UNKNOWN))


def _accuracy(block: Block) -> Linear | None:
    return share(block, block.correct == 1, block.correct != UNKNOWN)


def _right_of_all(block: Block) -> Linear | None:
    return share(block, block.correct == 1, ~_undecided(block))


def _unreadable(block: Block) -> Linear | None:
    return share(block, ~_has_answer(block), _all(block))


def _undecided_rate(block: Block) -> Linear | None:
    return share(block, _undecided(block), _all(block))


def _all(block: Block) -> Bools:
    return np.ones(len(block), dtype=bool)


def _distinct(block: Block) -> Linear | None:
    """Distinct answers a query and seed, over those with a readable answer."""
    read = block.where(_has_answer(block))
    if not len(read):
        return None
    first = np.unique(np.stack([read.query, read.seed, read.answer]), axis=1, return_index=True)[1]
    is_first = np.zeros(len(read), dtype=bool)
    is_first[first] = True
    return _mean(read.sum_cells(is_first), read.sum_cells(_all(read)) > 0)


def _mean(values: Floats, counted: Bools) -> Linear | None:
    """Mean of one value a cell over the cells that count."""
    return ratio(np.where(counted, values, 0.0), counted.astype(float))


def _pass_at(k: int) -> Callable[[Block], Linear | None]:
    """Share of queries that k answers get right at least once; a draw without a readable answer does not."""

    def compute(block: Block) -> Linear | None:
        from scipy.special import comb

        n = block.sum_cells(~_undecided(block))
        c = block.sum_cells(block.correct == 1)
        has_k = n >= k
        misses = comb(n - c, k) / np.where(has_k, comb(n, k), 1.0)
        return _mean(1 - misses, has_k)

    return compute


def _judged(block: Block) -> Bools:
    """A verdict could be read, and the truth is known."""
    return np.asarray((block.verdict != UNKNOWN) & (block.truth != UNKNOWN))


def _verdict_accuracy(block: Block) -> Linear | None:
    return share(block, block.verdict == block.truth, _judged(block))


def _accuracy_on(truth: int) -> Callable[[Block], Linear | None]:
    return lambda block: share(block, block.verdict == truth, _judged(block) & (block.truth == truth))


def _balanced(block: Block) -> Linear | None:
    parts = [_accuracy_on(truth)(block) for truth in (0, 1)]
    return None if None in parts else combine(*((0.5, part) for part in parts if part))


def _majority(block: Block) -> Linear | None:
    """Accuracy of always saying what is more often true of these very responses."""
    judged = _judged(block)
    right = share(block, block.truth == 1, judged)
    return right if right is None or right.value >= 0.5 else share(block, block.truth == 0, judged)


def _says_right(block: Block) -> Linear | None:
    return share(block, block.verdict == 1, block.verdict != UNKNOWN)


def _no_verdict(block: Block) -> Linear | None:
    return share(block, block.verdict == UNKNOWN, _all(block))


def _no_step(block: Block) -> Linear | None:
    return share(block, block.found == NO_STEP, block.verdict == 0)


def _step_accuracy(block: Block) -> Linear | None:
    return share(block, block.found == block.true, (block.true >= 0) & (block.found != NO_STEP))


def _processbench(block: Block) -> Linear | None:
    """Harmonic mean of two accuracies; a critique that names no step has not found it."""
    erroneous = share(block, block.found == block.true, block.true >= 0)
    correct = share(block, block.found == -1, block.true == -1)
    return harmonic_mean(erroneous, correct) if erroneous and correct else None


PASS_AT = (1, 2, 4, 8, 16, 32, 64)
ANSWERING = {
    "accuracy": Metric(_accuracy, "right, of the answers that could be read and compared"),
    "right_of_all": Metric(_right_of_all, "queries with a readable right answer"),
    "unreadable_rate": Metric(_unreadable, "no readable answer"),
    "undecided_rate": Metric(_undecided_rate, "answer could not be compared with the reference"),
}
SAMPLING = {
    "distinct_answers": Metric(_distinct, "distinct answers to a query", "free"),
    **{f"pass_at_{k}": Metric(_pass_at(k), f"right at least once in {k}") for k in PASS_AT},
}
JUDGING = {
    "verdict_accuracy": Metric(_verdict_accuracy, "right verdicts"),
    "majority_baseline": Metric(_majority, "right verdicts of always saying what is more often true"),
    "balanced_accuracy": Metric(_balanced, "right verdicts, right and wrong responses weighing the same"),
    "accuracy_on_right": Metric(_accuracy_on(1), "right responses called right"),
    "accuracy_on_wrong": Metric(_accuracy_on(0), "wrong responses called wrong"),
    "says_right_rate": Metric(_says_right, "verdicts that say right"),
    "no_verdict_rate": Metric(_no_verdict, "no readable verdict"),
    "step_accuracy": Metric(_step_accuracy, "first wrong step found, of critiques that say where"),
    "no_step_rate": Metric(_no_step, "calls it wrong and names no step"),
    "processbench_f1": Metric(_processbench, "ProcessBench F1"),
}  # fmt: skip
METRICS = ANSWERING | SAMPLING | JUDGING
"""Name to measure."""
