"""Two expressions: exact, proved, rounded; and the time it may take."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.answer import Answer
from cftdata.answers.equality import (
    DIFFERENT,
    EXACT,
    ROUNDED,
    AnswerMatch,
    Budget,
    all_of,
    in_worker,
    match_expressions,
    read_written,
)
from cftdata.answers.exact import NotExact
from cftdata.answers.expression import read_expression

UNKNOWN = AnswerMatch("unknown", "undecided")
ROUNDINGS = [
    ("0.333", "1/3", ROUNDED),
    ("0.33", "1/3", DIFFERENT),  # two digits are too few
    ("0.334", "1/3", DIFFERENT),
    ("-0.667", "-2/3", ROUNDED),
    ("12.70", "12.7", EXACT),
    (r"1.24 \times 10^{-8}", r"1.239 \times 10^{-8}", ROUNDED),
    ("0.841", r"\sin(1)", ROUNDED),
    ("0.842", r"\sin(1)", AnswerMatch("different", "refuted")),
]


def _match(left: str, right: str, timeout_s: float = 3.0) -> AnswerMatch:
    one, other = (Answer("value", text, read_expression(text)) for text in (left, right))
    return match_expressions(one, other, Fraction(1), Budget(timeout_s))


@pytest.mark.parametrize(("left", "right", "match"), ROUNDINGS)
def test_roundings_both_ways(left: str, right: str, match: AnswerMatch) -> None:
    assert _match(left, right) == _match(right, left) == match


def test_no_time_is_told_apart_from_no_proof() -> None:
    with pytest.raises(NotExact, match="time_limit"):
        _match("1", "2", timeout_s=0.0)


def test_a_crash_is_told_and_marks_the_budget() -> None:
    budget = Budget(3.0)
    assert in_worker("no_such_function", budget=budget) == AnswerMatch("unknown", "crashed")
    assert budget.interrupted


def test_one_difference_decides() -> None:
    assert all_of([EXACT, UNKNOWN, DIFFERENT]) == DIFFERENT
    assert all_of([EXACT, UNKNOWN]) == UNKNOWN
    assert all_of([EXACT, ROUNDED]) == ROUNDED
    assert all_of([]).outcome == "equal"


@given(st.fractions(-1000, 1000), st.integers(1, 6))
def test_a_number_equals_its_own_rounding(value: Fraction, places: int) -> None:
    text = f"{Decimal(round(value * 10**places)).scaleb(-places):f}"
    match = _match(text, f"({value.numerator})/{value.denominator}")
    written = read_written(read_expression(text))
    assert written is not None
    assert (match.outcome == "equal") == (written.n_significant >= 3 or value == written.value)
