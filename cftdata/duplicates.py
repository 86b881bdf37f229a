"""Exact and near duplicates among the rows of a set: MinHash finds candidates, their words decide.

A near duplicate shares most runs of words with a row before it, in every part: query, response and critique.
Candidates are found by MinHash and LSH (datasketch) and each is confirmed by the exact Jaccard similarity, so
that nothing is dropped on a guess. Numbers are words: problems that differ in their numbers differ in all the
runs around them. A part of fewer words than a run is compared as a whole.

Source: MinHash and LSH as in Lee et al. 2021 (arXiv 2107.06499).

    >>> rows = [("a", ("2+2?", "4")), ("b", ("3+3?", "6")), ("c", ("2+2?", "4"))]
    >>> find_duplicates(lambda: iter(rows), Duplicates()) == {"c": Duplicate("a", 1.0, True)}
    True

Not covered: paraphrases, and near duplicates that LSH does not bring together (few above the rate).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Annotated, Generic, NamedTuple, TypeVar

from pydantic import Field

from cftdata.grams import PARTS, Part, Texts, hash_runs, read_words
from cftdata.sample import Record

__all__ = ["Duplicate", "Duplicates", "Signature", "choose_originals", "find_duplicates", "gather_runs",
           "sign"]

K = TypeVar("K", bound=Hashable)


class Duplicates(Record):
    """What counts as a duplicate."""

    exact: bool = True
    """Whether rows whose texts are equal to the last character are duplicates."""
    near_rate: Annotated[float, Field(gt=0, le=1)] | None = 0.9
    """Least share of word runs that near duplicates have in common (Jaccard), in each part; None: none."""
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


class Signature(NamedTuple):
    """What is looked at of a row's texts to find others like it."""

    digest: bytes
    """16 bytes: hash of the texts as they are."""
    bands: tuple[int, ...]
    """64 bits each; rows that are alike have one in common, most surely. Empty where none are wanted."""


def find_duplicates(read: Callable[[], Iterable[tuple[K, Texts]]],
                    settings: Duplicates) -> dict[K, Duplicate[K]]:
    """Rows that duplicate one before them, by key; what is itself dropped is nobody's original.

    read: gives (key, texts) of all rows in order, the same at each call; it is called twice, so that no text
    is kept. Keys are unique (a row's position, not its content id). For sets that do not fit into memory
    see `duplicate_parts`.
    """
    keys, first = list[K](), dict[bytes, int]()
    found, bands = dict[int, Duplicate[int]](), dict[tuple[int, int], list[int]]()
    for place, (key, texts) in enumerate(read()):
        keys.append(key)
        signature = sign(texts, settings)
        if settings.exact and first.setdefault(signature.digest, place) != place:
            found[place] = Duplicate(first[signature.digest], 1.0, is_exact=True)
            continue
        for number, band in enumerate(signature.bands):
            bands.setdefault((number, band), []).append(place)
    pairs = {pair for places in bands.values() for pair in combinations(places, 2)}
    wanted = {place for pair in pairs for place in pair}
    runs = {place: gather_runs(texts, settings) for place, (_, texts) in enumerate(read())
            if place in wanted}
    found |= choose_originals(pairs, runs, settings)
    return {keys[place]: Duplicate(keys[one.of], one.similarity, one.is_exact)
            for place, one in sorted(found.items())}


def sign(texts: Texts, settings: Duplicates) -> Signature:
    """The signature of a row's texts. Pure."""
    digest = hashlib.sha256(repr(texts).encode("utf-8", "surrogatepass")).digest()[:16]
    if settings.near_rate is None:
        return Signature(digest, ())
    from datasketch import MinHash

    hashes = {(part, run) for part, text in enumerate(texts) for run in _runs(text, settings.n_words)}
    minhash = MinHash(num_perm=settings.n_permutations, seed=1, hashfunc=_low_bits)
    minhash.update_batch([(run ^ part * MIX) % 2**64 for part, run in hashes])
    values = minhash.hashvalues.astype("<u8")
    return Signature(digest, tuple(
        _hash(number.to_bytes(2) + values[start:end].tobytes())
        for number, (start, end) in enumerate(_cut_bands(settings.near_rate, settings.n_permutations))))


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest())


@lru_cache
def _cut_bands(rate: float, n_permutations: int) -> tuple[tuple[int, int], ...]:
    """Which of the permutations make a band."""
    from datasketch import MinHashLSH

    # each candidate is confirmed, so that a false one costs time, and one not found a duplicate
    return tuple(MinHashLSH(threshold=rate, num_perm=n_permutations, weights=(0.02, 0.98)).hashranges)


def gather_runs(texts: Texts, settings: Duplicates) -> list[frozenset[int]]:
    """The runs of words of each text, by which candidates are confirmed."""
    return [_runs(text, settings.n_words) for text in texts]


def choose_originals(pairs: Iterable[tuple[int, int]], runs: Mapping[int, Sequence[Set[int]]],
                     settings: Duplicates) -> dict[int, Duplicate[int]]:
    """The near duplicates among candidates, each with the first row before it that it is like and that stays.

    pairs: of the earlier row and the later one. Rows that no chain of pairs joins can be looked at apart.
    """
    found = dict[int, Duplicate[int]]()
    for first, later in sorted(set(pairs), key=lambda pair: (pair[1], pair[0])):
        if later in found or first in found:
            continue
        rate = min(map(_jaccard, runs[later], runs[first]), default=0.0)
        if settings.near_rate is not None and rate >= settings.near_rate:
            found[later] = Duplicate(first, rate, is_exact=False)
    return found


MIX = 0x9E3779B97F4A7C15


def _low_bits(run: int) -> int:
    """The 32 bits that MinHash permutes."""
    return run & 0xFFFFFFFF


def _runs(text: str | None, n: int) -> frozenset[int]:
    """The runs of n words; a shorter text is one run."""
    words = read_words(text or "")
    return frozenset(hash_runs(words, min(n, len(words)) or 1)) or frozenset(
        {int.from_bytes(hashlib.blake2b((text or "").encode("utf-8", "surrogatepass"),
                                        digest_size=8).digest())})


def _jaccard(ours: Set[int], others: Set[int]) -> float:
    return len(ours & others) / len(ours | others)
