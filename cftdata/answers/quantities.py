r"""Values with units against values with, or without; times of day; ratios.

    >>> from cftdata.answers.value import read_value
    >>> match_quantities(read_value("5 km"), read_value("5000 meters"), Budget(3.0)).outcome
    'equal'

Source: `units`. Not covered: temperatures across scales.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from cftdata.answers.answer import Answer
from cftdata.answers.equality import (
    DIFFERENT,
    EXACT,
    AnswerMatch,
    Budget,
    is_quantity_like,
    match_expressions,
)
from cftdata.answers.exact import NotExact, Quotient, compare, divide, evaluate, multiply, rational
from cftdata.answers.expression import Call, Number
from cftdata.answers.units import Unit, differ_by_conversion


def match_quantities(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """Both have a unit."""
    one, other = left.unit, right.unit
    assert one is not None
    assert other is not None
    if one.dimensions == other.dimensions:
        return match_expressions(left, right, one.factor / other.factor, budget)
    return AnswerMatch(
        "different" if one.known and other.known and not _loose(one, other) else "unknown", "units"
    )


def _loose(one: Unit, other: Unit) -> bool:
    """Angles and times have several names of the same thing that the table keeps apart."""
    names = {name for unit in (one, other) for name, _ in unit.dimensions}
    return (
        names <= {"angle", "radian"}
        or names <= {"time", "years"}
        or names <= {"celsius", "fahrenheit", "kelvin", "angle"}
    )


def match_with_one_unit(united: Answer, bare: Answer, budget: Budget) -> AnswerMatch:
    """Only one has a unit: the other's is understood, unless the numbers speak for a conversion."""
    assert united.unit is not None
    plain = match_expressions(united, bare, Fraction(1), budget)
    name = united.unit.dimensions[0][0] if united.unit.dimensions else ""
    if name == "percent":
        share = match_expressions(united, bare, Fraction(1, 100), budget)
        return (
            AnswerMatch("unknown", "percent")
            if plain.outcome == "equal" and share.outcome != "equal"
            else share
        )
    if plain.outcome != "different":
        return plain
    if name == "angle":
        assert united.expression is not None
        radians = Call("deg", (united.expression,))
        return match_expressions(Answer("value", "", radians), bare, Fraction(1), budget)
    if isinstance(bare.expression, Call) and is_quantity_like(bare.expression):
        return AnswerMatch("unknown", "units")
    ratio = _ratio_of(united, bare)
    return (
        AnswerMatch("unknown", "units") if ratio and differ_by_conversion(1 / ratio, united.unit) else plain
    )


def _ratio_of(left: Answer, right: Answer) -> Fraction | None:
    assert left.expression is not None
    assert right.expression is not None
    below = evaluate(right.expression)
    return rational(divide(evaluate(left.expression), below)) if below[0] else None


def match_times(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    if left.expression == right.expression and left.mark == right.mark:
        return EXACT
    a, b = (
        side.expression.value if isinstance(side.expression, Number) else Fraction(0)
        for side in (left, right)
    )
    if (a - b) % 720 == 0 and "half_unknown" in (left.mark, right.mark):
        return AnswerMatch("unknown", "ambiguous")
    return DIFFERENT


def match_ratios(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """3:4 and 6:8: every part in the same proportion."""
    if len(left.parts) != len(right.parts):
        return AnswerMatch("different", "size")
    sides = [[_form(part) for part in side.parts] for side in (left, right)]
    results = [
        compare(multiply(a, d), multiply(b, c))
        for (a, b), (c, d) in zip(pairwise(sides[0]), pairwise(sides[1]), strict=True)
    ]
    if None in results:
        return AnswerMatch("unknown", "undecided")
    return EXACT if all(results) else DIFFERENT


def _form(part: Answer) -> Quotient:
    if part.expression is None:
        raise NotExact("unreadable")
    return evaluate(part.expression)


def match_ratio_with_value(ratio: Answer, value: Answer, budget: Budget) -> AnswerMatch:
    """3:4 against 3/4; other values are not told from a ratio's parts."""
    if len(ratio.parts) != 2 or value.expression is None:
        return AnswerMatch("unknown", "kind")
    same = compare(divide(_form(ratio.parts[0]), _form(ratio.parts[1])), evaluate(value.expression))
    return EXACT if same else AnswerMatch("unknown", "kind")
