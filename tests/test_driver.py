from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_provider import FakeProvider, answer_of, serve
from small_build import kill_and_go_on

from cftdata.calls import (
    CallError,
    Completion,
    Message,
    ModelUnusable,
    Provider,
    RateLimited,
    Rejected,
    Request,
    Unavailable,
)
from cftdata.driver import Answer, Driver, Event, Limits
from cftdata.endpoint import EndpointProvider
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger
from cftdata.spending import Spending

MODEL = "scripted/a"
QUICK = Limits(backoff_s=0.001)


def ask_for(text: str = "2+2?", **fields: Any) -> Request:
    return Request(model=fields.pop("model", MODEL), messages=(Message(role="user", content=text),), **fields)


def said(text: str = "4", **fields: Any) -> Completion:
    return Completion(text=text, finish_reason=fields.pop("finish_reason", "stop"), **fields)


class Tape:
    """A provider that answers with these in turn, the last one for ever, and keeps when each call began."""

    def __init__(self, *answers: Completion | Exception, seconds: float = 0.0) -> None:
        self.answers = answers
        self.seconds = seconds
        self.began: list[float] = []
        self.n_in_flight = self.most_in_flight = self.n_answered = 0
        self.is_closed = False

    async def complete(self, request: Request) -> Completion:
        answer = self.answers[min(len(self.began), len(self.answers) - 1)]
        self.began.append(time.monotonic())
        self.n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.n_in_flight)
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.n_in_flight -= 1
        self.n_answered += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as opened:
        yield opened


def drive(ledger: Ledger, provider: Provider, work: Callable[[Driver], Coroutine[Any, Any, Any]],
          limits: Limits = QUICK, **options: Any) -> Any:
    """What the work comes to, with a driver of one model that is closed in the end."""
    async def run() -> Any:
        driver = Driver(ledger, {MODEL: provider}, {"default": limits}, **options)
        try:
            return await asyncio.wait_for(work(driver), 60)
        finally:
            await driver.close()

    return asyncio.run(run())


def ask_all(*requests: Request, **options: Any) -> Callable[[Driver], Coroutine[Any, Any, list[Answer]]]:
    async def work(driver: Driver) -> list[Answer]:
        return await asyncio.gather(*(driver.ask(request, **options) for request in requests))

    return work


def test_a_call_is_paid_for_once_over_runs(ledger: Ledger) -> None:
    tape = Tape(said())
    for _ in range(2):
        assert drive(ledger, tape, ask_all(ask_for())) == [Answer(said(), None)]
    assert len(tape.began) == 1
    assert tape.is_closed
    drive(ledger, tape, ask_all(ask_for(sample=1), ask_for(temperature=0.5)))
    assert len(tape.began) == 3


def test_an_answer_is_in_the_ledger_before_anyone_has_it(tmp_path: Path, ledger: Ledger) -> None:
    def check(text: str) -> None:
        with Ledger(tmp_path / "ledger.sqlite", read_only=True) as reader:
            assert reader.find(ask_for().key) == said(text)

    assert drive(ledger, Tape(said()), ask_all(ask_for(), check=check)) == [Answer(said(), None)]


def test_the_same_request_asked_twice_at_a_time_is_one_call(ledger: Ledger) -> None:
    tape = Tape(said(), seconds=0.01)
    answers = drive(ledger, tape, ask_all(ask_for(), ask_for(), ask_for()))
    assert answers == [Answer(said(), None)] * 3
    assert len(tape.began) == 1


def test_calls_in_flight_are_bounded(ledger: Ledger) -> None:
    tape = Tape(said(), seconds=0.005)
    drive(ledger, tape, ask_all(*(ask_for(sample=n) for n in range(40))), Limits(n_in_flight=7))
    assert (len(tape.began), tape.most_in_flight) == (40, 7)


