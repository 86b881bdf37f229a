"""Relabelling: a critique's verdict, or the value in a false equation, put right from the evidence alone.

Only what a verifier's evidence names is replaced: the words of the verdict by the opposite ones, and in
"27, not 32" the 32 that stands there by 27. No prose is written. The result is to be verified again.

    >>> _swap("The answer is Wrong")
    'The answer is Right'

Not covered: explanations of what was put right (they stay, and may be found inconsistent then).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cftdata.sample import Evidence, Sample, Verification
from cftdata.text import normalise

__all__ = ["relabel"]

OPPOSITES = {"right": "wrong", "correct": "incorrect", "true": "false", "yes": "no"}
OPPOSITE = OPPOSITES | {wrong: right for right, wrong in OPPOSITES.items()}
WORD = re.compile(r"\b(?:" + "|".join(OPPOSITE) + r")\b", re.IGNORECASE)
CORRECTION = re.compile(r"(?P<true>[-−]?[\d.,/]*\d), not (?P<false>[-−]?[\d.,/]*\d)")


class Edit(NamedTuple):
    """A stretch of the critique that is replaced."""

    start: int
    end: int
    text: str


def relabel(sample: Sample, faults: Iterable[Verification]) -> Sample | None:
    """The sample with what the faults' evidence corrects put right, its texts read anew, not verified.

    None where there is a fault whose evidence does not say what it should be.
    """
    if sample.critique is None:
        return None
    edits: list[Edit] = []
    for said in faults:
        for evidence in (said.evidence, *said.more):
            edit = _edit(said.verifier, evidence) if said.target == "critique" and evidence else None
            if edit is None:
                return None
            edits.append(edit)
    text = _apply(sample.critique.text, edits)
    if text is None or text == sample.critique.text:
        return None
    critique = sample.critique.model_copy(update={
        "text": text, "verdict": None, "first_error_step": None, "corrected_answer": None,
        "planted_fault": None})
    return normalise(Sample.of(sample.query, sample.response, critique, sample.gold))


def _edit(verifier: str, evidence: Evidence) -> Edit | None:
    if verifier == "verdict":
        swapped = _swap(evidence.text)
        return Edit(evidence.start, evidence.end, swapped) if swapped else None
    corrected = CORRECTION.fullmatch(evidence.note or "") if verifier == "arithmetic" else None
    if corrected is None or not _ends_with(evidence.text, corrected["false"]):
        return None
    start = evidence.end - len(corrected["false"])
    return Edit(start, evidence.end, corrected["true"])


def _ends_with(text: str, number: str) -> bool:
    """Whether the text ends with this number, and not with a longer one."""
    return re.search(rf"(?<![\d.,]){re.escape(number)}$", text) is not None


def _swap(text: str) -> str | None:
    """The text with its one word of judgement turned round, its case kept; None where there is not one."""
    words = WORD.findall(text)
    if len(words) != 1:
        return None
    new = OPPOSITE[words[0].lower()]
    cased = new.upper() if words[0].isupper() else new.capitalize() if words[0][0].isupper() else new
    return WORD.sub(cased, text)


def _apply(text: str, edits: Iterable[Edit]) -> str | None:
    """The text with the stretches replaced; None where two of them overlap."""
    parts, end = [], 0
    for edit in sorted(set(edits)):
        if edit.start < end:
            return None
        parts += [text[end:edit.start], edit.text]
        end = edit.end
    return "".join(parts) + text[end:]
