"""Balance of responses judged right and wrong (signatures; being filled)."""

from __future__ import annotations

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
    without a verdict is never dropped and does not count.
    """
    raise NotImplementedError
