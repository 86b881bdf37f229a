r"""Exact arithmetic on expressions: when two of them are provably the same, or provably not.

A value is a quotient of two sums of monomials: a rational coefficient times powers of *generators*
(primes under a root, pi, e, i, variables, and opaque parts such as sin x). Products p1^a1 * p2^a2 * ...
of primes with exponents in [0, 1) are linearly independent over Q (Besicovitch 1940, "On the linear
independence of fractional powers of integers"), hence over Q(i) since they are real, and pi, or e, is
transcendental over the algebraic numbers (Lindemann 1882). So equal forms prove equality always, and
unequal forms prove inequality where no opaque part is in them and not both pi and e are.

    >>> from cftdata.answers.expression import read_expression
    >>> compare(evaluate(read_expression("2^{11/3}")), evaluate(read_expression(r"8\sqrt[3]{4}")))
    True

Not covered: simplifying opaque parts (trigonometry, logarithms, nested roots): `proof` has sympy for
them. Everything is bounded: what would grow past the bounds is `NotExact`.
"""

from __future__ import annotations

import math
import threading
from fractions import Fraction
from functools import lru_cache
from time import monotonic

from cftdata.answers.expression import Expression, Name, Number
from cftdata.answers.primes import factorise

MAX_TERMS = 1_500
MAX_BITS = 40_000
MAX_POWER = 5_000
MAX_WORK = 30_000  # products of monomials in one evaluation: a quarter of a second

Monomial = tuple[tuple[str, Fraction], ...]  # (generator, exponent != 0), sorted by generator
Sum = dict[Monomial, Fraction]  # no zero coefficient; {} is 0
Quotient = tuple[Sum, Sum]  # numerator, denominator (never {})

ONE: Sum = {(): Fraction(1)}


class NotExact(ValueError):
    """Outside of exact arithmetic, or past its bounds; `reason` is a slug."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_work = threading.local()


def limit_time(deadline: float) -> None:
    """In this thread, arithmetic past this reading of `monotonic` is `NotExact` with reason `time_limit`."""
    _work.deadline = deadline


def check_time() -> None:
    """`NotExact` when this thread's deadline is over."""
    if monotonic() > getattr(_work, "deadline", math.inf):
        raise NotExact("time_limit")


@lru_cache(maxsize=16384)
def evaluate(expression: Expression) -> Quotient:
    """The exact form of an expression; `NotExact` when it is too big, undefined (1/0) or has two values."""
    _work.left = MAX_WORK
    return _evaluate(expression)


def _spend(n_products: int) -> None:
    _work.left = getattr(_work, "left", MAX_WORK) - n_products
    if _work.left < 0:
        raise NotExact("too_big")


def _evaluate(expression: Expression) -> Quotient:
    if isinstance(expression, Number):
        return _constant(expression.value), ONE
    if isinstance(expression, Name):
        if expression.name == "oo":
            raise NotExact("infinite")
        return {((expression.name, Fraction(1)),): Fraction(1)}, ONE
    if expression.op == "^":
        return power(_evaluate(expression.args[0]), _evaluate(expression.args[1]))
    args = [_evaluate(arg) for arg in expression.args]
    if expression.op in ("+", "*"):
        return _fold(expression.op, args)
    return _apply(expression.op, args)


def _fold(op: str, args: list[Quotient]) -> Quotient:
    result = args[0]
    for arg in args[1:]:
        result = add(result, arg) if op == "+" else multiply(result, arg)
    return result


def _apply(op: str, args: list[Quotient]) -> Quotient:
    first = args[0]
    if op == "neg":
        return multiply(first, (_constant(Fraction(-1)), ONE))
    if op == "/":
        return divide(first, args[1])
    if op == "%":
        return multiply(first, (_constant(Fraction(1, 100)), ONE))
    if op == "deg":
        return multiply(first, ({(("pi", Fraction(1)),): Fraction(1, 180)}, ONE))
    if op == "root":
        return root(first, args[1])
    if op == "pm":
        raise NotExact("two_values")
    if op == "exp":
        return power(({(("e", Fraction(1)),): Fraction(1)}, ONE), first)
    rationals = [rational(arg) for arg in args]
    if all(value is not None for value in rationals):
        value = _of_rationals(op, [value for value in rationals if value is not None])
        if value is not None:
            return _constant(value), ONE
    return opaque(op, args)


def _of_rationals(op: str, values: list[Fraction]) -> Fraction | None:
    """Functions of rational numbers with a rational value; None for the others."""
    integers = [int(value) for value in values if value.denominator == 1]
    if op == "abs":
        return abs(values[0])
    if op in ("floor", "ceil"):
        return Fraction(math.floor(values[0]) if op == "floor" else math.ceil(values[0]))
    if op in ("max", "min"):
        return max(values) if op == "max" else min(values)
    if len(integers) != len(values):
        return None
    if op == "!":
        if not 0 <= integers[0] <= 1_000:
            raise NotExact("too_big" if integers[0] > 0 else "undefined")
        return Fraction(math.factorial(integers[0]))
    if op in ("gcd", "lcm"):
        return Fraction(math.gcd(*integers) if op == "gcd" else math.lcm(*integers))
    if op == "binom" and len(integers) == 2:
        if not 0 <= integers[1] <= integers[0] <= 2_000:
            raise NotExact("too_big")
        return Fraction(math.comb(*integers))
    return None


