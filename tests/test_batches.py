import asyncio
import gc
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_chat import completion_body, running

from cftdata.batches import Batches, BatchProgress
from cftdata.calls import CallError, Completion, Message, Request, Unavailable
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger
from cftdata.providers import ProviderSettings

MODEL = "openai/gpt-4.1"
KEY = "sk-planted-0123456789abcdef"


class Desk:
    """A provider's batch API. A batch is done at the second look; `drops` are texts that it leaves out."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.n_looks = 0
        self.fails_after_creating = False
        self.ends_as = "completed"

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes([
            web.post("/v1/files", self.upload), web.get("/v1/files/{id}/content", self.download),
            web.post("/v1/batches", self.create), web.get("/v1/batches", self.list),
            web.get("/v1/batches/{id}", self.look)])
        return app

    async def upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        id_ = f"file-{len(self.files)}"
        self.files[id_] = file.file.read()
        return web.json_response({"id": id_, "object": "file", "bytes": 1, "created_at": 1, "filename": "a",
                                  "purpose": form["purpose"], "status": "processed"})

    async def create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        id_ = f"batch_{len(self.batches)}"
        self.batches[id_] = {
            "id": id_, "object": "batch", "completion_window": "24h", "status": "validating", "created_at": 1,
            **{name: asked[name] for name in ("endpoint", "input_file_id", "metadata")}}
        if self.fails_after_creating:
            return web.json_response({"error": {"message": f"busy {KEY}"}}, status=503)
        return web.json_response(self.batches[id_])

    async def list(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": list(self.batches.values()), "has_more": False})

    async def look(self, request: web.Request) -> web.Response:
        self.n_looks += 1
        batch = self.batches[request.match_info["id"]]
        if self.n_looks > 1:
            self.work(batch)
        return web.json_response(batch)

    async def download(self, request: web.Request) -> web.Response:
        return web.Response(body=self.files[request.match_info["id"]])

    def answer(self, text: str) -> str:
        return text[::-1]

    def work(self, batch: dict[str, Any]) -> None:
        """Answers every line by its text: refused, cut, left out, or with its text backwards."""
        output, errors = [], []
        for line in self.files[batch["input_file_id"]].splitlines():
            asked = json.loads(line)
            key, text = asked["custom_id"], asked["body"]["messages"][0]["content"]
            if text == "refused":
                refused = {"error": {"message": f"no, {KEY}"}}
                errors.append({"custom_id": key, "response": {"status_code": 400, "body": refused}})
            elif text != "left out":
                body = completion_body(self.answer(text), "length" if text == "cut" else "stop")
                output.append({"custom_id": key, "response": {"status_code": 200, "body": body}})
        for name, lines in (("output_file_id", output), ("error_file_id", errors)):
            self.files[f"{batch['id']}-{name}"] = "\n".join(map(json.dumps, reversed(lines))).encode()
            batch[name] = f"{batch['id']}-{name}"
        batch["status"] = self.ends_as
        batch["request_counts"] = {"total": 4, "completed": len(output), "failed": len(errors)}


def ask(text: str, **fields: Any) -> Request:
    return Request(model=MODEL, messages=(Message(role="user", content=text),), **fields)


ASKED = [ask("one", temperature=0.5, max_tokens=9), ask("cut"), ask("refused"), ask("left out")]


@asynccontextmanager
async def opened(desk: Desk, ledger: Ledger) -> AsyncIterator[Batches]:
    async with running(desk.app()) as url:
        yield Batches(ledger, ProviderSettings(api_base=url, timeout_s=20))


def run(folder: Path, desk: Desk, use: Callable[[Batches, Ledger], Awaitable[Any]]) -> Any:
    async def both() -> Any:
        with Ledger(folder / "ledger.sqlite") as ledger:
            async with opened(desk, ledger) as batches:
                return await use(batches, ledger)

    return asyncio.run(both())


# litellm opens a client for each of these calls and leaves its socket to the garbage collector
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def collect_sockets() -> None:
    """Collects what litellm left open here, so that no later test meets it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    yield
    collect_sockets()


