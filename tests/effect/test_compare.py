from __future__ import annotations

import pytest
from made_study import Made, make_outcomes
from outcome_rows import answered

from cftdata.effect.cells import read_table
from cftdata.effect.compare import compare, list_pairs
from cftdata.effect.figures import Comparison


def compared(made: Made) -> list[Comparison]:
    trained = set(made.skill) - {"base"}
    return compare(read_table(make_outcomes(made), trained), list(made.skill))


def test_which_arms_are_compared() -> None:
    assert list_pairs(["base", "leak", "cft-curated", "cft"]) == [
        ("cft", "base"), ("cft-curated", "cft"), ("leak", "base"), ("cft-curated", "base")]
    assert list_pairs(["cft@20", "cft@10"]) == []
    assert list_pairs(["base"]) == []


def test_a_planted_difference_is_found_and_none_is_not() -> None:
    made = Made(skill={"base": -1.5, "sft": 0.5, "cft": 0.5}, n_queries=120, seeds=(0, 1, 2, 3),
                sets=("held_out",), random_seed=3)
    primary = {(each.arm, each.other): each for each in compared(made) if each.family == "primary"}
    assert set(primary) == {("cft", "sft"), ("cft", "base"), ("sft", "base")}
    alike, apart = primary["cft", "sft"], primary["sft", "base"]
    assert alike.low is not None
    assert alike.high is not None
    assert alike.low <= 0 <= alike.high
    assert "no difference beyond noise between cft and sft" in alike.sentence
    assert apart.p_holm is not None
    assert apart.p_holm < 0.001
    assert apart.difference > 0.2
    assert "points more than base" in apart.sentence
    assert apart.n_seeds == 4


def test_p_values_are_corrected_within_their_family_and_the_question_comes_first() -> None:
    found = compared(Made(n_queries=20, seeds=(0, 1)))
    families = [each.family for each in found]
    assert families == sorted(families)
    for family in ("primary", "secondary"):
        p_values = [(each.p_value, each.p_holm) for each in found if each.family == family]
        smallest = min(p for p, _ in p_values if p is not None)
        assert min(p for _, p in p_values if p is not None) == pytest.approx(min(1, smallest * len(p_values)))
        assert all(p <= corrected for p, corrected in p_values if p is not None and corrected is not None)


def test_only_seeds_that_both_arms_have_are_compared() -> None:
    rows = [answered(i, (i + seed) % 3 == 0, arm=arm, seed=seed)
            for arm, seeds in (("sft", (0, 1)), ("cft", (1, 2))) for seed in seeds for i in range(12)]
    question, _ = compare(read_table(rows, {"sft", "cft"}), ["sft", "cft"])
    assert (question.n_seeds, question.difference, question.metric) == (1, 0, "accuracy")
    rows = [row for row in rows if (row.arm, row.seed) != ("cft", 1)]
    assert compare(read_table(rows, {"sft", "cft"}), ["sft", "cft"]) == []


def test_with_one_seed_the_test_over_queries_is_mcnemars() -> None:
    rows = [answered(i, i < right, arm=arm) for arm, right in (("sft", 4), ("cft", 10)) for i in range(20)]
    question = compare(read_table(rows, {"sft", "cft"}), ["sft", "cft"])[0]
    assert question.p_queries == pytest.approx(2 * 0.5**6)
    assert "1 seed, so the interval is over queries alone" in question.sentence


def test_one_query_is_too_few() -> None:
    rows = [answered(1, arm == "cft", arm=arm) for arm in ("sft", "cft")]
    question = compare(read_table(rows, {"sft", "cft"}), ["sft", "cft"])[0]
    assert (question.p_value, question.p_holm, question.low) == (None, None, None)
    assert "too few queries" in question.sentence


def test_where_nothing_differs_hardly_anything_is_found() -> None:
    n_found, n_compared = 0, 0
    for random_seed in range(12):
        made = Made(skill={"base": 0.0, "sft": 0.0, "cft": 0.0}, n_queries=40, seeds=(0, 1, 2),
                    seed_noise=0.3, n_samples=2, sets=("held_out",), judging={}, random_seed=random_seed)
        found = compared(made)
        n_compared += len(found)
        n_found += any("points" in each.sentence for each in found)
    assert n_compared >= 100
    assert n_found <= 3  # of 12 studies, two families of 5% each
