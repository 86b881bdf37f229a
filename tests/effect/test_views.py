from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_study import Made, make_conditions, make_outcomes, make_trained
from outcome_rows import judged

from cftdata.effect.figures import Dose, DosePoint, EffectReport, Estimate
from cftdata.effect.report import make_report
from cftdata.effect.views import (
    list_answers,
    list_comparisons,
    list_judging,
    list_runs,
    list_ticks,
    plot_dose,
)

MADE = Made(n_queries=15, seeds=(0, 1))


@pytest.fixture(scope="module")
def report() -> EffectReport:
    return make_report(make_outcomes(MADE), make_trained(MADE), make_conditions(MADE))


@given(st.floats(0, 1), st.floats(0, 1))
def test_ticks_are_few_rise_evenly_and_hold_both_ends(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = list_ticks(low, high)
    assert ticks[0] <= low + 1e-6
    assert high - 1e-6 <= ticks[-1]
    assert 2 <= len(ticks) <= 8
    steps = [after - before for before, after in pairwise(ticks)]
    assert min(steps) > 0
    assert max(steps) == pytest.approx(min(steps), rel=1e-2)


def test_answers_are_shown_in_the_order_of_the_arms(report: EffectReport) -> None:
    held_out, longer = list_answers(report)
    assert [row.arm for row in held_out.rows] == ["base", "sft", "cft"]
    assert held_out.base == held_out.rows[0].accuracy.value
    assert longer.words == "longer queries"


def test_kinds_of_judged_responses_have_lines_of_their_own() -> None:
    rows = [judged(i, i % 2 == 0, "right", judged="injected" if i < 4 else "model/a") for i in range(8)]
    row = list_judging(make_report(rows, [], make_conditions(MADE)))[0].rows[0]
    assert [name for name, _ in row.parts] == ["others", "others: injected", "others: model/a"]
    assert row.parts[1][1]["verdict_accuracy"].n_counted == 4
    assert row.itself == {}


def test_nothing_in_the_middle_of_the_plot_of_differences(report: EffectReport) -> None:
    rows, limit = list_comparisons(report, "primary")
    for row in rows:
        assert row.low is not None
        assert row.high is not None
        assert 0 <= row.low <= row.at <= row.high <= 100
        assert row.at == pytest.approx(50 + 50 * row.comparison.difference / limit, abs=0.01)
    rows, _ = list_comparisons(report, "secondary")
    means = [row for row in rows if row.comparison.metric == "distinct_answers"]
    assert means
    assert {row.at for row in means} == {-1}


def test_runs_are_means_and_spans_over_seeds() -> None:
    trained = make_trained(MADE)
    trained[0] = trained[0].model_copy(update={"n_tokens": 100_000, "last_loss": 0.6})
    sft, cft = list_runs(trained)
    assert (sft.n_tokens, cft.n_tokens, sft.seeds) == ("100,000 to 200,000", "200,000", [0, 1])
    assert sft.last_loss == pytest.approx(0.7)


def test_the_plot_of_a_dose_response_lies_in_its_box() -> None:
    doses = ((0.0, 0.6), (0.2, 0.5), (0.4, 0.45))
    points = tuple(DosePoint(arm=f"cft@{at * 100:g}", dose=at, value=value, low=value - 0.1, high=value + 0.1)
                   for at, value in doses)
    dose = Dose(set="held_out", task="answer", metric="accuracy", n_queries=9, n_seeds=3, is_told=True,
                sentence="", p_value=0.01, p_bend=0.5, slope=Estimate(value=-0.4, low=-9.0, high=-0.1),
                points=points)
    plot = plot_dose(dose)
    assert len(plot.points) == 3
    corners = [tuple(map(float, corner.split(","))) for corner in plot.wedge.split()]
    for x, y in [*corners, *((x, y) for x, *ys in plot.points for y in ys), plot.line[:2], plot.line[2:]]:
        assert plot.left <= x <= plot.right
        assert 0 <= y <= plot.height
    assert all(top < y < bottom for _, y, top, bottom in plot.points)
    assert plot.points[0][1] < plot.points[2][1]  # the smaller value lies lower on the page
