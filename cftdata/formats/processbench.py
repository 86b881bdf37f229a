r"""ProcessBench rows: a response in steps, and its first wrong one.

`label` is a person's or a construction's (`gold`), never a critic's: the 0-based first wrong step, -1 when
the whole process is right. `final_answer_correct` comes from matching the final answer with the reference;
where there is none, a right process has a right answer, and of a wrong one it is unknown: there is no row.

    >>> from cftdata.sample import Gold, Query, Response
    >>> response = Response(text="Add.\n\nThe answer is 5.", steps=("Add.", "The answer is 5."))
    >>> sample = Sample.of(Query(text="2+2?", reference_answer="4"), response, None, Gold(first_error_step=1))
    >>> made = make_processbench(sample, None)
    >>> made["steps"], made["final_answer_correct"], made["label"]
    (['Add.', 'The answer is 5.'], False, 1)

Checked against: the card of Qwen/ProcessBench @84129ea (its fields and its example row), and what its
evaluation reads (QwenLM/ProcessBench code/run_eval_prm_trl.py @04d347e).
Reasons for no row: no_response, no_step_label, label_past_steps, final_answer_unknown.
Not covered: step labels beyond the first wrong one.
"""

from __future__ import annotations

from cftdata.formats.form import Made
from cftdata.sample import Gold, Record, Response, Sample, content_id
from cftdata.text import normalise, read_steps
from cftdata.verifiers.verdict import response_correctness

__all__ = ["ProcessBench", "make_processbench"]


class ProcessBench(Record):
    """A row of ProcessBench."""

    id: str
    """32 hex digits: the content hash of query and response."""
    generator: str
    """Model that wrote the response; `unknown` where the sample does not say."""
    problem: str
    """The query."""
    steps: tuple[str, ...]
    """The response's steps."""
    final_answer_correct: bool
    """Whether its final answer is right."""
    label: int
    """0-based first wrong step; -1 when there is none."""


def make_processbench(sample: Sample, prompt: str | None) -> Made:
    """The row; it has its own form, so no prompt is used."""
    del prompt
    response, label = sample.response, _find_label(sample.gold)
    if response is None:
        return "no_response"
    if label is None:
        return "no_step_label"
    steps = _list_steps(response)
    if label >= len(steps):
        return "label_past_steps"
    is_right = _match_answer(sample)
    if is_right is None and label != -1:
        return "final_answer_unknown"
    return {"id": content_id(sample.query, response, None),
            "generator": response.provenance.model or "unknown", "problem": sample.query.text,
            "steps": steps, "final_answer_correct": is_right is not False, "label": label}


def _find_label(gold: Gold) -> int | None:
    if gold.first_error_step is None and gold.response_correct:
        return -1
    return gold.first_error_step


def _list_steps(response: Response) -> list[str]:
    return list(response.steps) or [step.value for step in read_steps(response.text) if step.value]


def _match_answer(sample: Sample) -> bool | None:
    """Whether the final answer equals the reference; None when that is not known."""
    read = sample if sample.response and sample.response.final_answer is not None else normalise(sample)
    return response_correctness(read.model_copy(update={"gold": Gold()})).value
