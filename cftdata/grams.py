"""Words of a sample's texts with their places, and runs of n of them as numbers that any process makes alike.

    >>> [word.text for word in read_words("Janet’s ducks lay 1,600 eggs!")]
    ['janets', 'ducks', 'lay', '1600', 'eggs']
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cftdata.sample import Sample

__all__ = ["PARTS", "Part", "Word", "read_words", "texts_of"]

Part = Literal["query", "response", "critique"]
PARTS: tuple[Part, ...] = ("query", "response", "critique")
Texts = tuple[str | None, ...]
"""Texts of the parts that are looked at, in their order; None where the sample has no such part."""


class Word(NamedTuple):
    """A word as it is compared, and where it stands."""

    text: str
    start: int
    end: int


def texts_of(sample: Sample, parts: tuple[Part, ...] = PARTS) -> Texts:
    """The texts of these parts."""
    found = (getattr(sample, part) for part in parts)
    return tuple(None if part is None else part.text for part in found)


def read_words(text: str) -> list[Word]:
    """The words in order."""
    raise NotImplementedError
