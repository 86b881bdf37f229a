from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.budget import Budget
from cftdata.calls import Completion, Message, Request, Unavailable
from cftdata.driver import Answer, Driver, Limits
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger

MODEL = "scripted/a"


class Till:
    """A provider whose n-th call comes to the n-th of these completions; 16 are in flight together."""

    def __init__(self, *completions: Completion, seconds: float = 0.001) -> None:
        self.completions = completions
        self.seconds = seconds
        self.n_calls = self.n_in_flight = self.most_in_flight = 0

    async def complete(self, request: Request) -> Completion:
        completion = self.completions[self.n_calls % len(self.completions)]
        self.n_calls += 1
        self.n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.n_in_flight)
        await asyncio.sleep(self.seconds)
        self.n_in_flight -= 1
        return completion

    async def close(self) -> None:
        pass


def said(cost_usd: float | None = None, n_tokens: int | None = None) -> Completion:
    """A usable answer at a price; half of the tokens are asked with."""
    half = None if n_tokens is None else n_tokens // 2
    return Completion(text="4", finish_reason="stop", cost_usd=cost_usd, n_prompt_tokens=half,
                      n_completion_tokens=None if half is None or n_tokens is None else n_tokens - half)


def requests(n: int, **fields: Any) -> list[Request]:
    return [Request(model=MODEL, messages=(Message(role="user", content="2+2?"),), sample=each, **fields)
            for each in range(n)]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def spend(ledger: Ledger, till: Till, budget: Budget, asked: list[Request],
          price: Callable[[Request], float | None] | None = None) -> list[str | None]:
    """The reasons of the answers."""
    async def run() -> list[Answer]:
        driver = Driver(ledger, {MODEL: till}, {MODEL: Limits(backoff_s=0.001)}, budget, price=price)
        try:
            return await asyncio.gather(*map(driver.ask, asked))
        finally:
            await driver.close()

    return [answer.reason for answer in asyncio.run(run())]


def test_calls_are_limited_exactly_and_over_runs(ledger: Ledger) -> None:
    till = Till(said())
    reasons = spend(ledger, till, Budget(n_calls=25), requests(40))
    assert (reasons.count(None), reasons.count("budget_spent"), till.n_calls) == (25, 15, 25)
    assert spend(ledger, till, Budget(n_calls=25), requests(40)).count(None) == 25
    assert till.n_calls == 25
    assert spend(ledger, till, Budget(n_calls=40), requests(40)) == [None] * 40


def test_failed_calls_are_not_counted(ledger: Ledger) -> None:
    class Shaky(Till):
        async def complete(self, request: Request) -> Completion:
            self.n_calls += 1
            if self.n_calls % 2:
                raise Unavailable("gone")
            return said()

    assert spend(ledger, Shaky(), Budget(n_calls=10), requests(10)) == [None] * 10


def test_dollars_are_spent_to_the_end_with_many_in_flight(ledger: Ledger) -> None:
    """Estimated at twice what they cost: only near the end does a call wait for others."""
    till = Till(said(0.125))
    reasons = spend(ledger, till, Budget(cost_usd=5), requests(100), price=lambda request: 0.25)
    assert ledger.booked.cost_usd == 4.875  # one more would have fitted at 0.125, but not surely
    assert reasons.count(None) == 39
    assert till.most_in_flight == 16


@settings(max_examples=15)
@given(costs=st.lists(st.integers(0, 64), min_size=1, max_size=12), limit=st.integers(0, 300),
       slack=st.integers(0, 20))
