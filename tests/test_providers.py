import asyncio
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_chat import Answer, Server, completion, raw, refusal, said, serve

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
from cftdata.endpoint import EndpointProvider
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger
from cftdata.providers import (
    LitellmProvider,
    ProviderSettings,
    ReplayProvider,
    ScriptedProvider,
    count_tokens,
    estimate_cost,
    open_provider,
)

KEY = "sk-planted-0123456789abcdef"
SCHEMA = {"type": "object", "properties": {"verdict": {"type": "string"}}}
MAKERS = [EndpointProvider, LitellmProvider]


def ask(text: str = "2+2?", model: str = "openai/gpt-4.1", **fields: Any) -> Request:
    return Request(model=model, messages=(Message(role="user", content=text),), **fields)


def make(maker: type[Provider], url: str, model: str = "openai/gpt-4.1", timeout_s: float = 20) -> Provider:
    if maker is EndpointProvider:
        return EndpointProvider(url, key_variable="OPENAI_API_KEY", timeout_s=timeout_s)
    return LitellmProvider(model, ProviderSettings(api_base=url, timeout_s=timeout_s))


def run(answer: Answer, use: Callable[[Server], Awaitable[Any]]) -> Any:
    async def both() -> Any:
        async with serve(answer) as server:
            return await use(server)

    return asyncio.run(both())


def call(maker: type[Provider], answer: Answer, request: Request, timeout_s: float = 20
         ) -> tuple[Completion | CallError, Server]:
    """What the provider makes of the server's answer, and the server."""
    async def use(server: Server) -> tuple[Completion | CallError, Server]:
        provider = make(maker, server.url, request.model, timeout_s)
        try:
            return await provider.complete(request), server
        except CallError as fault:
            return fault, server
        finally:
            await provider.close()

    result: tuple[Completion | CallError, Server] = run(answer, use)
    return result


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize("maker", MAKERS)
def test_an_answer_is_read_whole(maker: type[Provider]) -> None:
    found, server = call(maker, lambda asked: completion("4 ✓"), ask(
        temperature=0.5, top_p=0.9, max_tokens=99, seed=3, response_schema=SCHEMA))
    assert isinstance(found, Completion)
    assert (found.text, found.finish_reason, found.model) == ("4 ✓", "stop", "m-2025")
    assert (found.n_prompt_tokens, found.n_completion_tokens) == (30, 20)
    assert found.created is not None
    assert found.created.tzinfo is not None
    assert found.seconds is not None
    assert server.asked == [{
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "2+2?"}], "temperature": 0.5,
        "top_p": 0.9, "max_tokens": 99, "seed": 3,
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}}}]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(("text", "finish"), [
    ("4", "length"), (None, "length"), ("", "content_filter"), ("4", "stop")])
def test_why_an_answer_ends(maker: type[Provider], text: str | None, finish: str) -> None:
    found, _ = call(maker, lambda asked: completion(text, finish), ask())
    assert isinstance(found, Completion)
    assert (found.text, found.finish_reason) == (text or "", finish)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("content", [
    b"<html>busy", b'{"choices": [', b'{"id": "x"}', b"[]", b'{"choices": []}', b""])
def test_a_malformed_answer_is_an_empty_completion(maker: type[Provider], content: bytes) -> None:
    found, _ = call(maker, lambda asked: raw(content), ask())
    assert isinstance(found, Completion), found
    assert (found.text, found.finish_reason) == ("", "other")


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize(("status", "kind"), [
    (400, Rejected), (401, ModelUnusable), (403, ModelUnusable), (404, ModelUnusable), (413, Rejected),
    (422, Rejected), (429, RateLimited), (500, Unavailable), (503, Unavailable)])
def test_refusals(maker: type[Provider], status: int, kind: type[CallError]) -> None:
    fault, server = call(maker, lambda asked: refusal(status, f"no, {KEY}", {"Retry-After": "7"}), ask())
    assert type(fault) is kind
    assert str(status) in str(fault)
    assert len(server.asked) == 1  # no retries but the driver's
    if isinstance(fault, RateLimited | Unavailable):
        assert fault.retry_after_s == 7
    shown = "".join(traceback.format_exception(fault)) + repr(fault.__context__)
    assert KEY not in shown
    assert KEY[3:] not in shown


