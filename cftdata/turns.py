"""Turns: when the next call of a model may start. Whoever calls takes a turn, and gives it back in the end.

    slots, pace   calls in flight, requests and tokens a minute, by model (`lane`)
    waits         nothing is asked of a model before the Retry-After that it last gave
    set aside     a model that keeps failing, or can never answer, gets no turn more; the others go on
    budget        what a call may come to is reserved with its turn (`budget`)

`OwnTurns` are those of one process. A cluster has them in one place for all its workers: the engine shares
them on the `Terms` of the build, and each part of the build joins the `Share`.

    >>> Terms({}, Budget(n_calls=7)).booked.n_calls
    0

Not covered: what is called (see `driver`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from cftdata.budget import Book, Budget, Need, Price, Purse, measure
from cftdata.calls import Completion, Request
from cftdata.lane import Lane, Limits, choose_limits
from cftdata.spending import Dearest, Paid, Spending, count_paid

__all__ = ["NotAsked", "OwnTurns", "Share", "Terms", "Turn", "Turns"]


class NotAsked(Exception):
    """Nothing is sent; the reason is the answer's."""


class Turn(NamedTuple):
    """Leave for one call."""

    model: str
    reserved: Spending
    """The most that it may come to."""
    n_charged: int
    """Tokens that it counts for until it is answered."""
    began: float
    """When it was given (loop time)."""
    number: int = 0
    """Which turn of its taker this is, where they are shared."""


class Turns(Protocol):
    """What a driver asks before a call, and tells after it."""

    @property
    def aside(self) -> Mapping[str, str]:
        """Model to why nothing more is asked of it."""

    @property
    def is_stopped(self) -> bool:
        """Whether no turn will be given any more."""

    async def take(self, request: Request) -> Turn:
        """Returns when the call may start, at once, with its spending reserved.

        Raises NotAsked, BudgetSpent, and ConfigError when the budget cannot hold.
        """

    async def fail(self, turn: Turn, message: str, wait_s: float | None, *, is_final: bool) -> bool:
        """Counts a failure, with the Retry-After it came with; whether it is what sets the model aside.

        is_final: no call of the model can pass.
        """

    def give_back(self, turn: Turn, request: Request, completion: Completion | None) -> None:
        """Ends the turn; to be called when the ledger has booked the completion, if there is one."""


class OwnTurns:
    """Turns of one process, which nobody else takes."""

    is_stopped = False

    def __init__(self, limits: Mapping[str, Limits], book: Book, budget: Budget,
                 price: Price | None = None) -> None:
        self._limits = limits
        self._budget = budget
        self._price = price
        self.purse = Purse(book, budget)
        """The budget, as the turns have it."""
        self.aside: dict[str, str] = {}
        """See `Turns`."""
        self._lanes: dict[str, Lane] = {}

    async def take(self, request: Request) -> Turn:
        """See `Turns`."""
        return await self.take_for(measure(request, self._budget, self._price))

    async def take_for(self, need: Need) -> Turn:
        """`take` for a request of which only that is known."""
        lane = self._lane(need.model)
        await lane.slots.acquire()
        try:
            return await self._wait(lane, need)
        except BaseException:
            lane.slots.release()
            raise

    async def fail(self, turn: Turn, message: str, wait_s: float | None, *, is_final: bool) -> bool:
        """See `Turns`."""
        lane = self._lane(turn.model)
        lane.failed(turn.n_charged, turn.began, message, wait_s)
        if is_final:
            lane.set_aside = lane.set_aside or message
        is_new = lane.set_aside is not None and turn.model not in self.aside
        if lane.set_aside is not None:
            self.aside[turn.model] = lane.set_aside
        return is_new

    def give_back(self, turn: Turn, request: Request, completion: Completion | None) -> None:
        """See `Turns`."""
        self.end(turn, count_paid(request, completion) if completion else None)

    def end(self, turn: Turn, paid: Paid | None) -> None:
        """`give_back` where only what was paid is known."""
        lane = self._lane(turn.model)
        if paid is not None:
            lane.answered(turn.n_charged, paid.n_tokens)
        self.purse.settle(turn.reserved, turn.model, paid)
        lane.slots.release()

    async def _wait(self, lane: Lane, need: Need) -> Turn:
        self._stay_if_aside(lane)
        async with lane.turn:
            await lane.wait_for_pace()
            while True:
                await lane.wait_for_retry()
                self._stay_if_aside(lane)
                reserved = self.purse.reserve(need)
                if reserved is not None:
                    now = asyncio.get_running_loop().time()
                    return Turn(need.model, reserved, lane.start(), now)
                await self.purse.wait()

    @staticmethod
    def _stay_if_aside(lane: Lane) -> None:
        if lane.set_aside:
            raise NotAsked("set_aside")

    def _lane(self, model: str) -> Lane:
        if model not in self._lanes:
            self._lanes[model] = Lane(choose_limits(self._limits, model))
        return self._lanes[model]


@dataclass(frozen=True, slots=True)
class Terms:
    """On what turns are given to all parts of a build together. It can be pickled."""

    limits: Mapping[str, Limits]
    """By model; `default` stands for all that are not named."""
    budget: Budget
    booked: Spending = field(default_factory=Spending)
    """What was spent before."""
    dearest: Mapping[str, Dearest] = field(default_factory=dict)
    """Model to the most that one call of it came to before."""


class Share(Protocol):
    """Turns for all parts of a build together. It can be pickled."""

    def join(self, name: str, booked: Spending) -> AbstractContextManager[Turns]:
        """The turns, for one part. booked: what its own ledger holds when it is begun, again or not."""

    def stop(self) -> None:
        """Gives no turn any more; what is in flight is still booked."""