def test_the_budget_is_never_passed_when_the_estimate_is_the_most(
        costs: list[int], limit: int, slack: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """In sixty-fourths of a dollar, whose sums are exact."""
    till = Till(*(said(cost / 64) for cost in costs), seconds=0)
    most = max(costs) + slack
    with Ledger(tmp_path_factory.mktemp("budget") / "ledger.sqlite") as ledger:
        reasons = spend(ledger, till, Budget(cost_usd=limit / 64), requests(25), lambda request: most / 64)
        assert ledger.booked.cost_usd <= limit / 64
        if "budget_spent" in reasons:
            assert ledger.booked.cost_usd > (limit - most) / 64


def test_without_a_price_list_the_highest_price_so_far_stands(ledger: Ledger) -> None:
    ledger.add(requests(1, seed=1)[0], said(0.5), None)
    till = Till(said(0.25))
    reasons = spend(ledger, till, Budget(cost_usd=2), requests(20))
    assert ledger.booked.cost_usd == 1.75
    assert reasons.count(None) == 5


def test_dollars_without_a_known_price_are_refused_before_a_call(ledger: Ledger) -> None:
    till = Till(said(0.25))
    for price in (None, lambda request: None):
        with pytest.raises(ConfigError, match=r"price of scripted/a is not known.*n_tokens or n_calls"):
            spend(ledger, till, Budget(cost_usd=2), requests(1), price)
    assert till.n_calls == 0


def test_with_another_limit_the_first_call_goes_alone_and_says_what_calls_cost(ledger: Ledger) -> None:
    till = Till(said(0.5), seconds=0.01)
    reasons = spend(ledger, till, Budget(cost_usd=2, n_calls=100), requests(20))
    assert (reasons.count(None), ledger.booked.cost_usd) == (4, 2)
    assert till.most_in_flight <= 3


def test_what_never_has_a_price_is_held_by_the_other_limit(ledger: Ledger) -> None:
    till = Till(said(None))
    reasons = spend(ledger, till, Budget(cost_usd=2, n_calls=12), requests(20))
    assert reasons.count(None) == 12
    assert till.most_in_flight > 1


def test_what_is_free_goes_on_when_the_dollars_are_spent(ledger: Ledger) -> None:
    ledger.add(requests(1, seed=1)[0].model_copy(update={"model": "scripted/b"}), said(2.0), None)
    reasons = spend(ledger, Till(said(0.0)), Budget(cost_usd=2), requests(20), lambda request: 0.0)
    assert reasons == [None] * 20


@pytest.mark.parametrize("n_tokens", [30, None])
def test_tokens_are_never_passed_when_max_tokens_is_given(ledger: Ledger, n_tokens: int | None) -> None:
    """A call asks with 4 bytes and 16 for the message, and may answer 20: 40 are reserved."""
    till = Till(said(n_tokens=n_tokens))
    reasons = spend(ledger, till, Budget(n_tokens=1000), requests(300, max_tokens=20))
    each = 30 if n_tokens else len("2+2?") + len("4")  # as booked when the provider does not say
    n_made = (1000 - 40) // each + 1
    assert (reasons.count(None), ledger.booked.n_tokens) == (n_made, n_made * each)
    assert till.most_in_flight == 16


def test_without_max_tokens_the_dearest_call_so_far_stands(ledger: Ledger) -> None:
    till = Till(said(n_tokens=100), seconds=0.005)
    spend(ledger, till, Budget(n_tokens=1000), requests(50))
    assert ledger.booked.n_tokens == 900  # 120 are reserved
    assert 1 < till.most_in_flight <= 8


def test_a_budget_of_nothing_makes_no_call(ledger: Ledger) -> None:
    for budget in (Budget(n_calls=0), Budget(n_tokens=0), Budget(cost_usd=0)):
        till = Till(said(0.5))
        assert spend(ledger, till, budget, requests(3), lambda request: 0.5) == ["budget_spent"] * 3
        assert till.n_calls == 0


def test_a_stop_ends_the_wait_for_the_rest_of_the_budget(ledger: Ledger) -> None:
    till = Till(said(0.5), seconds=0.05)

    async def run() -> list[Answer]:
        driver = Driver(ledger, {MODEL: till}, {}, Budget(cost_usd=1), price=lambda request: 1.0)
        asked = [asyncio.create_task(driver.ask(request)) for request in requests(4)]
        while not till.n_in_flight:
            await asyncio.sleep(0.001)
        driver.stop()
        try:
            return await asyncio.gather(*asked)
        finally:
            await driver.close()

    work: Coroutine[Any, Any, list[Answer]] = run()
    assert [answer.reason for answer in asyncio.run(work)] == [None, *["interrupted"] * 3]
