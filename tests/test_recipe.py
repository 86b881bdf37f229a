"""Recipes: what they refuse, and by what they are known again."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cftdata.errors import ConfigError
from cftdata.recipe import RECIPES, Recipe, list_recipes, load_recipe

PLAIN = """
id: mine
queries: {source: problems, n: 3}
responses: [{kind: noise}]
critics: [{model: symbolic}]
"""


def load(folder: Path, text: str) -> Recipe:
    path = folder / "mine.yaml"
    path.write_text(text)
    return load_recipe(path)


def test_the_recipes_of_the_package_load_and_say_what_they_are_for() -> None:
    names = {"critique-and-refine", "demo", "error-injection", "one-shot-cft", "self-critique",
             "webinstruct-cft"}
    assert {path.stem for path in RECIPES.glob("*.yaml")} == names
    assert all(list_recipes().values())
    assert all(load_recipe(name).id == name for name in names)


@pytest.mark.parametrize(("change", "said"), [
    ("sede: 3", "unknown key 'sede'; did you mean 'seed'"),
    ("queries: {source: problems, n: 3, dificulties: [1]}", "in queries; did you mean 'difficulties'"),
    ("queries: {source: problems}", "say how many with n"),
    ("queries: {source: problems, n: 3, difficulties: [9]}", "wrong 'queries.difficulties.0'"),
    ("responses: [{kind: noise, right_rat: 0.5}]", "did you mean 'right_rate'"),
    ("responses: [{kind: noise, kinds: {aritmetic_slip: 1}}]", "did you mean 'arithmetic_slip'"),
    ("responses: [{kind: sauce}]", "wrong 'responses.0'"),
    ("responses: []", "wrong 'responses'"),
    ("responses: [{kind: model, n: 2}]", "has no 'model'"),
    ("critics: [{model: symbolic, wrong_rate: 1.5}]", "wrong_rate"),
    ("critics: [{model: a/b, prompt: cft-shrt}]", "did you mean 'cft-short'"),
    ("budget: {cost_us: 3}", "did you mean 'cost_usd'"),
    ("limits: {default: {n_in_flght: 3}}", "did you mean 'n_in_flight'"),
])
def test_what_is_wrong_is_one_sentence_with_the_nearest_name(tmp_path: Path, change: str, said: str) -> None:
    key = change.partition(":")[0]
    lines = [line for line in PLAIN.splitlines() if not line.startswith(f"{key}:")]
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "\n".join([*lines, change]))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_its_rows_depend_on_is_in_its_ref_and_nothing_else(tmp_path: Path) -> None:
    ref = load(tmp_path, PLAIN).ref
    for same in ("about: words", "budget: {n_calls: 9}", "limits: {default: {n_tries: 2}}", "out: there",
                 "protocol: strict"):
        assert load(tmp_path, f"{PLAIN}{same}\n").ref == ref
    for other in ("seed: 4", "assign: share", "judge: {model: a/b}"):
        assert load(tmp_path, f"{PLAIN}{other}\n").ref != ref


def test_recipes_survive_being_written_out() -> None:
    for path in RECIPES.glob("*.yaml"):
        recipe = load_recipe(path.stem)
        again = Recipe.model_validate(yaml.safe_load(yaml.safe_dump(recipe.model_dump(mode="json"))))
        assert again == recipe
