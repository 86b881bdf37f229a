"""Providers: who answers a call. Any model litellm knows, a server at a base URL, a script, a recording.

    openai/gpt-4.1, anthropic/..., gemini/..., ollama/...     litellm
    openai/NAME or hosted_vllm/NAME with a base URL           that server, spoken to directly (endpoint.py)
    local                                                     the embedded model (local.py)

Keys come from the environment only. litellm (seconds to import) is imported when a call of it is made.

    >>> import asyncio
    >>> from cftdata.calls import Message
    >>> provider = ScriptedProvider({"2+2?": "4"})
    >>> ask = Request(model="scripted/sums", messages=(Message(role="user", content="2+2?"),))
    >>> asyncio.run(provider.complete(ask)).text
    '4'

Not covered: limits, retries and budget (driver.py); providers' batch APIs (batches.py).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import Field

from cftdata.calls import CallError, Completion, ModelUnusable, Provider, Rejected, Request, Unavailable
from cftdata.endpoint import EndpointProvider, fault_of, hide_keys, key_named, parameters, read_answer
from cftdata.errors import ConfigError, ExtraMissing
from cftdata.sample import Record

__all__ = ["LitellmProvider", "ProviderSettings", "ReplayProvider", "ScriptedProvider", "count_tokens",
           "estimate_cost", "open_provider"]

SPOKEN_TO_DIRECTLY = {"openai", "hosted_vllm", "llamafile", "lm_studio", "custom_openai"}
CHARS_PER_TOKEN = 3.5  # cl100k_base: 4.1 on questions of GSM8K, 4.0 on critiques, 2.9 on its worked answers
UNREADABLE = re.compile("invalid response from LLM endpoint|response with no 'choices'")  # litellm's words
LITELLM_PREFIX = re.compile(r"^(litellm\.\w+: )?(\w+Error: )?(\w+Exception - )?")
TOKENS_PER_MESSAGE = 4  # role and separators, as OpenAI's cookbook counts them


class ProviderSettings(Record):
    """How a model is reached."""

    api_base: str | None = None
    """Base URL of an OpenAI-compatible server (http://127.0.0.1:8000/v1); None is the provider's own."""
    key_variable: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*_API_KEY$")] | None = None
    """Environment variable with the key; None is the provider's own (OPENAI_API_KEY)."""
    timeout_s: Annotated[float, Field(gt=0)] = 120
    """Seconds after which a call counts as unanswered."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further parameters that are sent with each call (reasoning_effort); a build puts them into its
    requests, so that a change asks anew."""


def open_provider(model: str, settings: ProviderSettings | None = None) -> Provider:
    """The provider of a model; nothing is started, imported or sent before its first call.

    Raises ConfigError for a name that is no provider/model, and for a key among the settings.
    """
    settings = settings or ProviderSettings()
    provider, slash, name = model.partition("/")
    for each in settings.extra:
        if "key" in each.lower() or "authorization" in each.lower():
            raise ConfigError(f"{each!r} does not belong among the settings of {model}: "
                              "keys come from the environment only")
    if provider == "local":
        from cftdata.local import LocalProvider

        return LocalProvider()
    if not slash or not name or provider in {"scripted", "replay"}:
        raise ConfigError(f"{model!r} names no model that can be called; write provider/model, as in "
                          "openai/gpt-4.1, or local")
    if settings.api_base and provider in SPOKEN_TO_DIRECTLY:
        variable = settings.key_variable or key_named("openai" if provider == "custom_openai" else provider)
        return EndpointProvider(settings.api_base, key_variable=variable, timeout_s=settings.timeout_s)
    return LitellmProvider(model, settings)


class LitellmProvider:
    """Asks through litellm, with its own retries, telemetry and logging off.

    Parameters that a model does not take (a seed, a temperature) are left out, as litellm knows them; an
    answer schema is sent where litellm knows that the model follows one. `cost_usd` is litellm's, None where
    it has no price for the model.
    """

    _open: ClassVar[set[int]] = set()  # litellm's connections are shared by all; the last one closes them

    def __init__(self, model: str, settings: ProviderSettings | None = None) -> None:
        self.model = model
        self.settings = settings or ProviderSettings()
        self._checked = False

    async def complete(self, request: Request) -> Completion:
        """The answer; raises a CallError when there is none."""
        litellm = load_litellm()
        self._check(litellm)
        self._open.add(id(self))
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                answer = await litellm.acompletion(**self._arguments(litellm, request))
        except TimeoutError:
            fault: CallError = Unavailable(f"{self.model} did not answer in {self.settings.timeout_s:g} s")
        except Exception as error:
            if _unreadable(error):  # it was answered, and maybe paid, but not as a chat completion
                return read_answer(None, seconds=time.perf_counter() - began)
            fault = fault_of_error(litellm, error, self.model)
        else:
            return _read_response(litellm, answer, self.model, time.perf_counter() - began)
        raise fault  # outside the handlers, so that it carries no context that could hold a header

    async def close(self) -> None:
        """Closes litellm's connections when no other provider uses them."""
        if id(self) not in self._open:
            return
        self._open.discard(id(self))
        if not self._open:
            await close_litellm()

    def _check(self, litellm: Any) -> None:
        if not self._checked:
            check_key(litellm, self.model, self.settings)
            self._checked = True

    def _arguments(self, litellm: Any, request: Request) -> dict[str, Any]:
        settings = self.settings
        asked = parameters(request)
        if "response_format" in asked and not litellm.supports_response_schema(self.model):
            del asked["response_format"]
        if settings.api_base:
            asked["api_base"] = settings.api_base
        if settings.key_variable:
            asked["api_key"] = os.environ[settings.key_variable]
        return asked | {"model": self.model, "timeout": settings.timeout_s, "num_retries": 0,
                        "max_retries": 0, "drop_params": True, "no-log": True}


class ScriptedProvider:
    """Answers as it is told, for tests: by the last message's text, or by a function of the request.

    The function returns the text, a whole Completion, or a CallError, which is raised. A request that
    the script does not know is Rejected. `requests` holds what was asked, in order; `seconds` is how long an
    answer takes.
    """

    def __init__(self, answers: Mapping[str, str] | Callable[[Request], str | Completion | CallError],
                 seconds: float = 0) -> None:
        self._answers = answers
        self._seconds = seconds
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        """The scripted answer; free of charge."""
        self.requests.append(request)
        await asyncio.sleep(self._seconds)
        answer = self._answer(request)
        if isinstance(answer, CallError):
            raise answer
        if isinstance(answer, Completion):
            return answer
        return Completion(text=answer, finish_reason="stop", model=request.model, cost_usd=0.0,
                          n_prompt_tokens=count_tokens(request), n_completion_tokens=_n_tokens(answer),
                          created=datetime.now(UTC), seconds=self._seconds)

    async def close(self) -> None:
        """Holds nothing."""

    def _answer(self, request: Request) -> str | Completion | CallError:
        if not isinstance(self._answers, Mapping):
            return self._answers(request)
        asked = request.messages[-1].content
        return self._answers.get(asked) or Rejected(f"the script has no answer to {asked[:80]!r}")


class ReplayProvider:
    """Answers only what a ledger holds, so that a recorded build runs again without a call."""

    def __init__(self, ledger: Path) -> None:
        from cftdata.ledger import Ledger

        if not ledger.exists():
            raise ConfigError(f"there is no ledger at {ledger}")
        self._ledger = Ledger(ledger, read_only=True)

    async def complete(self, request: Request) -> Completion:
        """The recorded completion; Rejected when there is none."""
        found = self._ledger.find(request.key)
        if found is None:
            raise Rejected(f"the ledger holds no completion of this call to {request.model}")
        return found

    async def close(self) -> None:
        """Closes the ledger."""
        self._ledger.close()


def count_tokens(request: Request) -> int:
    """About how many tokens a request asks with: its length over 3.5 characters, and 4 a message.

    No tokenizer is loaded; English prose has some 15% fewer tokens, dense calculation some 20% more.
    """
    return sum(TOKENS_PER_MESSAGE + _n_tokens(message.content) for message in request.messages)


def estimate_cost(request: Request, n_completion_tokens: int | None = None) -> float | None:
    """About what a call will cost in US dollars, by litellm's price list; None when it has no price.

    n_completion_tokens: length of the answer; by default the request's max_tokens, else as long as the
    request. A server at a base URL may ask another price than the provider whose name its model bears.
    """
    if request.model.partition("/")[0] in {"local", "scripted"}:
        return 0.0
    price = prices(request.model)
    if price is None:
        return None
    n_asked = count_tokens(request)
    n_answered = n_completion_tokens or request.max_tokens or n_asked
    return n_asked * price[0] + n_answered * price[1]


def check_key(litellm: Any, model: str, settings: ProviderSettings) -> None:
    """Raises ModelUnusable when the model's key is not in the environment."""
    variable = settings.key_variable
    missing = [variable] if variable and not os.environ.get(variable) else []
    if not variable and not settings.api_base:
        missing = litellm.validate_environment(model).get("missing_keys", [])
    if missing:
        raise ModelUnusable(f"{model} needs a key: set {' and '.join(missing)} in the environment")


@lru_cache(maxsize=1)
def load_litellm() -> Any:
    """litellm, quiet: no network at import, no telemetry, no logging. Raises ExtraMissing."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    warnings.filterwarnings("ignore", "Items? .*ReadOnly", UserWarning)  # of its types, when they are made
    try:
        import litellm
    except ImportError:
        raise ExtraMissing("calling a model", "generate") from None
    litellm.suppress_debug_info = True
    litellm.telemetry = False
    for name in ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    return litellm


async def close_litellm() -> None:
    """Closes the connections that litellm keeps."""
    litellm = load_litellm()
    await litellm.close_litellm_async_clients()
    litellm.in_memory_llm_clients_cache.flush_cache()


def _read_response(litellm: Any, answer: Any, model: str, seconds: float) -> Completion:
    choice = next(iter(getattr(answer, "choices", None) or []), None)
    usage = getattr(answer, "usage", None)
    hidden = getattr(answer, "_hidden_params", None) or {}
    counted = ("prompt_tokens", "completion_tokens", "cost")
    body = {"model": getattr(answer, "model", None),
            "choices": [{"message": {"content": getattr(getattr(choice, "message", None), "content", None)},
                         "finish_reason": getattr(choice, "finish_reason", None)}],
            "usage": {name: getattr(usage, name, None) for name in counted}}
    headers = {name.removeprefix("llm_provider-"): value
               for name, value in (hidden.get("additional_headers") or {}).items()}
    cost = hidden.get("response_cost") if _has_price(litellm, model) else None
    return read_answer(body, headers, seconds=seconds, cost_usd=cost)


@lru_cache(maxsize=64)
def _has_price(litellm: Any, model: str) -> bool:
    try:
        return litellm.get_model_info(model).get("input_cost_per_token") is not None
    except Exception:  # litellm raises a bare Exception for a model that it does not know
        return False


def _unreadable(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, json.JSONDecodeError) or UNREADABLE.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def fault_of_error(litellm: Any, error: Exception, model: str) -> CallError:
    """What an exception of litellm's means, without a key in it."""
    headers = getattr(error, "litellm_response_headers", None) or getattr(
        getattr(error, "response", None), "headers", None)
    status = getattr(error, "status_code", None)
    said = LITELLM_PREFIX.sub("", getattr(error, "message", None) or str(error))
    if isinstance(error, litellm.exceptions.Timeout):
        return Unavailable(f"{model} did not answer in time")
    if isinstance(error, litellm.exceptions.APIConnectionError) or not isinstance(status, int):
        return Unavailable(f"{model}: {hide_keys(' '.join(said.split()))[:300]}")
    if "LLM Provider NOT provided" in said or "Unmapped LLM provider" in said:
        return ModelUnusable(f"litellm knows no provider of {model}: write provider/model "
                             "(openai/gpt-4.1)")
    return fault_of(status, model, said, headers)


@lru_cache(maxsize=256)
def prices(model: str, way: str = "") -> tuple[float, float] | None:
    """US dollars per token asked and answered, from the list that litellm ships; litellm is not imported.

    way: `_batches` for the price of a batch; None when the list has none.
    """
    listed = _price_list()
    provider, _, name = model.partition("/")
    for key in (model, name):
        entry = listed.get(key, {})
        of_provider = key == model or entry.get("litellm_provider") == provider
        if of_provider and entry.get(f"input_cost_per_token{way}") is not None:
            return entry[f"input_cost_per_token{way}"], entry.get(f"output_cost_per_token{way}") or 0.0
    return None


@lru_cache(maxsize=1)
def _price_list() -> dict[str, dict[str, Any]]:
    spec = find_spec("litellm")
    if spec is None or spec.origin is None:
        raise ExtraMissing("estimating what calls cost", "generate")
    file = Path(spec.origin).parent / "model_prices_and_context_window_backup.json"
    listed: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return listed


def _n_tokens(text: str) -> int:
    return round(len(text) / CHARS_PER_TOKEN)
