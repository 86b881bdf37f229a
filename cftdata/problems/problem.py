"""The bundled problems: templates of our own making, drawn with seeded numbers.

A template is a story with gaps, the ranges its numbers are drawn from, and the chain that solves it (see
`chains`). Numbers are drawn again until every step comes out as a person would write it.

    >>> problem = draw_problem(Random(1), TEMPLATES[0])
    >>> problem.template.name, len(problem.lines())
    ('shopping', 3)

Not covered: geometry that needs a figure, proofs, problems of several answers in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from importlib.resources import files
from random import Random
from typing import Literal

import yaml

from cftdata.problems.chains import Line, Mode, Root, Step, Value, is_nice, parse_steps, plantings, work

Kind = Literal["money", "percent", "number", "fraction", "root", "root_sum", "set", "pair", "line", "unknown"]


@dataclass(frozen=True, slots=True)
class Template:
    """A kind of problem."""

    name: str
    kind: Kind
    results: Sequence[str]
    """Names of the values that make up the answer."""
    mode: Mode
    stories: Sequence[str]
    draws: Mapping[str, Sequence[int | str]]
    steps: Sequence[str]
    derive: Sequence[str] = ()
    """Values that the story states but that follow from those drawn."""
    unit: str = ""
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with its numbers."""

    template: Template
    query: str
    given: Mapping[str, Value]
    steps: tuple[Step, ...] = field(repr=False)

    def lines(self, planted: tuple[int, Line] | None = None) -> list[Line]:
        """The chain, right or with the planted line carried on."""
        return work(self.steps, self.given, planted)

    def result(self, lines: Sequence[Line]) -> tuple[Value, ...]:
        """The values that the chain answers with."""
        found = {step.name: line.value for step, line in zip(self.steps, lines, strict=True)}
        values = dict(self.given) | found
        return tuple(values[name] for name in self.template.results)

    def plant(self, rng: Random, kind: str) -> list[Line] | None:
        """The chain with an error of this kind that changes the answer; None where it has no room for one."""
        right = self.result(self.lines())
        for planted in plantings(rng, self.steps, self.given, kind):
            lines = self.lines(planted)
            if _is_workable(self.template, lines, len(self.steps)) and self.result(lines) != right:
                return lines
        return None


def _is_workable(template: Template, lines: Sequence[Line], n_steps: int) -> bool:
    """Whether the chain reaches its end in values that people write, with a root only as its last one."""
    if len(lines) < n_steps:
        return False
    whole = all(isinstance(line.value, Fraction) for line in lines[:-1])
    ends_well = isinstance(lines[-1].value, Root) == (template.kind == "root")
    return whole and ends_well and all(is_nice(line.value, template.mode, template.signed) for line in lines)


def draw_problem(rng: Random, template: Template) -> Problem:
    """A problem of this template with numbers for which every step is neat."""
    words = {name: rng.choice(choices) for name, choices in WORDS.items()}
    steps = parse_steps(template.steps)
    while True:
        drawn: dict[str, Value] = {name: Fraction(rng.choice(pool)) for name, pool in template.draws.items()}
        derived = parse_steps(template.derive)
        facts = work(derived, drawn)
        given = drawn | {step.name: line.value for step, line in zip(derived, facts, strict=True)}
        lines = work(steps, given)
        n_distinct = len({(line.left, line.op, line.right) for line in lines})
        if _is_workable(template, lines, len(steps)) and n_distinct == len(steps):
            break
    shown = {name: _tell(value, template) for name, value in given.items()}
    story = rng.choice(template.stories).format_map(words | shown)
    filled = parse_steps([step.format_map(words | shown) for step in template.steps])
    return Problem(template, story, given, filled)


def _tell(value: Value, template: Template) -> str:
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


def _read_templates() -> tuple[dict[str, list[str]], tuple[Template, ...]]:
    """Words and templates from templates.yaml."""
    data = yaml.safe_load((files("cftdata.problems") / "templates.yaml").read_text(encoding="utf-8"))
    return data["words"], tuple(Template(**entry) for entry in data["templates"])


WORDS, TEMPLATES = _read_templates()
