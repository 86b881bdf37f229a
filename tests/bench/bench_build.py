"""The driver against bare clients, faults and kills: `python tests/bench/bench_build.py`, about five minutes.

Against a provider on 127.0.0.1 in a process of its own with set latency and faults (`fake_provider.py`):

    throughput   rows a second and CPU a call with 64 in flight: a bare aiohttp client, a bare litellm loop,
                 and the driver over both; by turns in one run, so that a busy machine is busy for all
    faults       of each request's first try 9% 429 with Retry-After, 9% 500, 5% malformed, 1% hang: what is
                 delivered, whether a Retry-After is kept, what is paid for twice
    kills        a build of 2,000 rows, killed (SIGKILL) at 50 random moments and started again each time

Prints Markdown. Figures are ratios of one run; absolute ones are the machine's.
Not covered: other frameworks, real providers.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

import aiohttp  # noqa: E402
from fake_provider import Asked  # noqa: E402
from small_build import kill_and_go_on  # noqa: E402

from cftdata.calls import Completion, Message, Provider, RateLimited, Request  # noqa: E402
from cftdata.driver import Driver, Limits  # noqa: E402
from cftdata.endpoint import EndpointProvider  # noqa: E402
from cftdata.ledger import Ledger  # noqa: E402
from cftdata.providers import LitellmProvider, ProviderSettings, load_litellm  # noqa: E402

MODEL = "openai/fake"
N_IN_FLIGHT = 64
QUESTION = "What is wrong in this solution? Step 1: 12 + 30 = 42. Step 2: 42 * 3 = 126. " * 12  # about 1 kB

Call = Callable[[str], Awaitable[None]]


class Timing(NamedTuple):
    """What the rows of one turn took."""

    rows_per_s: float
    cpu_ms: float
    """CPU time of this process a row."""


@contextmanager
def server(*options: str) -> Iterator[str]:
    """The base URL of a provider in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        process = subprocess.Popen([sys.executable, str(TESTS / "fake_provider.py"), "--port-file", str(port),
                                    *options])
        try:
            while not port.exists():
                if process.poll() is not None:
                    raise RuntimeError("the provider did not start")
                time.sleep(0.02)
            yield port.read_text()
        finally:
            process.terminate()
            process.wait()


async def ask_all(call: Call, texts: Sequence[str]) -> Timing:
    """The texts, 64 in flight."""
    left = iter(texts)

    async def work() -> None:
        for text in left:
            await call(text)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(N_IN_FLIGHT)))
    seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return Timing(len(texts) / seconds, 1000 * cpu_s / len(texts))


def request_for(text: str) -> Request:
    return Request(model=MODEL, messages=(Message(role="user", content=text),), temperature=0.7)


def bare_aiohttp(session: aiohttp.ClientSession, api_base: str) -> Call:
    async def call(text: str) -> None:
        body = {"model": "fake", "messages": [{"role": "user", "content": text}], "temperature": 0.7}
        async with session.post(f"{api_base}/chat/completions", json=body) as response:
            assert (await response.json())["choices"][0]["message"]["content"]

    return call


def bare_litellm(litellm: Any, api_base: str) -> Call:
    async def call(text: str) -> None:
        answer = await litellm.acompletion(model=MODEL, messages=[{"role": "user", "content": text}],
                                           temperature=0.7, api_base=api_base)
        assert answer.choices[0].message.content

    return call


def driven(driver: Driver) -> Call:
    async def call(text: str) -> None:
        assert (await driver.ask(request_for(text))).completion is not None

    return call


