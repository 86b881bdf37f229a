"""Asymmetry: does a model judge others better than itself, and does it trust itself more than it should?

A model's own responses differ from others' in two ways that have nothing to do with whose they are: they
are right more or less often, and they fail on other problems. So verdicts are compared within strata of
difficulty and truth. With r(source, d, t) the rate at which it says `right` of responses at difficulty d with
truth t,

    others - itself = sum_d w_d [ (r(others, d, right) - r(itself, d, right))
                                + (r(itself, d, wrong) - r(others, d, wrong)) ] / 2
    self-trust      = sum_d w_d [ (r(itself, d, right) - r(others, d, right))
                                + (r(itself, d, wrong) - r(others, d, wrong)) ] / 2

that is: half of the responses right on both sides, and the same difficulties (direct standardisation). w_d
is proportional to 1 / (1/n1 + 1/n2 + 1/n3 + 1/n4) over the four cells of a difficulty, which is best where
verdicts vary alike. A difficulty with fewer than MIN_CELL verdicts in a cell is left out, and counted.

Source of the question: models favour what they wrote themselves (Panickssery et al. 2024, arXiv 2404.13076).

    >>> from cftdata.effect.cells import read_table
    >>> compare_sources(read_table([]), "cft", "held_out") is None
    True

Not covered: differences within a difficulty (own errors may be subtler than planted ones).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from cftdata.effect.cells import UNKNOWN, Block, Key, Table
from cftdata.effect.crossed import Linear, combine, p_over_both
from cftdata.effect.figures import Asymmetry
from cftdata.effect.measure import METRICS, estimate, share
from cftdata.effect.outcomes import SetName

__all__ = ["MIN_CELL", "compare_sources"]

MIN_CELL = 5
"""Fewest verdicts of a cell (others or itself, right or wrong responses) of a difficulty that is compared."""


def compare_sources(table: Table, arm: str, name: SetName, level: float = 0.95) -> Asymmetry | None:
    """Others against itself for one arm on one set; None where it did not judge both.

    The estimates have no value where no difficulty has right and wrong responses of both.
    """
    keys = Key(arm, name, "judge_others", False), Key(arm, name, "judge_self", False)
    if any(key not in table.blocks for key in keys):
        return None
    seeds = table.seeds(*keys)
    others, itself = (table.blocks[key].of_seeds(seeds) for key in keys)
    strata = [stratum for d in np.union1d(others.difficulty, itself.difficulty).tolist()
              if (stratum := _stratum(others, itself, d))]
    return _standardise(arm, name, (others, itself), strata, level)


class _Stratum(NamedTuple):
    """One difficulty: the rates of saying `right`."""

    difficulty: int
    weight: float  # not yet summing to 1
    others: dict[int, Linear]  # by truth
    itself: dict[int, Linear]


def _stratum(others: Block, itself: Block, difficulty: int) -> _Stratum | None:
    cells = [_says_right(block, difficulty, truth) for block in (others, itself) for truth in (0, 1)]
    known = [cell for cell in cells if cell and cell.n_counted >= MIN_CELL]
    if len(known) < len(cells):
        return None
    weight = 1 / sum(1 / cell.n_counted for cell in known)
    return _Stratum(difficulty, weight, dict(enumerate(known[:2])), dict(enumerate(known[2:])))


def _says_right(block: Block, difficulty: int, truth: int) -> Linear | None:
    counted = (block.verdict != UNKNOWN) & (block.truth == truth) & (block.difficulty == difficulty)
    return share(block, block.verdict == 1, counted)


def _standardise(arm: str, name: SetName, pair: tuple[Block, Block], strata: list[_Stratum],
                 level: float) -> Asymmetry:
    others, itself = pair
    said = {who: _accuracy(strata, who) for who in ("others", "itself")}
    difference = _difference(said["others"], said["itself"])
    trust = _self_trust(strata)
    n = [sum(cell.n_counted for stratum in strata for cell in getattr(stratum, who).values())
         for who in ("others", "itself")]
    n_known = sum(int(((block.verdict != UNKNOWN) & (block.truth != UNKNOWN)).sum())
                  for block in (others, itself))
    return Asymmetry(
        arm=arm, set=name, others=estimate(said["others"], level), itself=estimate(said["itself"], level),
        difference=estimate(difference, level, "difference"), self_trust=estimate(trust, level, "difference"),
        p_value=p_over_both(difference) if difference else None,
        others_right_rate=_right_rate(others), itself_right_rate=_right_rate(itself),
        others_unadjusted=_plain_accuracy(others), itself_unadjusted=_plain_accuracy(itself),
        difficulties=tuple(None if s.difficulty == UNKNOWN else s.difficulty for s in strata),
        n_others=n[0], n_itself=n[1], n_left_out=n_known - sum(n), n_seeds=len(others.seeds))


def _accuracy(strata: list[_Stratum], who: str) -> Linear | None:
    """Accuracy with half of the responses right: (1 + says right of right - says right of wrong) / 2."""
    if not strata:
        return None
    total = sum(stratum.weight for stratum in strata)
    made = combine(*((sign * stratum.weight / total / 2, getattr(stratum, who)[truth])
                     for stratum in strata for truth, sign in ((1, 1), (0, -1))))
    return Linear(made.value + 0.5, made.errors, made.is_active, made.n_counted)


def _self_trust(strata: list[_Stratum]) -> Linear | None:
    if not strata:
        return None
    total = sum(stratum.weight for stratum in strata)
    return combine(*((sign * stratum.weight / total / 2, cells[truth]) for stratum in strata
                     for cells, sign in ((stratum.itself, 1), (stratum.others, -1)) for truth in (0, 1)))


def _difference(one: Linear | None, other: Linear | None) -> Linear | None:
    return combine((1, one), (-1, other)) if one and other else None


def _right_rate(block: Block) -> float | None:
    found = share(block, block.truth == 1, block.truth != UNKNOWN)
    return found.value if found else None


def _plain_accuracy(block: Block) -> float | None:
    found = METRICS["verdict_accuracy"].compute(block)
    return found.value if found else None
