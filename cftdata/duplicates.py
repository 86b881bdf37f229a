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
from collections.abc import Callable, Container, Hashable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from pydantic import Field

from cftdata.grams import PARTS, Part, Texts, hash_runs, read_words
from cftdata.sample import Record

__all__ = ["Duplicate", "Duplicates", "find_duplicates"]

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


def find_duplicates(read: Callable[[], Iterable[tuple[K, Texts]]],
                    settings: Duplicates) -> dict[K, Duplicate[K]]:
    """Rows that duplicate one before them, by key; what is itself dropped is nobody's original.

    read: gives (key, texts) of all rows in order, the same at each call; it is called up to three times, so
    that no text is kept. Keys are unique (a row's position, not its content id).
    """
    exact, found = _find_exact(read(), is_wanted=settings.exact), dict[K, Duplicate[K]]()
    found.update(exact)
    if settings.near_rate is None:
        return found
    candidates = _find_candidates(read(), settings, exact.keys())
    wanted = {key for key, others in candidates.items() for key in (key, *others)}
    runs = {key: [_runs(text, settings.n_words) for text in texts] for key, texts in read() if key in wanted}
    for key, others in candidates.items():
        for other in others:
            rate = min(map(_jaccard, runs[key], runs[other]), default=0.0)
            if other not in found and rate >= settings.near_rate:
                found[key] = Duplicate(other, rate, is_exact=False)
                break
    return found


def _find_exact(rows: Iterable[tuple[K, Texts]], *, is_wanted: bool) -> dict[K, Duplicate[K]]:
    first: dict[bytes, K] = {}
    found = {}
    for key, texts in rows if is_wanted else ():
        digest = hashlib.sha256(repr(texts).encode("utf-8", "surrogatepass")).digest()
        if first.setdefault(digest, key) != key:
            found[key] = Duplicate(first[digest], 1.0, is_exact=True)
    return found


def _find_candidates(rows: Iterable[tuple[K, Texts]], settings: Duplicates,
                     left_out: Container[K]) -> dict[K, list[K]]:
    """Of each row those before it that LSH brings together with it, in order."""
    from datasketch import MinHash, MinHashLSH

    # each candidate is confirmed, so that a false one costs time, and one not found a duplicate
    lsh = MinHashLSH(threshold=settings.near_rate, num_perm=settings.n_permutations, weights=(0.02, 0.98))
    order: list[K] = []
    candidates: dict[K, list[K]] = {}
    for key, texts in rows:
        if key in left_out:
            continue
        hashes = {(part, run) for part, text in enumerate(texts) for run in _runs(text, settings.n_words)}
        minhash = MinHash(num_perm=settings.n_permutations, seed=1, hashfunc=_low_bits)
        minhash.update_batch([(run ^ part * MIX) % 2**64 for part, run in hashes])
        if near := sorted(lsh.query(minhash)):
            candidates[key] = [order[place] for place in near]
        lsh.insert(len(order), minhash, check_duplication=False)
        order.append(key)
    return candidates


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


def _jaccard(ours: frozenset[int], others: frozenset[int]) -> float:
    return len(ours & others) / len(ours | others)
