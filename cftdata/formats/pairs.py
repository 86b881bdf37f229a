r"""Preference pairs: of two critiques of one response, the one that passed and the one that failed.

A critique passed when its verdict is known to be right and no verifier found a fault in it; it failed when
one did. What broke, and a verdict that could not be decided, make it neither. `make_half` makes half a row;
`export` joins halves of the same prompt one to one, so that no critique stands in two pairs.

    >>> from cftdata.sample import Critique, Query, Response, Verification
    >>> failed = Verification(verifier="verdict", version="1", target="critique", outcome="fail",
    ...                       reason="wrong_called_right")
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="All is right."))
    >>> sample = sample.model_copy(update={"verifications": (failed,)})
    >>> sorted(make_half(sample, None))
    ['prompt', 'rejected']

Checked against: TRL's dataset type "preference", standard, with an explicit prompt (huggingface/trl
docs/source/dataset_formats.md @0087e4f); loaded by TRL's own code in a test.
Reasons for no row: no_response, no_critique, empty_critique, not_verified, undecided; of a half no_partner.
Not covered: degrees of preference; pairs across responses.
"""

from __future__ import annotations

from cftdata.formats.asking import CRITIQUE, after, as_text, ask_critique
from cftdata.formats.critiques import find_lack
from cftdata.formats.form import Made
from cftdata.sample import Record, Sample

__all__ = ["Preference", "has_passed", "make_half"]


class Preference(Record):
    """A row of TRL's "preference"."""

    prompt: str
    """What is asked."""
    chosen: str
    """A critique that passed."""
    rejected: str
    """A critique of the same response that failed."""


def has_passed(sample: Sample) -> bool | None:
    """Whether the sample's critique passed its verifiers; None when that is not known."""
    outcomes = {said.outcome for said in sample.verifications}
    if "fail" in outcomes:
        return False
    is_decided = any(said.verifier == "verdict" and said.outcome == "pass" for said in sample.verifications)
    return True if is_decided and "error" not in outcomes else None


def make_half(sample: Sample, prompt: str | None) -> Made:
    """Half a row: the prompt with `chosen` or with `rejected`. All the sample's verifications count."""
    if (lack := find_lack(sample)) or sample.critique is None:
        return lack or "no_critique"
    if not sample.verifications:
        return "not_verified"
    passed = has_passed(sample)
    if passed is None:
        return "undecided"
    return {"prompt": as_text(ask_critique(sample, prompt), CRITIQUE),
            "chosen" if passed else "rejected": after(CRITIQUE, sample.critique.text)}
