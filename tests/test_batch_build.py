"""Builds through a batch API: submitted once, collected once, and then built without a further call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_chat import running
from test_batches import KEY, MODEL, Desk, collect_sockets

from cftdata.batch_build import Advanced, advance
from cftdata.builds import build
from cftdata.providers import ScriptedProvider
from cftdata.recipe import Recipe


class CriticDesk(Desk):
    def answer(self, text: str) -> str:
        return "Every step holds. Conclusion: right [END]"


def run(desk: Desk, folder: Path, n_times: int) -> list[Advanced]:
    async def serve() -> list[Advanced]:
        async with running(desk.app()) as url:
            recipe = recipe_at(url)
            return [await advance(recipe, folder) for _ in range(n_times)]

    return asyncio.run(serve())


def recipe_at(url: str) -> Recipe:
    return Recipe.model_validate({
        "id": "test", "queries": {"source": "problems", "n": 6}, "responses": [{"kind": "noise"}],
        "critics": [{"model": "symbolic"}, {"model": MODEL}], "providers": {MODEL: {"api_base": url}}})


pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield
    collect_sockets()


def test_what_is_submitted_is_collected_and_then_built_without_a_call(tmp_path: Path) -> None:
    desk = CriticDesk()
    first, second, third, fourth = run(desk, tmp_path, 4)
    assert (first.n_submitted, first.is_ready) == (6, False)
    assert (second.n_waiting, second.n_submitted, second.is_ready) == (6, 0, False)
    assert (third.n_collected, third.n_submitted, third.is_ready) == (6, 0, True)
    assert fourth == Advanced()
    assert len(desk.batches) == 1
    silent = ScriptedProvider({})
    report = build(recipe_at("http://127.0.0.1:9"), tmp_path, providers={MODEL: silent})
    assert not silent.requests
    assert report.samples_by_critic[MODEL] == 6


def test_an_answer_of_no_use_is_left_to_the_build(tmp_path: Path) -> None:
    desk = Desk()  # answers backwards: no verdict can be read
    *_, third, fourth = run(desk, tmp_path, 4)
    assert third.n_collected == 6
    assert fourth.is_ready
    assert len(desk.batches) == 1
    asked = ScriptedProvider(lambda request: "It holds. Conclusion: right [END]")
    report = build(recipe_at("http://127.0.0.1:9"), tmp_path, providers={MODEL: asked})
    assert len(asked.requests) == 6
    assert report.samples_by_critic[MODEL] == 6
