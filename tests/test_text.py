"""Reading responses: steps, final answers, thinking blocks; and `normalise`."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.reading import find_boxes, fold, hide_thinking, trim
from cftdata.sample import Critique, Query, Response, Sample
from cftdata.text import normalise, read_final_answer, read_steps

DATA = Path(__file__).parents[1].parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="the data for measuring is not beside the checkout")

ANSWERS: list[tuple[str, str | None, str]] = [
    # boxes
    ("So $x = 2$ and \\boxed{12}.", "12", "boxed"),
    ("\\[ \\boxed{\\frac{1}{2}} \\]", "\\frac{1}{2}", "boxed"),
    ("\\boxed{8\\sqrt[3]{4}\\ \\text{mph}}", "8\\sqrt[3]{4}\\ \\text{mph}", "boxed"),
    ("\\(\\boxed{12}\\) miles per hour.", "12", "boxed"),
    ("First \\boxed{1}. Then \\boxed{2}.", "2", "boxed"),
    ("\\boxed{ 7 }", "7", "boxed"),
    ("\\boxed{$7$}", "7", "boxed"),
    ("\\fbox{7}", "7", "boxed"),
    ("\\boxed 7", "7", "boxed"),
    ("\\boxed{\\boxed{7}}", "7", "boxed"),
    ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}", "boxed"),
    ("\\boxed{5}. As asked: \\boxed{}", "5", "boxed"),
    ("<think>\\boxed{1}</think> It is \\boxed{2}.", "2", "boxed"),
    ("<think>\\boxed{1}</think> So it is.", "1", "boxed_in_thinking"),
    ("<think>so \\boxed{1} and", None, "truncated_thinking"),
    ("\\boxed{8\\sqrt[3]{4}} or approximately \\boxed{12.7}", "8\\sqrt[3]{4}", "boxed"),
    ("\\[\\boxed{2^{11/3}}\\]\nor equivalently\n\\[\\boxed{8\\sqrt[3]{4}}\\]\nor "
     "approximately\n\\[\\boxed{12.70}\\]", "2^{11/3}", "boxed"),
    ("\\boxed{3} and \\boxed{5}", None, "several_answers"),
    ("\\boxed{3} or \\boxed{-3}", None, "several_answers"),
    ("\\boxed{3} and again \\boxed{3}", "3", "boxed"),
    ("It was \\boxed{3}, so \\boxed{\\frac{1}{2", None, "unclosed_box"),
    ("It was \\boxed{\\frac{1}{2 and so on. The answer is 5.", "5", "stated"),
    ("\\boxed{5} was left.\nSolution: Choice_B", "B", "option"),
    # GSM8K
    ("She has 18 left.\n#### 18", "18", "hashes"),
    ("Step 4: #### 2.8", "2.8", "hashes"),
    ("#### $1,200", "$1,200", "hashes"),
    ("2 + 3 = 5\nA: 5", "5", "a_line"),
    ("2 + 3 = 5\nA: -1.8 billion\n", "-1.8 billion", "a_line"),
    ("A: 5\nthen\nmuch\nmore\ntext", None, "no_answer"),
    ("#### 3. Solve the equation\nWe go on.", None, "no_answer"),
    # stated
    ("So the answer is 1244", "1244", "stated"),
    ("The answer is 12 miles per hour.", "12 miles per hour", "stated"),
    ("The final answer is: $18", "$18", "stated"),
    ("The final answer is $\\frac{3}{4}$.", "\\frac{3}{4}", "stated"),
    ("Therefore, the answer is **5**.", "5", "stated"),
    ("Answer: 3,5,7", "3,5,7", "stated"),
    ("Answer: 1, 2, and 3.", "1, 2, and 3", "stated"),
    ("Answer: \\text{(C)}", "\\text{(C)}", "stated"),
    ("**Answer:** 42%", "42%", "stated"),
    ("**Final Answer**\n\n15", "15", "stated"),
    ("### Final Answer:\n\\[\n x = 5 \n\\]", "x = 5", "stated"),
    ("**Final Answer**: \\( 12.5 \\) cm", "12.5", "stated"),
    ("The answer is 5 because 2 + 3 = 5.", "5", "stated"),
    ("The answer is 3.5.", "3.5", "stated"),
    ("The answer is Paris.", "Paris", "stated"),
    ("The answer is approximately 12.7 mph.", "12.7 mph", "stated"),
    ("The answer was 3. No: the answer is 4.", "4", "stated"),
    ("The answer is 7. This answer is correct, as we saw.", "7", "stated"),
    ("The answer is that we cannot know how many there are in the end.", None, "no_answer"),
    # options
    ("Solution: Choice_B", "B", "option"),
    ("Solution: Choice\\_C.", "C", "option"),
    ("Solution: Choice D: 574", "D", "option"),
    ("Therefore, the solution is Choice C.", "C", "option"),
    ("The answer is (C).", "C", "option"),
    ("The correct option is B.", "B", "option"),
    ("Answer: J", "J", "option"),
    ("Solution: Choice_A/B", None, "several_answers"),
    ("Solution: Choice A, B, or D", None, "several_answers"),
    ("Solution: None of the above.", "None of the above", "none_of_the_options"),
    ("Solution: The correct answer is not among the given choices.", None, "no_answer"),
    ("The answer is a number.", "a number", "stated"),
    # the last line
    ("We add.\nx = 5", "5", "last_line"),
    ("We add.\n42", "42", "last_line"),
    ("We add.\n\\[\nx = 5\n\\]", "5", "last_line"),
    ("We add 3 and 4 and then go home with 7 apples in 2 bags", None, "no_answer"),
    ("no idea", None, "no_answer"),
    ("", None, "empty"),
    (" \n ", None, "empty"),
]


@pytest.mark.parametrize(("text", "answer", "reason"), ANSWERS)
def test_final_answer(text: str, answer: str | None, reason: str) -> None:
    reading = read_final_answer(text)
    assert (reading.value, reading.reason) == (answer, reason)
    assert answer is None or text[reading.start:reading.end] == answer


STEPS: list[tuple[str, list[str], str]] = [
    ("Step 1: a\nStep 2: b", ["Step 1: a", "Step 2: b"], "heading"),
    ("We start.\n\n### Step 1\na\n\n### Step 2\nb", ["We start.\n\n### Step 1\na", "### Step 2\nb"],
     "heading"),
    ("**Step 1.** a\n**Step 2.** b\n\nDone.", ["**Step 1.** a", "**Step 2.** b\n\nDone."], "heading"),
    ("Step 1: do x. Step 2: do y.", ["Step 1: do x.", "Step 2: do y."], "heading"),
    ("Step 1: a\nStep 1.1: b\nStep 2: c", ["Step 1: a\nStep 1.1: b", "Step 2: c"], "heading"),
    ("Step 0: a\nStep 1: b", ["Step 0: a", "Step 1: b"], "heading"),
    ("Step 1: a\nStep 1 gives b\nStep 2: c", ["Step 1: a\nStep 1 gives b", "Step 2: c"], "heading"),
    ("1. a\n2. b\n3. c", ["1. a", "2. b", "3. c"], "numbered"),
    ("So:\n1) a\n2) b", ["So:\n1) a", "2) b"], "numbered"),
    ("a\n\nb\n \nc", ["a", "b", "c"], "paragraph"),
    ("One.\n\nTwo has:\n1. x\n2. y\n\nThree.", ["One.", "Two has:\n1. x\n2. y", "Three."], "paragraph"),
    ("a = 1\nb = 2\nA: 3", ["a = 1", "b = 2", "A: 3"], "line"),
    ("only one", ["only one"], "whole"),
    ("<think>Step 1: x\nStep 2: y</think>a\n\nb", ["<think>Step 1: x\nStep 2: y</think>a", "b"], "paragraph"),
    ("  a\n", ["a"], "whole"),
]


@pytest.mark.parametrize(("text", "steps", "reason"), STEPS)
def test_steps(text: str, steps: list[str], reason: str) -> None:
    readings = read_steps(text)
    assert [step.value for step in readings] == steps
    assert {step.reason for step in readings} == {reason}


PIECES = st.sampled_from([
    "Step 1: ", "Step 2: ", "\nStep 3.", "\n1. ", "\n2. ", "\n\n", "\n", " ", "\t", "<think>", "</think>",
    "\\boxed{", "\\boxed 5", "}", "{",
    "#### ", "A: ", "the answer is ", "**Final Answer**\n", "Solution: Choice_", "B", "12", "$", "\\(",
    "\\)", "\\[", "\\]", "**", ".", " or ",
    "x = ", "None of the choices", "İ", "\u2028", "\x00", "\ud800", "\u202e", "\r\n", "\u00a0"])
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=30).map("".join))


@given(TEXTS)
@settings(max_examples=500, deadline=None)
def test_steps_and_what_is_between_them_are_the_text(text: str) -> None:
    at = 0
    for step in read_steps(text):
        assert text[at:step.start].strip() == ""
        assert step.value == text[step.start:step.end] != ""
        at = step.end
    assert text[at:].strip() == ""


@given(TEXTS)
@settings(max_examples=500, deadline=None)
def test_an_answer_is_a_stretch_of_the_text(text: str) -> None:
    reading = read_final_answer(text)
    assert 0 <= reading.start <= reading.end <= len(text)
    assert reading.value is None or reading.value == text[reading.start:reading.end] != ""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", reading.reason)


@given(TEXTS)
@settings(max_examples=300, deadline=None)
def test_hiding_and_folding_move_nothing(text: str) -> None:
    assert len(hide_thinking(text).text) == len(fold(text)) == len(text)
    for box in find_boxes(text):
        assert 0 <= box.outer_start <= box.start <= box.end <= box.outer_end <= len(text)
    start, end = trim(text, 0, len(text))
    assert 0 <= start <= end <= len(text)


@given(st.integers(-10**6, 10**6), st.sampled_from(
    ["So \\boxed{%s}.", "#### %s", "x\nA: %s", "The answer is %s.", "**Final Answer**\n%s", "Answer: $%s$",
    "The answer is **%s**"]))
@settings(deadline=None)
def test_any_number_is_read_in_any_form(number: int, form: str) -> None:
    assert read_final_answer(form % number).value == str(number)


@given(TEXTS, TEXTS)
@settings(max_examples=200, deadline=None)
def test_normalise_changes_no_text_and_no_given_value(response: str, critique: str) -> None:
    sample = Sample.of(Query(text="q"), Response(text=response), Critique(text=critique))
    filled = normalise(sample)
    assert filled.response is not None
    assert filled.critique is not None
    assert (filled.id, filled.response.text, filled.critique.text) == (sample.id, response, critique)
    assert Sample.model_validate(filled.model_dump()) == filled
    assert normalise(filled) == filled


def test_normalise_keeps_what_is_given() -> None:
    response = Response(text="Step 1: a\nStep 2: \\boxed{5}", steps=("mine",), final_answer="6")
    critique = Critique(text="Step 2 is wrong. The correct answer is 7. Conclusion: wrong", verdict="right",
                        first_error_step=0,
                        corrected_answer="8")
    sample = Sample.of(Query(text="q"), response, critique)
    assert normalise(sample) == sample
    bare = Sample.of(Query(text="q"), Response(text=response.text), Critique(text=critique.text))
    filled = normalise(bare)
    assert filled.response == Response(text=response.text, steps=("Step 1: a", "Step 2: \\boxed{5}"),
                                       final_answer="5")
    assert filled.critique == Critique(text=critique.text, verdict="wrong", first_error_step=1,
                                       corrected_answer="7")
    assert normalise(Sample.of(Query(text="q"))) == Sample.of(Query(text="q"))


HOSTILE = ["\\boxed{" * 100_000, "\\boxed{1} or " * 70_000, "(" * 10**6, "{" * 10**6, "}" * 10**6,
           " " * 10**6, "\n" * 10**6, "$" * 10**6,
           "<think>" * 100_000, "Step 1: " * 100_000, "\nStep 1" * 100_000, "\n1. " * 200_000,
           "the answer is " * 70_000, "#### " * 200_000,
           "\nA: 5" * 200_000, "\n\n" * 500_000, "\n \n a" * 150_000, "choice a " * 100_000, "1 " * 500_000,
           "=" * 10**6, "\\" * 10**6,
           "*" * 10**6, "Answer:\n" * 100_000, "\t" * 10**6 + "x", "a\n" * 500_000]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:12]))
def test_a_megabyte_of_anything_costs_little(text: str) -> None:
    for read in (read_final_answer, read_steps):
        began = time.process_time()
        read(text)
        assert time.process_time() - began < 6


@needs_data
def test_answers_of_gsm8k_solutions() -> None:
    """GSM8K's own grade of 5,276 solutions follows from the answers read; what was cut off has none."""
    n_read = n_rows = 0
    for line in (DATA / "gsm8k" / "example_model_solutions.jsonl").read_text().splitlines():
        row = json.loads(line)
        reference = row["ground_truth"].split("A:")[-1].strip().replace(",", "")
        for solution in row.values():
            if not isinstance(solution, dict):
                continue
            n_rows += 1
            answer = read_final_answer(solution["solution"]).value
            n_read += answer is not None
            assert answer is not None or not solution["is_correct"]
            if solution["is_correct"]:
                assert float(str(answer).replace(",", "")) == float(reference)
    assert (n_rows, n_rows - n_read) == (5276, 10)


