"""Decisions: unknown is never wrong, the strongest action wins, suspect references decide nothing."""

from hypothesis import given
from hypothesis import strategies as st

from cftdata.decisions import decide, is_accepted
from cftdata.policy import Policy, load_policy
from cftdata.sample import Critique, Gold, Outcome, Query, Response, Sample, Verdict, Verification

DEFAULT = load_policy("default")
OUTCOMES: tuple[Outcome, ...] = ("pass", "fail", "abstain", "error")


def said(verifier: str, outcome: Outcome, reason: str = "some_reason") -> Verification:
    return Verification(verifier=verifier, version="1", target="critique", outcome=outcome, reason=reason)


def sample(*verifications: Verification, verdict: Verdict = "right", gold: Gold | None = None) -> Sample:
    made = Sample.of(Query(text="q", reference_answer="12.8"), Response(text="12.8", final_answer="12.8"),
                     Critique(text="c", verdict=verdict), gold)
    return made.model_copy(update={"verifications": verifications})


@given(st.lists(st.tuples(st.sampled_from(sorted(DEFAULT.actions)), st.sampled_from(OUTCOMES)), max_size=6))
def test_only_a_finding_drops_a_row(outcomes: list[tuple[str, Outcome]]) -> None:
    choice = decide(sample(*(said(name, outcome) for name, outcome in outcomes)), DEFAULT, {})
    is_wrong = any(outcome == "fail" and name != "form" for name, outcome in outcomes)
    assert (choice.action == "drop") == is_wrong


def test_the_strongest_action_wins() -> None:
    policy = Policy(id="x", actions={"verdict": {"*": "relabel"}, "arithmetic": {"*": "drop"},
                                     "quotation": {"*": "regenerate"}})
    both = sample(said("verdict", "fail"), said("quotation", "fail"))
    assert decide(both, policy, {}).action == "regenerate"
    assert decide(sample(*both.verifications, said("arithmetic", "fail")), policy, {}).action == "drop"


def test_undecided_is_dropped_only_where_the_policy_says_so() -> None:
    open_row = sample(said("verdict", "abstain"))
    assert decide(open_row, DEFAULT, {}).action == "keep"
    assert decide(open_row, load_policy("strict"), {}) [:2] == ("drop", "undecided")
    assert decide(sample(said("verdict", "pass")), load_policy("strict"), {}).action == "keep"


def test_a_suspect_reference_decides_nothing_and_the_consensus_only_drops() -> None:
    suspects: dict[tuple[str, str | None], str] = {("q", "12.8"): r"8\sqrt[3]{4}"}
    right = sample(said("verdict", "pass"))                  # 12.8 called right, as the reference has it
    assert decide(right, DEFAULT, suspects)[:2] == ("drop", "against_consensus")
    wrong = sample(said("verdict", "fail"), verdict="wrong")  # a failure by a reference that is itself off
    assert decide(wrong, DEFAULT, suspects).action == "keep"
    keep = DEFAULT.model_copy(update={"suspect_reference": "keep"})
    assert decide(right, keep, suspects).action == "keep"
    drop = DEFAULT.model_copy(update={"suspect_reference": "drop"})
    assert decide(wrong, drop, suspects)[:2] == ("drop", "suspect_reference")


def test_labels_of_people_outrank_a_suspect_reference() -> None:
    labelled = sample(said("verdict", "fail"), gold=Gold(response_correct=False))
    assert decide(labelled, DEFAULT, {("q", "12.8"): "13"}).reason == "verdict_some_reason"


def test_a_changed_critique_is_accepted_only_with_a_checked_verdict() -> None:
    assert is_accepted(sample(said("verdict", "pass")), DEFAULT)
    assert not is_accepted(sample(said("verdict", "abstain")), DEFAULT)
    assert not is_accepted(sample(said("verdict", "pass"), said("arithmetic", "fail")), DEFAULT)
