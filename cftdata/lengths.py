"""Length limits in tokens (signatures; being filled)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from cftdata.sample import Count, Record, Sample


class Limits(Record):
    """Fewest and most tokens; None is no limit."""

    min_tokens: Count | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None


class Lengths(Limits):
    """How long a row may be; `min_tokens` and `max_tokens` are of query, response and critique together."""

    query: Limits = Limits()
    response: Limits = Limits()
    critique: Limits = Limits()
    tokenizer: str | None = None
    """A `tokenizer.json`, or a folder that holds one; None: estimated (see `estimate_tokens`)."""


class Counts(NamedTuple):
    """Tokens of a row by part; 0 for a part that is not there. Without special tokens and chat template."""

    query: int
    response: int
    critique: int


class TooLong(NamedTuple):
    """Which limit a row breaks."""

    reason: Literal["too_long", "too_short"]
    detail: str


CountTokens = Callable[[str], int]


def make_counter(tokenizer: str | None) -> CountTokens:
    """Text to its number of tokens. Raises ConfigError (no such tokenizer), ExtraMissing."""
    raise NotImplementedError


def count(sample: Sample, count_tokens: CountTokens) -> Counts:
    raise NotImplementedError


def check(counts: Counts, settings: Lengths) -> TooLong | None:
    """The first limit that a row breaks, with the evidence in a sentence; None: it breaks none."""
    raise NotImplementedError
