"""Our own problems: templates of our own making, drawn with seeded numbers.

A template is a story with gaps, the ranges its numbers are drawn from, and the chain that solves it (see
`chains`). Numbers are drawn again until every step comes out as a person would write it.

    >>> problem = draw_problem(Random(1), read_templates()["shopping"])
    >>> problem.template.name, len(problem.lines()), problem.difficulty
    ('shopping', 3, 1)

Difficulty: a problem has a point for each step, and one more if a number of its solution has four digits or
more, or is neither whole nor a price. 1 is up to 4 points, 2 is 5 or 6, 3 is 7 or more.

Not covered: geometry that needs a figure, proofs, problems of several answers in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Literal

import yaml

from cftdata.problems.chains import Line, Mode, Root, Step, Value, is_nice, parse_steps, plantings, work

Kind = Literal["money", "percent", "number", "fraction", "root", "root_sum", "set", "pair", "line", "unknown"]
Pool = Sequence[int | Fraction]


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of problem."""

    name: str
    kind: Kind
    results: Sequence[str]
    """Names of the values that make up the answer."""
    mode: Mode
    stories: Sequence[str]
    draws: Mapping[str, Pool]
    steps: tuple[str, ...]
    derive: tuple[str, ...] = ()
    """Values that the story states but that follow from those drawn."""
    unit: str = ""
    signed: bool = False
    domain: str = "arithmetic"
    conversions: Mapping[str, str] = field(default_factory=dict)
    """Steps that convert a unit, by name, with the fact they rest on."""
    weight: float = 1.0
    """How often it is drawn, beside the others; less where it has few problems."""
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Names and things that fill its gaps."""

    @property
    def answer_unit(self) -> str:
        """The unit of the answer; "" where it has none."""
        return "dollars" if self.kind == "money" else self.unit


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its numbers."""

    template: Template
    query: str
    given: Mapping[str, Value]
    steps: tuple[Step, ...] = field(repr=False)
    stated: tuple[str, ...] = field(repr=False)
    """Names of the given values that stand in the query."""
    worked: tuple[Line, ...] = field(repr=False)
    """The right chain."""

    @property
    def difficulty(self) -> int:
        """1 to 3; see the module."""
        values = [value for line in self.worked for value in (line.left, line.right, line.value)]
        points = len(self.worked) + any(_is_hard(value, self.template) for value in values)
        return 1 if points <= 4 else 2 if points <= 6 else 3

    def lines(self, planted: tuple[int, Line] | None = None) -> list[Line]:
        """The chain, right or with the planted line carried on."""
        return work(self.steps, self.given, planted) if planted else list(self.worked)

    def result(self, lines: Sequence[Line]) -> tuple[Value, ...]:
        """The values that the chain answers with."""
        values = dict(self.given) | {line.name: line.value for line in lines}
        return tuple(values[name] for name in self.template.results)

    def is_wrong(self, lines: Sequence[Line], n_steps: int | None = None) -> bool:
        """Whether the chain reaches another answer than the right one, in values that people write.

        n_steps: length of a whole chain; None for that of the right one.
        """
        if not is_workable(self.template, lines, len(self.steps) if n_steps is None else n_steps):
            return False
        found, right = self.result(lines), self.result(self.worked)
        if self.template.kind == "set" and set(found) == set(right):
            return False
        return not all(_is_rounded(*pair) for pair in zip(found, right, strict=True))

    def plant(self, rng: Random, kind: str) -> list[Line] | None:
        """The chain with an error of this kind that changes the answer; None where it has no room for one."""
        chains = (self.lines(planted) for planted in plantings(rng, self.steps, self.given, kind))
        return next((lines for lines in chains if self.is_wrong(lines)), None)


def _is_rounded(found: Value, right: Value) -> bool:
    """Whether two answers are one, or one of them may be taken for a rounding of the other."""
    if found == right or isinstance(found, Root) or isinstance(right, Root):
        return found == right
    places = min(count_places(found), count_places(right))
    return bool(abs(found - right) * 2 * 10**places <= 1)


def count_places(value: Fraction) -> int:
    """Decimals that the value is written with, 3 at most."""
    return next(n for n in range(4) if n == 3 or 10**n % value.denominator == 0)


def _is_hard(value: Value | None, template: Template) -> bool:
    if value is None or isinstance(value, Root):
        return value is not None
    is_uneven = value.denominator != 1 and template.kind != "money"
    return is_uneven or abs(value.numerator) >= 1000 * value.denominator


def is_workable(template: Template, lines: Sequence[Line], n_steps: int) -> bool:
    """Whether the chain reaches its end in values that people write, with a root only as its last one."""
    if len(lines) < n_steps:
        return False
    whole = all(isinstance(line.value, Fraction) for line in lines[:-1])
    ends_well = isinstance(lines[-1].value, Root) == (template.kind == "root")
    return whole and ends_well and all(is_nice(line.value, template.mode, template.signed) for line in lines)


