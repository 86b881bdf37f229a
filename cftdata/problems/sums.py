"""Short problems for small models: one to three steps, small numbers, from their own templates (`sums.yaml`).

A model of 135M parameters solves hardly any problem of `queries`, and of what nobody solves no training can
be told to help. Each template keeps its last story back: `reworded` draws tell the same problems in
words that no other draw has.

    >>> drawn = draw_sum(seed=1, place=0, n_steps=(2,))
    >>> len(drawn.problem.steps), drawn == draw_sum(1, 0, (2,))
    (2, True)
    >>> drawn.query.text == draw_sum(1, 0, (2,), is_reworded=True).query.text
    False

Not covered: the same query drawn twice is not held back.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from random import Random

from cftdata.errors import ConfigError
from cftdata.problems.problem import Template, draw_problem, read_sums
from cftdata.problems.queries import Drawn
from cftdata.problems.writing import write_answer, write_solution
from cftdata.sample import Provenance, Query

__all__ = ["STEPS", "SUMS", "draw_sum", "draw_sums"]

SUMS = "sums"
VERSION = "1"
"""Version of the generator; it changes when a seed gives other queries than before."""
STEPS = (1, 2, 3)


def draw_sums(
    seed: int, n: int, n_steps: Sequence[int] = STEPS, is_reworded: bool = False
) -> Iterator[Drawn]:
    """The queries 0, 1, ... up to n - 1, one by one. Raises ConfigError as `draw_sum` does."""
    return (draw_sum(seed, place, n_steps, is_reworded) for place in range(n))


def draw_sum(
    seed: int, place: int, n_steps: Sequence[int] = STEPS, is_reworded: bool = False
) -> Drawn:
    """The query at this 0-based place of the stream, its number of steps drawn evenly from `n_steps`.

    Raises ConfigError where a number of steps is none of 1, 2, 3, or none is given.
    """
    wanted = sorted(set(n_steps))
    if not wanted or not set(wanted) <= set(STEPS):
        raise ConfigError(f"sums have 1, 2 or 3 steps, not {list(n_steps)}")
    rng = Random(f"{SUMS} {VERSION} {seed} {place}")
    problem = draw_problem(rng, rng.choice(_of(rng.choice(wanted), is_reworded)))
    query = Query(
        text=problem.query,
        reference_answer=write_answer(problem),
        reference_solution=write_solution(problem),
        domain=problem.template.domain,
        provenance=Provenance(source=SUMS, revision=VERSION, row=place, licence="Apache-2.0", seed=seed),
    )
    return Drawn(query, problem)


@cache
def _of(n_steps: int, is_reworded: bool) -> tuple[Template, ...]:
    """The templates of so many steps, with the stories that may be told."""
    fits = [one for one in read_sums().values() if len(one.steps) == n_steps]
    return tuple(replace(one, stories=one.stories[-1:] if is_reworded else one.stories[:-1]) for one in fits)
