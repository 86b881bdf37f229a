"""Short ways to write outcomes."""

from __future__ import annotations

from typing import Any

from cftdata.effect.outcomes import Outcome


def answered(item: int | str, correct: bool | None, **more: Any) -> Outcome:
    """An answer: right, wrong, or (None) not readable, unless an answer is given."""
    answer = more.pop("answer", {True: "7", False: "8", None: None}[correct])
    fields = {"arm": "cft", "seed": 0, "set": "held_out", "text": answer or "…", "n_tokens": 3} | more
    return Outcome(task="answer", item_id=f"q{item}", answer=answer, correct=correct, **fields)


def judged(item: int | str, truth: bool | None, verdict: str | None, **more: Any) -> Outcome:
    """A verdict on another's response to a query of that name."""
    fields = {"arm": "cft", "seed": 0, "set": "held_out", "task": "judge_others", "text": "…", "n_tokens": 3,
              "query_id": f"q{item}"} | more
    return Outcome(item_id=f"q{item}r{truth}", truth_right=truth, verdict=verdict, **fields)
