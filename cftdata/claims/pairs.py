"""Two sides of an equation: whether they are equal, and if not, whether falsely, by digits, or by notation.

    >>> from cftdata.claims.equations import find_equations
    >>> [equation] = find_equations("8.4 + 4.25 = 12.75")
    >>> judge_pair(*equation.sides, "=", {}).detail
    '12.65, not 12.75'

Source: exact arithmetic (`answers.exact`); approximations are judged by the digits that are written.
Not covered: free names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal

from cftdata.answers.decimals import DIGITS, approximate
from cftdata.answers.equality import Written, read_written
from cftdata.answers.exact import NotExact, Quotient, compare, evaluate, rational, variables
from cftdata.answers.expression import Call, Expression, Name, Number
from cftdata.claims.equations import Side, read_side
from cftdata.claims.masking import SPEAKING
from cftdata.claims.numeric import NAMES, read_values

Kind = Literal["false", "rounding", "notation"]
NEAR = Decimal("0.02")
"""A relative error up to this, with decimals on one side, is one of rounding."""
CLOSE = Decimal("0.005")
"""The relative error that rounded inputs of a computation may carry."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A stretch of a text that is not so."""

    start: int
    end: int
    kind: Kind
    detail: str
    """For people: "27, not 32"."""
    is_put_in: bool = False
    """A value does not satisfy the equation before it, which an "if" may excuse."""


def is_rate(text: str, left: Side, right: Side) -> bool:
    """4 daps = 7 yaps, 2 gal = 8 qt: two numbers of different things say what one is worth."""
    if not (is_literal(left.expression) and is_literal(right.expression)):
        return False
    if left.unit and right.unit:
        return left.unit.dimensions != right.unit.dimensions
    word = re.match(r"\s*([A-Za-z]{2,})", text[right.end : right.end + 40])
    is_thing = word is not None and word[1].lower() not in SPEAKING
    return bool(left.unit or re.search(r"[A-Za-z]{2,}", text[left.end : right.start])) and bool(
        right.unit or is_thing
    )


_MODULUS = re.compile(
    r"(?:\bmod(?:ulo|ulus)?|\\[pb]?mod|\bZ_?|\\mathbb\s?\{?[ZF]\}?_)[\s{(]{0,6}(\d{1,9})"
)
_IN_BASE = re.compile(
    r"\b(?:in|to) base\b|\bbase[- ](?:\d+|two|ten|eight|sixteen) (?:number|system|arithmetic|notation)|"
    r"\bbinary\b|\boctal\b|\bhexadecimal\b",
    re.I,
)


def holds_elsewhere(text: str, left: Side, right: Side) -> bool:
    """1 + 1 = 0 (mod 2), 1 + 1 = 10 in binary: a text that counts otherwise says so near by."""
    around = text[max(0, left.start - 300) : right.end + 80]
    if _IN_BASE.search(around):
        return True
    moduli = {int(number) for number in _MODULUS.findall(around)} - {0}
    if not moduli:
        return False
    try:
        values = rational(evaluate(left.expression)), rational(evaluate(right.expression))
    except NotExact:
        return False
    if values[0] is None or values[1] is None:
        return False
    return any((values[0] - values[1]).numerator % modulus == 0 for modulus in moduli)


def judge_pair(left: Side, right: Side, sign: str, names: Mapping[str, Expression]) -> Fault | None:
    """What is false of two sides; None where nothing is, or nothing can be told."""
    told = _judge_pair(left, right, sign, names) if names else _judge_known(_Key(left, right, sign))
    return told and replace(told, start=left.start, end=right.end)


