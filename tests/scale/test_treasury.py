"""The treasury by itself, in one event loop: what is held for whom, and what of those who are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from cftdata.budget import Budget, Need
from cftdata.lane import Limits
from cftdata.scale.treasury import Refused, Treasury
from cftdata.spending import Paid, Spending
from cftdata.turns import Terms, Turn

A = Need("a/x", n_asked=20, max_tokens=30)
ALONE = Need("a/x", n_asked=20)
"""Of which the most is not known before its model's first call."""


def terms(n_in_flight: int = 4, booked: Spending | None = None, **budget: Any) -> Terms:
    return Terms({"default": Limits(n_in_flight=n_in_flight)}, Budget(**budget), booked or Spending())


def run(work: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await work

    asyncio.run(limited())


async def take(treasury: Treasury, name: str, attempt: int, number: int, need: Need = A) -> Turn:
    turn = await treasury.take(name, attempt, number, need)
    assert isinstance(turn, Turn), turn
    return turn


def test_all_together_keep_to_the_budget_and_to_what_was_spent_before() -> None:
    async def work() -> None:
        treasury = Treasury(terms(booked=Spending(7, 0, 0), n_calls=10))
        attempts = {name: await treasury.join(name, Spending()) for name in ("0", "1")}
        for number, name in enumerate(("0", "1", "0")):
            await take(treasury, name, attempts[name], number)
            await treasury.give_back(name, attempts[name], number, "a/x", Paid(50, None))
        assert await treasury.take("1", attempts["1"], 9, A) == Refused("budget_spent")
        assert await treasury.spent() == Spending(10, 150, 0)

    run(work())


def test_calls_in_flight_are_bounded_over_all() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_in_flight=2))
        one, other = [await treasury.join(name, Spending()) for name in "01"]
        await take(treasury, "0", one, 1)
        await take(treasury, "1", other, 1)
        waiting = asyncio.create_task(treasury.take("1", other, 2, A))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        await treasury.give_back("0", one, 1, "a/x", Paid(50, None))
        assert isinstance(await waiting, Turn)

    run(work())


def test_calls_of_a_shard_begun_again_are_lost_but_for_what_its_ledger_holds() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_tokens=1000))
        first = await treasury.join("0", Spending())
        for number in (1, 2, 3):
            await take(treasury, "0", first, number)
        await treasury.give_back("0", first, 1, "a/x", Paid(40, None))
        second = await treasury.join("0", Spending(2, 75, 0))   # that of number 2 was booked and not told
        assert await treasury.spent() == Spending(3, 75 + 50, 0)
        assert await treasury.take("0", first, 4, A) == Refused("interrupted")
        for number in range(1, 5):  # nothing is in their way
            await take(treasury, "0", second, number)

    run(work())


def test_who_is_not_heard_of_holds_up_nobody_and_is_not_served() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_in_flight=1, n_calls=3), lease_s=0.2)
        gone, here = [await treasury.join(name, Spending()) for name in "01"]
        await take(treasury, "0", gone, 1)
        waiting = asyncio.create_task(treasury.take("1", here, 1, A))
        while not waiting.done():
            assert not await treasury.beat("1", here)
            await asyncio.sleep(0.02)
        assert isinstance(waiting.result(), Turn)
        assert await treasury.spent() == Spending(1, 0, 0)  # it may be billed
        assert await treasury.beat("0", gone)
        assert await treasury.take("0", gone, 2, A) == Refused("interrupted")
        await treasury.give_back("0", gone, 1, "a/x", Paid(50, None))  # it was slow, not dead
        assert await treasury.spent() == Spending(1, 50, 0)

    run(work())


def test_a_first_call_that_is_lost_does_not_take_the_budget_with_it() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_tokens=1000))
        first = await treasury.join("0", Spending())
        turn = await take(treasury, "0", first, 1, ALONE)
        assert turn.reserved.n_tokens == 1000
        second = await treasury.join("0", Spending())
        await take(treasury, "0", second, 1, ALONE)

    run(work())


def test_a_turn_nobody_waits_for_any_more_is_given_to_another() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_in_flight=1))
        one = await treasury.join("0", Spending())
        await take(treasury, "0", one, 1)
        waits = [asyncio.create_task(treasury.take("0", one, number, A)) for number in (2, 3)]
        await asyncio.sleep(0.01)
        await treasury.abandon("0", one, 2)
        await treasury.abandon("0", one, 1)
        assert await waits[0] == Refused("interrupted")
        assert isinstance(await waits[1], Turn)
        await treasury.abandon("0", one, 4)     # before it is asked for
        assert await treasury.take("0", one, 4, A) == Refused("interrupted")

    run(work())


def test_a_model_set_aside_is_so_for_all_and_a_stop_ends_all() -> None:
    async def work() -> None:
        treasury = Treasury(terms(n_in_flight=1))
        one, other = [await treasury.join(name, Spending()) for name in "01"]
        await take(treasury, "0", one, 1)
        assert await treasury.fail("0", one, 1, "no key", None, True) == (True, "no key")
        await treasury.give_back("0", one, 1, "a/x", None)
        assert await treasury.take("1", other, 1, A) == Refused("set_aside", "no key")
        await take(treasury, "1", other, 2, Need("b/y"))
        waiting = asyncio.create_task(treasury.take("0", one, 2, Need("b/y")))
        await asyncio.sleep(0.01)
        await treasury.stop()
        assert await waiting == Refused("interrupted")
        assert await treasury.beat("1", other)
        assert await treasury.take("1", other, 3, A) == Refused("interrupted")

    run(work())


def test_dollars_of_no_known_price_are_refused_in_a_sentence() -> None:
    async def work() -> None:
        treasury = Treasury(terms(cost_usd=1.0))
        refused = await treasury.take("0", await treasury.join("0", Spending()), 1, A)
        assert isinstance(refused, Refused)
        assert refused.kind == "config"
        assert "price of a/x" in refused.said

    run(work())
