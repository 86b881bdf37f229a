from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_study import Made, make_outcomes
from outcome_rows import answered, judged

from cftdata.effect.figures import Figure
from cftdata.effect.measure import METRICS, measure
from cftdata.effect.outcomes import Outcome

CORRECT = st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=20)


def named(figures: list[Figure], *, judged: str | None = None) -> dict[str, Figure]:
    return {figure.metric: figure for figure in figures if figure.judged == judged}


def values(rows: list[Outcome]) -> dict[str, float | None]:
    return {name: figure.value for name, figure in named(measure(rows)).items()}


@given(CORRECT)
def test_an_unreadable_answer_is_not_a_wrong_one(correct: list[bool | None]) -> None:
    figures = named(measure([answered(i, each) for i, each in enumerate(correct)]))
    known = [each for each in correct if each is not None]
    assert figures["accuracy"].value == (pytest.approx(sum(known) / len(known)) if known else None)
    assert (figures["accuracy"].n_counted, figures["accuracy"].n_total) == (len(known), len(correct))
    assert figures["unreadable_rate"].value == pytest.approx(correct.count(None) / len(correct))
    assert figures["right_of_all"].value == pytest.approx(correct.count(True) / len(correct))


def test_an_answer_that_cannot_be_compared_counts_nowhere_but_in_its_own_share() -> None:
    found = values([answered(1, True), answered(2, None, answer="x"), answered(3, None)])
    assert (found["accuracy"], found["right_of_all"]) == (1.0, 0.5)
    assert found["undecided_rate"] == pytest.approx(1 / 3)


@given(st.lists(st.booleans(), min_size=4, max_size=8))
def test_pass_at_k_is_the_mean_over_all_choices_of_k(correct: list[bool]) -> None:
    found = values([answered(1, each, draw=i + 1) for i, each in enumerate(correct)])
    for k in (1, 2, 4):
        choices = list(combinations(correct, k))
        assert found[f"pass_at_{k}"] == pytest.approx(sum(map(any, choices)) / len(choices))
    assert ("pass_at_8" in found) == (len(correct) == 8)


def test_a_query_with_fewer_draws_than_k_is_left_out_of_pass_at_k() -> None:
    rows = [answered(1, True, draw=i) for i in (1, 2)] + [answered(2, False, draw=1),
                                                          answered(2, None, draw=2, answer="x")]
    figures = named(measure(rows))
    assert (figures["pass_at_2"].value, figures["pass_at_2"].n_queries) == (1.0, 1)
    assert (figures["pass_at_1"].value, figures["pass_at_1"].n_queries) == (0.5, 2)


def test_distinct_answers_are_counted_by_query_and_seed() -> None:
    said = {(0, 1): "1", (0, 2): "1.0", (0, 3): "2", (0, 4): None, (1, 1): "3", (1, 2): "3"}
    rows = [answered(1, None, answer=answer, draw=draw, seed=seed) for (seed, draw), answer in said.items()]
    assert values(rows)["distinct_answers"] == 1.5


def test_greedy_and_sampled_answers_are_apart() -> None:
    figures = measure([answered(1, True), *(answered(1, False, draw=i) for i in (1, 2))])
    found = {figure.is_sampled: figure.value for figure in figures if figure.metric == "accuracy"}
    assert found == {False: 1.0, True: 0.0}


def test_always_wrong_is_no_judging() -> None:
    rows = [judged(i, i < 3, "wrong") for i in range(10)]
    found = values(rows)
    assert found["verdict_accuracy"] == found["majority_baseline"] == 0.7
    assert (found["balanced_accuracy"], found["says_right_rate"]) == (0.5, 0.0)


def test_what_has_no_verdict_or_no_truth_is_not_judged_wrongly() -> None:
    rows = [judged(1, True, "right"), judged(2, False, "wrong"), judged(3, True, None),
            judged(4, None, "right")]
    figures = named(measure(rows))
    assert (figures["verdict_accuracy"].value, figures["verdict_accuracy"].n_counted) == (1.0, 2)
    assert (figures["balanced_accuracy"].value, figures["no_verdict_rate"].value) == (1.0, 0.25)


def test_of_one_kind_of_truth_there_is_no_balanced_accuracy() -> None:
    assert values([judged(i, True, "right") for i in range(4)])["balanced_accuracy"] is None


def test_the_first_wrong_step() -> None:
    rows = [judged(1, False, "wrong", found_step=2, true_step=2),
            judged(2, False, "wrong", found_step=0, true_step=2),
            judged(3, False, "wrong", found_step=None, true_step=1),  # says not where
            judged(4, False, "right", true_step=1),  # says nowhere
            judged(5, False, None, true_step=1),  # says nothing
            judged(6, True, "right", true_step=-1), judged(7, True, "wrong", found_step=0, true_step=-1)]
    figures = named(measure(rows))
    assert figures["step_accuracy"].value == pytest.approx(1 / 3)
    assert figures["step_accuracy"].n_counted == 3
    assert figures["no_step_rate"].value == 0.25
    erroneous, correct = 1 / 5, 1 / 2  # ProcessBench: what names no step has not found it
    assert figures["processbench_f1"].value == pytest.approx(2 * erroneous * correct / (erroneous + correct))


def test_kinds_of_judged_responses_are_also_shown_apart() -> None:
    rows = [judged(1, True, "right", judged="injected"), judged(2, True, "wrong", judged="model/a")]
    figures = measure(rows)
    assert named(figures)["verdict_accuracy"].value == 0.5
    assert named(figures, judged="injected")["verdict_accuracy"].value == 1
    assert named(figures, judged="model/a")["verdict_accuracy"].value == 0


def test_the_order_of_outcomes_does_not_matter() -> None:
    rows = list(make_outcomes(Made(n_queries=8, seeds=(0, 1))))
    place = {"base": 0, "sft": 1, "cft": 2}

    def ordered(rows: list[Outcome]) -> list[Figure]:
        return sorted(measure(rows, {"sft", "cft"}), key=lambda f: (place[f.arm], f.set, f.task, f.is_sampled,
                                                                    f.metric))

    for one, other in zip(ordered(rows), ordered(rows[::-1]), strict=True):
        assert one.model_dump() == pytest.approx(other.model_dump())


def test_every_measure_is_said_in_words_and_seen_in_a_study() -> None:
    seen = {figure.metric for figure in measure(make_outcomes(Made(n_queries=4, seeds=(0, 1))))}
    assert {name for name in METRICS if not name.startswith("pass_at_")} <= seen
    assert all(metric.words for metric in METRICS.values())
