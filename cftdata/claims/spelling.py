r"""One spelling for one formula, so that a quotation is found however it is written, and the search for it.

    >>> plain(r"\( \frac{1}{256} \cdot 4 \) = 1{,}024")
    '1 / 256 4 = 1024'
    >>> find_said("5 + 3 = 9", Said("First $5+3 = 8$."))
    'differs'

Products are blanks, brackets are gone, decimals and signs stay: what is left are words, numbers and
operators. Source: our own table. Not covered: formulas that are equal but written otherwise.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import cached_property, lru_cache
from typing import Literal

from rapidfuzz import fuzz

Finding = Literal["said", "differs", "unclear", "absent"]

ALIKE = 88.0
"""partial_ratio from which words are the same up to slips."""
UNLIKE = 66.0
"""partial_ratio below which nothing of the kind is said."""

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
_FRACTIONS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅛": "1/8"}
_SPELLINGS = tuple(
    (re.compile(pattern), spelling)
    for pattern, spelling in (
        (r"<<[^<>]{0,200}>>", " "),  # GSM8K's calculator notes
        (r"(?<=\d)(?:,|\{,\}|\\,)(?=\d{3}(?!\d))", ""),
        (r"\\[dt]?frac\s{0,3}(\d)\s{0,3}(\d)", r" \1/\2 "),
        (r"\\sqrt\s{0,3}\[3\]|³√|∛|cube\s+root(?:\s+of)?(?![a-z])|cbrt\b", " cuberoot "),
        (r"\\sqrt|√|square\s+root(?:\s+of)?(?![a-z])|sqrt\b", " squareroot "),
        (r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+", lambda m: "^" + m[0].translate(_SUPERSCRIPTS)),
        (r"[₀-₉]", lambda m: _SUBSCRIPTS[m[0]]),
        (r"[½⅓⅔¼¾⅕⅛]", lambda m: f" {_FRACTIONS[m[0]]} "),
        (r"\\(?:text|textbf|mathrm|mathbf|operatorname|boxed|mbox)(?![a-z])", " "),
        (r"\\(?:approx|simeq|cong)(?![a-z])|[~∼≃≅≈]|\\sim(?![a-z])", "="),  # how near is no matter of quoting
        (r"\\(?:div)(?![a-z])|÷|∕|⁄", "/"),
        (r"\\(?:times|cdot|ast)(?![a-z])|[×·⋅•∙∗*]|(?<=\d)\s{0,2}x\s{0,2}(?=\d)", " "),
        (r"\\(?:implies|rightarrow|longrightarrow|to|therefore)(?![a-z])|[⇒→⟹∴]|=>", " "),
        (r"\\leq?(?![a-z])|<=", "≤"),
        (r"\\geq?(?![a-z])|>=", "≥"),
        (r"\\neq?(?![a-z])|!=", "≠"),
        (r"[−–—‐‑]", "-"),
        (r"[’‘]", "'"),
        (
            r"\\(?:left|right|big|bigl|bigr|displaystyle|quad|qquad)(?![a-z])|\\[,;:!> ()\[\]]|"
            r"[$()\[\]{}`_\"“”|&\\]",
            " ",
        ),
    )
)
_FRACTION = re.compile(r"\\[dt]?frac\s{0,3}\{([^{}]{1,200})\}\s{0,3}\{([^{}]{1,200})\}")
MAX_NESTED = 5
_TOKEN = re.compile(r"\d+(?:\.\d+)?|\.\d+|[^\W\d_]+(?:'[a-z]+)?|[-+/^=<>≤≥≠%!]")


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """The text's words, numbers and operators in lower case, a blank between each."""
    text = text.lower()
    for _ in range(MAX_NESTED if "frac" in text else 0):  # the inner ones first
        text = _FRACTION.sub(r" (\1)/(\2) ", text)
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return " ".join(_TOKEN.findall(text))


def numbers_of(plain_text: str) -> list[str]:
    """The numbers of a text in its plain form, 12.0 and 12 alike."""
    return [_bare(number) for number in re.findall(r"(?<!\S)(?:\d+(?:\.\d+)?|\.\d+)(?!\S)", plain_text)]


def _bare(number: str) -> str:
    whole, _, decimals = number.partition(".")
    decimals = decimals.rstrip("0")
    return (whole.lstrip("0") or "0") + (f".{decimals}" if decimals else "")


_WORDED = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "twice": "2",
    "double": "2",
    "half": "2 0.5",
    "third": "3",
    "quarter": "4",
    "triple": "3",
    "dozen": "12",
    "hundred": "100",
    "percent": "100",
}


def tighten(plain_text: str) -> str:
    """A plain form without its blanks, but for a mark between two numbers: a product, or two lines."""
    return re.sub(r"(?<=\d) (?=[\d.])", "·", plain_text).replace(" ", "")


