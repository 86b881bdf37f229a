"""The treasury: one actor that gives turns to all workers, so that together they keep to limits and budget.

A worker joins for a shard, and tells that it is alive while it works. When it has not for a while, or when
its shard is begun again, its calls in flight are lost: nobody knows whether they will be billed, so what is
known of them counts as spent for the rest of the run; what the shard's ledger holds is counted exactly. Who
was taken for dead gets no turn any more.

The actor lives on the driver's machine and ends with it. Without it no call is begun.

    >>> with open_treasury(Terms({}, Budget(n_calls=7))) as share:                     # doctest: +SKIP
    ...     with share.join("0000", Spending()) as turns: ...

Not covered: what others than the workers of this build ask of the same models.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

from cftdata.budget import BudgetSpent, Need, measure
from cftdata.calls import Completion, Request
from cftdata.errors import CftDataError, ConfigError
from cftdata.lane import choose_limits
from cftdata.providers import estimate_cost
from cftdata.spending import Dearest, Paid, Spending, count_paid
from cftdata.turns import NotAsked, OwnTurns, Terms, Turn, Turns

__all__ = ["Treasury", "open_treasury"]

BEAT_S = 1.0
"""So often a worker tells that it is alive."""
LEASE_S = 30.0
"""After so long without that it is dead."""
MOST_WAITING = 100_000
"""Calls of the actor at a time: of each worker and model no more than may be in flight."""


class Refused(NamedTuple):
    """Why there is no turn."""

    kind: str
    """budget_spent, config, or the reason of a NotAsked."""
    said: str = ""


@dataclass
class Account:
    """What was spent by all; stands for their ledgers."""

    booked: Spending
    most: dict[str, Dearest]

    def dearest(self, model: str) -> Dearest:
        """See `Ledger`."""
        return self.most.get(model, Dearest())

    def add(self, model: str, paid: Paid) -> None:
        """Books a call."""
        self.booked = self.booked.plus(paid.as_spending())
        self.most[model] = self.dearest(model).or_more(paid)


@dataclass
class Tenant:
    """The worker of a shard, as far as it is known."""

    attempt: int
    told: Spending
    """What the shard's ledger holds, as told."""
    seen_at: float
    is_gone: bool = False
    waiting: dict[int, asyncio.Future[Turn]] = field(default_factory=dict)
    abandoned: set[int] = field(default_factory=set)
    open: dict[int, tuple[Turn, Spending]] = field(default_factory=dict)
    """Number of a turn to it, and to what is known of its price."""
    lost: dict[int, Spending] = field(default_factory=dict)
    """The same of calls whose end nobody saw; it counts as spent."""


