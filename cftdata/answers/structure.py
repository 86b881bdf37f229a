r"""What kind of answer a text is: a value with its unit, a list, set, tuple, interval, relation, matrix,
option, time of day, a word of a closed vocabulary, or only text.

    >>> read_answer(r"\left\{1, \tfrac{1}{2}\right\}").kind
    'set'

Source: the conventions of MATH, GSM8K and their kind, as met in published sets. What reads two ways is
kept as text, with the reason: comparing it then says `unknown`. Not covered: prose, chemistry, dates.
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from cftdata.answers.answer import NO_ANSWERS, Answer, Bound, clean, plain, split_top, without_also
from cftdata.answers.expression import Call, Expression, Name, Number
from cftdata.answers.tokens import MAX_CHARS
from cftdata.answers.value import expression_or_none, read_compound, read_value

_WORDS = {
    "yes": "yes",
    "no": "no",
    "true": "yes",
    "false": "no",
    "no solution": "empty",
    "no solutions": "empty",
    "no real solution": "empty",
    "no real solutions": "empty",
    "∅": "empty",
    "empty set": "empty",
    "dne": "undefined",
    "does not exist": "undefined",
    "undefined": "undefined",
    "∞": "oo",
    "+∞": "oo",
    "infinity": "oo",
    "-∞": "-oo",
    "infinitely many": "many",
    "infinitely many solutions": "many",
    "infinite": "oo",
    **{day: day for day in "monday tuesday wednesday thursday friday saturday sunday".split()},
    **{
        month: month
        for month in (
            "january february march april june july august september october november december"
        ).split()
    },
}
_OPTION = re.compile(
    r"(?:(?:option|choice|answer)[\s_:]*)?(?:\(([A-J])\)|([A-J])(?:[.):](?=\s|$))?)(?:\s+(.+))?$", re.S | re.I
)
_FURTHER = re.compile(r"(?:and|or|nor|but|not|because|since|is|are|isn't|with|[,;&/+]|\([A-J]\))(?!\w)", re.I)
"""(A) and (C), (A) is wrong: what goes on to another letter, or to a remark, is no content of the first."""
_TIME = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*([ap])\.?\s*m\.?$|(\d{1,2}):(\d{2})$", re.I)
_MATRIX = re.compile(r"\\begin\{([pbvBV]?matrix|array)\}(?:\{[lcr|]*\})?(.*)\\end\{\1\}$", re.S)


@lru_cache(maxsize=8192)
def read_answer(text: str) -> Answer:
    """The answer a text states; kind `text` with a reason in `mark` when it cannot be read in one way."""
    if len(text) > MAX_CHARS:
        return Answer("text", text[:100], mark="too_long")
    if "\0" in text:
        return Answer("text", text, mark="unreadable")
    cleaned = clean(text)
    if plain(cleaned).lower() in NO_ANSWERS:
        return Answer("text", cleaned, mark="no_answer")
    return _read(cleaned, 0)


def _read(text: str, depth: int) -> Answer:
    if depth > 4:
        return Answer("text", text, mark="too_deep")
    text = text.strip()
    for reader in (_word, _option, _time, _matrix, _union, _listed, _bracketed, _relation, _ratio):
        answer = reader(text, depth)
        if answer is not None:
            return answer
    return read_value(text)


def _word(text: str, depth: int) -> Answer | None:
    word = plain(text).lower()
    if word in ("noon", "midnight"):
        return Answer("time", text, Number(Fraction(720 if word == "noon" else 0)), mark="exact")
    if word == "all real numbers":
        return Answer("interval", text, spans=((Bound(None, False), Bound(None, False)),))
    return Answer("word", text, mark=_WORDS[word]) if word in _WORDS else None


def _option(text: str, depth: int) -> Answer | None:
    bare = plain(text)
    found = _OPTION.match(bare)
    if not found or depth:
        return None
    letter, content = found[1] or found[2], found[3]
    if content and _FURTHER.match(content):
        return Answer("text", text, mark="ambiguous")
    # a lone small letter is a variable, and "A 12" has no sign that A is a letter of a choice
    if (letter.islower() and len(bare) == 1) or (content and not re.match(r"\(?[A-J][).:]", bare)):
        return None
    return Answer("option", text, mark=letter.upper(), parts=(_read(content, depth + 1),) if content else ())


def _time(text: str, depth: int) -> Answer | None:
    found = _TIME.match(plain(text))
    if not found:
        return None
    hour, minute, half, hour_24, minute_24 = found.groups()
    if half:
        hour_of_day, mark = int(hour) % 12 + (12 if half in "pP" else 0), "exact"
    else:
        hour_of_day, minute, hour = int(hour_24), minute_24, "12"
        mark = "exact" if hour_of_day > 12 or hour_of_day == 0 else "half_unknown"
    if hour_of_day > 23 or int(minute or 0) > 59 or not 1 <= int(hour) <= 12:
        return None
    return Answer("time", text, Number(Fraction(hour_of_day * 60 + int(minute or 0))), mark=mark)


def _matrix(text: str, depth: int) -> Answer | None:
    found = _MATRIX.match(re.sub(r"^[(\[]\s*(\\begin.*\})\s*[)\]]$", r"\1", text, flags=re.S))
    if not found or found[1] in ("vmatrix", "Vmatrix"):
        return None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", found[2]) if row.strip()]
    parts = tuple(Answer("tuple", row, mark="()", parts=_read_all(row.split("&"), depth)) for row in rows)
    return Answer("matrix", text, parts=parts)


def _read_all(texts: list[str], depth: int) -> tuple[Answer, ...]:
    return tuple(_read(part, depth + 1) for part in texts)


_COMMA = re.compile(r"\s*[,;]\s*(?:and\b|or\b)?|(?<![A-Za-z])«?\s*(?:and|or)\s*»?(?![A-Za-z])")
_THOUSANDS = re.compile(r"[-+$€£ ]*\d{1,3}(?:,\d{3})+(?!\d)")


def _listed(text: str, depth: int) -> Answer | None:
    """A bare list: 1, 2, 3; x = 2 or x = 3; but 1,234 is a number and 5 feet 6 inches one quantity."""
    text = without_also(text)
    if compound := read_compound(text):
        return compound
    pieces = split_top(_THOUSANDS.sub(lambda m: m.group().replace(",", "⁣"), text), _COMMA)
    pieces = [piece.replace("⁣", ",") for piece in pieces]
    texts = [piece for piece in pieces[::2] if piece.strip()]
    if len(texts) < 2 or len(texts) > 100:
        return None
    parts = _read_all(texts, depth)
    if all(part.kind == "interval" for part in parts):
        if any("and" in word or "," in word for word in pieces[1::2]):
            return Answer("text", text, mark="ambiguous")  # and: both at once; a comma: nobody says
        return Answer("interval", text, spans=tuple(span for part in parts for span in part.spans))
    return Answer("list", text, parts=parts)


_CUP = re.compile(r"∪")


def _union(text: str, depth: int) -> Answer | None:
    pieces = split_top(text, _CUP)[::2]
    if len(pieces) < 2:
        return None
    read = _read_all(pieces, depth)
    if all(part.kind == "set" for part in read):
        return Answer("set", text, parts=tuple(element for part in read for element in part.parts))
    parts = [as_interval(part) for part in read]
    spans = [span for part in parts if part for span in part.spans]
    return (
        Answer("interval", text, spans=tuple(spans))
        if all(parts)
        else Answer("text", text, mark="unreadable")
    )


def as_interval(answer: Answer) -> Answer | None:
    """An interval, or a pair in brackets that can be one."""
    if answer.kind == "interval":
        return answer
    if answer.kind == "set" and all(part.expression is not None for part in answer.parts):
        points = tuple(Bound(part.expression, True) for part in answer.parts)
        return replace(answer, kind="interval", spans=tuple((point, point) for point in points), parts=())
    if (
        answer.kind != "tuple"
        or len(answer.parts) != 2
        or any(part.expression is None for part in answer.parts)
    ):
        return None
    low, high = (
        Bound(part.expression, bracket in "[]")
        for part, bracket in zip(answer.parts, answer.mark, strict=True)
    )
    return replace(answer, kind="interval", spans=((low, high),), parts=())


_PAIRS = {"(": ")]", "[": ")]", "⦃": "⦄", "{": "}", "⟨": "⟩"}


def _bracketed(text: str, depth: int) -> Answer | None:
    text = re.sub(r"^\\langle(.*)\\rangle$", r"⟨\1⟩", text)
    if len(text) < 2 or text[-1] not in _PAIRS.get(text[0], "") or not _one_bracket(text):
        return None
    texts = split_top(text[1:-1], re.compile(r"[,;]"))[::2]
    if text[0] in "⦃{":
        return Answer("set", text, parts=_read_all([t for t in texts if t.strip()], depth))
    if len(texts) < 2:
        return None
    if text[0] == "[" and all(t.strip().startswith("[") for t in texts):
        return Answer("matrix", text, parts=_read_all(texts, depth))
    parts, marks = _read_all(texts, depth), text[0] + text[-1]
    infinite = [part.mark in ("oo", "-oo") for part in parts]
    if len(parts) == 2 and (marks in ("(]", "[)") or any(infinite)):
        return _interval(text, parts, marks)
    return Answer("tuple", text, parts=parts, mark=marks)


def _one_bracket(text: str) -> bool:
    """Whether the first bracket closes at the very end: (1,2) does, (1)(2) does not."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character in "([{⦃⟨") - (character in ")]}⦄⟩")
        if depth == 0:
            return index == len(text) - 1
    return False


