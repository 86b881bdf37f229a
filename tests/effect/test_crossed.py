from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from scipy.stats import binomtest, ttest_1samp

from cftdata.effect.cells import Floats
from cftdata.effect.crossed import (
    Linear,
    combine,
    correct_by_holm,
    find_interval,
    find_spread,
    harmonic_mean,
    p_over_both,
    p_over_queries,
    ratio,
)

SHAPES = st.tuples(st.integers(2, 12), st.integers(1, 4))
GRIDS = arrays(np.float64, SHAPES, elements=st.sampled_from([0.0, 1.0]))


def accuracy(hits: Floats) -> Linear:
    made = ratio(hits, np.ones(hits.shape))
    assert made
    return made


def make_arms(random: np.random.Generator, n: int, m: int, seed_noise: float) -> list[Floats]:
    """Two arms with the same rates: queries shared, training runs of their own."""
    ease = random.normal(-0.5, 1.5, (n, 1))
    return [(random.random((n, m)) < expit(ease + random.normal(0, 0.5, (n, 1))
                                           + random.normal(0, seed_noise, (1, m)))).astype(float)
            for _ in range(2)]


@given(GRIDS)
def test_the_errors_of_a_figure_sum_to_nothing_and_its_interval_holds_it(hits: Floats) -> None:
    figure = accuracy(hits)
    assert abs(figure.errors.sum()) < 1e-12
    interval = find_interval(figure, 0.95)
    assert interval
    assert 0 <= interval[0] <= figure.value <= interval[1] <= 1


@given(GRIDS)
def test_an_arm_is_not_different_from_itself(hits: Floats) -> None:
    difference = combine((1, accuracy(hits)), (-1, accuracy(hits)))
    assert (difference.value, p_over_both(difference), p_over_queries(difference)) == (0, 1, 1)
    interval = find_interval(difference, 0.95, "difference")
    assert interval
    assert interval[0] < 0 < interval[1]  # alike on these queries is not alike on all


def test_with_one_seed_it_is_the_t_test_of_the_pairs() -> None:
    random = np.random.default_rng(3)
    one, other = make_arms(random, 50, 1, 0)
    difference = combine((1, accuracy(one)), (-1, accuracy(other)))
    expected = ttest_1samp((one - other).ravel(), 0)
    assert p_over_both(difference) == pytest.approx(expected.pvalue)
    interval = tuple(expected.confidence_interval())
    assert find_interval(difference, 0.95, "difference") == pytest.approx(interval)


@pytest.mark.parametrize("rises", [0.0, 0.15])
def test_the_components_of_variance_are_those_of_the_two_way_layout(rises: float) -> None:
    n, m = 30, 4
    hits = (np.random.default_rng(5).random((n, m)) < 0.3 + rises * np.arange(m)).astype(float)
    by_query, by_seed, mean = hits.mean(1), hits.mean(0), hits.mean()
    queries = m * ((by_query - mean) ** 2).sum() / (n - 1)
    seeds = n * ((by_seed - mean) ** 2).sum() / (m - 1)
    rest = ((hits - by_query[:, None] - by_seed + mean) ** 2).sum() / ((n - 1) * (m - 1))
    assert (seeds > rest) == bool(rises)
    variance = (rest + max(queries - rest, 0) + max(seeds - rest, 0)) / (n * m)
    spread = find_spread(accuracy(hits))
    assert spread
    assert spread.error == pytest.approx(variance**0.5)
    assert (spread.n_queries, spread.n_seeds) == (30, 4)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 10))
def test_over_queries_it_is_mcnemars_exact_test(n_better: int, n_worse: int, n_alike: int) -> None:
    signs = np.array([1.0] * n_better + [-1.0] * n_worse + [0.0] * n_alike + [0.0])[:, None]
    difference = combine((1, accuracy((signs > 0).astype(float))), (-1, accuracy((signs < 0).astype(float))))
    n = n_better + n_worse
    expected = binomtest(n_better, n).pvalue if n else 1.0
    assert p_over_queries(difference) == pytest.approx(expected)


def test_sign_flips_are_seeded_and_find_what_is_there() -> None:
    random = np.random.default_rng(0)
    one = random.random((80, 1))
    better = combine((1, accuracy(np.clip(one + 0.2 * random.random((80, 1)), 0, 1))), (-1, accuracy(one)))
    assert 0 < p_over_queries(better, 1) == p_over_queries(better, 1) <= 0.001
    alike = combine((1, accuracy(random.random((80, 1)))), (-1, accuracy(random.random((80, 1)))))
    assert p_over_queries(alike) > 0.01


