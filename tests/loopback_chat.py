"""A chat-completions server on 127.0.0.1 in a thread, which keeps who asked what when.

    >>> with serving(Chat(latency_s=0.05)) as chat:                                     # doctest: +SKIP
    ...     build(recipe_for(chat), out)
    ...     len(chat.asked)

What it answers depends on what it is asked alone. Every call comes to 1,000 tokens and a cent.
Not covered: other faults than to ask for patience (see `fake_provider`).
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from fake_chat import completion, refusal, said, serve

N_TOKENS = 1000
USAGE = {"prompt_tokens": N_TOKENS - 20, "completion_tokens": 20, "total_tokens": N_TOKENS, "cost": 0.01}
PATIENCE_S = 2


@dataclass
class Asked:
    """A call; times in seconds, as `time.monotonic` has them."""

    text: str
    at: float
    answered_at: float | None = None


@dataclass
class Chat:
    """What the server was asked, and how it answers."""

    latency_s: float = 0.02
    is_held: bool = False
    """Nothing is answered while it is."""
    refused: int | None = None
    """The number of the call, from 0, that is answered with 429: wait PATIENCE_S."""
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    most_in_flight: int = 0
    _n_in_flight: int = 0

    async def answer(self, body: dict[str, Any]) -> web.StreamResponse:
        """To one call."""
        one = Asked(said(body), time.monotonic())
        self.asked.append(one)
        is_refused = len(self.asked) - 1 == self.refused
        self._n_in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._n_in_flight)
        await asyncio.sleep(self.latency_s)
        while self.is_held:
            await asyncio.sleep(0.01)
        self._n_in_flight -= 1
        one.answered_at = time.monotonic()
        if is_refused:
            return refusal(429, "slow down", {"Retry-After": str(PATIENCE_S)})
        mark = hashlib.sha256(one.text.encode()).hexdigest()[:8]
        return completion(f"It holds ({mark}). Conclusion: right [END]", usage=USAGE)

    def wait_for(self, n: int, seconds: float = 60) -> None:
        """Returns when so many were asked."""
        until = time.monotonic() + seconds
        while len(self.asked) < n:
            assert time.monotonic() < until, f"{len(self.asked)} of {n} calls came"
            time.sleep(0.005)

    def wait_for_rest(self, seconds: float = 1.5) -> None:
        """Returns when so long nothing was asked, and all is answered."""
        while self.asked and time.monotonic() - self.asked[-1].at < seconds:
            time.sleep(0.05)

    def in_flight_at(self, at: float) -> list[str]:
        """What was not answered then, or a moment before, so that nobody may have had the answer."""
        return [one.text for one in list(self.asked)
                if one.at <= at and (one.answered_at is None or one.answered_at > at - 0.1)]

    def asked_again(self) -> Counter[str]:
        """What was asked more than once, and how often beyond that."""
        counted = Counter(one.text for one in self.asked)
        return Counter({text: n - 1 for text, n in counted.items() if n > 1})

    def most_in(self, seconds: float) -> int:
        """The most calls that began within so many seconds."""
        times = [one.at for one in self.asked]
        return max(sum(begin <= at < begin + seconds for at in times) for begin in times)


@contextmanager
def serving(chat: Chat) -> Iterator[Chat]:
    """The server, until the block ends."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = serve(chat.answer)
    chat.url = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result().url
    try:
        yield chat
    finally:
        asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
