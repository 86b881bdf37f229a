from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, t

from cftdata.sample import Rate
from cftdata.stats import Clusters, wilson, wilson_clustered


def ends(rate: Rate) -> tuple[float, float]:
    assert rate.low is not None
    assert rate.high is not None
    return rate.low, rate.high


levels = st.floats(0.01, 0.999)
counts = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
clusters = st.lists(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
                    min_size=2, max_size=40)


@given(counts, levels)
def test_wilson_is_that_of_scipy(count: tuple[int, int], level: float) -> None:
    n_hits, n = count
    rate = wilson(n_hits, n, n + 3, level)
    theirs = binomtest(n_hits, n).proportion_ci(level, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(counts, levels)
def test_interval_holds_the_rate_and_stays_within_bounds(count: tuple[int, int], level: float) -> None:
    n_hits, n = count
    rate = wilson(n_hits, n, n, level)
    low, high = ends(rate)
    assert rate.rate is not None
    assert 0 <= low <= rate.rate <= high <= 1


@given(clusters, levels)
def test_clustered_interval_holds_the_rate_and_is_no_narrower(
        sizes: list[tuple[int, int]], level: float) -> None:
    n = sum(size for _, size in sizes)
    rate, plain = wilson_clustered(sizes, n, level), wilson(sum(hits for hits, _ in sizes), n, n, level)
    low, high = ends(rate)
    assert rate.rate is not None
    assert 0 <= low <= rate.rate <= high <= 1
    assert low <= ends(plain)[0] + 1e-12
    assert high >= ends(plain)[1] - 1e-12


@given(clusters, st.lists(levels, min_size=2, max_size=2, unique=True).map(sorted))
def test_a_higher_level_gives_a_wider_interval(sizes: list[tuple[int, int]], two: list[float]) -> None:
    n = sum(size for _, size in sizes)
    n_hits = sum(hits for hits, _ in sizes)
    for narrow, wide in ([wilson(n_hits, n, n, level) for level in two],
                         [wilson_clustered(sizes, n, level) for level in two]):
        assert ends(wide)[0] <= ends(narrow)[0] + 1e-12
        assert ends(wide)[1] >= ends(narrow)[1] - 1e-12


@given(st.lists(st.booleans(), min_size=2, max_size=300))
def test_singleton_clusters_give_wilson_up_to_t_and_deff(hits: list[bool]) -> None:
    """Clusters of one: deff is k/(k-1), so the interval is scipy's at k-1 samples and t's quantile."""
    k, n_hits = len(hits), sum(hits)
    ours = wilson_clustered([(int(hit), 1) for hit in hits], k)
    n = k - 1 if 0 < n_hits < k else k
    c = t.ppf(0.975, k - 1)
    rate = n_hits / k
    centre = (rate + c * c / (2 * n)) / (1 + c * c / n)
    half = c / (1 + c * c / n) * (rate * (1 - rate) / n + c * c / (4 * n * n)) ** 0.5
    assert (ours.low, ours.high) == pytest.approx((max(0, centre - half), min(1, centre + half)), abs=1e-9)


def test_clustered_interval_covers_at_its_level() -> None:
    """20 clusters of 10 alike samples: the clustered interval holds 95%, the plain one falls short."""
    chance = random.Random(20)
    n_runs, covered, covered_plain = 400, 0, 0
    for _ in range(n_runs):
        sizes = []
        for _ in range(20):
            likeness = chance.betavariate(0.9, 2.1)  # mean 0.3, correlation within a cluster 0.25
            sizes.append((sum(chance.random() < likeness for _ in range(10)), 10))
        low, high = ends(wilson_clustered(sizes, 200))
        covered += low <= 0.3 <= high
        low, high = ends(wilson(sum(hits for hits, _ in sizes), 200, 200))
        covered_plain += low <= 0.3 <= high
    assert covered / n_runs >= 0.93
    assert covered_plain / n_runs <= 0.85


def test_clusters_wholly_alike_count_as_one_sample_each() -> None:
    assert wilson_clustered([(0, 50)] * 12, 600).high == wilson_clustered([(0, 1)] * 12, 12).high
    assert wilson_clustered([(50, 50)] * 12, 600).low == wilson_clustered([(1, 1)] * 12, 12).low


def test_one_cluster_has_a_rate_and_no_interval() -> None:
    rate = wilson_clustered([(3, 10), (0, 0)], 12)
    assert (rate.n_hits, rate.n_decided, rate.n_total, rate.rate) == (3, 10, 12, 0.3)
    assert (rate.low, rate.high) == (None, None)


def test_nothing_decided_has_no_rate() -> None:
    for rate in (wilson(0, 0, 9), wilson_clustered([], 9)):
        assert (rate.n_decided, rate.n_total, rate.rate, rate.low, rate.high) == (0, 9, None, None, None)


@pytest.mark.parametrize(("counts", "level"), [((2, 1, 3), 0.95), ((1, 3, 2), 0.95), ((-1, 3, 3), 0.95),
                                               ((1, 2, 3), 0.0), ((1, 2, 3), 1.0)])
def test_impossible_numbers_are_refused(counts: tuple[int, int, int], level: float) -> None:
    with pytest.raises(ValueError):
        wilson(*counts, level=level)
    with pytest.raises(ValueError):
        wilson_clustered([counts[:2]], counts[2], level)


def test_importing_loads_no_scipy() -> None:
    code = "import sys, cftdata.stats; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: (min(pair), max(pair))),
                max_size=30), st.randoms())
def test_sums_of_clusters_merge_in_any_parts_and_order(pairs: list[tuple[int, int]],
                                                       rng: random.Random) -> None:
    n_total = sum(n for _, n in pairs)
    whole = wilson_clustered(pairs, n_total)
    other = list(pairs)
    rng.shuffle(other)
    merged = Clusters()
    for part in (other[:7], other[7:]):
        sums = Clusters()
        for n_hits, n_decided in part:
            sums.add(n_hits, n_decided)
        merged.merge(sums)
    assert wilson_clustered(merged, n_total) == whole


def test_many_clusters_alike_are_as_many_single_ones() -> None:
    many, single = Clusters(), Clusters()
    many.add_many(1, 3, 1000)
    many.add(2, 2)
    for _ in range(1000):
        single.add(1, 3)
    single.add(2, 2)
    assert many == single
