r"""The critique's own answer: held against the answer of the response, and against the reference.

The answer is the critique's `corrected_answer`; in its text it may stand in several forms ("8\sqrt[3]{4}
or about 12.7", boxes joined by "or"), and one that agrees is enough. The comparison with the response
comes first: it needs no reference, and holds though the reference be wrong.

    pass      corrected_answer_right; corrected_answer_fits (no reference: it fits the verdict)
    fail      corrects_to_the_same (verdict wrong), right_with_another_answer (verdict right),
              corrected_answer_wrong (the one that rests on the reference)
    abstain   no_critique, no_reference, answer_<why none was read>, answer_of_a_step, several_answers,
              coarse (the other one, rounded or cut too far to tell), same_answer (called wrong for its form,
              its units or its reasoning), match_<why undecided>

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> critique = Critique(text="It should be \\boxed{12}. Conclusion: wrong [END]", verdict="wrong")
    >>> sample = Sample.of(Query(text="?", reference_answer="12.699"), Response(text="16"), critique)
    >>> said = OwnAnswerVerifier()(sample)
    >>> said.reason, said.evidence.note
    ('corrected_answer_wrong', '12, the reference is 12.699')

Not covered: corrections of single steps, answers told in sentences, and which of several parts is meant.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from cftdata.answers.forms import match_forms, read_nearness, split_forms
from cftdata.reading import Reading, find_boxes, hide_thinking, is_value, trim
from cftdata.sample import Critique, Evidence, Outcome, Response, Sample, Verdict, Verification
from cftdata.verdict import read_corrected_answer

__all__ = ["RESTS_ON_REFERENCE", "OwnAnswerVerifier"]

RESTS_ON_REFERENCE = frozenset({"corrected_answer_wrong", "corrected_answer_right"})
"""Reasons that say nothing where the reference is suspect: one sample cannot tell that it is."""


@dataclass(frozen=True, slots=True)
class _Own:
    """The critique's own answer."""

    start: int
    end: int
    """Where it stands; 0, 0 when it was given beside the text."""
    forms: tuple[str, ...]
    is_one: bool
    """Whether it is known to be one answer: of several boxes only one that agrees says something."""
    around: str
    """The words before it, and a few behind it."""


@dataclass(frozen=True, slots=True)
class _Said:
    """What is said of an answer, and what it was held against, in words."""

    outcome: Outcome
    reason: str
    held: str = ""


