"""Dose: what one percentage point of wrong critiques costs.

Arms that differ in nothing but the share of their critiques that was made wrong on purpose give points; a
straight line through them (least squares over the doses, each dose weighing the same) gives the slope. It is
a weighted sum of the arms' figures, so its interval is over queries and seeds as theirs is (`crossed`): the
same queries stand in every dose, and the chance of each training run is in the spread between seeds.

    >>> from cftdata.effect.cells import read_table
    >>> find_doses(read_table([]), {"cft@0": 0.0, "cft@20": 0.2})
    []

Not covered: a threshold beyond which errors begin to cost (`p_bend` says whether a line does not fit), and
doses of other errors than those that were planted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np

from cftdata.effect.cells import Floats, Key, Table
from cftdata.effect.crossed import Linear, combine, p_over_both
from cftdata.effect.figures import Dose, DosePoint
from cftdata.effect.measure import METRICS, estimate
from cftdata.effect.outcomes import SetName, Task
from cftdata.effect.sentences import say_dose

__all__ = ["find_doses"]

DOSED: tuple[tuple[Task, bool, str], ...] = (
    ("answer", False, "accuracy"), ("answer", True, "accuracy"), ("judge_others", False, "balanced_accuracy"))


def find_doses(table: Table, doses: Mapping[str, float], level: float = 0.95) -> list[Dose]:
    """The dose response of every set and measure that has two doses or more. doses: arm to its dose."""
    found = []
    for name in get_args(SetName):
        for task, is_sampled, metric in DOSED:
            keys = [Key(arm, name, task, is_sampled) for arm in sorted(doses, key=doses.__getitem__)]
            keys = [key for key in keys if key in table.blocks]
            if dose := _find_dose(table, keys, doses, metric, level):
                found.append(dose)
    return found


def _find_dose(table: Table, keys: list[Key], doses: Mapping[str, float], metric: str,
               level: float) -> Dose | None:
    """The line through the doses; None with fewer than two that have a figure."""
    seeds = table.seeds(*keys) if keys else set()
    figures = {key.arm: figure for key in keys
               if (figure := METRICS[metric].compute(table.blocks[key].of_seeds(seeds)))} if seeds else {}
    x = np.array([doses[arm] for arm in figures])
    if len(set(x)) < 2:
        return None
    slope, bend = fit_line(x), bend_of(x)
    line = _weigh(slope, figures)
    estimated = estimate(line, level, "free")
    dose = Dose(
        set=keys[0].set, task=keys[0].task, is_sampled=keys[0].is_sampled, metric=metric, slope=estimated,
        points=tuple(DosePoint(**estimate(figure, level).model_dump(), arm=arm, dose=doses[arm])
                     for arm, figure in figures.items()),
        p_value=p_over_both(line), p_bend=None if bend is None else p_over_both(_weigh(bend, figures)),
        n_queries=int(line.is_active.sum()), n_seeds=len(seeds), sentence="",
        is_told=estimated.low is not None and estimated.high is not None
        and not estimated.low <= 0 <= estimated.high)
    return dose.model_copy(update={"sentence": say_dose(dose, level)})


def _weigh(weights: Floats, figures: Mapping[str, Linear]) -> Linear:
    return combine(*zip(weights.tolist(), figures.values(), strict=True))


def fit_line(x: Floats) -> Floats:
    """Weights of the points in the slope of the least-squares line through them."""
    centred = x - x.mean()
    return np.asarray(centred / (centred @ centred))


def bend_of(x: Floats) -> Floats | None:
    """Weights of the points in their bend: 0 for points on a line; None with fewer than three doses."""
    if len(set(x)) < 3:
        return None
    line = np.stack([np.ones(len(x)), x], axis=1)
    return np.asarray(x**2 - line @ np.linalg.lstsq(line, x**2, rcond=None)[0])
