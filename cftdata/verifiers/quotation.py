r"""What a critique puts in the response's mouth: does the response say it, and do the steps it names exist?

    pass      quotations_found
    fail      not_said (a quotation, an equation or an answer that the response does not have),
              no_such_step (step 9 of 5), answer_is_given ("gives no final answer"),
              steps_are_shown ("shows no work")
    abstain   no_critique, no_response, nothing_quoted, quotation_unclear (it may be a paraphrase), too_long

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> critique = Critique(text='The student writes "5 + 3 = 9", which is wrong.')
    >>> QuotationVerifier()(Sample.of(Query(text="?"), Response(text="5 + 3 = 8"), critique)).reason
    'not_said'

Only what is plainly attributed is read ("the student writes ..."); what is supposed, denied or put right
("should be ...") is not, and a quotation of the query is fine. Spellings of one formula count as the same
(`claims.spelling`). Source: our own rules, made on published critiques (One-Shot CFT, arXiv 2506.03295).
Not covered: paraphrase, quotations in other languages, what a critique leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice

from cftdata.answers.decimals import approximate
from cftdata.answers.exact import NotExact, evaluate
from cftdata.claims.equations import find_equations, read_side
from cftdata.claims.masking import mask
from cftdata.claims.spelling import Finding, Said, find_said, numbers_of, plain
from cftdata.claims.values import find_faults
from cftdata.reading import find_near, fold, read_value
from cftdata.sample import Critique, Evidence, Outcome, Response, Sample, Verification
from cftdata.text import read_final_answer, read_steps
from cftdata.verifiers.arithmetic import own_words
from cftdata.verifiers.localisation import is_numbered

__all__ = ["QuotationVerifier"]

MAX_CHARS = 60_000
MAX_QUOTED = 60
"""Quotations of one critique that are looked up; more say nothing new."""


@dataclass(frozen=True, slots=True)
class Place:
    """A stretch of the critique that speaks of the response."""

    start: int
    end: int
    reason: str
    """Why it is wrong, or `quotations_found`, or `quotation_unclear`."""
    note: str | None = None


@dataclass(frozen=True, slots=True)
class QuotationVerifier:
    """`(sample) -> Verification`; see the module."""

    name: str = "quotation"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        critique, response = sample.critique, sample.response
        if critique is None:
            return self._say("abstain", "no_critique")
        if response is None or not response.text.strip():
            return self._say("abstain", "no_response")
        text = own_words(critique.text)
        if max(len(text), len(response.text), len(sample.query.text)) > MAX_CHARS:
            return self._say("abstain", "too_long")
        places = [
            *_look_up_quoted(text, sample),
            *_find_missing_steps(text, response),
            *_find_denied(text, response),
        ]
        wrong = sorted(
            (place for place in places if not place.reason.startswith("quotation")),
            key=lambda place: place.start,
        )
        if wrong:
            return self._say("fail", wrong[0].reason, critique, wrong)
        found = [place for place in places if place.reason == "quotations_found"]
        if found:
            return self._say("pass", "quotations_found", critique, found)
        return self._say("abstain", "quotation_unclear" if places else "nothing_quoted")

    def _say(
        self,
        outcome: Outcome,
        reason: str,
        critique: Critique | None = None,
        places: list[Place] | None = None,
    ) -> Verification:
        evidence = [
            Evidence(
                text=critique.text[place.start : place.end], start=place.start, end=place.end, note=place.note
            )
            for place in places or ()
            if critique
        ]
        first = evidence[0] if evidence else None
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=outcome,
            reason=reason,
            evidence=first,
            more=tuple(evidence[1:]),
            detail=first.note if first else None,
        )


# --- Quotations, equations and answers

_WHO = r"\b(?:student|solution|response|solver|author|they|model)\b"
_SAYS = (
    r"(?:says?|said|saying|writes?|wrote|writing|states?|stated|stating|claims?|claimed|claiming|asserts?|"
    r"asserted|"
    r"concludes?|concluded|concluding|notes?|noted)"
)
_SAID = re.compile(
    rf"{_WHO}(?:['’]s?)?(?P<between>[^.!?\n;:\"“`]{{0,60}}?)\b{_SAYS}(?: (?:in|"
    rf"at) step \d+)?(?: that)?(?: the)?"
    r"(?: (?:equation|following|statement|formula|calculation))?[ \t]{0,3}[:,]?\**[ \t\n>]{0,8}$",
    re.I,
)
_COMPUTED = re.compile(
    rf"{_WHO}(?:['’]s?)?(?P<between>[^.!?\n;:\"“`]{{0,60}}?)\b(?:calculates?|calculated|computes?|"
    rf"computed|gets?|got|"
    r"evaluates?|evaluated|finds?|found|obtains?|obtained|calculating|computing|evaluating|finding|getting)"
    r"(?: (?:the |their )?[a-z][a-z' ]{0,50} as)?(?: that)?(?: the)?[ \t]{0,3}:?\**[ \t\n>]{0,8}$",
    re.I,
)
_VERB = re.compile(
    r"sa[iy]|conclud|note|writ|wrote|stat|claim|assert|calcul|comput|get|got|evaluat|find|found|obtain", re.I
)
_NOT_SAYING = re.compile(
    r"\b(?:should|would|could|might|must|ought|if|when|instead|rather|not|never|nor|no|cannot|but|however|"
    r"problem|"
    r"question|correct|actual|need\w*|fail\w*|want\w*|before|without|able|to)\b|n['’]t\b",
    re.I,
)
_QUOTED = re.compile(
    r"\"([^\"\n]{2,300})\"|“([^”\n]{2,300})”|`([^`\n]{2,300})`|«([^»\n]{2,300})»|"
    r"(?<![A-Za-z])‘([^’\n]{2,300})’(?![A-Za-z])"
)
_GIVES_VALUE = re.compile(
    r"[a-z] = -? ?\d+(?: / \d+)?"
)  # k = 1 / 256: no working, whose steps a critique may fill in
_AFTER_VALUE = re.compile(r"\s+(?:is|was|or|which|and|in|given|\()(?!\w)|\s\(")
_ANSWER = re.compile(
    rf"{_WHO}(?P<between>[^.!?\n;:]{{0,40}}?)\b(?:gives?|gave|gets?|got|obtains?|obtained|arrives? at|"
    rf"arrived at|reports?|"
    r"reported|concludes? with|provides?|provided|presents?|presented) (?:an?|the|their|its) (?:(?:final|"
    r"incorrect|wrong|"
    r"correct|boxed|numerical) ){0,2}answer (?:of|as)(?=[\s:$\\])|"
    r"\b(?:student|solution|response|solver|author)['’]s (?:(?:final|numerical|stated|own|boxed) )*answer"
    r"(?: to the (?:problem|question))?(?: here)?,?[*_]{0,2} (?:is|was|"
    r"of)(?: given as)?(?=[\s:$\\])(?! (?:not|also|correct|incorrect|"
    r"wrong|right|the|approx\w*|close|about|therefore|thus|still|an?|in|based|likely|off|too|supposed)\b)",
    re.I,
)


_HINTS_OF_ANSWER = re.compile(r"[Aa]nswer|ANSWER")


def _look_up_quoted(text: str, sample: Sample) -> Iterator[Place]:
    """Everything attributed to the response, with whether it is there."""
    assert sample.response is not None
    steps = (step for step in sample.response.steps if step not in sample.response.text)
    said = Said(sample.response.text, *steps, sample.query.text)
    quoted: list[tuple[int, int]] = []
    for found in islice(_QUOTED.finditer(text), MAX_QUOTED):
        start, end = found.span(found.lastindex or 0)
        if _is_attributed(text, found.start(), _SAID) and _is_worth_a_look(text[start:end]):
            quoted.append(found.span())
            yield _judge(text, start, end, find_said(text[start:end], said, is_exact=True))
    yield from _look_up_equations(text, said, quoted)
    yield from _look_up_answers(text, sample.response, said)


def _judge(text: str, start: int, end: int, finding: Finding) -> Place:
    if finding in ("said", "unclear"):
        return Place(start, end, "quotations_found" if finding == "said" else "quotation_unclear")
    note = "does not say this" if finding == "absent" else "says it with other numbers"
    return Place(start, end, "not_said", f"the response {note}")


def _is_attributed(text: str, start: int, attributing: re.Pattern[str]) -> bool:
    """Whether the words before put what follows in the response's mouth."""
    lead = text[max(0, start - 160) : start]
    if not _VERB.search(lead[-100:]):
        return False
    lead = _without_opening(lead) + " "
    found = attributing.search(lead)
    if found is None:
        return False
    sentence = str(re.split(r"[.!?](?=\s)|\n", lead[: found.start()])[-1])
    return not _NOT_SAYING.search(found["between"]) and not re.search(
        r"\b(?:if|suppose|should|had)\b", sentence, re.I
    )


