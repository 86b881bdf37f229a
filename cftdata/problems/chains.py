"""Chains of exact calculation: the worked solutions of our own problems, right or with one planted error.

A problem's solution is a chain of steps, each of one operation on values that came before. A planted error
replaces one step; the steps after it are worked out again from its wrong value, so that the error is carried
on. Values are fractions or roots, never floats.

    >>> steps = parse_steps(("cost = n * p | the price", "total = cost + 2 | the price with delivery"))
    >>> given = {"n": Fraction(3), "p": Fraction(5)}
    >>> [line.value for line in work(steps, given)]
    [Fraction(15, 1), Fraction(17, 1)]

Not covered: steps with more than two operands, chains that branch on a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from random import Random
from typing import Literal

Mode = Literal["integer", "decimal", "fraction"]
SWAPPED = {"+": "-", "-": "+", "*": "+", "/": "*"}


@dataclass(frozen=True, slots=True)
class Root:
    """coefficient times the root (2: square, 3: cube) of a radicand from which nothing more comes out."""

    coefficient: Fraction
    radicand: int
    index: int


Value = Fraction | Root


@dataclass(frozen=True, slots=True)
class Step:
    """One operation by name: `name = left op right`; right is "" for a root."""

    name: str
    left: str
    op: str
    right: str
    what: str
    misuse: tuple[str, str, str] | None = None
    """A wrong formula that people use here, as (left, op, right)."""
    why: str = ""
    """Why that formula is wrong."""


@dataclass(frozen=True, slots=True)
class Line:
    """A step worked out."""

    what: str
    left: Value
    op: str
    right: Value | None
    value: Value
    error: str | None = None
    """Kind of the planted error, on the line where it stands."""
    why: str = ""
    """What is wrong, in words; "" where the kind says it all."""
    name: str = ""
    """The name under which later steps use the value."""
    unit: str = ""
    """A wrong unit that the value is given in; "" where the step names none."""

    @property
    def is_shown(self) -> bool:
        """Whether an equation stands in the step; a dropped quantity or conversion leaves only the value."""
        return self.op != "" and self.error != "dropped_quantity"

    @property
    def is_true(self) -> bool:
        """Whether the equation holds, whatever the problem asks for."""
        return not self.is_shown or apply(self.op, self.left, self.right) == self.value


@lru_cache(maxsize=1024)
def parse_steps(texts: tuple[str, ...]) -> tuple[Step, ...]:
    """Steps from `name = left op right | what || misuse | why`, one each."""
    return tuple(_parse_step(text) for text in texts)


def _parse_step(text: str) -> Step:
    main, _, misuse = text.partition("||")
    formula, _, what = main.partition("|")
    name, _, term = formula.partition("=")
    step = Step(name.strip(), *_parse_term(term), what.strip())
    if not misuse:
        return step
    term, _, why = misuse.partition("|")
    return replace(step, misuse=_parse_term(term), why=why.strip())


def _parse_term(text: str) -> tuple[str, str, str]:
    words = text.split()
    if words[0] in {"sqrt", "cbrt"}:
        return words[1], words[0], ""
    return words[0], words[1], words[2]


def apply(op: str, left: Value, right: Value | None) -> Value | None:
    """The exact value of one operation; None where it has none that a chain can go on from."""
    if isinstance(left, Root) or isinstance(right, Root):
        return None
    if op in {"sqrt", "cbrt"}:
        return take_root(left, 2 if op == "sqrt" else 3)
    assert right is not None
    if (op in {"/", "mod", "rem"} and right == 0) or (op == "^" and not 0 <= right <= 12):
        return None
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "of":
            return left * right / 100
        case "mod" | "rem":
            return left % right
        case "^":
            return Fraction(left ** int(right))
    raise ValueError(op)


def take_root(value: Fraction, index: int) -> Value | None:
    """The root in simplest form; a fraction where it comes out, None of a negative or broken number."""
    if value <= 0 or value.denominator != 1:
        return None
    coefficient, radicand, base = 1, int(value), 2
    while base**index <= radicand:
        while radicand % base**index == 0:
            radicand //= base**index
            coefficient *= base
        base += 1
    return Fraction(coefficient) if radicand == 1 else Root(Fraction(coefficient), radicand, index)


def look_up(name: str, values: Mapping[str, Value]) -> Value | None:
    """The value of an operand: a name or a number; None for the missing operand of a root."""
    if not name:
        return None
    return values[name] if name in values else _read_number(name)


@lru_cache(maxsize=1024)
def _read_number(text: str) -> Fraction:
    return Fraction(text)


def work(
    steps: Sequence[Step], given: Mapping[str, Value], planted: tuple[int, Line] | None = None
) -> list[Line]:
    """All steps worked out in order, one line replaced where one is planted; shorter where a value fails."""
    values, lines = dict(given), list[Line]()
    for number, step in enumerate(steps):
        if planted and planted[0] == number:
            line = planted[1]
        else:
            left, right = look_up(step.left, values), look_up(step.right, values)
            assert left is not None
            value = apply(step.op, left, right)
            if value is None:
                break
            line = Line(step.what, left, step.op, right, value, name=step.name)
        values[step.name] = line.value
        lines.append(line)
    return lines


def is_nice(value: Value, mode: Mode, signed: bool) -> bool:
    """Whether a person would write the value down in a problem of this mode."""
    if isinstance(value, Root):
        return value.radicand < 1000
    top, bottom = value.numerator, value.denominator   # plain ints: fractions compare slowly
    if top == 0 or (top < 0 and not signed) or abs(top) > 20_000 * bottom:
        return False
    limit = {"integer": 1, "decimal": 1000, "fraction": 1500}[mode]
    return limit % bottom == 0 if mode == "decimal" else bottom <= limit


def plantings(
    rng: Random, steps: Sequence[Step], given: Mapping[str, Value], kind: str
) -> Iterator[tuple[int, Line]]:
    """Every way to plant an error of a kind, in random order: (0-based step, the line that replaces it)."""
    lines = work(steps, given)
    values = dict(given) | {step.name: line.value for step, line in zip(steps, lines, strict=True)}
    for number in rng.sample(range(len(steps)), len(steps)):
        wrong = _spoil(rng, steps[number], lines[number], values, kind)
        if wrong is not None and wrong.value != lines[number].value:
            yield number, replace(wrong, error=kind)


def _spoil(rng: Random, step: Step, line: Line, values: Mapping[str, Value], kind: str) -> Line | None:
    """The line with an error of this kind, or None where the step has no room for one."""
    match kind:
        case "arithmetic_slip":
            return replace(line, value=slip(rng, line.value))
        case "sign_error":
            signs = (line.op == "-", _is_negative(line.left), _is_negative(line.right))
            if not any(signs) or isinstance(line.value, Root):
                return None
            return replace(line, value=-line.value)
        case "wrong_operator":
            return _rework(line, line.left, SWAPPED[line.op], line.right) if line.op in SWAPPED else None
        case "dropped_quantity":
            return replace(line, value=line.left) if line.op in {"+", "-"} else None
        case "off_by_one":
            small = isinstance(line.right, Fraction) and line.right.denominator == 1 and line.right <= 30
            if not small or step.op in {"of", "^"} or line.right == 100:
                return None
            assert isinstance(line.right, Fraction)
            return _rework(line, line.left, line.op, line.right + 1)
        case "wrong_formula":
            if step.misuse is None:
                return None
            left = look_up(step.misuse[0], values)
            assert left is not None
            return _rework(replace(line, why=step.why), left, step.misuse[1], look_up(step.misuse[2], values))
    raise ValueError(kind)


def _is_negative(value: Value | None) -> bool:
    return isinstance(value, Fraction) and value < 0


def _rework(line: Line, left: Value, op: str, right: Value | None) -> Line | None:
    value = apply(op, left, right)
    return None if value is None else replace(line, left=left, op=op, right=right, value=value)


def slip(rng: Random, value: Value) -> Value:
    """A value near the given one, as a slip of the pen makes it; never the same."""
    if isinstance(value, Root):
        return replace(value, coefficient=value.coefficient + rng.choice([1, 2]))
    if value.denominator == 1:
        away = [1, -1, 2, -2, 10, -10, 9] if value > 30 else [1, 2, 3] if value < 4 else [1, -1, 2, -2]
        return value + rng.choice(away)
    return Fraction(value.numerator + rng.choice([1, 2]), value.denominator)
