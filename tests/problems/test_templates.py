"""Every template's chain answers its own story: worked out here by a formula of another form."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from random import Random
from types import SimpleNamespace

import pytest

from cftdata.problems import draw_problem, read_templates
from cftdata.problems.chains import Root, Value

F = Fraction
Answer = Callable[[SimpleNamespace], object]


def _two(g: SimpleNamespace) -> tuple[Fraction, Fraction]:
    det = g.a * g.d - g.b * g.c
    return (g.p * g.d - g.b * g.q) / det, (g.a * g.q - g.c * g.p) / det


def _roots(g: SimpleNamespace) -> set[Fraction]:
    return {x for x in map(F, range(-100, 101)) if x * x - g.s * x + g.p == 0}


def _urn(g: SimpleNamespace) -> Fraction:
    return F(math.comb(int(g.r), 2), math.comb(int(g.r + g.b + g.g), 2))


def _series(g: SimpleNamespace) -> Fraction:
    return F(sum((g.a * g.r**k for k in range(int(g.n))), g.b))


ANSWERS: dict[str, Answer] = {
    "shopping": lambda g: g.bill - g.n * g.p - g.ship,
    "two_legs": lambda g: (g.t1 * g.v1 + g.t2 * g.v2) / (g.t1 + g.t2),
    "mixture": lambda g: (g.v1 * g.c1 + g.v2 * g.c2) / (g.v1 + g.v2),
    "path": lambda g: 2 * g.w * (g.l + g.b + 2 * g.w),
    "together": lambda g: g.a * g.b / (g.a + g.b),
    "up_and_down": lambda g: g.p * (100 + g.u) * (100 - g.d) / 10_000,
    "ages": lambda g: next(x for x in map(F, range(500)) if x + g.y == g.m * (x - g.d + g.y)),
    "average": lambda g: g.m2 + g.n * (g.m2 - g.m1),
    "packing": lambda g: (g.a * g.b + g.c) % g.k,
    "terms": lambda g: sum(g.f + k * g.d for k in range(int(g.n))),
    "water_wheel": lambda g: g.p2 * g.a1 * g.v1**3 / (g.p1 * g.a2),
    "diagonal": lambda g: g.a**2 + g.b**2,
    "linear": lambda g: (g.d - g.b) / (g.a - g.c),
    "quadratic": _roots,
    "system": lambda g: ((g.n * g.p + g.m * g.q) / (g.m + g.n), (g.p - g.q) / (g.m + g.n)),
    "expand": lambda g: (g.a - g.c, g.a * g.b + g.c * g.d),
    "fractions": lambda g: g.f1 + g.f2 * g.e - g.f3,
    "powers": lambda g: g.g**int(g.a) * g.g**int(g.b) / g.g**int(g.c),
    "roots": lambda g: (F(math.isqrt(int(g.A / g.m)) + math.isqrt(int(g.B / g.m))), g.m),
    "overtime": lambda g: g.r * (g.n + F(3, 2) * (g.h - g.n)),
    "discount_tax": lambda g: g.n * g.p * (1 - g.d / 100) * (1 + g.t / 100),
    "simple_interest": lambda g: g.p * (1 + g.r * g.m / 1200),
    "commission": lambda g: 12 * (g.b + (g.s - g.t) * g.c / 100),
    "phone_bill": lambda g: (g.b + (g.u - g.inc) * g.p) * (100 + g.t) / 100,
    "currency": lambda g: (g.a - g.s) * g.r - g.f,
    "fuel": lambda g: 2 * g.d * g.c * g.p / 100,
    "before_rise": lambda g: g.now / (1 + g.u / 100),
    "pace": lambda g: g.d * g.h * 60 / g.m,
    "tank": lambda g: g.l * g.b * g.h / (1000 * g.r),
    "posts": lambda g: 2 * (g.l + g.b) / g.g * g.p,
    "row_of_trees": lambda g: (1000 * g.k / g.g + 1) * g.p,
    "walls": lambda g: (2 * g.h * (g.l + g.b) - g.w) / g.c,
    "machines": lambda g: g.k * g.m2 * g.t / (g.m1 * g.h * 60),
    "floor_plan": lambda g: g.a * g.b * (g.s / 100) ** 2,
    "download": lambda g: g.w + g.f * 8 / g.r / 60,
    "meeting_trains": lambda g: 60 * g.d / (g.v1 + g.v2),
    "dripping_tap": lambda g: g.h * 60 * g.d * g.v / 1000,
    "book_stack": lambda g: g.s + g.n * g.t / 10,
    "recipe": lambda g: g.f * g.t / g.s - g.h,
    "dilution": lambda g: g.v * g.c1 / g.c2 - g.v,
    "two_classes": lambda g: (g.n1 * g.m1 + g.n2 * g.m2) / (g.n1 + g.n2),
    "handshakes": lambda g: math.comb(int(g.n + g.m), 2) - g.e,
    "urn": _urn,
    "ratio": lambda g: g.t * (g.a - g.c) / (g.a + g.b + g.c),
    "remainder": lambda g: (g.a * g.b + g.c) % g.m,
    "fourth_power": lambda g: g.b * g.a**4 % g.m,
    "bacteria": lambda g: g.p * g.k ** int(24 * g.d / g.h),
    "geometric": _series,
    "from_two_terms": lambda g: g.vp + (g.n - g.p) * (g.vq - g.vp) / (g.q - g.p),
    "cubic_value": lambda g: ((g.a * g.k + g.b) * g.k + g.c) * g.k + g.d,
    "two_variables": lambda g: g.x * (g.a * g.x - g.b * g.y),
    "composed": lambda g: g.a * (g.c * g.k + g.d) + g.b,
    "two_equations": _two,
    "two_brackets": lambda g: (g.a * g.b + g.d * g.e, g.a * g.c + g.d * g.f),
    "line_through": lambda g: (m := (g.y2 - g.y1) / (g.x2 - g.x1), g.y2 - m * g.x2),
    "complex_product": lambda g: (g.a * g.c - g.b * g.d, g.a * g.d + g.b * g.c),
    "determinant": lambda g: g.a * g.d - g.c * g.b,
    "dot_product": lambda g: g.a * g.d + g.b * g.e + g.c * g.f,
    "box_diagonal": lambda g: g.a**2 + g.b**2 + g.c**2,
    "distance": lambda g: (g.x1 - g.x2) ** 2 + (g.y1 - g.y2) ** 2,
    "box_surface": lambda g: 2 * g.p * (g.l * g.b + g.l * g.h + g.b * g.h),
    "trapezoid": lambda g: (g.a + g.b) / 2 * g.h * g.p,
}


def test_each_template_is_answered_here() -> None:
    assert set(ANSWERS) == set(read_templates())
    assert len(ANSWERS) >= 30


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_the_chain_answers_the_story(name: str) -> None:
    template = read_templates()[name]
    for seed in range(25):
        problem = draw_problem(Random(seed), template)
        found = problem.result(problem.worked)
        due = ANSWERS[name](SimpleNamespace(**problem.given))
        if isinstance(due, set):
            assert set(found) == due, problem.query
        elif isinstance(due, tuple):
            assert found == due, problem.query
        else:
            assert _radicand(found[0]) == due, problem.query


def _radicand(value: Value) -> Fraction:
    """A plain value as it is; of a root what stands under it when its coefficient is drawn in."""
    return value.coefficient**value.index * value.radicand if isinstance(value, Root) else value


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_the_story_states_all_that_the_chain_starts_from(name: str) -> None:
    template = read_templates()[name]
    for seed in range(10):
        problem = draw_problem(Random(seed), template)
        assert "{" not in problem.query
        used = {name for step in problem.steps for name in (step.left, step.right)} & problem.given.keys()
        assert used <= {*problem.stated, "aa", "bb", "m"}, problem.query   # a root is stated whole
        assert problem.difficulty in (1, 2, 3)