@needs_data
def test_answers_and_steps_where_the_source_gives_them() -> None:
    for file in sorted((DATA / "one-shot-cft").glob("teacher-*.json")):
        loaded = json.loads(file.read_text())
        for row in loaded.values() if isinstance(loaded, dict) else loaded:
            answer = read_final_answer(row["student_solution"]["solution"]).value
            assert re.sub(r"\s", "", str(answer)) == re.sub(r"\s", "",
                          row["student_solution"]["extracted_answer"])
    for line in (DATA / "big-bench-mistake" / "multistep_arithmetic.first150.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert read_final_answer("\n".join(row["steps"])).value == row["answer"]
        assert [step.value for step in read_steps("\n".join(row["steps"]))] == row["steps"]
    mr_gsm8k = json.loads((DATA / "mr-gsm8k" / "claude2_eval_results.json").read_text())
    for row in mr_gsm8k.values() if isinstance(mr_gsm8k, dict) else mr_gsm8k:
        assert len(read_steps("\n".join(row["model_output_steps"]))) == len(row["model_output_steps"])


@needs_data
def test_real_rows_are_normalised_quickly() -> None:
    samples = []
    for line in (DATA / "one-shot-cft" / "DSR-CFT-p0.jsonl").read_text().splitlines():
        user, assistant = (message["content"] for message in json.loads(line)["messages"])
        # One more space makes every text new to the cache.
        samples.append(Sample.of(Query(text="q"), Response(text=user.split("Solution:", 1)[1] + "  "),
                       Critique(text=assistant + "  ")))
    began = time.process_time()
    filled = [normalise(sample) for sample in samples]
    assert time.process_time() - began < 6
    assert all(s.critique and s.critique.verdict and s.response and s.response.final_answer for s in filled)
