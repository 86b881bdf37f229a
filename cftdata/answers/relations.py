r"""Intervals, inequalities and equations: the same set of points, or the same up to a constant factor.

    >>> from cftdata.answers.structure import read_answer
    >>> match_intervals(read_answer("1 < x"), read_answer(r"(1, \infty)"), Budget(3.0)).outcome
    'equal'

Source: elementary; polynomial equations go to `proof`. Not covered: solving anything but linear
inequalities in one variable; equations with roots, fractions or functions of the variables.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from cftdata.answers.answer import Answer, Bound
from cftdata.answers.decimals import approximate
from cftdata.answers.equality import (
    DIFFERENT,
    EXACT,
    AnswerMatch,
    Budget,
    all_of,
    in_worker,
    match_expressions,
)
from cftdata.answers.exact import (
    NotExact,
    Quotient,
    divide,
    evaluate,
    generators,
    is_opaque,
    rational,
    variables,
)
from cftdata.answers.expression import Call, Name, Number
from cftdata.answers.structure import as_interval


def match_intervals(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    if left.name and right.name and left.name != right.name:
        return AnswerMatch("unknown", "ambiguous")
    spans = [
        _merged(sorted(side.spans, key=lambda span: _order(span[0], Decimal("-Infinity"))))
        for side in (left, right)
    ]
    if len(spans[0]) != len(spans[1]):
        return AnswerMatch("different", "size")
    results = [
        _match_bounds(a, b, budget)
        for one, other in zip(*spans, strict=True)
        for a, b in zip(one, other, strict=True)
    ]
    return all_of(results)


def _order(bound: Bound, infinite: Decimal) -> Decimal:
    """Where a bound lies; `NotExact` for one that is no real constant."""
    if bound.value is None:
        return infinite
    place = approximate(evaluate(bound.value))
    if place is None:
        raise NotExact("undecided")
    return place


def _merged(spans: list[tuple[Bound, Bound]]) -> list[tuple[Bound, Bound]]:
    """Sorted spans, those that touch or overlap made one: [0,1], [1,2] are [0,2]; (1,2), (2,3) stay two."""
    merged = spans[:1]
    for low, high in spans[1:]:
        last_low, last_high = merged[-1]
        gap = _order(low, Decimal("-Infinity")).compare(_order(last_high, Decimal("Infinity")))
        if gap > 0 or (gap == 0 and not (low.closed or last_high.closed)):
            merged.append((low, high))
        else:
            merged[-1] = (last_low, max(last_high, high, key=_reach))
    return merged


def _reach(high: Bound) -> tuple[Decimal, bool]:
    return _order(high, Decimal("Infinity")), high.closed


def _match_bounds(left: Bound, right: Bound, budget: Budget) -> AnswerMatch:
    if left.value is None or right.value is None or left.closed != right.closed:
        return EXACT if left == right else DIFFERENT
    return match_expressions(
        Answer("value", "", left.value), Answer("value", "", right.value), Fraction(1), budget
    )


def match_interval_with_tuple(interval: Answer, pair: Answer, budget: Budget) -> AnswerMatch:
    read = as_interval(pair)
    return match_intervals(interval, read, budget) if read else AnswerMatch("unknown", "kind")


def match_relations(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """Equations and inequalities: the same up to a constant factor; other linear ones are different."""
    spans = [_solved(side) for side in (left, right)]
    if spans[0] and spans[1]:
        return match_intervals(spans[0], spans[1], budget)
    if left.mark != right.mark:
        return AnswerMatch("unknown", "kind")
    assert left.expression is not None
    assert right.expression is not None
    one, other = evaluate(left.expression), evaluate(right.expression)
    if not one[0] or not other[0]:
        return AnswerMatch("unknown", "ambiguous")
    ratio = rational(_reduced(one, other))
    if ratio is not None and (left.mark == "=" or ratio > 0):
        return EXACT
    if _is_linear(one) and _is_linear(other):
        return DIFFERENT
    if left.mark == "=":
        return _match_polynomial_equations(one, other, budget)
    return AnswerMatch("unknown", "undecided")


def _match_polynomial_equations(one: Quotient, other: Quotient, budget: Budget) -> AnswerMatch:
    """x^2 = 4 against x = 2. In other variables (x^2 = 4, t^2 = 4) it may be the same by another name."""
    if not (_is_polynomial(one) and _is_polynomial(other)):
        return AnswerMatch("unknown", "undecided")
    names = [variables(one), variables(other)]
    if not (names[0] <= names[1] or names[1] <= names[0]):
        return AnswerMatch("unknown", "ambiguous")
    return in_worker("match_zeros", one[0], other[0], budget=budget)


def _is_polynomial(form: Quotient) -> bool:
    """In variables, with rational coefficients."""
    exponents = {exponent for monomial in form[0] for _, exponent in monomial}
    return (
        set(form[1]) == {()}
        and generators(form) == variables(form)
        and all(exponent.denominator == 1 and exponent > 0 for exponent in exponents)
    )


def _solved(relation: Answer) -> Answer | None:
    """-x > 3 as x < -3: a linear inequality in one variable with rational coefficients."""
    if relation.kind == "interval":
        return relation
    assert relation.expression is not None
    form = evaluate(relation.expression)
    names = variables(form)
    if (
        relation.mark not in (">", "≥")
        or len(names) != 1
        or not _is_linear(form)
        or len(generators(form)) > 1
    ):
        return None
    slope = form[0].get(((min(names), Fraction(1)),), Fraction(0))
    if not slope:
        return None
    end = Bound(Number(-form[0].get((), Fraction(0)) / slope), relation.mark == "≥")
    span = (end, Bound(None, False)) if slope > 0 else (Bound(None, False), end)
    return Answer("interval", relation.text, name=min(names), spans=(span,))


def match_interval_with_relation(interval: Answer, relation: Answer, budget: Budget) -> AnswerMatch:
    solved = _solved(relation)
    return match_intervals(interval, solved, budget) if solved else AnswerMatch("unknown", "kind")


def _reduced(one: Quotient, other: Quotient) -> Quotient:
    """one / other, as a rational where its two sides are proportional."""
    above, below = divide(one, other)
    lead = min(below)
    factor = above.get(lead, Fraction(0)) / below[lead]
    return (
        ({(): factor}, {(): Fraction(1)})
        if factor and above == {m: c * factor for m, c in below.items()}
        else (above, below)
    )


def _is_linear(form: Quotient) -> bool:
    return (
        set(form[1]) == {()}
        and not is_opaque(form)
        and all(
            sum(
                exponent
                for generator, exponent in monomial
                if generator.isalpha() and generator not in ("pi", "e", "i")
            )
            in (0, 1)
            for monomial in form[0]
        )
    )


def as_equation(answer: Answer) -> Answer:
    """y = 2x + 1 as y - (2x + 1) = 0."""
    assert answer.expression is not None
    name = Name(answer.name or "")
    return Answer("relation", answer.text, Call("+", (name, Call("neg", (answer.expression,)))), mark="=")
