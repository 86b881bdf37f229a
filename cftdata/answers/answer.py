r"""What an answer can be, and its text without the wrapping: delimiters, lead-ins, spacing, closing stops.

    >>> clean(r"The answer is $\boxed{12\ \text{mph}}$.")
    '12 «mph»'

Source: the conventions of MATH, GSM8K and their kind, as met in published sets. Words that LaTeX marks as
text stand in « » from here on, set braces are ⦃ ⦄. Not covered: prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from cftdata.answers.expression import Expression
from cftdata.answers.units import Unit

Kind = Literal[
    "value",
    "list",
    "set",
    "tuple",
    "interval",
    "relation",
    "matrix",
    "option",
    "word",
    "time",
    "ratio",
    "text",
]


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval; value None is infinite."""

    value: Expression | None
    closed: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """A read answer; which fields are set depends on its kind."""

    kind: Kind
    text: str
    expression: Expression | None = None  # value; left minus right of a relation; minutes of a time
    unit: Unit | None = None
    scale: Fraction = Fraction(1)  # 5 million: expression 5, scale 1,000,000
    name: str | None = None  # variable a value is assigned to
    parts: tuple[Answer, ...] = ()
    mark: str = ""  # brackets, relation sign, option letter, word, am/pm; reason of a text
    spans: tuple[tuple[Bound, Bound], ...] = ()


NO_ANSWERS = frozenset(["", "none", "n/a", "na", "null", "nan", "unknown", "no answer", "?", "..."])
_SYMBOLS = {
    r"\\(?:le|leq|leqslant)(?![A-Za-z])": "≤",
    r"\\(?:ge|geq|geqslant)(?![A-Za-z])": "≥",
    r"\\(?:ne|neq)(?![A-Za-z])": "≠",
    r"\\(?:approx|simeq|sim)(?![A-Za-z])": "≈",
    r"\\lt(?![A-Za-z])": "<",
    r"\\gt(?![A-Za-z])": ">",
    r"<=": "≤",
    r">=": "≥",
    r"!=": "≠",
    r"==": "=",
    r"≃|≅": "≈",
    r"\\in(?![A-Za-z])": "∈",
    r"\\cup(?![A-Za-z])": "∪",
    r"\\(?:emptyset|varnothing)(?![A-Za-z])": "∅",
    r"\\infty(?![A-Za-z])": "∞",
    r"\\mathbb\s*\{?R\}?|ℝ": "all real numbers",
}
_WRAPPERS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"), ("**", "**"), ("`", "`"))
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|mathrm|mathbf|operatorname|rm)\s*\{([^{}]*)\}")
_SPACING = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|[bB]ig{1,2}[lr]?)(?![A-Za-z])\s*\.?|(?<!\\)\\[,;:!> ]"
    r"|\\q?quad(?![A-Za-z])|&nbsp;|\\newline"
)
_JOINED = re.compile(r"(?<=\d)(?:\\,|\{,\}|,\\!|\\ |\\;)(?=\d{3}(?!\d))|(?<=\d),\\!(?=\d)")
_ORDINAL = re.compile(r"(?<=\d)(?:st|nd|rd|th)\b")
_PARTS = {"half": 2, "third": 3, "quarter": 4}
_HALVES = re.compile(r"(\d)\s+and\s+(?:a|one)\s+(half|third|quarter)\b", re.I)
_NOT_IN_LEAD = r"(?!\w*n't\b|(?:not|no|never|false|wrong|if|than|least|most|unless)\b)"
_LEAD_IN = re.compile(
    r"\A(?:####\s*|(?:so|thus|therefore|hence|then|and)\s*,\s*(?=\S)|(?:[a-z]+\s+){0,2}answer\s*[:=]\s*(?=\S)"
    r"|(?:" + _NOT_IN_LEAD + r"[a-z']{2,20},?\s+){1,10}(?:is|are|equals)\s*:?\s+(?=\S))",
    re.I,
)