class _Key:
    """Two sides and their sign, alike where their texts are: what is judged is told by those alone."""

    __slots__ = ("left", "right", "sign", "texts")

    def __init__(self, left: Side, right: Side, sign: str) -> None:
        self.left, self.right, self.sign = left, right, sign
        self.texts = left.text, right.text, sign

    def __hash__(self) -> int:
        return hash(self.texts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.texts == other.texts


@lru_cache(maxsize=16384)
def _judge_known(key: _Key) -> Fault | None:
    return _judge_pair(key.left, key.right, key.sign, {})


def _judge_pair(left: Side, right: Side, sign: str, names: Mapping[str, Expression]) -> Fault | None:
    if sign in "=≈" and any(name in left.text or name in right.text for name in NAMES):
        return _judge_functions(left, right, sign)
    try:
        forms = evaluate(filled(left.expression, names)), evaluate(filled(right.expression, names))
        kind = judge_forms(left, right, sign, forms)
    except NotExact:
        return None
    if kind is None:
        return None
    return Fault(left.start, right.end, kind, f"{show(forms[0])}, not {' '.join(right.text.split())}")


def _judge_functions(left: Side, right: Side, sign: str) -> Fault | None:
    """20 sin 30° = 17.3: false only if it is in every reading."""
    if left.unit and right.unit and left.unit != right.unit:
        return None
    try:
        values = read_values(left.expression), read_values(right.expression)
    except NotExact:
        return None
    gaps = {abs(a - b) / max(abs(a), abs(b), 1e-9): (a, b) for a in values[0] for b in values[1]}
    nearest = gaps[min(gaps)]
    if min(gaps) <= 1e-9:
        return None
    kind = _judge_digits(left, right, sign, (Decimal(nearest[0]), Decimal(nearest[1])))
    if kind == "false" and min(gaps) <= NEAR:
        kind = "notation"  # sin 37° = 3/5
    shown = f"{nearest[0]:.6g}, not {' '.join(right.text.split())}"
    return Fault(left.start, right.end, kind, shown) if kind else None


def judge_forms(left: Side, right: Side, sign: str, forms: tuple[Quotient, Quotient]) -> Kind | None:
    if variables(forms[0]) or variables(forms[1]):
        return None
    if sign in "≠<>≤≥":
        return _judge_order(sign, forms)
    same = compare(*forms)
    if same is not False:
        return None
    values = approximate(forms[0]), approximate(forms[1])
    if values[0] is None or values[1] is None:
        return "false"  # complex, and provably not the same
    if _same_in_units(left, right, forms):
        return None
    bare = (
        read_side(right.text.replace("%", "").strip()) if "%" in right.text and "%" not in left.text else None
    )
    if bare:  # 4/12 * 100 = 33.33%: the hundred stands on both sides
        number = replace(right, expression=bare[0], text=right.text.replace("%", ""))
        if judge_forms(left, number, "≈", (forms[0], evaluate(number.expression))) in (None, "notation"):
            return None
    if _runs_on(left, right):
        return "notation"
    is_plain = is_literal(right.expression) or not has_decimals(right.expression)
    if sign == "=" and is_plain and _ends(forms[0]) and _ends(forms[1]):
        return _judge_exact(left, right, values[0], values[1])
    return _judge_digits(left, right, sign, (values[0], values[1]))


def _ends(form: Quotient) -> bool:
    """Whether it is a decimal that ends, so that there is nothing to round."""
    value = rational(form)
    return value is not None and (10**30) % value.denominator == 0


def _judge_exact(left: Side, right: Side, expected: Decimal, found: Decimal) -> Kind:
    """8.4 + 4.25 = 12.75: both can be written out; only what is short of digits is a rounding."""
    written = read_written(right.expression)
    whole = written or _whole(right.expression)
    if whole is None or abs(DIGITS.subtract(expected, found)) * 2 > _unit_of(whole):
        return "false"
    if written:
        return "notation"
    return "rounding" if has_decimals(left.expression) else "false"


def _judge_order(sign: str, forms: tuple[Quotient, Quotient]) -> Kind | None:
    values = approximate(forms[0]), approximate(forms[1])
    if values[0] is None or values[1] is None:
        return None
    if sign == "≠":
        return "false" if compare(*forms) else None
    holds = {
        "<": values[0] < values[1],
        ">": values[0] > values[1],
        "≤": values[0] <= values[1],
        "≥": values[0] >= values[1],
    }[sign]
    return None if holds else "false"


def _same_in_units(left: Side, right: Side, forms: tuple[Quotient, Quotient]) -> bool:
    """2 hours = 120 minutes: the numbers differ by a conversion that units explain."""
    below = rational(forms[1])
    above = rational(forms[0])
    if not above or not below:
        return False
    ratio = above / below
    if ("%" in left.text) != ("%" in right.text):
        bare = above if "%" in right.text else below
        is_share = re.search(r"[*×x]\s*\$?100(?![\d%])", left.text) and right.text.strip().endswith(
            "%"
        )  # 3/4 * 100 = 75%
        times = re.search(r"%\s*(?:[*×·⋅]|\\cdot|\\times)", left.text)
        is_product = times and ratio not in (100, Fraction(1, 100))  # 13% * 15 = 1.95
        if abs(bare) > 1 and "of" not in left.text + right.text and not (is_share or is_product):
            return True  # 48 = 100% + 20%: of something that only words name
    if left.unit and right.unit and left.unit.dimensions == right.unit.dimensions:
        scale = left.unit.factor / right.unit.factor
        is_round = 1 not in (scale.numerator, scale.denominator)  # 5 miles = 8 km, and not 5 feet = 61 inches
        return ratio * scale == 1 or (is_round and abs(ratio * scale - 1) <= NEAR)
    return bool(left.unit or right.unit) and ratio in _CONVERSIONS


def _runs_on(left: Side, right: Side) -> bool:
    """6 * 5 = 30 + 4 = 34: a running total, whose right side begins with the value of the left."""
    first, added = right.expression, list[Expression]()
    while isinstance(first, Call) and first.op in ("+", "*", "/"):
        added += first.args[1:]
        first = first.args[0]
    if (
        not added
        or _is_bracketed(right.text)
        or compare(evaluate(left.expression), evaluate(first)) is not True
    ):
        return False
    # (2 + 3) + (4 + 5) = 14 + 9 adds nothing new: the 9 is the second bracket of the left
    computed = [
        part for part in getattr(left.expression, "args", ()) if isinstance(part, Call) and part.op != "neg"
    ]
    return not any(compare(evaluate(part), evaluate(new)) for part in computed for new in added)


def _is_bracketed(text: str) -> bool:
    """(-9 + -1): brackets around all of a side; a running total has none."""
    depth, bare = 0, text.strip()
    for at, sign in enumerate(bare):
        depth += (sign in "([") - (sign in ")]")
        if depth <= 0:
            return at > 0 and at == len(bare) - 1
    return False


_CONVERSIONS = frozenset(
    Fraction(*pair)
    for n in (7, 10, 12, 24, 30, 52, 60, 100, 365, 1000, 3600, 5280, 3, 36, 16)
    for pair in ((n, 1), (1, n))
)


def _judge_digits(left: Side, right: Side, sign: str, values: tuple[Decimal, Decimal]) -> Kind | None:
    """Two different numbers: a correct rounding, a wrong one, or simply false."""
    written = read_written(right.expression) or read_written(left.expression)
    gap = abs(DIGITS.subtract(*values))
    if written is None:
        written = _whole(right.expression) if sign == "≈" else None
    if written is None and (has_decimals(left.expression) or has_decimals(right.expression)):
        return _judge_size(sign, gap, max(map(abs, values)))
    if written is None:
        return "false"
    unit = _unit_of(written)
    if gap * 2 <= unit * (Decimal(1) + Decimal("1e-30")):
        return None if sign == "≈" or has_decimals(left.expression) else "notation"
    return "rounding" if gap <= NEAR * max(map(abs, values)) else "false"


def _judge_size(sign: str, gap: Decimal, scale: Decimal) -> Kind | None:
    """8∛4 ≈ 8 * 1.5874: decimals in a computation that goes on."""
    if gap <= CLOSE * scale:
        return None if sign == "≈" else "notation"
    return "rounding" if gap <= NEAR * scale else "false"


def _unit_of(written: Written) -> Decimal:
    twice = written.half_unit * 2
    return DIGITS.divide(Decimal(twice.numerator), Decimal(twice.denominator))


def _whole(expression: Expression) -> Written | None:
    """≈ 13: a whole number is written to the unit."""
    value = expression.args[0] if isinstance(expression, Call) and expression.op == "neg" else expression
    return Written(value.value, Fraction(1, 2), 1) if isinstance(value, Number) else None


def has_decimals(expression: Expression) -> bool:
    if isinstance(expression, Number):
        return expression.places is not None
    return isinstance(expression, Call) and any(map(has_decimals, expression.args))


def is_near(forms: tuple[Quotient, Quotient]) -> bool:
    """V = 12.7 in V^3 = 2048: what a rounded value misses an equation by."""
    values = approximate(forms[0]), approximate(forms[1])
    if values[0] is None or values[1] is None:
        return True
    return abs(DIGITS.subtract(values[0], values[1])) <= 5 * NEAR * max(abs(values[0]), abs(values[1]))


def show(form: Quotient) -> str:
    """A value for people: exact where it is short, else to six digits."""
    exact = rational(form)
    if exact is not None and _ends(form) and len(f"{float(exact):.10g}") <= 10 and abs(exact) < 10**9:
        return f"{float(exact):.10g}"
    if exact is not None and len(str(exact)) <= 12:
        return str(exact)
    value = approximate(form)
    return "another value" if value is None else f"{value:.6g}"


def filled(expression: Expression, names: Mapping[str, Expression]) -> Expression:
    if not names:
        return expression
    if isinstance(expression, Name):
        return names.get(expression.name, expression)
    if isinstance(expression, Call):
        return Call(expression.op, tuple(filled(arg, names) for arg in expression.args))
    return expression


def is_literal(expression: Expression) -> bool:
    if isinstance(expression, Call) and expression.op in ("neg", "/"):
        return all(map(is_literal, expression.args))
    return isinstance(expression, Number)
