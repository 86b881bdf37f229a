r"""Critiques as trainers read them: the model is asked for a critique and learns to write it.

    >>> from cftdata.sample import Critique, Query, Response
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="No. Conclusion: wrong"))
    >>> make_trl(sample, None)["completion"]
    'No. Conclusion: wrong'

Checked against: `trl`, TRL's dataset formats "prompt-completion" (standard).
Reasons for no row: no_response, no_critique, empty_critique.
Not covered: packing, truncation, weights of rows.
"""

from __future__ import annotations

from cftdata.formats.asking import CRITIQUE, after, as_text, ask_critique
from cftdata.formats.form import Made
from cftdata.sample import Record, Sample

__all__ = ["PromptCompletion", "make_trl"]


class PromptCompletion(Record):
    """A row of TRL's "prompt-completion"."""

    prompt: str
    """What is asked; the loss does not count it."""
    completion: str
    """What is learnt."""


def find_lack(sample: Sample) -> str | None:
    """Why the sample teaches no critique; None when it does."""
    if sample.response is None:
        return "no_response"
    if sample.critique is None:
        return "no_critique"
    return None if after(CRITIQUE, sample.critique.text).strip() else "empty_critique"


def make_trl(sample: Sample, prompt: str | None) -> Made:
    """Prompt and completion as texts; prompt + completion is what the model sees, but for its end mark."""
    if (lack := find_lack(sample)) or sample.critique is None:
        return lack or "no_critique"
    return {"prompt": as_text(ask_critique(sample, prompt), CRITIQUE),
            "completion": after(CRITIQUE, sample.critique.text)}
