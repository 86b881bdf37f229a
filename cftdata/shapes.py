"""The known shapes of rows, and one reader for each: columns to a `Sample`.

A shape is recognised by the columns it needs; each reader's docstring gives an example row. A reader takes
what the row states and reads nothing out of texts (`normalise` does): a text is cut only where the shape
packs query and response into one. Labels that people gave become `gold`. What a file derived by parsing
(extracted answers and conclusions, one model's grade of another's critique) is not taken over. The
label-only shapes (mr-gsm8k, mr-ben, processbench, big-bench-mistake) take a critique that was added later
in the columns `critique` and `critic`.

    >>> row = {"query": "2+2?", "response": "4", "critique": "Conclusion: right [END]"}
    >>> recognise(row), SHAPES["table"].read(row, Provenance(row=0)).response.text
    ('table', '4')

Source: One-Shot CFT (arXiv 2506.03295), WebInstruct-CFT (arXiv 2501.17703), MR-GSM8K (arXiv 2312.17080),
Mr-Ben (arXiv 2406.13975), ProcessBench (arXiv 2412.06559), BIG-Bench-Mistake (arXiv 2311.08516).
Not covered: dialogues of several turns, messages in parts (images), several critiques in one row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from cftdata.columns import (
    Columns,
    UnreadError,
    parse_cell,
    take_answer,
    take_index,
    take_note,
    take_present,
    take_steps,
    take_text,
    take_truth,
)
from cftdata.sample import Critique, Gold, Provenance, Query, Response, Sample

QUESTION = re.compile(r"^Question:[ \t]*\r?\n?", re.MULTILINE)
SOLUTION = re.compile(r"^Solution:[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
SOLUTION_INLINE = re.compile(r"^Solution:[ \t]*", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """A known shape of rows."""

    needs: tuple[tuple[str, ...], ...]
    """Columns by which it is recognised; of each group, one."""
    read: Callable[[Columns, Provenance], Sample]
    """Columns and where they come from to a sample; raises UnreadError, or pydantic's ValidationError."""


def recognise(columns: Columns) -> str | None:
    """The name of the first shape whose columns are all there; None when there is none."""
    return next((name for name, shape in SHAPES.items()
                 if all(any(column in columns for column in group) for group in shape.needs)), None)


# --- Shapes with a critique


def read_one_shot(columns: Columns, origin: Provenance) -> Sample:
    """One-Shot CFT. The first line that is just "Solution:" ends the question; the rest is the response.

    {"messages": [{"role": "user", "content": "Please critique whether the following solution to the question
    is correct.\\n\\nQuestion:\\n2+2?\\n\\nSolution:\\nIt is 5."},
    {"role": "assistant", "content": "2+2 is 4. Conclusion: wrong [END]"}]}

    A system message before is allowed. Columns beside it may name `critic`, `student`, `reference_answer`.
    """
    messages = parse_cell(take_present(columns, "messages"))
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise UnreadError("not_messages", "messages is no list of {role, content}")
    turns = [(take_text(m, "role"), m) for m in messages if m.get("role") != "system"]
    if [role for role, _ in turns] != ["user", "assistant"]:
        raise UnreadError("not_one_turn", "messages are not one of a user and then one of an assistant")
    return _packed(columns, origin, take_text(turns[0][1], "content"), take_text(turns[1][1], "content"))


def read_webinstruct(columns: Columns, origin: Provenance) -> Sample:
    """WebInstruct-CFT. It states no reference answer.

    {"instruction": "Please critique whether the following solution to the question is correct.",
    "input": "Question:\\n2+2?\\n\\nSolution:\\nIt is 5.", "output": "2+2 is 4. Conclusion: wrong"}

    Columns beside these may name `critic`, `student`, `reference_answer`.
    """
    return _packed(columns, origin, take_text(columns, "input"), take_text(columns, "output"))


def read_cft_teacher(columns: Columns, origin: Provenance) -> Sample:
    """The rows of one teacher, as the authors of One-Shot CFT keep them.

    {"question": "2+2?", "gt_answer": "4", "student_model": "weak", "teacher_model": "strong",
    "student_solution": {"extracted_answer": "5", "solution": "It is 5."}, "critique": "Conclusion: wrong",
    "critique_extracted_conclusion": false, "dsr_index": 124, "solution_id": 5}

    Extracted answers and conclusions are not taken: they are the file's own reading, at times wrong.
    """
    solution = parse_cell(take_present(columns, "student_solution"))
    text = (take_text(solution, "solution") if isinstance(solution, dict)
            else take_text(columns, "student_solution"))
    return Sample.of(
        Query(text=take_text(columns, "question"), reference_answer=take_answer(columns, "gt_answer"),
              provenance=origin),
        Response(text=text, provenance=_by(columns, "student_model", origin)),
        Critique(text=take_text(columns, "critique"), provenance=_by(columns, "teacher_model", origin)))