def draw_problem(rng: Random, template: Template) -> Problem:
    """A problem of this template with numbers for which every step is neat."""
    words = {name: rng.choice(choices) for name, choices in template.words.items()}
    steps, derived = parse_steps(template.steps), parse_steps(template.derive)
    while True:
        drawn: dict[str, Value] = {name: Fraction(rng.choice(pool)) for name, pool in template.draws.items()}
        facts = work(derived, drawn)
        given = drawn | {line.name: line.value for line in facts}
        lines = work(steps, given) if len(facts) == len(derived) else []
        n_distinct = len({(line.left, line.op, line.right) for line in lines})
        if n_distinct == len(steps) and is_workable(template, lines, len(steps)):
            break
    gaps = words | _tell_all(given, template)
    told = rng.choice(template.stories)
    filled = tuple(_fill(step, gaps) for step in steps)
    stated = tuple(name for name in given if re.search(rf"\{{[+-]?{name}\}}", told))
    query = _ONE.sub("", told.format_map(gaps))
    return Problem(template, query, given, filled, stated, tuple(work(filled, given)))


def _fill(step: Step, gaps: Mapping[str, str]) -> Step:
    """The step with names and things in its words."""
    if "{" not in step.what + step.why:
        return step
    return replace(step, what=step.what.format_map(gaps), why=step.why.format_map(gaps))


_ONE = re.compile(r"(?<![\d.,/^])1(?=[xy]\b)")
"""The 1 of 1x, which nobody writes."""


def _tell_all(given: Mapping[str, Value], template: Template) -> dict[str, str]:
    """What the story may say of each value: {b} is -5, {+b} is - 5, {-b} is + 5."""
    told = {}
    for name, value in given.items():
        told[name] = tell(value, template)
        if template.signed and isinstance(value, Fraction):
            size = tell(abs(value), template)
            told[f"+{name}"] = f"{'-' if value < 0 else '+'} {size}"
            told[f"-{name}"] = f"{'+' if value < 0 else '-'} {size}"
    return told


def tell(value: Value, template: Template) -> str:
    """A number as the story gives it: prices with their cents."""
    is_price = template.kind == "money" and isinstance(value, Fraction) and value.denominator != 1
    return f"{float(value):.2f}" if is_price and isinstance(value, Fraction) else plain(value, template.mode)


def plain(value: Value, mode: Mode) -> str:
    """A value as plain text: 84, 2.75, 7/3, 6∛2."""
    if isinstance(value, Root):
        coefficient = "" if value.coefficient == 1 else plain(value.coefficient, mode)
        return f"{coefficient}{'√' if value.index == 2 else '∛'}{value.radicand}"
    if mode == "decimal" and value.denominator != 1:
        return f"{float(value):.3f}".rstrip("0")
    return str(value)


def latex(value: Value, mode: Mode) -> str:
    """A value in LaTeX."""
    if isinstance(value, Root):
        coefficient = "" if value.coefficient == 1 else latex(value.coefficient, mode)
        return f"{coefficient}\\sqrt" + ("" if value.index == 2 else "[3]") + f"{{{value.radicand}}}"
    if mode == "fraction" and value.denominator != 1:
        sign = "-" if value < 0 else ""
        return f"{sign}\\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"
    return plain(value, mode)


@cache
def read_bundled() -> tuple[Template, ...]:
    """The templates that the bundled set is made from, as it draws them; they never change."""
    data = _read_yaml("templates.yaml")
    return tuple(_make_template(entry, data["words"]) for entry in data["templates"])


@cache
def read_templates() -> Mapping[str, Template]:
    """The generator's templates by name: the bundled ones with wider numbers and more words, and others."""
    data, bundled = _read_yaml("generator.yaml"), _read_yaml("templates.yaml")
    entries = {entry["name"]: entry for entry in (*bundled["templates"], *data["templates"])}
    for name, changes in data["widened"].items():
        entries[name] = entries[name] | changes
    return {name: _make_template(entry, data["words"]) for name, entry in entries.items()}


@cache
def read_sums() -> Mapping[str, Template]:
    """The templates of short problems by name, of one to three steps; the last story of each is held back."""
    data = _read_yaml("sums.yaml")
    return {entry["name"]: _make_template(entry, data["words"]) for entry in data["templates"]}


def _read_yaml(name: str) -> Any:
    text = (files("cftdata.problems") / name).read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _make_template(entry: dict[str, Any], words: Mapping[str, Sequence[str]]) -> Template:
    draws = {name: _read_pool(pool) for name, pool in entry["draws"].items()}
    chains = {name: tuple(entry.get(name, ())) for name in ("steps", "derive")}
    return Template(**{**entry, **chains, "draws": draws, "words": words})


def _read_pool(given: str | Iterable[int | str]) -> Pool:
    """The numbers of a list, or of a range as `2..40` or `1.05..9.95 by 0.05`, both ends included.

    A list may hold ranges.
    """
    entries = [given] if isinstance(given, str) else list(given)
    pools = [_read_range(entry) if ".." in str(entry) else (Fraction(entry),) for entry in entries]
    return pools[0] if len(pools) == 1 else tuple(Fraction(value) for pool in pools for value in pool)


def _read_range(given: int | str) -> Pool:
    ends, _, by = str(given).partition(" by ")
    low, high = (Fraction(end) for end in ends.split(".."))
    step = Fraction(by or 1)
    if all(number.denominator == 1 for number in (low, high, step)):
        return range(int(low), int(high) + 1, int(step))
    return tuple(low + n * step for n in range(int((high - low) / step) + 1))