@pytest.mark.parametrize("maker", MAKERS)
def test_no_credit_is_no_rate_limit(maker: type[Provider]) -> None:
    fault, _ = call(maker, lambda asked: refusal(429, "You exceeded your current quota"), ask())
    assert isinstance(fault, ModelUnusable)


@pytest.mark.parametrize("maker", MAKERS)
def test_what_hangs_is_unavailable(maker: type[Provider]) -> None:
    async def hang(asked: dict[str, Any]) -> web.Response:
        await asyncio.sleep(30)
        return completion("late")

    fault, _ = call(maker, hang, ask(), timeout_s=0.5)
    assert isinstance(fault, Unavailable)


@pytest.mark.parametrize("maker", MAKERS)
def test_no_server_is_unavailable(maker: type[Provider]) -> None:
    async def use() -> Completion:
        provider = make(maker, "http://127.0.0.1:9/v1")
        try:
            return await provider.complete(ask())
        finally:
            await provider.close()

    with pytest.raises(Unavailable):
        asyncio.run(use())


def test_cost_is_litellms_where_it_has_a_price_and_unknown_elsewhere() -> None:
    priced, _ = call(LitellmProvider, lambda asked: completion("4"), ask())
    unpriced, _ = call(LitellmProvider, lambda asked: completion("4"), ask(model="openai/my-own"))
    assert isinstance(priced, Completion)
    assert isinstance(unpriced, Completion)
    assert priced.cost_usd == pytest.approx(30 * 2e-6 + 20 * 8e-6)
    assert unpriced.cost_usd is None


@pytest.mark.parametrize("maker", MAKERS)
def test_cost_as_a_gateway_states_it(maker: type[Provider]) -> None:
    def answer(asked: dict[str, Any]) -> web.Response:
        if said(asked) == "header":
            return completion("4", headers={"x-litellm-response-cost": "0.25"})
        usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "cost": 0.5}
        return completion("4", usage=usage)

    for text, cost in (("header", 0.25), ("usage", 0.5)):
        found, _ = call(maker, answer, ask(text, model="openai/my-own"))
        assert isinstance(found, Completion)
        assert found.cost_usd == cost


def test_an_answer_schema_is_only_sent_where_it_is_followed() -> None:
    _, server = call(LitellmProvider, lambda asked: completion("4"),
                     ask(model="openai/my-own", response_schema=SCHEMA))
    assert "response_format" not in server.asked[0]


def test_parameters_that_a_model_does_not_take_are_left_out() -> None:
    _, server = call(LitellmProvider, lambda asked: completion("4"),
                     ask(model="openai/o3-mini", temperature=0.3, max_tokens=9))
    assert "temperature" not in server.asked[0]
    assert server.asked[0]["max_completion_tokens"] == 9


def test_a_missing_key_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(ModelUnusable, match="claude-sonnet-4-5 needs a key: set ANTHROPIC_API_KEY"):
        asyncio.run(open_provider("anthropic/claude-sonnet-4-5").complete(ask()))


def test_an_endpoint_without_a_key_is_asked_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    _, server = call(EndpointProvider, lambda asked: completion("4"), ask())
    assert "Authorization" not in server.headers[0]
    fault, _ = call(EndpointProvider, lambda asked: refusal(401), ask())
    assert isinstance(fault, ModelUnusable)
    assert "set OPENAI_API_KEY" in str(fault)


def test_who_answers_a_model() -> None:
    own = ProviderSettings(api_base="http://127.0.0.1:1/v1")
    assert isinstance(open_provider("openai/m", own), EndpointProvider)
    assert isinstance(open_provider("hosted_vllm/org/m", own), EndpointProvider)
    assert isinstance(open_provider("anthropic/m", own), LitellmProvider)
    assert isinstance(open_provider("openai/gpt-4.1"), LitellmProvider)


@pytest.mark.parametrize("model", ["gpt-4.1", "", "openai/", "scripted/x"])
def test_a_name_that_is_no_model(model: str) -> None:
    with pytest.raises(ConfigError, match="provider/model"):
        open_provider(model)


@pytest.mark.parametrize("name", ["api_key", "Authorization", "azure_ad_KEY"])
def test_keys_come_from_the_environment_only(name: str) -> None:
    with pytest.raises(ConfigError, match="environment") as fault:
        open_provider("openai/m", ProviderSettings(extra={name: KEY}))
    assert KEY not in str(fault.value)


