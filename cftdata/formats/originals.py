r"""The shapes in which critique sets were first published, so that only its content tells a set from these.

    webinstruct-cft     instruction, input, output; the form on the card of TIGER-Lab/WebInstruct-CFT @6682661
    one-shot-cft        messages; the rows of TIGER-Lab/One-Shot-CFT-Data, byte for byte in JSONL

What is read back (`load`) is the same query, response and critique, so the same id. The shapes pack query and
response into one text: a sample that could not be cut out of it again has no row.

    >>> from cftdata.sample import Critique, Query, Response
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="No. Conclusion: wrong"))
    >>> make_webinstruct(sample, None)["input"]
    'Question:\n2+2?\n\nSolution:\n5'

Source: Critique Fine-Tuning (arXiv 2501.17703), One-Shot CFT (arXiv 2506.03295).
Reasons for no row: no_response, no_critique, empty_critique, heading_in_query (the query has a line of its
own "Solution:", at which a reader would cut).
Not covered: what these shapes do not hold (models, references, labels, verifications).
"""

from __future__ import annotations

from cftdata.columns import UnreadError
from cftdata.formats.asking import INSTRUCTION, pack
from cftdata.formats.critiques import find_lack, make_messages
from cftdata.formats.form import Made
from cftdata.sample import Record, Sample
from cftdata.shapes import cut_prompt

__all__ = ["WebInstruct", "make_one_shot", "make_webinstruct"]


class WebInstruct(Record):
    """A row of WebInstruct-CFT."""

    instruction: str
    """The same sentence in every row."""
    input: str
    """Question and solution."""
    output: str
    """The critique."""


def make_webinstruct(sample: Sample, prompt: str | None) -> Made:
    """The row of WebInstruct-CFT; it has its own form, so no prompt is used."""
    del prompt
    if (lack := find_lack(sample)) or sample.critique is None or sample.response is None:
        return lack or "no_critique"
    packed = pack(sample.query.text, sample.response.text)
    if not _can_be_cut(packed, sample):
        return "heading_in_query"
    return {"instruction": INSTRUCTION, "input": packed, "output": sample.critique.text}


def make_one_shot(sample: Sample, prompt: str | None) -> Made:
    """The row of One-Shot CFT; it has its own form, so no prompt is used."""
    del prompt
    made = make_messages(sample, None)
    if isinstance(made, str) or _can_be_cut(made["messages"][0]["content"], sample):
        return made
    return "heading_in_query"


def _can_be_cut(packed: str, sample: Sample) -> bool:
    """Whether a reader finds the query and the response again."""
    try:
        return cut_prompt(packed) == (sample.query.text, sample.response.text if sample.response else None)
    except UnreadError:
        return False
