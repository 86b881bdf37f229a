"""An `ask` for tests: replies from a list or a function, with the driver's rule for unusable ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from cftdata.calls import Completion, Request
from cftdata.driver import Answer, Check

N_ASKED = 3
CREATED = datetime(2026, 1, 2, tzinfo=UTC)


class ScriptedAsk:
    """Answers requests with what was written for it; `asked` holds what it was asked."""

    def __init__(self, replies: Iterable[str] | Callable[[Request], str], reason: str | None = None) -> None:
        self.asked: list[Request] = []
        self.reason = reason
        """With a reason every call is answered with it and no completion."""
        left = iter(()) if callable(replies) else iter(replies)
        self.reply = replies if callable(replies) else lambda request: next(left)

    async def __call__(self, request: Request, check: Check | None = None) -> Answer:
        fault = None
        for _ in range(N_ASKED):
            self.asked.append(request)
            if self.reason:
                return Answer(None, self.reason)
            text = self.reply(request)
            fault = check(text) if check else None
            if fault is None:
                return Answer(Completion(text=text, finish_reason="stop", n_prompt_tokens=90, cost_usd=0.25,
                                         n_completion_tokens=10, created=CREATED), None)
        return Answer(None, f"unusable_{fault}")
