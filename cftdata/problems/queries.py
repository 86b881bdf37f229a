"""Queries of our own for a build: a stream without end, each drawn from its place in it alone.

Query i depends on the seed, the difficulties and i, so that a build which was killed goes on anywhere.

    >>> [drawn.query.provenance.row for drawn in draw_queries(seed=7, n=2, difficulties=(1,))]
    [0, 1]
    >>> draw_query(7, 1).query == list(draw_queries(7, 2))[1].query
    True

Not covered: the same query drawn twice is not held back (`tests/problems` counts how seldom that is).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from random import Random
from typing import NamedTuple

from cftdata.errors import ConfigError
from cftdata.problems.problem import Problem, Template, draw_problem, read_templates
from cftdata.problems.writing import write_answer, write_solution
from cftdata.sample import Provenance, Query

__all__ = ["DIFFICULTIES", "SOURCE", "VERSION", "Drawn", "draw_queries", "draw_query"]

SOURCE = "problems"
VERSION = "1"
"""Version of the generator; it changes when a seed gives other queries than before."""
DIFFICULTIES = (1, 2, 3)


class Drawn(NamedTuple):
    """A query, and the problem that it tells."""

    query: Query
    problem: Problem


def draw_queries(
    seed: int, n: int, difficulties: Sequence[int] = DIFFICULTIES, start: int = 0
) -> Iterator[Drawn]:
    """The queries start, start + 1, ... up to n - 1, one by one.

    Raises ConfigError where a difficulty is none of 1, 2, 3 (see `problem`), or none is given.
    """
    return (draw_query(seed, place, difficulties) for place in range(start, n))


def draw_query(seed: int, place: int, difficulties: Sequence[int] = DIFFICULTIES) -> Drawn:
    """The query at this 0-based place in the stream. Raises ConfigError as `draw_queries` does."""
    wanted = sorted(set(difficulties))
    if not wanted or not set(wanted) <= set(DIFFICULTIES):
        raise ConfigError(f"difficulties must be some of 1, 2 and 3, not {list(difficulties)}")
    rng = Random(f"{SOURCE} {VERSION} {seed} {place}")
    problem = _draw(rng, rng.choice(wanted))
    query = Query(
        text=problem.query,
        reference_answer=write_answer(problem),
        reference_solution=write_solution(problem),
        domain=problem.template.domain,
        provenance=Provenance(source=SOURCE, revision=VERSION, row=place, licence="Apache-2.0", seed=seed),
    )
    return Drawn(query, problem)


def _draw(rng: Random, difficulty: int) -> Problem:
    """A problem of this difficulty; a template that came out harder or easier is drawn anew."""
    templates, weights = _of(difficulty)
    while True:
        problem = draw_problem(rng, rng.choices(templates, cum_weights=weights)[0])
        if problem.difficulty == difficulty and _is_payable(problem):
            return problem


def _is_payable(problem: Problem) -> bool:
    """Whether an answer in money comes out in whole cents."""
    answer = problem.result(problem.worked)[0]
    is_cents = isinstance(answer, Fraction) and 100 % answer.denominator == 0
    return is_cents or problem.template.kind != "money"


@cache
def _of(difficulty: int) -> tuple[tuple[Template, ...], tuple[float, ...]]:
    """The templates that can be of this difficulty, by their number of steps, and their summed weights."""
    fits = {1: range(1, 5), 2: range(4, 7), 3: range(6, 100)}[difficulty]
    templates = tuple(one for one in read_templates().values() if len(one.steps) in fits)
    total, weights = 0.0, list[float]()
    for template in templates:
        total += template.weight
        weights.append(total)
    return templates, tuple(weights)
