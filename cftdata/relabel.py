"""Relabelling: a critique's verdict, or the value in a false equation, put right from the evidence alone.

Only what a verifier's evidence names is replaced, and no prose is written: the words of the verdict by the
opposite ones; or, of an equation of the critic's own, in "27, not 32" the 32 that stands there by 27. A
critique is left alone (`not_known`) where that would not do: the value stands elsewhere too, so that it was
carried on; the response has the equation; it takes both kinds of edit, so that the one led to the other.
What is changed is to be verified again, and a turned verdict stands only where the explanation says the same
(`is_borne_out`): a verdict turned against its own reasons teaches what no reason supports.

    >>> _turn("Wrong"), _turn("not right"), _turn("no errors")
    ('Right', 'right', None)

Not covered: explanations, steps and answers of the critique; equations whose value is told in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from cftdata.claims.spelling import Said, find_said
from cftdata.sample import Critique, Evidence, Sample, Verification
from cftdata.text import normalise
from cftdata.verdict import read_corrected_answer, read_first_error_step, read_verdict

__all__ = ["is_borne_out", "relabel"]

PAIRS = {"right": "wrong", "correct": "incorrect", "true": "false", "yes": "no"}
OPPOSITE = PAIRS | {wrong: right for right, wrong in PAIRS.items()}
VERDICT = re.compile(rf"(?:not )?(?P<word>{'|'.join(OPPOSITE)})", re.IGNORECASE)
NUMBER = r"[-−]?\d[\d.,/]*"
CORRECTION = re.compile(rf"(?P<true>{NUMBER}), not (?P<false>{NUMBER})")


class Edit(NamedTuple):
    """A stretch of the critique that is replaced."""

    start: int
    end: int
    text: str


def relabel(sample: Sample, faults: Iterable[Verification]) -> Sample | None:
    """The sample with what the faults' evidence corrects put right, its texts read anew, not verified.

    None where that does not put it right. A fault whose evidence corrects nothing by itself (an explanation
    at odds with the verdict) is left to the verifiers: the edit of another may mend it.
    """
    critique, by_verifier = sample.critique, {said.verifier: said for said in faults}
    if critique is None:
        return None
    verdict, arithmetic = by_verifier.get("verdict"), by_verifier.get("arithmetic")
    if verdict and arithmetic is None:
        edits = [_turn_verdict(verdict.evidence)]
    elif arithmetic and verdict is None:
        edits = [_put_value(place, sample, critique) for place in (arithmetic.evidence, *arithmetic.more)]
    else:
        return None
    text = _apply(critique.text, edits)
    if text is None or any(_stands_elsewhere(critique.text, edit, edits) for edit in edits if arithmetic):
        return None
    gold = sample.gold.model_copy(update={"critique_correct": None})    # said of the text as it was
    return normalise(Sample.of(sample.query, sample.response, _rewrite(critique, text), gold))


def is_borne_out(old: Sample, new: Sample) -> bool:
    """Whether the explanation says what the verdict does, where that was turned. `new` is verified."""
    if old.critique and new.critique and old.critique.verdict == new.critique.verdict:
        return True
    return any(said.verifier == "consistency" and said.outcome == "pass" for said in new.verifications)


# --- The words of the verdict


def _turn_verdict(evidence: Evidence | None) -> Edit | None:
    turned = _turn(evidence.text) if evidence else None
    return Edit(evidence.start, evidence.end, turned) if evidence and turned else None


def _turn(text: str) -> str | None:
    """The opposite of a text that is one word of judgement, its case kept; None where it is another text."""
    found = VERDICT.fullmatch(text)
    if found is None:
        return None
    word = found["word"]
    if found[0] != word:
        return word
    new = OPPOSITE[word.lower()]
    return new.upper() if word.isupper() else new.capitalize() if word[0].isupper() else new


# --- The value of an equation


def _put_value(evidence: Evidence | None, sample: Sample, critique: Critique) -> Edit | None:
    """The false value replaced by the true one, where the equation is the critic's own."""
    corrected = CORRECTION.fullmatch((evidence.note if evidence else None) or "")
    if evidence is None or corrected is None or _says(sample, evidence.text):
        return None
    false, true = corrected["false"], corrected["true"]
    if not re.search(rf"(?<![\d.,/]){re.escape(false)}$", evidence.text):
        return None
    mended = evidence.text.removesuffix(false) + true
    if critique.verdict == "wrong" and _says(sample, mended):
        return None     # what the response was blamed for is what it says
    return Edit(evidence.end - len(false), evidence.end, true)


def _says(sample: Sample, equation: str) -> bool:
    return sample.response is not None and find_said(equation, Said(sample.response.text)) == "said"


def _stands_elsewhere(text: str, edit: Edit | None, edits: Iterable[Edit | None]) -> bool:
    """Whether the false value stands at another place than those that are replaced."""
    if edit is None:
        return True
    places = {(one.start, one.end) for one in edits if one}
    value = re.compile(rf"(?<![\d.,]){re.escape(text[edit.start:edit.end])}(?![\d]|[.,]\d)")
    return any(found.span() not in places for found in value.finditer(text))


# --- The text


def _apply(text: str, edits: Iterable[Edit | None]) -> str | None:
    """The text with the stretches replaced; None where one is not known, or two overlap."""
    known = [edit for edit in edits if edit is not None]
    if len(known) != len(list(edits)):
        return None
    parts, end = [], 0
    for edit in sorted(set(known)):
        if edit.start < end:
            return None
        parts += [text[end:edit.start], edit.text]
        end = edit.end
    return "".join(parts) + text[end:]


def _rewrite(critique: Critique, text: str) -> Critique:
    """The critique with another text; what was read from the old one is to be read anew, what was given
    beside it stays."""
    old = critique.text
    was_read = {"verdict": read_verdict(old).value, "first_error_step": read_first_error_step(old).value,
                "corrected_answer": read_corrected_answer(old).value}
    fields = {name: None for name, value in was_read.items() if getattr(critique, name) == value}
    return critique.model_copy(update={"text": text, "planted_fault": None, **fields})
