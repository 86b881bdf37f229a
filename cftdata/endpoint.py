"""Chat completions of an OpenAI-compatible server at a base URL (vLLM, llama.cpp, SGLang, a gateway).

litellm reaches such a server too, at over ten times the work per call; with a server of one's own that is
what bounds a build, so it is spoken to directly here. Everything else goes through litellm (`providers.py`);
what an answer or a refusal means is decided here for both.

Source: OpenAI's API reference, chat completions; RFC 9110, 10.2.3 (Retry-After).

    >>> read_answer({"choices": [{"message": {"content": "4"}, "finish_reason": "length"}]}).finish_reason
    'length'
    >>> fault_of(429, "openai/m", "slow down", {"retry-after": "7"}).retry_after_s
    7.0

Not covered: streamed answers; the reasoning that a server returns apart from the answer is not kept.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from cftdata.calls import CallError, Completion, ModelUnusable, RateLimited, Rejected, Request, Unavailable
from cftdata.errors import ExtraMissing

if TYPE_CHECKING:
    import aiohttp

__all__ = ["EndpointProvider", "fault_of", "hide_keys", "key_named", "parameters", "read_answer",
           "retry_after_s"]

FINISHES: dict[object, Literal["stop", "length", "content_filter"]] = {
    "stop": "stop", "eos": "stop", "length": "length", "max_tokens": "length",
    "content_filter": "content_filter"}
REFUSED_REQUEST = {400, 413, 415, 422, 451}
REFUSED_MODEL = {401, 402, 403, 404, 405}
NO_CREDIT = re.compile(r"insufficient_quota|exceeded your current quota|credit balance|billing", re.I)
SECRET_NAME = re.compile(r"(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)$", re.I)
SECRET_TEXT = re.compile(r"(?i:bearer\s+\S+)|\b(?:sk|pk|gsk|xai|hf|AIza)[-_A-Za-z0-9]{16,}")


class EndpointProvider:
    """Asks `{api_base}/chat/completions`; the model is named to the server without its provider prefix."""

    def __init__(self, api_base: str, *, key_variable: str | None = None, timeout_s: float = 120,
                 cost_usd: float | None = None) -> None:
        """key_variable: environment variable that holds the key, where the server wants one.
        cost_usd: what a call costs when the server does not say; None is unknown."""
        self._url = api_base.rstrip("/") + "/chat/completions"
        self._key_variable = key_variable
        self._timeout_s = timeout_s
        self._cost_usd = cost_usd
        self._session: aiohttp.ClientSession | None = None

    async def complete(self, request: Request) -> Completion:
        """The answer; a malformed one is an empty completion. Raises a CallError."""
        session = self._open()
        from aiohttp import ClientError

        began = time.perf_counter()
        fault: CallError
        try:
            async with asyncio.timeout(self._timeout_s):
                async with session.post(self._url, json=self._body(request), headers=self._headers(),
                                        allow_redirects=False) as response:
                    content = await response.read()
                    status, headers = response.status, response.headers
        except TimeoutError:
            fault = Unavailable(f"{request.model} did not answer in {self._timeout_s:g} s")
        except ClientError as error:
            fault = Unavailable(f"{request.model}: {hide_keys(str(error) or type(error).__name__)}")
        else:
            if status == 200:
                return self._answer(content, headers, time.perf_counter() - began)
            fault = self._fault(status, request.model, content, headers)
        raise fault  # outside the handlers, so that it carries no context that could hold a header

    async def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            try:
                import aiohttp
            except ImportError:
                raise ExtraMissing("calling a model", "generate") from None
            beyond = urlsplit(self._url).hostname not in {"127.0.0.1", "localhost", "::1"}
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=None),
                trust_env=beyond)  # a proxy is for what lies beyond this machine
        return self._session

    def _body(self, request: Request) -> dict[str, Any]:
        return parameters(request) | {"model": request.model.partition("/")[2] or request.model}

    def _headers(self) -> dict[str, str]:
        key = os.environ.get(self._key_variable or "")
        return {"Authorization": f"Bearer {key}"} if key else {}

    def _answer(self, content: bytes, headers: Mapping[str, str], seconds: float) -> Completion:
        try:
            body = json.loads(content)
        except ValueError:
            body = None
        return read_answer(body, headers, seconds=seconds, cost_usd=self._cost_usd)

    def _fault(self, status: int, model: str, content: bytes, headers: Mapping[str, str]) -> CallError:
        if status == 401 and not self._headers():
            return ModelUnusable(f"{model} asks for a key: set {self._key_variable or 'its API key'} "
                                 "in the environment")
        return fault_of(status, model, content.decode("utf-8", "replace"), headers)


def parameters(request: Request) -> dict[str, Any]:
    """The fields of a request as chat completions name them; what is None is left out."""
    fields: dict[str, Any] = {
        "messages": [{"role": each.role, "content": each.content} for each in request.messages],
        "temperature": request.temperature, "top_p": request.top_p, "max_tokens": request.max_tokens,
        "seed": request.seed}
    if request.response_schema is not None:
        fields["response_format"] = {
            "type": "json_schema", "json_schema": {"name": "answer", "schema": request.response_schema}}
    return {name: value for name, value in fields.items() if value is not None} | request.extra


def read_answer(body: Any, headers: Mapping[str, str] | None = None, *, seconds: float | None = None,
                cost_usd: float | None = None) -> Completion:
    """A chat completion as a Completion; what is malformed has no text and finishes as `other`.

    cost_usd is taken where neither the body (`usage.cost`) nor a gateway's header says what it cost.
    """
    choices = _get(body, "choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    usage = _get(body, "usage")
    stated = _number(_get(usage, "cost")), _number((headers or {}).get("x-litellm-response-cost"))
    model = _get(body, "model")
    return Completion(
        text=_text(_get(_get(choice, "message"), "content")),
        finish_reason=FINISHES.get(_hashable(_get(choice, "finish_reason")), "other"),
        model=_whole(model) if isinstance(model, str) else None,
        n_prompt_tokens=_count(_get(usage, "prompt_tokens")),
        n_completion_tokens=_count(_get(usage, "completion_tokens")),
        cost_usd=next((cost for cost in stated if cost is not None), cost_usd),
        created=datetime.now(UTC), seconds=seconds)


def fault_of(status: int, model: str, said: str, headers: Mapping[str, str] | None = None) -> CallError:
    """What an answer that is no completion means: wait, try later, this request never, this model never.

    `said` is the body or the message; keys in it are hidden and its length is bounded.
    """
    wait_s = retry_after_s(headers or {})
    message = f"{model} failed ({status}): {_brief(said)}"
    if status in REFUSED_MODEL or 300 <= status < 400 or (status == 429 and NO_CREDIT.search(said)):
        return ModelUnusable(message)
    if status == 429:
        return RateLimited(message, wait_s)
    if status in REFUSED_REQUEST:
        return Rejected(message)
    return Unavailable(message, wait_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header (seconds or a date) asks to wait; None when there is none to read."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), None)
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


def key_named(provider: str) -> str:
    """The environment variable that holds a provider's key by convention.

        >>> key_named("hosted_vllm")
        'HOSTED_VLLM_API_KEY'
    """
    return f"{provider.upper()}_API_KEY"


def hide_keys(text: str) -> str:
    """The text without keys: those of the environment, and what looks like one."""
    secrets = {value for name, value in os.environ.items() if len(value) >= 8 and SECRET_NAME.search(name)}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "[key]")
    return SECRET_TEXT.sub("[key]", text)


def _brief(said: str) -> str:
    try:
        body = json.loads(said)
    except ValueError:
        body = None
    inner = _get(body, "error") or _get(body, "message") or _get(body, "detail")
    plain = _get(inner, "message") or inner or said
    words = " ".join(hide_keys(plain if isinstance(plain, str) else json.dumps(plain)).split())
    return _whole(words[:300]) or "nothing"


def _get(body: Any, name: str) -> Any:
    return body.get(name) if isinstance(body, Mapping) else None


def _hashable(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _text(content: Any) -> str:
    if isinstance(content, list):  # parts, as some servers answer
        content = "".join(part for part in (_get(each, "text") for each in content) if isinstance(part, str))
    return _whole(content) if isinstance(content, str) else ""


def _whole(text: str) -> str:
    """Text that is Unicode: halves of a surrogate pair are joined, and one alone is U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _number(value: Any) -> float | None:
    """A finite number that is not negative, or None."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return max(0.0, number) if math.isfinite(number) else None
