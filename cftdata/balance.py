"""Balance of responses judged right and wrong.

The fewest rows are dropped, drawn by seed and content id, so that the same set gives the same rows.

Source: the original set has 56% right responses (arXiv 2501.17703).

    >>> rows = [(number, str(number), "right" if number else "wrong") for number in range(4)]
    >>> len(choose_drops(rows, Balance(right_rate=0.5)))
    2

Not covered: balance within a domain or a difficulty.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Iterable
from typing import TypeVar

from cftdata.sample import Proportion, Record, Verdict

K = TypeVar("K", bound=Hashable)


class Balance(Record):
    """How many critiques shall judge `right`."""

    right_rate: Proportion = 0.56
    """Share of the rows with a verdict whose verdict is right; 0.56 in the original set."""
    tolerance: Proportion = 0.02
    """How far from it the share may be before rows are dropped, and after."""
    seed: int = 0


def choose_drops(rows: Iterable[tuple[K, str, Verdict | None]], settings: Balance) -> set[K]:
    """Keys of the fewest rows without which the share is as wanted; drawn by seed and content id.

    rows: (key, content id, verdict of the critique) of the rows that are otherwise kept, in any order; one
    without a verdict is never dropped and does not count. Nothing is dropped within the tolerance; beyond it
    the share is brought to the tolerance's near end.
    """
    by_verdict: dict[str, list[tuple[bytes, int, K]]] = {"right": [], "wrong": []}
    for place, (key, sample_id, verdict) in enumerate(rows):
        if verdict is not None:
            luck = hashlib.sha256(f"{settings.seed}:{sample_id}".encode()).digest()
            by_verdict[verdict].append((luck, place, key))
    n_right, n_wrong = len(by_verdict["right"]), len(by_verdict["wrong"])
    low, high = settings.right_rate - settings.tolerance, settings.right_rate + settings.tolerance
    rate = n_right / (n_right + n_wrong) if n_right + n_wrong else settings.right_rate
    if low <= rate <= high:
        return set()
    # of those there are too many of, as many stay as the others allow
    many, n_few, share = ("right", n_wrong, high) if rate > high else ("wrong", n_right, 1 - low)
    n_kept = math.floor(n_few * share / (1 - share) + 1e-9) if share < 1 else len(by_verdict[many])
    return {key for *_, key in sorted(by_verdict[many], key=lambda one: one[:2])[n_kept:]}
