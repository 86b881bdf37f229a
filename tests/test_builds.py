"""Builds: what they leave on disk, and that the same command goes on and pays for nothing twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cftdata.audit import audit
from cftdata.builds import BuildReport, build, find_finished
from cftdata.calls import Completion, ModelUnusable, Provider, Request
from cftdata.errors import SourceNotFound
from cftdata.plans import plan
from cftdata.providers import ScriptedProvider
from cftdata.recipe import Recipe

RIGHT = "Every step holds. Conclusion: right [END]"


def recipe(**changes: object) -> Recipe:
    plain: dict[str, object] = {
        "id": "test", "queries": {"source": "problems", "n": 20}, "responses": [{"kind": "noise"}],
        "critics": [{"model": "symbolic"}, {"model": "a/x"}],
        "limits": {"default": {"n_tries": 2, "backoff_s": 0.001, "n_asked": 2, "set_aside_after": 3}}}
    return Recipe.model_validate(plain | changes)


def scripted(answer: str = RIGHT) -> dict[str, ScriptedProvider]:
    return {"a/x": ScriptedProvider(lambda request: answer)}


def rows_of(folder: Path, name: str = "samples") -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


def tables_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


def test_what_a_build_leaves_is_what_an_audit_reads(tmp_path: Path) -> None:
    models = scripted()
    report = build(recipe(), tmp_path, providers=models)
    assert report.is_complete
    assert (report.n_queries, report.n_samples) == (20, 20 + report.samples_by_critic["symbolic"])
    assert len(models["a/x"].requests) == report.models[0].n_calls == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "build.json", "ledger.sqlite", "ledger.sqlite.lock", "samples.parquet", "unmade.parquet"]
    assert BuildReport.model_validate_json((tmp_path / "build.json").read_bytes()) == report
    assert len(rows_of(tmp_path, "unmade")) == sum(report.unmade.values())
    audited = audit(tmp_path / "samples.parquet")
    rates = {group.by["critic"]: group.rates["verdict_error"]
             for group in audited.groups if "critic" in group.by}
    assert rates["symbolic"].n_hits == 0
    truth = sum(row["gold"]["response_correct"] is False for row in rows_of(tmp_path)  # type: ignore[index]
                if row["critique"]["provenance"]["model"] == "a/x")  # type: ignore[index]
    assert rates["a/x"].n_hits == truth > 0


def test_a_finished_build_is_done_at_once_and_a_changed_recipe_is_not(tmp_path: Path) -> None:
    report = build(recipe(), tmp_path, providers=scripted())
    silent = {"a/x": ScriptedProvider({})}
    began = time.process_time()
    assert build(recipe(), tmp_path, providers=silent) == report
    assert time.process_time() - began < 1
    assert not silent["a/x"].requests
    assert find_finished(recipe(seed=1), tmp_path) is None
    other = scripted("It is off. Conclusion: wrong [END]")
    changed = recipe(critics=[{"model": "symbolic"}, {"model": "a/x", "prompt": "processbench-paragraph"}])
    build(changed, tmp_path, providers=other)
    assert len(other["a/x"].requests) == 20  # another prompt asks anew


def test_a_larger_build_pays_only_for_what_is_new(tmp_path: Path) -> None:
    build(recipe(), tmp_path, providers=scripted())
    more = scripted()
    report = build(recipe(queries={"source": "problems", "n": 30}), tmp_path, providers=more)
    assert len(more["a/x"].requests) == 10
    assert report.samples_by_critic["a/x"] == 30


def test_a_model_that_fails_leaves_reasons_and_the_next_run_goes_on(tmp_path: Path) -> None:
    failing = {"a/x": ScriptedProvider(lambda request: ModelUnusable("no key: set A_API_KEY"))}
    report = build(recipe(), tmp_path, providers=failing)
    assert not report.is_complete
    assert report.unmade["critique:set_aside"] == 20
    assert report.samples_by_critic.keys() == {"symbolic"}
    again = build(recipe(), tmp_path, providers=scripted())
    assert again.is_complete
    assert again.samples_by_critic["a/x"] == 20


def test_a_budget_is_never_passed_and_more_of_it_goes_on(tmp_path: Path) -> None:
    models = scripted()
    report = build(recipe(budget={"n_calls": 7}), tmp_path, providers=models)
    assert len(models["a/x"].requests) == 7
    assert not report.is_complete
    more = scripted()
    assert build(recipe(budget={"n_calls": 20}), tmp_path, providers=more).is_complete
    assert len(more["a/x"].requests) == 13


def test_a_critique_that_cannot_be_read_is_kept_booked_and_asked_for_again(tmp_path: Path) -> None:
    report = build(recipe(), tmp_path, providers=scripted("I cannot tell."))
    assert report.is_complete  # the model had its chances; the same command would bring nothing new
    [models] = report.models
    assert (models.n_calls, models.n_usable) == (40, 0)
    assert sum(n for reason, n in report.unmade.items() if "unusable" in reason) == 20


def test_a_dry_run_sends_nothing_and_counts_what_would_be_sent(tmp_path: Path) -> None:
    planned = plan(recipe(), tmp_path)
    assert (planned.n_calls, planned.models[0].n_calls) == (20, 20)
    assert planned.models[0].cost_usd is None
    assert "Conclusion" in planned.first_prompt[-1].content
    assert list(tmp_path.iterdir()) == []
    build(recipe(budget={"n_calls": 7}), tmp_path, providers=scripted())
    assert [(one.n_calls, one.n_paid) for one in plan(recipe(), tmp_path).models] == [(13, 7)]


def test_a_recorded_build_runs_again_without_a_call(tmp_path: Path) -> None:
    recorded = build(recipe(), tmp_path / "first", providers=scripted())
    again = build(recipe(), tmp_path / "again", replay=tmp_path / "first" / "ledger.sqlite")
    assert again.samples_by_critic == recorded.samples_by_critic
    assert rows_of(tmp_path / "again") == rows_of(tmp_path / "first")


def test_what_a_recording_lacks_is_left_to_be_made(tmp_path: Path) -> None:
    build(recipe(), tmp_path / "first", providers=scripted())
    more = recipe(queries={"source": "problems", "n": 22})
    report = build(more, tmp_path / "again", replay=tmp_path / "first" / "ledger.sqlite")
    assert (report.unmade["critique:rejected"], report.is_complete) == (2, False)
    assert build(more, tmp_path / "again", providers=scripted()).is_complete


def test_a_fault_of_the_run_leaves_the_last_build_whole(tmp_path: Path) -> None:
    build(recipe(), tmp_path, providers=scripted())
    before = tables_in(tmp_path)
    with pytest.raises(SourceNotFound):
        build(recipe(queries={"source": "nowhere.jsonl"}), tmp_path, providers=scripted())
    assert tables_in(tmp_path) == before
    assert not any(path.name.startswith(".partial") for path in tmp_path.iterdir())


SLOW = """
import sys
from tests.test_builds import BUILT, recipe
from cftdata.builds import build
from cftdata.providers import ScriptedProvider
def answer(request):
    print("asked", file=sys.stderr, flush=True)
    return "It holds. Conclusion: right [END]"