def _interval(text: str, parts: tuple[Answer, ...], marks: str) -> Answer:
    bounds = []
    for part, bracket in zip(parts, marks, strict=True):
        if part.expression is None and part.mark not in ("oo", "-oo"):
            return Answer("text", text, mark="unreadable")
        bounds.append(Bound(part.expression, bracket in "[]" and part.expression is not None))
    return Answer("interval", text, spans=((bounds[0], bounds[1]),))


_RELATION = re.compile(r"[=<>≤≥≠≈∈]")


def _relation(text: str, depth: int) -> Answer | None:
    pieces = [piece.strip() for piece in split_top(text, _RELATION)]
    sides, signs = pieces[::2], pieces[1::2]
    if not signs or len(signs) > 6:
        return None
    if not sides[0]:
        return _read(text[1:], depth + 1) if signs in (["="], ["≈"]) else None
    if signs[0] == "∈":
        return _read(text.partition("∈")[2], depth + 1)
    if set(signs) <= {"=", "≈"}:
        return _equation(text, sides, signs, depth)
    return _inequality(text, sides, signs)


_ASSIGNED = re.compile(r"(?:\\?[A-Za-z]+(?:_\{?\w+\}?)?'*|[A-Za-z]\([A-Za-z0-9]\)|«[^»]{1,30}»)$")


