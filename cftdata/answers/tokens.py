r"""Mathematics as people type it -> tokens: plain text, LaTeX and Unicode spellings of the same signs.

    >>> [token.text for token in tokenize(r"3 \times 2²")]
    ['3', '*', '2', '^', '{', '2', '}']

Source: our own table of spellings. Not covered: relations' signs (`answer` makes them single characters).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARS = 2_000
MAX_TOKENS = 1_500

FUNCTIONS = frozenset(
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh ln log exp abs sqrt cbrt floor ceil "
    "gcd lcm max min binom".split()
)
GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi psi "
    "omega "
    "Gamma Delta Theta Lambda Sigma Phi Psi Omega varphi vartheta varepsilon ell".split()
)


class Unreadable(ValueError):
    """The text is no expression that can be read in one way; `reason` is a slug."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


CONSTANTS = {"π": "pi", "∞": "oo", "ℯ": "e", "ⅈ": "i"}
_OPERATORS = {
    "−": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "×": "*",
    "·": "*",
    "⋅": "*",
    "•": "*",
    "∙": "*",
    "∗": "*",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "±": "pm",
    "**": "^",
    "º": "°",
}
_COMMANDS = {
    "cdot": "*",
    "times": "*",
    "ast": "*",
    "div": "/",
    "pm": "pm",
    "circ": "°",
    "degree": "°",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "mid": "|",
    "lbrace": "{{",
    "rbrace": "}}",
    "lfloor": "⌊",
    "rfloor": "⌋",
    "lceil": "⌈",
    "rceil": "⌉",
    "infty": "∞",
    "pi": "π",
    "bullet": "*",
}
_SKIPPED = frozenset(
    "left right big Big bigl bigr Bigl Bigr biggl biggr displaystyle textstyle limits quad qquad".split()
)
_ENGLISH = frozenset(
    "is it the and or to of in on at by as so we he be no not if an are for all any has was but one two six "
    "ten per its how who why yes day now new old am do go me my us up she you her his our out too say see "
    "can may".split()
)
_NOUNS = frozenset(
    "men egg bag box car dog cat boy pen toy jar bus cow hen pig ant pie cup pt qt sq cc way row lap "
    "kid cap hat job key map hop tub tin pot pan mug pup fox rat owl nut fig pea bun ham jam log peg "
    "tax tip fee bet win arm leg eye ear toe art ash bow bug cop dot fan fly gem gum gun hip hut inn "
    "jet jug kit lid man mat mop net oak oar oat pad paw pet pin pit pod pub rag ray rib rug sea sun "
    "top tow van vat web wig yak zoo".split()
)
"""What is counted in words of three letters: behind a number "men" is no product of m, e and n."""
_GREEK_LETTERS = dict(
    zip(
        "αβγδεζηθικλμνξρστφχψωΓΔΘΛΣΦΨΩϕϑϵ",
        (
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau phi chi "
            "psi omega Gamma "
            "Delta Theta Lambda Sigma Phi Psi Omega phi theta epsilon"
        ).split(),
        strict=True,
    )
)
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ⁽⁾", "0123456789+-n()")
_SUBSCRIPTS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
FRACTIONS = {
    "½": (1, 2),
    "⅓": (1, 3),
    "⅔": (2, 3),
    "¼": (1, 4),
    "¾": (3, 4),
    "⅕": (1, 5),
    "⅖": (2, 5),
    "⅗": (3, 5),
    "⅘": (4, 5),
    "⅙": (1, 6),
    "⅚": (5, 6),
    "⅛": (1, 8),
    "⅜": (3, 8),
    "⅝": (5, 8),
    "⅞": (7, 8),
}

_TOKEN = re.compile(
    r"(?P<space>(?:\s|\\[,;:!> ]|~|&nbsp;)+)"
    r"|(?P<number>\d+(?:(?:,|\{,\}|\\,)\d{3}(?!\d))+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    r"|(?P<subscript>_(?:\{[\w, ]{1,20}\}|\w)|[₀-₉]+)"
    r"|(?P<command>\\[A-Za-z]+\*?)"
    r"|(?P<superscript>[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ⁽⁾]+)"
    r"|(?P<word>[A-Za-z]+)"
    r"|(?P<greek>[α-ορ-ωΓΔΘΛΣΦΨΩϕϑϵ])"
    r"|(?P<brace>\\[{}|%$])"
    r"|(?P<op>\*\*|[-+*/^!%°º()\[\]{}|<>=,;:±×·⋅•∙∗÷∕⁄−–—‐‑√∛∜π∞ℯⅈ½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⌊⌋⌈⌉'′])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its kind, its text, and whether white space stood before it."""

    kind: str
    text: str
    spaced: bool = False


def tokenize(text: str) -> list[Token]:
    """The tokens of a text; `Unreadable` for a character that is no mathematics, or for too many."""
    if len(text) > MAX_CHARS:
        raise Unreadable("too_long")
    tokens: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise Unreadable("unreadable")
        position, kind = found.end(), found.lastgroup or ""
        if kind == "space":
            spaced = True
            continue
        tokens.extend(_tokens_of(kind, found.group(), spaced))
        spaced = False
        if len(tokens) > MAX_TOKENS:
            raise Unreadable("too_long")
    return tokens


def _tokens_of(kind: str, text: str, spaced: bool) -> list[Token]:
    if kind == "command":
        name = text[1:].rstrip("*")
        if name in _SKIPPED:
            return []
        if name in _COMMANDS:
            return _tokens_of("op", _COMMANDS[name], spaced)
        if name in GREEK:
            return [Token("name", name, spaced)]
        return [
            Token(
                "command",
                {"dfrac": "frac", "tfrac": "frac", "cfrac": "frac", "dbinom": "binom", "tbinom": "binom"}.get(
                    name, name
                ),
                spaced,
            )
        ]
    if kind == "superscript":
        inner = tokenize(text.translate(_SUPERSCRIPTS))
        return [Token("op", "^", spaced), Token("op", "{"), *inner, Token("op", "}")]
    if kind == "subscript":
        return [Token("subscript", text.translate(_SUBSCRIPTS).strip("_{}"))]
    if kind == "brace":
        return [Token("op", {"{": "{{", "}": "}}", "|": "|", "%": "%", "$": "$"}[text[1]], spaced)]
    if kind == "greek":
        return [Token("name", _GREEK_LETTERS.get(text, text), spaced)]
    if kind == "word":
        return _names_of(text, spaced)
    if kind == "op":
        if text in FRACTIONS:
            return [Token("fraction", text, spaced)]
        if text in CONSTANTS:
            return [Token("name", CONSTANTS[text], spaced)]
        return [Token("op", _OPERATORS.get(text, text), spaced)]
    return [Token(kind, text, spaced)]


def _names_of(word: str, spaced: bool) -> list[Token]:
    """A function's name, a Greek letter's, or single letters; a longer word is no mathematics."""
    if word in FUNCTIONS or word == "pi" or word in GREEK:
        return [Token("command" if word in FUNCTIONS else "name", word, spaced)]
    if len(word) > 3 or word.lower() in _ENGLISH or (spaced and word in _NOUNS):
        raise Unreadable("words")
    return [Token("name", letter, spaced and index == 0) for index, letter in enumerate(word)]
