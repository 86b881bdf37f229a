"""Suspect labels: what is flagged is false beyond doubt, and what leaves room is left alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.audit import audit
from cftdata.figures import AuditReport, LabelAgreement
from cftdata.report import render_html, render_markdown
from cftdata.step_labels import find_false_step

DATA = Path(__file__).parents[2] / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the data for measuring is not here")


@pytest.mark.parametrize("step", [
    "3 + 4 = 8", "so we get (8 + -14) + (-12) = -8.", "Step 4: 24 * 864 = 21,456 tiles", "0.97 = 95%",
    r"$\frac{(0-2)^2-9}{3} = \frac{5}{3}$", "sqrt(360*(1/6)*(5/6)) = 6.45", "$20.00 - $4.00 = $12.00",
    "2*2*3*3*17 = 36*(2*17)", "15/2 = 6", "-$76 / -$16 = 4.5", "The answer is A * B + C = 6 * 7 + 1 = 44",
    r"3! \times \frac{3!}{2!} = 36 ways"])
def test_what_is_false_beyond_doubt_is_found(step: str) -> None:
    found = find_false_step("How many?", ("We begin.", step, "1 = 2"))
    assert found is not None
    assert found.step == 1
    assert found.equation in step


@pytest.mark.parametrize("step", [
    "3 + 4 = 7", "10/3 = 3", "365/7 = 52 weeks", "(0.323)^3 = 0.033", "138.6 = 138", "7/2 = 3 with 1 left",
    "0.1 + 0.2 = 0.30000000000000004", "3 : 4 = 0.75", "7 % 2 = 1", "[7/2] = 3", r"1 + 2 + \cdots + 10 = 55",
    "11 + 3 = 2 pm", "3 dozen = 36", "$5.00 + 50 cents = $5.50", "24/2/3 = 36", "√(2)² + 3² = √(13)",
    "e^2 = e", "-3^2 = 9", "15 < 2 + 8", "3 - 4 = 7 is wrong", "x = 2 + 3 = 5, then letting x = 0",
    "1, 2, ..., 8 + 8 = 6", "612∗34 = 20808", "6/2(1+2) = 1"])
def test_what_leaves_room_is_left_alone(step: str) -> None:
    assert find_false_step("How many?", (step,)) is None


@pytest.mark.parametrize("query", [
    "Work modulo 10.", "What is 8 + 8 in base 8?", "Define a + b to be the larger of the two.",
    "Let Z_{10} be a ring.", r"Let $a \star b = a + 2b$.", "The operation # is new."])
def test_arithmetic_of_another_kind_is_not_judged(query: str) -> None:
    assert find_false_step(query, ("8 + 8 = 6",)) is None


@given(st.text(max_size=100), st.lists(st.text(max_size=100), max_size=4))
def test_any_text_is_taken(query: str, steps: list[str]) -> None:
    found = find_false_step(query, tuple(steps))
    assert found is None or 0 <= found.step < len(steps)


ROWS = [  # steps, label, what the false step is held to say of it
    (["1 + 1 = 2", "2 + 2 = 5"], 1, "n_same"), (["1 + 1 = 3", "2 + 2 = 5"], 1, "n_earlier"),
    (["So it is.", "2 + 2 = 5"], 0, "n_later"), (["So it is.", "2 + 2 = 4"], 0, "n_unfound"),
    (["1 + 1 = 2", "2 + 2 = 6"], -1, "n_right_false"), (["1 + 1 = 2", "2 + 3 = 5"], -1, "n_right_unfound")]


def write(folder: Path) -> Path:
    rows = [{"id": str(n), "generator": "weak", "problem": f"Problem {n}?", "steps": steps, "label": label,
             "final_answer_correct": True} for n, (steps, label, _) in enumerate(ROWS)]
    path = folder / "labelled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[1]]))  # one stands there twice
    return path


def test_an_audit_counts_labels_once_and_lists_the_suspect_ones(tmp_path: Path) -> None:
    report = audit(write(tmp_path), n_processes=1)
    assert report.label_agreement == LabelAgreement(**{name: 1 for *_, name in ROWS})
    assert [(one.source_row, one.labelled_step, one.found_step, one.equation, one.detail)
            for one in report.suspect_labels] == [(1, 1, 0, "1 + 1 = 3", "2, not 3"),
                                                  (4, -1, 1, "2 + 2 = 6", "4, not 6")]
    assert all(rate.n_decided == 0 for rate in report.rates.values())
    assert AuditReport.model_validate_json(report.model_dump_json(by_alias=True)) == report


def test_the_report_shows_suspect_labels_and_no_empty_rates(tmp_path: Path) -> None:
    report = audit(write(tmp_path), n_processes=1)
    text, html = render_markdown(report), render_html(report, [], 0)
    assert "| 4 | every step is right | step 2 | `2 + 2 = 6` | 4, not 6 |" in text
    assert "| a step is wrong | in an earlier step | 1 |" in text
    assert "No row has a critique" in text
    assert "false claim in the critique" not in text
    assert "2 labels of the first wrong step are suspect." in html
    assert "What each verifier could tell" not in html
    assert "Suspect labels: 2" in html
    assert "2 + 2 = 6" in html


def test_without_labels_nothing_is_said_of_them(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text('{"query": "2+2?", "response": "2 + 2 = 5", "critique": "Conclusion: wrong [END]"}\n')
    report = audit(path, n_processes=1)
    assert (report.suspect_labels, report.label_agreement) == ((), None)
    assert "labelled" not in render_markdown(report)


@needs_data
def test_chains_that_are_labelled_free_of_mistakes_and_are_not() -> None:
    report = audit(DATA / "big-bench-mistake" / "multistep_arithmetic.first150.jsonl", n_processes=1)
    found = report.label_agreement
    assert found is not None
    assert found.n_same >= 0.97 * (found.n_same + found.n_earlier + found.n_later + found.n_unfound)
    # each of the eight was read, and holds an equation that is false
    assert [one.source_row for one in report.suspect_labels] == [1, 24, 34, 104, 120, 125, 139, 147]
    assert {one.labelled_step for one in report.suspect_labels} == {-1}


@needs_data
def test_few_labels_of_people_are_suspect_and_each_was_read() -> None:
    report = audit(DATA / "mr-ben" / "math.json", n_processes=1)
    assert [one.source_row for one in report.suspect_labels] == [15, 214, 550, 760]
