from __future__ import annotations

import numpy as np
import pytest
from outcome_rows import judged

from cftdata.effect.asymmetry import MIN_CELL, compare_sources
from cftdata.effect.cells import read_table
from cftdata.effect.figures import Asymmetry
from cftdata.effect.outcomes import Outcome

Rates = dict[tuple[str, int, bool], tuple[float, int]]


def make_rows(says_right: Rates, random: np.random.Generator, seeds: int = 3) -> list[Outcome]:
    """says_right: (task, difficulty, truth) to the rate of saying right, and the number of responses."""
    return [judged(f"{difficulty}{truth}{i}", truth, "right" if random.random() < rate else "wrong",
                   task=task, difficulty=difficulty, seed=seed)
            for (task, difficulty, truth), (rate, n) in says_right.items()
            for i in range(n) for seed in range(seeds)]


def found(rows: list[Outcome]) -> Asymmetry:
    made = compare_sources(read_table(rows, {"cft"}), "cft", "held_out")
    assert made
    return made


def test_what_comes_of_base_rate_and_difficulty_alone_is_taken_out() -> None:
    """The same judge everywhere; its own responses are mostly wrong and mostly hard."""
    rates = {(1, True): 0.95, (1, False): 0.15, (2, True): 0.6, (2, False): 0.5}
    n = {("judge_others", 1, True): 120, ("judge_others", 1, False): 40, ("judge_others", 2, True): 30,
         ("judge_others", 2, False): 30, ("judge_self", 1, True): 30, ("judge_self", 1, False): 30,
         ("judge_self", 2, True): 20, ("judge_self", 2, False): 160}
    cells = {key: (rates[key[1], key[2]], each) for key, each in n.items()}
    made = found(make_rows(cells, np.random.default_rng(0)))
    assert made.others_unadjusted is not None
    assert made.itself_unadjusted is not None
    assert made.others_unadjusted - made.itself_unadjusted > 0.15
    for estimate in (made.difference, made.self_trust):
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= 0 <= estimate.high
        assert abs(estimate.value or 0) < 0.05
    assert made.difference.value == pytest.approx((made.others.value or 0) - (made.itself.value or 0))
    assert (made.n_others, made.n_itself, made.n_left_out) == (660, 720, 0)


def test_a_model_that_trusts_itself_is_found_out() -> None:
    rates = {("judge_others", True): 0.7, ("judge_others", False): 0.3, ("judge_self", True): 0.9,
             ("judge_self", False): 0.6}
    made = found(make_rows({(task, 1, truth): (rate, 150) for (task, truth), rate in rates.items()},
                           np.random.default_rng(1)))
    assert made.self_trust.value == pytest.approx(0.25, abs=0.05)
    assert made.difference.value == pytest.approx(0.05, abs=0.06)
    assert made.self_trust.low is not None
    assert made.self_trust.low > 0.1


def test_a_difficulty_without_right_responses_of_its_own_is_left_out() -> None:
    cells = {(task, difficulty, truth): (0.5, 10) for task in ("judge_others", "judge_self")
             for difficulty in (1, 2) for truth in (True, False)}
    cells["judge_self", 2, True] = (0.5, 1)
    made = found(make_rows(cells, np.random.default_rng(2), seeds=MIN_CELL - 1))
    assert made.difficulties == (1,)
    assert made.n_left_out == 31 * (MIN_CELL - 1)


def test_where_nothing_can_be_compared_nothing_is_said() -> None:
    rows = make_rows({("judge_others", 1, True): (0.5, 9), ("judge_others", 1, False): (0.5, 9),
                      ("judge_self", 1, False): (0.5, 9)}, np.random.default_rng(3))
    made = found(rows)
    assert (made.difference.value, made.self_trust.value, made.p_value) == (None, None, None)
    assert made.n_itself == 0
    assert made.itself_right_rate == 0
    assert compare_sources(read_table(rows[:5]), "cft", "held_out") is None


def test_the_interval_of_the_difference_holds() -> None:
    random = np.random.default_rng(7)
    n_held = 0
    for _ in range(60):
        cells = {(task, 1, truth): (rate, 20) for task, rate_of in (("judge_others", (0.8, 0.3)),
                                                                   ("judge_self", (0.7, 0.4)))
                 for truth, rate in zip((True, False), rate_of, strict=True)}
        made = found(make_rows(cells, random, seeds=2)).difference
        assert made.low is not None
        assert made.high is not None
        n_held += made.low <= 0.1 <= made.high
    assert n_held >= 53