@dataclass(frozen=True, slots=True)
class OwnAnswerVerifier:
    """`(sample) -> Verification`; see the module."""

    timeout_s: float = 3.0
    """Time limit for matching one pair of answers, in seconds."""
    name: str = "own_answer"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        own: _Own | None = None
        if sample.critique is None:
            said = _Said("abstain", "no_critique")
        else:
            reading = _find_answer(sample.critique)
            if reading.reason == "not_stated" and sample.critique.verdict == "wrong":
                theirs = sample.response.final_answer if sample.response else None
                reading = _find_contrasted(sample.critique.text, theirs or "") or reading
            own = _read_own(sample.critique.text, reading)
            said = (
                self._judge(sample, sample.critique, own)
                if own
                else _Said("abstain", f"answer_{reading.reason}"[:60])
            )
            if own and reading.reason in ("stated", "worked_out") and _is_of_a_step(own.around, own):
                said = _Said("abstain", "answer_of_a_step")
            if said.outcome == "fail" and reading.reason == "contrasted" and not _is_last(sample.response):
                said = _Said("abstain", "answer_of_a_step", said.held)
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=said.outcome,
            reason=said.reason,
            evidence=_quote(sample.critique, own, said),
            detail=f"the critique's own answer is {_clip(own.forms[0])}, {said.held}"
            if own and said.held
            else None,
        )

    def _judge(self, sample: Sample, critique: Critique, own: _Own) -> _Said:
        theirs = sample.response.final_answer if sample.response else None
        fits = self._hold_to_response(own, theirs, critique.verdict) if theirs and critique.verdict else None
        if fits and fits.reason == "corrects_to_the_same" and _has_another_ground(sample, critique.text, own):
            fits = _Said("abstain", "same_answer", fits.held)
        if fits and fits.outcome == "fail":
            return fits
        if sample.query.reference_answer is None:
            return fits or _Said("abstain", "no_reference")
        said = self._hold_to_reference(own, sample.query.reference_answer)
        return fits if fits and fits.outcome == "abstain" and said.outcome != "fail" else said

    def _hold_to_response(self, own: _Own, theirs: str, verdict: Verdict) -> _Said | None:
        """Whether the answer goes with the verdict; None when that cannot be told."""
        held = f"the response answers {_clip(theirs)}"
        outcome, _ = self._compare(own, theirs)
        if outcome == "unknown":
            return None
        if (verdict == "right") == (outcome == "equal"):
            return _Said("pass", "corrected_answer_fits", held)
        reason = "right_with_another_answer" if verdict == "right" else "corrects_to_the_same"
        return _Said("fail", reason, held)

    def _hold_to_reference(self, own: _Own, reference: str) -> _Said:
        held = f"the reference is {_clip(reference)}"
        outcome, reason = self._compare(own, reference)
        if outcome == "unknown":
            return _Said("abstain", reason, held)
        return (
            _Said("pass", "corrected_answer_right", held)
            if outcome == "equal"
            else _Said("fail", "corrected_answer_wrong", held)
        )

    def _compare(self, own: _Own, other: str) -> tuple[str, str]:
        """`equal`, `different` or `unknown`, and why unknown. Only what cannot be a matter of kind, of the
        number of values or of rounding is different."""
        match = match_forms(own.forms, other, timeout_s=self.timeout_s)
        if match.outcome == "unknown" or match.reason in ("kind", "size", "units"):
            return "unknown", f"match_{match.reason}"[:60]
        if match.outcome == "equal":
            return "equal", ""
        if not own.is_one:
            return "unknown", "several_answers"
        if any(_is_coarse(form, other, own.around) for form in own.forms):
            return "unknown", "coarse"
        return "different", ""


def _find_answer(critique: Critique) -> Reading[str]:
    """The answer given beside the text, else the one read; an empty span where the text does not hold it."""
    reading = read_corrected_answer(critique.text)
    given = critique.corrected_answer
    if given is None or given == reading.value:
        return reading
    if not given.strip():
        return Reading(None, "empty", 0, 0)
    at = max(0, critique.text.rfind(given))
    return Reading(given, "given", at, at + len(given) if critique.text.startswith(given, at) else at)


_IS = r"(?:\bis|\bare|\bwas|\bbe|\bbeen|\bequals?|\bto|\bgets?|\bobtains?|\byields?|['’]s|=|:)[\s$\\(*]{1,4}"
_OURS = r"(?:(?:actually|really|exactly|in fact),? )?(?P<NAME>-?\$?[\d\\][^,;.\n]{0,40}?(?:\.\d+)?)"
_CLOSES = r"(?=[\s$\\)*]*(?:[,;]|\.(?!\d)|\n|$))"
_NOT_THEIRS = re.compile(
    rf"{_IS}{_OURS.replace('NAME', 'value')}[\s$\\)*]*,?\s(?:and |but )?(?:not|instead of|rather than)\s"
    r"(?:(?:the|their|student['’]s|claimed|incorrect|given|a|an)\s){0,4}[\s$\\(*]*$",
    re.I,
)
_BUT_OURS = re.compile(
    r"[^.\n]{0,60}?\b(?:but|while|whereas|although)\b[^.\n=]{0,40}?"
    r"\b(?:correct|true|actual|right|real) [^.\n=\d]{1,40}?"
    rf"{_IS}{_OURS.replace('NAME', 'value')}{_CLOSES}|"
    r"[\s$\\)*]*[.;,]\s(?:in fact,? |actually,? )?it(?:['’]s| is| should be| should have been)[\s$\\(*]{1,4}"
    rf"{_OURS.replace('NAME', 'other')}{_CLOSES}",
    re.I,
)
_NOT_OF_ALL = re.compile(
    r"\b(?:if|step|suppose)\b|\b(?:student|solution|they|he|she|response)\b[^,;]{0,30}\b(?:sets?|uses?|used|"
    r"takes?|treats?|gets?|has|writes?|assum\w+|incorrectly|wrongly|mistakenly)\b[^,;]{0,60}$",
    re.I,
)


