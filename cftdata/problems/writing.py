"""Responses to our own problems: a chain written out as students write, and the wordings of answers.

    >>> from random import Random
    >>> from cftdata.problems.problem import draw_problem, read_templates
    >>> problem = draw_problem(Random(1), read_templates()["shopping"])
    >>> response = write_response(Random(1), problem, problem.lines(), "student-careful")
    >>> response.is_correct, response.first_error_step
    (True, -1)

Not covered: steps that say why, work in words only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from cftdata.answers.units import differ_by_conversion, read_unit
from cftdata.problems.chains import Line, Mode, Root, Value
from cftdata.problems.problem import Problem, latex, plain

LAYOUTS = ("steps", "numbered", "paragraphs", "gsm", "bold_steps")
PLAIN_ENDS = (
    "The answer is {}.", "So the final answer is {}.", "**Answer:** {}", "Final answer: {}", "A: {}",
)
LATEX_ENDS = ("$\\boxed{{{}}}$", "The answer is $\\boxed{{{}}}$.", "Therefore we get \\[\\boxed{{{}}}\\]")
SENTENCES = (
    "{What} is {eq}.", "Compute {what}: {eq}.", "Next comes {what}: {eq}.", "For {what} I get {eq}.",
    "{What} comes out as {eq}.", "Now {what}. We have {eq}.",
)


@dataclass(frozen=True, slots=True)
class Notation:
    """How somebody writes equations."""

    is_latex: bool
    times: str
    mode: Mode

    def show(self, value: Value) -> str:
        """A value in this notation, without dollar signs."""
        write = latex if self.is_latex else plain
        return write(value, self.mode)

    def equation(self, line: Line, value: Value | None = None) -> str:
        """The line's equation, with another value on its right side if one is given."""
        term, result = self._term(line), self.show(line.value if value is None else value)
        side = term if term == result else f"{term} = {result}"   # the root of 510 is just that
        return f"${side}$" if self.is_latex else side

    def result(self, line: Line) -> str:
        """The line's equation, or its bare value where a dropped quantity left none."""
        value = f"${self.show(line.value)}$" if self.is_latex else self.show(line.value)
        return self.equation(line) if line.is_shown else value

    def _term(self, line: Line) -> str:
        left = self.show(line.left)
        if line.op in {"sqrt", "cbrt"}:
            if self.is_latex:
                return "\\sqrt" + ("" if line.op == "sqrt" else "[3]") + f"{{{left}}}"
            return ("√" if line.op == "sqrt" else "∛") + left
        assert isinstance(line.right, Fraction)
        assert isinstance(line.left, Fraction)
        right = self.show(line.right)
        if line.op == "of":
            return f"{right}\\% \\cdot {left}" if self.is_latex else f"{right}% of {left}"
        if line.op == "^":
            base = _bracket(left, line.left, not self.is_latex)
            return f"{base}^{{{right}}}" if self.is_latex else f"{base}^{right}"
        if line.op == "mod":
            return f"{left} \\bmod {right}" if self.is_latex else f"{left} mod {right}"
        if line.op == "rem":
            return f"{left} - {line.left // line.right} {self.times} {right}"
        sign = {"+": "+", "-": "-", "*": self.times, "/": "\\div" if self.is_latex else "/"}[line.op]
        is_broken = not self.is_latex and line.op in {"*", "/"}
        return f"{_bracket(left, line.left, is_broken)} {sign} {_bracket(right, line.right, is_broken)}"


def _bracket(text: str, value: Fraction, is_broken: bool) -> str:
    return f"({text})" if value < 0 or (is_broken and "/" in text) else text


@dataclass(frozen=True, slots=True)
class Response:
    """A response and what is known of it."""

    problem: Problem
    lines: tuple[Line, ...]
    text: str
    answer: str | None
    """The final answer as it stands in the text; None when the response gives none."""
    student: str
    notation: Notation
    is_rounded: bool = False
    """Whether the answer is a decimal that rounds an exact root."""
    steps: tuple[str, ...] = ()
    """The text in its steps; the ending is a step of its own where no heading would part it from one."""

    @property
    def error_kind(self) -> str | None:
        """Kind of the planted error."""
        return next((line.error for line in self.lines if line.error), None)

    @property
    def first_error_step(self) -> int:
        """0-based step of the planted error; -1 when there is none."""
        return next((number for number, line in enumerate(self.lines) if line.error), -1)

    @property
    def is_correct(self) -> bool | None:
        """Whether response and answer are right; None when it gives no answer."""
        return None if self.answer is None else self.first_error_step == -1


