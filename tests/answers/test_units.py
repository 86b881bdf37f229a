"""Units: exact factors, and words that are none."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.units import Unit, differ_by_conversion, is_unit, read_unit, split_scale

RATIOS = [
    ("km/h", "m/s", Fraction(5, 18)),
    ("mph", "miles per hour", Fraction(1)),
    ("sq ft", "square feet", Fraction(1)),
    ("ft^2", "square inches", Fraction(144)),
    ("cm³", "mL", Fraction(1)),
    ("dollars", "cents", Fraction(100)),
    ("years", "months", Fraction(12)),
    ("eggs", "egg", Fraction(1)),
    ("berries", "berry", Fraction(1)),
]
NO_UNITS = ["", "more than x", "less", "x" * 81, "one two three four five six seven"]


def _read(text: str) -> Unit:
    unit = read_unit(text)
    assert unit is not None
    return unit


@pytest.mark.parametrize(("one", "other", "ratio"), RATIOS)
def test_the_factor_between_two_units(one: str, other: str, ratio: Fraction) -> None:
    assert _read(one).dimensions == _read(other).dimensions
    assert _read(one).factor / _read(other).factor == ratio


@pytest.mark.parametrize("text", NO_UNITS)
def test_no_unit(text: str) -> None:
    assert read_unit(text) is None


def test_an_unknown_noun_is_a_dimension_of_its_own() -> None:
    assert not _read("eggs").known
    assert _read("eggs").dimensions != _read("dollars").dimensions
    assert is_unit("km")
    assert not is_unit("eggs")


def test_scales_and_conversions() -> None:
    assert split_scale("million dollars") == (Fraction(10**6), " dollars")
    assert split_scale("dollars") == (Fraction(1), "dollars")
    assert differ_by_conversion(Fraction(100), _read("m"))
    assert not differ_by_conversion(Fraction(7), _read("m"))


@given(st.text(max_size=100))
def test_no_text_makes_it_raise(text: str) -> None:
    unit = read_unit(text)
    assert unit is None or unit.factor > 0
