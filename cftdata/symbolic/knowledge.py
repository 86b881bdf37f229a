"""What can be known of a response without a model: right or wrong, where, what is false, what it should be.

Labels and reference answers are believed; equations are evaluated. Where the three contradict each other, or
none says anything, nothing is known, and the reason is a slug:

    no_response, too_long, no_such_step (a label names one that is not there), steps_numbered_otherwise
    labels_disagree, label_against_answer, label_against_equation   the label cannot be believed as it is
    false_equation_right_answer   the answer agrees, yet an equation is false: it may be right all the same
    no_reference, no_final_answer, answer_unknown, answer_unclear   and no false equation that decides it

    >>> from cftdata.sample import Query, Response, Sample
    >>> assess(Sample.of(Query(text="2+2?"), Response(text="It is 4.")))
    'no_reference'
    >>> known = assess(Sample.of(Query(text="?", reference_answer="7"), Response(text="3 + 4 = 9\\nA: 9")))
    >>> known.verdict, known.first_error_step, known.error.truth, known.answer
    ('wrong', 0, '3 + 4 = 7', '7')

Not covered: errors of reasoning that no label names; queries and responses in other languages than English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from cftdata.answers import match_answers
from cftdata.sample import Gold, Response, Sample, Verdict
from cftdata.symbolic.checks import Check, Checks, check_steps
from cftdata.text import read_final_answer, read_steps
from cftdata.verifiers.localisation import first_false_step

__all__ = ["Error", "Known", "assess"]

MAX_CHARS = 20_000
"""Responses longer than this are not critiqued."""
MAX_SHOWN = 60
"""Characters of an answer, and twice as many of a step, that a critique repeats."""
UNDECIDED = frozenset({"kind", "size", "units"})
"""Reasons to call two answers different that may be a matter of form."""
Agreement = Literal["equal", "different", "unknown"]

_JUDGING = re.compile(
    r"\b(?:right|wrong|(?:in)?correct|true|false|conclu\w*|verdict|end|ignore|errors?|mistakes?)\b", re.I
)
_NUMBER = re.compile(
    r"^[\s#>*_(-]*(?:step[ _]{1,2}(?P<step>\d{1,3})(?!\d|\.\d)|(?P<n>\d{1,3})[.)][*_]{0,3}\s)", re.I
)


@dataclass(frozen=True, slots=True)
class Error:
    """What is wrong in a step."""

    step: int
    """0-based."""
    kind: str | None
    """Kind of a planted error; None where only the label or the equation is known."""
    said: str | None
    """The equation or the sentence that stands there."""
    truth: str | None
    """What it should be."""
    is_false: bool
    """Whether `said` is an equation that does not hold."""
    is_quote: bool = False
    """Whether `said` is a sentence, to be put in quotation marks."""
    check: Check | None = None
    """The false equation, or the right one that belongs here, for what is done with its numbers."""
    what: str | None = None
    """What the step finds, in the words of the worked solution."""
    missing: str | None = None
    """What a skipped step should have found."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a response."""

    verdict: Verdict
    first_error_step: int | None
    """0-based; -1 where a label says that every step is right; None where it is not known."""
    query: str
    steps: tuple[str, ...]
    unit: Literal["step", "line"] | None
    """How its steps are called; None where it is one piece."""
    checks: Checks
    error: Error | None
    answer: str | None
    """The right answer, where the response does not have it; None where it does, or it is not known."""
    theirs: str | None
    """The response's answer, as a critique may repeat it; None where it has none, or a long one."""
    is_labelled: bool
    """Whether labels say which steps are right."""
    answer_agrees: bool | None
    """Whether its answer is the right one; None where that is not known."""

    def is_right(self, step: int) -> bool:
        """Whether a label says that this step is right."""
        if not self.is_labelled or self.first_error_step is None:
            return False
        return self.first_error_step == -1 or step < self.first_error_step


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the sample says, before it is weighed."""

    sample: Sample
    response: Response
    steps: tuple[str, ...]
    checks: Checks
    false_step: int | None
    """First step with a false equation, plainly false or not."""
    theirs: str | None
    agreement: Agreement | Literal["unclear"]
    reason: str
    """Why the agreement is unknown."""


def assess(sample: Sample) -> Known | str:
    """What is known of the sample's response, or the slug that says why too little is."""
    response = sample.response
    if response is None or not response.text.strip():
        return "no_response"
    if len(response.text) + sum(map(len, response.steps)) > 2 * MAX_CHARS:
        return "too_long"
    steps = response.steps or tuple(step.value or "" for step in read_steps(response.text))
    if not _are_numbered_from_one(steps):
        return "steps_numbered_otherwise"
    theirs = response.final_answer or read_final_answer(response.text).value
    agreement, reason = _agree(theirs, sample.query.reference_answer)
    checks = check_steps(steps, sample.query.text)
    false_steps = [step for step in (first_false_step(steps), checks.first_plain_step) if step is not None]
    facts = _Facts(
        sample, response, steps, checks, min(false_steps, default=None), theirs, agreement, reason
    )
    label = _read_label(sample.gold, len(steps))
    if isinstance(label, str):
        return label
    return _know_by_answer(facts) if label is None else _know_by_label(facts, *label)