def _find_contrasted(text: str, theirs: str) -> Reading[str] | None:
    """The answer put in the place of the response's: "it is 24, not 22", "22, but the true value is 24"."""
    bare = theirs.strip(" $")
    if not re.search(r"\d", bare) or len(bare) > 40:
        return None
    voice = hide_thinking(text).text[-MAX_READ:]
    low = len(text) - len(voice)
    for at in islice(re.finditer(rf"(?<![\w.]){re.escape(bare)}(?![\w%]|\.\d)", voice), 20):
        lead = re.split(r"[.!?](?=\s)|\n", voice[max(0, at.start() - 160) : at.start()])[-1]
        ours = _NOT_THEIRS.search(lead)
        start = at.start() - len(lead)
        if ours is None:
            ours, start = _BUT_OURS.match(voice[at.end() : at.end() + 200]), at.end()
        if ours and not _NOT_OF_ALL.search(lead):
            first, last = trim(voice, *(start + n for n in ours.span(ours.lastgroup or 0)))
            if is_value(voice[first:last]):
                return Reading(voice[first:last], "contrasted", low + first, low + last)
    return None


def _is_last(response: Response | None) -> bool:
    """Whether the response reaches its answer in its last equations only, and not in a step on the way."""
    answer = (response.final_answer or "").strip(" $") if response else ""
    token = re.compile(rf"(?<![\w.]){re.escape(answer)}(?![\w%]|\.\d)")
    lines = response.text[-MAX_READ:].splitlines() if response and answer else []
    first = next((at for at, line in enumerate(lines) if token.search(line)), len(lines))
    results = (re.findall(r"=[\s$\\(<]*([^\s=$\\)>][^=\n]*)", line) for line in lines[first + 1 :])
    return bool(lines) and all(token.search(result) for found in results for result in found[-1:])


_ALSO = re.compile(r"\bor\b|approx|≈|\bdecimal|\bexact|\bequivalent|\balternative|\bsimplified", re.I)
_NOT_ALSO = re.compile(
    r"\b(?:not|instead|rather|student|wrong|incorrect|should|whereas|but)\b|"
    r"[.!?]\s+[A-Z]",
    re.I,
)
MAX_GAP = 160
MAX_READ = 20_000


def _read_own(text: str, reading: Reading[str]) -> _Own | None:
    """The answer with the forms it is stated in; None when there is none."""
    if reading.value is None and reading.reason != "several_answers":
        return None
    values = [reading.value] if reading.value is not None else []
    if reading.reason in ("boxed", "several_answers"):
        values += _read_boxes_beside(text, reading)
    forms = dict.fromkeys(form for value in values for form in split_forms(value))
    around = text[max(0, reading.start - 250) : min(len(text), reading.end + 60)]
    is_one = reading.value is not None
    return _Own(reading.start, reading.end, tuple(forms), is_one, around) if forms else None


def _read_boxes_beside(text: str, reading: Reading[str]) -> list[str]:
    """What stands in the boxes that give the same answer in other words."""
    found, start, end = [], reading.start, reading.end
    boxes = find_boxes(hide_thinking(text).text)[-10:]
    for box in boxes:
        if box.start >= end and _is_also(text[end : box.start]):
            end = box.end
        elif not start <= box.start < end:
            continue
        found.append(text[box.start : box.end])
    for box in reversed(boxes):
        if box.end <= start and _is_also(text[box.end : start]):
            start = box.start
            found.append(text[box.start : box.end])
    return found


def _is_also(between: str) -> bool:
    return len(between) < MAX_GAP and bool(_ALSO.search(between)) and not _NOT_ALSO.search(between)


# --- what takes the certainty away