def clean(text: str) -> str:
    """The text without wrappers, lead-ins, spacing commands and closing stops; words of \\text{} in « »."""
    text = _HALVES.sub(
        lambda m: f"{m[1]} 1/{_PARTS[m[2].lower()]}", _ORDINAL.sub("", _JOINED.sub("", text.strip()))
    )
    text = _unframed(text)
    text = _SPACING.sub(" ", text).replace("~", " " if "\\" in text else "≈")
    for _ in range(6):
        before = text
        text = _LEAD_IN.sub("", _unwrapped(text.strip().rstrip(".,;").strip()))
        if text == before:
            break
    text = text.replace(r"\{", "⦃").replace(r"\}", "⦄").replace("{,}", ",")
    text = _TEXT.sub(_marked_words, text).replace(r"\%", "%").replace(r"\$", "$")
    for pattern, symbol in _SYMBOLS.items():
        text = re.sub(pattern, symbol, text)
    text = re.sub(r"°\s*([CF])\b|\^\{?\\circ\}?\s*([CF])\b", lambda m: f" «deg{m[1] or m[2]}»", text)
    text = re.sub(r"\^\s*\{?\s*(?:\\circ|\\degree|°)\s*\}?|\\degree", "°", text)
    text = re.sub(r"(?<=\d)\s*[xX]\s*(?=10\s*\^)", "*", text)
    text = re.sub(r"(\d{0,20})\.(\d{0,20})\\overline\{(\d{1,20})\}", _repeating, text)
    return re.sub(r"\s+", " ", text).strip()


def _unframed(text: str) -> str:
    """Without the delimiters of formulas inside of a text: $8\\sqrt[3]{4}$ mph. \\$ is money, and stays."""
    text = re.sub(r"\\[()\[\]]", " ", text)
    signs = [found.start() for found in re.finditer(r"(?<!\\)\$", text)]
    if len(signs) == 2 and text[signs[0] + 1 : signs[1]].strip():
        first, second = signs
        text = f"{text[:first]} {text[first + 1 : second]} {text[second + 1 :]}"
    return text


def _marked_words(found: re.Match[str]) -> str:
    """Words of \\text{} are marked; digits and the constants in upright type are mathematics."""
    content = found[1].strip()
    return content if re.fullmatch(r"[-\d.,/ ]*|[eid]", content) else f" «{content}» "


def _repeating(found: re.Match[str]) -> str:
    """0.1\\overline{6} as a fraction."""
    whole, fixed, period = found.groups()
    below = (10 ** len(period) - 1) * 10 ** len(fixed)
    above = int((whole + fixed + period) or 0) - int((whole + fixed) or 0)
    return f"({above}/{below})"


def _unwrapped(text: str) -> str:
    box = _BOXED.match(text)
    if box and text.endswith("}") and _closes_at(text, box.end() - 1) == len(text) - 1:
        return text[box.end() : -1]
    for opening, closing in _WRAPPERS:
        inner = text[len(opening) : -len(closing)]
        if (
            text.startswith(opening)
            and text.endswith(closing)
            and len(text) > len(opening + closing)
            and (opening not in inner and not inner.endswith("\\"))
        ):
            return inner
    return text


def _closes_at(text: str, start: int) -> int:
    depth = 0
    for index in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if depth == 0:
            return index
    return -1


def plain(text: str) -> str:
    return re.sub(r"[«»]", "", text).strip()


_ALSO = re.compile(
    r"\s*(?:\(?\s*(?:,?\s*(?:or|which is|i\.e\.,?|that is,?))?\s*(?:about|approx(?:imately|\.)?|roughly|"
    r"≈)\s*[^()]*\)?\s*|\(\s*≈[^()]*\)\s*)$",
    re.I,
)


def without_also(text: str) -> str:
    """8·2^(2/3) mph (approximately 12.7 mph): what is said beside the exact value is no second answer."""
    cut = _ALSO.sub("", _plain_text_words(text))
    return cut if re.search(r"\d|[a-z]", cut) and cut.strip() else text


def _plain_text_words(text: str) -> str:
    """« » that hold only part of a remark go, so that the remark can be seen whole."""
    return (
        re.sub(r"[«»]", " ", text)
        if re.search(r"«[^»]*(?:approx|about|roughly|which is)", text, re.I)
        else text
    )


def split_top(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The parts between matches of a pattern that lie outside of every bracket; matches at odd indices."""
    parts, depth, start, index = [], 0, 0, 0
    while index < len(text):
        character = text[index]
        found = pattern.match(text, index) if depth == 0 else None
        if found and found.end() > index:
            parts += [text[start:index], found.group()]
            start = index = found.end()
            continue
        depth += (character in "([{⦃«") - (character in ")]}⦄»")
        index += 1
    return [*parts, text[start:]]