def _without_opening(lead: str) -> str:
    """The words before a formula, without the signs that open it."""
    while True:
        bare = lead.rstrip(" \t\n>*($").removesuffix("\\[").removesuffix("\\")
        if bare == lead:
            return lead
        lead = bare


def _is_worth_a_look(quotation: str) -> bool:
    """Words in quotes to keep a distance are short; a quotation has three words, or a number."""
    has_number = re.search(r"\d", quotation) is not None
    return has_number or (len(quotation.strip()) >= 12 and len(quotation.split()) >= 3)


def _look_up_equations(text: str, said: Said, quoted: list[tuple[int, int]]) -> Iterator[Place]:
    """Equations without quotation marks: "the student writes 5 + 3 = 9"."""
    for equation in islice(find_equations(text), 400):
        if any(start <= equation.start < end for start, end in quoted):
            continue
        is_said = _is_attributed(text, equation.start, _SAID)
        if is_said or _is_attributed(text, equation.start, _COMPUTED):
            end = equation.sides[1].end  # what follows may be the critique's own
            finding = find_said(text[equation.start : end], said)
            if (
                finding == "differs"
                and not is_said
                and not (
                    _GIVES_VALUE.fullmatch(plain(text[equation.start : end]))
                    or find_faults(text[equation.start : end])
                )
            ):
                finding = "unclear"  # a true equation that tells in short what the response does
            yield _judge(text, equation.start, end, finding)


