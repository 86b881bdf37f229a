from __future__ import annotations

import pytest
from outcome_rows import answered, judged

from cftdata.effect.cells import UNKNOWN, Key, read_table

ANSWERS = Key("cft", "held_out", "answer", False)


def test_positions_of_queries_are_the_same_in_every_block() -> None:
    table = read_table([answered(1, True), answered(2, False),
                        judged(2, True, "right"), judged(3, False, None)])
    others = table.blocks[Key("cft", "held_out", "judge_others", False)]
    assert table.blocks[ANSWERS].query.tolist() == [0, 1]
    assert others.query.tolist() == [1, 2]
    assert {block.n_queries for block in table.blocks.values()} == {3}


def test_an_outcome_that_is_there_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="cft, held_out, answer are there twice"):
        read_table([answered(1, True), answered(1, True)])
    read_table([answered(1, True), answered(1, True, seed=1), answered(1, True, draw=1)])


def test_answers_are_one_as_numbers_or_as_words() -> None:
    said = ["7", " 7.0", "$7$", "1,000", "1000", "x + 1", "X  +  1", "y", None]
    table = read_table([answered(i, None, answer=answer) for i, answer in enumerate(said)])
    assert table.blocks[ANSWERS].answer.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, UNKNOWN]


def test_seeds_are_those_that_both_have_and_a_model_as_it_is_stands_for_all() -> None:
    rows = [answered(1, True, arm=arm, seed=seed)
            for arm, seeds in (("base", (0,)), ("sft", (0, 1, 2)), ("cft", (1, 2, 3))) for seed in seeds]
    table = read_table(rows, trained={"sft", "cft"})
    base, sft, cft = (ANSWERS._replace(arm=arm) for arm in ("base", "sft", "cft"))
    assert table.seeds(sft, cft) == {1, 2}
    assert table.seeds(base, cft) == {1, 2, 3}
    assert table.seeds(base) == {0}
    assert table.blocks[sft].of_seeds({1, 2}).seeds == (1, 2)
    assert table.blocks[sft].of_seeds({1, 2}).seed.tolist() == [0, 1]
    assert table.blocks[base].of_seeds({1, 2}).seeds == (0,)


def test_judged_answers_of_any_draw_are_one_block() -> None:
    table = read_table([judged(1, True, "right", task="judge_self", draw=draw) for draw in (0, 1, 2)])
    assert list(table.blocks) == [Key("cft", "held_out", "judge_self", False)]