# --- Shapes with labels of people


def read_mr_gsm8k(columns: Columns, origin: Provenance) -> Sample:
    """MR-GSM8K, with or without the output of one evaluated model. The file counts steps from 1.

    {"uuid": "b1", "question": "2+2?", "ground_truth_answer": 4, "ground_truth_solution": "2+2 = 4\\n#### 4",
    "model_output_steps": ["Step 1: It is 5."], "model_output_solution_correctness": "wrong",
    "model_output_solution_first_error_step": 1, "claude2_eval_output": {"response": "The sum is 4.",
    "correctness_pred": "incorrect", "error_step_pred": "1"}}

    The critic is the key less `_eval_output`; columns `critique` and `critic` go before it. What grades the
    critique's reason (error_reason_correctness, gpt4_…_analysis) was written by a model: it is no gold.
    """
    text, steps = take_steps(columns, "model_output_steps", "\n")
    return Sample.of(
        Query(text=take_text(columns, "question"),
              reference_answer=take_answer(columns, "ground_truth_answer"),
              reference_solution=take_note(columns, "ground_truth_solution"), provenance=origin),
        Response(text=text, steps=steps, provenance=origin),
        _added_critique(columns, origin) or _evaluation(columns, origin),
        _gold_from_1(columns, "model_output_solution_correctness", "model_output_solution_first_error_step"))


def read_mr_ben(columns: Columns, origin: Provenance) -> Sample:
    """Mr-Ben. The query is the question, then its options. The file counts steps from 1.

    {"Question_UUID": "8f", "Subject": "math", "Question": "2+2?", "Options": "A: 4\\nB: 5",
    "Ground_Truth_Answer": "B", "Ground_Truth_Answer_Modified": "A", "Sampled_Model": "weak",
    "Model_Solution_Steps": ["Step 1: It is 5.", "Solution: Choice_B"],
    "Model_Solution_Correctness": "incorrect", "Model_Solution_First_Error_Step": "1"}

    The last step often only states the choice. The reference as people mended it goes before the first one.
    """
    text, steps = take_steps(columns, "Model_Solution_Steps", "\n")
    options = take_note(columns, "Options")
    return Sample.of(
        Query(text=take_text(columns, "Question") + (f"\n{options}" if options else ""),
              reference_answer=take_answer(columns, "Ground_Truth_Answer_Modified")
              or take_answer(columns, "Ground_Truth_Answer"),
              reference_solution=take_note(columns, "Ground_Truth_Analysis"),
              domain=take_answer(columns, "Subject"), provenance=origin),
        Response(text=text, steps=steps, provenance=_by(columns, "Sampled_Model", origin)),
        _added_critique(columns, origin),
        _gold_from_1(columns, "Model_Solution_Correctness", "Model_Solution_First_Error_Step"))


def read_processbench(columns: Columns, origin: Provenance) -> Sample:
    """ProcessBench. `label` is the 0-based first wrong step, -1 when the whole process is right.

    {"id": "gsm8k-0", "generator": "weak", "problem": "2+2?", "steps": ["Add.", "It is 5."],
    "final_answer_correct": false, "label": 1}

    A right final answer with a wrong step is a wrong response: label outranks final_answer_correct.
    """
    text, steps = take_steps(columns, "steps", "\n\n")
    label = take_index(columns, "label")
    return Sample.of(
        Query(text=take_text(columns, "problem"), provenance=origin),
        Response(text=text, steps=steps, provenance=_by(columns, "generator", origin)),
        _added_critique(columns, origin),
        Gold(response_correct=None if label is None else label == -1, first_error_step=label))


def read_big_bench_mistake(columns: Columns, origin: Provenance) -> Sample:
    """BIG-Bench-Mistake. `mistake_index` is the 0-based first wrong step, null when there is none.

    {"input": "2 + 2 =", "steps": ["Add.", "So the answer is 5"], "answer": "5", "target": "4",
    "mistake_index": 1}
    """
    text, steps = take_steps(columns, "steps", "\n")
    mistake = take_index(columns, "mistake_index")
    if mistake is None and "mistake_index" in columns:      # null says "none"; no such column says nothing
        mistake = -1
    return Sample.of(
        Query(text=take_text(columns, "input"), reference_answer=take_answer(columns, "target"),
              provenance=origin),
        Response(text=text, steps=steps, final_answer=take_answer(columns, "answer"), provenance=origin),
        _added_critique(columns, origin),
        Gold(response_correct=None if mistake is None else mistake == -1, first_error_step=mistake))