class Treasury:
    """The actor's side. All methods run in one event loop."""

    def __init__(self, terms: Terms, lease_s: float = LEASE_S) -> None:
        self._account = Account(terms.booked, dict(terms.dearest))
        self._turns = OwnTurns(terms.limits, self._account, terms.budget)
        self._lease_s = lease_s
        self._tenants: dict[str, Tenant] = {}
        self._is_stopped = False
        self._watch: asyncio.Task[None] | None = None

    async def join(self, name: str, booked: Spending) -> int:
        """The number of the attempt at the shard. booked: what its ledger holds."""
        self._watch = self._watch or asyncio.create_task(self._see_who_is_gone())
        before = self._tenants.get(name) or Tenant(0, Spending(), 0)
        self._give_up(before)
        self._count_untold(before, booked)
        tenant = Tenant(before.attempt + 1, booked, time.monotonic())
        self._tenants[name] = tenant
        return tenant.attempt

    async def beat(self, name: str, attempt: int) -> bool:
        """Hears that a worker is alive; whether it is to stop."""
        tenant = self._find(name, attempt)
        if tenant is not None:
            tenant.seen_at = time.monotonic()
        return self._is_stopped or tenant is None

    async def take(self, name: str, attempt: int, number: int, need: Need) -> Turn | Refused:
        """A turn, when there is one."""
        tenant = self._find(name, attempt)
        if tenant is None or self._is_stopped or number in tenant.abandoned:
            return Refused("interrupted")
        tenant.waiting[number] = wait = asyncio.ensure_future(self._turns.take_for(need))
        try:
            turn = await wait
        except asyncio.CancelledError:
            return Refused("interrupted")
        except NotAsked as end:
            return Refused(str(end), self._turns.aside.get(need.model, ""))
        except BudgetSpent:
            return Refused("budget_spent")
        except ConfigError as fault:
            return Refused("config", str(fault))
        finally:
            tenant.waiting.pop(number, None)
        if tenant.is_gone or number in tenant.abandoned:    # while the turn was on its way
            self._turns.end(turn, None)
            return Refused("interrupted")
        tenant.open[number] = turn, self._turns.purse.known_of(need)
        return turn

    async def abandon(self, name: str, attempt: int, number: int) -> None:
        """Hears that nobody waits for a turn any more; no call was made."""
        tenant = self._tenants.get(name)
        if tenant is None or tenant.attempt != attempt:
            return
        if number in tenant.open:
            self._turns.end(tenant.open.pop(number)[0], None)
            return
        tenant.abandoned.add(number)
        if number in tenant.waiting:
            tenant.waiting[number].cancel()

    async def fail(self, name: str, attempt: int, number: int, message: str,  # noqa: PLR0913, PLR0917
                   wait_s: float | None, is_final: bool) -> tuple[bool, str]:
        """See `Turns.fail`; and why the model is set aside, if it is."""
        tenant = self._find(name, attempt)
        if tenant is None or number not in tenant.open:
            return False, ""
        turn = tenant.open[number][0]
        is_new = await self._turns.fail(turn, message, wait_s, is_final=is_final)
        return is_new, self._turns.aside.get(turn.model, "")

    async def give_back(self, name: str, attempt: int, number: int, model: str, paid: Paid | None) -> None:
        """See `Turns`."""
        tenant = self._tenants.get(name)
        if tenant is None or tenant.attempt != attempt:
            return      # it was counted by the ledger, or as lost, when the shard was begun again
        if paid is not None:
            self._account.add(model, paid)
            tenant.told = tenant.told.plus(paid.as_spending())
        if number in tenant.open:
            self._turns.end(tenant.open.pop(number)[0], paid)
        elif number in tenant.lost:
            self._account.booked = self._account.booked.less(tenant.lost.pop(number))

    async def leave(self, name: str, attempt: int) -> None:
        """Hears that a shard is done; all that was told before is counted."""
        tenant = self._find(name, attempt)
        if tenant is not None:
            self._give_up(tenant)

    async def stop(self) -> None:
        """Gives no turn any more."""
        self._is_stopped = True
        for tenant in self._tenants.values():
            self._send_home(tenant)

    async def spent(self) -> Spending:
        """What was spent by all, and may have been."""
        return self._account.booked

    def _find(self, name: str, attempt: int) -> Tenant | None:
        """The worker, where it is not taken for dead."""
        tenant = self._tenants.get(name)
        return tenant if tenant and tenant.attempt == attempt and not tenant.is_gone else None

    async def _see_who_is_gone(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 10)
            for tenant in self._tenants.values():
                if not tenant.is_gone and time.monotonic() - tenant.seen_at > self._lease_s:
                    self._give_up(tenant)

    def _send_home(self, tenant: Tenant) -> None:
        for wait in tenant.waiting.values():
            wait.cancel()

    def _give_up(self, tenant: Tenant) -> None:
        """Takes back what a worker held; its calls in flight are lost."""
        tenant.is_gone = True
        self._send_home(tenant)
        while tenant.open:
            number, (turn, known) = tenant.open.popitem()
            tenant.lost[number] = known
            self._account.booked = self._account.booked.plus(known)
            self._turns.end(turn, None)

    def _count_untold(self, before: Tenant, booked: Spending) -> None:
        """Counts what the ledger of a shard holds and nobody told, in place of as many lost calls."""
        untold = booked.less(before.told)
        cheapest = sorted(before.lost.values(), key=lambda one: (one.n_tokens, one.cost_usd))
        self._account.booked = self._account.booked.plus(untold)
        for known in cheapest[:int(untold.n_calls)]:
            self._account.booked = self._account.booked.less(known)