async def time_clients(api_base: str, n_rows: int, n_turns: int) -> dict[str, list[Timing]]:
    """By turns; the first one of each is not counted (connections, imports)."""
    litellm = load_litellm()
    limits = {"default": Limits(n_in_flight=N_IN_FLIGHT)}
    with (tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,  # on a disk, as a build's ledger is
          Ledger(Path(folder) / "a.sqlite") as first, Ledger(Path(folder) / "b.sqlite") as second):
        over_aiohttp = Driver(first, {MODEL: EndpointProvider(api_base)}, limits)
        over_litellm = Driver(second, {MODEL: open_litellm(api_base)}, limits)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            clients = {"bare aiohttp": bare_aiohttp(session, api_base),
                       "bare litellm": bare_litellm(litellm, api_base),
                       "driver, endpoint": driven(over_aiohttp), "driver, litellm": driven(over_litellm)}
            timings = await take_turns(clients, n_rows, n_turns)
        await over_aiohttp.close()
        await over_litellm.close()
    return timings


async def take_turns(clients: dict[str, Call], n_rows: int, n_turns: int) -> dict[str, list[Timing]]:
    timings: dict[str, list[Timing]] = {name: [] for name in clients}
    for turn in range(n_turns + 1):
        for name, call in clients.items():
            texts = [f"{name} {turn} {row} {QUESTION}" for row in range(n_rows if turn else N_IN_FLIGHT)]
            timings[name].append(await ask_all(call, texts))
    return {name: each[1:] for name, each in timings.items()}


def tell_throughput(latency_ms: int, n_rows: int, n_turns: int) -> None:
    with server("--latency-ms", str(latency_ms)) as api_base:
        timings = asyncio.run(time_clients(api_base, n_rows, n_turns))
    print(f"\n## {latency_ms} ms an answer, {N_IN_FLIGHT} in flight, {n_turns} turns of {n_rows} rows\n")
    print("| client | rows/s | of bare aiohttp | of bare litellm | CPU ms/call |\n|---|---|---|---|---|")
    for name, turns in timings.items():
        print(f"| {name} | {median(turn.rows_per_s for turn in turns):.1f} "
              f"| {ratio(turns, timings['bare aiohttp']):.3f} | {ratio(turns, timings['bare litellm']):.2f} "
              f"| {least_cpu(turns):.2f} |")
    own_litellm = least_cpu(timings["driver, litellm"]) - least_cpu(timings["bare litellm"])
    own = least_cpu(timings["driver, endpoint"]) - least_cpu(timings["bare aiohttp"])
    print(f"\nMedians of the turns; CPU the least of them. CPU a call over the bare client: "
          f"{own_litellm:.2f} ms over litellm, {own:.2f} ms over aiohttp.")


def ratio(turns: list[Timing], others: list[Timing]) -> float:
    """Median over the turns, each against the other client's turn beside it."""
    return median(mine.rows_per_s / theirs.rows_per_s for mine, theirs in zip(turns, others, strict=True))


def least_cpu(turns: list[Timing]) -> float:
    """A busy machine only adds to it."""
    return min(turn.cpu_ms for turn in turns)


class Watched:
    """A provider whose calls are watched: how many begin before the Retry-After that it last gave is over."""

    def __init__(self, provider: Provider) -> None:
        self.n_early = self.n_told = 0
        self._provider = provider
        self._not_before = 0.0

    async def complete(self, request: Request) -> Completion:
        self.n_early += time.monotonic() < self._not_before
        try:
            return await self._provider.complete(request)
        except RateLimited as told:
            self.n_told += told.retry_after_s is not None
            self._not_before = max(self._not_before, time.monotonic() + (told.retry_after_s or 0))
            raise

    async def close(self) -> None:
        await self._provider.close()