def _look_up_answers(text: str, response: Response, said: Said) -> Iterator[Place]:
    """ "The student's answer is 12": against the answer that the response gives."""
    for found in islice(find_near(text, _HINTS_OF_ANSWER, _ANSWER), MAX_QUOTED):
        value = read_value(text, found.end(), "stated")
        if (
            value.value is None
            or _is_supposed(text, found.start())
            or (found["between"] and _NOT_SAYING.search(found["between"]))
        ):
            continue
        claimed = _AFTER_VALUE.split(value.value)[0].rpartition("=")[2].strip()
        if re.search(r"\d", claimed):
            yield _judge_answer(Place(value.start, value.end, "quotation_unclear"), claimed, response, said)


def _judge_answer(place: Place, claimed: str, response: Response, said: Said) -> Place:
    """The same, where the response has it; wrong, where its numbers are not there or its value is another."""
    form = plain(claimed)
    given, ending = response.final_answer, Said(response.text[-400:])
    if form and (form == plain(given or "") or (len(numbers_of(form)) > 1 and said.holds(form))):
        return replace(place, reason="quotations_found")
    values = _value(claimed), _value(given or "")
    if None not in values and given is not None:
        is_near = _is_rounded(form, values)  # type: ignore[arg-type]
        if is_near or ending.holds(form):
            return replace(place, reason="quotations_found" if is_near else "quotation_unclear")
        return replace(place, reason="not_said", note=f"the response answers {given[:60]}")
    if (
        any(not said.has_number(number) for number in numbers_of(form))
        and given
        and len(numbers_of(form)) == 1
    ):
        return replace(place, reason="not_said", note=f"the response answers {given[:60]}")
    return place


def _is_rounded(form: str, values: tuple[Decimal, Decimal]) -> bool:
    """Whether the first value, as written, is the second or its rounding."""
    places = max((len(number.partition(".")[2]) for number in form.split() if number[0].isdigit()), default=0)
    is_whole = values[1] == values[1].to_integral_value()
    return values[0] == values[1] or (
        not is_whole and abs(values[0] - values[1]) <= Decimal(1).scaleb(-places)
    )


def _value(answer: str) -> Decimal | None:
    """The number that an answer is; None when it is none."""
    side = read_side(mask(answer).rpartition("=")[2].strip())
    try:
        return approximate(evaluate(side[0])) if side else None
    except NotExact:
        return None


# --- Steps that do not exist

_STEP = re.compile(
    r"\bsteps?[ _](?:(?P<from>\d{1,3})[ ]?(?:-|–|to|and|through)[ ]?)?(?P<n>\d{1,3})(?![\d]|[.)]\d|-\w)", re.I
)
_HEADING = re.compile(r"(?:^|\n)[ \t>*_\-•\d.)]{0,10}(?P<hash>#{0,6})[ \t*_]{0,6}$")
_JUDGED = re.compile(
    r"[*_]{0,3}[:.,)–—-]?[*_]{0,3}\s{0,2}(?:is |are |also |partially |mostly )*(?:in)?(?:correct|right|"
    r"wrong|valid|"
    r"accurate|error|flawed|[✓✔✅✗✘❌])",
    re.I,
)


