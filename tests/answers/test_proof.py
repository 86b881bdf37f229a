"""Proofs and refutations: equal only by proof, different only by a point that tells the sides apart."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cftdata.answers.exact import Sum, evaluate
from cftdata.answers.expression import read_expression
from cftdata.answers.proof import match_zeros, prove, prove_latex, to_sympy, value

PROOFS = [
    ("sin(2x)", "2sin(x)cos(x)", "equal"),
    (r"\sqrt{3+2\sqrt2}", r"1+\sqrt2", "equal"),
    (r"\log_2 8", "3", "equal"),
    (r"\sin^2 x", r"\sin x", "different"),
    (r"\sqrt{x^2}", "x", "different"),
    ("log(100)", "2", None),  # log to base 10, or e
    ("log(4)/log(2)", "2", "equal"),  # in any base
]
ZEROS = [
    ("x^2-4", "(x-2)(x+2)", "equal"),
    ("(x-1)^3(x+1)", "x^2-1", "equal"),
    ("(x+y)^2", "3x+3y", "equal"),
    ("x^2-4", "x-2", "different"),
    ("xy", "x", "different"),
    ("x^2-2", "x^2-3", "different"),
    ("x^3-8", "x-2", None),
    ("x^2+1", "x^2+2", None),
    ("x^2+y^2", "x^2+2y^2", None),
    ("1", "2", "equal"),
]


def _polynomial(text: str) -> Sum:
    return evaluate(read_expression(text))[0]


@pytest.mark.parametrize(("left", "right", "finding"), PROOFS)
def test_proofs(left: str, right: str, finding: str | None) -> None:
    assert prove(read_expression(left), read_expression(right)) == finding


@pytest.mark.parametrize(("left", "right", "finding"), ZEROS)
def test_zeros(left: str, right: str, finding: str | None) -> None:
    assert match_zeros(_polynomial(left), _polynomial(right)) == finding
    assert match_zeros(_polynomial(right), _polynomial(left)) == finding


LISTS = st.lists(st.integers(-6, 6), min_size=1, max_size=4)


@given(LISTS, LISTS)
def test_zeros_of_products(left: list[int], right: list[int]) -> None:
    products = ["".join(f"(x-({zero}))" for zero in zeros) for zeros in (left, right)]
    finding = match_zeros(*map(_polynomial, products))
    assert finding == ("equal" if set(left) == set(right) else "different")


@given(st.integers(-50, 50), st.integers(-50, 50))
def test_a_surd_equals_only_itself(a: int, b: int) -> None:
    assume(a != b)
    one, other = (read_expression(rf"\sin({n})+\sqrt2") for n in (a, b))
    assert prove(one, one) == "equal"
    assert prove(one, other) == "different"


def test_other_latex_and_values() -> None:
    assert prove_latex(r"\int_0^1 x dx", r"\frac{1}{2}") == "equal"
    assert prove_latex(r"\sum_{k=1}^{4} k", "11") == "different"
    assert abs((value(read_expression(r"\sqrt2")) or 0) - Decimal(2).sqrt()) < Decimal("1e-25")
    assert value(read_expression("x")) is None
    with pytest.raises(ValueError, match="pm"):
        to_sympy(read_expression("3±1"))


@pytest.mark.parametrize(("left", "right"), [
    (r"L + \int_0^1 x dx", r"l + \int_0^1 x dx"), (r"\mathcal{M}", r"\mathfrak{M}"), (r"\num{5}", "5"),
    (r"7 + \ldots + 9", "16"), (r"\hat{5}", "5"), (r"\vec{v}", "v"), (r"\foo{5}", "5"),
    (r"\langle 1,2\rangle", "1")])
def test_what_the_other_reader_invents_or_leaves_out_proves_nothing(left: str, right: str) -> None:
    assert prove_latex(left, right) is None
    assert prove_latex(right, left) is None
