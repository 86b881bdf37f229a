r"""A text of which, at the same offsets, only words and mathematics in one spelling are left.

    >>> mask(r"so $a \approx 5$ apples + 2 = 7")
    'so  a ≈       5         + 2 = 7'

LaTeX commands and signs of several characters become one sign and white space, dollars around mathematics
and nouns between operators white space. Source: our own table. Not covered: macros that a text defines.
"""

from __future__ import annotations

import re
from functools import lru_cache

from cftdata.answers.units import read_unit

# Spellings of equal length to the sign they stand for, so that every offset stays that of the text.
_COMMAND = re.compile(r"\\(?:(?:begin|end)\{[a-z*]+\}|not ?=|[A-Za-z]+|[^A-Za-z])", re.S)
_MEANINGS = {
    name: sign
    for sign, names in (
        ("≈", "approx simeq thickapprox cong"),
        ("≠", "ne neq not= "),
        ("≤", "le leq leqslant"),
        ("≥", "ge geq geqslant"),
        ("<", "lt"),
        (">", "gt"),
        (
            " ",
            "left right displaystyle textstyle big bigg bigl biggl bigr biggr Big Bigg Bigl Biggl Bigr Biggr "
            "boxed fbox quad qquad mathbf boldsymbol mathrm mathit rm bf underline , ; : ! > ( ) [ ]",
        ),
        (
            "\n",
            "implies Rightarrow Longrightarrow rightarrow longrightarrow to therefore because iff "
            "Leftrightarrow equiv \\",
        ),
        ("…", "ldots cdots dots dotsc dotsb"),
    )
    for name in names.split()
} | {" ": " ", "not =": "≠"}
_PADDED = frozenset("≈≠≤≥<>")
_SIGNS_OF_TWO = (
    ("=/=", "≠  "),
    ("!=", "≠ "),
    ("<=", "≤ "),
    (">=", "≥ "),
    ("==", "= "),
    ("**", "  "),
    ("$$", "  "),
    ("...", "………"),
)
_SINGLE = dict(zip("≃≅`&⇒→⟹⇔∴✓✗✔✅❌≡", "≈≈  " + "\n" * 11, strict=True))
_SINGLES = re.compile(f"[{''.join(_SINGLE)}]")
_TEXT = re.compile(r"\\(?:text|textbf|textit|mbox|textrm)\s*\{([^{}]{0,80})\}")
_CONTINUED = re.compile(r"\n[ \t\n]{0,6}(?=(?:\\\[)?\s{0,4}[=≈])")


# 3 red apples + 4 apples = 7: what is counted is no mathematics, but stands in the middle of it
_NOUNS = re.compile(r"(?<=[\d)%}])[ \t]+((?:[A-Za-z]{2,}[ \t]+){0,2}[A-Za-z]{2,})(?=[ \t]*[-+*/×÷=≈])")
SPEAKING = frozenset(
    "and or of then is are was plus minus times divided by mod to equals from not so that if in on at "
    "we the than gives for with but because since as which where when while whereas so thus hence "
    "therefore instead rather it this they he she has have does did by".split()
)


def mask(text: str) -> str:
    """The text at the same offsets, one spelling for each sign, white space for the rest."""
    text = _masked_dollars(text.replace("\\$", " $"))
    if "\\" in text:
        text = _COMMAND.sub(_meant, _TEXT.sub(_masked_words, text))
    for sign, spelling in _SIGNS_OF_TWO:
        text = text.replace(sign, spelling)
    if "&" in text or "`" in text or not text.isascii():
        text = _SINGLES.sub(lambda m: _SINGLE[m[0]], text)
    text = _masked_functions(text)
    text = _NOUNS.sub(_masked_noun, text)
    return _CONTINUED.sub(lambda m: " " * len(m.group()), text)


def _masked_noun(found: re.Match[str]) -> str:
    """White space for what is counted; units and words that speak stay."""
    words = found[1].split()
    keeps = SPEAKING & set(found[1].lower().split()) or (len(words) == 1 and is_unit_word(words[0]))
    return found.group() if keeps else " " * len(found.group())


def _meant(command: re.Match[str]) -> str:
    """A LaTeX command as the sign it means, at its length; others as they are."""
    said = command.group()
    name = said[1:] if said[-1] != "}" else "implies"  # \\begin{align} breaks the line as well
    meaning = _MEANINGS.get(name)
    if meaning is None:
        return said
    return meaning.ljust(len(said)) if meaning in _PADDED else meaning * len(said)


_APPLIED = re.compile(r"[fghFGH](?<![A-Za-z\\].)(?=['′]{0,3} {0,6}\()")
_DERIVED = re.compile(r"(?<![A-Za-z\\])[A-Za-z](?=['′]{1,3} {0,6}\()")
_DEFINED = re.compile(r"([A-Za-z])(?<![A-Za-z\\].)\([A-Za-z](?:, ?[a-z])?\) {0,4}=")


def _masked_functions(text: str) -> str:
    """The f of f(0), and the S of S(0) after "S(t) = ...", as a sign of no expression: no product."""
    text = _APPLIED.sub("ƒ", text)
    if "'" in text or "′" in text:
        text = _DERIVED.sub("ƒ", text)
    names = "".join(sorted(set(_DEFINED.findall(text))))
    return re.sub(rf"(?<![A-Za-z\\])[{names}](?=\()", "ƒ", text) if names else text


def _masked_words(found: re.Match[str]) -> str:
    """\\text{ pounds} as the word at its place."""
    before = found.start(1) - found.start()
    return " " * before + found[1] + " "


def _masked_dollars(text: str) -> str:
    """$ around mathematics is blank; $ before a number that is no such pair is money, and stays."""

    def masked(found: re.Match[str]) -> str:
        return " " + found[1] + " "

    return re.sub(r"\$(?!\s)((?=[^$\n]{0,300}[\\^_={}A-Za-z+*/])[^$\n]{1,300}?)(?<!\s)\$(?!\d)", masked, text)


@lru_cache(maxsize=4096)
def is_unit_word(name: str) -> bool:
    unit = read_unit(name)
    return (unit is not None and unit.known) or name in ("per", "square", "cubic")
