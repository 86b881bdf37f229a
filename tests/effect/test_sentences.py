from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.effect.figures import Asymmetry, Comparison, Estimate
from cftdata.effect.sentences import points, say_asymmetry, say_comparison, say_p, say_value


def comparison(**more: Any) -> Comparison:
    fields: dict[str, Any] = {
        "arm": "cft", "other": "sft", "set": "held_out", "task": "answer", "metric": "accuracy",
        "family": "primary", "value": 0.621, "other_value": 0.618, "difference": 0.003, "low": -0.019,
        "high": 0.025, "p_value": 0.78, "p_holm": 1.0, "p_queries": 0.7, "n_queries": 200, "n_seeds": 5,
        "sentence": ""}
    return Comparison(**fields | more)


def test_no_difference_beyond_noise() -> None:
    assert say_comparison(comparison(), 0.95, 3) == (
        "Answering held-out queries: no difference beyond noise between cft and sft: 62.1% against 61.8%, "
        "interval −1.9 to 2.5, 5 seeds.")


def test_a_difference_with_its_size() -> None:
    told = comparison(value=0.702, difference=0.084, low=0.05, high=0.118, p_value=0.0002, p_holm=0.0006)
    assert say_comparison(told, 0.95, 3) == (
        "Answering held-out queries: cft reaches 8.4 points more than sft: 70.2% against 61.8%, interval 5.0 "
        "to 11.8, 5 seeds (p < 0.001).")
    worse = told.model_copy(update={"difference": -0.084, "low": -0.118, "high": -0.05})
    assert "8.4 points less than sft" in say_comparison(worse, 0.95, 3)


def test_a_difference_that_does_not_outlive_the_correction() -> None:
    told = say_comparison(comparison(low=0.001, p_value=0.04, p_holm=0.12), 0.95, 3)
    assert "no difference established" in told
    assert "alone it would be one (p = 0.04), among 3 comparisons it is not (p = 0.12)" in told


def test_means_are_no_percentages() -> None:
    told = comparison(metric="distinct_answers", is_sampled=True, task="answer", value=2.5, other_value=1.25,
                      difference=1.25, low=1.0, high=1.5, p_value=0.001, p_holm=0.001)
    assert say_comparison(told, 0.95, 3) == (
        "Answering held-out queries, sampled, distinct answers a query: cft reaches 1.25 more than sft: 2.50 "
        "against 1.25, interval 1.00 to 1.50, 5 seeds (p = 0.001).")


@given(st.floats(-1, 1))
def test_points_show_their_sign_and_never_minus_nothing(value: float) -> None:
    said = points(value)
    assert float(said.replace("−", "-")) == pytest.approx(value * 100, abs=0.051)
    assert said != "−0.0"


def test_what_is_not_known_is_a_dash() -> None:
    assert (say_value(None), say_p(None)) == ("—", "no test")
    assert (say_value(0.99996), say_p(0.05)) == ("99.996%", "p = 0.05")


NONE = Estimate(value=None, low=None, high=None)


def asymmetry(**more: Any) -> Asymmetry:
    at = Estimate(value=0.7, low=0.6, high=0.8)
    fields: dict[str, Any] = {
        "arm": "cft", "set": "held_out", "others": at, "itself": Estimate(value=0.6, low=0.5, high=0.7),
        "difference": Estimate(value=0.1, low=0.02, high=0.18), "p_value": 0.02,
        "self_trust": Estimate(value=0.05, low=-0.02, high=0.12), "others_right_rate": 0.5,
        "itself_right_rate": 0.2, "others_unadjusted": 0.7, "itself_unadjusted": 0.8, "difficulties": (1,),
        "n_others": 90, "n_itself": 90, "n_left_out": 0, "n_seeds": 5}
    return Asymmetry(**fields | more)


def test_judging_others_and_itself() -> None:
    assert say_asymmetry(asymmetry(), 0.95) == (
        "cft judges others better than itself on held-out queries: 70.0% against 60.0% at equal difficulty "
        "and base rate, interval 2.0 to 18.0, 5 seeds. No self-trust beyond noise (5.0, interval −2.0 to "
        "12.0).")
    trusting = asymmetry(difference=Estimate(value=0.1, low=-0.02, high=0.22),
                         self_trust=Estimate(value=0.2, low=0.1, high=0.3))
    said = say_asymmetry(trusting, 0.95)
    assert said.startswith("No difference beyond noise between cft judging others and itself")
    assert "says `right` of itself 20.0 points more often (interval 10.0 to 30.0)" in said
    assert "cannot be told" in say_asymmetry(asymmetry(difference=NONE, self_trust=NONE), 0.95)