@contextmanager
def open_treasury(terms: Terms) -> Iterator[Joint]:
    """The actor, while the block runs, on this machine of the cluster."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = ray.remote(Treasury).options(num_cpus=0, max_concurrency=MOST_WAITING,
                                         scheduling_strategy=here).remote(terms)
    try:
        yield Joint(actor, terms)
    finally:
        ray.kill(actor)


@dataclass(frozen=True)
class Joint:
    """The share that workers are given: who to ask."""

    actor: Any
    terms: Terms

    @contextmanager
    def join(self, name: str, booked: Spending) -> Iterator[Turns]:
        """See `Share`."""
        attempt = _get(self.actor.join.remote(name, booked))
        turns = TurnsOfAll(self.actor, self.terms, name, attempt)
        ended = threading.Event()
        threading.Thread(target=turns.beat, args=(ended,), daemon=True).start()
        try:
            yield turns
            _get(self.actor.leave.remote(name, attempt))
        finally:
            ended.set()

    def stop(self) -> None:
        """See `Share`."""
        self.actor.stop.remote()


class TurnsOfAll:
    """A worker's side: the turns of one shard, asked for one by one."""

    def __init__(self, actor: Any, terms: Terms, name: str, attempt: int) -> None:
        self.aside: dict[str, str] = {}
        self.is_stopped = False
        self._actor = actor
        self._terms = terms
        self._who = name, attempt
        self._numbers = count(1)
        self._queues: dict[str, asyncio.Semaphore] = {}

    async def take(self, request: Request) -> Turn:
        """See `Turns`."""
        need = measure(request, self._terms.budget, estimate_cost)
        async with self._queue(request.model):
            number = next(self._numbers)
            try:
                turn = await _wait(self._actor.take.remote(*self._who, number, need))
            except asyncio.CancelledError:
                self._actor.abandon.remote(*self._who, number)
                raise
        if isinstance(turn, Turn):
            return turn._replace(number=number)
        raise self._tell(request.model, turn)

    async def fail(self, turn: Turn, message: str, wait_s: float | None, *, is_final: bool) -> bool:
        """See `Turns`."""
        is_new, why = await _wait(self._actor.fail.remote(*self._who, turn.number, message, wait_s, is_final))
        if why:
            self.aside[turn.model] = why
        return bool(is_new)

    def give_back(self, turn: Turn, request: Request, completion: Completion | None) -> None:
        """See `Turns`."""
        paid = count_paid(request, completion) if completion else None
        self._actor.give_back.remote(*self._who, turn.number, turn.model, paid)

    def beat(self, ended: threading.Event) -> None:
        """Tells again and again that this worker is alive, whatever its event loop does."""
        while not ended.wait(BEAT_S):
            try:
                self.is_stopped = self.is_stopped or bool(_get(self._actor.beat.remote(*self._who)))
            except CftDataError:
                self.is_stopped = True
                return

    def _tell(self, model: str, refused: Refused) -> Exception:
        if refused.kind == "config":
            return ConfigError(refused.said)
        if refused.kind == "budget_spent":
            return BudgetSpent("the budget is spent")
        if refused.kind == "interrupted":
            self.is_stopped = True
        if refused.kind == "set_aside":
            self.aside[model] = refused.said
        return NotAsked(refused.kind)

    def _queue(self, model: str) -> asyncio.Semaphore:
        """No more wait at the actor than may be in flight."""
        if model not in self._queues:
            self._queues[model] = asyncio.Semaphore(choose_limits(self._terms.limits, model).n_in_flight)
        return self._queues[model]


GONE = ("the actor that holds the limits and the budget of all workers was lost, so no call is begun any "
        "more; the same command goes on, and pays for nothing twice")


async def _wait(answer: Any) -> Any:
    from ray.exceptions import RayActorError

    try:
        return await answer
    except RayActorError:
        raise CftDataError(GONE) from None


def _get(answer: Any) -> Any:
    import ray
    from ray.exceptions import RayActorError

    try:
        return ray.get(answer)
    except RayActorError:
        raise CftDataError(GONE) from None
