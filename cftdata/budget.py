"""What a build may spend at most, in dollars, tokens or calls; held before a call, not after it.

A call is let through only when the most that it can come to is still left: that much is reserved before it is
sent and given back when it is booked. While calls in flight hold too much of the rest, a call waits for them
to be booked; when nothing is in flight and it still does not fit, the budget is spent.

How hard that is depends on what can be known before a call:
- `n_calls`: exact. Calls that brought a completion count, usable or not; refused ones are not paid for.
- `n_tokens`: reserved is a token for every byte asked with, and max_tokens. Never passed. Without max_tokens
  the dearest call of that model so far stands for the answer, and a model's first call goes alone.
- `cost_usd`: reserved is the estimated price (`price`) or the highest price of that model so far, if that is
  more. With neither, dollars cannot be held: the call is refused with a ConfigError, unless `n_tokens` or
  `n_calls` is limited too. Then those hold, and what has no price counts for nothing.

    >>> Budget(cost_usd=2.5).n_calls is None
    True

Not covered: what a provider bills for calls that it did not answer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Annotated, NamedTuple, Protocol

from pydantic import Field

from cftdata.calls import Request
from cftdata.errors import ConfigError
from cftdata.sample import Count, Record
from cftdata.spending import Dearest, Paid, Spending, count_bytes

__all__ = ["Book", "Budget", "BudgetSpent", "Need", "Price", "Purse", "measure"]

Price = Callable[[Request], float | None]
"""About what a request will cost in US dollars; None when no price is known."""

TOKENS_PER_MESSAGE = 16
"""More than any chat template puts around a message (3 to 10)."""
LEAST_USD = 1e-9
"""Sums of floats may differ by less; prices do not."""


class Budget(Record):
    """What is spent at most, over all runs on one ledger; None does not limit."""

    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """US dollars."""
    n_tokens: Count | None = None
    """Tokens in and out together."""
    n_calls: Count | None = None
    """Calls that bring a completion, usable or not."""


class BudgetSpent(Exception):
    """The call does not fit into what is left, and nothing in flight will give any back."""


class Book(Protocol):
    """What a purse must know of the calls so far: a ledger, or what stands for several."""

    @property
    def booked(self) -> Spending:
        """What was spent."""

    def dearest(self, model: str) -> Dearest:
        """The most that one call of this model came to."""


class Need(NamedTuple):
    """What can be known of a call before it is made; what no budget asks for is left out."""

    model: str
    n_asked: int = 0
    """Most tokens that it asks with."""
    max_tokens: int | None = None
    """Most tokens of the answer."""
    cost_usd: float | None = None
    """About what it will cost."""


def measure(request: Request, budget: Budget, price: Price | None = None) -> Need:
    """What a budget has to know of a request."""
    n_asked = 0
    if budget.n_tokens is not None:
        n_asked = count_bytes(request) + TOKENS_PER_MESSAGE * len(request.messages)
    usd = price(request) if price and budget.cost_usd is not None else None
    return Need(request.model, n_asked, request.max_tokens, usd)


class Purse:
    """The budget of one book; knows what the calls in flight may come to."""

    def __init__(self, book: Book, budget: Budget) -> None:
        self._book = book
        self._budget = budget
        self._limit = Spending(*(math.inf if most is None else most
                                 for most in (budget.n_calls, budget.n_tokens, budget.cost_usd)))
        self._reserved = Spending()
        self._n_reserved = 0
        self._dearest: dict[str, Dearest] = {}
        self._settled = asyncio.Event()

    def reserve(self, need: Need) -> Spending | None:
        """Sets aside the most that a call can come to; None while calls in flight hold too much of the rest.

        Raises BudgetSpent, and ConfigError when dollars are limited and no price is known.
        """
        left = self._limit.less(self._book.booked).less(self._reserved)
        most = Spending(1, self._most_tokens(need, _all(left.n_tokens)),
                        self._most_usd(need, _all(left.cost_usd)))
        over = most.less(left)
        if max(over.n_calls, over.n_tokens, over.cost_usd - LEAST_USD) > 0:
            if self._n_reserved:
                return None
            raise BudgetSpent("the budget is spent")
        self._reserved = self._reserved.plus(most)
        self._n_reserved += 1
        return most

    def known_of(self, need: Need) -> Spending:
        """What `reserve` sets aside of what is known: nothing where it takes all that is left."""
        return Spending(1, self._most_tokens(need, 0), self._most_usd(need, 0))

    async def wait(self) -> None:
        """Returns when some call in flight has been settled."""
        await self._settled.wait()

    def settle(self, reserved: Spending, model: str, paid: Paid | None) -> None:
        """Gives back what a call had reserved; to be called when the book has it."""
        self._n_reserved -= 1
        self._reserved = self._reserved.less(reserved) if self._n_reserved else Spending()
        if paid is not None and model in self._dearest:
            self._dearest[model] = self._dearest[model].or_more(paid)
        self._settled.set()
        self._settled = asyncio.Event()

    def _most_tokens(self, need: Need, unknown: float) -> float:
        if self._budget.n_tokens is None:
            return 0
        if need.max_tokens is not None:
            return need.n_asked + need.max_tokens
        seen = self._dearest_of(need.model).n_tokens
        return unknown if seen is None else need.n_asked + seen

    def _most_usd(self, need: Need, unknown: float) -> float:
        if self._budget.cost_usd is None:
            return 0
        seen = self._dearest_of(need.model)
        known = [usd for usd in (need.cost_usd, seen.cost_usd) if usd is not None]
        if known:
            return max(known)
        if self._budget.n_tokens is None and self._budget.n_calls is None:
            raise ConfigError(f"the price of {need.model} is not known, so a budget in dollars cannot "
                              "hold it; limit n_tokens or n_calls as well")
        return unknown if seen.n_tokens is None else 0

    def _dearest_of(self, model: str) -> Dearest:
        if model not in self._dearest:
            self._dearest[model] = self._book.dearest(model)
        return self._dearest[model]


def _all(left: float) -> float:
    """All that is left, so that a call of which nothing is known goes alone."""
    return left if left > 0 else math.inf
