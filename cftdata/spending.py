"""What calls come to: calls, tokens and dollars, as they are booked and as a budget counts them.

    >>> Spending(1, 20, 0.5).plus(Spending(1, 10)).less(Spending(0, 5))
    Spending(n_calls=2, n_tokens=25, cost_usd=0.5)

Not covered: prices (see `providers.estimate_cost`).
"""

from __future__ import annotations

import json
from typing import NamedTuple

from cftdata.calls import Completion, Request

__all__ = ["Dearest", "Paid", "Spending", "count_booked", "count_bytes", "count_paid"]


class Spending(NamedTuple):
    """What calls came to, or may come to."""

    n_calls: float = 0
    """Calls that brought a completion."""
    n_tokens: float = 0
    """In and out; where the provider states none, the bytes of the texts, which are never fewer."""
    cost_usd: float = 0
    """Sum of the known prices."""

    def plus(self, other: Spending) -> Spending:
        """Both together."""
        return Spending(self.n_calls + other.n_calls, self.n_tokens + other.n_tokens,
                        self.cost_usd + other.cost_usd)

    def less(self, other: Spending) -> Spending:
        """What is left of this without the other."""
        return Spending(self.n_calls - other.n_calls, self.n_tokens - other.n_tokens,
                        self.cost_usd - other.cost_usd)


class Paid(NamedTuple):
    """What one call that brought a completion came to."""

    n_tokens: int
    """As booked: see `Spending`."""
    cost_usd: float | None
    """None when it is unknown."""

    def as_spending(self) -> Spending:
        """As it is booked."""
        return Spending(1, self.n_tokens, self.cost_usd or 0)


class Dearest(NamedTuple):
    """The most that one call of a model came to; both None before its first."""

    n_tokens: int | None = None
    """As booked: see `Spending`."""
    cost_usd: float | None = None
    """None when no price is known."""

    def or_more(self, paid: Paid) -> Dearest:
        """With one more call."""
        costs = [usd for usd in (self.cost_usd, paid.cost_usd) if usd is not None]
        return Dearest(max(self.n_tokens or 0, paid.n_tokens), max(costs, default=None))


def count_bytes(request: Request) -> int:
    """UTF-8 bytes of what is asked with: at least as many as its tokens."""
    schema = json.dumps(request.response_schema) if request.response_schema else ""
    return sum(_n_bytes(text) for text in (schema, *(message.content for message in request.messages)))


def count_booked(request: Request, completion: Completion) -> int:
    """Tokens of a call, in and out, as its provider states them; else no fewer than there were."""
    if completion.n_prompt_tokens is not None and completion.n_completion_tokens is not None:
        return completion.n_prompt_tokens + completion.n_completion_tokens
    n_answered = _n_bytes(completion.text)
    return count_bytes(request) + min(n_answered, request.max_tokens or n_answered)


def count_paid(request: Request, completion: Completion) -> Paid:
    """What a call came to."""
    return Paid(count_booked(request, completion), completion.cost_usd)


def _n_bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
