from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcome_rows import answered

from cftdata.effect.cells import read_table
from cftdata.effect.crossed import combine, find_interval, ratio
from cftdata.effect.dose import bend_of, find_doses, fit_line
from cftdata.effect.figures import Dose
from cftdata.effect.outcomes import Outcome

DOSES = {"cft@0": 0.0, "cft@10": 0.1, "cft@20": 0.2, "cft@40": 0.4}


def make_rows(rates: dict[str, float], n: int = 150, seeds: int = 4) -> list[Outcome]:
    """The arms' accuracies to within one query, none of it by chance but which queries are right."""
    random = np.random.default_rng(0)
    return [answered(int(i), place < round(rate * n), arm=arm, seed=seed) for arm, rate in rates.items()
            for seed in range(seeds) for place, i in enumerate(random.permutation(n))]


def found(rows: list[Outcome]) -> Dose:
    made, = find_doses(read_table(rows, set(DOSES)), DOSES)
    return made


def test_a_planted_slope_is_found() -> None:
    made = found(make_rows({arm: 0.6 - 0.5 * dose for arm, dose in DOSES.items()}))
    assert made.slope.value == pytest.approx(-0.5, abs=0.02)
    assert made.is_told
    assert made.p_bend is not None
    assert made.p_bend > 0.05
    assert "each percentage point of wrong critiques costs 0.50 percentage points" in made.sentence
    assert "planted 0, 10, 20, 40%, 4 seeds" in made.sentence
    assert [point.dose for point in made.points] == [0, 0.1, 0.2, 0.4]


def test_where_doses_cost_nothing_it_cannot_be_told() -> None:
    made = found(make_rows(dict.fromkeys(DOSES, 0.5)))
    assert not made.is_told
    assert made.slope.low is not None
    assert made.slope.high is not None
    assert made.slope.low < 0 < made.slope.high
    assert "what wrong critiques cost cannot be told" in made.sentence


def test_where_hardly_anything_is_right_it_says_so() -> None:
    assert "there is little to lose" in found(make_rows(dict.fromkeys(DOSES, 0.02))).sentence


def test_a_gain_is_a_gain() -> None:
    made = found(make_rows({arm: 0.3 + 0.8 * dose for arm, dose in DOSES.items()}))
    assert "brings 0.80 percentage points, interval 0." in made.sentence


def test_a_threshold_is_no_line() -> None:
    made = found(make_rows({"cft@0": 0.7, "cft@10": 0.7, "cft@20": 0.7, "cft@40": 0.3}))
    assert made.p_bend is not None
    assert made.p_bend < 0.01
    assert "do not lie on a line" in made.sentence


def test_one_dose_is_no_line_and_two_have_no_bend() -> None:
    rows = make_rows({"cft@0": 0.6, "cft@40": 0.4}, n=40)
    assert found(rows).p_bend is None
    assert find_doses(read_table([row for row in rows if row.arm == "cft@0"]), DOSES) == []


def test_doses_without_a_common_seed_give_no_line() -> None:
    rows = [row for row in make_rows({"cft@0": 0.6, "cft@40": 0.4}, n=10, seeds=2)
            if row.seed == (row.arm == "cft@0")]
    assert find_doses(read_table(rows, set(DOSES)), DOSES) == []


@given(st.lists(st.sampled_from([0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5]), min_size=3, max_size=6, unique=True),
       st.floats(-1, 1), st.floats(-1, 1))
def test_weights_find_the_slope_of_a_line_and_no_bend_in_it(x: list[float], at: float, slope: float) -> None:
    doses = np.array(x)
    line = at + slope * doses
    bend = bend_of(doses)
    assert bend is not None
    assert fit_line(doses) @ line == pytest.approx(slope, abs=1e-9)
    assert bend @ line == pytest.approx(0, abs=1e-9)
    assert bend @ doses**2 > 0


def test_the_interval_of_a_slope_holds() -> None:
    random = np.random.default_rng(5)
    x = np.array(list(DOSES.values()))
    n_held, n_studies = 0, 300
    for _ in range(n_studies):
        ease = random.normal(0, 0.15, (80, 1))
        rates = [0.55 - 0.3 * dose + ease + random.normal(0, 0.03, (1, 4)) for dose in x]
        figures = [ratio((random.random((80, 4)) < rate).astype(float), np.ones((80, 4))) for rate in rates]
        line = combine(*[(weight, figure) for weight, figure in zip(fit_line(x), figures, strict=True)
                         if figure])
        low, high = find_interval(line, 0.95, "free") or (0, 0)
        n_held += low <= -0.3 <= high
    assert 0.92 <= n_held / n_studies <= 0.995
