"""Providers' batch APIs: half the price for answers within a day, through litellm, in the same ledger.

    submit    books the requests as a batch, uploads them and starts it; the provider's id is kept
    resume    what a crash in the middle of a submission left: found again at the provider, or sent
    poll      how far it is
    collect   books every answer, then hands it on; a build then finds them in the ledger like any other

A batch that was submitted is never submitted again, and collecting twice books nothing twice. An answer that
cannot be used is kept with its fault, as the driver keeps it; what the provider did not answer is booked as a
failure, and a build asks for it on its own.

Source: OpenAI's API reference, batch.

    >>> desk = Batches(ledger)                                                  # doctest: +SKIP
    >>> name = asyncio.run(desk.submit(requests, "openai/gpt-4.1"))             # doctest: +SKIP

Covered: OpenAI and servers that speak its batch API (tested against one on this machine), Azure, vLLM and
litellm's proxy by litellm's word. Not covered: Anthropic's and Google's batches; a file is read into memory
whole (some 200 MB at most).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from cftdata.calls import CallError, Completion, Request, Unavailable
from cftdata.driver import find_fault
from cftdata.endpoint import fault_of, hide_keys, parameters, read_answer
from cftdata.errors import ConfigError, suggest
from cftdata.ledger import Batch, Ledger
from cftdata.providers import ProviderSettings, check_key, fault_of_error, load_litellm, prices
from cftdata.sample import Count, Record

__all__ = ["MOST_REQUESTS", "SPEAKERS", "BatchProgress", "Batches"]

MOST_REQUESTS = 50_000
"""Most requests of one batch (OpenAI's limit)."""
SPEAKERS = {"openai", "azure", "hosted_vllm", "litellm_proxy"}
OVER = {"completed", "expired", "cancelled"}  # what was answered by then can be collected
PAGE = 100


class BatchProgress(Record):
    """How far a batch is."""

    status: Literal["working", "done", "failed"]
    """`done` also when it expired or was cancelled: what it holds can be collected."""
    n_requests: Count | None = None
    """Requests in it; None until the provider has counted them."""
    n_answered: Count = 0
    n_failed: Count = 0
    said: str | None = None
    """What the provider says of a batch that failed."""


class Batches:
    """The batches of one ledger. Nothing is kept open between calls."""

    def __init__(self, ledger: Ledger, settings: ProviderSettings | None = None) -> None:
        self._ledger = ledger
        self._settings = settings or ProviderSettings()

    async def submit(self, requests: Sequence[Request], model: str) -> str:
        """Books and sends a batch; its name, of ours. Raises ConfigError and CallError.

        When it raises a CallError the batch stays `planned`: `resume` sends it.
        """
        provider = model.partition("/")[0]
        if provider not in SPEAKERS:
            raise ConfigError(f"{model} takes no batches through litellm; {suggest(provider, SPEAKERS)}")
        if not 0 < len(requests) <= MOST_REQUESTS or {each.model for each in requests} != {model}:
            raise ConfigError(f"a batch is 1 to {MOST_REQUESTS} requests to one model ({model})")
        keys = [request.key for request in requests]
        if len(set(keys)) < len(keys):
            raise ConfigError("a batch asks each request once; number the samples of one request")
        check_key(load_litellm(), model, self._settings)
        content = f"{len(self._ledger.batches())} {' '.join(keys)}"
        name = hashlib.sha256(content.encode()).hexdigest()[:16]
        self._ledger.add_batch(name, model, requests)
        await self._send(name, model)
        return name

    async def resume(self, name: str) -> None:
        """Sends a planned batch unless the provider has it already."""
        batch = self._batch(name)
        if batch.state != "planned":
            return
        id_ = await self._look_up(batch)
        if id_ is None:
            await self._send(name, batch.model)
        else:
            self._ledger.amend_batch(name, "submitted", id_)

    async def poll(self, name: str) -> BatchProgress:
        """How far the batch is. Raises ConfigError for one that was not sent."""
        batch = self._batch(name)
        told = await self._retrieve(batch)
        counts = told.request_counts
        status: Literal["working", "done", "failed"] = (
            "done" if told.status in OVER else "failed" if told.status == "failed" else "working")
        if status == "failed":
            self._ledger.amend_batch(name, "failed")
        return BatchProgress(status=status, n_requests=counts.total if counts else None,
                             n_answered=counts.completed if counts else 0,
                             n_failed=counts.failed if counts else 0, said=_errors_of(told))

    async def collect(self, name: str) -> AsyncIterator[tuple[str, Completion | CallError]]:
        """Key and answer of every request of a batch that is done, in no order; each is in the ledger first.

        Raises ConfigError while it is not done.
        """
        batch = self._batch(name)
        told = await self._retrieve(batch)
        if told.status not in OVER:
            raise ConfigError(f"the batch {name} is not done ({told.status}); poll it until it is")
        waiting = {request.key: request for request in self._ledger.batch_requests(name)}
        for file in filter(None, (told.output_file_id, told.error_file_id)):
            content = await self._call("file_content", batch.model, file_id=file)
            for key, line in _read_lines(content.content):
                request = waiting.pop(key, None)
                if request is not None:
                    yield key, self._book(request, line, batch)
        for key, request in waiting.items():
            left_out = Unavailable(f"{batch.model} left it out of its batch ({told.status})")
            yield key, self._fail(request, left_out, batch)
        self._ledger.amend_batch(name, "collected")

    def _batch(self, name: str) -> Batch:
        known = {batch.name: batch for batch in self._ledger.batches()}
        if name not in known:
            raise ConfigError(f"the ledger has no batch {name!r}; {suggest(name, known)}")
        return known[name]

    async def _send(self, name: str, model: str) -> None:
        litellm = load_litellm()
        lines = (_line(litellm, request) for request in self._ledger.batch_requests(name))
        file = await self._call("create_file", model, purpose="batch",
                                file=(f"{name}.jsonl", "".join(lines).encode()))
        told = await self._call("create_batch", model, input_file_id=file.id, completion_window="24h",
                                endpoint="/v1/chat/completions", metadata={"cftdata": name})
        self._ledger.amend_batch(name, "submitted", told.id)

    async def _look_up(self, batch: Batch) -> str | None:
        """The provider's id of a batch that may have been sent."""
        after = None
        while True:
            page = await self._call("list_batches", batch.model, limit=PAGE, after=after)
            for told in page.data:
                if (told.metadata or {}).get("cftdata") == batch.name:
                    return str(told.id)
            if not page.has_more or not page.data:
                return None
            after = page.data[-1].id

    async def _retrieve(self, batch: Batch) -> Any:
        if batch.provider_id is None:
            raise ConfigError(f"the batch {batch.name} was not sent yet; resume it")
        return await self._call("retrieve_batch", batch.model, batch_id=batch.provider_id)

    async def _call(self, name: str, model: str, **arguments: Any) -> Any:
        """One of litellm's functions; its exceptions as CallErrors.

        In a thread: the asynchronous ones leave a connection open each, which outlives the event loop.
        """
        litellm = load_litellm()
        settings = self._settings
        if settings.api_base:
            arguments["api_base"] = settings.api_base
        if settings.key_variable:
            arguments["api_key"] = os.environ[settings.key_variable]
        try:
            return await asyncio.to_thread(
                getattr(litellm, name), custom_llm_provider=model.partition("/")[0],
                timeout=settings.timeout_s, max_retries=0, **arguments)
        except Exception as error:
            fault = fault_of_error(litellm, error, model)
        raise fault  # outside the handler, so that it carries no context that could hold a header

    def _book(self, request: Request, line: dict[str, Any], batch: Batch) -> Completion | CallError:
        response = line.get("response")
        response = response if isinstance(response, dict) else {}
        status = response.get("status_code")
        if status == 200:
            return self._add(request, _answer(response.get("body"), batch.model))
        said = json.dumps(response.get("body") or line.get("error"))
        fault = fault_of(status, batch.model, said) if isinstance(status, int) else Unavailable(
            f"{batch.model}: {hide_keys(said)[:300]}")
        return self._fail(request, fault, batch)

    def _add(self, request: Request, answer: Completion) -> Completion:
        if all(kept.completion != answer for kept in self._ledger.kept(request.key)):
            self._ledger.add(request, answer, find_fault(answer))
        return answer

    def _fail(self, request: Request, fault: CallError, batch: Batch) -> CallError:
        message = f"batch {batch.name}: {fault}"
        if all(said != message for _, said in self._ledger.failures(request.key)):
            self._ledger.add_failure(request, type(fault).__name__.lower(), message)
        return fault


def _line(litellm: Any, request: Request) -> str:
    """A request as a line of the file, its parameters as the model takes them."""
    from litellm.utils import get_optional_params

    provider, _, model = request.model.partition("/")
    asked = {name: value for name, value in parameters(request).items() if name not in request.extra}
    messages = asked.pop("messages")
    if "response_format" in asked and not litellm.supports_response_schema(request.model):
        del asked["response_format"]
    taken = get_optional_params(model=model, custom_llm_provider=provider, drop_params=True, **asked)
    taken = {name: value for name, value in taken.items() if name not in {"stream", "extra_body"}}
    body = {"model": model, "messages": messages, **taken, **request.extra}
    return json.dumps({"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions",
                       "body": body}) + "\n"


def _read_lines(content: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    for text in content.splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue  # its request is then booked as left out
        if isinstance(line, dict) and isinstance(line.get("custom_id"), str):
            yield line["custom_id"], line


def _answer(body: Any, model: str) -> Completion:
    """An answer with the provider's time, so that it is the same whenever it is read, and a batch's price."""
    answer = read_answer(body)
    price = prices(model, "_batches")
    at = body.get("created") if isinstance(body, dict) else None
    n_asked, n_answered = answer.n_prompt_tokens, answer.n_completion_tokens
    cost = answer.cost_usd
    if cost is None and price is not None and n_asked is not None and n_answered is not None:
        cost = n_asked * price[0] + n_answered * price[1]
    created = datetime.fromtimestamp(at, UTC) if isinstance(at, int) and 0 < at < 2**33 else None
    return answer.model_copy(update={"created": created, "cost_usd": cost})


def _errors_of(told: Any) -> str | None:
    errors = getattr(getattr(told, "errors", None), "data", None) or []
    said = "; ".join(error.message for error in errors if error.message)
    return hide_keys(said)[:300] or None