def _equation(text: str, sides: list[str], signs: list[str], depth: int) -> Answer:
    exact = sides[: signs.index("≈") + 1] if "≈" in signs else sides
    if _ASSIGNED.match(sides[0]) and sides[0].lower() not in ("e", "i", "pi", r"\pi"):
        stated = exact[-1] if len(exact) > 1 else sides[1]
        return replace(_read(stated, depth + 1), text=text, name=sides[0].strip("\\«» "))
    if re.fullmatch(r"\(\s*[a-z](?:\s*,\s*[a-z])+\s*\)", sides[0]):
        return _read(sides[1], depth + 1)
    if "≈" in signs and len(exact) == 1:
        return _read(exact[0], depth + 1)
    left, right = expression_or_none(exact[-2]), expression_or_none(exact[-1])
    if left is None or right is None:
        return Answer("text", text, mark="unreadable")
    return Answer(
        "relation", text, Call("+", (left, Call("neg", (right,)))), mark="=", parts=(read_value(exact[-1]),)
    )


def _inequality(text: str, sides: list[str], signs: list[str]) -> Answer:
    expressions = [expression_or_none(side) for side in sides]
    if None in expressions or len(signs) > 2:
        return Answer("text", text, mark="unreadable")
    known = [expression for expression in expressions if expression is not None]
    if len(signs) == 1 and signs[0] == "≠" and isinstance(known[0], Name):
        at = Bound(known[1], False)
        return Answer("interval", text, spans=((Bound(None, False), at), (at, Bound(None, False))))
    if len(signs) == 2 and isinstance(known[1], Name):
        return _between(text, known, signs)
    if len(signs) == 2 or signs[0] == "≠":
        return Answer("text", text, mark="unreadable")
    below, closed = signs[0] in "<≤", signs[0] in "≤≥"
    for variable, bound, is_upper in ((known[0], known[1], below), (known[1], known[0], not below)):
        if isinstance(variable, Name) and not _has_variable(bound):
            end, open_end = Bound(bound, closed), Bound(None, False)
            return Answer(
                "interval",
                text,
                name=variable.name,
                spans=((open_end, end) if is_upper else (end, open_end),),
            )
    greater, smaller = (known[1], known[0]) if below else (known[0], known[1])
    return Answer(
        "relation", text, Call("+", (greater, Call("neg", (smaller,)))), mark="≥" if closed else ">"
    )


def _between(text: str, known: list[Expression], signs: list[str]) -> Answer:
    if all(sign in "<≤" for sign in signs):
        low, high, marks = known[0], known[2], signs
    elif all(sign in ">≥" for sign in signs):
        low, high, marks = known[2], known[0], signs[::-1]
    else:
        return Answer("text", text, mark="unreadable")
    return Answer("interval", text, spans=((Bound(low, marks[0] in "≤≥"), Bound(high, marks[1] in "≤≥")),))


def _has_variable(expression: Expression) -> bool:
    if isinstance(expression, Call):
        return any(map(_has_variable, expression.args))
    return isinstance(expression, Name) and expression.name not in ("pi", "e", "i", "oo")


def _ratio(text: str, depth: int) -> Answer | None:
    texts = split_top(text, re.compile(r":"))[::2]
    if len(texts) < 2 or len(texts) > 5 or not all(part.strip() for part in texts):
        return None
    return Answer("ratio", text, parts=_read_all(texts, depth))
