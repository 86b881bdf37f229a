"""Intervals, inequalities and equations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers import match_answers

PAIRS = [
    (r"(1, \infty)", "x > 1", "equal"),
    ("[1, 2]", "(1, 2]", "different"),
    (r"[0,1] \cup [1,2]", "[0,2]", "equal"),
    (r"(0,1) \cup (1,2)", "(0,2)", "different"),
    ("-2x > 6", "x < -3", "equal"),
    ("-2x > 6", "x > -3", "different"),
    ("y = 2x + 1", "2x - y + 1 = 0", "equal"),
    ("y = 2x + 1", "y = 2x - 1", "different"),
    ("x^2 + y^2 = 25", "2x^2 + 2y^2 = 50", "equal"),
    ("x^2 + y^2 = 25", "x^2 + y^2 = 5", "different"),
    ("x^2 = 4", "x = 2", "different"),
    ("(x-1)^2 = 0", "x = 1", "equal"),
    ("y = x^2", "x = y^2", "different"),
    ("x^3 = 8", "x = 2", "unknown"),  # the same for real x only
    ("x^2 = 4", "t^2 = 4", "unknown"),  # perhaps the same by another name
    (r"x^2 = \pi", "x^2 = 3", "unknown"),
    ("1/x = 2", "x^2 = 3", "unknown"),
    ("x^2 > 4", "x > 2", "unknown"),
]


@pytest.mark.parametrize(("left", "right", "outcome"), PAIRS)
def test_the_outcome_both_ways(left: str, right: str, outcome: str) -> None:
    assert match_answers(left, right).outcome == outcome
    assert match_answers(right, left).outcome == outcome


@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 9), st.integers(1, 9))
def test_a_circle_is_its_centre_and_radius(a: int, b: int, radius: int, other: int) -> None:
    circle = f"(x-({a}))^2 + (y-({b}))^2 = {radius**2}"
    expanded = f"x^2 + y^2 - 2*({a})*x - 2*({b})*y + {a * a + b * b} = {other**2}"
    assert match_answers(circle, expanded).outcome == ("equal" if radius == other else "different")
