"""Decisions: what a policy does with one row, from what the verifiers say of it.

A verdict is judged by the verifier, or, where there is no reference or a suspect one, by the answer that
those judged right agree on (see `suspects`), never by a suspect reference. Abstentions and errors decide
nothing.

    >>> from cftdata.policy import load_policy
    >>> from cftdata.sample import Query, Sample
    >>> decide(Sample.of(Query(text="2+2?")), load_policy("default"), {}).action
    'keep'

Not covered: what needs other rows (duplicates, balance; see `selection`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from sys import intern
from typing import NamedTuple, get_args

from cftdata.answers import match_answers
from cftdata.policy import Action, Policy
from cftdata.sample import Sample, Verification
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE

__all__ = ["Choice", "Consensus", "can_be_checked", "decide", "find_faults", "is_accepted"]

Consensus = Mapping[tuple[str, str | None], str]
"""Query and reference answer to the answer that those judged right agree on, for suspect references, and
for queries without one."""
STRENGTH = {action: place for place, action in enumerate(get_args(Action))}


class Choice(NamedTuple):
    """What is done with a row, and why."""

    action: Action
    reason: str
    """Slug: no_finding, with_consensus, undecided, against_consensus, suspect_reference, or VERIFIER_REASON
    of the finding that decided; `selection` and `changes` add theirs."""
    detail: str | None = None
    """The evidence as a sentence; of `undecided` why, as a slug."""


NO_FINDING = Choice("keep", "no_finding")


def decide(sample: Sample, policy: Policy, agreed: Consensus) -> Choice:
    """The strongest of what the policy does with the row's findings; of equal ones the first. Pure."""
    consensus = find_consensus(sample, agreed)
    has_reference = sample.query.reference_answer is not None
    if consensus is not None and has_reference and policy.suspect_reference == "drop":
        return Choice("drop", "suspect_reference", f"the reference is suspect: most agree on {consensus}")
    is_right, why = _judge(sample, policy, consensus)
    if consensus is not None and is_right is False:
        return Choice("drop", "against_consensus", why)
    choices = [Choice(policy.action_for(said.verifier, said.reason), f"{said.verifier}_{said.reason}"[:60],
                      said.detail) for said in find_faults(sample, agreed)]
    strongest = max(choices, key=lambda choice: STRENGTH[choice.action], default=None)
    if strongest and strongest.action != "keep":
        return strongest
    if is_right is None and why:
        return Choice(policy.undecided, "undecided", intern(why))
    return strongest or (Choice("keep", "with_consensus", consensus) if consensus else NO_FINDING)


def find_faults(sample: Sample, agreed: Consensus) -> list[Verification]:
    """What failed, without what rests on a reference that is suspect."""
    failed = [said for said in sample.verifications if said.outcome == "fail"]
    if find_consensus(sample, agreed) is None:
        return failed
    return [said for said in failed if said.verifier != "verdict" and said.reason not in RESTS_ON_REFERENCE]


def find_consensus(sample: Sample, agreed: Consensus) -> str | None:
    """What those judged right agree on, where the reference is suspect or missing; labels outrank it."""
    has_labels = sample.gold.response_correct is not None or sample.gold.first_error_step is not None
    key = (sample.query.text, sample.query.reference_answer)
    return None if has_labels else agreed.get(key)


# --- Critiques that were changed


def is_accepted(sample: Sample, policy: Policy, agreed: Consensus,
                uncounted: Mapping[str, Sequence[str]]) -> bool:
    """Whether a changed and verified critique may stand: its verdict is right, and no verifier fails it.

    Only what the protocol counts as no error in any rate (`uncounted`) may be found in it. Where the protocol
    checks no verdicts, none need be right.
    """
    if any(said.reason not in uncounted.get(said.verifier, ()) for said in find_faults(sample, agreed)):
        return False
    is_right, why = _judge(sample, policy, find_consensus(sample, agreed))
    return is_right is True or (is_right is None and why is None)


def can_be_checked(sample: Sample, policy: Policy, agreed: Consensus) -> bool:
    """Whether the verdict of another critique of this response could be told right or wrong."""
    is_right, why = _judge(sample, policy, find_consensus(sample, agreed))
    return is_right is not None or why is None or why.startswith("verdict_")


# --- Verdicts


def _judge(sample: Sample, policy: Policy, consensus: str | None) -> tuple[bool | None, str | None]:
    """Whether the verdict is right, and the evidence where it is not, or the slug of why that is not known.

    (None, None) where the protocol does not check verdicts.
    """
    said = next((said for said in sample.verifications if said.verifier == "verdict"), None)
    if said is None:
        return None, None
    if consensus is None:
        is_right = {"pass": True, "fail": False}.get(said.outcome)
        return is_right, said.reason if is_right is None else None
    if sample.query.reference_answer is not None and policy.suspect_reference != "consensus":
        return None, "suspect_reference"
    return _judge_by(consensus, sample)


def _judge_by(consensus: str, sample: Sample) -> tuple[bool | None, str | None]:
    answer = sample.response.final_answer if sample.response else None
    verdict = sample.critique.verdict if sample.critique else None
    if verdict is None:
        return None, "verdict_unread"
    if answer is None:
        return None, "no_final_answer"
    fitting = {"equal": "right", "different": "wrong"}.get(match_answers(answer, consensus).outcome)
    if fitting is None:
        return None, "answer_unknown"
    if fitting == verdict:
        return True, None
    reference = sample.query.reference_answer
    why = "there is no reference" if reference is None else f"the reference {reference} is suspect"
    return False, (f"the response answers {answer}, those judged right agree on {consensus}; the critique "
                   f"says {verdict}; {why}")