def test_a_model_of_one_seed_stands_for_every_seed() -> None:
    random = np.random.default_rng(1)
    base, trained = random.random((20, 1)).round(), random.random((20, 3)).round()
    spread_out = combine((1, accuracy(trained)), (-1, accuracy(base)))
    repeated = combine((1, accuracy(trained)), (-1, accuracy(np.repeat(base, 3, axis=1))))
    assert spread_out.value == pytest.approx(repeated.value)
    assert np.allclose(spread_out.errors, repeated.errors)
    with pytest.raises(ValueError, match="of 2 and of 3 seeds"):
        combine((1, accuracy(trained)), (1, accuracy(random.random((20, 2)))))


def test_fewer_than_two_queries_give_no_interval() -> None:
    figure = accuracy(np.ones((1, 3)))
    assert (find_interval(figure, 0.95), p_over_both(figure), find_spread(figure)) == (None, None, None)
    assert ratio(np.zeros((3, 2)), np.zeros((3, 2))) is None


def test_where_no_two_queries_differ_the_interval_is_of_their_number() -> None:
    low, high = find_interval(accuracy(np.ones((30, 5))), 0.95) or (0, 0)
    assert 0.85 < low < 0.92
    assert high == 1
    apart = combine((1, accuracy(np.ones((30, 5)))), (-1, accuracy(np.zeros((30, 5)))))
    assert p_over_both(apart) == pytest.approx(2 * 0.5**30)
    assert find_interval(apart, 0.95, "difference") == pytest.approx((0.05 ** (1 / 30), 1.0))


def test_the_errors_of_a_harmonic_mean_are_its_derivatives() -> None:
    random = np.random.default_rng(2)
    grids = random.random((40, 2)).round(), (random.random((40, 2)) < 0.3).astype(float)
    one, other = map(accuracy, grids)
    mean = harmonic_mean(one, other)
    assert mean.value == pytest.approx(2 * one.value * other.value / (one.value + other.value))
    for moved in (0, 1):  # one more hit in the last cell, to first order
        step = 1e-6
        nudged = [grid.copy() for grid in grids]
        nudged[moved][-1, -1] += step * grids[moved].size
        after = harmonic_mean(*map(accuracy, nudged)).value
        a, b = (other.value, one.value) if moved else (one.value, other.value)
        assert (after - mean.value) / step == pytest.approx(2 * (b / (a + b)) ** 2, rel=1e-3)
    nothing = harmonic_mean(accuracy(np.zeros((3, 1))), accuracy(np.zeros((3, 1))))
    assert nothing.value == 0


@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_raises_p_values_and_keeps_their_order(p_values: list[float]) -> None:
    corrected = correct_by_holm(p_values)
    assert all(p <= more <= 1 for p, more in zip(p_values, corrected, strict=True))
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    assert [corrected[i] for i in order] == sorted(corrected)
    if p_values:
        assert min(corrected) == min(1, len(p_values) * min(p_values))


def test_holm_steps_down() -> None:
    assert correct_by_holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize(("n", "m", "seed_noise"), [(60, 1, 0.0), (60, 5, 0.0), (60, 5, 0.6), (300, 5, 0.6)])
def test_intervals_hold_and_tests_err_as_often_as_they_say(n: int, m: int, seed_noise: float) -> None:
    random = np.random.default_rng(11)
    truth = expit(random.normal(-0.5, (1.5**2 + 0.5**2 + seed_noise**2) ** 0.5, 400_000)).mean()
    n_studies, n_held, n_held_apart, n_found = 500, 0, 0, 0
    for _ in range(n_studies):
        one, other = map(accuracy, make_arms(random, n, m, seed_noise))
        low, high = find_interval(one, 0.95) or (0, 0)
        n_held += low <= truth <= high
        difference = combine((1, one), (-1, other))
        low, high = find_interval(difference, 0.95, "difference") or (0, 0)
        n_held_apart += low <= 0 <= high
        n_found += (p_over_both(difference) or 0) < 0.05
    assert 0.92 <= n_held / n_studies <= 0.99
    assert 0.92 <= n_held_apart / n_studies <= 0.99
    assert 0.01 <= n_found / n_studies <= 0.08


def test_over_queries_alone_a_seed_looks_like_an_effect() -> None:
    random = np.random.default_rng(4)
    both, queries = 0, 0
    for _ in range(60):
        one, other = map(accuracy, make_arms(random, 300, 5, 0.6))
        difference = combine((1, one), (-1, other))
        both += (p_over_both(difference) or 0) < 0.05
        queries += p_over_queries(difference) < 0.05
    assert both <= 9
    assert queries >= 20
