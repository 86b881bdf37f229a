"""A chat-completions server on 127.0.0.1 for tests, answered by a function.

    >>> async with serve(lambda asked: completion("4")) as server:             # doctest: +SKIP
    ...     open_provider("openai/m", ProviderSettings(api_base=server.url))

`server.asked` holds the bodies, `server.headers` the headers of what was asked.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Answer = Callable[[dict[str, Any]], web.StreamResponse | Awaitable[web.StreamResponse]]


class Server:
    """What a test sees of the server."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[Server]:
    """A server whose answer to a request body is the function's, until the block ends."""
    server = Server()

    async def handle(request: web.Request) -> web.StreamResponse:
        server.asked.append(await request.json())
        server.headers.append(dict(request.headers))
        given = answer(server.asked[-1])
        return given if isinstance(given, web.StreamResponse) else await given

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handle)
    async with running(app) as server.url:
        yield server


@asynccontextmanager
async def running(app: web.Application) -> AsyncIterator[str]:
    """The base URL (with /v1) of an application that is served on a free port."""
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/v1"
    finally:
        await runner.cleanup()


def completion(text: str | None, finish_reason: str = "stop", headers: dict[str, str] | None = None,
               **fields: Any) -> web.Response:
    """A chat completion as a provider sends it."""
    return web.json_response(completion_body(text, finish_reason, **fields), headers=headers)


def completion_body(text: str | None, finish_reason: str = "stop", **fields: Any) -> dict[str, Any]:
    """Its body."""
    choice = {"index": 0, "finish_reason": finish_reason, "message": {"role": "assistant", "content": text}}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m-2025", "choices": [choice],
            "usage": {"prompt_tokens": 30, "completion_tokens": 20, "total_tokens": 50}} | fields


def refusal(status: int, message: str = "no", headers: dict[str, str] | None = None) -> web.Response:
    """An error as a provider sends it."""
    return web.json_response({"error": {"message": message}}, status=status, headers=headers)


def raw(content: bytes) -> web.Response:
    """A 200 with these bytes."""
    return web.Response(body=content, content_type="application/json")


def said(asked: dict[str, Any]) -> str:
    """The last message's text."""
    text = asked["messages"][-1]["content"]
    return text if isinstance(text, str) else json.dumps(text)
