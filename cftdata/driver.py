"""The driver: every call of a model goes through `ask`, which pays for it once and keeps to the limits.

    ledger        what it holds of the key is taken from there; an answer is in it before anything uses it
    turns         when a call may start, and whether at all: limits, budget, models set aside (`turns`)
    tries         a call that brings no completion is tried again, with backoff and jitter (stamina)
    asked again   a completion that cannot be used (cut off, empty, malformed, refused by `check`) is kept,
                  booked and asked for anew, so and so often over all runs

A call that fails is data (`Answer.reason`), never an exception.

    >>> import asyncio, tempfile
    >>> from pathlib import Path
    >>> from cftdata.calls import Message
    >>> from cftdata.providers import ScriptedProvider
    >>> async def add(folder):
    ...     with Ledger(Path(folder) / "ledger.sqlite") as ledger:
    ...         driver = Driver(ledger, {"scripted/sums": ScriptedProvider({"2+2?": "4"})})
    ...         message = Message(role="user", content="2+2?")
    ...         answer = await driver.ask(Request(model="scripted/sums", messages=(message,)))
    ...         await driver.close()
    ...         return answer.completion.text
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     asyncio.run(add(folder))
    '4'

Not covered: providers' batch APIs (`batches`), sharing limits and budget among processes (`turns.Share`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Literal, NamedTuple, Protocol

from cftdata.budget import Budget, BudgetSpent, Price
from cftdata.calls import (
    CallError,
    Completion,
    ModelUnusable,
    Provider,
    RateLimited,
    Rejected,
    Request,
    Unavailable,
)
from cftdata.endpoint import hide_keys
from cftdata.errors import CftDataError, ConfigError, ExtraMissing, suggest
from cftdata.lane import LONGEST_BACKOFF_S, Limits, choose_limits
from cftdata.ledger import Ledger
from cftdata.turns import NotAsked, OwnTurns, Turn, Turns

__all__ = ["Answer", "Ask", "Budget", "Check", "Driver", "Event", "Limits"]

Check = Callable[[str], str | None]
"""A completion's text to the slug of what is wrong with it; None when it can be used."""
Opener = Callable[[str], Provider]
"""Model to who answers for it."""


class Answer(NamedTuple):
    """What came of a request."""

    completion: Completion | None
    """A usable one; None when there is none."""
    reason: str | None
    """Why there is none: budget_spent, interrupted, not_paid (dry run), rejected, set_aside, unavailable,
    unusable_FAULT."""


class Ask(Protocol):
    """What a stage is given to call models with: `Driver.ask`, or a test's own."""

    async def __call__(self, request: Request, check: Check | None = None) -> Answer:
        """See `Driver.ask`."""


class Event(NamedTuple):
    """Something that happened, for whoever watches. Of each request asked, exactly one is the last:
    `found`, `answered` or `gave_up`."""

    kind: Literal["found", "answered", "gave_up", "unusable", "failed", "set_aside"]
    model: str
    detail: str | None = None
    """Of `gave_up` the answer's reason, of `unusable` the fault, of `failed` the kind of failure."""
    message: str | None = None
    """For people, without keys."""
    completion: Completion | None = None


