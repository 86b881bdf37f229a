"""Exact arithmetic against high-precision numerics, and its bounds."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cftdata.answers.decimals import approximate
from cftdata.answers.exact import NotExact, compare, evaluate
from cftdata.answers.expression import read_expression

SAME = [
    ("2^{11/3}", r"8\sqrt[3]{4}"),
    (r"\frac{1}{1+\sqrt2}", r"\sqrt2-1"),
    (r"\frac{\sqrt3}{3}", r"\frac1{\sqrt3}"),
    ("(a+b)^3", "a^3+3a^2b+3ab^2+b^3"),
    (r"\sqrt{-4}", "2i"),
    ("i^2", "-1"),
    ("8^{2/3}", "4"),
    ("100!/98!", "9900"),
    ("x^{1/2}x^{1/2}", "x"),
    (r"\sqrt[3]{-8}", "-2"),
    ("e^{-1}", "1/e"),
]
APART = [
    ("(x+1)^60+1", "(x+1)^60"),
    ("2^1009/(2^1009+1009)", "2^1009/(2^1009+2018)"),
    ("10^{20}", "10^{20}+1"),
    ("(x-1)(x+2)", "(x+1)(x-2)"),
    (r"\sqrt2+\sqrt3", r"\sqrt5"),
    ("22/7", "\\pi"),
    ("x^2", "x^3"),
]
OPEN = [
    (r"\sqrt{x^2}", "x"),
    ("sin(x)^2", "sin(x^2)"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2"),
    ("\\pi+e", "6"),
    ("i^{1/2}", "1"),
]
BOUNDED = [
    ("9^{9^{9^9}}", "too_big"),
    ("1000000000!", "too_big"),
    ("(x+1)^{100000}", "too_big"),
    ("(x+y+z+w)^{30}", "too_big"),
    ("1/0", "undefined"),
    ("0^0", "undefined"),
    ("(-8)^{1/3}", "two_values"),
    ("3±1", "two_values"),
]


def _compare(left: str, right: str) -> bool | None:
    return compare(evaluate(read_expression(left)), evaluate(read_expression(right)))


@pytest.mark.parametrize(("left", "right"), SAME)
def test_the_same(left: str, right: str) -> None:
    assert _compare(left, right) is True


@pytest.mark.parametrize(("left", "right"), APART)
def test_apart(left: str, right: str) -> None:
    assert _compare(left, right) is False


@pytest.mark.parametrize(("left", "right"), OPEN)
def test_left_open(left: str, right: str) -> None:
    assert _compare(left, right) is None


@pytest.mark.parametrize(("text", "reason"), BOUNDED)
def test_bounds(text: str, reason: str) -> None:
    with pytest.raises(NotExact) as refusal:
        evaluate(read_expression(text))
    assert refusal.value.reason == reason


@st.composite
def constants(draw: st.DrawFn, depth: int = 3) -> tuple[str, mpmath.mpf]:
    """A random real constant: its LaTeX, and its value to 60 digits."""
    if depth == 0 or draw(st.booleans()):
        n, m = draw(st.integers(0, 12)), draw(st.integers(1, 9))
        leaf: tuple[str, mpmath.mpf] = draw(
            st.sampled_from(
                [
                    (str(n), mpmath.mpf(n)),
                    (rf"\frac{{{n}}}{{{m}}}", mpmath.mpf(n) / m),
                    (r"\pi", +mpmath.pi),
                    (rf"\sqrt{{{n}}}", mpmath.sqrt(n)),
                    (rf"\sqrt[3]{{{n}}}", mpmath.cbrt(n)),
                ]
            )
        )
        return leaf
    (a, x), (b, y) = draw(constants(depth - 1)), draw(constants(depth - 1))
    kind = draw(st.sampled_from("+-*/^"))
    if kind == "/":
        assume(abs(y) > 1e-30)
        return rf"\frac{{{a}}}{{{b}}}", x / y
    if kind == "^":
        return f"({a})^2", x**2
    return f"({a}){'*' if kind == '*' else kind}({b})", {"+": x + y, "-": x - y, "*": x * y}[kind]


@given(st.data())
def test_it_agrees_with_numbers_of_60_digits(data: st.DataObject) -> None:
    with mpmath.workdps(60):
        (left, x), (right, y) = data.draw(constants()), data.draw(constants())
        assume(abs(x) < 1e9 and abs(y) < 1e9)
        found = _compare(left, right)
        near = abs(x - y) < mpmath.mpf(10) ** -40
        assert found is None or found == near
        value = approximate(evaluate(read_expression(left)))
        assert value is None or abs(mpmath.mpf(str(value)) - x) < mpmath.mpf(10) ** -35