def _constant(value: Fraction) -> Sum:
    return {(): value} if value else {}


def rational(value: Quotient) -> Fraction | None:
    """The rational number it is, or None."""
    above, below = value
    if set(above) <= {()} and set(below) == {()}:
        return above.get((), Fraction(0)) / below[()]
    return None


def add(left: Quotient, right: Quotient) -> Quotient:
    if left[1] == right[1]:
        return _sum(left[0], right[0]), left[1]
    return (_sum(_product(left[0], right[1]), _product(right[0], left[1])), _product(left[1], right[1]))


def multiply(left: Quotient, right: Quotient) -> Quotient:
    return _product(left[0], right[0]), _product(left[1], right[1])


def divide(left: Quotient, right: Quotient) -> Quotient:
    if not right[0]:
        raise NotExact("undefined")
    return _product(left[0], right[1]), _product(left[1], right[0])


def _sum(left: Sum, right: Sum) -> Sum:
    result = dict(left)
    for monomial, coefficient in right.items():
        total = result.get(monomial, Fraction(0)) + coefficient
        if total:
            result[monomial] = total
        else:
            result.pop(monomial, None)
    return _bounded(result)


def _product(left: Sum, right: Sum) -> Sum:
    if len(left) * len(right) > 20 * MAX_TERMS:
        raise NotExact("too_big")
    _spend(len(left) * len(right))
    if ONE in (left, right):
        return right if left == ONE else left
    result: Sum = {}
    for monomial_left, coefficient_left in left.items():
        check_time()
        for monomial_right, coefficient_right in right.items():
            monomial, factor = _monomial_product(monomial_left, monomial_right)
            total = result.get(monomial, Fraction(0)) + coefficient_left * coefficient_right * factor
            if total:
                result[monomial] = total
            else:
                result.pop(monomial, None)
    return _bounded(result)


def _bounded(value: Sum) -> Sum:
    if (
        len(value) > MAX_TERMS
        or sum(c.numerator.bit_length() + c.denominator.bit_length() for c in value.values()) > MAX_BITS * 4
    ):
        raise NotExact("too_big")
    return value


def _monomial_product(left: Monomial, right: Monomial) -> tuple[Monomial, Fraction]:
    """The monomial, and the rational that whole powers of primes and of i bring out."""
    if not left or not right:
        return left or right, Fraction(1)
    if (
        len(left) == len(right) == 1
        and left[0][0] == right[0][0]
        and left[0][0][0].isalpha()
        and left[0][0] != "i"
    ):
        total = left[0][1] + right[0][1]
        return ((left[0][0], total),) if total else (), Fraction(1)
    exponents = dict(left)
    for generator, exponent in right:
        exponents[generator] = exponents.get(generator, Fraction(0)) + exponent
    factor = Fraction(1)
    for generator in list(exponents):
        if generator.isdecimal():
            whole = math.floor(exponents[generator])
            factor *= Fraction(int(generator)) ** whole
            exponents[generator] -= whole
        elif generator == "i" and exponents[generator].denominator == 1:
            turns = int(exponents[generator]) % 4
            factor *= -1 if turns in (2, 3) else 1
            exponents[generator] = Fraction(turns % 2)
    return tuple(sorted((g, e) for g, e in exponents.items() if e)), factor


def power(base: Quotient, exponent: Quotient) -> Quotient:
    """base ^ exponent for a rational exponent; opaque for the rest."""
    value = rational(exponent)
    if value is None:
        return opaque("^", [base, exponent])
    if value.denominator == 1:
        return _whole_power(base, int(value))
    number = rational(base)
    if number is not None and number < 0:
        raise NotExact("two_values")  # (-8)^(1/3): -2 to some, complex to others
    return _fractional_power(base, value)


def _whole_power(base: Quotient, exponent: int) -> Quotient:
    if exponent < 0:
        return _whole_power(divide((ONE, ONE), base), -exponent)
    if exponent == 0 and not base[0]:
        raise NotExact("undefined")
    return _sum_power(base[0], exponent), _sum_power(base[1], exponent)


def _sum_power(base: Sum, exponent: int) -> Sum:
    if len(base) > 1 and exponent > MAX_POWER:
        raise NotExact("too_big")
    bits = max((max(c.numerator.bit_length(), c.denominator.bit_length()) for c in base.values()), default=0)
    trivial = all(abs(c) == 1 for c in base.values()) and len(base) == 1
    if (bits * exponent > MAX_BITS and not trivial) or (
        len(base) > 1 and _n_terms(base, exponent) > MAX_TERMS
    ):
        raise NotExact("too_big")
    result, square = ONE, base
    while exponent:
        if exponent & 1:
            result = _product(result, square)
        exponent >>= 1
        square = _product(square, square) if exponent else square
    return result


