r"""The SFT twin of a critique set: the same queries with correct solutions, for an honest comparison.

The solution is the query's reference solution, else a response that is known to be right: by its labels, else
because its final answer equals the reference answer. Nothing is held to be right for want of a fault.

    >>> from cftdata.sample import Gold, Query, Response
    >>> right = Gold(response_correct=True)
    >>> make_sft(Sample.of(Query(text="2+2?"), Response(text="It is 4."), None, right), None)
    {'prompt': 'Question:\n2+2?\n\nSolution:\n', 'completion': 'It is 4.'}

Source: the SFT arms of Critique Fine-Tuning (arXiv 2501.17703).
Checked against: TRL's "prompt-completion" and conversational "language modeling" (see `critiques`).
Reasons for no row: no_right_solution (no reference solution, and the response is wrong or not known right).
Not covered: right answers by wrong reasoning where nobody has labelled the reasoning.
"""

from __future__ import annotations

from cftdata.formats.asking import SOLUTION, after, as_text, ask_solution
from cftdata.formats.form import Made
from cftdata.sample import Sample
from cftdata.text import normalise
from cftdata.verifiers.verdict import response_correctness

__all__ = ["find_solution", "make_sft", "make_sft_messages"]


def find_solution(sample: Sample) -> str | None:
    """A right solution of the sample's query; None when none is known."""
    reference = sample.query.reference_solution
    if reference is not None and reference.strip():
        return reference
    if sample.response is None or not sample.response.text.strip():
        return None
    read = sample if sample.response.final_answer is not None else normalise(sample)
    return sample.response.text if response_correctness(read).value else None


def make_sft(sample: Sample, prompt: str | None) -> Made:
    """Prompt and completion as texts, of the query and a right solution."""
    solution = find_solution(sample)
    if solution is None:
        return "no_right_solution"
    text = f"Question:\n{sample.query.text}\n\n{SOLUTION}" if prompt is None else (
        as_text(ask_solution(sample, prompt), SOLUTION))
    return {"prompt": text, "completion": after(SOLUTION, solution)}


def make_sft_messages(sample: Sample, prompt: str | None) -> Made:
    """The conversation in which the query is asked and solved."""
    solution = find_solution(sample)
    if solution is None:
        return "no_right_solution"
    asked = [{"role": message.role, "content": message.content} for message in ask_solution(sample, prompt)]
    return {"messages": [*asked, {"role": "assistant", "content": solution}]}
