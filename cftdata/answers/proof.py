r"""Proofs and refutations with sympy, for what exact arithmetic leaves open. Runs in the killable worker.

Numeric probing may refute only: it says `different` when two sides differ at a point by far more than
the error of evaluation. `equal` needs a difference that sympy reduces to a structural zero, or, for
algebraic numbers, a minimal polynomial of x. Decimals enter as exact rationals, never as floats.

    >>> from cftdata.answers.expression import read_expression
    >>> prove(read_expression(r"\sqrt{3+2\sqrt{2}}"), read_expression(r"1+\sqrt2"))
    'equal'

Polynomials with rational coefficients have the same zeros over C just when their squarefree parts are
proportional (Hilbert's Nullstellensatz). A reader may mean real zeros only (x^3 = 8 and x = 2), so that
`different` also needs a real zero of one that is none of the other.

Source: sympy (its simplify, minimal_polynomial, sqf_part); latex2sympy2_extended, math-verify's reader,
for LaTeX that our own reader refuses (sums, integrals, limits). Not covered: assumptions on variables; they
are complex to the prover and real to the prober.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

import sympy

from cftdata.answers.exact import Sum
from cftdata.answers.expression import Expression, Name, Number

Finding = Literal["equal", "different"]

PROBES = (("7/5", "11/3"), ("-13/7", "5/9"), ("1/3", "-17/5"), ("29/4", "8/11"), ("-2/9", "-23/6"))
MAX_POINTS = 300
N_DIGITS = 60
LIMIT = sympy.Rational(1, 10**45)
_LOG_BASE = sympy.Symbol("log_base", positive=True)  # "log" is to base 10, e or 2: nobody says which
_BASES = (sympy.Integer(10), sympy.E, sympy.Integer(2))


def prove(left: Expression, right: Expression) -> Finding | None:
    """`equal` with a proof, `different` with a refutation, None when neither is found."""
    return _decide(to_sympy(left), to_sympy(right))


_LOSSY = re.compile(r"\\[lc]?dots|\.\.|[A-Z]|\\(?:phantom|mathcal|mathfrak|mathscr|partial)(?![A-Za-z])")
"""What math-verify's reader leaves out, or makes small letters of."""


def prove_latex(left: str, right: str) -> Finding | None:
    """The same for two LaTeX texts that only math-verify's reader can read."""
    from latex2sympy2_extended import latex2sympy

    if any(_LOSSY.search(text) for text in (left, right)):
        return None
    try:
        sides = [latex2sympy(text) for text in (left, right)]
    except Exception:  # what it raises is not listed anywhere: it cannot read the text
        return None
    if not all(isinstance(side, sympy.Expr) for side in sides):
        return None
    # It lowers letters, and takes \\mathcal{M} and \\num{5} for names of its own: names must be sure.
    names = [{symbol.name for symbol in side.free_symbols} for side in sides]
    if names[0] != names[1] or any(not name.isalpha() or len(name) > 1 for name in names[0]):
        return None
    return _decide(*(sympy.nsimplify(side.doit(), rational=True) for side in sides))


def match_zeros(left: Sum, right: Sum) -> Finding | None:
    """Whether two polynomials over Q have the same zeros; None when they differ in no known real zero."""
    names = sorted({name for part in (left, right) for monomial in part for name, _ in monomial})
    one, other = (_to_polynomial(part, names).sqf_part().monic() for part in (left, right))
    if one == other:
        return "equal"
    common = one.gcd(other)
    return "different" if any(_has_real_zeros(side.quo(common)) for side in (one, other)) else None


def _to_polynomial(part: Sum, names: list[str]) -> Any:
    symbols = sympy.symbols([f"x{index}" for index in range(len(names) or 1)])
    terms = {
        tuple(int(dict(monomial).get(name, 0)) for name in names) or (0,): sympy.Rational(
            coefficient.numerator, coefficient.denominator
        )
        for monomial, coefficient in part.items()
    }
    return sympy.Poly.from_dict(terms, *symbols, domain="QQ")


def _has_real_zeros(polynomial: Any) -> bool:
    """Whether a squarefree polynomial that shares no factor with another one has real zeros that are not
    zeros of the other. Where it changes sign, one of its real factors does, and a polynomial that is zero
    on all real zeros of such a factor is divisible by it (Bochnak, Coste, Roy 1998, "Real algebraic
    geometry", theorem 4.5.1)."""
    if len(polynomial.gens) == 1:
        return bool(polynomial.count_roots())
    return {1, -1} <= {sympy.sign(polynomial.eval(point)) for point in _points(polynomial)}


