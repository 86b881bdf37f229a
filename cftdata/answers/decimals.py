"""Exact values as decimals of 60 digits, for telling a rounding from a difference.

    >>> from cftdata.answers.exact import evaluate
    >>> from cftdata.answers.expression import read_expression
    >>> str(approximate(evaluate(read_expression("2^{11/3}"))))[:12]
    '12.699208415'

Source: Python's decimal arithmetic (IEEE 754-2008). Not covered: complex numbers, opaque parts.
"""

from __future__ import annotations

from decimal import Context, Decimal

from cftdata.answers.exact import Quotient, Sum, check_time, generators, is_opaque, variables

DIGITS = Context(prec=60, Emax=999_999, Emin=-999_999)
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459230781640628620899862803")
E = Decimal("2.71828182845904523536028747135266249775724709369995957496696762772407663035354759457138")


def approximate(value: Quotient) -> Decimal | None:
    """A real constant to 50 digits; None for variables, complex numbers and opaque parts."""
    if variables(value) or is_opaque(value) or "i" in generators(value):
        return None
    below = _decimal(value[1])
    return None if below == 0 else DIGITS.divide(_decimal(value[0]), below)


def _decimal(part: Sum) -> Decimal:
    total = Decimal(0)
    for monomial, coefficient in part.items():
        check_time()
        term = DIGITS.divide(Decimal(coefficient.numerator), Decimal(coefficient.denominator))
        for generator, exponent in monomial:
            base = {"pi": PI, "e": E}.get(generator) or Decimal(generator)
            ratio = DIGITS.divide(Decimal(exponent.numerator), Decimal(exponent.denominator))
            term = DIGITS.multiply(term, DIGITS.power(base, ratio))
        total = DIGITS.add(total, term)
    return total
