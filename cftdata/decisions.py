"""Decisions: what a policy does with one row, from what the verifiers say of it.

    >>> from cftdata.policy import load_policy
    >>> from cftdata.sample import Query, Sample
    >>> decide(Sample.of(Query(text="2+2?")), load_policy("default"), {}).action
    'keep'

Not covered: what needs other rows (duplicates, balance; see `curate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, get_args

from cftdata.answers import match_answers
from cftdata.policy import Action, Policy
from cftdata.sample import Sample, Verification
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE

__all__ = ["Choice", "SuspectAnswers", "decide", "find_faults", "is_accepted"]

SuspectAnswers = Mapping[tuple[str, str | None], str]
"""Query and suspect reference answer to the answer that those judged right agree on."""
STRENGTH = {action: place for place, action in enumerate(get_args(Action))}


class Choice(NamedTuple):
    """What is done with a row, and why."""

    action: Action
    reason: str
    """Slug: no_finding, VERIFIER_REASON of the finding that decided, undecided, against_consensus, ..."""
    detail: str | None = None
    """The evidence as a sentence."""


def decide(sample: Sample, policy: Policy, suspects: SuspectAnswers) -> Choice:
    """The strongest of what the policy does with the row's findings; of equal ones the first.

    What rests on a suspect reference is no finding. Raises nothing; pure but for matching answers.
    """
    consensus = _find_consensus(sample, suspects)
    if consensus is not None and policy.suspect_reference == "drop":
        return Choice("drop", "suspect_reference", f"the reference is suspect: most agree on {consensus}")
    against = _judge_by(consensus, sample) if policy.suspect_reference == "consensus" else None
    if consensus is not None and against:
        return Choice("drop", "against_consensus", against)
    choices = [Choice(policy.action_for(said.verifier, said.reason), f"{said.verifier}_{said.reason}"[:60],
                      said.detail) for said in find_faults(sample, is_suspect=consensus is not None)]
    strongest = max(choices, key=lambda choice: STRENGTH[choice.action], default=None)
    if strongest and strongest.action != "keep":
        return strongest
    if policy.undecided == "drop" and not _is_decided(sample, is_suspect=consensus is not None):
        return Choice("drop", "undecided", "its verdict could not be checked")
    return strongest or Choice("keep", "no_finding")


def find_faults(sample: Sample, *, is_suspect: bool = False) -> list[Verification]:
    """What failed, without what rests on a reference that is suspect."""
    return [said for said in sample.verifications if said.outcome == "fail"
            and not (is_suspect and _rests_on_reference(sample, said))]


def is_accepted(sample: Sample, policy: Policy) -> bool:
    """Whether the policy keeps every finding of a critique that was changed, and its verdict was checked."""
    are_kept = all(policy.action_for(said.verifier, said.reason) == "keep" for said in find_faults(sample))
    has_verdict = any(said.verifier == "verdict" for said in sample.verifications)
    return are_kept and (not has_verdict or _is_decided(sample, is_suspect=False))


def _find_consensus(sample: Sample, suspects: SuspectAnswers) -> str | None:
    """What those judged right agree on, where the row rests on a suspect reference; labels outrank both."""
    has_labels = sample.gold.response_correct is not None or sample.gold.first_error_step is not None
    key = (sample.query.text, sample.query.reference_answer)
    return None if has_labels else suspects.get(key)


def _judge_by(consensus: str | None, sample: Sample) -> str | None:
    """How the verdict is against the consensus; None when it is not, or that is not known."""
    answer = sample.response.final_answer if sample.response else None
    verdict = sample.critique.verdict if sample.critique else None
    if consensus is None or answer is None or verdict is None:
        return None
    outcome = match_answers(answer, consensus).outcome
    right = {"equal": "right", "different": "wrong"}.get(outcome)
    if right is None or right == verdict:
        return None
    return (f"the response answers {answer}, those judged right agree on {consensus}; the critique says "
            f"{verdict}, and the reference {sample.query.reference_answer} is suspect")


def _rests_on_reference(sample: Sample, said: Verification) -> bool:
    return said.verifier == "verdict" or said.reason in RESTS_ON_REFERENCE


def _is_decided(sample: Sample, *, is_suspect: bool) -> bool:
    """Whether the verdict was checked."""
    return not is_suspect and any(said.verifier == "verdict" and said.outcome in ("pass", "fail")
                                  for said in sample.verifications)