@pytest.mark.parametrize(("bad", "fault"), [
    (said("4 beca", finish_reason="length"), "cut_off"),
    (said(" \n"), "empty"),
    (said("", finish_reason="other"), "malformed"),
    (said("I may", finish_reason="content_filter"), "content_filter"),
    (said("no number"), "no_digit"),
])
def test_a_bad_completion_is_booked_and_asked_for_again(ledger: Ledger, bad: Completion, fault: str) -> None:
    tape = Tape(bad, bad, said())
    answers = drive(ledger, tape, ask_all(ask_for(), check=no_digit))
    assert answers == [Answer(said(), None)]
    assert [kept.fault for kept in ledger.kept(ask_for().key)] == [fault, fault, None]
    assert ledger.booked.n_calls == 3


def no_digit(text: str) -> str | None:
    return None if any(map(str.isdigit, text)) else "no_digit"


def test_a_completion_is_asked_for_so_often_over_all_runs_and_more_when_the_limit_is_raised(
        ledger: Ledger) -> None:
    tape = Tape(said("no number"))
    for _ in range(2):
        assert drive(ledger, tape, ask_all(ask_for(), check=no_digit)) == [Answer(None, "unusable_no_digit")]
    assert len(tape.began) == 3
    drive(ledger, tape, ask_all(ask_for(), check=no_digit), Limits(n_asked=5))
    assert len(tape.began) == 5


def test_a_better_check_finds_what_was_paid_for(ledger: Ledger) -> None:
    tape = Tape(said("four"))
    drive(ledger, tape, ask_all(ask_for(), check=no_digit), Limits(n_asked=1))
    assert ledger.find(ask_for().key) is None
    assert drive(ledger, tape, ask_all(ask_for())) == [Answer(said("four"), None)]
    assert ledger.find(ask_for().key) == said("four")
    assert len(tape.began) == 1
    assert drive(ledger, Tape(said("4")), ask_all(ask_for(), check=no_digit)) == [Answer(said("4"), None)]
    assert [kept.fault for kept in ledger.kept(ask_for().key)] == ["no_digit", None]


def test_what_may_pass_is_tried_again(ledger: Ledger) -> None:
    tape = Tape(Unavailable("gone"), RateLimited("slow"), TypeError("a bug of a library"), said())
    assert drive(ledger, tape, ask_all(ask_for())) == [Answer(said(), None)]
    assert ledger.failures(ask_for().key) == [
        ("unavailable", "gone"), ("rate_limited", "slow"),
        ("unavailable", "scripted/a: TypeError: a bug of a library")]
    assert ledger.booked == Spending(1, 5, 0)


def test_tries_are_bounded_and_the_next_run_tries_again(ledger: Ledger) -> None:
    tape = Tape(*[Unavailable("gone")] * 6, said())
    assert drive(ledger, tape, ask_all(ask_for())) == [Answer(None, "unavailable")]
    assert len(tape.began) == 6
    assert drive(ledger, tape, ask_all(ask_for())) == [Answer(said(), None)]


def test_waits_between_tries_grow(ledger: Ledger) -> None:
    tape = Tape(Unavailable("gone"), Unavailable("gone"), Unavailable("gone"), said())
    drive(ledger, tape, ask_all(ask_for()), Limits(backoff_s=0.02))
    waits = [later - sooner for sooner, later in zip(tape.began, tape.began[1:], strict=False)]
    assert all(wait >= least for wait, least in zip(waits, (0.02, 0.04, 0.08), strict=True))


def test_a_refused_request_is_not_tried_again_and_others_go_on(ledger: Ledger) -> None:
    tape = Tape(Rejected("too long"), said())
    answers = drive(ledger, tape, ask_all(ask_for("long"), ask_for()), Limits(n_in_flight=1))
    assert answers == [Answer(None, "rejected"), Answer(said(), None)]
    assert ledger.failures(ask_for("long").key) == [("rejected", "too long")]


