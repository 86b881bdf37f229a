"""Prime factors by trial division, as far as they come soon.

    >>> factorise(2048 * 9)
    ((2, 11), (3, 2))

Not covered: large numbers without small factors; they are None.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

MAX_TRIAL = 100_000
"""Largest divisor that is tried; of numbers over 200 bits a hundredth of it."""


@lru_cache(maxsize=1024)
def factorise(value: int) -> tuple[tuple[int, int], ...] | None:
    """(prime, count) of a positive integer, smallest prime first; None when they do not come soon."""
    found = tuple(_divide_out(value))
    return None if found and found[-1][0] == 0 else found


def _divide_out(value: int) -> Iterator[tuple[int, int]]:
    """The factors; (0, 0) last when some were not found."""
    prime = 2
    while prime * prime <= value:
        count = 0
        while value % prime == 0:
            value //= prime
            count += 1
        if count:
            yield prime, count
        prime += 1 if prime == 2 else 2
        if prime > (MAX_TRIAL if value.bit_length() < 200 else MAX_TRIAL // 100):
            yield 0, 0
            return
    if value > 1:
        yield value, 1
