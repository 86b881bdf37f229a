"""A release: the steps in order, each going on where it stopped; a failed gate ends it."""

import json
from pathlib import Path

import pytest
import yaml
from test_curate import RIGHT, WRONG, row, write_set
from typer.testing import CliRunner

from cftdata.cli import app
from cftdata.errors import ConfigError
from cftdata.release import ReleaseRecipe, load_release, release


@pytest.fixture
def recipe(tmp_path: Path) -> ReleaseRecipe:
    rows = [row(n, f"Fine. {RIGHT}") for n in range(1, 101)] + [row(n, f"No. {WRONG}") for n in (201, 202)]
    return ReleaseRecipe.model_validate({
        "id": "mine", "source": str(write_set(tmp_path, rows)), "out": str(tmp_path / "out"),
        "export": ["trl"], "gates": {"n_samples": 50}})


def test_all_steps_are_taken_in_order_and_again_without_work(recipe: ReleaseRecipe) -> None:
    report = release(recipe)
    assert report.is_passed
    assert [(step.step, step.state) for step in report.steps] == [
        ("build", "left_out"), ("audit", "done"), ("curate", "done"), ("gate", "done"), ("export", "done"),
        ("publish", "left_out")]
    assert report.n_kept == 100
    out = Path(recipe.out or "")
    assert len((out / "export" / "trl" / "train.jsonl").read_text().splitlines()) == 100
    marked = (out / "curated" / "samples.parquet").stat().st_mtime_ns
    assert release(recipe).gates == report.gates
    assert (out / "curated" / "samples.parquet").stat().st_mtime_ns == marked


def test_a_failed_gate_ends_it_before_anything_is_exported(recipe: ReleaseRecipe) -> None:
    failing = recipe.model_copy(update={"gates": recipe.gates.model_copy(update={"n_samples": 101})})
    report = release(failing)
    assert [step.state for step in report.steps][-1] == "failed"
    assert report.steps[-1].step == "gate"
    assert not (Path(recipe.out or "") / "export").exists()
    assert json.loads((Path(recipe.out or "") / "release.json").read_text())["gates"]


def test_it_ends_at_the_step_that_is_named(recipe: ReleaseRecipe) -> None:
    assert [step.step for step in release(recipe, until="curate").steps] == ["build", "audit", "curate"]
    with pytest.raises(ConfigError, match="there is no step 'publsh'; did you mean 'publish'"):
        release(recipe, until="publsh")


@pytest.mark.parametrize("content", [
    {"id": "x"}, {"id": "x", "build": "demo", "source": "set.jsonl"},
    {"id": "x", "build": "demo", "audit": {"reference_answer": "4"}}, {"id": "x", "source": "s", "gate": {}}])
def test_a_recipe_that_cannot_be_meant_is_refused(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError):
        load_release(path)


def test_the_command_exits_with_1_and_names_the_gate(tmp_path: Path, recipe: ReleaseRecipe) -> None:
    path = tmp_path / "release.yaml"
    path.write_text(yaml.safe_dump({"id": "mine", "source": recipe.source, "out": recipe.out,
                                    "gates": {"n_samples": 1000}}))
    ran = CliRunner().invoke(app, ["release", str(path)])
    assert ran.exit_code == 1
    assert "gate FAILED: n_samples" in ran.output


def test_curate_and_export_as_commands(tmp_path: Path, recipe: ReleaseRecipe) -> None:
    curated, exported = tmp_path / "curated", tmp_path / "trl"
    ran = CliRunner().invoke(app, ["curate", str(recipe.source), "--out", str(curated), "--json"])
    assert ran.exit_code == 0
    assert json.loads(ran.stdout)["n_kept"] == 100
    ran = CliRunner().invoke(app, ["export", str(curated), "--format", "trl", "--out", str(exported)])
    assert ran.exit_code == 0, ran.output
    assert "100 rows in the format trl" in ran.stdout
    ran = CliRunner().invoke(app, ["export", str(curated), "--format", "trll", "--out", str(exported)])
    assert ran.exit_code == 2