class Driver:
    """Asks models on behalf of one build. Use it within one event loop; `close` it in the end.

    providers: by model, or a function that opens one; opened at a model's first call, closed by `close`.
    limits: by model; `default` stands for all that are not named.
    price: about what a request costs, for a budget in dollars (`providers.estimate_cost`).
    turns: that others take too, in place of its own, which keep to the limits, budget and price given here.
    """

    def __init__(self, ledger: Ledger, providers: Mapping[str, Provider] | Opener,  # noqa: PLR0913
                 limits: Mapping[str, Limits] | None = None, budget: Budget | None = None,
                 observe: Callable[[Event], None] | None = None, *, price: Price | None = None,
                 dry_run: bool = False, turns: Turns | None = None) -> None:
        self._ledger = ledger
        self._open = _opener(providers) if isinstance(providers, Mapping) else providers
        self._limits = dict(limits or {})
        self._turns = turns or OwnTurns(self._limits, ledger, budget or Budget(), price)
        self._observe = observe
        self._is_dry = dry_run
        self._is_stopped = False
        self._providers: dict[str, Provider] = {}
        self._tasks: dict[str, asyncio.Task[Answer]] = {}
        self._in_flight: set[str] = set()

    @property
    def set_aside(self) -> dict[str, str]:
        """Model to why nothing more is asked of it."""
        return dict(self._turns.aside)

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called, here or for all that share the turns: nothing new is asked."""
        return self._is_stopped or self._turns.is_stopped

    async def ask(self, request: Request, check: Check | None = None) -> Answer:
        """The completion of a request: from the ledger, else from the model.

        Asked twice at a time it is one call, with the check of the first. When the asker is cancelled, a call
        in flight goes on and is booked. Raises what is a fault of the run: OutputError when the ledger cannot
        be written, ConfigError for a model without provider or a budget that cannot hold, ExtraMissing.
        """
        key = request.key
        if key in self._tasks:
            return self._end(request, "found", await self._wait(self._tasks[key]))
        kept = self._ledger.kept(key)
        fault = None
        for each in kept:  # judged anew, since the check may be another than when it came
            fault = find_fault(each.completion) or (check and check(each.completion.text)) or None
            if fault != each.fault:
                self._ledger.amend(each.id, fault)
            if fault is None:
                return self._end(request, "found", Answer(each.completion, None))
        task = asyncio.create_task(self._obtain(request, key, check, len(kept), fault))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key))
        return self._end(request, "answered", await self._wait(task))

    def stop(self) -> None:
        """Starts nothing new: calls in flight finish and are booked, what waits is answered `interrupted`."""
        self._is_stopped = True
        for key, task in self._tasks.items():
            if key not in self._in_flight:
                task.cancel()

    async def close(self) -> None:
        """Stops, waits for the calls in flight, and closes the providers."""
        self.stop()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        while self._providers:
            await self._providers.popitem()[1].close()

    async def _wait(self, task: asyncio.Task[Answer]) -> Answer:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            asker = asyncio.current_task()
            if task.cancelled() and not (asker and asker.cancelling()):  # by `stop`
                return Answer(None, "interrupted")
            raise

    def _end(self, request: Request, kind: Literal["found", "answered"], answer: Answer) -> Answer:
        self._tell(Event(kind if answer.completion else "gave_up", request.model, answer.reason,
                         completion=answer.completion))
        return answer

    async def _obtain(self, request: Request, key: str, check: Check | None, n_asked: int,
                      fault: str | None) -> Answer:
        """Asks until a completion can be used or was asked for often enough."""
        limits = choose_limits(self._limits, request.model)
        try:
            for _ in range(n_asked, limits.n_asked):
                completion, fault = await self._try(limits, request, key, check)
                if fault is None:
                    return Answer(completion, None)
        except NotAsked as end:
            return Answer(None, str(end))
        except BudgetSpent:
            return Answer(None, "budget_spent")
        except Rejected:
            return Answer(None, "rejected")
        except CallError:
            return Answer(None, "set_aside" if request.model in self._turns.aside else "unavailable")
        return Answer(None, f"unusable_{fault}")

    async def _try(self, limits: Limits, request: Request, key: str,
                   check: Check | None) -> tuple[Completion, str | None]:
        """A completion and its fault, after as many tries as the limits allow. Raises the last CallError."""
        try:
            return await self._call(limits, request, key, check)
        except (RateLimited, Unavailable) as failure:
            first = failure
        backoff_s = limits.backoff_s
        async for attempt in _import_stamina().retry_context(
                on=_wait_before_retry, attempts=limits.n_tries, timeout=None, wait_initial=backoff_s,
                wait_jitter=backoff_s, wait_max=LONGEST_BACKOFF_S):
            with attempt:
                if attempt.num == 1:  # made above: stamina costs 0.1 ms, and most calls need no other try
                    raise first
                return await self._call(limits, request, key, check)
        raise AssertionError("stamina returns or raises")

    async def _call(self, limits: Limits, request: Request, key: str,
                    check: Check | None) -> tuple[Completion, str | None]:
        """One call, booked. Raises NotAsked and BudgetSpent when it is not made, CallError when it fails."""
        self._stay_if_over(request.model)
        turn = await self._turns.take(request)
        completion = None
        self._in_flight.add(key)  # from here on `stop` lets it finish
        try:
            completion = await self._complete(turn, request, limits.timeout_s)
            return completion, await self._book(request, key, completion, check)
        finally:
            self._in_flight.discard(key)
            self._turns.give_back(turn, request, completion)

    def _stay_if_over(self, model: str) -> None:
        if self._is_dry:
            raise NotAsked("not_paid")
        if self.is_stopped:
            raise NotAsked("interrupted")
        if model in self._turns.aside:
            raise NotAsked("set_aside")

    async def _complete(self, turn: Turn, request: Request, timeout_s: float) -> Completion:
        """The provider's answer, or its failure booked. Raises CallError."""
        try:
            return await self._ask_provider(request, timeout_s)
        except CallError as failure:
            await self._fail(turn, request, failure)
            self._stay_if_over(request.model)  # else the wait before the next try would be for nothing
            raise

    async def _ask_provider(self, request: Request, timeout_s: float) -> Completion:
        try:
            async with asyncio.timeout(timeout_s):
                return await self._provider(request.model).complete(request)
        except CftDataError:
            raise
        except TimeoutError:
            fault = Unavailable(f"{request.model} did not answer in {timeout_s:g} s")
        except Exception as error:  # a fault of one answer in thousands must not end a build; it is booked
            fault = Unavailable(hide_keys(f"{request.model}: {type(error).__name__}: {error}"))
        raise fault  # outside the handlers, so that it carries no context that could hold a key

    async def _fail(self, turn: Turn, request: Request, failure: CallError) -> None:
        kind, message = _slug(failure), hide_keys(str(failure))
        self._ledger.add_failure(request, kind, message)
        self._tell(Event("failed", request.model, kind, message))
        is_aside = await self._turns.fail(turn, message, getattr(failure, "retry_after_s", None),
                                          is_final=isinstance(failure, ModelUnusable))
        if is_aside:
            self._tell(Event("set_aside", request.model, message=self._turns.aside[request.model]))

    async def _book(self, request: Request, key: str, completion: Completion,
                    check: Check | None) -> str | None:
        """Puts the completion into the ledger, then judges it."""
        fault = find_fault(completion)
        id_ = await self._ledger.add_soon(key, request, completion, fault)
        if fault is None and check is not None and (fault := check(completion.text)) is not None:
            self._ledger.amend(id_, fault)
        if fault is not None:
            self._tell(Event("unusable", request.model, fault, completion=completion))
        return fault

    def _provider(self, model: str) -> Provider:
        if model not in self._providers:
            self._providers[model] = self._open(model)
        return self._providers[model]

    def _tell(self, event: Event) -> None:
        if self._observe is not None:
            self._observe(event)


