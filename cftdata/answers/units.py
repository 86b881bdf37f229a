"""Units around numbers: what "miles per hour", "km/h", "cents" or "square feet" measure, exactly.

A unit is a product of base dimensions and an exact factor to the dimension's base unit. Words that are no
known unit ("eggs") become a dimension of their own, so that 18 eggs are not 18 dollars, nor surely not.

    >>> read_unit("km/h").factor / read_unit("m/s").factor
    Fraction(5, 18)

Source: SI, and the international yard and pound (1959). Not covered: temperatures' offsets, currencies'
rates, gallons and pints (British and American ones differ).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_F = Fraction
_TABLE: dict[str, dict[str, Fraction]] = {
    "length": {
        "mm millimeter millimetre": _F(1, 1000),
        "cm centimeter centimetre": _F(1, 100),
        "m meter metre": _F(1),
        "km kilometer kilometre": _F(1000),
        "in inch inches": _F(254, 10000),
        "ft foot feet": _F(3048, 10000),
        "yd yard": _F(9144, 10000),
        "mi mile": _F(1609344, 1000),
    },
    "time": {
        "ms millisecond": _F(1, 1000),
        "s sec second": _F(1),
        "min minute": _F(60),
        "h hr hour": _F(3600),
        "d day": _F(86400),
        "wk week": _F(604800),
    },
    "years": {"month": _F(1, 12), "yr year": _F(1), "decade": _F(10), "century centuries": _F(100)},
    "mass": {
        "mg milligram": _F(1, 10**6),
        "g gram": _F(1, 1000),
        "kg kilogram": _F(1),
        "t tonne": _F(1000),
        "lb pound": _F(45359237, 10**8),
        "oz ounce": _F(45359237, 16 * 10**8),
    },
    "dollar": {"$ dollar usd buck": _F(1), "¢ cent": _F(1, 100)},
    "euro": {"€ euro eur": _F(1)},
    "sterling": {"£ gbp": _F(1)},
    "angle": {"degree deg": _F(1)},
    "radian": {"rad radian": _F(1)},
    "percent": {"% percent pct": _F(1)},
    "volt": {"V volt": _F(1)},
    "watt": {"W watt": _F(1), "kW kilowatt": _F(1000)},
    "joule": {"J joule": _F(1)},
    "newton": {"N newton": _F(1)},
    "celsius": {"degC celsius": _F(1)},
    "fahrenheit": {"degF fahrenheit": _F(1)},
    "hertz": {"Hz hertz": _F(1)},
    "ampere": {"A amp ampere": _F(1)},
    "kelvin": {"K kelvin": _F(1)},
}
_COMPOUND = {
    "mph": "mi/h",
    "kph": "km/h",
    "kmh": "km/h",
    "fps": "ft/s",
    "l": "L",
    "liter": "L",
    "litre": "L",
    "ml": "mL",
    "milliliter": "mL",
    "millilitre": "mL",
    "sqft": "ft^2",
}
_LITRES = {"L": _F(1, 1000), "mL": _F(1, 10**6)}
SINGLE_LETTERS = frozenset("msghdtVWJNAKLkMB")
_SCALES = {
    "hundred": 10**2,
    "thousand": 10**3,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
    "dozen": 12,
}
_FILLERS = frozenset("of the a an in total altogether each long tall old left remaining away".split())
_REFUSED = frozenset(
    "more less fewer than or not at least most between minus plus times if but except because "
    "and over under to from with squared cubed factorial half halves third thirds quarter "
    "quarters tenths hundredths point divided multiplied power root base mod modulo out "
    "is isn are aren was wasn remainder choose through below above negative binary".split()
)


@dataclass(frozen=True, slots=True)
class Unit:
    """Dimensions to exponents, sorted; the factor to their base units; whether every word was known."""

    dimensions: tuple[tuple[str, int], ...]
    factor: Fraction
    known: bool = True


def _known_units() -> dict[str, tuple[str, Fraction]]:
    known = {}
    for dimension, names in _TABLE.items():
        for aliases, factor in names.items():
            for alias in aliases.split():
                known[alias] = (dimension, factor)
    return known


_KNOWN = _known_units()
_ATOM = re.compile(
    r"(?P<square>square|sq\.?|cubic)?\s*(?P<name>[A-Za-z$€£¢%]+)\.?\s*(?:\^?\{?(?P<power>-?[123])\}?)?$"
)


@lru_cache(maxsize=4096)
def read_unit(text: str) -> Unit | None:
    """The unit a phrase names; None when the phrase cannot be one ("more than x")."""
    phrase = re.sub(r"\s+", " ", text.replace("²", "^2").replace("³", "^3").replace("·", " ")).strip(" .")
    words = re.findall(r"[A-Za-z]+", phrase)
    if len(phrase) > 80 or not phrase or len(words) > 6 or _REFUSED & {word.lower() for word in words}:
        return None
    above, *below = re.split(r"\s*/\s*|\s+per\s+|\s+(?:an?|every)\s+(?=\w+$)", phrase)
    units = [_read_product(above), *map(_read_product, below)]
    if all(units):
        return _combined([unit for unit in units if unit])
    return None if re.search(r"\d", phrase) else _noun(words)  # 5 apples of 6 is another number too


def _combined(units: list[Unit]) -> Unit:
    exponents: dict[str, int] = {}
    factor, known = Fraction(1), True
    for index, unit in enumerate(units):
        sign = -1 if index else 1
        for dimension, exponent in unit.dimensions:
            exponents[dimension] = exponents.get(dimension, 0) + sign * exponent
        factor *= unit.factor**sign
        known = known and unit.known
    return Unit(tuple(sorted((d, e) for d, e in exponents.items() if e)), factor, known)


def _read_product(phrase: str) -> Unit | None:
    """One atom ("square feet", "cm^3", "kWh" is none), or a noun phrase."""
    found = _ATOM.match(phrase.strip())
    if found and (atom := _read_atom(found["name"])):
        power = int(found["power"] or {"s": 2, "c": 3}.get((found["square"] or " ")[0], 1))
        dimensions = tuple((dimension, exponent * power) for dimension, exponent in atom.dimensions)
        return Unit(dimensions, atom.factor**power)
    return None if re.search(r"\d", phrase) else _noun(re.findall(r"[A-Za-z]+", phrase))


def _read_atom(name: str) -> Unit | None:
    for form in (name, name.lower(), name.lower().removesuffix("s"), name.lower().removesuffix("es")):
        if form in _COMPOUND and form != _COMPOUND[form]:
            return read_unit(_COMPOUND[form])
        if form in _LITRES:
            return Unit((("length", 3),), _LITRES[form])
        if form in _KNOWN:
            dimension, factor = _KNOWN[form]
            return Unit(((dimension, 1),), factor)
    return None


def is_unit(word: str) -> bool:
    """Whether a word of two letters or more names a known unit, or was marked as text."""
    return len(word) > 1 and (word[0] == "«" or _read_atom(word) is not None)


def _noun(words: list[str]) -> Unit | None:
    """A dimension of its own for the head of a phrase: the last word that says something, in the singular."""
    said = [word.lower() for word in words if word.lower() not in _FILLERS]
    if not said:
        return None
    head = said[-1]
    singular = (
        head[:-3] + "y"
        if head.endswith("ies")
        else head.removesuffix("s")
        if not head.endswith("ss")
        else head
    )
    known = _read_atom(head)
    return known or Unit(((f"noun {singular}", 1),), Fraction(1), known=False)


def split_scale(text: str) -> tuple[Fraction, str]:
    """The factor that words such as "million" at the start bring, and the rest of the text."""
    factor = Fraction(1)
    while (found := re.match(r"\s*([A-Za-z]+)\b", text)) and found[1].lower() in _SCALES:
        factor *= _SCALES[found[1].lower()]
        text = text[found.end() :]
    return factor, text


def differ_by_conversion(ratio: Fraction, unit: Unit) -> bool:
    """Whether a number without a unit could be the same quantity in another unit of the dimension."""
    if len(unit.dimensions) != 1 or unit.dimensions[0][0] not in _TABLE:
        return False
    dimension, exponent = unit.dimensions[0]
    factors = {(unit.factor / factor**exponent) for factor in _TABLE[dimension].values()}
    return ratio in factors
