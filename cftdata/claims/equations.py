r"""The equations in a text, wherever they stand: in LaTeX, in plain lines, in the middle of a sentence.

A text is read as runs of mathematics between words. A run is cut at its relation signs into sides, and
each side into the longest part next to the sign that reads as an expression.

    >>> found = find_equations("so 3 + 4 = 7 apples, and $V = 2^3 = 8$.")
    >>> [[side.text for side in equation.sides] for equation in found]
    [['3 + 4', '7'], ['V', '2^3', '8']]

Source: our own rules, made on published critiques (One-Shot CFT, arXiv 2506.03295) and on texts of our own.
Not covered: equations told in words ("five plus three is nine"), matrices, sets, functions' definitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from cftdata.answers.expression import Expression, Number, read_expression
from cftdata.answers.tokens import FUNCTIONS, GREEK, Unreadable
from cftdata.answers.units import Unit, read_unit
from cftdata.claims.masking import is_unit_word, mask

MAX_EQUATIONS = 2_000
MAX_SIDE = 300
SIGNS = "=≈≠<>≤≥"


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation: where it stands, what it says, and the unit behind it."""

    text: str
    start: int
    end: int
    expression: Expression
    unit: Unit | None = None


@dataclass(frozen=True, slots=True)
class Equation:
    """A chain of sides with the signs between them; len(signs) == len(sides) - 1."""

    sides: tuple[Side, ...]
    signs: tuple[str, ...]

    @property
    def start(self) -> int:
        """Offset of its first character."""
        return self.sides[0].start

    @property
    def end(self) -> int:
        """Offset after its last character."""
        return self.sides[-1].end


# After these words, or at the start of a line or clause, a side that is a bare number is a whole side.
_INTRODUCING = frozenset(
    "so thus then hence therefore is are get gets have has that gives gave giving yields equals as "
    "calculates calculated calculate computes computed compute since because where with we "
    "verify check checks correctly incorrectly wrongly mistakenly claims states writes says "
    "find finds found obtain obtains obtained calculation equation result results".split()
)


_ATOM = re.compile(
    r"(?P<space>[ \t\u00a0\u2000-\u200a\u202f]+)|(?P<sign>[=≈≠<>≤≥])"
    r"|(?P<math>(?:gcd|lcm|max|min)\([^()\n]{1,60}\)|\d+(?:(?:,|\{,\})\d{3}(?!\d))*(?:\.\d+)?%?|\.\d+|\\[A-Za-z]+|\\[%{}]"
    r"|[-+−–×÷·⋅•∙*/^!%°()\[\]{}|√∛∜π∞½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞²³⁴⁵⁶⁷⁸⁹⁰¹⁻⁺ⁿ_±$€£₀-₉]|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z'’])'*|[α-ωΔΣΩΦ])"
    r"|(?P<word>[A-Za-z][A-Za-z'’]*)|(?P<other>.|\n)"
)
_BULLETS = r"(?:[-–—*•+>#▪◦○●‣·]+[^\S\n]+)"
_LIST_MARK = re.compile(
    rf"(?m)^[^\S\n]*(?:{_BULLETS}+(?:\(?\d{{1,2}}[.)](?=\s)|[a-z]\)|[-–—*•+>#▪◦○●‣·]+(?=\s)|step\s+\d+\s*[:.])?|"
    r"\(?\d{1,2}[.)](?=\s)|[a-z]\)|[-–—*•+>#▪◦○●‣·]+(?=\s)|step\s+\d+\s*[:.])",
    re.I,
)


@lru_cache(maxsize=2048)
def find_equations(text: str) -> tuple[Equation, ...]:
    """Every equation that can be read, in order; of a text with more than MAX_EQUATIONS the first so many."""
    masked = mask(text)
    masked = _LIST_MARK.sub(lambda m: " " * len(m.group()), masked)
    found: list[Equation] = []
    for start, end in _runs(masked):
        equation = _read_run(masked, start, end)
        if equation:
            found.append(equation)
        if len(found) >= MAX_EQUATIONS:
            break
    return tuple(found)


def _runs(masked: str) -> Iterator[tuple[int, int]]:
    """Stretches without words (but units and functions) that hold a relation sign."""
    at = 0
    for sign in _SIGN.finditer(masked):
        if sign.start() >= at:
            low, high = masked.rfind("\n", at, sign.start()) + 1, masked.find("\n", sign.end())
            high = len(masked) if high < 0 else high
            yield from _runs_of_line(masked, low or at, high)
            at = high + 1


_SIGN = re.compile(f"[{SIGNS}]")


