r"""Equations told in words: "12 times 3 is 36", "30% of 70 is 21", "adding 3 to 4 gives 7".

    >>> [told] = find_told("Multiplying 12 by 8 gives 86.")
    >>> [side.text for side in told.sides]
    ['Multiplying 12 by 8', '86']

Only what begins a clause is read: "the sum of 5 and 12 times 3 is 41" tells no product. Source: our own
rules. Not covered: numbers in words, brackets, and operations on more than a few numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

from cftdata.claims.equations import Equation, Side, read_side

MAX_TOLD = 200
MAX_BEFORE = 90

_N = r"\$?\d+(?:,\d{3})*(?:\.\d+)?%?"
_TERM = rf"(?:[√∛] ?)?{_N}(?:!|[²³]| ?\^ ?\d+| squared| cubed)?"
_OP = r" ?[+×·÷*/] ?| [-−] | (?:plus|minus|times|multiplied by|divided by|over) "
_SAYS = re.compile(
    r"(?P<left>[\d!²³%)d]\$?)\)?,? "
    r"(?:(?P<near>(?:is|equals|gives|yields|makes) (?:approximately|about|roughly|around|nearly))|"
    r"is|equals|is equal to|gives|yields|makes|comes to) "
    rf"\(?(?P<right>-?{_N})(?![\d^!²³]|[.,]\d| ?[-+−×·÷*/=^:] ?\$?\d|"
    r" (?:more|less|fewer|times|percent|plus|minus|divided|multiplied|squared|cubed|of|out|to|or|and \d|"
    r"hundred|thousand|million|billion|dozen|greater|years older)\b)"
)
_PRODUCT = re.compile(rf"(?:{_TERM})(?:(?:{_OP})(?:{_TERM}))*$|(?:{_N}|\d+/\d+) of \$?{_N}$")
_WORDED = (
    (re.compile(rf"\bmultiplying ({_N}) (?:by|and|with) ({_N})$", re.I), r"\1 * \2"),
    (re.compile(rf"\bdividing ({_N}) by ({_N})$", re.I), r"\1 / \2"),
    (re.compile(rf"\badding ({_N}) (?:to|and) ({_N})$", re.I), r"\1 + \2"),
    (re.compile(rf"\bsubtracting ({_N}) from ({_N})$", re.I), r"\2 - \1"),
    (re.compile(rf"\bthe sum of ({_N}) and ({_N})$", re.I), r"\1 + \2"),
    (re.compile(rf"\bthe product of ({_N}) and ({_N})$", re.I), r"\1 * \2"),
    (re.compile(rf"\b(?:half|one half) of ({_N})$", re.I), r"\1 / 2"),
    (re.compile(rf"\b(?:twice|double) ({_N})$", re.I), r"\1 * 2"),
    (re.compile(rf"\b(?:three times|thrice) ({_N})$", re.I), r"\1 * 3"),
)
_WORDS = (
    (" plus ", " + "),
    (" minus ", " - "),
    (" times ", " * "),
    (" multiplied by ", " * "),
    (" divided by ", " / "),
    (" over ", " / "),
    (" squared", "^2"),
    (" cubed", "^3"),
)
_BEGINS = re.compile(
    r"(?:^|\n|[.,;:!?(\"“>•✓]|\b(?:so|thus|then|hence|therefore|since|because|as|that|and so|know|where|"
    r"which means|note|here|indeed|but|yet|while|whereas|first|next|finally))[\s$*\-]*$",
    re.I,
)


def find_told(text: str) -> Iterator[Equation]:
    """Every equation told in words whose left side computes something, in order; at most 200."""
    for said in islice(_SAYS.finditer(text), MAX_TOLD):
        left = _read_left(text, said.end("left"))
        right = read_side(said["right"])
        if left and right and left.expression != right[0]:
            expression, unit, _ = right
            sides = left, Side(said["right"], *said.span("right"), expression, unit)
            yield Equation(sides, ("≈" if said["near"] else "=",))


def _read_left(text: str, end: int) -> Side | None:
    """What is computed before the verb."""
    end -= text[end - 1] == "$"
    low = max(0, end - MAX_BEFORE)
    before = text[low:end]
    for words, formula in _WORDED:
        found = words.search(before)
        if found:
            return _side(text, low + found.start(), end, found.expand(formula))
    found = _PRODUCT.search(before)
    if found is None or not _BEGINS.search(before[: found.start()]):
        return None
    formula = found[0]
    for word, sign in _WORDS:
        formula = formula.replace(word, sign)
    if re.fullmatch(rf"{_N}|[\d/ +−-]*\d/\d[\d/ +−-]*", formula):
        return None  # a number alone computes nothing, and 2/5 is often a share of what was named before
    return _side(text, low + found.start(), end, formula)


def _side(text: str, start: int, end: int, formula: str) -> Side | None:
    read = read_side(formula)
    return Side(text[start:end], start, end, read[0], read[1]) if read else None