async def meet_faults(provider: Provider, api_base: str, folder: Path, n_rows: int) -> list[str]:
    """What a build over the mix of faults came to, as lines."""
    texts, watched = [f"{row} {QUESTION}" for row in range(n_rows)], Watched(provider)
    limits = {"default": Limits(n_in_flight=N_IN_FLIGHT, timeout_s=5)}
    with Ledger(folder / "ledger.sqlite") as ledger:
        driver = Driver(ledger, {MODEL: watched}, limits)
        began = time.perf_counter()
        answers = await asyncio.gather(*(driver.ask(request_for(text)) for text in texts))
        seconds = time.perf_counter() - began
        await driver.close()
        (totals,) = ledger.totals()
    async with aiohttp.ClientSession() as session, session.get(api_base.replace("/v1", "/asked")) as told:
        asked = [Asked(**each) for each in await told.json()]
    return [f"rows delivered: {sum(answer.completion is not None for answer in answers)} of {n_rows}, "
            f"in {seconds:.0f} s; {len(asked)} calls",
            f"faults met: {dict(Counter(each.fault for each in asked if each.fault))}",
            f"in the ledger: {totals.n_calls} completions, {totals.n_usable} usable, faults {totals.faults}, "
            f"failures {totals.n_failures}",
            f"calls of the model begun before a Retry-After was over: {watched.n_early} "
            f"(it was given {watched.n_told} times)", *judge_asked(asked)]


def judge_asked(asked: Sequence[Asked], retry_after_s: float = 1) -> list[str]:
    """As the server saw it: whether a Retry-After was kept, and what was answered well more than once."""
    ends = {each.text: each.answered_at + retry_after_s for each in asked
            if each.fault == "rate_limited" and each.answered_at}
    n_early = sum(each.n_try > 0 and each.at < ends.get(each.text, 0) for each in asked)
    paid = Counter(each.text for each in asked if each.fault in {None, "malformed"} and each.answered_at)
    malformed = {each.text for each in asked if each.fault == "malformed"}
    again = [text for text, n_paid in paid.items() if n_paid > 1]
    return [f"requests asked again before their own Retry-After: {n_early}",
            f"requests paid for twice: {len(again)}, of which malformed at first: "
            f"{sum(text in malformed for text in again)}"]


def tell_faults(n_rows: int) -> None:
    load_litellm()  # takes seconds, which are no part of a call
    for name, open_one in (("endpoint", EndpointProvider), ("litellm", open_litellm)):
        with server("--latency-ms", "50", "--mix") as api_base, tempfile.TemporaryDirectory() as folder:
            lines = asyncio.run(meet_faults(open_one(api_base), api_base, Path(folder), n_rows))
        print(f"\n## Faults, {n_rows} rows, driver over {name}\n\n- " + "\n- ".join(lines))


def open_litellm(api_base: str) -> LitellmProvider:
    return LitellmProvider(MODEL, ProviderSettings(api_base=api_base))


def tell_kills(n_rows: int, n_kills: int, seed: int) -> None:
    draw = random.Random(seed)
    moments = [draw.randrange(1, n_rows) for _ in range(n_kills)]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        outcome = asyncio.run(kill_and_go_on(Path(folder), n_rows, moments, seed))
    print(f"\n## kill -9 at {n_kills} random moments of {n_rows} rows (seed {seed})\n")
    print(f"- killed {outcome.n_kills} times in {time.perf_counter() - began:.0f} s")
    print(f"- rows written: {len(outcome.rows)}, distinct: {len(set(outcome.rows))}")
    print(f"- calls for what the ledger held: {outcome.n_paid_again}")
    print(f"- calls in all: {outcome.n_asked}; at most 16 were in flight at each kill, so that at most "
          f"{n_rows + 16 * outcome.n_kills} are needed")
    print(f"- torn outputs: {outcome.n_torn}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=["throughput", "faults", "kills"])
    parser.add_argument("--n-turns", type=int, default=7)
    parser.add_argument("--n-kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    os.environ.setdefault("OPENAI_API_KEY", "none-is-needed")
    if options.only in {None, "throughput"}:
        tell_throughput(500, 4 * N_IN_FLIGHT, options.n_turns)
        tell_throughput(50, 4 * N_IN_FLIGHT, options.n_turns)
    if options.only in {None, "faults"}:
        tell_faults(600)
    if options.only in {None, "kills"}:
        tell_kills(2000, options.n_kills, options.seed)


if __name__ == "__main__":
    main()