@pytest.mark.parametrize("failure", [RateLimited("slow", 0.2), Unavailable("busy", 0.2)])
def test_nothing_is_asked_of_a_model_before_its_retry_after(ledger: Ledger, failure: CallError) -> None:
    tape = Tape(failure, said(), seconds=0.01)
    requests = [ask_for(sample=n) for n in range(12)]
    answers = drive(ledger, tape, ask_all(*requests), Limits(n_in_flight=2))
    assert {answer.reason for answer in answers} == {None}
    told = tape.began[0] + tape.seconds
    in_flight = [began for began in tape.began if began < told]
    after = [began for began in tape.began if began >= told]
    assert len(in_flight) <= 2
    assert min(after) - told >= 0.2
    assert len(after) >= 11


def test_a_wait_of_one_model_does_not_hold_up_another(ledger: Ledger) -> None:
    slow, quick = Tape(RateLimited("slow", 300.0), said()), Tape(said())

    async def run() -> None:
        driver = Driver(ledger, {"scripted/slow": slow, "scripted/quick": quick})
        held_up = asyncio.create_task(driver.ask(ask_for(model="scripted/slow")))
        while not slow.n_answered:
            await asyncio.sleep(0.001)
        assert (await driver.ask(ask_for(model="scripted/quick"))).reason is None
        assert not held_up.done()
        await driver.close()
        assert await held_up == Answer(None, "interrupted")

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_model_that_can_never_answer_is_set_aside_and_others_go_on(ledger: Ledger) -> None:
    events: list[Event] = []
    bad, good = Tape(ModelUnusable("no credit")), Tape(said())

    async def run() -> list[Answer]:
        driver = Driver(ledger, {MODEL: bad, "scripted/b": good}, {"default": Limits(n_in_flight=1)},
                        observe=events.append)
        requests = [ask_for(sample=n) for n in range(5)] + [ask_for(model="scripted/b")]
        answers = await asyncio.gather(*map(driver.ask, requests))
        assert driver.set_aside == {MODEL: "no credit"}
        await driver.close()
        return answers

    answers = asyncio.run(run())
    assert answers == [Answer(None, "set_aside")] * 5 + [Answer(said(), None)]
    assert len(bad.began) == 1
    assert [event for event in events if event.kind == "set_aside"] == [
        Event("set_aside", MODEL, message="no credit")]


def test_a_model_that_keeps_failing_is_set_aside(ledger: Ledger) -> None:
    tape = Tape(Unavailable("gone"))
    limits = Limits(n_in_flight=1, n_tries=2, set_aside_after=5, backoff_s=0.001)

    async def work(driver: Driver) -> dict[str, str]:
        reasons = [(await driver.ask(ask_for(sample=n))).reason for n in range(5)]
        assert reasons == ["unavailable"] * 2 + ["set_aside"] * 3
        return driver.set_aside

    assert drive(ledger, tape, work, limits) == {MODEL: "5 failures in a row; the last: gone"}
    assert len(tape.began) == 5


def test_one_outage_is_one_failure_however_many_calls_were_in_flight(ledger: Ledger) -> None:
    tape = Tape(*[Unavailable("gone")] * 64, said(), seconds=0.15)
    limits = Limits(n_in_flight=64, set_aside_after=3, backoff_s=0.001)
    answers = drive(ledger, tape, ask_all(*(ask_for(sample=n) for n in range(64))), limits)
    assert {answer.reason for answer in answers} == {None}


def test_a_success_ends_a_row_of_failures(ledger: Ledger) -> None:
    turns: list[Completion | Exception] = [Unavailable("gone"), said()] * 10
    tape = Tape(*turns)
    limits = Limits(n_in_flight=1, set_aside_after=2, backoff_s=0.001)
    answers = drive(ledger, tape, ask_all(*(ask_for(sample=n) for n in range(10))), limits)
    assert {answer.reason for answer in answers} == {None}


def test_a_model_that_asks_to_wait_too_long_is_set_aside_at_once(ledger: Ledger) -> None:
    async def work(driver: Driver) -> dict[str, str]:
        assert await driver.ask(ask_for()) == Answer(None, "set_aside")
        return driver.set_aside

    aside = drive(ledger, Tape(RateLimited("daily limit", 5000)), work)
    assert aside == {MODEL: "it asks to wait 5000 s; daily limit"}