def _are_numbered_from_one(steps: tuple[str, ...]) -> bool:
    """Whether the numbers that steps carry, where they do, are their places."""
    numbered = [(place, _NUMBER.match(step)) for place, step in enumerate(steps, 1)]
    return all(found is None or int(found["step"] or found["n"]) == place for place, found in numbered)


def _read_label(gold: Gold, n_steps: int) -> tuple[Verdict, int | None] | str | None:
    """Verdict and first error step by label; a slug where the label cannot be meant; None without one."""
    correct, step = gold.response_correct, gold.first_error_step
    if correct is None and step is None:
        return None
    if step is None:
        return ("right", -1) if correct else ("wrong", None)
    if correct is not None and correct != (step == -1):
        return "labels_disagree"
    if step >= n_steps:
        return "no_such_step"
    return ("right" if step == -1 else "wrong"), step


def _agree(theirs: str | None, reference: str | None) -> tuple[Agreement | Literal["unclear"], str]:
    """Whether the answers agree, and why that is not known."""
    if reference is None or not reference.strip():
        return "unknown", "no_reference"
    if theirs is None:
        return "unknown", "no_final_answer"
    match = match_answers(theirs, reference)
    if match.outcome == "different" and match.reason in UNDECIDED:
        return "unclear", "answer_unclear"
    return match.outcome, "answer_unknown"


def _know_by_label(facts: _Facts, verdict: Verdict, step: int | None) -> Known | str:
    if verdict == "right" and facts.agreement == "different":
        return "label_against_answer"
    n_right = 0 if step is None else len(facts.steps) if step == -1 else step
    if facts.false_step is not None and facts.false_step < n_right:
        return "label_against_equation"
    if verdict == "right":
        return _known(facts, "right", -1, None, is_labelled=True, agrees=True)
    agrees = {"equal": True, "different": False}.get(facts.agreement)
    error = _find_error_at(facts, step) if step is not None else _find_plain_error(facts.checks)
    return _known(facts, "wrong", step, error, is_labelled=step is not None, agrees=agrees)


def _know_by_answer(facts: _Facts) -> Known | str:
    error = _find_plain_error(facts.checks)
    if facts.agreement == "equal":
        if facts.false_step is not None:
            return "false_equation_right_answer"
        return _known(facts, "right", None, None, agrees=True)
    first = error.step if error and error.step == 0 else None
    if facts.agreement == "different":
        return _known(facts, "wrong", first, error, agrees=False)
    if error is None or not _decides(error, facts):
        return facts.reason
    return _known(facts, "wrong", first, error, agrees=None)


def _known(  # noqa: PLR0913
    facts: _Facts, verdict: Verdict, step: int | None, error: Error | None, *, agrees: bool | None,
    is_labelled: bool = False,
) -> Known:
    reference = facts.sample.query.reference_answer
    return Known(
        verdict=verdict,
        first_error_step=step,
        query=facts.sample.query.text,
        steps=facts.steps,
        unit=_name_steps(facts.response, facts.steps),
        checks=facts.checks,
        error=error,
        answer=_showable(reference, MAX_SHOWN) if agrees is False else None,
        theirs=_showable(facts.theirs, MAX_SHOWN),
        is_labelled=is_labelled,
        answer_agrees=agrees,
    )


