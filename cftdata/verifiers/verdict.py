"""The verdict verifier: does the critique's verdict agree with whether the response is right?

Whether the response is right is taken from people's labels where there are any (a label that says the
reasoning is wrong outranks a matching answer), else from matching its final answer with the reference.

    pass      verdict_agrees
    fail      wrong_called_right, right_called_wrong
    abstain   no_critique, no_response, verdict_<why it could not be read>,
              no_reference, no_final_answer, answer_unknown

    >>> from cftdata.sample import Critique, Query, Response
    >>> VerdictVerifier()(Sample.of(Query(text="2+2?"), Response(text="4"), Critique(text="right"))).outcome
    'abstain'

Not covered: whether the critique's reasons hold (a right verdict for a wrong reason passes), and right
answers by wrong reasoning where nobody has labelled the reasoning.
"""

from __future__ import annotations

from dataclasses import dataclass

from cftdata.answers import AnswerMatch, match_answers
from cftdata.sample import Critique, Evidence, Outcome, Query, Response, Sample, Verification
from cftdata.verdict import read_verdict

__all__ = ["Correctness", "VerdictVerifier", "response_correctness"]

TIMEOUT_S = 3.0


@dataclass(frozen=True, slots=True)
class Correctness:
    """Whether a response is right, and how that is known."""

    value: bool | None
    """None when it is not known."""
    reason: str
    """gold, gold_step, answer_equal, answer_different, or why it is not known: no_response, no_reference,
    no_final_answer, answer_unknown."""
    match: AnswerMatch | None = None
    """How the answers were matched; None when they were not."""


@dataclass(frozen=True, slots=True)
class VerdictVerifier:
    """`(sample) -> Verification`; see the module."""

    timeout_s: float = TIMEOUT_S
    """Time limit for matching the answers, in seconds."""
    name: str = "verdict"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        outcome, reason = self._judge(sample)
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=outcome,
            reason=reason,
            evidence=_find_evidence(sample.critique),
            detail=_describe(sample, response_correctness(sample, timeout_s=self.timeout_s)),
        )

    def _judge(self, sample: Sample) -> tuple[Outcome, str]:
        if sample.critique is None:
            return "abstain", "no_critique"
        if sample.response is None:
            return "abstain", "no_response"
        if sample.critique.verdict is None:
            return "abstain", f"verdict_{read_verdict(sample.critique.text).reason}"[:60]
        correct = response_correctness(sample, timeout_s=self.timeout_s)
        if correct.value is None:
            return "abstain", correct.reason
        if correct.value == (sample.critique.verdict == "right"):
            return "pass", "verdict_agrees"
        return "fail", "right_called_wrong" if correct.value else "wrong_called_right"


def response_correctness(sample: Sample, *, timeout_s: float = TIMEOUT_S) -> Correctness:
    """Whether the sample's response is right, by its labels, else by its final answer."""
    if sample.response is None:
        return Correctness(None, "no_response")
    if sample.gold.response_correct is not None:
        return Correctness(sample.gold.response_correct, "gold")
    if sample.gold.first_error_step is not None:
        return Correctness(sample.gold.first_error_step == -1, "gold_step")
    if sample.query.reference_answer is None:
        return Correctness(None, "no_reference")
    if sample.response.final_answer is None:
        return Correctness(None, "no_final_answer")
    match = match_answers(sample.response.final_answer, sample.query.reference_answer, timeout_s=timeout_s)
    value = {"equal": True, "different": False, "unknown": None}[match.outcome]
    return Correctness(value, f"answer_{match.outcome}", match)


def _find_evidence(critique: Critique | None) -> Evidence | None:
    """Where the critique says its verdict; None where it was given beside the text, or not read."""
    if critique is None or critique.verdict is None:
        return None
    reading = read_verdict(critique.text)
    if reading.value != critique.verdict or reading.start == reading.end:
        return None
    return Evidence(text=critique.text[reading.start : reading.end], start=reading.start, end=reading.end)


def _describe(sample: Sample, correct: Correctness) -> str:
    """A sentence: what the response is, how that is known, and what the critique says of it."""
    said = sample.critique.verdict if sample.critique else None
    return f"{_describe_response(sample.query, sample.response, correct)}; " + (
        f"the critique says {said}" if said else "no verdict could be read from a critique"
    )


def _describe_response(query: Query, response: Response | None, correct: Correctness) -> str:
    if correct.reason == "no_response" or response is None:
        return "there is no response"
    if correct.reason == "gold":
        return f"a label says that the response is {'right' if correct.value else 'wrong'}"
    if correct.reason == "gold_step":
        return "a label says that every step is right" if correct.value else "a label names a wrong step"
    answer = (
        "no answer could be read from the response"
        if response.final_answer is None
        else (f"the response answers {_clip(response.final_answer)}")
    )
    if query.reference_answer is None:
        return f"{answer}, and there is no reference"
    how = f" ({correct.match.outcome}: {correct.match.reason})" if correct.match else ""
    return f"{answer}, the reference is {_clip(query.reference_answer)}{how}"


def _clip(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else line[:99] + "…"
