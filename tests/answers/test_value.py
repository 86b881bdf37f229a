"""A number or an expression with the words around it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.expression import Number
from cftdata.answers.value import expression_or_none, read_compound, read_value

READ = [
    ("about 12", "12", None),
    ("12 miles per hour", "12", (("length", 1), ("time", -1))),
    ("5 m", "5", (("length", 1),)),
    ("5m", "(* 5 m)", None),
    ("$12.50", "25/2", (("dollar", 1),)),
    ("-$3", "(neg 3)", (("dollar", 1),)),
    ("50%", "50", (("percent", 1),)),
    ("90°", "90", (("angle", 1),)),
    ("forty-two", "42", None),
    ("18 eggs", "18", (("noun egg", 1),)),
]
TEXTS = [("he went home", "words"), ("12 more than x", "words"), ("1/2x", "ambiguous"), ("(1", "unreadable")]


@pytest.mark.parametrize(("text", "tree", "dimensions"), READ)
def test_it_is_read(text: str, tree: str, dimensions: object) -> None:
    answer = read_value(text)
    assert (answer.kind, str(answer.expression)) == ("value", tree)
    assert (answer.unit and answer.unit.dimensions) == dimensions


@pytest.mark.parametrize(("text", "reason"), TEXTS)
def test_the_rest_is_text_with_a_reason(text: str, reason: str) -> None:
    answer = read_value(text)
    assert (answer.kind, answer.mark) == ("text", reason)


def test_a_scale_and_a_compound() -> None:
    assert read_value("5 million dollars").scale == 10**6
    compound = read_compound("2 hours and 30 minutes")
    assert compound is not None
    assert compound.expression == Number(Fraction(150))
    assert read_compound("30 minutes 2 hours") is None


@given(st.text(max_size=80) | st.text(alphabet="12 .,-$%°xmkabot\\«»/", max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    assert read_value(text).kind in ("value", "text")
    expression_or_none(text)
    read_compound(text)
