"""Values of columns, read as what they must be: text, an answer, steps, a label.

A value that is missing or of another kind raises `UnreadError`, a fault of the row that `sources` turns into
an unread row. Nothing is guessed: a label that is neither right nor wrong is a fault, not a None.

    >>> take_answer({"gt": 5.0}, "gt"), take_truth({"label": "Incorrect"}, "label")
    ('5.0', False)

Not covered: answers as lists (write them as text), labels in other languages.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

Columns = Mapping[str, object]

RIGHT = frozenset({"right", "correct", "true", "yes", "1", "1.0"})
WRONG = frozenset({"wrong", "incorrect", "false", "no", "0", "0.0"})
NOTHING = frozenset({"", "n/a", "na", "none", "null", "nan"})
WHOLE = re.compile(r"(-1|[0-9]{1,9})(?:\.0)?", re.ASCII)


class UnreadError(Exception):
    """The row cannot be read: a reason (a slug) and a sentence for people."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


def take_present(columns: Columns, name: str) -> object:
    """A value; UnreadError `missing_field` when there is none."""
    value = columns.get(name)
    if value is None:
        raise UnreadError("missing_field", f"the row has no {name}")
    return value


def take_text(columns: Columns, name: str) -> str:
    """A text, unchanged, be it blank; UnreadError `missing_field` or `not_text`."""
    value = take_present(columns, name)
    if not isinstance(value, str):
        raise UnreadError("not_text", f"{name} is {_kind(value)}, not text")
    return value


def take_note(columns: Columns, name: str) -> str | None:
    """A text that may be missing; None when it is missing or blank."""
    if columns.get(name) is None:
        return None
    text = take_text(columns, name)
    return text if text.strip() else None


def take_answer(columns: Columns, name: str) -> str | None:
    """An answer or a name: text, or a number as text (5 is "5", 5.0 is "5.0").

    None for nothing, blank text and not-a-number; UnreadError `not_text` for true, false, lists and objects.
    """
    value = columns.get(name)
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool | dict | list | bytes):
        raise UnreadError("not_text", f"{name} is {_kind(value)}, neither text nor a number")
    return str(value)


def take_steps(columns: Columns, name: str, joint: str) -> tuple[str, tuple[str, ...]]:
    """A response given in steps: its text, the steps joined by `joint`, and the steps.

    A response given as one text is that text and no steps: they are yet to be read.
    """
    steps = parse_cell(take_present(columns, name))
    if isinstance(steps, str):
        return steps, ()
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise UnreadError("not_text", f"{name} is {_kind(steps)}, neither text nor a list of texts")
    return joint.join(steps), tuple(steps)


def take_truth(columns: Columns, name: str) -> bool | None:
    """A label of right or wrong; None when it is not given; UnreadError `bad_label` for another word."""
    word = str(columns.get(name)).strip().rstrip(".").lower()
    if word in NOTHING:
        return None
    if word not in RIGHT | WRONG:
        raise UnreadError("bad_label", f"{name} is {columns[name]!r:.60}, neither right nor wrong")
    return word in RIGHT


def take_index(columns: Columns, name: str) -> int | None:
    """A whole number from -1 on (2, 2.0 and "2" alike); None when not given; UnreadError `bad_label` else."""
    word = str(columns.get(name)).strip().lower()
    if word in NOTHING:
        return None
    whole = WHOLE.fullmatch(word)
    if whole is None:
        raise UnreadError("bad_label", f"{name} is {columns[name]!r:.60}, no whole number from -1 on")
    return int(whole[1])


def parse_cell(value: object) -> object:
    """A value, parsed where it is JSON text: a CSV cell holds a list in no other way.

    UnreadError `not_text` where a string in it has a lone surrogate, which no file could hold again.
    """
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        parsed = json.loads(value)
        is_sound = "\\u" not in value or is_text(json.dumps(parsed, ensure_ascii=False))
    except (ValueError, RecursionError):
        return value
    if not is_sound:
        raise UnreadError("not_text", "a string in it is no Unicode text")
    return parsed


def is_text(text: str) -> bool:
    """Whether it can be written as UTF-8: no lone surrogate stands in it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _kind(value: object) -> str:
    return {"bool": "true or false", "dict": "an object", "list": "a list", "int": "a number",
            "float": "a number"}.get(type(value).__name__, type(value).__name__)