def _n_terms(base: Sum, exponent: int) -> int:
    """At most so many monomials has a power of a sum: exponent + k - 1 over k - 1."""
    return math.comb(exponent + len(base) - 1, min(len(base) - 1, 30))


def root(base: Quotient, order: Quotient) -> Quotient:
    """The principal root; for odd orders of negative rationals the real one, as the sign is meant."""
    degree = rational(order)
    if degree is None or degree.denominator != 1 or not 2 <= degree <= 1_000:
        raise NotExact("unreadable")
    number = rational(base)
    if number is not None and number < 0:
        positive = _fractional_power((_constant(-number), ONE), 1 / degree)
        if degree % 2:
            return multiply(positive, (_constant(Fraction(-1)), ONE))
        if degree == 2:
            return multiply(positive, ({(("i", Fraction(1)),): Fraction(1)}, ONE))
        raise NotExact("two_values")
    return _fractional_power(base, 1 / degree)


def _fractional_power(base: Quotient, exponent: Fraction) -> Quotient:
    """Sound on the principal branch: positive coefficient, positive generators, one bare variable at most."""
    if not base[0]:
        if exponent < 0:
            raise NotExact("undefined")
        return {}, ONE
    if len(base[0]) != 1 or set(base[1]) != {()}:
        return opaque("^", [base, (_constant(exponent), ONE)])
    [(monomial, coefficient)] = base[0].items()
    coefficient /= base[1][()]
    free = [(g, e) for g, e in monomial if not (g.isdecimal() or g in ("pi", "e"))]
    if coefficient < 0 or len(free) > 1 or (free and (free[0][1] != 1 or free[0][0] == "i")):
        return opaque("^", [base, (_constant(exponent), ONE)])
    try:
        number = _prime_power(coefficient, exponent)
    except NotExact as refusal:
        if refusal.reason != "no_factors":
            raise
        return opaque("^", [base, (_constant(exponent), ONE)])
    scaled = {tuple((g, e * exponent) for g, e in monomial): Fraction(1)}
    return multiply((number, ONE), (_product(scaled, ONE), ONE))


def _prime_power(value: Fraction, exponent: Fraction) -> Sum:
    """value ^ exponent for positive value, as one monomial in primes under roots."""
    _spend(max(value.numerator, value.denominator).bit_length() * 20)
    exponents = dict(_factors(value.numerator))
    for prime, count in _factors(value.denominator):
        exponents[prime] = exponents.get(prime, 0) - count
    if any(abs(count * exponent) > MAX_POWER for count in exponents.values()):
        raise NotExact("too_big")
    result: Sum = ONE
    for prime, count in exponents.items():
        total = count * exponent
        whole = math.floor(total)
        rest = total - whole
        monomial: Monomial = ((str(prime), rest),) if rest else ()
        if abs(whole) * prime.bit_length() > MAX_BITS:
            raise NotExact("too_big")
        result = _product(result, {monomial: Fraction(prime) ** whole})
    return result


def _factors(value: int) -> tuple[tuple[int, int], ...]:
    if value.bit_length() > MAX_BITS:
        raise NotExact("too_big")
    found = factorise(value)
    if found is None:
        raise NotExact("no_factors")
    return found


def opaque(op: str, args: list[Quotient]) -> Quotient:
    """A part that exact arithmetic cannot open: equal only to the same part of the same arguments."""
    key = f"{op}({';'.join(str(_sorted(arg)) for arg in args)})"
    if len(key) > 20_000:
        raise NotExact("too_big")
    return {((key, Fraction(1)),): Fraction(1)}, ONE


def _sorted(value: Quotient) -> tuple[object, ...]:
    """A text-stable form: the same for the same sums, with the denominator's first coefficient made 1."""
    above, below = value
    lead = below[min(below)]
    return tuple(sorted((m, c / lead) for m, c in above.items())), tuple(
        sorted((m, c / lead) for m, c in below.items())
    )


def generators(value: Quotient) -> set[str]:
    """Every generator in it."""
    return {generator for part in value for monomial in part for generator, _ in monomial}


def is_opaque(value: Quotient) -> bool:
    """Whether a part of it could not be opened."""
    return any("(" in generator for generator in generators(value))


def variables(value: Quotient) -> set[str]:
    """Its variables; opaque parts are not looked into."""
    return {g for g in generators(value) if not g.isdecimal() and g not in ("pi", "e", "i") and "(" not in g}


def compare(left: Quotient, right: Quotient) -> bool | None:
    """True when provably the same, False when provably not, None when exact arithmetic cannot tell."""
    _work.left = MAX_WORK
    if _product(left[0], right[1]) == _product(right[0], left[1]):
        return True
    if is_opaque(left) or is_opaque(right) or {"pi", "e"} <= generators(left) | generators(right):
        return None
    return False
