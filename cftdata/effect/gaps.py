"""Gaps between what a model answers, what it can tell apart, and what it can say.

After Saunders et al. 2022 (arXiv 2206.05802), who ask of one model: how good are the answers it generates
(G), how good do they become when it chooses among them (D), and do its critiques say what is wrong (C)? They
have people judge with the critiques at hand; here reference answer and known first wrong step stand in:

    G      share of right ones among its own answers to a query
    D      the same among those of them that it judges right (among all of them, where it judges none right)
    D - G  the discriminator gap: it knows more than it answers. Chance gives 0, perfect judging `best` - G
    C      share of others' wrong responses that it calls wrong *and* whose first wrong step it names
    detected - C   the critique gap: errors that it notices and does not explain

A verdict that cannot be read chooses nothing. D needs two or more judged answers a query and seed.

    >>> from cftdata.effect.cells import read_table
    >>> find_gaps(read_table([]), "cft", "held_out") is None
    True

Not covered: critiques as help to people.
"""

from __future__ import annotations

from cftdata.effect.cells import UNKNOWN, Block, Key, Table
from cftdata.effect.crossed import Linear, combine, ratio
from cftdata.effect.figures import Gaps
from cftdata.effect.measure import estimate, share
from cftdata.effect.outcomes import SetName

__all__ = ["find_gaps"]


def find_gaps(table: Table, arm: str, name: SetName, level: float = 0.95) -> Gaps | None:
    """The gaps of one arm on one set; None where it judged neither itself nor others."""
    itself = table.blocks.get(Key(arm, name, "judge_self", False))
    others = table.blocks.get(Key(arm, name, "judge_others", False))
    if itself is None and others is None:
        return None
    generated, selected, best, n_draws = _choose(itself) if itself else (None, None, None, None)
    detected, located = _locate(others) if others else (None, None)
    n_seeds = max(len(block.seeds) for block in (itself, others) if block)
    return Gaps(
        arm=arm, set=name, n_draws=n_draws, n_seeds=n_seeds,
        generated=estimate(generated, level), selected=estimate(selected, level),
        best=estimate(best, level), detected=estimate(detected, level), located=estimate(located, level),
        discriminator_gap=estimate(_difference(selected, generated), level, "difference"),
        critique_gap=estimate(_difference(detected, located), level, "difference"))


def _choose(block: Block) -> tuple[Linear | None, Linear | None, Linear | None, float | None]:
    """G, D, what D could reach, and how many answers there were to choose from."""
    known = block.truth != UNKNOWN
    n, n_right = block.sum_cells(known), block.sum_cells(block.truth == 1)
    trusted = known & (block.verdict == 1)
    n_trusted, n_trusted_right = block.sum_cells(trusted), block.sum_cells(trusted & (block.truth == 1))
    counted = n >= 2
    if not counted.any():
        return None, None, None, None
    rate = n_right / n.clip(1)
    chosen = n_trusted_right / n_trusted.clip(1)
    chosen[n_trusted == 0] = rate[n_trusted == 0]
    cells = counted.astype(float)
    generated, selected, best = (ratio(values * cells, cells) for values in (rate, chosen, (n_right > 0)))
    return generated, selected, best, float(n[counted].mean())


def _locate(block: Block) -> tuple[Linear | None, Linear | None]:
    counted = (block.verdict != UNKNOWN) & (block.true >= 0)
    is_wrong = block.verdict == 0
    return share(block, is_wrong, counted), share(block, is_wrong & (block.found == block.true), counted)


def _difference(one: Linear | None, other: Linear | None) -> Linear | None:
    return combine((1, one), (-1, other)) if one and other else None