def answers(problem: Problem, lines: Sequence[Line]) -> tuple[list[str], list[str]]:
    """Ways to write the answer of a chain: in plain text (the plainest first) and in LaTeX."""
    template, values = problem.template, problem.result(lines)
    p = [plain(value, template.mode) for value in values]
    x = [latex(value, template.mode) for value in values]
    first, unit = values[0], template.unit
    match template.kind:
        case "money":
            whole = isinstance(first, Fraction) and first.denominator == 1
            money = p[0] if whole or not isinstance(first, Fraction) else f"{float(first):.2f}"
            exact = isinstance(first, Fraction) and 100 % first.denominator == 0
            sums = [f"${money}", f"{money} dollars"] if exact else [f"{p[0]} dollars"]
            return [*sums, p[0]], [f"\\${money}" if exact else p[0], f"{p[0]} \\text{{ dollars}}"]
        case "percent":
            return [f"{p[0]}%", f"{p[0]} percent"], [f"{p[0]}\\%"]
        case "root_sum":
            both = f"{p[0]}√{p[1]}" if first != 1 else f"√{p[1]}"
            return [both], [f"{x[0] if first != 1 else ''}\\sqrt{{{p[1]}}}"]
        case "set":
            return [f"{{{p[0]}, {p[1]}}}", f"x = {p[0]} or x = {p[1]}"], [f"\\{{{p[0]}, {p[1]}\\}}"]
        case "pair":
            return [f"({p[0]}, {p[1]})"], [f"({p[0]}, {p[1]})", f"\\left({p[0]}, {p[1]}\\right)"]
        case "line":
            return _line_forms(values)
        case "unknown":
            return [p[0], f"x = {p[0]}"], [x[0], f"x = {x[0]}"]
        case _:
            forms = [p[0], *_other_forms(first)]
            # behind a broken number nobody can tell whether "m^2" is divided by too
            with_unit = [f"{form} {unit}" for form in forms if unit and ("^" not in unit or "/" not in form)]
            in_text = [f"{x[0]} \\text{{ {unit}}}"] if unit and "^" not in unit else []
            return [*forms, *with_unit], [x[0], *in_text]


def _line_forms(values: Sequence[Value]) -> tuple[list[str], list[str]]:
    slope, constant = values
    assert isinstance(slope, Fraction)
    assert isinstance(constant, Fraction)
    head = {1: "x", -1: "-x"}.get(int(slope), f"{slope}x")
    forms = [f"{head} {'+' if constant > 0 else '-'} {abs(constant)}"]
    if slope > 0:
        forms.append(f"{constant} + {head}")
    return forms, forms


def _other_forms(value: Value) -> list[str]:
    """A fraction as a decimal and as a mixed number, where it can be written so."""
    if isinstance(value, Root) or value.denominator == 1:
        return []
    decimal = [str(float(value))] if 1000 % value.denominator == 0 else []
    whole = int(value)
    mixed = [f"{whole} {value - whole}"] if value > 1 else []
    return decimal + mixed


def rounded(value: Value) -> str:
    """A root as a decimal, rightly rounded at five digits."""
    assert isinstance(value, Root)
    return f"{float(value.coefficient) * value.radicand ** (1 / value.index):.3f}"


def write_response(
    rng: Random, problem: Problem, lines: Sequence[Line], student: str, round_root: bool = False
) -> Response:
    """The chain written out by a student: layout, notation, sentences and ending drawn by seed."""
    layout = rng.choice(LAYOUTS)
    is_latex = layout != "gsm" and rng.random() < 0.4
    times = rng.choice(["\\times", "\\cdot"] if is_latex else ["*", "×", "·"])
    notation = Notation(is_latex, times, problem.template.mode)
    parts = [_sentence(rng, line, notation) for line in lines]
    end, answer = _ending(rng, problem, lines, layout, is_latex)
    if round_root:
        answer = rounded(problem.result(lines)[0])
        end = f"The answer is {answer}."
    joint, steps = _lay_out(layout, parts, end)
    return Response(problem, tuple(lines), joint.join(steps), answer, student, notation, round_root, steps)


