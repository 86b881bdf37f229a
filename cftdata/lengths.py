"""Length limits in tokens, by a tokenizer or by an estimate.

    >>> check(Counts(3, 10, 2000), Lengths(max_tokens=1024)).detail
    'query, response and critique have 2,013 tokens, at most 1,024 may be'

Not covered: the tokens that a chat template adds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from cftdata.errors import ConfigError, ExtraMissing
from cftdata.grams import texts_of
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
    if tokenizer is None:
        return estimate_tokens
    try:
        from tokenizers import Tokenizer
    except ImportError as fault:
        raise ExtraMissing("counting tokens", "generate") from fault
    path = Path(tokenizer)
    path = path / "tokenizer.json" if path.is_dir() else path
    try:
        read = Tokenizer.from_file(str(path))
    except Exception as fault:  # the library raises a bare Exception
        raise ConfigError(f"the tokenizer {path} cannot be read ({fault}); name a tokenizer.json, or a "
                          "folder that holds one") from fault
    return lambda text: len(read.encode(text, add_special_tokens=False).ids)


def estimate_tokens(text: str) -> int:
    """A quarter of the UTF-8 bytes, rounded up: near enough for English and code, high for other scripts."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // 4)


def count(sample: Sample, count_tokens: CountTokens) -> Counts:
    """The tokens of each part."""
    return Counts(*(count_tokens(text or "") for text in texts_of(sample)))


def check(counts: Counts, settings: Lengths) -> TooLong | None:
    """The first limit that a row breaks, with the evidence in a sentence; None: it breaks none."""
    parts: list[tuple[str, int, Limits]] = [("query, response and critique have", sum(counts), settings)]
    parts += [(f"the {name} has", n, getattr(settings, name)) for name, n in counts._asdict().items()]
    for what, n, limits in parts:
        if limits.max_tokens is not None and n > limits.max_tokens:
            return TooLong("too_long", f"{what} {n:,} tokens, at most {limits.max_tokens:,} may be")
        if limits.min_tokens is not None and n < limits.min_tokens:
            return TooLong("too_short", f"{what} {n:,} tokens, at least {limits.min_tokens:,} must be")
    return None
