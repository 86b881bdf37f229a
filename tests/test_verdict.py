"""Reading critiques: first error step, corrected answer, and all readers on hostile and published text."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.reading import Reading
from cftdata.sample import Verdict
from cftdata.verdict import read_corrected_answer, read_first_error_step, read_verdict

DATA = Path(__file__).parents[1].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the data for measuring is not beside the checkout")

R, W = "right", "wrong"

STEPS: list[tuple[str, int | None]] = [
    ("Final Judgement: wrong\n\nFirst Error Step: 3", 2),
    ("First Error Step: 12 \n", 11),
    ("**First Error Step:** Step 2", 1),
    ("First error step: N/A\nFinal Judgement: correct", -1),
    ("Final Judgement: correct\nFirst Error Step: 0", -1),
    ("Final Judgement: correct\nFirst Error Step: None", -1),
    ("Final Judgement: wrong\nFirst Error Step: N/A", None),
    ("Final Judgement: wrong\nFirst Error Step: 0", None),
    ("The first error is in step 3. Conclusion: wrong", 2),
    ("The first mistake occurs in **Step 4**. Conclusion: wrong", 3),
    ("The first error occurs in the third step. Conclusion: wrong", 2),
    ("Step 2 contains the first error. Conclusion: wrong", 1),
    ("The error is in step two. Conclusion: wrong", 1),
    ("Step 3 is incorrect. Step 4 is incorrect as it relies on it. Conclusion: wrong", 2),
    ("Steps 1-3 are correct. Step 4 makes an incorrect assumption. Conclusion: wrong", 3),
    ("Step 1: Correct\nStep 2: Incorrect - should be 4\nStep 3: Incorrect\nFinal Judgement: wrong", 1),
    ("- In step 5, the student incorrectly adds.\nConclusion: wrong", 4),
    ("Step 2 is not correct. Conclusion: wrong", 1),
    ("Step 0 is fine. Step 1 is wrong. Conclusion: wrong", 1),
    ("The first error is in paragraph 2; paragraph 0 is fine. Conclusion: wrong", 2),
    ("Paragraph 2 is wrong. Conclusion: wrong", None),
    ("The index of the first wrong paragraph is \\boxed{3}. Conclusion: wrong", 3),
    ("Every paragraph holds, so the index is \\boxed{-1}.", -1),
    ("The answer is \\boxed{3}. Conclusion: right", None),
    ("All the steps are correct. Conclusion: right", -1),
    ("The work is fine. Conclusion: right", None),
    ("Step 2 is wrong. Conclusion: right", None),
    ("Step 3 is wrong. Step 2 is wrong. Conclusion: wrong", None),
    ("There is no error in step 3. Conclusion: right", None),
    ("If step 3 is wrong, all is lost. Conclusion: right", None),
    ("### Step 2: Incorrect claims\nConclusion: wrong", None),
    ("The mistake first appears in the second step. Conclusion: wrong", 1),
    ("Step 2: fine.\nStep 3: This is where the student goes wrong. Conclusion: wrong", 2),
    ("The solution goes off track at step 2. Conclusion: wrong", 1),
    ("The reasoning breaks down in the third step. Conclusion: wrong", 2),
    ("All is right up to step 3; the last step, step 4, contains the error. Conclusion: wrong", 3),
    ("Step 2 applies it correctly, but Step 3 wrongly assumes independence. Conclusion: wrong", 2),
    ("There's a slip in the third step. Conclusion: wrong", 2),
    ("Step 2 could look wrong, but is fine; the real error sits in Step 3. Conclusion: wrong", 2),
    ("No step is wrong. Conclusion: right", -1),
    ("In step 1, define x; in step 2, subtract 4. Conclusion: wrong", None),
    ("<think>The first error is in step 1.</think>First Error Step: 2\nConclusion: wrong", 1),
    ("", None),
]


@pytest.mark.parametrize(("text", "step"), STEPS)
def test_first_error_step(text: str, step: int | None) -> None:
    assert read_first_error_step(text).value == step


ANSWERS: list[tuple[str, str | None]] = [
    ("So it is \\boxed{12}.\n\nConclusion: right [END]", "12"),
    ("The student's answer \\boxed{12} is wrong. It should be \\boxed{13}. Conclusion: wrong", "13"),
    ("It is \\boxed{13}. The student's answer was \\boxed{12}. Conclusion: wrong", "13"),
    ("The student's answer is \\boxed{12}. Conclusion: wrong", None),
    ("The student concludes with:\n\\[\n\\boxed{12}\n\\]\nConclusion: wrong", None),
    ("The student's final answer should be \\boxed{13}. Conclusion: wrong", "13"),
    ("\\boxed{12} is incorrect. Conclusion: wrong", None),
    ("The student's answer is \\boxed{12}. Conclusion: right", "12"),
    ("\\boxed{8\\sqrt[3]{4}} or approximately \\boxed{12.7}. Conclusion: right", "8\\sqrt[3]{4}"),
    ("The correct answer is 12. Conclusion: wrong", "12"),
    ("The correct answer should be $18$, not $12$. Conclusion: wrong", "18"),
    ("Correct answer: 3/4\nConclusion: wrong", "3/4"),
    ("**Correct Answer:** 15 apples\n\nConclusion: wrong", "15 apples"),
    ("The final answer should be 1,200 dollars. Conclusion: wrong", "1,200 dollars"),
    ("Conclusion: wrong. The correct answer is \\( \\frac{1}{2} \\).", "\\frac{1}{2}"),
    ("The answer of 8∛4 mph is correct. Conclusion: right", "8∛4 mph"),
    ("The correct answer is not 12. Conclusion: wrong", None),
    ("In step 2 the sum should be 14. Conclusion: wrong", None),
    ("<think>\\boxed{9}</think>The correct answer is (C). Conclusion: wrong", "(C)"),
    ("Conclusion: \\boxed{\\text{wrong}}", None),
    ("With the right value the answer becomes $47.35. Conclusion: wrong", "$47.35"),
    ("Carried through to the end, this gives 8∛4 mph. Conclusion: wrong", "8∛4 mph"),
    ("Working it through correctly, we get 12. Conclusion: wrong", "12"),
    ("If done correctly, the answer would be 12. Conclusion: wrong", "12"),
    ("The student should have ended with 12. Conclusion: wrong", "12"),
    ("The answer therefore comes to 12 apples. Conclusion: wrong", "12 apples"),
    ("If x were 3, the answer would be 12. Conclusion: wrong", None),
    ("So the student's answer becomes 12. Conclusion: wrong", None),
    ("Step 6 states the answer is 5 shells. Conclusion: wrong", None),
    ("This gives 12 in step 2. Conclusion: wrong", None),
    ("Following the solution through step 3, 12 is left. Conclusion: wrong", None),
    ("**Final Answer:**\n- Correctly identifies \\( 2^{2/3} \\). Conclusion: right", None),
    ("The final answer (21, 4) is correct. Conclusion: right", "(21, 4)"),
    ("The final answer {7, 13} is correct. Conclusion: right", "{7, 13}"),
    ("", None),
]


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_corrected_answer(text: str, answer: str | None) -> None:
    reading = read_corrected_answer(text)
    assert reading.value == answer, reading
    assert answer is None or text[reading.start:reading.end] == answer


PIECES = st.sampled_from([
    "Conclusion: ", "right", "wrong", "not ", "[END]", "<think>", "</think>", "\n\n", "\n", ". ",
    "The solution is ", "\\boxed{", "}",
    "{", "Step 3 ", "is incorrect", "First Error Step: ", "12", "N/A", "the correct answer is ", "**", "$",
    "\\(", "\\)", "结论：", "错误",
    "paragraph 0", "index", "İ", "\u202e", "\x00", "\ud800", "/", "mostly ", "if "])
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=30).map("".join))
READERS: list[Callable[[str], Reading[Any]]] = [read_verdict, read_first_error_step, read_corrected_answer]


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_no_reader_raises_and_spans_lie_in_the_text(text: str) -> None:
    for read in READERS:
        reading = read(text)
        assert 0 <= reading.start <= reading.end <= len(text)
        assert re.fullmatch(r"[a-z][a-z0-9_]*", reading.reason)
    answer = read_corrected_answer(text)
    assert answer.value is None or text[answer.start:answer.end] == answer.value
    step = read_first_error_step(text).value
    assert step is None or step >= -1


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_what_follows_a_finished_conclusion_changes_nothing(note: str) -> None:
    note = note.replace("[END]", "").replace("<", "")
    for verdict in (R, W):
        text = f"Let me see.\n\nConclusion: {verdict} [END]"
        if not re.search(r"\[/?end|endoftext", note, re.I):
            assert read_verdict(text + "\n" + note).value == verdict


HOSTILE = ["\\boxed{" * 100_000, "Conclusion: " * 80_000, "<think>" * 100_000, "(" * 10**6, " " * 10**6,
           "\n" * 10**6,
           "*" * 10**6, "right " * 150_000, "wrong/" * 150_000, "[END]" * 200_000,
           "Step 3 is incorrect. " * 50_000,
           "first error " * 80_000, "the correct answer is " * 45_000, "\\boxed{1}" * 100_000, "$" * 10**6,
           "a" * 10**6,
           "Conclusion: right or " * 45_000, "the solution is not " * 50_000, "final answer " * 70_000,
           "step " * 200_000, "#" * 10**6]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_a_megabyte_of_anything_costs_little(text: str) -> None:
    for read in READERS:
        began = time.process_time()
        read(text)
        assert time.process_time() - began < 6  # one that grows as the square takes hours


def _teacher_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in sorted((DATA / "one-shot-cft").glob("teacher-*.json")):
        loaded = json.loads(file.read_text())
        rows += loaded.values() if isinstance(loaded, dict) else loaded
    return rows


@needs_data
def test_verdicts_of_published_critiques() -> None:
    expected: Verdict
    rows = _teacher_rows()
    for row in rows:
        expected = R if row["critique_extracted_conclusion"] in (True, "True",
        "true") else W  # type: ignore[assignment]
        assert read_verdict(row["critique"]).value == expected
    lines = (DATA / "one-shot-cft" / "DSR-CFT-p0.jsonl").read_text().splitlines()
    critiques = [json.loads(line)["messages"][-1]["content"] for line in lines]
    assert len(rows) + len(critiques) == 1263
    for critique in critiques:
        plain = re.findall(r"Conclusion:\**\s*\**(right|wrong)\**\s*\[END\]", critique)
        verdict = read_verdict(critique).value
        assert verdict == plain[-1] if plain else verdict is not None


@needs_data
def test_a_conclusion_taken_away_is_never_read_wrongly() -> None:
    """Without its labelled end a critique says less: then the verdict is the same, or None."""
    n_read = n_wrong = 0
    for row in _teacher_rows():
        text = row["critique"]
        cut = re.split(r"\n[^\n]*conclusion[^\n]*\n?[^\n]*\[END\][\s*]*$", text, flags=re.I)[0]
        verdict = read_verdict(cut).value
        n_read += verdict is not None
        n_wrong += verdict is not None and verdict != read_verdict(text).value
    assert n_read > 300
    assert n_wrong <= n_read / 100


@needs_data
def test_steps_and_verdicts_of_mr_gsm8k() -> None:
    rows = json.loads((DATA / "mr-gsm8k" / "claude2_eval_results.json").read_text())
    rows = list(rows.values()) if isinstance(rows, dict) else rows
    assert len(rows) == 326
    for row in rows:
        critique = row["claude2_eval_output"]["response"]
        assert read_verdict(critique).value == W
        assert read_first_error_step(critique).value == int(row["claude2_eval_output"]["error_step_pred"]) - 1