def _sentence(rng: Random, line: Line, notation: Notation) -> str:
    capital = line.what[0].upper() + line.what[1:]
    told = rng.choice(SENTENCES).format(What=capital, what=line.what, eq=notation.result(line))
    if not line.unit:
        return told
    value = notation.show(line.value)
    return f"{told} That is {f'${value}$' if notation.is_latex else value} {line.unit}."


def _lay_out(layout: str, parts: Sequence[str], end: str) -> tuple[str, tuple[str, ...]]:
    """What stands between two steps, and the steps."""
    heading, joint, before_end = {
        "steps": ("Step {}: ", "\n", "\n"), "bold_steps": ("**Step {}:** ", "\n\n", "\n\n"),
        "numbered": ("{}. ", "\n", "\n\n"), "paragraphs": ("", "\n\n", ""), "gsm": ("", "\n", ""),
    }[layout]
    steps = [heading.format(n) + part for n, part in enumerate(parts, 1)]
    if not heading:
        return joint, (*steps, end)
    return joint, (*steps[:-1], f"{steps[-1]}{before_end}{end}")


def _ending(
    rng: Random, problem: Problem, lines: Sequence[Line], layout: str, is_latex: bool
) -> tuple[str, str]:
    """The sentence with the answer, and the answer as it stands there."""
    plain_forms, latex_forms = answers(problem, lines)
    unit = lines[-1].unit or _needed_unit(problem, lines)
    if unit:
        value = plain(problem.result(lines)[0], problem.template.mode)
        is_latex, plain_forms = False, [f"{value} {unit}"]
        latex_forms = plain_forms
    if layout == "gsm":
        answer = plain_forms[0].lstrip("$")
        return f"#### {answer}", answer
    if is_latex or rng.random() < 0.25:
        answer = rng.choice(latex_forms)
        return rng.choice(LATEX_ENDS).format(answer), answer
    answer = rng.choice(plain_forms)
    return rng.choice(PLAIN_ENDS).format(answer), answer


def _needed_unit(problem: Problem, lines: Sequence[Line]) -> str:
    """The unit, where a wrong answer without it could be taken for the right one in another unit; else ""."""
    found, right = problem.result(lines)[0], problem.result(problem.worked)[0]
    unit = read_unit(problem.template.answer_unit) if found != right else None
    if unit is None or isinstance(found, Root) or isinstance(right, Root):
        return ""
    is_converted = differ_by_conversion(found / right, unit) or differ_by_conversion(right / found, unit)
    return problem.template.answer_unit if is_converted else ""


def write_unfinished(rng: Random, problem: Problem, student: str) -> Response:
    """A response that gives no answer: it breaks off in its second step, or gives up."""
    lines = problem.lines()
    notation = Notation(False, "×", problem.template.mode)
    first = _sentence(rng, lines[0], notation)
    text = rng.choice([
        f"Step 1: {first}\nStep 2: Now I have to find {lines[1].what}, for which I need to",
        "I am not sure how to begin. It seems that something is missing from the statement, and I could not "
        "find a way to set it up.",
    ])
    return Response(problem, (), text, None, student, notation)


def write_solution(problem: Problem) -> str:
    """The right solution in a fixed layout: "Step n: What: equation", one line a step, then the answer."""
    notation, lines = Notation(False, "*", problem.template.mode), problem.worked
    steps = [f"Step {n}: {line.what[0].upper()}{line.what[1:]}: {notation.equation(line)}"
             for n, line in enumerate(lines, 1)]
    return "\n".join([*steps, f"The answer is {write_answer(problem)}."])


def write_answer(problem: Problem) -> str:
    """The right answer, with its unit where it has one."""
    answer = answers(problem, problem.worked)[0][0]
    return f"{answer} {problem.template.unit}" if problem.template.unit else answer
