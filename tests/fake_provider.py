"""A provider on 127.0.0.1: an OpenAI-compatible chat-completions server with set latency and faults.

In the test's own event loop, or as a process of its own (`GET /asked` tells what it saw):

    >>> async with serve(FakeProvider(lambda text, n_try: "cut_off")) as api_base: ...     # doctest: +SKIP

    python -m tests.fake_provider --port-file port --latency-ms 500 --mix

Every request is recorded with its time. An answer's text depends on the request's last message alone.
Not covered: streaming, tools, any check of the key.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from aiohttp import web

Fault = Literal["rate_limited", "server_error", "malformed", "hang", "cut_off", "empty", "echo"]
"""`echo` is a 500 whose message repeats the request's Authorization header."""
Plan = Callable[[str, int], Fault | None]
"""Text of the last message and 0-based number of the try to the fault of the answer; None is none."""


@dataclass
class Asked:
    """One request as the server saw it; times in seconds since 1970."""

    at: float
    text: str
    """Its last message."""
    n_try: int
    """How often the same text had been asked before."""
    fault: Fault | None
    answered_at: float | None = None
    """None: it hung, or the asker was gone."""


class FakeProvider:
    """What it answers, how fast, and what it was asked."""

    def __init__(self, plan: Plan = lambda text, n_try: None, *, latency_s: float = 0.0,
                 retry_after_s: float = 1.0) -> None:
        self.asked: list[Asked] = []
        self.most_in_flight = 0
        self._plan = plan
        self._latency_s = latency_s
        self._retry_after_s = retry_after_s
        self._n_tries: Counter[str] = Counter()
        self._n_in_flight = 0

    async def answer(self, request: web.Request) -> web.Response:
        """POST /v1/chat/completions."""
        body = await request.json()
        text = body["messages"][-1]["content"]
        asked = Asked(time.time(), text, self._n_tries[text], self._plan(text, self._n_tries[text]))
        self._n_tries[text] += 1
        self.asked.append(asked)
        self._n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._n_in_flight)
        try:
            await asyncio.sleep(3600 if asked.fault == "hang" else self._latency_s)
        finally:
            self._n_in_flight -= 1
        asked.answered_at = time.time()
        return self._response(asked, body.get("model"), request.headers.get("Authorization", ""))

    async def tell(self, request: web.Request) -> web.Response:
        """GET /asked."""
        del request
        return web.json_response([asdict(asked) for asked in self.asked])

    def _response(self, asked: Asked, model: str, authorization: str) -> web.Response:
        if asked.fault == "rate_limited":
            return web.json_response({"error": {"message": "slow down"}}, status=429,
                                     headers={"Retry-After": f"{self._retry_after_s:g}"})
        if asked.fault in {"server_error", "echo"}:
            said = f"you sent {authorization}" if asked.fault == "echo" else "internal error"
            return web.json_response({"error": {"message": said}}, status=500)
        if asked.fault == "malformed":
            return web.Response(text='{"choices": [{"mess', content_type="application/json")
        return web.json_response(complete(asked, model))


def complete(asked: Asked, model: str) -> dict[str, object]:
    """The chat completion, as OpenAI's API has it."""
    content = "" if asked.fault == "empty" else answer_of(asked.text)
    return {
        "id": "chatcmpl-1", "object": "chat.completion", "created": int(asked.at), "model": model,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content},
                     "finish_reason": "length" if asked.fault == "cut_off" else "stop"}],
        "usage": {"prompt_tokens": 20, "completion_tokens": 10, "total_tokens": 30}}


def answer_of(text: str) -> str:
    """What the server says to a message."""
    return f"Answer {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def mix(text: str, n_try: int) -> Fault | None:
    """Of each text's first try 9% 429, 9% 500, 5% malformed, 1% hang, drawn by the text."""
    drawn = hashlib.sha256(b"mix" + text.encode()).digest()
    percent = int.from_bytes(drawn[:4], "big") / 2**32 * 100
    if n_try or percent >= 24:
        return None
    return "rate_limited" if percent < 9 else "server_error" if percent < 18 else (
        "malformed" if percent < 23 else "hang")


@asynccontextmanager
async def serve(provider: FakeProvider) -> AsyncIterator[str]:
    """The server's base URL, while it answers in this event loop."""
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/v1/chat/completions", provider.answer)
    app.router.add_get("/asked", provider.tell)
    runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


async def run(provider: FakeProvider, port_file: Path) -> None:
    """Answers until the process is ended; the port file holds the base URL and is whole once it is there."""
    async with serve(provider) as api_base:
        part = port_file.with_suffix(".part")
        part.write_text(api_base)
        part.rename(port_file)
        await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--latency-ms", type=float, default=0)
    parser.add_argument("--retry-after-s", type=float, default=1)
    parser.add_argument("--mix", action="store_true", help="faults as in the benchmark")
    options = parser.parse_args()
    provider = FakeProvider(mix if options.mix else lambda text, n_try: None,
                            latency_s=options.latency_ms / 1000, retry_after_s=options.retry_after_s)
    asyncio.run(run(provider, options.port_file))


if __name__ == "__main__":
    main()
