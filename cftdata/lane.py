"""A lane: how one model may be asked, and when its next call may start.

    >>> Limits(requests_per_minute=60).n_in_flight
    16

Source: leaky buckets, as aiolimiter has them.
Not covered: what others than those who share it ask of the same model.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from cftdata.sample import Record

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter

__all__ = ["Lane", "Limits", "choose_limits"]

AtLeastOne = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0)]

LONGEST_BACKOFF_S = 60.0
PARTS = 600
"""A minute's limit is let through in parts of 0.1 s, so that no minute has more than the limit."""


class Limits(Record):
    """How a model may be asked."""

    n_in_flight: AtLeastOne = 16
    """Most calls at a time."""
    requests_per_minute: AtLeastOne | None = None
    """Most calls that start in a minute, tries included; None does not limit."""
    tokens_per_minute: AtLeastOne | None = None
    """Tokens in a minute, in and out. What a call took is known when it is answered, and then makes the next
    ones wait; until then it counts as much as the call answered last."""
    timeout_s: Seconds = 120
    """Seconds after which a call counts as unanswered."""
    n_tries: AtLeastOne = 6
    """How often a call is tried that brings no completion."""
    n_asked: AtLeastOne = 3
    """How often a completion is asked for that cannot be used, over all runs on one ledger."""
    set_aside_after: AtLeastOne = 20
    """Failures in a row after which the model is set aside; those of calls in flight together count once."""
    longest_wait_s: Seconds = 600
    """A model that asks to wait longer (Retry-After) is set aside."""
    backoff_s: Seconds = 0.5
    """Wait before the second try, to which up to as much is added by chance; it doubles from try to try, to
    at most 60 s."""


def choose_limits(limits: Mapping[str, Limits], model: str) -> Limits:
    """Those of the model, else those of `default`, else those that nobody set."""
    return limits.get(model) or limits.get("default") or Limits()


class Lane:
    """One model: its limits, and what its calls so far say about the next."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.slots = asyncio.Semaphore(limits.n_in_flight)
        """One for each call in flight."""
        self.turn = asyncio.Lock()
        """Held by the call that is next."""
        self.set_aside: str | None = None
        """Why nothing more is asked of the model; None while it is."""
        self._not_before = 0.0
        self._n_failures = 0
        self._failed_at = 0.0
        self._requests = _bucket(limits.requests_per_minute)
        self._tokens = _bucket(limits.tokens_per_minute)
        self._n_owed = 0.0
        self._n_last = 0

    async def wait_for_pace(self) -> None:
        """Returns when requests and tokens a minute let the next call start."""
        if self._requests is not None:
            await self._requests.acquire()
        while self._tokens is not None and self._n_owed > 0:
            part = min(self._n_owed, self._tokens.max_rate)
            await self._tokens.acquire(part)
            self._n_owed -= part

    async def wait_for_retry(self) -> None:
        """Returns when the model may be asked again, as its last Retry-After says."""
        loop = asyncio.get_running_loop()
        while (wait_s := self._not_before - loop.time()) > 0:
            await asyncio.sleep(wait_s)

    def start(self) -> int:
        """Counts a call that starts; what it counts for, for `answered` or `failed`."""
        self._n_owed += self._n_last
        return self._n_last

    def answered(self, n_charged: int, n_tokens: int) -> None:
        """Counts what the call took, and ends the row of failures."""
        self._n_owed += n_tokens - n_charged
        self._n_last = n_tokens
        self._n_failures = 0

    def failed(self, n_charged: int, began: float, message: str, wait_s: float | None) -> None:
        """Counts a failure of a call that began then (loop time); too many, or too long a wait, end it."""
        self._n_owed -= n_charged
        now = asyncio.get_running_loop().time()
        self._not_before = max(self._not_before, now + (wait_s or 0))
        if began >= self._failed_at:  # else it was in flight when the failure counted last came: one outage
            self._n_failures += 1
            self._failed_at = now
        if wait_s is not None and wait_s > self.limits.longest_wait_s:
            self.set_aside = f"it asks to wait {wait_s:.0f} s; {message}"
        elif self._n_failures >= self.limits.set_aside_after:
            self.set_aside = f"{self._n_failures} failures in a row; the last: {message}"


def _bucket(per_minute: int | None) -> AsyncLimiter | None:
    """At most this many in any minute."""
    if per_minute is None:
        return None
    from aiolimiter import AsyncLimiter

    part = max(1.0, per_minute / PARTS)
    return AsyncLimiter(part, 60 * part / (per_minute + 1 - part))
