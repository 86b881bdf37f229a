"""Equations told in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.claims.told import find_told


@pytest.mark.parametrize(
    ("text", "sides"),
    [
        ("So 12 times 3 is 36.", ["12 times 3", "36"]),
        ("Thus 5 plus 3 equals 9, and", ["5 plus 3", "9"]),
        ("Since √50 is about 7.07, ", ["√50", "7.07"]),
        ("Half of 30 is 15", ["Half of 30", "15"]),
        ("The sum of 14 and 27 is 41.", ["The sum of 14 and 27", "41"]),
        ("subtracting 5 from 12 gives 7", ["subtracting 5 from 12", "7"]),
        ("25% of $80 is $20", ["25% of $80", "$20"]),
    ],
)
def test_it_is_found(text: str, sides: list[str]) -> None:
    assert [[side.text for side in told.sides] for told in find_told(text)] == [sides]


@pytest.mark.parametrize(
    "text",
    [
        "Step 2 is 5 lines long.",
        "The number of ways to choose 2 is 10.",
        "The sum of 5 and 12 times 3 is 41.",
        "2/5 is 12 hectares.",
        "12 times 3 is 4 times 9.",
        "30% of 60 is 0.3 * 60.",
        "12 - 8 is 4 more than 0.",
    ],
)
def test_it_tells_no_equation(text: str) -> None:
    assert list(find_told(text)) == []


@given(st.text(alphabet=st.sampled_from("0123456789 .,%$√+-*/isequalgvtmofhn\n"), max_size=200))
def test_sides_lie_in_the_text(text: str) -> None:
    for told in find_told(text):
        assert all(text[side.start : side.end] == side.text for side in told.sides)
