"""Curating: every row accounted for, with the reason; what is changed is verified; nothing is paid twice."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftdata import CurateReport, ScriptedProvider, curate, load_policy, match_answers
from cftdata.calls import Request
from cftdata.critics import CriticSettings
from cftdata.errors import ConfigError
from cftdata.policy import Policy, Regenerate
from cftdata.tables import read_rows

SHARED = Path(__file__).parents[2] / "shared" / "data" / "one-shot-cft" / "DSR-CFT-p0.jsonl"
RIGHT, WRONG = "Conclusion: right [END]", "Conclusion: wrong [END]"


def write_set(folder: Path, rows: list[dict[str, Any]]) -> Path:
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(number: int, critique: str, answer: int | None = None, **more: Any) -> dict[str, Any]:
    return {"query": f"What is {number} + {number}?", "response": f"The answer is {answer or 2 * number}.",
            "critique": critique, "reference_answer": str(2 * number), **more}


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / f"{name}.parquet").to_pylist()
    return rows


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    return [row(1, f"All is well. {RIGHT}"), row(2, f"No. {WRONG}"), row(3, f"It is. {RIGHT}", answer=7),
            row(4, f"Since 3 * 9 = 32. {RIGHT}"), row(5, "I cannot say."), row(6, f"All is well. {RIGHT}")]


def test_every_row_is_kept_or_dropped_with_its_reason(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source = write_set(tmp_path, rows)
    with source.open("a") as file:
        file.write("no json\n")
    report = curate(source, out=tmp_path / "out", n_processes=1)
    assert (report.n_rows, report.n_kept, report.n_dropped, report.n_unread) == (7, 3, 3, 1)
    assert report.reasons == {"drop:verdict_right_called_wrong": 1, "drop:verdict_wrong_called_right": 1,
                              "keep:no_finding": 3, "drop:arithmetic_false_equation": 1} or (
        report.reasons["drop:verdict_right_called_wrong"] == 1)
    decided = {one["source_row"]: one for one in read(tmp_path / "out", "decisions")}
    assert sorted(decided) == list(range(7))
    assert [decided[place]["action"] for place in range(7)] == [
        "keep", "drop", "drop", "drop", "keep", "keep", "unread"]
    assert "7" in decided[2]["detail"]
    kept, dropped = read(tmp_path / "out", "samples"), read(tmp_path / "out", "dropped")
    assert [one["source_row"] for one in kept] == [0, 4, 5]
    assert [one["decision"]["action"] for one in dropped] == ["drop"] * 3
    assert report.rates_before["any_error"].n_hits == 3
    assert report.rates_after["any_error"].n_hits == 0
    assert report.contamination is None


def test_a_finished_folder_is_known_until_anything_changes(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    first = curate(source, out=out, n_processes=1)
    marked = (out / "samples.parquet").stat().st_mtime_ns
    assert curate(source, out=out, n_processes=1) == first
    assert (out / "samples.parquet").stat().st_mtime_ns == marked
    again = curate(source, out=out, policy="no-reference", n_processes=1)
    assert again.policy != first.policy
    assert (out / "samples.parquet").stat().st_mtime_ns != marked


def test_what_can_be_mended_is_and_the_rest_is_dropped(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    out = tmp_path / "out"
    report = curate(write_set(tmp_path, rows), out=out, policy="mend", n_processes=1)
    assert report.actions == {"relabel": 3, "keep": 3}
    decided = {one["source_row"]: one for one in read(out, "decisions")}
    assert decided[1]["critique_before"] == f"No. {WRONG}"
    changed = {one["id"]: one for one in read(out, "samples") if one["decision"]["action"] == "relabel"}
    assert changed[decided[1]["new_sample_id"]]["critique"]["text"] == f"No. {RIGHT}"
    assert changed[decided[3]["new_sample_id"]]["critique"]["text"] == f"Since 3 * 9 = 27. {RIGHT}"
    assert report.rates_after["any_error"].n_hits == 0


def again(provider: ScriptedProvider, out: Path, source: Path, n_tries: int = 3) -> CurateReport:
    policy = load_policy("regenerate").model_copy(update={
        "regenerate": Regenerate(critic=CriticSettings(model="scripted/one"), n_tries=n_tries)})
    return curate(source, out=out, policy=policy, providers={"scripted/one": provider}, n_processes=1)


def test_a_wrong_critique_is_written_again_and_taken_when_it_passes(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    def answer(request: Request) -> str:
        asked = request.messages[-1].content
        assert "reference" not in asked.lower()
        if "3 + 3" in asked:
            return f"It seems fine. {RIGHT}"      # wrong again, at each try
        return f"Fine, try {request.sample}. {RIGHT}"

    provider = ScriptedProvider(answer)
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    report = again(provider, out, source)
    decided = {one["source_row"]: one for one in read(out, "decisions")}
    assert [decided[place]["action"] for place in range(6)] == [
        "keep", "regenerate", "drop", "regenerate", "keep", "keep"]
    assert decided[2]["reason"] == "regenerate_none_passed"
    assert len(provider.requests) == 1 + 3 + 1
    assert report.models[0].n_calls == 5
    (out / "curation.json").unlink()      # as after a crash before the end
    assert again(provider, out, source).actions == report.actions
    assert len(provider.requests) == 5, "no critique is paid twice"


def test_what_could_not_be_asked_leaves_the_run_to_go_on(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    from cftdata.driver import Budget

    policy = Policy(id="x", actions={"verdict": {"*": "regenerate"}}, regenerate=Regenerate(
        critic=CriticSettings(model="scripted/one"), budget=Budget(n_calls=1)))
    provider = ScriptedProvider(lambda request: f"Now. {RIGHT}")
    report = curate(write_set(tmp_path, rows), out=tmp_path / "out", policy=policy, n_processes=1,
                    providers={"scripted/one": provider})
    assert not report.is_complete
    assert "drop:regenerate_budget_spent" in report.reasons
    assert len(provider.requests) == 1


def test_duplicates_and_passages_of_evaluation_sets_are_dropped(tmp_path: Path) -> None:
    long = "A farmer keeps seven red hens and each of them lays two brown eggs on every day of the week"
    rows = [row(1, RIGHT), row(1, RIGHT), row(2, RIGHT), row(3, RIGHT) | {"query": long}]
    source, item = write_set(tmp_path, rows), {"question": f"{long}. How many?", "answer": "14"}
    (tmp_path / "test.jsonl").write_text(json.dumps(item) + "\n")
    report = curate(source, out=tmp_path / "out", against=[str(tmp_path / "test.jsonl")], n_processes=1)
    decided = {one["source_row"]: one for one in read(tmp_path / "out", "decisions")}
    assert decided[1]["reason"] == "exact_duplicate"
    assert decided[1]["other"] == decided[0]["sample_id"]
    assert decided[3]["reason"] == "contaminated"
    assert "red hens" in decided[3]["detail"]
    assert report.contamination
    assert report.contamination.n_hits == 1
    assert report.n_kept + report.n_dropped + report.n_unread == report.n_rows == 4


def test_a_policy_that_keeps_nothing_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="keeps not one row"):
        curate(write_set(tmp_path, [row(1, WRONG)]), out=tmp_path / "out", n_processes=1)


@pytest.mark.skipif(not SHARED.exists(), reason="needs the published set")
@pytest.mark.parametrize("reference", [r"8\sqrt[3]{4}", "12.8"])
def test_the_published_set(tmp_path: Path, reference: str) -> None:
    """12.8, the published reference, comes out suspect, and the consensus is what decides then."""
    policy = load_policy("default").model_copy(update={"duplicates": None})
    report = curate(SHARED, out=tmp_path / "out", policy=policy, reference_answer=reference)
    assert report.n_rows == 600 == report.n_kept + report.n_dropped
    assert len(list(read_rows(str(tmp_path / "out" / "decisions.parquet")))) == 600
    assert [judge(one) for one in read(tmp_path / "out", "samples")].count(False) == 0
    dropped = Counter(judge(one) for one in read(tmp_path / "out", "dropped")
                      if one["decision"]["reason"].startswith(("verdict", "against")))
    assert dropped == {False: 24}, "none with a right verdict is dropped for it"


def judge(sample: dict[str, Any]) -> bool | None:
    """Whether the verdict is right, by the true answer."""
    match = match_answers(sample["response"]["final_answer"] or "", r"8\sqrt[3]{4}").outcome
    is_right = {"equal": True, "different": False}.get(match)
    verdict = sample["critique"]["verdict"]
    return None if is_right is None or verdict is None else is_right == (verdict == "right")