def test_a_call_that_is_not_answered_in_time_is_tried_again(ledger: Ledger) -> None:
    tape = Tape(said(), seconds=30)

    async def work(driver: Driver) -> Answer:
        answer = asyncio.create_task(driver.ask(ask_for()))
        while not tape.began:
            await asyncio.sleep(0.001)
        tape.seconds = 0
        return await answer

    assert drive(ledger, tape, work, Limits(timeout_s=0.05, backoff_s=0.001)) == Answer(said(), None)
    assert ledger.failures(ask_for().key) == [("unavailable", "scripted/a did not answer in 0.05 s")]


def test_requests_a_minute(ledger: Ledger) -> None:
    tape = Tape(said())
    drive(ledger, tape, ask_all(*(ask_for(sample=n) for n in range(11))), Limits(requests_per_minute=1200))
    assert max(tape.began) - min(tape.began) >= 9 * 60 / 1200 - 0.01  # two at once, then one every 50 ms


def test_tokens_a_minute_make_the_calls_after_wait(ledger: Ledger) -> None:
    """100 tokens a call and 600 a second: the first goes at once, and each pays for the one before."""
    tape = Tape(said(n_prompt_tokens=60, n_completion_tokens=40))
    limits = Limits(n_in_flight=1, tokens_per_minute=36_000)
    drive(ledger, tape, ask_all(*(ask_for(sample=n) for n in range(4))), limits)
    assert max(tape.began) - min(tape.began) >= 0.3 * 0.8


def test_a_dry_run_pays_for_nothing_and_finds_what_is_there(ledger: Ledger) -> None:
    drive(ledger, Tape(said()), ask_all(ask_for()))
    tape = Tape(said())
    answers = drive(ledger, tape, ask_all(ask_for(), ask_for("3+3?")), dry_run=True)
    assert answers == [Answer(said(), None), Answer(None, "not_paid")]
    assert tape.began == []


def test_a_stop_lets_calls_in_flight_finish_and_starts_none(ledger: Ledger) -> None:
    tape = Tape(said(), seconds=0.05)

    async def work(driver: Driver) -> list[Answer]:
        asked = [asyncio.create_task(driver.ask(ask_for(sample=n))) for n in range(6)]
        while tape.n_in_flight < 2:
            await asyncio.sleep(0.001)
        driver.stop()
        late = await driver.ask(ask_for("late"))
        return [*await asyncio.gather(*asked), late]

    answers = drive(ledger, tape, work, Limits(n_in_flight=2))
    assert answers == [Answer(said(), None)] * 2 + [Answer(None, "interrupted")] * 5
    assert (len(tape.began), ledger.booked.n_calls) == (2, 2)


def test_a_stop_ends_waits_at_once_and_what_is_in_the_ledger_is_still_found(ledger: Ledger) -> None:
    drive(ledger, Tape(said()), ask_all(ask_for("known")))
    tape = Tape(RateLimited("slow", 300.0))

    async def work(driver: Driver) -> tuple[Answer, Answer]:
        waits = asyncio.create_task(driver.ask(ask_for()))
        while not tape.n_answered:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        driver.stop()
        return await waits, await driver.ask(ask_for("known"))

    assert drive(ledger, tape, work) == (Answer(None, "interrupted"), Answer(said(), None))


def test_a_call_whose_asker_is_gone_is_booked_all_the_same(ledger: Ledger) -> None:
    tape = Tape(said(), seconds=0.05)

    async def work(driver: Driver) -> None:
        asked = asyncio.create_task(driver.ask(ask_for()))
        while not tape.began:
            await asyncio.sleep(0.001)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked

    drive(ledger, tape, work)
    assert ledger.find(ask_for().key) == said()


