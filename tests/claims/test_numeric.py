"""Every value that an expression with functions may mean."""

from __future__ import annotations

import math

import pytest

from cftdata.answers.exact import NotExact
from cftdata.answers.expression import read_expression
from cftdata.claims.numeric import read_values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\\sin 30^\\circ", 0.5),
        ("\\sin 30", 0.5),
        ("\\sin 30", math.sin(30)),
        ("\\log 1000", 3.0),
        ("\\log 8", 3.0),
        ("\\log_3 81", 4.0),
        ("\\ln(e^2)", 2.0),
        ("2 \\cdot \\arctan(1)", 90.0),
        ("2 \\cdot \\arctan(1)", math.pi / 2),
        ("\\exp(0) + 50%", 1.5),
    ],
)
def test_it_is_among_the_readings(text: str, value: float) -> None:
    assert any(math.isclose(value, read) for read in read_values(read_expression(text)))


UNDEFINED = ["\\sin x", "\\ln 0", "\\arcsin 2", "1/\\sin 0^\\circ", "\\exp(10^9)", "\\gcd(4, 6)"]


@pytest.mark.parametrize("text", UNDEFINED)
def test_what_has_no_value_is_not_exact(text: str) -> None:
    with pytest.raises(NotExact):
        read_values(read_expression(text))
