r"""A number or an expression with the words around it: lead-ins before, a unit behind.

    >>> read_value("about 12 miles per hour").unit.dimensions
    (('length', 1), ('time', -1))

Source: our own rules; see `units` for what is known of units. Not covered: "negative 5", "half of 12".
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from cftdata.answers.answer import Answer, plain, without_also
from cftdata.answers.expression import Call, Expression, Number, read_expression
from cftdata.answers.tokens import FUNCTIONS, GREEK, Unreadable
from cftdata.answers.units import Unit, is_unit, read_unit, split_scale

MAX_STARTS = 20  # words at which a unit may begin: more would cost time, and is no answer

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_FILLERS = frozenset(
    "the answer is are total of about approximately approx roughly around exactly it be value "
    "equals equal to so therefore thus hence we get has have there they she he will cost costs "
    "final solution result only".split()
)
_WORD = re.compile(r"«[^»]*»|(?<![\\A-Za-z_])[A-Za-z]{2,}")
# 5 m, 5 m/s: metres; 5m may be a product
_SPACED_LETTER = re.compile(r"[-+\d.,]+ ([msghL])(?:\^\{?[23]\}?|[²³])?(?:/[msh](?:\^\{?[23]\}?|[²³])?)?")
_CURRENCY = re.compile(r"([-+−]?)\s*(?:US)?([$€£])\s*([^$€£]*)$", re.S)


def read_value(text: str) -> Answer:
    """A number or expression, fillers before it and a unit behind it."""
    text = without_also(text)
    text = _without_fillers(text)
    if number := _number_words(plain(text)):
        return Answer("value", text, number)
    if money := _CURRENCY.match(text):
        inner = read_value(money[1] + money[3])
        return replace(inner, text=text, unit=read_unit(money[2])) if inner.kind == "value" else inner
    has_unit = _SPACED_LETTER.fullmatch(text) or any(is_unit(word.group()) for word in _WORD.finditer(text))
    if has_unit and (united := _value_with_words(text)):
        return united
    try:
        return _with_unit(Answer("value", text, read_expression(text)))
    except Unreadable as refusal:
        reason = refusal.reason
    return _value_with_words(text) or Answer("text", text, mark=reason)


def _with_unit(answer: Answer) -> Answer:
    """Percent and degrees are units of the whole value, not operations in it."""
    if isinstance(answer.expression, Call) and answer.expression.op in ("%", "deg"):
        unit = read_unit("percent" if answer.expression.op == "%" else "degree")
        return replace(answer, expression=answer.expression.args[0], unit=unit)
    return answer


def _without_fillers(text: str) -> str:
    while found := re.match(r"«?\s*([A-Za-z']{2,})\s*[:,]?\s*»?\s*(?=[^\s/*^+=])", text):
        if found[1].lower() not in _FILLERS or found.end() == len(text):
            break
        text = text[found.end() :]
    return text


def _value_with_words(text: str) -> Answer | None:
    """The shortest expression at the start whose rest is a unit: 12 miles per hour, 3.5 \\text{ cm}^2."""
    single = _SPACED_LETTER.fullmatch(text)
    starts = [
        m.start() for m in _WORD.finditer(text) if m.group() not in (FUNCTIONS | GREEK | {"pi"}) - {"min"}
    ]
    for start in [single.start(1)] if single else starts[:MAX_STARTS]:
        head, tail = text[:start].strip(" -"), plain(re.sub(r"[«»]", " ", text[start:]))
        expression = expression_or_none(head) if re.search(r"[\d\\√∛π½]", head) else None
        if expression is None:
            continue
        scale, rest = split_scale(tail)
        unit = read_unit(rest) if rest.strip() else None
        if rest.strip() and unit is None:
            return None
        return replace(_with_unit(Answer("value", text, expression)), unit=unit, scale=scale)
    return None


def _number_words(text: str) -> Number | None:
    words = text.lower().split("-") if "-" in text else text.lower().split()
    value = None
    if len(words) == 1 and words[0] in _ONES:
        value = _ONES.index(words[0])
    elif words and words[0] in _TENS and (len(words) == 1 or (len(words) == 2 and words[1] in _ONES[1:10])):
        value = 10 * (_TENS.index(words[0]) + 2) + (_ONES.index(words[1]) if len(words) == 2 else 0)
    return None if value is None else Number(Fraction(value))


_QUANTITY = re.compile(r"\s*(?:,|and\b)?\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+\.?)")


def read_compound(text: str) -> Answer | None:
    """2 hours and 30 minutes: numbers with falling units of one dimension, added."""
    bare, at, total = plain(text), 0, Fraction(0)
    last: Unit | None = None
    n_parts = 0
    while found := _QUANTITY.match(bare, at):
        unit = read_unit(found[2])
        if (
            unit is None
            or not unit.known
            or (last and (unit.dimensions != last.dimensions or unit.factor >= last.factor))
        ):
            return None
        total, last, at, n_parts = total + Fraction(found[1]) * unit.factor, unit, found.end(), n_parts + 1
    if last is None or n_parts < 2 or bare[at:].strip(" ."):
        return None
    return Answer("value", text, Number(total / last.factor), unit=last)


def expression_or_none(text: str) -> Expression | None:
    try:
        return read_expression(text)
    except Unreadable:
        return None
