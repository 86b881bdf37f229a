"""Reading mathematics as people type it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.expression import read_expression
from cftdata.answers.tokens import MAX_CHARS, Unreadable, tokenize

READ = [
    (r"8\sqrt[3]{4}", "(* 8 (root 4 3))"),
    ("8∛4", "(* 8 (root 4 3))"),
    ("1 1/2", "3/2"),
    (r"1\frac{1}{2}", "3/2"),
    (r"1\frac12", "3/2"),
    ("2½", "5/2"),
    (r"\frac12", "(/ 1 2)"),
    (r"\dfrac{1}{2}x", "(* (/ 1 2) x)"),
    ("-2^2", "(neg (^ 2 2))"),
    ("2³", "(^ 2 3)"),
    ("2^{-3}", "(^ 2 (neg 3))"),
    ("a/b/c", "(/ (/ a b) c)"),
    ("2^3^2", "(^ 2 (^ 3 2))"),
    ("1.24e-8", "31/2500000000"),
    ("2e", "(* 2 e)"),
    (r"\sin^2 x", "(^ (sin x) 2)"),
    (r"\log_{10} 100", "(log 100 10)"),
    ("|x-1|", "(abs (+ x (neg 1)))"),
    ("x_1 + x_{12}", "(+ x_1 x_12)"),
    ("1,234.5", "2469/2"),
    (r"1{,}234", "1234"),
    ("5!", "(! 5)"),
    (r"\binom{5}{2}", "(binom 5 2)"),
    (r"50\%", "(% 50)"),
    (r"90^\circ", "(deg 90)"),
    ("θ", "theta"),
    ("2π", "(* 2 pi)"),
    ("−3 × 4", "(* (neg 3) 4)"),
]

REFUSED = [
    ("1/2x", "ambiguous"),
    (r"\sin^{-1} x", "ambiguous"),
    ("twelve", "words"),
    ("3 4", "unreadable"),
    ("(1", "unreadable"),
    ("", "unreadable"),
    ("é", "unreadable"),
    (r"\int x", "unknown_command"),
    ("(" * 200 + "1" + ")" * 200, "too_deep"),
    ("1+" * 900 + "1", "too_long"),
    ("9" * 500, "too_big"),
]


@pytest.mark.parametrize(("text", "tree"), READ)
def test_it_is_read(text: str, tree: str) -> None:
    assert str(read_expression(text)) == tree


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_it_is_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read_expression(text)
    assert refusal.value.reason == reason


def _reason(read: Callable[[str], object], text: str) -> str:
    """The reason of a refusal, "" when it was read; any other exception is a fault."""
    try:
        read(text)
    except Unreadable as refusal:
        return refusal.reason or "none given"
    return ""


@given(st.text(alphabet=st.sampled_from("0123456789.,+-*/^!%()[]{}|\\ sqrtfacxeiπ√∛²³½_°=<>$"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert _reason(read_expression, text) != "none given"


@given(st.text(max_size=MAX_CHARS + 50))
def test_any_text_is_cut_into_tokens_or_refused(text: str) -> None:
    assert _reason(tokenize, text) != "none given"
