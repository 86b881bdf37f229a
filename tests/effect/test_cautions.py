from __future__ import annotations

import pytest
from made_study import Made, make_conditions, make_trained
from outcome_rows import answered, judged

from cftdata.effect.cautions import warn
from cftdata.effect.measure import measure
from cftdata.effect.outcomes import Outcome

MADE = Made()
GOOD: list[Outcome] = [answered(i, i < 4, arm="base") for i in range(10)]


def warned(rows: list[Outcome] = GOOD, more: dict[str, object] | None = None) -> str:
    trained = [each.model_copy(update=more if more and each.arm == "cft" else {})
               for each in make_trained(MADE)]
    return "\n".join(warn(make_conditions(MADE), trained, measure(rows)))


def test_a_sound_study_needs_no_caution() -> None:
    assert warned() == ""


@pytest.mark.parametrize(("more", "said"), [
    ({"n_tokens": 400_000}, "not trained on equally many tokens: sft 200,000, cft 400,000"),
    ({"n_rows": 2000}, "not trained on equally many distinct rows: sft 1,000, cft 2,000"),
    ({"last_loss": 2.2}, "cft, seed 4: the loss did not fall (2.1 to 2.2)"),
    ({"n_cut": 7}, "cft, seed 0: 7 of 1,000 rows were cut"),
])  # fmt: skip
def test_what_went_wrong_in_training(more: dict[str, object], said: str) -> None:
    assert said in warned(more=more)


@pytest.mark.parametrize(("rows", "said"), [
    ([answered(i, False, arm="base") for i in range(10)], "base, answering held-out queries: it gets 0%"),
    ([*GOOD, *(answered(20 + i, None) for i in range(2)), *(answered(i, True) for i in range(8))],
     "cft, answering held-out queries: 20.0% give no readable answer"),
    ([judged(i, i < 5, "wrong") for i in range(10)], "it says `wrong` of nearly everything, which is no"),
    ([judged(i, i < 5, "right") for i in range(10)], "it says `right` of nearly everything"),
    ([judged(i, True, None if i else "right") for i in range(4)], "75.0% give no readable verdict"),
])  # fmt: skip
def test_what_the_figures_hide(rows: list[Outcome], said: str) -> None:
    assert said in warned(rows)


def test_few_seeds() -> None:
    one, two = ("\n".join(warn(make_conditions(MADE), make_trained(Made(seeds=seeds)), []))
                for seeds in ((0,), (0, 1)))
    assert "There is 1 seed" in one
    assert "There are 2 seeds" in two


def test_a_study_that_was_cut_off_says_so() -> None:
    conditions = make_conditions(MADE).model_copy(update={"is_complete": False})
    assert "not complete" in warn(conditions, [], [])[0]
