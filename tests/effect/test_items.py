"""Items: none is trained on, the truth of judged responses is known, gsm8k where its file is named."""

import json
from pathlib import Path

import pytest

from cftdata.effect.items import make_items
from cftdata.effect.rows import draw_pool
from cftdata.effect.settings import EffectSettings, ItemSet, OwnRows, load_settings
from cftdata.errors import ConfigError

QUICK = load_settings("quick")


def test_nothing_that_is_trained_on_is_asked_or_shown() -> None:
    free = make_items(QUICK, [], frozenset())
    trained = {item.query.text for item in free.answer[:30]}
    items = make_items(QUICK, [], trained)
    assert not trained & {item.query.text for item in items.answer}
    assert not trained & {one.sample.query.text for one in items.judge}
    assert len(items.answer) == len(free.answer)
    assert len(items.shots) == QUICK.answering.n_shots
    shown = "".join(row.prompt for row in items.shots)
    assert not any(item.query.text in shown for item in items.answer)


def test_judged_responses_are_right_and_wrong_and_steps_fit() -> None:
    items = make_items(QUICK, [], frozenset())
    truths = [one.truth_right for one in items.judge]
    assert 0.25 < sum(truths) / len(truths) < 0.75
    assert all((one.true_step == -1) == one.truth_right for one in items.judge)


def test_longer_problems_have_more_steps() -> None:
    steps = {item.set: set[int | None]() for item in make_items(QUICK, [], frozenset()).answer}
    for item in make_items(QUICK, [], frozenset()).answer:
        steps[item.set].add(item.difficulty)
    assert steps["held_out"] == steps["reworded"] == {1, 2}
    assert steps["longer"] == {3}


def test_held_out_rows_of_the_dataset_are_items_too() -> None:
    settings = EffectSettings(id="x", items={"held_out": ItemSet(n=10, n_judged=5)})
    items = make_items(settings, draw_pool(OwnRows(n=40)), frozenset())
    assert (len(items.answer), len(items.judge)) == (10, 5)
    with pytest.raises(ConfigError, match="held_out has no item"):
        make_items(settings, [], frozenset())


def test_a_file_of_gsm8k_is_read_with_its_answers(tmp_path: Path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(json.dumps({"question": "How many?", "answer": "3 + 4 = 7\n#### 7"}) + "\n")
    settings = EffectSettings(id="x", items={"gsm8k": ItemSet(source=str(path), n=5)})
    [item] = make_items(settings, [], frozenset()).answer
    assert item.query.reference_answer == "7"