_STEP = re.compile(
    r"\b(?:steps?|paragraph|line|parts?)\s*[#(]?\s*(?:\d|[a-e]\b|one\b|two\b|three\b)|"
    r"\bintermediate|"
    r"\b(?:this|that|first|second|third|next|previous|last) (?:step|part|calculation|line|"
    r"product|sum|"
    r"term|value|equation|operation)\b",
    re.I,
)
_OPERANDS = re.compile(r"\b(?:answer|result|solution) (?:of|for|to)\b[^\n]{0,40}\d[^\n]{0,30}$", re.I)
_NEAR = re.compile(r"round|approx|about|nearest|roughly|nearly|≈|~|\bwhole\b|integer", re.I)
_OTHER_GROUND = re.compile(
    r"\bcoinciden|\bhappen(?:s|ed) to\b|\bby (?:luck|chance|accident)\b|\bluck(?:y|ily)\b|\baccidental|"
    r"\bunsupported\b|\bunjustified\b|\bincomplete\b|\b(?:not|lacks?|without|missing|insufficient) justif|"
    r"\b(?:reasoning|logic|method|justification|proof)\b[^.\n]{0,60}\b(?:wrong|incorrect|flaw|invalid|"
    r"error|mistak|"
    r"missing|lack|not )|\b(?:wrong|incorrect|flawed|invalid|faulty) (?:reasoning|logic|method|proof)\b|"
    r"\b(?:although|though|even|while|despite|same|still|nevertheless)\b[^.\n]{0,60}\b(?:answer|result)\b|"
    r"\b(?:answer|result|value)(?: of [^.\n]{1,30})? (?:is|was|remains) (?:\w+ )?(?:correct|right|same)\b|"
    r"\b(?:answer|result),? (?:despite|by|through|but|although|though|even)\b",
    re.I,
)
"""Words that give another ground for `wrong` than the answer: luck, reasoning."""
_FORM = re.compile(
    r"\bsimpl\w+|\blowest terms|\breduced\b|\bunits?\b|\bdecimals?\b|\bexact\b|"
    r"\bround(?:ed|ing)\b|"
    r"\bnumerical|\bform(?:at)?\b|\bfraction|\bpercent|\bexpressed\b|\bdollars?\b|"
    r"\bcents?\b",
    re.I,
)


def _is_of_a_step(around: str, own: _Own) -> bool:
    """Whether the sentence speaks of a step, or of an operation ("the answer to 3 * 4 is")."""
    before = around[: min(250, own.start)]
    sentence = re.split(r"[.!?](?=\s)|\n", before.rstrip())[-1]
    return bool(_OPERANDS.search(sentence)) or (
        bool(_STEP.search(sentence)) and not re.search(r"\b(?:final|whole|problem)\b", sentence, re.I)
    )


def _has_another_ground(sample: Sample, text: str, own: _Own) -> bool:
    """Whether an answer that is not wrong may rightly be called so, by labels or by the critique's words."""
    theirs = (sample.response.final_answer if sample.response else None) or ""
    step = sample.gold.first_error_step
    is_labelled = sample.gold.response_correct is False or (step is not None and step >= 0)
    same = re.sub(r"[\W_]", "", theirs) in [re.sub(r"[\W_]", "", form) for form in own.forms]
    text = text[-MAX_READ:]
    return is_labelled or bool(_OTHER_GROUND.search(text)) or (not same and bool(_FORM.search(text)))


def _is_coarse(answer: str, other: str, around: str) -> bool:
    """Whether it is the other answer with digits cut off, or rounded to few of them."""
    near = read_nearness(answer, other)
    return near == "cut" or (near == "rounded" and ("." in answer or bool(_NEAR.search(around))))


def _quote(critique: Critique | None, own: _Own | None, said: _Said) -> Evidence | None:
    if critique is None or own is None or own.start >= own.end:
        return None
    text = critique.text[own.start : own.end]
    note = f"{_clip(text)}, {said.held}" if said.outcome == "fail" else None
    return Evidence(text=text, start=own.start, end=own.end, note=note)


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"
