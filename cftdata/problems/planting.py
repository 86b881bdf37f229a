"""Errors planted in worked solutions: one of a named kind at a known step, and what follows carried on.

    >>> from cftdata.problems.problem import draw_problem, read_templates
    >>> problem = draw_problem(Random(1), read_templates()["shopping"])
    >>> lines = plant(problem, "wrong_operator", Random(1))
    >>> [line.error for line in lines if line.error], problem.is_wrong(lines)
    (['wrong_operator'], True)

Only arithmetic_slip and sign_error leave a false equation; of the others each equation holds, but for this
problem the wrong thing is calculated. Not covered: two independent errors in one solution.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from cftdata.problems.chains import Line, Root, Step, Value, apply, is_nice, look_up, plantings, slip, work
from cftdata.problems.problem import Problem, count_places, is_workable, tell

__all__ = ["FALSE_EQUATION", "KINDS", "plant"]

KINDS: Mapping[str, str] = {
    "arithmetic_slip": "an operation comes out a little wrong",
    "wrong_operator": "another operation than the step needs (plus for minus, plus for times)",
    "sign_error": "the sign of a difference is lost",
    "dropped_quantity": "something that should be added or taken away is forgotten",
    "misread_quantity": "a number of the story is read wrong, and used so throughout",
    "unit": "a conversion of units is forgotten, turned round or done with a wrong factor, or the answer "
            "has a wrong unit",
    "off_by_one": "a number is one too large",
    "wrong_formula": "a formula that people use by mistake in this place",
    "skipped_step": "a step is left out, and what it started from is used for its result",
    "right_answer_wrong_reasoning": "a step is wrong, but the answer is the right one: the error is not "
                                    "carried on, or another one makes up for it",
}
"""Kinds of errors, with what they are."""
FALSE_EQUATION = frozenset({"arithmetic_slip", "sign_error"})
"""Kinds that leave a false equation at their step."""
CONFUSED = {60: 100, 24: 12, 12: 10, 10: 100, 100: 1000, 1000: 100, 8: 10, 7: 5, 3600: 60}
"""Factors of conversions with another that people take for them."""
WRONG_UNITS = {
    "km/h": ("m/s", "km"), "m^2": ("m", "cm^2"), "cm": ("m", "mm"), "km": ("m",), "litres": ("millilitres",),
    "g": ("kg",), "hours": ("minutes", "days"), "minutes": ("hours", "seconds"), "years": ("months",),
    "dollars": ("cents",)}
"""Units with others that people write for them."""
UNDONE = {"*": "/", "/": "*"}
SLIPS = (1, -1, 2, -2, 3, -3, 10, -10)
"""What the last digit, or the numerator, is off by."""
BASES = ("wrong_operator", "wrong_formula", "off_by_one")
"""Kinds that a right answer by wrong reasoning starts from."""


def plant(problem: Problem, kind: str, rng: Random) -> list[Line] | None:
    """The worked solution with one error of this kind; None where the problem has no room for one.

    `error` of one line says the kind; the lines before it are those of the right solution. The answer differs
    from the right one, but for right_answer_wrong_reasoning. A skipped step leaves one line less.
    """
    match kind:
        case "arithmetic_slip":
            return _first_wrong(problem, (problem.lines(planted) for planted in _slip(problem, rng)))
        case "misread_quantity":
            return _first_wrong(problem, _misread(problem, rng))
        case "unit":
            return _mistake_unit(problem, rng)
        case "skipped_step":
            return _first_wrong(problem, _skip(problem, rng), len(problem.steps) - 1)
        case "right_answer_wrong_reasoning":
            return next(_end_right(problem, rng), None)
    return problem.plant(rng, kind)


def _first_wrong(
    problem: Problem, chains: Iterable[list[Line]], n_steps: int | None = None
) -> list[Line] | None:
    return next((lines for lines in chains if problem.is_wrong(lines, n_steps)), None)


def _slip(problem: Problem, rng: Random) -> Iterator[tuple[int, Line]]:
    """Lines with a wrong result that cannot be taken for a rounding of the right one."""
    lines, mode = problem.worked, problem.template.mode
    for number in rng.sample(range(len(lines)), len(lines)):
        value = lines[number].value
        if isinstance(value, Root) or value.denominator == 1:
            wrongs: list[Value] = [slip(rng, value) for _ in range(8)]   # one may lead to a zero
        else:
            size = _find_scale if mode == "decimal" else _denominator
            near = [value + Fraction(n, size(value)) for n in rng.sample(SLIPS, len(SLIPS))]
            wrongs = [wrong for wrong in near if size(wrong) == size(value)]
        for wrong in wrongs:
            yield number, replace(lines[number], value=wrong, error="arithmetic_slip")


def _find_scale(value: Fraction) -> int:
    return int(10 ** count_places(value))


def _denominator(value: Fraction) -> int:
    return value.denominator


def _misread(problem: Problem, rng: Random) -> Iterator[list[Line]]:
    """The chain with one number of the story read as another."""
    right, template = problem.lines(), problem.template
    for name in rng.sample(problem.stated, len(problem.stated)):
        true = problem.given[name]
        assert isinstance(true, Fraction)
        for wrong in _misreadings(problem, true, rng):
            lines = work(problem.steps, dict(problem.given) | {name: wrong})
            first = next((n for n, (a, b) in enumerate(zip(lines, right, strict=False)) if a != b), None)
            if first is not None and lines[first].value != right[first].value:
                why = f"the problem says {tell(true, template)}, not {tell(wrong, template)}"
                lines[first] = replace(lines[first], error="misread_quantity", why=why)
                yield lines


_NUMBER = re.compile(r"(?:0|[1-9]\d*)(?:\.\d+|/[1-9]\d*)?")


def _misreadings(problem: Problem, true: Fraction, rng: Random) -> list[Fraction]:
    """Numbers for which this one may be taken: two digits swapped, one misread, another one of the story."""
    text = tell(abs(true), problem.template)
    swaps = [text[:n] + text[n + 1] + text[n] + text[n + 2:] for n in range(len(text) - 1)]
    digits = [n for n, sign in enumerate(text) if sign.isdigit()]
    place = rng.choice(digits)
    changes = [text[:place] + rng.choice("123456789") + text[place + 1:]]
    read = [Fraction(number) for number in swaps + changes if _NUMBER.fullmatch(number)]
    others = [value for name in problem.stated if isinstance(value := problem.given[name], Fraction)]
    found = {value if true > 0 else -value for value in read} | set(others)
    found -= {true, Fraction(0)}
    return rng.sample(sorted(found), len(found))


def _mistake_unit(problem: Problem, rng: Random) -> list[Line] | None:
    """The chain with a wrong conversion, or with a wrong unit behind its answer."""
    converted = (problem.lines(planted) for planted in _convert_wrongly(problem, rng))
    ways = [_first_wrong(problem, converted)]
    due = problem.template.answer_unit
    if due in WRONG_UNITS:
        *before, last = problem.worked
        unit = rng.choice(WRONG_UNITS[due])
        why = f"the answer is in {due}, not in {unit}"
        ways.append([*before, replace(last, error="unit", unit=unit, why=why)])
    found = [lines for lines in ways if lines is not None]
    return rng.choice(found) if found else None


def _convert_wrongly(problem: Problem, rng: Random) -> Iterator[tuple[int, Line]]:
    """Ways to get a conversion wrong: (0-based step, the line that replaces it)."""
    facts = problem.template.conversions
    right = problem.lines()
    for number in rng.sample(range(len(right)), len(right)):
        line = right[number]
        if line.name not in facts:
            continue
        assert isinstance(line.right, Fraction)
        ways: list[tuple[str, Value | None, Value | None]] = [
            ("", None, line.left),
            (UNDONE[line.op], line.right, apply(UNDONE[line.op], line.left, line.right))]
        if line.right in CONFUSED:
            factor = Fraction(CONFUSED[int(line.right)])
            ways.append((line.op, factor, apply(line.op, line.left, factor)))
        for op, factor_used, value in rng.sample(ways, len(ways)):
            if value is not None and value != line.value:
                yield number, replace(line, op=op, right=factor_used, value=value, error="unit",
                                      why=facts[line.name])


def _skip(problem: Problem, rng: Random) -> Iterator[list[Line]]:
    """The chain without one of its steps; a chain of fewer than three would be no chain then."""
    steps = problem.steps
    if len(steps) < 3:
        return
    made = {step.name for step in steps}
    for number in rng.sample(range(len(steps)), len(steps)):
        step = steps[number]
        stands_in = sorted((name for name in (step.left, step.right) if name in made | problem.given.keys()),
                           key=lambda name: name not in made)
        user = next((n for n, later in enumerate(steps) if step.name in (later.left, later.right)), None)
        if user is None or step.name in problem.template.results:
            continue
        for name in stands_in:
            lines = _work_without(problem, number, name)
            if lines is not None and user <= len(lines):
                why = f"{step.what} was not worked out before it was used"
                lines[user - 1] = replace(lines[user - 1], error="skipped_step", why=why)
                yield lines


def _work_without(problem: Problem, number: int, stand_in: str) -> list[Line] | None:
    """The chain without a step, another value standing in for its result."""
    before = problem.worked[:number]
    values = dict(problem.given) | {line.name: line.value for line in before}
    taken = look_up(stand_in, values)
    if taken is None:
        return None
    values[problem.steps[number].name] = taken
    return [*before, *work(problem.steps[number + 1:], values)]


def _end_right(problem: Problem, rng: Random) -> Iterator[list[Line]]:
    """Chains with a wrong step and the right answer."""
    right, template = problem.lines(), problem.template
    for base in rng.sample(BASES, len(BASES)):
        for number, line in plantings(rng, problem.steps, problem.given, base):
            users = _users(problem.steps, number)
            if not users or line.name in template.results:
                continue
            makes_up = rng.random() < 0.5 and len(users) == 1
            lines = _make_up(problem, number, line, users[0]) if makes_up else None
            if lines is None:
                lines = [*right[:number], line, *right[number + 1:]]
                after = f"the value is then left aside, and the right one used in step {users[0] + 1}"
            else:
                after = f"a second error in step {users[0] + 1} makes up for it"
            why = f"{_why(line)}; {after}"
            lines[number] = replace(line, error="right_answer_wrong_reasoning", why=why)
            if is_workable(template, lines, len(right)) and lines[number].value != right[number].value:
                yield lines


def _why(line: Line) -> str:
    known = {"wrong_operator": "the operation is not the one that this step needs",
             "off_by_one": "the second number is one too large"}
    return known.get(line.error or "", line.why)


def _users(steps: Sequence[Step], number: int) -> list[int]:
    """The steps that use this one's value."""
    name = steps[number].name
    return [n for n, step in enumerate(steps) if name in (step.left, step.right)]


def _make_up(problem: Problem, number: int, line: Line, user: int) -> list[Line] | None:
    """The chain whose step `user` takes a wrong number that leads from the wrong value to the right one."""
    right = problem.lines()
    step, due = problem.steps[user], right[user]
    wrong, goal = line.value, due.value
    if not isinstance(wrong, Fraction) or not isinstance(goal, Fraction) or step.left == step.right:
        return None
    is_left = step.left == line.name
    other = _solve(step.op, wrong, goal, is_left)
    if other is None or not is_nice(other, problem.template.mode, problem.template.signed):
        return None
    left, operand = (wrong, other) if is_left else (other, wrong)
    made_up = replace(due, left=left, right=operand)
    return [*right[:number], line, *right[number + 1:user], made_up, *right[user + 1:]]


def _solve(op: str, known: Fraction, goal: Fraction, is_left: bool) -> Fraction | None:
    """The other operand for which the operation reaches the goal; None where there is none."""
    match op:
        case "+":
            return goal - known
        case "-":
            return known - goal if is_left else goal + known
        case "*":
            return goal / known if known else None
        case "/":
            return (known / goal if goal else None) if is_left else goal * known
    return None
