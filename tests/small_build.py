"""A build in small, as a process that can be killed: asks for N rows, and writes them when all are there.

    python tests/small_build.py --ledger L --api-base URL --n-rows 300 --out rows.jsonl

`kill_and_go_on` runs it against a provider in this event loop, kills it (SIGKILL) when the provider has been
asked a given number of times, starts it again, and says what was asked twice.
Not covered: faults of the provider.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from fake_provider import FakeProvider, serve

from cftdata.calls import Message, Request
from cftdata.driver import Driver, Limits
from cftdata.endpoint import EndpointProvider
from cftdata.ledger import Ledger

MODEL = "openai/fake"
N_IN_FLIGHT = 16


class Outcome(NamedTuple):
    """What came of a build that was killed again and again."""

    n_kills: int
    rows: list[str]
    """The queries of the rows written, in order."""
    n_paid_again: int
    """Calls for what the ledger held when the process before was killed."""
    n_asked: int
    """All calls."""
    n_torn: int
    """Times the output was there after a kill without holding every row."""


def ask_for(text: str) -> Request:
    return Request(model=MODEL, messages=(Message(role="user", content=text),))


def queries(n_rows: int) -> list[str]:
    return [f"Query {row}: what is {row} + {row}?" for row in range(n_rows)]


async def build(ledger: Path, api_base: str, n_rows: int, out: Path) -> None:
    """Asks for every row; the output appears whole or not at all."""
    with Ledger(ledger) as calls:
        driver = Driver(calls, {MODEL: EndpointProvider(api_base)}, {MODEL: Limits(n_in_flight=N_IN_FLIGHT)})
        try:
            answers = await asyncio.gather(*(driver.ask(ask_for(text)) for text in queries(n_rows)))
        finally:
            await driver.close()
    rows = [{"query": text, "answer": answer.completion.text}
            for text, answer in zip(queries(n_rows), answers, strict=True) if answer.completion]
    part = out.with_suffix(".part")
    part.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    part.rename(out)


async def kill_and_go_on(folder: Path, n_rows: int, moments: Sequence[int], seed: int,
                         latency_s: float = 0.02) -> Outcome:
    """moments: how many calls the provider has seen when the process is killed, up to a latency later."""
    draw, provider = random.Random(seed), FakeProvider(latency_s=latency_s)
    ledger, out = folder / "ledger.sqlite", folder / "rows.jsonl"
    n_paid_again = n_kills = n_torn = 0
    async with serve(provider) as api_base:
        command = [sys.executable, __file__, "--ledger", str(ledger), "--api-base", api_base,
                   "--n-rows", str(n_rows), "--out", str(out)]
        for moment in [*sorted(moments), None]:
            held, n_before = held_texts(ledger, n_rows), len(provider.asked)
            process = await asyncio.create_subprocess_exec(*command)
            n_kills += await end(process, provider, moment, draw.uniform(0, 2 * latency_s))
            n_paid_again += sum(asked.text in held for asked in provider.asked[n_before:])
            n_torn += out.exists() and len(read(out)) != n_rows
    return Outcome(n_kills, read(out), n_paid_again, len(provider.asked), n_torn)


async def end(process: asyncio.subprocess.Process, provider: FakeProvider, moment: int | None,
              delay_s: float) -> bool:
    """Waits for the moment and kills; whether there was anything to kill. With no moment it may finish."""
    while moment is not None and process.returncode is None and len(provider.asked) < moment:
        await asyncio.sleep(0.001)
    if moment is not None:
        await asyncio.sleep(delay_s)
        if process.returncode is None:
            process.kill()
            await process.wait()
            return True
    if await process.wait() != 0:
        raise RuntimeError(f"the build ended with {process.returncode}")
    return False


def held_texts(ledger: Path, n_rows: int) -> set[str]:
    """The queries whose completion the ledger holds."""
    if not ledger.exists():
        return set()
    with Ledger(ledger) as calls:
        return {text for text in queries(n_rows) if calls.find(ask_for(text).key)}


def read(out: Path) -> list[str]:
    return [json.loads(line)["query"] for line in out.read_text(encoding="utf-8").splitlines()]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--api-base", required=True)
    parser.add_argument("--n-rows", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(build(options.ledger, options.api_base, options.n_rows, options.out))


if __name__ == "__main__":
    main()