def test_each_request_has_one_last_event(ledger: Ledger) -> None:
    events: list[Event] = []
    tape = Tape(Unavailable("gone"), said(""), said(), Rejected("no"))
    requests = [ask_for(), ask_for(), ask_for("3+3?")]

    async def work(driver: Driver) -> None:
        await asyncio.gather(*map(driver.ask, requests[:2]))
        await driver.ask(requests[2])

    drive(ledger, tape, work, observe=events.append)
    assert [(event.kind, event.detail) for event in events] == [
        ("failed", "unavailable"), ("unusable", "empty"), ("answered", None), ("found", None),
        ("failed", "rejected"), ("gave_up", "rejected")]


def test_a_model_without_provider_is_a_fault_of_the_run(ledger: Ledger) -> None:
    with pytest.raises(ConfigError, match=r"no provider of 'scripted/b'; did you mean 'scripted/a'\?"):
        drive(ledger, Tape(said()), ask_all(ask_for(model="scripted/b")))


def test_providers_are_opened_when_a_call_is_made_and_once(ledger: Ledger) -> None:
    opened: list[str] = []

    def open_one(model: str) -> Provider:
        opened.append(model)
        return Tape(said())

    async def run() -> None:
        driver = Driver(ledger, open_one)
        await driver.ask(ask_for())
        await driver.ask(ask_for())
        await driver.ask(ask_for("3+3?"))
        await driver.close()

    asyncio.run(run())
    asyncio.run(run())
    assert opened == [MODEL]


IMPORTS = """
import asyncio, sys
from pathlib import Path
from cftdata.calls import Message, Request
from cftdata.driver import Driver
from cftdata.ledger import Ledger
async def ask():
    with Ledger(Path(sys.argv[1])) as ledger:
        driver = Driver(ledger, {})
        request = Request(model="scripted/a", messages=(Message(role="user", content="2+2?"),))
        assert (await driver.ask(request)).completion.text == "4"
        await driver.close()
asyncio.run(ask())
print(sorted({"litellm", "aiohttp", "stamina", "aiolimiter"} & set(sys.modules)))
"""


def test_what_is_in_the_ledger_needs_no_extra(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(ask_for(), said(), None)
    done = subprocess.run([sys.executable, "-c", IMPORTS, str(tmp_path / "ledger.sqlite")],
                          capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_planted_key_reaches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                       capfd: pytest.CaptureFixture[str]) -> None:
    key = "planted-0123456789abcdef"
    monkeypatch.setenv("ACME_API_KEY", key)
    monkeypatch.setenv("ACME_TOKEN", "planted-token-0123")
    events: list[Event] = []
    careless = Tape(TypeError("headers: planted-token-0123"), Unavailable(f"Bearer {key}"),
                    ModelUnusable(key))

    async def run() -> str:
        server = FakeProvider(lambda text, n_try: None if n_try else "echo")
        async with serve(server) as api_base:
            provider = EndpointProvider(api_base, key_variable="ACME_API_KEY")
            with Ledger(tmp_path / "ledger.sqlite") as ledger:
                driver = Driver(ledger, {MODEL: provider, "scripted/b": careless}, {"default": QUICK},
                                observe=events.append)
                answer = await driver.ask(ask_for())
                assert answer.completion is not None
                assert answer.completion.text == answer_of("2+2?")
                assert await driver.ask(ask_for(model="scripted/b")) == Answer(None, "set_aside")
                aside, kept = driver.set_aside, ledger.failures(ask_for().key)
                await driver.close()
        assert "you sent" in kept[0][1]
        return repr((aside, kept))

    seen = asyncio.run(run()) + repr(events) + "".join(capfd.readouterr())
    assert len(events) >= 5
    assert "planted" not in seen
    assert all(b"planted" not in file.read_bytes() for file in tmp_path.iterdir())


def test_kill_9_at_any_moment_costs_no_more_than_what_was_in_flight(tmp_path: Path) -> None:
    outcome = asyncio.run(kill_and_go_on(tmp_path, 300, (30, 140, 270), seed=4))
    assert outcome.n_kills == 3
    assert outcome.n_paid_again == 0
    assert outcome.n_asked <= 300 + 3 * 16
    assert outcome.n_torn == 0
    assert len(outcome.rows) == len(set(outcome.rows)) == 300