# --- Our own rows, and tables


def read_cftdata(columns: Columns, origin: Provenance) -> Sample:
    """A row of our own samples.parquet: the fields of `Sample`, restored exactly, verifications included.

    {"schema_version": "1", "id": "9b…", "query": {"text": "2+2?", …}, "response": {…}, "critique": {…},
    "gold": {…}, "verifications": [], "decision": null, "source_row": 0, "file": "rows.jsonl"}

    Its provenance stays that of the first source, so `origin` is not used. A field may be JSON text.
    """
    del origin
    return Sample.model_validate({name: parse_cell(columns.get(name)) for name in Sample.model_fields})


def read_published(columns: Columns, origin: Provenance) -> Sample:
    """A row of the config `cft` or `dropped` of a set that cftdata published (see `rows.CftRow`).

    {"id": "9b…", "query": "2+2?", "response": "It is 5.", "critique": "2+2 is 4.", "verdict": "wrong",
    "response_correct": false, "response_correct_by": "reference_answer", "verdict_check": "pass",
    "reference_answer": "4", "critic": "strong", "student": "weak", "source": "rows.jsonl", "source_row": 0}

    The sample has the id that the row states; a row whose texts were altered is not read. Its provenance
    stays that of the first source. What was found of it is not taken over, but looked for anew.
    """
    del origin
    query = _pick(columns, "reference_answer reference_solution domain", text="query")
    response = _pick(columns, "final_answer", text="response") | {"steps": columns.get("steps") or ()}
    critique = _pick(columns, "verdict first_error_step corrected_answer planted_fault", text="critique")
    gold = _pick(columns, first_error_step="labelled_first_error_step",
                 critique_correct="labelled_critique_correct")
    query["provenance"] = _pick(columns, source="source", split="source_split", row="source_row",
                                licence="source_licence")
    response["provenance"] = _pick(columns, model="student", prompt="student_prompt")
    critique["provenance"] = _pick(columns, model="critic", prompt="critic_prompt", created="critic_created",
                                   temperature="critic_temperature")
    if columns.get("injected_error") is not None:
        response["injected_error"] = _pick(columns, kind="injected_error", step="injected_error_step")
    if columns.get("response_correct_by") == "label":
        gold["response_correct"] = columns.get("response_correct")
    return Sample.model_validate({
        "id": take_text(columns, "id"), "query": query, "gold": gold,
        "response": None if response["text"] is None else response,
        "critique": None if critique["text"] is None else critique})


def _pick(columns: Columns, same: str = "", **names: str) -> dict[str, object]:
    """Field to the value of its column, which has the field's name (`same`) or another (`names`)."""
    named = {name: name for name in same.split()} | names
    return {field: columns.get(column) for field, column in named.items()}


TABLE_FIELDS: dict[str, tuple[str, ...]] = {
    "query": ("query", "question", "problem"),
    "response": ("response", "solution"),
    "critique": ("critique",),
} | {name: (name,) for name in (
    "reference_answer", "reference_solution", "domain", "critic", "student", "steps", "final_answer",
    "verdict", "corrected_answer", "response_correct", "first_error_step", "critique_correct")}
"""Fields of a table, each with the columns it is looked for in when no mapping names one."""


def read_table(columns: Columns, origin: Provenance) -> Sample:
    """Any table, its columns named as `TABLE_FIELDS` or renamed to that by a mapping (see `sources`).

    {"query": "2+2?", "response": "It is 5.", "critique": "2+2 is 4.", "reference_answer": "4",
    "critic": "strong", "student": "weak", "verdict": "wrong", "response_correct": "false",
    "first_error_step": "0"}

    Only the query must be there. `first_error_step` (0-based, -1 for none), `response_correct` and
    `critique_correct` are gold labels; `verdict` and `corrected_answer` are the critique's own.
    """
    cells = {field: columns[column] for field, names in TABLE_FIELDS.items()
             if (column := next((name for name in names if name in columns), None)) is not None}
    return Sample.of(
        Query(text=take_text(cells, "query"), reference_answer=take_answer(cells, "reference_answer"),
              reference_solution=take_note(cells, "reference_solution"), domain=take_answer(cells, "domain"),
              provenance=origin),
        None if cells.get("response") is None else Response(
            text=take_text(cells, "response"), final_answer=take_answer(cells, "final_answer"),
            steps=() if cells.get("steps") is None else take_steps(cells, "steps", "\n")[1],
            provenance=_by(cells, "student", origin)),
        None if cells.get("critique") is None else Critique(
            text=take_text(cells, "critique"), corrected_answer=take_answer(cells, "corrected_answer"),
            verdict={True: "right", False: "wrong", None: None}[take_truth(cells, "verdict")],
            provenance=_by(cells, "critic", origin)),
        Gold(response_correct=take_truth(cells, "response_correct"),
             first_error_step=take_index(cells, "first_error_step"),
             critique_correct=take_truth(cells, "critique_correct")))


