"""Words of a sample's texts with their places, and runs of n of them as numbers that any process makes alike.

    >>> [word.text for word in read_words("Janet’s ducks lay 1,600 eggs!")]
    ['janets', 'ducks', 'lay', '1600', 'eggs']

Source: words in lower case without punctuation, as in the 13-gram check of GPT-3 (arXiv 2005.14165, C).
Not covered: stems, and words of scripts without spaces but Chinese, Japanese and Korean ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from cftdata.sample import Sample

__all__ = ["PARTS", "Part", "Texts", "Word", "hash_runs", "read_words", "texts_of"]

CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
WORD = re.compile(rf"[{CJK}]|[^\W{CJK}]+(?:['’.,][^\W{CJK}]+)*")
INNER = re.compile(r"['’,]")

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
    """The words in order: lower case, without apostrophes and commas inside; each CJK character is one."""
    return [Word(INNER.sub("", found[0]).lower(), found.start(), found.end())
            for found in WORD.finditer(text)]


def hash_runs(words: Sequence[Word], n: int) -> Iterator[int]:
    """The run of n words that begins at each word, as 64 bits; none where there are fewer."""
    texts = [word.text for word in words]
    for start in range(len(texts) - n + 1):
        run = "\0".join(texts[start:start + n]).encode("utf-8", "surrogatepass")
        yield int.from_bytes(hashlib.blake2b(run, digest_size=8).digest())