report = build(recipe(**BUILT), sys.argv[1], providers={"a/x": ScriptedProvider(answer, seconds=0.02)})
print(report.is_complete, report.n_samples)
"""
BUILT: dict[str, object] = {"queries": {"source": "problems", "n": 200}, "critics": [{"model": "a/x"}],
                            "limits": {"default": {"n_in_flight": 4}}}


def start(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SLOW, str(folder)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


def wait_for_calls(process: subprocess.Popen[str], n: int) -> None:
    assert process.stderr is not None
    for _ in range(n):
        assert process.stderr.readline() == "asked\n"


def n_paid(folder: Path) -> int:
    with sqlite3.connect(folder / "ledger.sqlite") as db:
        n: int = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    db.close()
    return n


def test_an_interrupt_writes_what_there_is_and_the_same_command_goes_on(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_calls(process, 20)
    process.send_signal(signal.SIGINT)
    printed, rest = process.communicate(timeout=60)
    asked = 20 + rest.count("asked")
    is_complete, n_samples = printed.split()
    assert is_complete == "False"
    assert int(n_samples) == n_paid(tmp_path) == asked < 200  # what was in flight was booked and used
    printed, rest = start(tmp_path).communicate(timeout=60)
    assert printed.split() == ["True", "200"]
    assert rest.count("asked") == 200 - asked


def test_a_kill_at_any_moment_costs_only_what_was_in_flight(tmp_path: Path) -> None:
    n_asked = 0
    for n in (5, 40, 70):
        process = start(tmp_path)
        wait_for_calls(process, n)
        os.kill(process.pid, signal.SIGKILL)
        _, rest = process.communicate(timeout=60)
        n_asked += n + rest.count("asked")
        assert not (tmp_path / "samples.parquet").exists()
    printed, rest = start(tmp_path).communicate(timeout=60)
    n_asked += rest.count("asked")
    assert printed.split() == ["True", "200"]
    assert n_paid(tmp_path) == 200
    assert n_asked <= 200 + 3 * 4  # n_in_flight is 4


def test_completions_are_used_as_they_are(tmp_path: Path) -> None:
    text = "  It holds.\n\nConclusion: right [END]  "

    def answer(request: Request) -> Completion:
        return Completion(text=text, finish_reason="stop", cost_usd=0.25, n_prompt_tokens=3,
                          n_completion_tokens=4)

    provider: Provider = ScriptedProvider(answer)
    report = build(recipe(critics=[{"model": "a/x"}]), tmp_path, providers={"a/x": provider})
    assert report.cost_usd == 5.0
    critiques = [row["critique"] for row in rows_of(tmp_path)]
    assert {critique["text"] for critique in critiques} == {text}  # type: ignore[index]
    assert critiques[0]["provenance"]["usage"] == {"n_tokens": 7, "cost_usd": 0.25}  # type: ignore[index]
    assert critiques[0]["provenance"]["prompt"].startswith("cft-short@")  # type: ignore[index]
