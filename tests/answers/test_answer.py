"""The text of an answer without its wrapping."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.answer import clean, plain, split_top, without_also

CLEANED = [
    (r"$\boxed{12}$", "12"),
    (r"\[ \boxed{\frac{1}{2}} \]", r"\frac{1}{2}"),
    ("**18**", "18"),
    ("The answer is 18.", "18"),
    (r"12\ \text{mph}", "12 «mph»"),
    (r"\{1, 2\}", "⦃1, 2⦄"),
    (r"x \leq 3", "x ≤ 3"),
    (r"90^\circ", "90°"),
    (r"50\%", "50%"),
    (r"\text{12}", "12"),
    (r"0.1\overline{6}", "(15/90)"),
]
ALSO = [
    ("8 (approximately 7.9)", "8"),
    ("1/3 ≈ 0.333", "1/3"),
    ("about 12", "about 12"),
]


@pytest.mark.parametrize(("text", "cleaned"), CLEANED)
def test_it_is_cleaned(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(("text", "kept"), ALSO)
def test_what_is_said_beside_the_exact_value_goes(text: str, kept: str) -> None:
    assert without_also(text) == kept


def test_brackets_keep_their_commas() -> None:
    assert split_top("(1, 2), {3, 4}", re.compile(",")) == ["(1, 2)", ",", " {3, 4}"]


@given(st.text(max_size=200))
def test_no_text_makes_it_raise(text: str) -> None:
    assert isinstance(plain(without_also(clean(text))), str)


@given(st.text(alphabet="(),{} 12", max_size=60))
def test_split_parts_make_the_text_again(text: str) -> None:
    assert "".join(split_top(text, re.compile(","))) == text