def find_fault(completion: Completion) -> str | None:
    """What is wrong with a completion whatever it was asked for; None when nothing is.

        >>> find_fault(Completion(text="The answer is", finish_reason="length"))
        'cut_off'
    """
    if completion.finish_reason == "length":
        return "cut_off"
    if completion.finish_reason == "content_filter":
        return "content_filter"
    if completion.text.strip():
        return None
    return "malformed" if completion.finish_reason == "other" else "empty"


def _opener(providers: Mapping[str, Provider]) -> Opener:
    def find(model: str) -> Provider:
        if model not in providers:
            raise ConfigError(f"there is no provider of {model!r}; {suggest(model, providers)}")
        return providers[model]

    return find


def _wait_before_retry(failure: Exception) -> bool | float:
    """For stamina: whether to try again (True: after its backoff), and after how many seconds."""
    if not isinstance(failure, RateLimited | Unavailable):
        return False
    return True if failure.retry_after_s is None else failure.retry_after_s


def _slug(failure: CallError) -> str:
    """The kind of a failure: rate_limited, unavailable, rejected, model_unusable."""
    return "".join("_" + letter.lower() if letter.isupper() else letter
                   for letter in type(failure).__name__).lstrip("_")


@lru_cache(maxsize=1)
def _import_stamina() -> Any:
    try:
        import stamina
    except ImportError:
        raise ExtraMissing("calling a model", "generate") from None
    logging.getLogger("stamina").addHandler(logging.NullHandler())  # the ledger has it; no lines on stderr
    return stamina
