"""Exact and near duplicates among the rows of a set (signatures; being filled)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from cftdata.grams import PARTS, Part, Texts
from cftdata.sample import Record

K = TypeVar("K", bound=Hashable)


class Duplicates(Record):
    """What counts as a duplicate."""

    exact: bool = True
    """Whether rows whose texts are equal to the last character are duplicates."""
    near_rate: Annotated[float, Field(gt=0, le=1)] | None = 0.9
    """Least share of word runs that near duplicates have in common (Jaccard), in each part; None: none are sought."""
    n_words: Annotated[int, Field(ge=1)] = 5
    """Words of a run."""
    n_permutations: Annotated[int, Field(ge=16, le=1024)] = 64
    """Permutations of MinHash; more find near duplicates more surely."""
    parts: tuple[Part, ...] = PARTS
    """Texts that are compared, each with its own kind."""


@dataclass(frozen=True, slots=True)
class Duplicate(Generic[K]):
    """Of which row a row is a duplicate."""

    of: K
    """Key of the row that is kept: the first in order."""
    similarity: float
    """Jaccard similarity of the part that is least alike, worked out exactly; 1 for equal texts."""
    is_exact: bool
    """The texts are equal to the last character."""


def find_duplicates(read: Callable[[], Iterable[tuple[K, Texts]]], settings: Duplicates) -> dict[K, Duplicate[K]]:
    """Rows that duplicate one before them, by key.

    read: gives (key, texts) of all rows in order, the same at each call; it is called twice, so that no text is
    kept. Keys are unique (a row's position, not its content id). texts: `grams.texts_of(sample, settings.parts)`.
    """
    raise NotImplementedError
