"""Columns to samples: an example row of each shape, and what is not taken over from it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.columns import UnreadError, take_answer, take_index, take_truth
from cftdata.sample import Critique, Gold, Provenance, Query, Response, Sample, Verification
from cftdata.shapes import SHAPES, cut_prompt, recognise

ORIGIN = Provenance(source="rows.jsonl", row=7)
ASK = "Please critique whether the following solution to the question is correct."


def shape(columns: dict[str, Any]) -> tuple[str | None, Sample]:
    name = recognise(columns)
    assert name is not None
    return name, SHAPES[name].read(columns, ORIGIN)


def one_shot(query: str, response: str, critique: str = "Conclusion: wrong [END]") -> dict[str, Any]:
    prompt = f"{ASK}\n\nQuestion:\n{query}\n\nSolution:\n{response}"
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": critique}]}


def webinstruct(query: str, response: str) -> dict[str, Any]:
    return {"instruction": ASK, "input": f"Question:\n{query}\n\nSolution:\n{response}", "output": "Right."}


MR_GSM8K: dict[str, Any] = {
    "uuid": "b1", "question": "2+2?", "ground_truth_answer": 4, "ground_truth_solution": "2+2 = 4\n#### 4",
    "model_output_steps": ["Step 1: Add.", "Step 2: It is 5."], "model_output_solution_correctness": "wrong",
    "model_output_answer_correctness": "correct", "model_output_solution_first_error_step": 2,
    "error_reason_correctness": "correct",
    "gpt4_error_reason_correctness_analysis": {"response": "The reason is right.", "Final Decision": "Wrong"},
    "claude2_eval_output": {
        "response": "The sum is 4.", "correctness_pred": "correct", "error_step_pred": "1"}}
MR_BEN: dict[str, Any] = {
    "Question_UUID": "8f", "Subject": "math", "Question": "2+2?", "Options": "A: 4\nB: 5",
    "Ground_Truth_Answer": "B", "Ground_Truth_Answer_Modified": "A", "Sampled_Model": "weak",
    "Model_Solution_Steps": ["Step 1: It is 5.", "Solution: Choice_B"],
    "Model_Solution_Correctness": "incorrect", "Model_Solution_First_Error_Step": "1"}
PROCESSBENCH: dict[str, Any] = {"id": "gsm8k-0", "generator": "weak", "problem": "2+2?",
                                "steps": ["Add.", "5."], "final_answer_correct": True, "label": 1}
MISTAKE: dict[str, Any] = {"input": "2 + 2 =", "steps": ["Add.", "So the answer is 5"], "answer": "5",
                           "target": "4", "mistake_index": 1}
TEACHER: dict[str, Any] = {
    "question": "2+2?", "gt_answer": "4", "student_model": "weak", "teacher_model": "strong",
    "student_solution": {"extracted_answer": "6", "solution": "It is 5."}, "critique": "Conclusion: wrong",
    "critique_extracted_conclusion": True, "exact_match_correctness": True,
    "dsr_index": 124, "solution_id": 5}


def test_one_shot() -> None:
    name, sample = shape(one_shot("2+2?", "It is 5."))
    assert name == "one-shot-cft"
    assert sample == Sample.of(
        Query(text="2+2?", provenance=ORIGIN), Response(text="It is 5.", provenance=ORIGIN),
        Critique(text="Conclusion: wrong [END]", provenance=ORIGIN))


def test_one_shot_with_a_system_message_other_words_and_columns_beside() -> None:
    columns = one_shot("2+2?", "It is 5.") | {"critic": "strong", "student": "weak", "reference_answer": 4}
    user = columns["messages"][0]
    user["content"] = user["content"].replace(ASK, "Please critique whether it holds")
    columns["messages"].insert(0, {"role": "system", "content": "You are a teacher."})
    _, sample = shape(columns)
    assert sample.response
    assert sample.critique
    assert (sample.query.text, sample.query.reference_answer) == ("2+2?", "4")
    assert sample.response.provenance.model == "weak"
    assert sample.critique.provenance == ORIGIN.model_copy(update={"model": "strong"})


def test_webinstruct() -> None:
    name, sample = shape(webinstruct("2+2?", "It is 5."))
    assert name == "webinstruct-cft"
    assert sample.response
    assert sample.critique
    assert (sample.query.text, sample.response.text, sample.critique.text) == ("2+2?", "It is 5.", "Right.")
    assert sample.query.reference_answer is None


@pytest.mark.parametrize("solution", [TEACHER["student_solution"], "It is 5.",
                                      json.dumps(TEACHER["student_solution"])])
def test_cft_teacher_takes_no_label_that_the_file_derived(solution: object) -> None:
    name, sample = shape(TEACHER | {"student_solution": solution})
    assert name == "cft-teacher"
    assert sample.response
    assert sample.critique
    assert (sample.query.reference_answer, sample.response.text) == ("4", "It is 5.")
    assert sample.response.final_answer is None
    assert sample.critique.verdict is None
    assert sample.gold == Gold()
    assert (sample.response.provenance.model, sample.critique.provenance.model) == ("weak", "strong")


def test_mr_gsm8k() -> None:
    name, sample = shape(MR_GSM8K)
    assert name == "mr-gsm8k"
    assert sample.response
    assert sample.critique
    assert (sample.query.reference_answer, sample.query.reference_solution) == ("4", "2+2 = 4\n#### 4")
    assert sample.response.steps == ("Step 1: Add.", "Step 2: It is 5.")
    assert sample.response.text == "Step 1: Add.\nStep 2: It is 5."
    assert (sample.critique.text, sample.critique.provenance.model) == ("The sum is 4.", "claude2")
    assert sample.critique.verdict is None
    assert sample.gold == Gold(response_correct=False, first_error_step=1)


@pytest.mark.parametrize("step", ["N/A", 0, "", None, "0"])
def test_mr_gsm8k_right_solution_has_no_error_step(step: object) -> None:
    columns = MR_GSM8K | {"model_output_solution_first_error_step": step}
    assert shape(columns | {"model_output_solution_correctness": "correct"})[1].gold == Gold(
        response_correct=True, first_error_step=-1)
    assert shape(columns)[1].gold == Gold(response_correct=False)


def test_mr_gsm8k_critics() -> None:
    text = {**MR_GSM8K, "gpt4_eval_output": "The sum is 4."}
    del text["claude2_eval_output"]
    critique = shape(text)[1].critique
    assert critique
    assert (critique.text, critique.provenance.model) == ("The sum is 4.", "gpt4")
    with pytest.raises(UnreadError, match="claude2_eval_output, gpt4_eval_output") as caught:
        shape(MR_GSM8K | {"gpt4_eval_output": "x"})
    assert caught.value.reason == "several_critics"
    del text["gpt4_eval_output"]
    assert shape(text)[1].critique is None


def test_mr_ben() -> None:
    name, sample = shape(MR_BEN)
    assert name == "mr-ben"
    assert sample.response
    assert (sample.query.text, sample.query.reference_answer) == ("2+2?\nA: 4\nB: 5", "A")
    assert sample.query.domain == "math"
    assert sample.response.text == "Step 1: It is 5.\nSolution: Choice_B"
    assert sample.response.provenance.model == "weak"
    assert sample.gold == Gold(response_correct=False, first_error_step=0)
    assert sample.critique is None
    right = MR_BEN | {"Model_Solution_Correctness": "correct", "Model_Solution_First_Error_Step": "N/A"}
    assert shape(right)[1].gold == Gold(response_correct=True, first_error_step=-1)
    text = shape(MR_BEN | {"Model_Solution_Steps": "One text.", "Ground_Truth_Answer_Modified": " "})[1]
    assert text.response
    assert (text.response.text, text.response.steps, text.query.reference_answer) == ("One text.", (), "B")


def test_processbench_label_outranks_the_answer() -> None:
    name, sample = shape(PROCESSBENCH)
    assert name == "processbench"
    assert sample.response
    assert (sample.response.text, sample.response.steps) == ("Add.\n\n5.", ("Add.", "5."))
    assert sample.gold == Gold(response_correct=False, first_error_step=1)
    assert shape(PROCESSBENCH | {"label": -1})[1].gold == Gold(response_correct=True, first_error_step=-1)
    assert shape(PROCESSBENCH | {"label": None})[1].gold == Gold()


def test_big_bench_mistake() -> None:
    name, sample = shape(MISTAKE)
    assert name == "big-bench-mistake"
    assert sample.response
    assert (sample.query.reference_answer, sample.response.final_answer) == ("4", "5")
    assert sample.gold == Gold(response_correct=False, first_error_step=1)
    right = shape(MISTAKE | {"mistake_index": None})[1]
    assert right.gold == Gold(response_correct=True, first_error_step=-1)
    unlabelled = {key: value for key, value in MISTAKE.items() if key != "mistake_index"}
    assert SHAPES["big-bench-mistake"].read(unlabelled, ORIGIN).gold == Gold()


@pytest.mark.parametrize("columns", [MR_GSM8K, MR_BEN, PROCESSBENCH, MISTAKE])
def test_a_critique_added_later_is_taken(columns: dict[str, Any]) -> None:
    _, sample = shape(columns | {"critique": "Step 1 is wrong.", "critic": "late"})
    assert sample.critique
    assert (sample.critique.text, sample.critique.provenance.model) == ("Step 1 is wrong.", "late")


@pytest.mark.parametrize("as_text", [False, True])
def test_our_own_rows_are_restored_exactly(as_text: bool) -> None:
    query = Query(text="2+2?", provenance=Provenance(source="first.jsonl", row=3))
    first = Sample.of(query, Response(text="5"))
    sample = first.model_copy(update={"verifications": (Verification(
        verifier="verdict", version="1", target="critique", outcome="abstain", reason="no_critique"),)})
    columns = sample.model_dump(mode="json") | {"source_row": 0, "file": "x"}
    if as_text:
        columns = {key: json.dumps(value) if isinstance(value, dict | list) else value
                   for key, value in columns.items()}
    assert shape(columns) == ("cftdata", sample)


@pytest.mark.parametrize("names", [("query", "response"), ("question", "response"), ("problem", "solution")])
def test_table(names: tuple[str, str]) -> None:
    name, sample = shape({
        names[0]: "2+2?", names[1]: "It is 5.", "critique": "No.", "reference_answer": 4.0,
        "critic": "strong", "student": "weak", "verdict": "Incorrect.",
        "response_correct": "False", "first_error_step": "0",
        "steps": '["It is 5."]', "domain": "", "critique_correct": None, "other": 1})
    assert name == "table"
    assert sample == Sample.of(
        Query(text="2+2?", reference_answer="4.0", provenance=ORIGIN),
        Response(text="It is 5.", steps=("It is 5.",),
                 provenance=ORIGIN.model_copy(update={"model": "weak"})),
        Critique(text="No.", verdict="wrong", provenance=ORIGIN.model_copy(update={"model": "strong"})),
        Gold(response_correct=False, first_error_step=0))


def test_columns_of_no_shape() -> None:
    assert recognise({"question": "2+2?", "answer": "4"}) is None
    assert recognise({}) is None


BAD: list[tuple[dict[str, Any], str, str]] = [
    (one_shot("q", "r") | {"messages": None}, "missing_field", "messages"),
    ({"messages": "hello"}, "not_messages", "messages"),
    ({"messages": [{"role": "user", "content": "x"}]}, "not_one_turn", "one of a user"),
    ({"messages": one_shot("q", "r")["messages"] * 2}, "not_one_turn", "one of a user"),
    ({"messages": [{"role": "user", "content": ["x"]}, {"role": "assistant", "content": "y"}]}, "not_text",
     "content"),
    (webinstruct("q", "r") | {"input": "no headings"}, "missing_field", "Question:"),
    (webinstruct("q", "r") | {"input": "Question:\nq"}, "missing_field", "Solution:"),
    (webinstruct("q", "r") | {"output": None}, "missing_field", "output"),
    (TEACHER | {"gt_answer": True}, "not_text", "gt_answer is true or false"),
    (TEACHER | {"student_solution": {}}, "missing_field", "solution"),
    (TEACHER | {"critique": 5}, "not_text", "critique is a number"),
    (MR_BEN | {"Model_Solution_First_Error_Step": "second"}, "bad_label", "second"),
    (MR_BEN | {"Model_Solution_Correctness": "maybe"}, "bad_label", "maybe"),
    (PROCESSBENCH | {"steps": [1]}, "not_text", "steps"),
    (PROCESSBENCH | {"label": True}, "bad_label", "label"),
    (PROCESSBENCH | {"label": -2}, "bad_label", "label"),
]


@pytest.mark.parametrize(("columns", "reason", "detail"), BAD)
def test_a_row_that_breaks_its_shape(columns: dict[str, Any], reason: str, detail: str) -> None:
    with pytest.raises(UnreadError, match=detail) as caught:
        shape(columns)
    assert caught.value.reason == reason


@given(query=st.text(), parts=st.lists(st.text()),
       joint=st.sampled_from(["Solution:", "\nSolution:\n", "Question:\n"]))
def test_a_response_that_holds_the_heading_comes_back_whole(query: str, parts: list[str], joint: str) -> None:
    if any(line.strip() == "Solution:" for line in query.split("\n")):
        query = ""
    response = joint.join(parts)
    for columns in (one_shot(query, response), webinstruct(query, response)):
        _, sample = shape(columns)
        assert sample.response
        assert (sample.query.text, sample.response.text) == (query, response)


@pytest.mark.parametrize("form", ["Question:\n{}\n\nSolution:\nr", "Question: {}\nSolution: \nr"])
def test_a_question_that_uses_the_word_survives(form: str) -> None:
    question = 'How does "Solution:" end?\nSolution: is a word'
    assert cut_prompt(form.format(question)) == (question, "r")


def test_headings_on_the_line_of_their_text_and_crlf() -> None:
    assert cut_prompt("Judge.\nQuestion: q\nSolution: r\nSolution:x") == ("q", "r\nSolution:x")
    assert cut_prompt("Question:\r\nq\r\n\r\nSolution:\r\nr\r\n") == ("q", "r\r\n")


@pytest.mark.parametrize("hostile", [
    "Question:\n" + "Solution: x\n" * 90_000, "Question:\n" + "\n" * 1_000_000,
    "Question:" + " \t" * 500_000 + "x", "Question:\n" + "Solution:" * 110_000])
def test_a_hostile_prompt_costs_no_time(hostile: str) -> None:
    start = time.process_time()
    try:
        cut_prompt(hostile)
    except UnreadError as fault:
        assert fault.reason == "missing_field"  # noqa: PT017
    assert time.process_time() - start < 4


@pytest.mark.parametrize(("value", "text"), [(5, "5"), (5.0, "5.0"), ("5", "5"), (" x", " x"),
                                             ("", None), (None, None), (0, "0"), (float("nan"), None),
                                             (float("inf"), None)])
def test_answers_are_turned_to_text_exactly(value: object, text: str | None) -> None:
    assert take_answer({"a": value}, "a") == text


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())))
def test_labels_are_read_or_refused(value: object) -> None:
    for take, known in ((take_truth, {True, False, None}), (take_index, None)):
        try:
            label = take({"x": value}, "x")
        except UnreadError as fault:
            assert fault.reason == "bad_label"  # noqa: PT017
        else:
            assert label is None or known is None or label in known
            assert label is None or label >= -1