def _points(polynomial: Any) -> Iterator[tuple[Any, ...]]:
    """Some points near zero, some far beyond every coefficient, and where a quadratic has its extremum."""
    symbols = polynomial.gens
    far = 1 + sum(map(abs, polynomial.coeffs()))
    for point in itertools.islice(itertools.product((0, 1, -1, 3, -3), repeat=len(symbols)), MAX_POINTS):
        yield point
        yield tuple(far * place for place in point)
    zero = (0,) * len(symbols)
    slopes = [polynomial.diff(symbol) for symbol in symbols]
    bends = sympy.Matrix([[slope.diff(symbol).eval(zero) for symbol in symbols] for slope in slopes])
    if bends.det() != 0:
        yield tuple(bends.LUsolve(-sympy.Matrix([slope.eval(zero) for slope in slopes])))


def value(expression: Expression) -> Decimal | None:
    """A real constant to 60 digits, or None."""
    number = to_sympy(expression)
    if number.free_symbols or number.has(sympy.zoo, sympy.nan, sympy.oo):
        return None
    found = number.evalf(N_DIGITS)
    return Decimal(str(found)) if found.is_Float or found.is_Rational else None


def _decide(left: Any, right: Any) -> Finding | None:
    if any(side.has(sympy.zoo, sympy.nan) for side in (left, right)):
        return None
    difference = left - right
    if difference == 0:
        return "equal"
    if _refuted(left, right):
        return "different"
    return "equal" if _is_zero(difference) else None


def _refuted(left: Any, right: Any) -> bool:
    """Whether some point tells the sides apart; points where a side is not a real number do not count."""
    symbols = sorted(left.free_symbols | right.free_symbols, key=str)
    if _LOG_BASE in symbols:
        return all(_refuted(left.subs(_LOG_BASE, base), right.subs(_LOG_BASE, base)) for base in _BASES)
    if not symbols:
        return _apart(left, right, complex_too=True)
    points = [dict(zip(symbols, _spread(pair, len(symbols)), strict=True)) for pair in PROBES]
    return any(_apart(left.subs(point), right.subs(point), complex_too=False) for point in points)


def _spread(pair: tuple[str, str], n: int) -> list[Any]:
    """n different rationals from a pair."""
    first, second = map(sympy.Rational, pair)
    return [first + index * second / 7 for index in range(n)]


def _apart(left: Any, right: Any, *, complex_too: bool) -> bool:
    a, b = left.evalf(N_DIGITS), right.evalf(N_DIGITS)
    if not (a.is_number and b.is_number and a.is_finite and b.is_finite):
        return False
    if not complex_too and not (a.is_real and b.is_real):
        return False
    gap = abs(a - b)
    return bool(gap > LIMIT * (1 + abs(a) + abs(b)))


def _is_zero(difference: Any) -> bool:
    for simplify in (sympy.expand, sympy.simplify, sympy.sqrtdenest, sympy.trigsimp, sympy.radsimp):
        if simplify(difference) == 0:
            return True
    if not difference.free_symbols and difference.is_algebraic:
        x = sympy.Symbol("x")
        return bool(sympy.minimal_polynomial(difference, x) == x)
    return False


def to_sympy(expression: Expression) -> Any:
    """The sympy expression; `ValueError` for an operation it has no counterpart of."""
    if isinstance(expression, Number):
        return sympy.Rational(expression.value.numerator, expression.value.denominator)
    if isinstance(expression, Name):
        constants = {"pi": sympy.pi, "e": sympy.E, "i": sympy.I, "oo": sympy.oo}
        return constants.get(expression.name) or sympy.Symbol(expression.name)
    args = [to_sympy(arg) for arg in expression.args]
    if expression.op in ("+", "*"):
        return (sympy.Add if expression.op == "+" else sympy.Mul)(*args)
    if expression.op == "log":
        return sympy.log(args[0]) / sympy.log(args[1] if len(args) > 1 else _LOG_BASE)
    if expression.op not in _OPERATIONS:
        raise ValueError(f"no operation {expression.op!r}")
    return _OPERATIONS[expression.op](*args)


def _root(base: Any, order: Any) -> Any:
    return sympy.real_root(base, order) if base.is_negative and order.is_odd else base ** (1 / order)


_OPERATIONS: dict[str, Any] = {
    "neg": lambda a: -a,
    "/": lambda a, b: a / b,
    "^": lambda a, b: a**b,
    "%": lambda a: a / 100,
    "deg": lambda a: a * sympy.pi / 180,
    "root": _root,
    "!": sympy.factorial,
    "cbrt": lambda a: _root(a, sympy.Integer(3)),
    "sqrt": sympy.sqrt,
    "ln": sympy.log,
    "abs": sympy.Abs,
    "floor": sympy.floor,
    "ceil": sympy.ceiling,
    "arcsin": sympy.asin,
    "arccos": sympy.acos,
    "arctan": sympy.atan,
    "max": sympy.Max,
    "min": sympy.Min,
    **{
        name: getattr(sympy, name)
        for name in (
            "sin",
            "cos",
            "tan",
            "cot",
            "sec",
            "csc",
            "sinh",
            "cosh",
            "tanh",
            "exp",
            "gcd",
            "lcm",
            "binomial",
        )
    },
    "binom": sympy.binomial,
}