SHAPES: dict[str, Shape] = {
    "cftdata": Shape((("schema_version",), ("id",), ("query",), ("verifications",)), read_cftdata),
    "published": Shape((("id",), ("query",), ("verdict_check",), ("response_correct_by",)), read_published),
    "one-shot-cft": Shape((("messages",),), read_one_shot),
    "webinstruct-cft": Shape((("instruction",), ("input",), ("output",)), read_webinstruct),
    "cft-teacher": Shape((("question",), ("student_solution",), ("critique",)), read_cft_teacher),
    "mr-gsm8k": Shape((("question",), ("model_output_steps",)), read_mr_gsm8k),
    "mr-ben": Shape((("Question",), ("Model_Solution_Steps",)), read_mr_ben),
    "processbench": Shape((("problem",), ("steps",), ("label",)), read_processbench),
    "big-bench-mistake": Shape((("input",), ("steps",), ("mistake_index",)), read_big_bench_mistake),
    "table": Shape((TABLE_FIELDS["query"], TABLE_FIELDS["response"], ("critique",)), read_table),
}
"""Shape by name, in the order in which they are tried."""


# --- Parts


def cut_prompt(prompt: str) -> tuple[str, str]:
    """Query and response of "…Question:\\n{query}\\n\\nSolution:\\n{response}".

    The response begins after the first line that is just "Solution:" (where no line is, after the first
    "Solution:" that begins a line) and runs to the end, whatever it contains. A question that itself has
    such a line cannot be told apart. Raises UnreadError.
    """
    question = QUESTION.search(prompt)
    if question is None:
        raise UnreadError("missing_field", 'the prompt has no line that begins with "Question:"')
    solution = SOLUTION.search(prompt, question.end()) or SOLUTION_INLINE.search(prompt, question.end())
    if solution is None:
        raise UnreadError("missing_field", 'the prompt has no line that begins with "Solution:"')
    query = prompt[question.end():solution.start()]
    end = next((end for end in ("\r\n\r\n", "\n\n", "\r\n", "\n") if query.endswith(end)), "")
    return query.removesuffix(end), prompt[solution.end():]


def _packed(columns: Columns, origin: Provenance, prompt: str, critique: str) -> Sample:
    query, response = cut_prompt(prompt)
    return Sample.of(
        Query(text=query, reference_answer=take_answer(columns, "reference_answer"), provenance=origin),
        Response(text=response, provenance=_by(columns, "student", origin)),
        Critique(text=critique, provenance=_by(columns, "critic", origin)))


def _by(columns: Columns, name: str, origin: Provenance) -> Provenance:
    """The origin, with the model that the column names."""
    model = take_answer(columns, name)
    if model is None:
        return origin
    return Provenance(source=origin.source, revision=origin.revision, split=origin.split, row=origin.row,
                      model=model)


def _added_critique(columns: Columns, origin: Provenance) -> Critique | None:
    if columns.get("critique") is None:
        return None
    return Critique(text=take_text(columns, "critique"), provenance=_by(columns, "critic", origin))


def _evaluation(columns: Columns, origin: Provenance) -> Critique | None:
    """The critique of an MR-GSM8K row; None when no model's evaluation is in it."""
    keys = [key for key, value in columns.items() if value is not None and _is_evaluation(key, value)]
    if not keys:
        return None
    if len(keys) > 1:
        raise UnreadError("several_critics", f"the row holds several critics' outputs: {', '.join(keys)}")
    value = parse_cell(columns[keys[0]])
    text = take_text(value, "response") if isinstance(value, dict) else take_text(columns, keys[0])
    critic = {"critic": keys[0].removesuffix("_eval_output")}
    return Critique(text=text, provenance=_by(critic, "critic", origin))


def _is_evaluation(key: str, value: object) -> bool:
    return key.endswith("_eval_output") or (
        isinstance(value, dict) and "response" in value
        and ("correctness_pred" in value or "error_step_pred" in value))


def _gold_from_1(columns: Columns, correctness: str, first_error_step: str) -> Gold:
    """Gold of a label of right or wrong and a first wrong step counted from 1 (0 or nothing: none)."""
    is_right, step = take_truth(columns, correctness), take_index(columns, first_error_step)
    if step is None or step < 1:
        return Gold(response_correct=is_right, first_error_step=-1 if is_right else None)
    return Gold(response_correct=is_right, first_error_step=step - 1)
