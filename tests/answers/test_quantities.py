"""Values with units against values with, or without."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.equality import Budget
from cftdata.answers.quantities import match_quantities, match_with_one_unit
from cftdata.answers.value import read_value

BOTH = [
    ("5 km", "5000 m", "equal"),
    ("5 km", "50 m", "different"),
    ("5 km", "5 kg", "different"),
    ("90 minutes", "1.5 hours", "equal"),
    ("36 km/h", "10 meters per second", "equal"),
    ("$1.50", "150 cents", "equal"),
    ("5 apples", "5 oranges", "unknown"),
    ("2 years", "2 hours", "unknown"),
]
ONE = [
    ("5 km", "5", "equal"),
    ("5 km", "6", "different"),
    ("5 km", "5000", "unknown"),  # metres, most likely
    ("50%", "0.5", "equal"),
    ("50%", "50", "unknown"),
    ("180°", r"\pi", "equal"),
]


@pytest.mark.parametrize(("left", "right", "outcome"), BOTH)
def test_both_have_a_unit(left: str, right: str, outcome: str) -> None:
    one, other = read_value(left), read_value(right)
    assert match_quantities(one, other, Budget(3.0)).outcome == outcome
    assert match_quantities(other, one, Budget(3.0)).outcome == outcome


@pytest.mark.parametrize(("united", "bare", "outcome"), ONE)
def test_only_one_has_a_unit(united: str, bare: str, outcome: str) -> None:
    assert match_with_one_unit(read_value(united), read_value(bare), Budget(3.0)).outcome == outcome


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_metres_are_centimetres(n: int, m: int) -> None:
    match = match_quantities(read_value(f"{n} m"), read_value(f"{m} cm"), Budget(3.0))
    assert match.outcome == ("equal" if 100 * n == m else "different")