def _runs_of_line(masked: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    start, signs, previous = low, 0, ""
    for atom in _ATOM.finditer(masked, low, high):
        kind = atom.lastgroup
        joins = kind in ("space", "sign", "math") or (kind == "word" and _joins(masked, atom, previous))
        if joins:
            signs += kind == "sign"
            previous = atom.group() if kind != "space" else previous
            continue
        if signs:
            yield start, atom.start()
        start, signs, previous = atom.end(), 0, ""
    if signs:
        yield start, high


def _joins(masked: str, word: re.Match[str], previous: str) -> bool:
    """Whether a word belongs to mathematics: a function, a unit behind a number, "of" behind a share."""
    name = word.group()
    if name in FUNCTIONS or name in GREEK or name == "pi":
        return True
    if name in ("x", "X"):
        return True
    if name == "of":
        return previous.endswith(("%", "}")) or previous.isdecimal()
    if name == "in" and _INCHES.match(masked, word.end()) is None:
        return False
    return (
        bool(previous)
        and (previous[-1].isdigit() or previous[-1] in ")}²³/%" or previous.isalpha())
        and (is_unit_word(name))
    )


# 60 in, and not "2 in binary"
_INCHES = re.compile(r"[ \t]*(?:[.,;:)\]=≈×·*/+^²³\n-]|$|(?:and|by|or|long|wide|tall|high|deep|per)\b)")


def _read_run(masked: str, start: int, end: int) -> Equation | None:
    """The longest chain of readable sides in a run."""
    cuts = [start, *(i for i in range(start, end) if masked[i] in SIGNS), end]
    sides: list[Side] = []
    signs: list[str] = []
    best: tuple[list[Side], list[str]] = ([], [])
    for index in range(len(cuts) - 1):
        low = cuts[index] + (index > 0)
        # only the ends of a chain may hold more than the side: what stands between two signs is one side
        inner = 0 < index < len(cuts) - 2
        side = _read_side(masked, low, cuts[index + 1], from_left=index > 0, whole=inner)
        if index == 0 and side is not None and _is_operand_of_words(masked, side):
            return None
        if side is not None and not inner and not _is_whole(masked, side, is_first=index == 0):
            side = None
        if side is None:
            best = max(best, (sides, signs), key=lambda chain: len(chain[0]))
            sides, signs = [], []
            continue
        if sides:
            signs = [*signs, masked[cuts[index]]]
        sides = [*sides, side]
    sides, signs = max(best, (sides, signs), key=lambda chain: len(chain[0]))
    return Equation(tuple(sides), tuple(signs)) if len(sides) > 1 else None


def _read_side(masked: str, low: int, high: int, *, from_left: bool, whole: bool) -> Side | None:
    """The side next to a sign: its longest readable part that touches it, unit included."""
    text = masked[low:high]
    if len(text) > MAX_SIDE or not text.strip():
        return None
    for start, end in _parts(text, from_left=from_left, whole=whole):
        part = text[start:end]
        read = read_side(part.strip())
        if read:
            first = low + start + len(part) - len(part.lstrip())
            expression, unit, length = read
            return Side(masked[first : first + length], first, first + length, expression, unit)
    return None


def _is_operand_of_words(masked: str, side: Side) -> bool:
    """The 2048 of "the cube root of 2048 = 2^(11/3)": the chain is about something that words say."""
    if not isinstance(side.expression, Number):
        return False
    return (
        re.search(r"\b(?:of|mod|than|between)\s*$", masked[max(0, side.start - 12) : side.start]) is not None
    )


_OPERATORS = "+*/^×÷·⋅•∙!"


# cube root of 2^11 = 2^(11/3): the side begins with words; V = 8 cube root of 4: it ends with them
_PART_OF = re.compile(
    r"(?<![a-z])(?!(?:value|values|calculation|computation|evaluation|result|equation|simplification|expression|"
    r"approximation) )[a-z]+ +(?:of|from|between)(?: the)?$|"
    r"\b(?:root|roots|twice|half|double|triple|times|plus|minus|over|by|power|of)$",
    re.I,
)
# 15 pages x 1/3, 25 classmates + his 1 teacher: an operator, with the words of what is counted
_OPERATOR_IN_WORDS = re.compile(r"[A-Za-z)\d]\s+[xX]$|[+*×·÷]\s*(?:[a-z']+\s+){0,2}[a-z']+$")
_GOES_ON = re.compile(
    r"\s*,?\s*(?:(?:the )?(?:cube|square|fourth|cubic|root)\b|times\b|plus\b|minus\b|divided\b|"
    r"multiplied\b|squared\b|cubed\b|to the\b)",
    re.I,
)


def _is_whole(masked: str, side: Side, *, is_first: bool) -> bool:
    """Whether an end of a chain is all of its side: not the 5 of "the sum of 3 and 5 = 8"."""
    if is_first:
        before = masked[max(0, side.start - 60) : side.start].rstrip(" \t")
        if before[-1:] and before[-1] in _OPERATORS + "-−–√_%\\#@∘⊕⊗◇★△~ƒ":
            return False
        ends_in_word = before[-1:].isalpha()
        if ends_in_word and (_OPERATOR_IN_WORDS.search(before) or _PART_OF.search(before)):
            return False
        if before[-1:] and (before[-1].isdigit() or before[-1] in ")}") and side.text[0] in "(0123456789":
            return False  # $350 000, 1/2 (68): the side goes on to the left
        glued = masked[max(0, side.start - 1) : side.start]  # the (0) of f(0), the {8} of \frac{x}{8}
        if glued.isalnum() or (glued and glued in "'’′)]}") or re.search(r"\d:$", before):
            return False
        if side.text[0] in "+*/×÷·" or (re.match(r"[-−–]\s", side.text) and before[-1:].isalnum()):
            return False
        if not isinstance(side.expression, Number):
            return True
        word = re.search(r"([A-Za-z]+)$", before)
        return word is None or word[1].lower() in _INTRODUCING
    after = masked[side.end : side.end + 12]
    return _GOES_ON.match(after) is None and (
        re.match(
            r"[A-Za-z]|\s\d{3}\b|\s*(?:[+*/^×÷·⋅•∙]|[-−–]\s*[\d(\\]|\\(?:times|cdot|div|frac|sqrt)|\(\d)|\(",
            after,
        )
        is None
    )


def _parts(text: str, *, from_left: bool, whole: bool) -> Iterator[tuple[int, int]]:
    """The stretch itself, then what is left when it loses words and loose ends far from the sign."""
    yield 0, len(text)
    if whole:
        return
    edges = [
        m.end() if not from_left else m.start()
        for m in re.finditer(r"\s+|(?<=[)\]])(?=[A-Za-z])|[,;:({\[]|[)}\]]", text)
    ]
    edges = edges[-12:][::1] if not from_left else edges[::-1][:24]
    for edge in edges:
        if 0 < edge < len(text):
            yield (0, edge) if from_left else (edge, len(text))


_MONEY = re.compile(r"([-−]?)\s*(?:US)?[$€£]\s*(?=[\d.(])")
_OF = re.compile(r"(?<=[%\d}])\s+of\s+(?=[\d$(\\])")
_OF_CODE = re.compile(r"\b0[xXbo][0-9A-Fa-f]|%\s*\d")  # 0x1F; 7 % 3 is a remainder
_TOLD_TWICE = re.compile(r"[-−]?[\d,]*\d\.\d+\s+\([\d.,]+\)")  # 7.35 (7.348) is no product
_TIMES = re.compile(r"(?<=[\d)}½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])\s*[xX]\s*(?=[\d($\\])")


@lru_cache(maxsize=16384)
def read_side(text: str) -> tuple[Expression, Unit | None, int] | None:
    """(expression, unit, length that was read) of a side; None when it is no expression."""
    if _OF_CODE.search(text) or _TOLD_TWICE.fullmatch(text):
        return None
    plain = _OF.sub(" * ", _TIMES.sub(" * ", text))
    is_money = _MONEY.search(plain) is not None
    plain = _MONEY.sub(r"\1", plain)
    plain = re.sub(r"\{,\}", ",", plain)
    unit = read_unit("$") if is_money else None
    try:
        return read_expression(_without_units(plain)), unit or _last_unit(plain), len(text)
    except Unreadable:
        return None


_UNIT_BEHIND = re.compile(
    r"(?<=[\d)}%²³])(\s*(?:per\s+|/\s*)?(?:square\s+|cubic\s+)?(?:[A-Za-z]{2,})(?:\s*/\s*[A-Za-z]+|\s+per\s+[A-Za-z]+)?"
    r"(?:\^\{?[23]\}?|[²³])?)"
)


def _without_units(text: str) -> str:
    """The text without known units behind its numbers."""
    return _UNIT_BEHIND.sub(lambda m: " " if _unit_of(m[1]) else m[1], text)


def _last_unit(text: str) -> Unit | None:
    units = [unit for found in _UNIT_BEHIND.finditer(text) if (unit := _unit_of(found[1]))]
    return units[-1] if units else None


@lru_cache(maxsize=4096)
def _unit_of(phrase: str) -> Unit | None:
    words = re.findall(r"[A-Za-z]+", phrase)
    if any(word in FUNCTIONS and word != "min" for word in words):
        return None
    unit = read_unit(phrase.strip())
    return unit if unit and unit.known else None
