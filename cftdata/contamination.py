"""Evaluation items that stand in a training set (signatures; being filled)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from cftdata.grams import PARTS, Part
from cftdata.sample import Count, Proportion, Record, Sample


class Contamination(Record):
    """What counts as contamination."""

    n: Annotated[int, Field(ge=1)] = 13
    """Words in a row that must be the same."""
    parts: tuple[Part, ...] = PARTS
    """Texts of a sample that are searched."""
    solutions: bool = True
    """Whether the reference solutions of the evaluation sets are searched for too, besides their queries."""


class EvaluationSet(Record):
    """An evaluation set that was checked against."""

    source: str
    n_items: Count
    """Rows whose query was read."""
    n_unread: Count
    """Rows that could not be read, so that nothing was checked against them."""
    n_whole: Count
    """Queries that are compared as a whole, for they are shorter than n words."""


class Match(Record):
    """An evaluation item found in a text of ours."""

    source: str
    """Evaluation set, as it was named."""
    file: str
    row: Count
    """0-based row in that set."""
    of: Literal["query", "solution"]
    """Which text of the item was found."""
    part: Part
    """The text of ours in which it was found."""
    text: str
    """The longest stretch of ours that stands in the item."""
    start: Count
    """0-based offset of its first character in our text."""
    end: Count
    n_words: Count
    """Words of that stretch."""
    rate: Proportion
    """Share of the item's words that stand in our text, in stretches of n words or more."""

    @property
    def place(self) -> str:
        """source:row, for `other` in decisions."""
        return f"{self.source}:{self.row}"


@dataclass(frozen=True)
class Index:
    """The evaluation sets, ready to be searched for. It can be pickled."""

    settings: Contamination
    sets: tuple[EvaluationSet, ...]

    def find(self, sample: Sample) -> list[Match]:
        """The evaluation items that stand in the sample, the one with the highest rate first. Pure."""
        raise NotImplementedError


def index_evaluation(sources: Sequence[str], settings: Contamination) -> Index:
    """Reads the evaluation sets. Raises SourceError and its kinds; ConfigError where a set has no query column."""
    raise NotImplementedError


def tell_match(match: Match) -> str:
    """The evidence in one sentence, for `detail` in decisions."""
    raise NotImplementedError
