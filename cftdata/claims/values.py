r"""What is false of the equations of a text: each chain by itself, and values that a name carries on.

A chain is judged pair by pair. A name that a line gives a computed value ("P = 1728*4/256") and a later line
another plain one ("P = 32") is judged as one chain; so is a name that must satisfy the equation before it
("V^3 = 2048 ... V = 16"). A name with one value in the whole text stands for that value.

    >>> [fault.detail for fault in find_faults("P = (1728*4)/256\nP = 32")]
    ['27, not 32']

Source: exact arithmetic (`answers.exact`); approximations are judged by the digits that are written.
Not covered: identities with free names, inequalities with names.
"""

from __future__ import annotations

import math
import re
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping

from cftdata.answers.exact import NotExact, evaluate, rational
from cftdata.answers.expression import Call, Expression, Name, Number
from cftdata.claims.equations import Equation, Side, find_equations
from cftdata.claims.pairs import (
    Fault,
    filled,
    has_decimals,
    holds_elsewhere,
    is_literal,
    is_near,
    is_rate,
    judge_forms,
    judge_pair,
    show,
)
from cftdata.claims.told import find_told

MAX_GAP = 400
"""Characters between two equations that are read as one derivation."""


def find_faults(text: str, *, follows_names: bool = True, limit_s: float = math.inf) -> list[Fault]:
    """Everything false, wrongly rounded or loosely noted in the equations of a text, in order.

    Raises TimeoutError after limit_s seconds.

    follows_names: a name with one computed value stands for it from there on. Not for a critique, which also
    writes down the values that it refutes.
    """
    deadline = time.monotonic() + limit_s
    equations = find_equations(text)
    constant = _constant_names(equations) if follows_names else {}
    known: dict[str, Expression] = {}
    faults = list(_judge_names(equations, text))
    for equation in find_told(text):
        faults += _judge_chain(equation, {}, text)
    for equation in equations:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the equations took longer than {limit_s} s")
        faults += _judge_chain(equation, known, text)
        name = _named(equation)
        if follows_names and name in constant:
            known[name] = constant[name]
    return sorted(_apart(faults), key=lambda fault: (fault.start, fault.end))


def _apart(faults: list[Fault]) -> Iterator[Fault]:
    """One fault for each place: of two that overlap the first."""
    ends: list[tuple[int, int]] = []
    for fault in faults:
        if all(fault.end <= start or fault.start >= end for start, end in ends):
            ends.append((fault.start, fault.end))
            yield fault


def _judge_chain(equation: Equation, names: Mapping[str, Expression], text: str) -> Iterator[Fault]:
    for index, sign in enumerate(equation.signs):
        left, right = equation.sides[index], equation.sides[index + 1]
        if index == 0 and isinstance(left.expression, Name):
            continue
        is_last = index == len(equation.signs) - 1
        if (is_last and _is_remainder(text, right)) or is_rate(text, left, right):
            continue
        if _SCALE.search(text, left.start, right.end + 12):
            continue
        fault = judge_pair(left, right, sign, names)
        if fault and holds_elsewhere(text, left, right):
            continue
        if fault:
            yield fault
            return  # what follows a false step carries it on


_SCALE = re.compile(r"\b(?:dozens?|hundreds?|thousands?|millions?|billions?|trillions?|pairs?)\b")
"""Words that multiply a number, which no side reads: 7 dozen = 84."""


def _is_remainder(text: str, right: Side) -> bool:
    """17 / 5 = 3 R 2, and 3 remainder 2, say no equality."""
    return (
        re.match(
            r"\s*(?:R|r|rem|remainder)\b|\s*(?:with|and) (?:a )?remainder|\s*\\[pb]?mod|\s*\(?mod\b",
            text[right.end :],
        )
        is not None
    )


def _is_approximate(equation: Equation) -> bool:
    return "≈" in equation.signs or any(has_decimals(side.expression) for side in equation.sides)


