"""Intervals: numbers in, numbers out.

A rate carries Wilson's score interval (Wilson 1927, JASA 22:209): it stays inside [0, 1] and holds its
level near 0 and 1, where "rate ± 1.96 standard errors" does not. Where samples share a query they are no
independent draws; `wilson_clustered` puts the effective number of samples into the same formula.

    >>> rate = wilson(24, 600, 600)
    >>> rate.rate, round(rate.low, 4), round(rate.high, 4)
    (0.04, 0.027, 0.0588)

Not covered: finite populations (the interval speaks of the process that made the rows), weights, and
comparing two rates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import sqrt

from cftdata.sample import Rate

__all__ = ["Clusters", "score_interval", "wilson", "wilson_clustered"]


def wilson(n_hits: int, n_decided: int, n_total: int, level: float = 0.95) -> Rate:
    """The rate n_hits / n_decided with its Wilson interval; no rate and no interval when none was decided.

    Raises ValueError unless 0 <= n_hits <= n_decided <= n_total and 0 < level < 1.
    """
    _check(n_hits, n_decided, n_total, level)
    interval = None
    if n_decided:
        from scipy.special import ndtri

        interval = score_interval(n_hits / n_decided, n_decided, float(ndtri((1 + level) / 2)))
    low, high = interval or (None, None)
    return Rate(n_hits=n_hits, n_decided=n_decided, n_total=n_total, low=low, high=high, level=level,
                rate=n_hits / n_decided if n_decided else None, method="wilson")


@dataclass(slots=True)
class Clusters:
    """Sums over clusters of (n_hits, n_decided): all that the clustered interval needs of them.

    They are whole numbers, so that in whatever order and parts clusters are added, the sums are the same.

    >>> clusters = Clusters()
    >>> clusters.add(1, 2)
    >>> clusters.n_clusters, clusters.n_hits, clusters.n_decided
    (1, 1, 2)
    """

    n_clusters: int = 0
    """Clusters with a decided sample."""
    n_hits: int = 0
    n_decided: int = 0
    sum_hits_hits: int = 0
    sum_hits_decided: int = 0
    sum_decided_decided: int = 0

    def add(self, n_hits: int, n_decided: int) -> None:
        """Adds one cluster. Raises ValueError unless 0 <= n_hits <= n_decided."""
        self.add_many(n_hits, n_decided, 1)

    def add_many(self, n_hits: int, n_decided: int, n_clusters: int) -> None:
        """Adds so many clusters that are alike."""
        if not 0 <= n_hits <= n_decided:
            raise ValueError("a cluster needs 0 <= n_hits <= n_decided")
        if n_decided:
            self.n_clusters += n_clusters
            self.n_hits += n_clusters * n_hits
            self.n_decided += n_clusters * n_decided
            self.sum_hits_hits += n_clusters * n_hits**2
            self.sum_hits_decided += n_clusters * n_hits * n_decided
            self.sum_decided_decided += n_clusters * n_decided**2

    def merge(self, other: Clusters) -> None:
        """Adds the clusters of another."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def wilson_clustered(clusters: Clusters | Iterable[tuple[int, int]], n_total: int,
                     level: float = 0.95) -> Rate:
    """The rate over clusters of (n_hits, n_decided), with an interval that allows for their likeness.

    Korn & Graubard (1998, Survey Methodology 24:193) as recommended by Dean & Pagano (2015, J. Surv. Stat.
    Methodol. 3:484): Wilson's formula at n_effective = n_decided / deff, with Student's t on k - 1 degrees
    of freedom in place of the normal quantile, where k clusters have a decided sample and

        deff = k / (k - 1) * sum (hits_i - rate * decided_i)^2 / (rate * (1 - rate) * n_decided)

    is the variance of the ratio estimator over that of independent samples. deff is held at 1 or more: a
    smaller one is mostly the chance of a few clusters, and would claim more than independent samples give.
    When no sample or every sample is a hit, the clusters cannot show how alike their samples are; they are
    then taken as wholly alike: deff = sum decided_i^2 / n_decided.

    low and high are None with fewer than two clusters: one cluster says nothing of another. Raises
    ValueError as `wilson` does.
    """
    sums = clusters if isinstance(clusters, Clusters) else _sum(clusters)
    n_hits, n_decided = sums.n_hits, sums.n_decided
    _check(n_hits, n_decided, n_total, level)
    interval = None
    if sums.n_clusters > 1:
        from scipy.special import stdtrit

        quantile = float(stdtrit(sums.n_clusters - 1, (1 + level) / 2))
        interval = score_interval(n_hits / n_decided, n_decided / _design_effect(sums), quantile)
    low, high = interval or (None, None)
    return Rate(n_hits=n_hits, n_decided=n_decided, n_total=n_total, low=low, high=high, level=level,
                rate=n_hits / n_decided if n_decided else None, method="wilson_clustered")


def _sum(clusters: Iterable[tuple[int, int]]) -> Clusters:
    sums = Clusters()
    for n_hits, n_decided in clusters:
        sums.add(n_hits, n_decided)
    return sums


def _design_effect(sums: Clusters) -> float:
    """Variance of the rate over that of as many independent samples; 1 or more.

    A fraction of two whole numbers, rounded once: the square above, multiplied out.
    """
    k, hits, n = sums.n_clusters, sums.n_hits, sums.n_decided
    if hits in (0, n):
        return sums.sum_decided_decided / n
    between = n**2 * sums.sum_hits_hits - 2 * n * hits * sums.sum_hits_decided + (
        hits**2 * sums.sum_decided_decided)
    return max(1.0, k * between / ((k - 1) * hits * (n - hits) * n))


def score_interval(rate: float, n: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval: the proportions from which `rate` lies at most `quantile` standard errors."""
    shrink = quantile**2 / n
    centre = (rate + shrink / 2) / (1 + shrink)
    half = quantile / (1 + shrink) * sqrt(rate * (1 - rate) / n + shrink / (4 * n))
    # The ends are exactly 0 and 1 at the borders, and rounding must not put the rate outside.
    low = 0.0 if rate == 0 else max(0.0, centre - half)
    high = 1.0 if rate == 1 else min(1.0, centre + half)
    return min(low, rate), max(high, rate)


def _check(n_hits: int, n_decided: int, n_total: int, level: float) -> None:
    if not 0 <= n_hits <= n_decided <= n_total:
        raise ValueError(f"need 0 <= n_hits <= n_decided <= n_total, got {n_hits}, {n_decided}, {n_total}")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
