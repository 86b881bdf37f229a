r"""The equations of a response, evaluated strictly: only what can be told for certain is told.

An equation `holds` when both sides are the same number exactly. It `is_false` when they are provably not, and
it stands in plain figures with nothing around it that could mean another thing: no unit, no noun, no words
that go on ("3 times 5 + 2"), and no rounding or cutting of digits. All else is neither.

    >>> checks = check_steps(["3 * 4 = 12", "So 12 + 5 = 18."])
    >>> [(check.step, check.said, check.truth) for check in checks.found]
    [(0, '3 * 4 = 12', None), (1, '12 + 5 = 18', '12 + 5 = 17')]

Not covered: equations with free names, with units or nouns between their numbers, over several lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, pairwise

from cftdata.answers.exact import NotExact, Quotient, compare, evaluate, rational, variables
from cftdata.answers.units import differ_by_conversion, read_unit
from cftdata.claims.equations import Equation, Side, find_equations
from cftdata.claims.pairs import has_decimals, is_literal, judge_pair

__all__ = ["Check", "Checks", "check_steps", "show_value"]

_NOTES = re.compile(r"<<[^<>\n]{0,200}>>")  # GSM8K's calculator notes
_PURE = re.compile(
    r"(?:[\d\s.,+\-−*/×÷·⋅()=√∛^%$]|(?<=%) of (?=\d)|(?<=\d )x(?= \d)| mod |"
    r"\\(?:times|cdot|div|bmod|left|right|%|\$)(?![A-Za-z])|\\[dt]?frac(?=\{)|\\sqrt|[{}\[\]])+"
)
_PERCENT = re.compile(r"%(?! of \d|\s*(?:\\times|\\cdot|[*×·⋅]))")
_AMBIGUOUS = re.compile(r"/\s*[\d.]+\s*[/(]|(?<![\d)}])\s*[-−]\s*[\d.]+\s*[²³^]|√\([^)]*\)\s*[²³^]|\d\(")
"""24/2/3, 6/2(3), -3²: what people read in two ways."""
_OTHER_ARITHMETIC = re.compile(
    r"\\?\bp?mod(?:ulo|ular|ulus)\b|\\pmod|Z_|\\mathbb|\bbase[- ]?(?:\d|two|three|five|eight|sixteen)|"
    r"\bbinary\b|hexadecimal|\boctal|\\[ob](?:plus|times)|[⊕⊗★☆◇◆∇]|o['’]clock|\bdefine[sd]?\b|"
    r"\\(?:star|ast|circ|diamond)\b|\boperation\b",
    re.I,
)
"""Words beside which 8 + 8 = 6 may be so."""
_LEADS_ON = re.compile(
    r"(?:[-+−*/×÷·⋅^=<>≤≥≈%_\d)}\]]|\\[A-Za-z]+|\b(?:times|plus|minus|by|than|over|from|half|twice|thrice|double|"
    r"triple|root|cubed|squared|dozen|and|per|percent|mod|each|between|hundred|thousand|million|not|never|"
    r"isn['’]t|\d+(?:\.\d+)? [a-z]+))\s*$",
    re.I,
)
"""What makes an equation behind it the end of something longer."""
_ENDS = re.compile(r"\s*(?:$|\n|[.,;:)](?!\d)|(?:and (?:a|one) )?(?P<word>[A-Za-z]+))")
_SCALES = frozenset(
    "times plus minus divided multiplied over dozen dozens pair pairs couple couples gross score scores "
    "hundred hundreds thousand thousands million millions billion percent half halves third quarter quarters "
    "remainder mod per is does which isn doesn with k r rem more less of squared cubed or am pm".split()
)
"""Words behind an equation that may change what its right side says."""
CONVERSIONS = frozenset({7, 12, 24, 60, 100, 1000, 3600})
"""What a number may be off by where a unit of whatever kind stands behind it."""
Values = tuple[Fraction | None, Fraction | None]


@dataclass(frozen=True, slots=True)
class Check:
    """One equation of the response."""

    step: int
    """0-based step in which it stands."""
    said: str
    """The equation as it is written there, without money signs."""
    holds: bool
    """Whether its sides are the same number; where not, they are provably different."""
    left: str
    """The side that was to be worked out, as it is written."""
    value: Fraction | None
    """What the left side is; None where that is no fraction."""
    written: Fraction | None
    """What stands on the right."""
    is_plain: bool
    """Whether it is false beyond units, rounding and words around it."""
    is_framed: bool = False
    """Whether it stands between the signs of LaTeX."""
    is_first: bool = False
    """Whether every equation before it that can be evaluated holds."""

    @property
    def truth(self) -> str | None:
        """The left side with its true value; None where the equation holds, or the value is not short."""
        return None if self.holds else self.with_value(self.value)

    def with_value(self, value: Fraction | None) -> str | None:
        """The left side with this value behind it."""
        shown = None if value is None else show_value(value, is_latex="\\" in self.said)
        if shown and re.search(r"\d,\d{3}", self.said) and shown.lstrip("-").isdigit():
            shown = f"{int(shown):,}"
        tight = "=" if " =" not in self.said else " = "
        return None if shown is None else f"{self.left}{tight}{shown}"


@dataclass(frozen=True, slots=True)
class Checks:
    """What is known of the equations of a response."""

    found: tuple[Check, ...]
    """Those that are certain, in order."""
    n_open: int
    """Equations between numbers of which it cannot be told."""

    @property
    def all_hold(self) -> bool:
        """Whether there are equations, and every one that can be evaluated holds."""
        return bool(self.found) and not self.n_open and all(check.holds for check in self.found)

    @property
    def first_plain_step(self) -> int | None:
        """The first step with an equation that is false beyond doubt."""
        return next((check.step for check in self.found if not check.holds and check.is_plain), None)


def check_steps(steps: Sequence[str], beside: str = "") -> Checks:
    """Evaluates every equation of the steps that stands in one of them.

    Where the text, or what is beside it, speaks of another arithmetic (modular, of other bases, an operation
    that it defines), nothing is told.
    """
    text = "\n".join(_NOTES.sub("", step) for step in steps)
    starts = [0, *accumulate(len(_NOTES.sub("", step)) + 1 for step in steps)]
    found, n_open = list[Check](), 0
    if _OTHER_ARITHMETIC.search(text) or _OTHER_ARITHMETIC.search(beside):
        return Checks((), n_open=1)
    for equation in find_equations(text):
        step = bisect_right(starts, equation.start) - 1
        checks = list(_check(text, equation, step))
        is_one_step = equation.end <= starts[step + 1]
        is_first = not n_open and all(check.holds for check in found)
        found += [replace(check, is_first=is_first) for check in checks if check and is_one_step]
        n_open += sum(check is None for check in checks) + (not is_one_step)
    return Checks(tuple(found), n_open)


def _check(text: str, equation: Equation, step: int) -> Iterator[Check | None]:
    """Each stretch of a chain between numbers: a `Check`, or None where it cannot be told."""
    held: list[Side] = []
    for (left, right), sign in zip(pairwise(equation.sides), equation.signs, strict=True):
        forms = _forms(left, right)
        if forms is None:
            continue
        if sign == "=" and compare(*forms) and _is_pure(text, left, right):
            held = [*(held or [left]), right]
            continue
        yield from _held(text, held, step)
        held = []
        yield _judge(text, left, right, forms, step) if sign == "=" else None
        return  # what follows carries it on
    yield from _held(text, held, step)


def _forms(left: Side, right: Side) -> tuple[Quotient, Quotient] | None:
    """The values of both sides; None where one has a free name or no exact value."""
    try:
        forms = evaluate(left.expression), evaluate(right.expression)
    except NotExact:
        return None
    return None if variables(forms[0]) or variables(forms[1]) else forms


def _held(text: str, sides: Sequence[Side], step: int) -> Iterator[Check]:
    if sides and sides[0].text.strip() != sides[-1].text.strip():
        value = rational(evaluate(sides[-1].expression))
        said = _tidy(text[sides[0].start : _end(sides[-1])])
        is_framed = _is_framed(text, sides[0].start, sides[-1].end)
        yield Check(step, said, True, _tidy(sides[0].text), value, value, True, is_framed)


def _judge(text: str, left: Side, right: Side, forms: tuple[Quotient, Quotient], step: int) -> Check | None:
    """A false equation; None where it may be one of rounding, of notation, or of something else."""
    fault = judge_pair(left, right, "=", {})
    is_computed = not is_literal(left.expression) or re.search(r"/|÷|\\div|frac", left.text)
    if fault is None or fault.kind != "false" or not is_computed or not _is_pure(text, left, right):
        return None
    values = rational(forms[0]), rational(forms[1])
    said = _tidy(text[left.start : _end(right)])
    is_plain = (
        is_literal(right.expression) and _is_off(right, values) and _stands_alone(text, left, right, values)
    )
    is_framed = _is_framed(text, left.start, right.end)
    return Check(step, said, False, _tidy(left.text), *values, is_plain, is_framed)


def _is_framed(text: str, start: int, end: int) -> bool:
    before, after = text[max(0, start - 4) : start].rstrip(), text[end : end + 4].lstrip()
    return before.endswith(("$", "\\(", "\\[")) and bool(re.match(r"\$(?!\d)|\\[)\]]", after))


def _is_pure(text: str, left: Side, right: Side) -> bool:
    """Whether the equation is of figures and operators only, which everybody reads alike."""
    said = text[left.start : _end(right)]
    return bool(_PURE.fullmatch(said)) and not _PERCENT.search(said) and not _AMBIGUOUS.search(said)


def _end(side: Side) -> int:
    """Where the figures of the last side end: 18 of "18 dollars"."""
    figures = re.match(r"[-−$\d.,/ ]*\d(?=\s+[A-Za-z ]+$)", side.text)
    return side.start + figures.end() if figures else side.end


def _stands_alone(text: str, left: Side, right: Side, values: Values) -> bool:
    """Whether nothing around it makes it a part of something else."""
    line = text.rfind("\n", 0, left.start) + 1
    before = re.sub(r"^\W*(?:step )?\d+[.:)]", "", text[line : left.start], flags=re.I)
    after = re.sub(r"^\s*(?:\\\)|\\\]|\$(?!\d))", "", text[_end(right) : _end(right) + 40])
    end = _ENDS.match(after)
    if end is None or _LEADS_ON.search(re.sub(r"(?:\\[(\[]|\$)\s*$", "", before)):
        return False
    return end["word"] is None or not _changes(end["word"].lower(), values)


def _changes(word: str, values: Values) -> bool:
    """Whether a word behind a number may make it another: a scale, or a unit that was changed into."""
    unit = read_unit(word)
    if word in _SCALES or not values[0] or not values[1]:
        return True
    ratio = values[0] / values[1]
    if ratio in CONVERSIONS or 1 / ratio in CONVERSIONS:
        return True
    if unit is None or not unit.known:
        return False
    is_converted = any(differ_by_conversion(about, unit) for about in (ratio, 1 / ratio))
    return is_converted or not Fraction(1, 3) < ratio < 3


def _is_off(right: Side, values: Values) -> bool:
    """Whether the values differ by more than rounding or cutting of digits explains."""
    if values[0] is None or values[1] is None:
        return False
    gap = abs(values[0] - values[1])
    if values[0] == -values[1]:
        return False  # 5 - 8 = 3: the sides of the difference may be turned
    if values[0].denominator == values[1].denominator == 1 and not has_decimals(right.expression):
        return True
    places = len(right.text.partition(".")[2].strip()) if "." in right.text else 0
    return gap >= Fraction(1, 10**places) and gap * 50 > max(map(abs, (values[0], values[1])))


def _tidy(said: str) -> str:
    return " ".join(re.sub(r"\\?\$", "", said).split())


def show_value(value: Fraction, *, is_latex: bool) -> str | None:
    """A value as people write it: 12, 0.25, 20/3; None where it is neither short nor exact."""
    sign, size = "-" if value < 0 else "", abs(value)
    if size.denominator == 1:
        return str(value)
    if 10**4 % size.denominator == 0:
        return f"{sign}{float(size):.4f}".rstrip("0")
    if size.denominator > 999 or size.numerator > 99_999:
        return None
    return f"{sign}\\frac{{{size.numerator}}}{{{size.denominator}}}" if is_latex else f"{value}"
