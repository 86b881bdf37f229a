"""Did the critique help? A model revised the response with it; is the revision's answer the reference's?

A right revision of a wrong response is evidence for the critique. A wrong one is none against it: the reviser
may have failed. Only where a right response was called wrong, and every revision of it that can be told is
wrong, did the critique do harm.

    pass      helped (a wrong response, and a right revision)
    fail      misled (a right response, and revisions that are wrong)
    abstain   revision_wrong, revision_unknown, stayed_right, said_right (nothing to revise), no_critique,
              verdict_unread, no_response, no_reference, no_final_answer, answer_unknown,
              answer_was_right (its reasoning is wrong by a label, its answer is not),
              reference_disputed (a label calls the response right, and its answer is not the reference's),
              or why no revision was made

    >>> from cftdata.sample import Critique, Query
    >>> sample = Sample.of(Query(text="2+2?", reference_answer="4"), Response(text="5", final_answer="5"),
    ...                    Critique(text="It is 4. Conclusion: wrong [END]", verdict="wrong"))
    >>> judge_revisions(sample, [Response(text="4", final_answer="4")]).reason
    'helped'

Source: filtering critiques by what they lead to, AutoMathCritique (arXiv 2411.16579).
Not covered: whether the revision is right for the critique's reasons; a reviser may be right without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftdata.answers import match_answers
from cftdata.sample import Outcome, Response, Sample, Verification
from cftdata.verifiers.verdict import TIMEOUT_S, response_correctness

__all__ = ["judge_revisions", "why_not_revised"]

NAME, VERSION = "helped", "1"
_IS_RIGHT = {"equal": True, "different": False, "unknown": None}


def why_not_revised(sample: Sample, *, timeout_s: float = TIMEOUT_S) -> str | None:
    """Why a revision could tell nothing of the critique, as a slug; None where it could."""
    if sample.critique is None or sample.response is None:
        return "no_critique" if sample.critique is None else "no_response"
    if sample.critique.verdict != "wrong":
        return "said_right" if sample.critique.verdict else "verdict_unread"
    if sample.query.reference_answer is None:
        return "no_reference"
    correct = response_correctness(sample, timeout_s=timeout_s)
    if correct.value is None:
        return correct.reason
    had_answer = _is_right(sample, sample.response, timeout_s)
    if correct.value and had_answer is not True:
        return "reference_disputed"
    return "answer_was_right" if had_answer and not correct.value else None


def judge_revisions(sample: Sample, revisions: Sequence[Response], reason: str | None = None, *,
                    timeout_s: float = TIMEOUT_S) -> Verification:
    """What the revisions say of the sample's critique.

    reason: why there are no revisions, where there are none.
    score: the share of the revisions that can be told which are right; None when none can.
    timeout_s: time limit for matching one pair of answers, in seconds.
    """
    reason = reason or why_not_revised(sample, timeout_s=timeout_s)
    if reason:
        return _say("abstain", reason)
    was_right = bool(response_correctness(sample, timeout_s=timeout_s).value)
    known = [right for revision in revisions if (right := _is_right(sample, revision, timeout_s)) is not None]
    if not known:
        return _say("abstain", "revision_unknown")
    outcome, reason = _decide(was_right, any(known))
    detail = (f"the response is {'right' if was_right else 'wrong'} and is called wrong; "
              f"of {len(known)} revisions {sum(known)} have the reference's answer")
    return _say(outcome, reason, detail, sum(known) / len(known))


def _decide(was_right: bool, is_right: bool) -> tuple[Outcome, str]:
    if was_right:
        return ("abstain", "stayed_right") if is_right else ("fail", "misled")
    return ("pass", "helped") if is_right else ("abstain", "revision_wrong")


def _is_right(sample: Sample, response: Response, timeout_s: float) -> bool | None:
    """Whether the answer is the reference's; None when that is unknown."""
    if response.final_answer is None or sample.query.reference_answer is None:
        return None
    return _IS_RIGHT[match_answers(response.final_answer, sample.query.reference_answer,
                                   timeout_s=timeout_s).outcome]


def _say(
    outcome: Outcome, reason: str, detail: str | None = None, score: float | None = None
) -> Verification:
    return Verification(verifier=NAME, version=VERSION, target="critique", outcome=outcome, reason=reason,
                        detail=detail, score=score)
