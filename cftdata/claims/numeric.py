r"""What sines and logarithms come to: all the values that an expression may mean, as floating-point numbers.

The base of `log` and the unit of an angle are often not said, so that an equation is false only if it is
in every reading.

    >>> from cftdata.answers.expression import read_expression
    >>> sorted(round(value, 3) for value in read_values(read_expression("log 100")))
    [2.0, 4.605, 6.644]

Source: our own rules. Not covered: complex values, free names, and functions of more than one argument but
`log` with its base. Numbers may refute only: values that agree prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import product

from cftdata.answers.exact import NotExact
from cftdata.answers.expression import Call, Expression, Name, Number

MAX_READINGS = 24
NAMES = ("sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp")
"""One of these stands in the text of every expression that is read here."""

_ANGLES: dict[str, Callable[[float], float]] = {
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "cot": lambda x: 1 / math.tan(x),
    "sec": lambda x: 1 / math.cos(x),
    "csc": lambda x: 1 / math.sin(x),
}
_INVERSES: dict[str, Callable[[float], float]] = {
    "arcsin": math.asin,
    "arccos": math.acos,
    "arctan": math.atan,
}
_PLAIN: dict[str, Callable[[float], float]] = {
    "neg": lambda x: -x,
    "%": lambda x: x / 100,
    "deg": math.radians,
    "ln": math.log,
    "exp": math.exp,
    "abs": abs,
    "sinh": math.sinh,
    "cosh": math.cosh,
    "tanh": math.tanh,
}
_OF_TWO: dict[str, Callable[[float, float], float]] = {
    "/": lambda x, y: x / y,
    "^": math.pow,
    "root": lambda x, y: math.pow(x, 1 / y),
    "log": math.log,
}


def read_values(expression: Expression) -> frozenset[float]:
    """Every value in some reading. NotExact where there is none, or there are too many."""
    try:
        values = _read(expression)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError) as fault:
        raise NotExact("undefined") from fault
    if len(values) > MAX_READINGS or not all(map(math.isfinite, values)):
        raise NotExact("too_big")
    return values


def _read(expression: Expression) -> frozenset[float]:
    if isinstance(expression, Number):
        return frozenset({float(expression.value)})
    if isinstance(expression, Name):
        if expression.name not in ("pi", "e"):
            raise NotExact("name")
        return frozenset({math.pi if expression.name == "pi" else math.e})
    args = [_read(arg) for arg in expression.args]
    if math.prod(map(len, args)) > MAX_READINGS:
        raise NotExact("too_big")
    return frozenset(
        value for given in product(*args) for value in _apply(expression.op, given, expression.args)
    )


def _apply(op: str, given: tuple[float, ...], args: tuple[Expression, ...]) -> tuple[float, ...]:
    if op in ("+", "*"):
        return (math.fsum(given) if op == "+" else math.prod(given),)
    if len(given) == 2 and op in _OF_TWO:
        return (_OF_TWO[op](*given),)
    if len(given) != 1:
        raise NotExact("function")
    first = given[0]
    if op in _ANGLES:
        is_told = isinstance(args[0], Call) and args[0].op == "deg"
        return (_ANGLES[op](first),) if is_told else (_ANGLES[op](first), _ANGLES[op](math.radians(first)))
    if op in _INVERSES:
        angle = _INVERSES[op](first)
        return angle, math.degrees(angle)
    if op == "log":
        return math.log10(first), math.log(first), math.log2(first)
    if op not in _PLAIN:
        raise NotExact("function")
    return (_PLAIN[op](first),)