def _name_steps(response: Response, steps: tuple[str, ...]) -> Literal["step", "line"] | None:
    read = read_steps(response.text)
    if len(steps) < 2:
        return None
    is_lines = all(step.reason == "line" for step in read) and steps == tuple(step.value for step in read)
    return "line" if is_lines else "step"


def _showable(text: str | None, n_chars: int) -> str | None:
    """A text that a critique may repeat: short, one line, without words that would judge there."""
    bare = (text or "").strip().rstrip(".")
    is_fit = bare and len(bare) <= n_chars and "\n" not in bare and not re.search(r'["“”`]', bare)
    return bare if is_fit and not _JUDGING.search(bare) else None


# --- what is wrong


def _find_plain_error(checks: Checks) -> Error | None:
    """The first equation that is false beyond doubt."""
    false = (check for check in checks.found if not check.holds and check.is_plain and check.truth)
    check = next(false, None)
    return None if check is None else _of_check(check)


def _of_check(check: Check, kind: str | None = None, what: str | None = None) -> Error:
    return Error(check.step, kind, check.said, check.truth, is_false=True, check=check, what=what)


def _find_error_at(facts: _Facts, step: int) -> Error:
    """What a label calls wrong: its false equation, else what is written against what should be."""
    planted = facts.response.injected_error
    kind = planted.kind if planted and planted.step == step else None
    solved = _read_solution(facts.sample.query.reference_solution or "") if kind else {}
    text = facts.steps[step].lower()
    what = max((what for what in solved if what in text), key=len, default=None)
    checks = [check for check in facts.checks.found if check.step == step]
    for check in checks:
        if not check.holds and check.truth:
            return _of_check(check, kind, what)
    quote = _showable(_sentence(facts.steps[step]), 2 * MAX_SHOWN)
    said = checks[-1].said if checks else quote
    right = [check for check in check_steps([solved[what]]).found if check.holds] if what else []
    return Error(
        step, kind, said, solved[what] if what else None, is_false=False, is_quote=not checks,
        check=right[0] if right else None, what=what, missing=_find_missing(facts, solved, step),
    )


def _read_solution(solution: str) -> dict[str, str]:
    """What each step of a worked solution of our own finds, to its equation."""
    lines = re.findall(r"^Step \d+: (.+): ([^:\n]+)$", solution, re.M)
    return {what[0].lower() + what[1:]: equation for what, equation in lines}


def _find_missing(facts: _Facts, solved: dict[str, str], step: int) -> str | None:
    """What the worked solution finds, and the response up to this step does not."""
    text = "\n".join(facts.steps[: step + 1]).lower()
    known = [what for what in solved if what in text]
    last = list(solved).index(known[-1]) if known else 0
    missing = [what for what in list(solved)[:last] if what not in text]
    return missing[0] if len(missing) == 1 else None


def _sentence(step: str) -> str:
    """The first sentence of a step, without its number."""
    bare = re.sub(r"^[\W_]*(?:step[ _]{1,2}\d{1,3}|\d{1,3})[*_]{0,2}[.:)][*_]{0,2}\s*", "", step, flags=re.I)
    return re.split(r"(?<=[.!?])\s|\n", bare)[0]


def _decides(error: Error, facts: _Facts) -> bool:
    """Whether the false value is carried on: it is the final answer, or a later step works with it."""
    check = error.check
    if check is None or check.written is None or facts.theirs is None:
        return False
    number = str(check.written) if check.written.denominator == 1 else f"{float(check.written):g}"
    token = re.compile(rf"(?<![\d.]){re.escape(number)}(?!\d|\.\d)")
    later = "\n".join(facts.steps[error.step + 1 :]).replace(",", "")
    return bool(token.search(facts.theirs.replace(",", "")) or token.search(later))
