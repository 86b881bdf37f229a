"""Curating: every row accounted for, with the reason; what is changed is verified; nothing is paid twice."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftdata import CurateReport, ScriptedProvider, curate, load_policy, match_answers
from cftdata.balance import Balance
from cftdata.calls import Request
from cftdata.critics import CriticSettings
from cftdata.driver import Budget
from cftdata.errors import CftDataError, ConfigError
from cftdata.lengths import Lengths, Limits
from cftdata.policy import Policy, Regenerate
from cftdata.tables import read_rows

SHARED = Path(__file__).parents[2] / "shared" / "data" / "one-shot-cft" / "DSR-CFT-p0.jsonl"
RIGHT, WRONG = "Conclusion: right [END]", "Conclusion: wrong [END]"
FINE = "Both numbers are taken as they were given, and then they are added."
MINE = "I take both of the numbers and add them. Indeed"
POOR = "One of the numbers is not taken as it was given when they are added."


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
    return [row(1, f"{FINE} {RIGHT}"), row(2, f"{POOR} {WRONG}"), row(3, f"{FINE} {RIGHT}", answer=7),
            row(4, f"{MINE} 3 * 9 = 32. {RIGHT}"), row(5, "I cannot say."), row(6, f"{FINE} {RIGHT}")]


def test_every_row_is_kept_or_dropped_with_its_reason(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    with source.open("a") as file:
        file.write("no json\n")
    report = curate(source, out=out, n_processes=1)
    assert (report.n_rows, report.n_kept, report.n_dropped, report.n_unread) == (7, 3, 3, 1)
    assert report.reasons == {"keep:no_finding": 2, "drop:verdict_right_called_wrong": 1,
                              "drop:verdict_wrong_called_right": 1, "drop:arithmetic_false_equation": 1,
                              "keep:undecided": 1}
    assert report.first_rows["drop:verdict_wrong_called_right"] == (2,)
    assert report.n_undecided == 1
    decided = decisions(out)
    assert sorted(decided) == list(range(7))
    assert [decided[place]["action"] for place in range(7)] == [
        "keep", "drop", "drop", "drop", "keep", "keep", "unread"]
    assert "answers 7, the reference is 6" in decided[2]["detail"]
    kept, dropped = read(out, "samples"), read(out, "dropped")
    assert [one["source_row"] for one in kept] == [0, 4, 5]
    assert [one["source_row"] for one in dropped] == [1, 2, 3]
    assert [one["decision"]["action"] for one in dropped] == ["drop"] * 3
    assert {one["file"] for one in kept + dropped} == {"set.jsonl"}
    assert report.rates_before["any_error"].n_hits == 3
    assert report.rates_after["any_error"].n_hits == 0
    assert (report.right_rate_before, report.right_rate_after) == (4 / 5, 1)
    assert report.contamination is None
    assert "| drop | verdict: wrong response called right |" in (out / "curation.md").read_text()
    assert CurateReport.model_validate_json((out / "curation.json").read_bytes()) == report


def decisions(out: Path) -> dict[int, dict[str, Any]]:
    return {one["source_row"]: one for one in read(out, "decisions")}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.suffix == ".parquet"}


def test_what_is_written_is_the_same_twice_and_readable_as_a_source(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source = write_set(tmp_path, rows)
    for name in ("a", "b"):
        curate(source, out=tmp_path / name, n_processes=1)
    assert files_in(tmp_path / "a") == files_in(tmp_path / "b")
    again = curate(tmp_path / "a", out=tmp_path / "c", n_processes=1)
    assert again.source == str(tmp_path / "a")
    assert again.reasons == {"keep:no_finding": 2, "keep:undecided": 1}


def test_a_finished_folder_is_known_until_anything_changes(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    first = curate(source, out=out, n_processes=1)
    marked = (out / "samples.parquet").stat().st_mtime_ns
    assert curate(source, out=out, n_processes=1) == first
    assert (out / "samples.parquet").stat().st_mtime_ns == marked
    audited = (out / "before" / "report.json").stat().st_mtime_ns
    again = curate(source, out=out, policy="mend", n_processes=1)
    assert again.policy != first.policy
    assert (out / "samples.parquet").stat().st_mtime_ns != marked
    assert (out / "before" / "report.json").stat().st_mtime_ns == audited, "the audit is the same"
    write_set(tmp_path, rows[:4])
    assert curate(source, out=out, policy="mend", n_processes=1).n_rows == 4


def test_what_is_wrong_with_the_call_leaves_what_stood_there(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    curate(source, out=out, n_processes=1)
    stood = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    calls: list[tuple[str | Path, dict[str, Any]]] = [
        (source, {"policy": "defualt"}), (tmp_path / "no.jsonl", {}), (source, {"format": "tabel"}),
        (source, {"against": ["no_such_set.jsonl"]}), (source, {"columns": {"query": "no_such_column"}})]
    for wrong, options in calls:
        with pytest.raises(CftDataError):
            curate(wrong, out=out, n_processes=1, **options)
        with pytest.raises(CftDataError):
            curate(wrong, out=tmp_path / "new", n_processes=1, **options)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == stood
    assert not (tmp_path / "new").exists()


def test_what_can_be_mended_is_and_the_rest_is_dropped(tmp_path: Path) -> None:
    out = tmp_path / "out"
    holds = f"{FINE} Every step is correct, and so is the whole solution."
    rows = [row(1, f"{holds} {RIGHT}"), row(2, f"{holds} {WRONG}"), row(3, f"{FINE} {WRONG}"),
            row(4, f"{MINE} 3 * 9 = 32. {RIGHT}"),
            row(5, f"{MINE} 3 * 9 = 32, and 32 is even. {RIGHT}"),
            row(6, f"{holds} {RIGHT}", answer=7)]
    report = curate(write_set(tmp_path, rows), out=out, policy="mend", n_processes=1)
    decided = decisions(out)
    assert [decided[place]["reason"] for place in range(6)] == [
        "no_finding", "verdict_right_called_wrong", "relabel_not_borne_out", "arithmetic_false_equation",
        "relabel_not_known", "relabel_not_passed"]
    assert decided[1]["critique_before"] == f"{holds} {WRONG}"
    changed = {one["id"]: one for one in read(out, "samples") if one["decision"]["action"] == "relabel"}
    assert changed[decided[1]["new_sample_id"]]["critique"]["text"] == f"{holds} {RIGHT}"
    assert changed[decided[3]["new_sample_id"]]["critique"]["text"] == f"{MINE} 3 * 9 = 27. {RIGHT}"
    assert [one["source_row"] for one in read(out, "samples")] == [0, 1, 3]
    assert report.rates_after["any_error"].n_hits == 0
    assert not (out / "ledger.sqlite").exists(), "nothing was asked"
    assert "2 put right" in (out / "curation.md").read_text()


def asking(n_tries: int = 3, **settings: Any) -> Policy:
    critic = CriticSettings(model="scripted/one")
    return load_policy("regenerate").model_copy(update={
        "regenerate": Regenerate(critic=critic, n_tries=n_tries, **settings)})


def again(provider: ScriptedProvider, out: Path, source: Path, policy: Policy) -> CurateReport:
    return curate(source, out=out, policy=policy, providers={"scripted/one": provider}, n_processes=1)


def test_a_wrong_critique_is_written_again_and_taken_when_it_passes(
        tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    def answer(request: Request) -> str:
        asked = request.messages[-1].content
        if "3 + 3" in asked:
            return f"{FINE} {RIGHT}"      # wrong again, at each try
        return f"{FINE} Try {request.sample}. {RIGHT if request.sample else WRONG}"

    provider = ScriptedProvider(answer)
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    report = again(provider, out, source, asking())
    decided = decisions(out)
    assert [decided[place]["action"] for place in range(6)] == [
        "keep", "regenerate", "drop", "regenerate", "keep", "keep"]
    assert decided[2]["reason"] == "regenerate_none_passed"
    assert decided[1]["new_sample_id"] in [one["id"] for one in read(out, "samples")]
    new = next(one for one in read(out, "samples") if one["source_row"] == 1)
    assert new["critique"]["provenance"]["model"] == "scripted/one"
    assert new["query"]["reference_answer"] == "4"
    assert {one["verifier"] for one in new["verifications"] if one["outcome"] == "fail"} == set()
    assert len(provider.requests) == 2 + 3 + 2
    assert (report.models[0].n_calls, report.cost_usd) == (7, 0)
    (out / "curation.json").unlink()      # as after a crash before the end
    assert again(provider, out, source, asking()).reasons == report.reasons
    assert len(provider.requests) == 7, "no critique is paid twice"


def test_a_critic_is_shown_nothing_of_the_reference(tmp_path: Path) -> None:
    provider = ScriptedProvider(lambda request: f"{FINE} {RIGHT}")
    told = {"query": "How many?", "reference_solution": "SECRET is 777", "response": "The answer is 5.",
            "critique": f"{POOR} {WRONG}", "response_correct": "true", "reference_answer": "777"}
    again(provider, tmp_path / "out", write_set(tmp_path, [told, row(1, RIGHT)]), asking())
    [request] = provider.requests
    shown = request.model_dump_json()
    assert "The answer is 5." in shown
    assert "SECRET" not in shown
    assert "777" not in shown


def test_what_could_not_be_asked_leaves_the_run_to_go_on(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    source, out = write_set(tmp_path, rows), tmp_path / "out"
    provider = ScriptedProvider(lambda request: f"{FINE} {RIGHT}")
    report = again(provider, out, source, asking(budget=Budget(n_calls=1)))
    assert not report.is_complete
    assert report.reasons["drop:regenerate_budget_spent"] == 2
    assert "Not complete" in (out / "curation.md").read_text()
    assert len(provider.requests) == 1
    report = again(provider, out, source, asking(budget=Budget(n_calls=10)))
    assert report.is_complete
    assert report.actions["regenerate"] == 2
    assert len(provider.requests) == 1 + 1 + 3


def test_whom_nobody_can_ask_is_one_sentence(tmp_path: Path) -> None:
    source = write_set(tmp_path, [row(1, f"{POOR} {WRONG}", critic="gpt-nine"), row(2, f"{FINE} {RIGHT}")])
    with pytest.raises(ConfigError, match=r"'gpt-nine' wrote .* name a critic in the policy"):
        curate(source, out=tmp_path / "out", policy="regenerate", n_processes=1)
    report = curate(write_set(tmp_path, [row(1, f"{POOR} {WRONG}"), row(2, f"{FINE} {RIGHT}")]),
                    out=tmp_path / "out", policy="regenerate", n_processes=1)
    assert report.reasons["drop:regenerate_no_author"] == 1


def test_a_row_that_may_come_to_nothing_is_nobodys_original(tmp_path: Path) -> None:
    """Of near duplicates the one that nothing is wrong with is kept, though it comes later."""
    said = FINE + " ".join(f" word{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(300))
    rows = [row(1, f"{said}. {WRONG}"), row(1, f"{said}. {RIGHT}"), row(2, f"{FINE} {RIGHT}")]
    provider = ScriptedProvider(lambda request: f"{FINE} {RIGHT}")
    again(provider, tmp_path / "out", write_set(tmp_path, rows), asking())
    decided = decisions(tmp_path / "out")
    assert (decided[0]["reason"], decided[1]["reason"]) == ("near_duplicate", "no_finding")
    assert decided[0]["other"] == decided[1]["sample_id"]
    assert not provider.requests


def test_what_a_change_makes_the_same_as_another_row_is_dropped(tmp_path: Path) -> None:
    rows = [row(1, f"{FINE} {RIGHT}"), row(1, f"{POOR} {WRONG}")]
    provider = ScriptedProvider(lambda request: f"{FINE} {RIGHT}")
    report = again(provider, tmp_path / "out", write_set(tmp_path, rows), asking())
    assert report.reasons == {"keep:no_finding": 1, "drop:exact_duplicate": 1}


def test_a_new_critique_is_held_to_lengths_too(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    policy = asking(n_tries=1).model_copy(update={"lengths": Lengths(max_tokens=150)})
    provider = ScriptedProvider(lambda request: f"{FINE * 30} {RIGHT}")
    report = again(provider, tmp_path / "out", write_set(tmp_path, rows), policy)
    assert report.reasons["drop:regenerate_none_passed"] == 3


def test_verdicts_are_balanced_among_what_is_kept(tmp_path: Path) -> None:
    rows = [row(n, f"{FINE} {RIGHT}") for n in range(1, 9)]
    rows += [row(n, f"{POOR} {WRONG}", answer=1000) for n in range(9, 11)]
    policy = load_policy("default").model_copy(update={"balance": Balance(right_rate=0.5, tolerance=0)})
    report = curate(write_set(tmp_path, rows), out=tmp_path / "out", policy=policy, n_processes=1)
    assert report.reasons == {"drop:balance": 6, "keep:no_finding": 4}
    assert report.right_rate_after == 0.5


def test_without_a_reference_what_those_judged_right_agree_on_decides(tmp_path: Path) -> None:
    def bare(n: int, answer: int, verdict: str, query: str = "How many?") -> dict[str, Any]:
        return {"query": query, "response": f"Way {n}. The answer is {answer}.",
                "critique": f"{FINE} This is number {n} of them. {verdict}"}

    rows = [bare(n, 3, RIGHT) for n in range(5)] + [bare(5, 4, RIGHT), bare(6, 4, WRONG), bare(7, 3, WRONG)]
    rows += [bare(8, 3, RIGHT, query="How many of them, of which only few are asked?")]
    out = tmp_path / "out"
    report = curate(write_set(tmp_path, rows), out=out, n_processes=1)
    decided = decisions(out)
    assert [decided[place]["reason"] for place in range(9)] == [
        *["with_consensus"] * 5, "against_consensus", "with_consensus", "against_consensus", "undecided"]
    assert "agree on 3; the critique says right; there is no reference" in decided[5]["detail"]
    assert report.n_undecided == 1


def test_a_reference_found_suspect_stays_so_though_few_rows_are_left(tmp_path: Path) -> None:
    """Else what is kept for being with the consensus would count as wrong in the audit afterwards."""
    rows = [row(1, f"{FINE} This is number {n} of them. {RIGHT}", answer=3) for n in range(6)]
    rows = [one | {"response": f"Way {n}. The answer is 3."} for n, one in enumerate(rows)]
    rows += [row(9, f"{FINE} {RIGHT}")]
    policy = load_policy("default").model_copy(update={"lengths": Lengths(critique=Limits(min_tokens=25))})
    short = [one | {"critique": f"{FINE} {RIGHT}"} if n < 3 else one for n, one in enumerate(rows)]
    report = curate(write_set(tmp_path, short), out=tmp_path / "out", policy=policy, n_processes=1)
    assert report.n_suspect_references == 1
    assert report.reasons["drop:too_short"] >= 3
    assert report.reasons["keep:with_consensus"] == 3
    assert report.rates_after["verdict_error"].n_hits == 0
    assert report.rates_after["verdict_error_by_consensus"].n_hits == 0


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
    report = curate(SHARED, out=tmp_path / "out", reference_answer=reference)
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