def _find_missing_steps(text: str, response: Response) -> Iterator[Place]:
    """Steps of the response that the critique names and that are not there.

    Critics number their own sections too: where one does, no number is held against the response.
    """
    steps = response.steps or tuple(step.value or "" for step in read_steps(response.text))
    named = list(islice(_STEP.finditer(text), 400))
    if len(steps) < 2 or not any(int(step["n"]) > len(steps) for step in named):
        return
    if not is_numbered(response) or any(_is_own_heading(text, step) for step in named):
        return
    # the response may name more steps than could be told apart
    highest = max([len(steps), *(int(step["n"]) for step in _STEP.finditer(response.text))])
    for step in named:
        if int(step["n"]) > highest:
            yield Place(*step.span(), "no_such_step", f"the response has {len(steps)} steps")


def _is_own_heading(text: str, step: re.Match[str]) -> bool:
    """Whether "Step 3: ..." begins a section of the critique: no judgement follows at once."""
    before = _HEADING.search(text[max(0, step.start() - 30) : step.start()])
    if before is None and step.start() > 0:
        return False
    if before and before["hash"]:
        return True
    return (
        _JUDGED.match(text, step.end()) is None
        and re.match(r"[*_]{0,3}[ ]?[:.)–—(-]|[*_]{0,3}\n", text[step.end() : step.end() + 6]) is not None
    )


# --- Answers and steps that are said to be missing

_LACKS = (
    r"(?:does(?: not|n['’]t)|did(?: not|n['’]t)|do(?: not|n['’]t)|never|fails? to|failed to)(?: actually|"
    r" even| explicitly| ever)? "
    r"(?:provided?|gives?|gave|states?d?|reach(?:ed|es)?|presents?|presented|include[sd]?|offer(?:ed|s)?|"
    r"show(?:s|ed|n)?|arrive[sd]? at)"
)
_END = r"(?=[*_]{0,3}(?:[.,;!\n]|$| at all| to the (?:problem|question)| but\b| and\b))"
_NO_ANSWER = re.compile(
    rf"{_WHO} {_LACKS} (?:an?|any|the|its|their) (?:(?:final|explicit|single|concrete|clear|definite|"
    rf"boxed) )?answer{_END}|"
    rf"\b(?:no|without an?y?) (?:final|explicit|boxed) answer (?:is|was|has been) (?:given|provided|"
    rf"stated|presented|boxed){_END}|"
    rf"{_WHO} (?:provides?|provided|gives?|gave|presents?|has|reaches) no (?:final )?answer{_END}"
)
_NO_STEPS = re.compile(
    rf"{_WHO} {_LACKS} (?:any|their|its|his|her|the) ?(?:intermediate |of the )?(?:steps|work|working|"
    rf"workings|calculations?|reasoning|"
    rf"derivation)(?: or (?:work|steps|reasoning|explanation))?{_END}|"
    rf"{_WHO} (?:provides?|provided|gives?|gave|shows?|showed|presents?) (?:no|"
    rf"zero) (?:intermediate )?(?:steps|work|working|"
    rf"calculations|reasoning|derivation){_END}"
)


_HINTS_OF_LACK = re.compile(r"\b(?:not|never|fail|no|without|zero)|n['’]t")


def _find_denied(text: str, response: Response) -> Iterator[Place]:
    """Answers and steps that the critique does not see."""
    low = fold(text)
    for found in islice(find_near(low, _HINTS_OF_LACK, _NO_ANSWER), 10):
        answer = read_final_answer(response.text)
        is_there = answer.value is not None and (
            answer.reason in ("boxed", "hashes", "stated", "a_line", "option")
            and ("boxed" not in found[0].lower() or "\\boxed" in response.text)
        )
        if is_there and not _is_supposed(text, found.start()):
            yield Place(*found.span(), "answer_is_given", f"the response answers {(answer.value or '')[:60]}")
    for found in islice(find_near(low, _HINTS_OF_LACK, _NO_STEPS), 10):
        if _shows_steps(response) and not _is_supposed(text, found.start()):
            yield Place(
                *found.span(), "steps_are_shown", f"the response has {response.text.count('=')} equations"
            )


def _shows_steps(response: Response) -> bool:
    """Whether a response works towards its answer: equations on at least three lines."""
    return sum("=" in line for line in response.text.split("\n")) >= 3


def _is_supposed(text: str, start: int) -> bool:
    return re.search(_CASE, text[max(0, start - 80) : start], re.I) is not None


_CASE = r"\b(?:if|whether|unless|suppose|should)\b[^.!?\n]{0,60}$"
