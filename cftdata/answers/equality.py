r"""Whether two expressions have the same value: exactly, by proof, or as a correct rounding.

    >>> from cftdata.answers.value import read_value
    >>> match_expressions(read_value("0.333"), read_value("1/3"), Fraction(1), Budget(3.0)).reason
    'rounded'

Source: `exact` first; what it leaves open goes to sympy in the killable worker. Not covered: units.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from time import monotonic
from typing import Literal

from cftdata.answers.answer import Answer
from cftdata.answers.decimals import DIGITS, approximate
from cftdata.answers.exact import NotExact, Quotient, compare, evaluate, is_opaque, limit_time, rational
from cftdata.answers.expression import Call, Expression, Name, Number
from cftdata.answers.units import SINGLE_LETTERS
from cftdata.worker import TimeLimitError, WorkerDiedError, run_killable, start

Outcome = Literal["equal", "different", "unknown"]
MIN_SIGNIFICANT = 3


class Budget:
    """The time that one comparison may take; the process's first start of the worker is not counted."""

    def __init__(self, timeout_s: float) -> None:
        self.deadline = monotonic() + timeout_s
        limit_time(self.deadline)
        self.interrupted = False  # a limit or a crash cut something short: another run may find more

    def left_s(self) -> float:
        """Seconds left; `NotExact` when there are none."""
        left = self.deadline - monotonic()
        if left <= 0:
            raise NotExact("time_limit")
        return left

    def start_worker(self) -> None:
        """Wait for the first worker without spending."""
        before = monotonic()
        start()
        self.deadline += monotonic() - before
        limit_time(self.deadline)


@dataclass(frozen=True, slots=True)
class AnswerMatch:
    """Whether two answers are the same, and why."""

    outcome: Outcome
    reason: str


IDENTICAL = AnswerMatch("equal", "identical")
EXACT = AnswerMatch("equal", "exact")
ROUNDED = AnswerMatch("equal", "rounded")
DIFFERENT = AnswerMatch("different", "exact")


def all_of(results: list[AnswerMatch]) -> AnswerMatch:
    """One difference decides; else one unknown; else the weakest reason of equality."""
    for outcome in ("different", "unknown"):
        for result in results:
            if result.outcome == outcome:
                return result
    order = ["rounded", "proved", "exact", "same_word", "identical"]
    return min(results, key=lambda result: order.index(result.reason), default=IDENTICAL)


def match_expressions(left: Answer, right: Answer, factor: Fraction, budget: Budget) -> AnswerMatch:
    """left * factor against right, their own scales included."""
    budget.left_s()
    assert left.expression is not None
    assert right.expression is not None
    factors = factor * left.scale, right.scale
    sides = [
        side.expression if by == 1 else Call("*", (Number(by), side.expression))
        for side, by in zip((left, right), factors, strict=True)
        if side.expression is not None
    ]
    written = [read_written(side.expression, by) for side, by in zip((left, right), factors, strict=True)]
    if is_quantity_like(sides[0]) != is_quantity_like(sides[1]) and not all(
        isinstance(s, Call) for s in sides
    ):
        quantity, number = sides if is_quantity_like(sides[0]) else sides[::-1]
        assert isinstance(quantity, Call)
        if quantity.args[0] == number:
            return AnswerMatch("unknown", "units")
    forms = [evaluate(side) for side in sides]
    same = compare(forms[0], forms[1])
    if same is None:
        return _match_by_proof(sides, forms, written, budget)
    if same:
        return EXACT
    values = [approximate(form) for form in forms]
    return ROUNDED if _rounds(written, values) else DIFFERENT


def is_quantity_like(expression: Expression) -> bool:
    """5m may be five metres, 5m^2 five square metres."""
    if not isinstance(expression, Call) or expression.op != "*" or not isinstance(expression.args[0], Number):
        return False
    unit = expression.args[1]
    if isinstance(unit, Call) and unit.op == "^" and isinstance(unit.args[1], Number):
        unit = unit.args[0]
    return isinstance(unit, Name) and unit.name in SINGLE_LETTERS


def _match_by_proof(
    sides: list[Expression], forms: list[Quotient], written: list[Written | None], budget: Budget
) -> AnswerMatch:
    found = in_worker("prove", *sides, budget=budget)
    if found.outcome != "different" or not any(written):
        return found
    try:
        values = [
            _value_in_worker(side, budget) if is_opaque(form) else approximate(form)
            for side, form in zip(sides, forms, strict=True)
        ]
    except (TimeLimitError, WorkerDiedError) as fault:
        return _interrupted(fault, budget)  # not different: it may have been a rounding
    return ROUNDED if _rounds(written, values) else found


def in_worker(function: str, *sides: object, budget: Budget) -> AnswerMatch:
    """What the prover finds, or why it found nothing."""
    try:
        found = _run(function, *sides, budget=budget)
    except (TimeLimitError, WorkerDiedError) as fault:
        return _interrupted(fault, budget)
    if found == "equal":
        return AnswerMatch("equal", "proved")
    return (
        AnswerMatch("different", "refuted") if found == "different" else AnswerMatch("unknown", "undecided")
    )


def _interrupted(fault: Exception, budget: Budget) -> AnswerMatch:
    budget.interrupted = True
    return AnswerMatch("unknown", "time_limit" if isinstance(fault, TimeLimitError) else "crashed")


def _value_in_worker(side: Expression, budget: Budget) -> Decimal | None:
    value = _run("value", side, budget=budget)
    return value if isinstance(value, Decimal) else None


def _run(function: str, *sides: object, budget: Budget) -> object:
    budget.start_worker()
    return run_killable(_call_proof, function, *sides, timeout_s=budget.left_s())


def _call_proof(function: str, *args: object) -> object:
    from cftdata.answers import proof

    return getattr(proof, function)(*args)


@dataclass(frozen=True, slots=True)
class Written:
    """A decimal as written: its value, half a unit of its last digit, its significant digits."""

    value: Fraction
    half_unit: Fraction
    n_significant: int


def read_written(expression: Expression | None, factor: Fraction = Fraction(1)) -> Written | None:
    """The decimal that an expression is (12.7, -0.333, 1.24·10^-8), scaled; None for anything else."""
    if isinstance(expression, Number):
        if expression.places is None:
            return None
        half = Fraction(1, 2) / Fraction(10) ** expression.places
        return Written(expression.value * factor, half * abs(factor), expression.n_significant)
    if isinstance(expression, Call) and expression.op in ("neg", "%"):
        return read_written(expression.args[0], -factor if expression.op == "neg" else factor / 100)
    if isinstance(expression, Call) and expression.op == "*" and isinstance(expression.args[1], Call):
        power = expression.args[1]
        if power.op == "^" and power.args[0] == Number(Fraction(10)):
            exponent = rational(evaluate(power.args[1]))
            if exponent is not None and exponent.denominator == 1 and abs(exponent) < 400:
                return read_written(expression.args[0], factor * Fraction(10) ** int(exponent))
    return None


def _rounds(written: list[Written | None], values: list[Decimal | None]) -> bool:
    """Whether either side is a correct rounding of the other, which must be written more finely."""
    for (one, other), value in zip((written, written[::-1]), values[::-1], strict=True):
        if one is None or value is None or one.n_significant < MIN_SIGNIFICANT:
            continue
        if other is not None and other.half_unit >= one.half_unit:
            continue
        gap = abs(DIGITS.subtract(_to_decimal(one.value), value))
        if gap <= _to_decimal(one.half_unit):
            return True
    return False


def _to_decimal(value: Fraction) -> Decimal:
    return DIGITS.divide(Decimal(value.numerator), Decimal(value.denominator))