def test_a_batch_from_submission_to_the_ledger(tmp_path: Path) -> None:
    desk = Desk()

    async def submit(batches: Batches, ledger: Ledger) -> tuple[str, BatchProgress]:
        name = await batches.submit(ASKED, MODEL)
        assert ledger.batches()[0].state == "submitted"
        with pytest.raises(ConfigError, match="not done"):
            await anext(batches.collect(name))
        return name, await batches.poll(name)

    async def collect(batches: Batches, ledger: Ledger) -> dict[str, Completion | CallError]:
        first = {key: answer async for key, answer in batches.collect(name)}
        again = {key: answer async for key, answer in batches.collect(name)}  # as after a crash in its middle
        assert first.keys() == again.keys()
        (totals,) = ledger.totals()
        assert (totals.n_calls, totals.n_usable, totals.faults) == (2, 1, {"cut_off": 1})
        assert totals.n_failures == {"rejected": 1, "unavailable": 1}
        assert ledger.find(ASKED[0].key) == first[ASKED[0].key]
        assert ledger.batches()[0].state == "collected"
        return first

    name, progress = run(tmp_path, desk, submit)
    assert progress == BatchProgress(status="done", n_requests=4, n_answered=2, n_failed=1)
    found = run(tmp_path, desk, collect)
    assert list(found) == [ASKED[place].key for place in (1, 0, 2, 3)]
    answer = found[ASKED[0].key]
    assert isinstance(answer, Completion)
    assert (answer.text, answer.finish_reason) == ("eno", "stop")
    assert answer.cost_usd == pytest.approx((30 * 2e-6 + 20 * 8e-6) / 2)  # half of what a single call costs
    assert isinstance(found[ASKED[3].key], Unavailable)
    assert KEY not in str(found[ASKED[2].key])
    line = json.loads(desk.files["file-0"].splitlines()[0])
    assert line == {"custom_id": ASKED[0].key, "method": "POST", "url": "/v1/chat/completions", "body": {
        "model": "gpt-4.1", "messages": [{"role": "user", "content": "one"}], "temperature": 0.5,
        "max_tokens": 9}}
    assert KEY.encode() not in (tmp_path / "ledger.sqlite").read_bytes()


@pytest.mark.parametrize("was_created", [True, False])
def test_a_submission_that_broke_off_is_neither_lost_nor_doubled(tmp_path: Path, was_created: bool) -> None:
    desk = Desk()
    desk.fails_after_creating = True

    async def break_off(batches: Batches, ledger: Ledger) -> None:
        with pytest.raises(Unavailable):
            await batches.submit(ASKED, MODEL)

    async def resume(batches: Batches, ledger: Ledger) -> None:
        (batch,) = ledger.batches()
        assert (batch.state, batch.provider_id) == ("planned", None)
        with pytest.raises(ConfigError, match="resume"):
            await batches.poll(batch.name)
        for _ in range(2):
            await batches.resume(batch.name)
        (batch,) = ledger.batches()
        assert (batch.state, batch.provider_id) == ("submitted", "batch_0")

    run(tmp_path, desk, break_off)
    desk.fails_after_creating = False
    if not was_created:
        desk.batches.clear()
    run(tmp_path, desk, resume)
    assert len(desk.batches) == 1


def test_what_an_expired_batch_answered_is_collected(tmp_path: Path) -> None:
    desk = Desk()
    desk.ends_as, desk.n_looks = "expired", 1

    async def use(batches: Batches, ledger: Ledger) -> list[str]:
        name = await batches.submit(ASKED, MODEL)
        return [str(answer) async for _, answer in batches.collect(name) if isinstance(answer, Unavailable)]

    assert run(tmp_path, desk, use) == [f"{MODEL} left it out of its batch (expired)"]


@pytest.mark.parametrize(("requests", "model", "said"), [
    ([], MODEL, "1 to 50000 requests"), ([ask("a"), ask("a")], MODEL, "once"),
    ([ask("a")], "openai/gpt-4o", "one model"), ([ask("a")], "anthropic/claude", "takes no batches")])
def test_what_is_no_batch(tmp_path: Path, requests: list[Request], model: str, said: str) -> None:
    async def use(batches: Batches, ledger: Ledger) -> None:
        with pytest.raises(ConfigError, match=said):
            await batches.submit(requests, model)
        assert ledger.batches() == []

    run(tmp_path, Desk(), use)


def test_an_unknown_batch(tmp_path: Path) -> None:
    async def use(batches: Batches, ledger: Ledger) -> None:
        with pytest.raises(ConfigError, match="has no batch 'x'"):
            await batches.poll("x")

    run(tmp_path, Desk(), use)