def _constant_names(equations: tuple[Equation, ...]) -> dict[str, Expression]:
    """Names that have one value in the whole text, and a computed one."""
    values: dict[str, set[Expression]] = defaultdict(set)
    computed: set[str] = set()
    for equation in equations:
        first, last = equation.sides[0].expression, equation.sides[-1].expression
        if isinstance(first, Name) and set(equation.signs) == {"="}:
            if not (len(equation.sides) == 2 and is_literal(last)):  # "V = 8" is given for one case only
                computed.add(first.name)
            values[first.name].add(_simple(last))
    return {
        name: min(found, key=str)
        for name, found in values.items()
        if name in computed and len(found) == 1 and not isinstance(min(found, key=str), Name)
    }


def _simple(expression: Expression) -> Expression:
    """A number where it is one, so that -14 and -(9+5) are one value."""
    try:
        value = rational(evaluate(expression))
    except NotExact:
        return expression
    return expression if value is None else Number(value)


def _judge_names(equations: tuple[Equation, ...], text: str) -> Iterator[Fault]:
    """Values that names carry on from one equation to the next."""
    waiting: dict[str, Equation] = {}
    for equation in equations:
        name = _named(equation)
        before = waiting.get(name) if name else None
        if name and before and _is_plain(equation) and _carries_on(text, before, equation):
            fault = _judge_against(before, equation, name)
            if fault:
                yield fault
        only = _only_name(equation)
        if only:
            waiting[only] = equation


def _named(equation: Equation) -> str | None:
    first = equation.sides[0].expression
    return first.name if isinstance(first, Name) and first.name not in ("pi", "e", "i") else None


def _is_plain(equation: Equation) -> bool:
    """x = 32: a name and one plain number."""
    return len(equation.sides) == 2 and equation.signs[0] in "=≈" and is_literal(equation.sides[1].expression)


def _only_name(equation: Equation) -> str | None:
    """The one name in an equation of a name and computed numbers; None for x = 5, which computes nothing."""
    if set(equation.signs) - {"=", "≈"} or equation.signs[-1:] == ("≈",):
        return None
    names = {name for side in equation.sides for name in _names_in(side.expression)}
    if _named(equation) and any(_names_in(side.expression) for side in equation.sides[1:]):
        return None  # x = x + 1 counts on
    if len(names) != 1 or (
        len(equation.sides) == 2 and _named(equation) and is_literal(equation.sides[1].expression)
    ):
        return None
    return min(names)


def _names_in(expression: Expression) -> set[str]:
    if isinstance(expression, Name):
        return set() if expression.name in ("pi", "e", "i", "oo") else {expression.name}
    return (
        {name for arg in expression.args for name in _names_in(arg)}
        if isinstance(expression, Call)
        else set()
    )


_NEW_CASE = re.compile(
    r"\b(?:if|when|suppose|let|assume|assuming|given|instead|alternatively|or|case|try|testing|"
    r"substitut\w+|original|initial\w*|round\w*|scenario|situation|new)\b|\n#",
    re.I,
)


def _carries_on(text: str, before: Equation, after: Equation) -> bool:
    """Whether the second goes on from the first: near, and no new case between them."""
    gap = text[before.end : after.start]
    return len(gap) <= MAX_GAP and not _NEW_CASE.search(gap)


def _judge_against(before: Equation, after: Equation, name: str) -> Fault | None:
    """The plain value put into the equation before."""
    value = after.sides[1]
    put = {name: value.expression}
    for left, right in zip(before.sides, before.sides[1:], strict=False):
        named = _named(before) == name and left is before.sides[0]
        expected = right if named else left
        try:
            forms = evaluate(filled(left.expression, put)), evaluate(filled(right.expression, put))
            kind = judge_forms(
                expected, value if named else right, after.signs[0], forms[::-1] if named else forms
            )
        except NotExact:
            return None
        if kind is None:
            continue
        if not named and (kind != "false" or (is_near(forms) and _is_approximate(after))):
            return None
        shown = (
            f"{show(forms[1])}, not {' '.join(value.text.split())}"
            if named
            else (f"with {name} = {' '.join(value.text.split())} it says {show(forms[0])} = {show(forms[1])}")
        )
        return Fault(after.start, after.end, kind, shown, is_put_in=not named)
    return None