class Said:
    """Texts in which quotations are looked for."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    @cached_property
    def plain(self) -> str:
        """The texts in their plain form."""
        return " \n ".join(map(plain, self.texts))

    @cached_property
    def tight(self) -> str:
        """Without blanks, between which a formula may be spaced otherwise."""
        return tighten(self.plain)

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Its numbers, those in words too."""
        words = frozenset(self.plain.split())
        return frozenset(numbers_of(self.plain)) | {
            number for word in words & _WORDED.keys() for number in _WORDED[word].split()
        }

    @cached_property
    def roundings(self) -> frozenset[str]:
        """Its numbers as they may be told: rounded, cut, or as a percentage."""
        told = set[str]()
        for number in self.numbers:
            if len(number) < 30:
                value = Decimal(number)
                told |= {_bare(f"{value * 100:f}"), _bare(f"{value / 100:f}")}
                for places in range(min(6, len(number.partition(".")[2]))):
                    unit = Decimal(1).scaleb(-places)
                    told |= {_bare(f"{value.quantize(unit, how):f}") for how in (ROUND_HALF_UP, ROUND_DOWN)}
        return frozenset(told)

    def has_number(self, number: str) -> bool:
        """Whether it has this number, or one that this may be the rounding of."""
        return number in self.numbers or number in self.roundings

    def holds(self, part: str) -> bool:
        """Whether a stretch in its plain form stands here, its numbers whole."""
        tight = tighten(part)
        if not tight:
            return False
        first = r"(?<![\d.])" if tight[0].isdigit() else ""
        last = r"(?!\d|\.\d)" if tight[-1].isdigit() else ""
        bare = tight.replace("·", "")  # (48,180) may be one number, or two
        return any(
            stretch in text and re.search(first + re.escape(stretch) + last, text)
            for stretch, text in ((tight, self.tight), (bare, self.tight.replace("·", "")))
        )


def find_said(quotation: str, said: Said, *, is_exact: bool = False) -> Finding:
    """Whether it is `said`, `differs` in a number or operator, is `absent`, or `unclear` (a paraphrase).

    Parts of a quotation between dots ("2 + 3 ... = 9") are looked for one by one. is_exact holds a formula
    to its very words, as between quotation marks.
    """
    parts = [part for part in (plain(part) for part in re.split(r"\.\.\.+|…|\[\.\.\.\]", quotation)) if part]
    found = [_find_part(part, said, is_exact) for part in parts]
    return next((worst for worst in ORDER if worst in found), "said")


ORDER: tuple[Finding, ...] = ("absent", "differs", "unclear")


def _find_part(part: str, said: Said, is_exact: bool) -> Finding:
    if said.holds(part):
        return "said"
    words = set(re.findall(r"[^\W\d_]{2,}", part)) - {"cuberoot", "squareroot"}
    missing = [number for number in numbers_of(part) if not said.has_number(number)]
    if len(words) < 3:
        return _find_formula(part, said, is_missing=bool(missing), is_exact=is_exact)
    alike = fuzz.partial_ratio_alignment(part, said.plain)
    if alike is None or alike.score < UNLIKE:
        return "absent" if missing or len(words) >= 5 else "unclear"
    if missing:
        return "differs"
    there = said.plain[max(0, alike.dest_start - 12) : alike.dest_end + 12]
    return "said" if alike.score >= ALIKE and set(numbers_of(part)) <= set(numbers_of(there)) else "unclear"


def _find_formula(part: str, said: Said, *, is_missing: bool, is_exact: bool) -> Finding:
    """A formula may be written otherwise, or in short, but not with other results."""
    sides = [side.strip() for side in re.split(r"[=<>≤≥≠]", part) if side.strip()]
    if is_missing or _has_other_result(part, said):
        return "differs"
    if _is_chained(sides, said):
        return "said"
    computed = [side for side in sides if re.search(r"\d [-+/^] \d|\d \d", side)]
    return "differs" if is_exact and not all(map(said.holds, computed)) else "unclear"


def _is_chained(sides: list[str], said: Said) -> bool:
    """a = c where a = b = c is said."""
    if len(sides) < 2:
        return False
    first, last = (re.escape(tighten(side)) for side in (sides[0], sides[-1]))
    return re.search(rf"(?<![\d.]){first}=[^\n]{{0,160}}?={last}(?!\d|\.\d)", said.tight) is not None


def _has_other_result(part: str, said: Said) -> bool:
    """5 + 3 = 9 where 5 + 3 = 8 is said, and never anything else."""
    left, sign, right = part.partition(" = ")
    if not sign or not re.fullmatch(r"\d+(?:\.\d+)?", right) or not re.search(r"\d [-+/^] \d|\d \d", left):
        return False
    results = re.findall(rf"(?<![\w.^/+-]) {re.escape(left)} = (\S+(?: [-+/^] \S+)*)", f" {said.plain}")
    return (
        bool(results)
        and all(re.fullmatch(r"\d+(?:\.\d+)?", result) for result in results)
        and (_bare(right) not in map(_bare, results))
    )
