"""An engine that spreads a build over shards and makes them one by one, in this process.

    >>> build(recipe, out, engine=OneByOne(n_shards=3))

A test can have it lose its driver after some shards: `OneByOne(3, n_before_end=1)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from cftdata.calls import Completion, Request
from cftdata.providers import estimate_cost
from cftdata.scale.treasury import Account
from cftdata.spending import Spending, count_paid
from cftdata.turns import OwnTurns, Terms, Turn

__all__ = ["End", "OneByOne"]

S = TypeVar("S")
T = TypeVar("T")


class End(Exception):
    """The driver is lost."""


class OneByOne:
    """The engine. n_before_end: so many shards are made, then the driver is lost."""

    n_retries = 0

    def __init__(self, n_shards: int, n_before_end: int | None = None) -> None:
        self.n_shards = n_shards
        self.n_before_end = n_before_end
        self.n_made = 0

    def count_shards(self) -> int:
        return self.n_shards

    @contextmanager
    def open(self, out: str | Path | None) -> Iterator[Path]:
        assert out is not None
        yield Path(out)

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        here = Path.cwd()
        for item in items:
            if self.n_made == self.n_before_end:
                raise End
            self.n_made += 1
            try:
                yield work(item)
            finally:
                os.chdir(here)

    # the rest of `Engine` is not for builds
    fold: Any = None
    read_first: Any = None

    @contextmanager
    def share(self, terms: Terms) -> Iterator[InTurn]:
        yield InTurn(terms)


class InTurn:
    """A share of which one part at a time has all."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.account = Account(terms.booked, dict(terms.dearest))

    @contextmanager
    def join(self, name: str, booked: Spending) -> Iterator[OwnTurns]:
        yield Booking(self.terms, self.account)

    def stop(self) -> None:
        raise AssertionError("nobody stops it")


class Booking(OwnTurns):
    """Turns whose calls are booked for the parts that come after, too."""

    def __init__(self, terms: Terms, account: Account) -> None:
        super().__init__(terms.limits, account, terms.budget, estimate_cost)
        self.account = account

    def give_back(self, turn: Turn, request: Request, completion: Completion | None) -> None:
        if completion:
            self.account.add(turn.model, count_paid(request, completion))
        super().give_back(turn, request, completion)
