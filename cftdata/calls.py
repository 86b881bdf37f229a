"""Calls of models: what is asked, what comes back, and the ways in which nothing does.

A call's key is its content (model, messages, parameters, sample number), not the code that makes it and not
the time: a change of teacher or prompt asks anew, an unchanged call is never paid twice.

    >>> ask = Request(model="openai/gpt-4.1", messages=(Message(role="user", content="2+2?"),))
    >>> ask.key == ask.model_copy().key, ask.key == ask.model_copy(update={"sample": 1}).key
    (True, False)

Not covered: tools, images, streamed answers.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Literal, Protocol

from pydantic import Field

from cftdata.errors import CftDataError
from cftdata.sample import Count, Record

__all__ = ["CallError", "Completion", "Message", "ModelUnusable", "Provider", "RateLimited", "Rejected",
           "Request", "Unavailable"]


class Message(Record):
    """One message of a request."""

    role: Literal["system", "user", "assistant"]
    content: str


class Request(Record):
    """One call of a model."""

    model: str
    """provider/model, as litellm names it; or `local`, `scripted/NAME`."""
    messages: tuple[Message, ...]
    temperature: Annotated[float, Field(ge=0)] | None = None
    """Sampling temperature; None leaves the provider's default."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of the answer; None leaves the provider's default."""
    seed: int | None = None
    """Sampling seed, for providers that take one."""
    response_schema: dict[str, Any] | None = None
    """JSON Schema that the answer must follow, where the provider can; else it is only asked for."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further parameters that are sent as they are (reasoning_effort)."""
    sample: Count = 0
    """Which of several answers to the same request this is."""
    prompt: str | None = None
    """Prompt that the messages were made from, as id@hash; no part of the key, since the messages are."""

    @property
    def key(self) -> str:
        """64 hex digits: the SHA-256 of all that the answer depends on."""
        content = self.model_dump(mode="json", exclude={"prompt"})
        return hashlib.sha256(json.dumps(content, sort_keys=True, ensure_ascii=False).encode(
            "utf-8", "surrogatepass")).hexdigest()


class Completion(Record):
    """What a provider answered, as it answered."""

    text: str
    finish_reason: Literal["stop", "length", "content_filter", "other"]
    """Why the text ends; `length` when it was cut off."""
    model: str | None = None
    """The model that answered, as the provider names it."""
    n_prompt_tokens: Count | None = None
    """Tokens asked with; None when the provider does not say."""
    n_completion_tokens: Count | None = None
    """Tokens answered with; None when the provider does not say."""
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """Price in US dollars; None when unknown, 0 only when it was free."""
    created: datetime | None = None
    """When it was answered (UTC)."""
    seconds: Annotated[float, Field(ge=0)] | None = None
    """Wall-clock time of the call."""


class Provider(Protocol):
    """Answers requests; a test passes a scripted one and patches nothing."""

    async def complete(self, request: Request) -> Completion:
        """The answer. Raises a CallError when there is none; the driver decides whether to ask again."""

    async def close(self) -> None:
        """Gives back what it holds (connections, a server process)."""


class CallError(CftDataError):
    """A call brought no completion. Its message holds no key and no header."""


class RateLimited(CallError):
    """The provider asks to wait (429)."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        """Seconds to wait, where the provider says; None when it does not."""


class Unavailable(CallError):
    """A fault that may pass: time-out, lost connection, 5xx. May also ask to wait."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(CallError):
    """The provider refuses this request for good (400, 413, content policy); others may pass."""


class ModelUnusable(CallError):
    """No request to this model can pass: no key, no such model, no credit."""
