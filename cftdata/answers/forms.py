r"""An answer told in several forms ("8\sqrt[3]{4} or about 12.7"), and answers that are near but not equal.

    >>> split_forms(r"V = 8\sqrt[3]{4} \approx 12.7 \text{ mph}")[1:]
    ('V = 8\\sqrt[3]{4}', '12.7 mph')
    >>> read_nearness("12.6", r"8\sqrt[3]{4}"), read_nearness("13", "12.7"), read_nearness("12", "12.7")
    ('cut', 'rounded', None)

Not covered: forms joined by a comma only; which of two different values is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal

from cftdata.answers.decimals import approximate
from cftdata.answers.equality import AnswerMatch
from cftdata.answers.exact import NotExact, evaluate
from cftdata.answers.expression import Expression, Number
from cftdata.answers.match import match_answers
from cftdata.answers.structure import read_answer

__all__ = ["match_forms", "read_nearness", "split_forms"]

MAX_FORMS = 5
MAX_CHARS = 500  # what is longer is no answer

_BETWEEN = re.compile(
    r"≈|\\approx(?![a-zA-Z])|\bor\b|\bi\.e\.|[(\[]?\b(?:approximately|about|roughly)\b|"
    r"\bwhich is\b"
)
_INTRODUCTION = re.compile(r"^[^=\d]{0,80}\b(?:is|are|be|was|exactly)\b\s")
_WORDS = re.compile(r"\\(?:text|mathrm|textbf|mathbf)\s?\{([^{}]{0,200})\}")
_FRAME = re.compile(r"\\[()\[\],;:! ]|\\q?quad(?![a-zA-Z])|~")


def split_forms(answer: str) -> tuple[str, ...]:
    """The answer as it stands, then the forms it is told in, without frames; at most 5."""
    if len(answer) > MAX_CHARS:
        return (answer,)
    bare = _FRAME.sub(" ", _WORDS.sub(r" \1 ", answer))
    bare = re.sub(r"(?<!\\)\$((?:[^$\n\\]|\\.){1,200})\$", r" \1 ", bare)
    parts = [_bare_form(part) for part in _BETWEEN.split(bare)]
    return tuple(dict.fromkeys([answer, *(part for part in parts if re.search(r"\w", part))]))[:MAX_FORMS]


def _bare_form(part: str) -> str:
    words = " ".join(part.split()).strip(" .,;:")
    if words.count("(") != words.count(")"):
        words = words.strip(" ()")
    return _INTRODUCTION.sub("", words)


def match_forms(answers: Sequence[str], other: str, *, timeout_s: float = 3.0) -> AnswerMatch:
    """The answer, told in these forms, against another: equal when any form is, different when all are."""
    first = match_answers(answers[0], other, timeout_s=timeout_s)
    others = split_forms(other)
    if first.outcome == "equal" or len(answers) == len(others) == 1:
        return first
    pairs = [(one, two) for one in answers[: 2 * MAX_FORMS] for two in others]
    matches = [match_answers(one, two, timeout_s=timeout_s) for one, two in pairs]
    for outcome in ("equal", "unknown"):
        found = [match for match in matches if match.outcome == outcome]
        if found:
            return found[0]
    return first


def read_nearness(answer: str, other: str) -> Literal["rounded", "cut"] | None:
    """Whether a number is the other with fewer digits: rounded, or cut off after a decimal; else None."""
    written, exact = read_answer(split_forms(answer)[-1]).expression, _value(other)
    value = _evaluate(written)
    if not isinstance(written, Number) or value is None or exact is None:
        return None
    places = written.places or 0
    unit = Decimal(1).scaleb(-places)
    if 2 * abs(value - exact) <= unit:
        return "rounded"
    return "cut" if places > 0 and 0 <= exact - value < unit else None


def _value(answer: str) -> Decimal | None:
    return _evaluate(read_answer(split_forms(answer)[0]).expression)


def _evaluate(expression: Expression | None) -> Decimal | None:
    """The number an expression is; None for none, or one that is not told exactly and quickly."""
    if expression is None:
        return None
    try:
        return approximate(evaluate(expression))
    except (NotExact, ArithmeticError, RecursionError):
        return None
