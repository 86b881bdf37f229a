from __future__ import annotations

import pytest
from outcome_rows import judged

from cftdata.effect.cells import read_table
from cftdata.effect.figures import Gaps
from cftdata.effect.gaps import find_gaps
from cftdata.effect.outcomes import Outcome


def found(rows: list[Outcome]) -> Gaps:
    made = find_gaps(read_table(rows), "cft", "held_out")
    assert made
    return made


def own(item: int, *judgements: tuple[bool | None, str | None]) -> list[Outcome]:
    return [judged(item, truth, verdict, task="judge_self", draw=draw + 1).model_copy(
        update={"item_id": f"q{item}"}) for draw, (truth, verdict) in enumerate(judgements)]


def test_choosing_by_its_own_verdicts() -> None:
    made = found([*own(1, (True, "right"), (False, "wrong")),  # chooses well: 1/2 becomes 1
                  *own(2, (True, "wrong"), (False, "wrong")),  # trusts none: stays 1/2
                  *own(3, (True, None), (False, "right")),  # chooses badly: 1/2 becomes 0
                  *own(4, (False, "right"), (False, None))])
    assert made.generated.value == pytest.approx(3 / 8)
    assert made.selected.value == pytest.approx(3 / 8)
    assert made.best.value == pytest.approx(3 / 4)
    assert made.discriminator_gap.value == pytest.approx(0)
    assert made.n_draws == 2


def test_a_perfect_judge_reaches_what_can_be_reached() -> None:
    made = found([row for i in range(20) for row in own(i, (i % 2 == 0, "right" if i % 2 == 0 else "wrong"),
                                                        (False, "wrong"), (False, "wrong"))])
    assert made.selected.value == made.best.value == 0.5
    assert made.discriminator_gap.value == pytest.approx(0.5 - 1 / 6)
    assert made.discriminator_gap.low is not None
    assert made.discriminator_gap.low > 0


def test_one_answer_a_query_is_no_choice() -> None:
    made = found(own(1, (True, "right")) + own(2, (False, "right"), (None, "right")))
    assert (made.generated.value, made.selected.value, made.n_draws) == (None, None, None)


def test_errors_that_are_noticed_and_not_explained() -> None:
    rows = [judged(1, False, "wrong", true_step=1, found_step=1),
            judged(2, False, "wrong", true_step=1, found_step=0), judged(3, False, "wrong", true_step=1),
            judged(4, False, "right", true_step=1), judged(5, False, None, true_step=1),
            judged(6, True, "wrong", true_step=-1), judged(7, False, "wrong")]
    made = found(rows)
    assert (made.detected.value, made.located.value, made.critique_gap.value) == (0.75, 0.25, 0.5)


def test_without_verdicts_there_are_no_gaps() -> None:
    assert find_gaps(read_table([]), "cft", "held_out") is None
