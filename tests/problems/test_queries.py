"""The stream of problems: the same from anywhere, hardly ever the same one twice, true in its solutions."""

from __future__ import annotations

from collections import Counter
from functools import cache
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.answers import match_answers
from cftdata.errors import ConfigError
from cftdata.problems import Drawn, draw_queries, draw_query, read_templates
from cftdata.text import read_final_answer, read_steps
from cftdata.verifiers.localisation import first_false_step

seeds = st.integers(0, 2**40)
places = st.integers(0, 10**7)


@cache
def _many() -> tuple[Drawn, ...]:
    return tuple(draw_queries(17, 5000))


@given(seeds, places, st.sets(st.sampled_from([1, 2, 3]), min_size=1))
@settings(max_examples=60)
def test_a_query_is_true_in_itself(seed: int, place: int, difficulties: set[int]) -> None:
    query, problem = draw_query(seed, place, tuple(difficulties))
    assert problem.difficulty in difficulties
    assert query.text == problem.query
    assert query.reference_solution is not None
    assert query.reference_answer is not None
    steps = [step.value or "" for step in read_steps(query.reference_solution)]
    assert len(steps) == len(problem.steps)
    assert all(step.startswith(f"Step {n}: ") for n, step in enumerate(steps, 1))
    assert first_false_step(steps) is None
    answer = read_final_answer(query.reference_solution).value or ""
    assert match_answers(answer, query.reference_answer).outcome == "equal"
    origin = query.provenance
    assert (origin.source, origin.row, origin.seed) == ("problems", place, seed)


@given(seeds, st.integers(0, 1000), st.integers(0, 20))
@settings(max_examples=20)
def test_a_stream_goes_on_anywhere(seed: int, start: int, length: int) -> None:
    whole = [draw_query(seed, place) for place in range(start, start + length)]
    assert list(draw_queries(seed, start + length, start=start)) == whole


def test_it_streams() -> None:
    assert len(list(islice(draw_queries(1, 10**12), 3))) == 3


def test_hardly_any_two_are_the_same() -> None:
    assert len({drawn.query.text for drawn in _many()}) >= 4990


def test_another_seed_gives_other_queries() -> None:
    first = {drawn.query.text for drawn in draw_queries(1, 100)}
    assert len(first & {drawn.query.text for drawn in draw_queries(2, 100)}) <= 1


def test_every_template_comes_up_and_difficulties_are_even() -> None:
    drawn = _many()
    assert {one.problem.template.name for one in drawn} == set(read_templates())
    shares = Counter(one.problem.difficulty for one in drawn)
    assert all(1550 < shares[level] < 1790 for level in (1, 2, 3))
    assert len({one.query.domain for one in drawn}) >= 8


def test_harder_problems_have_more_steps() -> None:
    n_steps = {level: [len(one.problem.steps) for one in _many() if one.problem.difficulty == level]
               for level in (1, 2, 3)}
    assert max(n_steps[1]) <= 4
    assert min(n_steps[2]) >= 4
    assert min(n_steps[3]) >= 6


@pytest.mark.parametrize("difficulties", [(), (0,), (1, 4)])
def test_an_unknown_difficulty_is_refused(difficulties: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="some of 1, 2 and 3"):
        draw_query(1, 0, difficulties)
