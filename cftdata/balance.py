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
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from cftdata.sample import Proportion, Record, Verdict

__all__ = ["Balance", "Cut", "Luck", "Near", "choose_drops", "draw", "find_near"]

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
            by_verdict[verdict].append((draw(settings.seed, sample_id), place, key))
    excess = _find_excess(len(by_verdict["right"]), len(by_verdict["wrong"]), settings)
    if excess is None:
        return set()
    many, n_kept = excess
    return {key for *_, key in sorted(by_verdict[many], key=lambda one: one[:2])[n_kept:]}


def draw(seed: int, sample_id: str) -> bytes:
    """The luck of a row: of those there are too many of, the ones with most of it go."""
    return hashlib.sha256(f"{seed}:{sample_id}".encode()).digest()


def _find_excess(n_right: int, n_wrong: int, settings: Balance) -> tuple[Verdict, int] | None:
    """The verdict of which there are too many, and how many of these stay; None where none are to go."""
    low, high = settings.right_rate - settings.tolerance, settings.right_rate + settings.tolerance
    rate = n_right / (n_right + n_wrong) if n_right + n_wrong else settings.right_rate
    if low <= rate <= high:
        return None
    # of those there are too many of, as many stay as the others allow
    if rate > high:
        return "right", _count_allowed(n_wrong, high, n_right)
    return "wrong", _count_allowed(n_right, 1 - low, n_wrong)


def _count_allowed(n_few: int, share: float, n_many: int) -> int:
    return math.floor(n_few * share / (1 - share) + 1e-9) if share < 1 else n_many


# --- Of rows that lie in many parts


@dataclass
class Luck:
    """How many rows of each verdict have a luck that begins with two such bytes. Those of parts merge."""

    right: list[int] = field(default_factory=lambda: [0] * (1 << 16))
    wrong: list[int] = field(default_factory=lambda: [0] * (1 << 16))

    def add(self, luck: bytes, verdict: Verdict) -> None:
        """Counts a row."""
        (self.right if verdict == "right" else self.wrong)[_begin(luck)] += 1

    def merge(self, other: Luck) -> None:
        """Adds what is counted of other rows."""
        self.right = [ours + theirs for ours, theirs in zip(self.right, other.right, strict=True)]
        self.wrong = [ours + theirs for ours, theirs in zip(self.wrong, other.wrong, strict=True)]


class Near(NamedTuple):
    """Where it is decided which rows go: among those of a verdict whose luck begins so."""

    seed: int
    verdict: Verdict
    begin: int
    n_kept: int
    """How many of these stay."""

    def find(self, rows: Iterable[tuple[int, str, Verdict | None]]) -> list[tuple[bytes, int]]:
        """Luck and place of these rows, out of any part."""
        drawn = ((draw(self.seed, sample_id), place) for place, sample_id, verdict in rows
                 if verdict == self.verdict)
        return [one for one in drawn if _begin(one[0]) == self.begin]

    def choose(self, found: Iterable[tuple[bytes, int]]) -> Cut:
        """What goes, from what was found in all parts."""
        return Cut(self.seed, self.verdict, *sorted(found)[self.n_kept])


class Cut(NamedTuple):
    """Which rows go: those of a verdict from this luck and place on."""

    seed: int
    verdict: Verdict
    luck: bytes
    place: int

    def takes(self, place: int, sample_id: str, verdict: Verdict | None) -> bool:
        """Whether a row goes."""
        return verdict == self.verdict and (draw(self.seed, sample_id), place) >= (self.luck, self.place)


def find_near(luck: Luck, settings: Balance) -> Near | None:
    """Where to look for the first row that goes; None where none are to go. The rows are those of
    `choose_drops`, and nothing that is kept of them grows with how many there are."""
    excess = _find_excess(sum(luck.right), sum(luck.wrong), settings)
    if excess is None:
        return None
    verdict, n_kept = excess
    for begin, n in enumerate(luck.right if verdict == "right" else luck.wrong):
        if n_kept < n:
            return Near(settings.seed, verdict, begin, n_kept)
        n_kept -= n
    return None


def _begin(luck: bytes) -> int:
    return int.from_bytes(luck[:2])
