"""What the command prints: the figures in a few lines, and what to do about a suspect reference."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cftdata.agreement import Agreement, CriticAgreement
from cftdata.audit import audit
from cftdata.figures import AuditReport
from cftdata.sample import Rate
from cftdata.scorecard import Score
from cftdata.terminal import show_report

EXACT = "8\\sqrt[3]{4}"


def write(folder: Path, critiques: list[str], *, answer: str = "5", reference: str = "5",
          query: str = "2+3?") -> Path:
    path = folder / "set.jsonl"
    rows = [{"query": query.format(n), "response": f"Attempt {n}. The answer is \\boxed{{{answer}}}.",
             "critique": critique, "reference_answer": reference} for n, critique in enumerate(critiques)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def show(report: AuditReport, capsys: pytest.CaptureFixture[str]) -> str:
    show_report(report, Path("audit"))
    return capsys.readouterr().out


def rate(n_hits: int, n_decided: int) -> Rate:
    return Rate(n_hits=n_hits, n_decided=n_decided, n_total=10, low=None,
                rate=n_hits / n_decided if n_decided else None, high=None, method="wilson", level=0.95)


def test_how_errors_fall_together_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ["2+3 = 5. Conclusion: right [END]", "2+3 = 6. Conclusion: right [END]",
                            "2+3 = 6. Conclusion: wrong [END]", "2+3 = 5. Conclusion: wrong [END]"])
    report = audit(path)
    shown = show(report, capsys)
    of = report.overlap
    assert of.n_both + of.n_verdict_only == report.rates["verdict_error"].n_hits == 2
    assert of.n_both + of.n_claim_only == report.rates["claim_error"].n_hits > 0
    assert (f"wrong verdict only {of.n_verdict_only} · false claim only {of.n_claim_only} · "
            f"both {of.n_both} · neither {of.n_neither} · undecided 0\n") in shown
    assert "    … false arithmetic" in shown


def test_where_the_reference_is_suspect_groups_are_by_the_consensus(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ["Fine. Conclusion: right [END]"] * 8, answer=EXACT, reference="12.8")
    report = audit(path)
    assert report.rates["verdict_error"].n_decided == 0
    shown = show(report, capsys)
    assert "wrong verdict against the consensus answer, by group" in shown
    assert re.search("verdict right +8 +8 +0 +0%", shown)
    assert f"run again with --reference-answer '{EXACT}'\n" in shown


def test_one_answer_is_not_proposed_for_several_queries(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, ["Fine. Conclusion: right [END]"] * 8, answer=EXACT, reference="12.8")
    other = {"query": "1+1?", "response": "2", "critique": "Conclusion: right", "reference_answer": "2"}
    path.write_text(path.read_text() + json.dumps(other) + "\n")
    shown = show(audit(path), capsys)
    assert "this answer in --references FILE\n" in shown
    assert "--reference-answer" not in shown
    assert "wrong verdict, by group" in shown


def test_agreement_and_scorecard_are_short_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = audit(write(tmp_path, ["Fine. Conclusion: right [END]"]))
    assert "majority" not in show(plain, capsys)
    critic = CriticAgreement(critic="c\x1b[2Ja", n_votes=9, disagreement=rate(2, 8),
                             estimated_error_rate=0.125)
    agreement = Agreement(n_responses=7, n_votes=9, disagreement=rate(2, 8), critics=(critic,))
    scores = [Score(part="all", verifier=name, kinds=("form",), n_labelled=20, precision=rate(n, n),
                    recall=rate(0, 0)) for name, n in (("form", 3), ("quotation", 0))]
    shown = show(plain.model_copy(update={"agreement": agreement, "scorecard": tuple(scores)}), capsys)
    assert "where 7 responses have several" in shown
    assert "c·[2Ja" in shown
    assert "12.5%" in shown
    assert "no evidence against any critique" in shown
    assert "3/3" in shown
    assert "quotation" not in shown