def test_a_model_that_no_provider_has() -> None:
    with pytest.raises(ModelUnusable, match="litellm knows no provider of nowhere/m"):
        asyncio.run(open_provider("nowhere/m").complete(ask()))


@pytest.mark.parametrize("maker", MAKERS)
def test_another_provider_goes_on_when_one_is_closed(maker: type[Provider]) -> None:
    async def use(server: Server) -> list[str]:
        first, second = make(maker, server.url), make(maker, server.url)
        texts = [(await first.complete(ask())).text, (await second.complete(ask())).text]
        await first.close()
        texts.append((await second.complete(ask())).text)
        await second.close()
        texts.append((await second.complete(ask())).text)  # opens again
        await second.close()
        return texts

    assert run(lambda asked: completion("4"), use) == ["4"] * 4


def test_importing_and_estimating_load_no_litellm_and_litellm_asks_no_network() -> None:
    code = """
import sys
from cftdata.calls import Message, Request
from cftdata.providers import count_tokens, estimate_cost, load_litellm, open_provider
asked = Request(model="openai/gpt-4.1", messages=(Message(role="user", content="2+2?"),))
open_provider("openai/gpt-4.1"), count_tokens(asked), estimate_cost(asked)
assert not {"litellm", "aiohttp", "openai"} & set(sys.modules), "too much is imported"
def watch(event, arguments):
    if event in {"socket.connect", "socket.getaddrinfo"}:
        print("NETWORK", event, arguments)
sys.addaudithook(watch)
load_litellm()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_tokens_and_cost_are_estimated() -> None:
    assert count_tokens(ask("x" * 3500)) == pytest.approx(1000, rel=0.01)
    asked = ask("x" * 3486, max_tokens=500)
    assert estimate_cost(asked) == pytest.approx(1000 * 2e-6 + 500 * 8e-6)
    assert estimate_cost(asked, n_completion_tokens=100) == pytest.approx(1000 * 2e-6 + 100 * 8e-6)
    assert estimate_cost(ask(model="gemini/gemini-2.5-flash")) is not None
    assert estimate_cost(ask(model="hosted_vllm/my-own")) is None
    assert estimate_cost(ask(model="local")) == 0


class TestScripted:
    def test_answers_by_text_and_keeps_what_was_asked(self) -> None:
        provider = ScriptedProvider({"2+2?": "4"})
        found = asyncio.run(provider.complete(ask()))
        assert (found.text, found.cost_usd, found.n_completion_tokens) == ("4", 0, 0)
        with pytest.raises(Rejected, match="no answer to '3'"):
            asyncio.run(provider.complete(ask("3")))
        assert [each.messages[0].content for each in provider.requests] == ["2+2?", "3"]

    def test_answers_by_function(self) -> None:
        whole = Completion(text="cut", finish_reason="length")
        known: dict[str, str | Completion] = {"a": "text", "b": whole}
        wait = RateLimited("wait", 3)
        provider = ScriptedProvider(lambda asked: known.get(asked.messages[0].content) or wait)
        assert asyncio.run(provider.complete(ask("a"))).text == "text"
        assert asyncio.run(provider.complete(ask("b"))) is whole
        with pytest.raises(RateLimited, match="wait"):
            asyncio.run(provider.complete(ask("c")))


class TestReplay:
    def test_answers_what_the_ledger_holds_and_nothing_else(self, tmp_path: Path) -> None:
        with Ledger(tmp_path / "ledger.sqlite") as ledger:
            ledger.add(ask(), Completion(text="4", finish_reason="stop"), None)
            ledger.add(ask("cut"), Completion(text="4", finish_reason="length"), "cut_off")
        provider = ReplayProvider(tmp_path / "ledger.sqlite")
        assert asyncio.run(provider.complete(ask())).text == "4"
        for other in (ask("cut"), ask(sample=1)):
            with pytest.raises(Rejected, match="the ledger holds no completion of this call to openai/gpt-4"):
                asyncio.run(provider.complete(other))
        asyncio.run(provider.close())

    def test_a_ledger_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="there is no ledger"):
            ReplayProvider(tmp_path / "none.sqlite")
