"""Decisions: unknown is never wrong, the strongest action wins, suspect references decide nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.decisions import Consensus, can_be_checked, decide, is_accepted
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


SUSPECTS: Consensus = {("q", "12.8"): r"8\sqrt[3]{4}"}
CALLED_RIGHT = sample(said("verdict", "pass"))                    # 12.8 called right, as the reference has it
CALLED_WRONG = sample(said("verdict", "fail"), verdict="wrong")  # a failure by a reference that is off itself


def with_reference(value: str) -> Policy:
    return DEFAULT.model_copy(update={"suspect_reference": value, "undecided": "drop"})


def test_a_suspect_reference_judges_nothing_and_the_consensus_in_its_place() -> None:
    assert decide(CALLED_RIGHT, DEFAULT, SUSPECTS)[:2] == ("drop", "against_consensus")
    assert decide(CALLED_WRONG, DEFAULT, SUSPECTS)[:2] == ("keep", "with_consensus")
    assert decide(CALLED_WRONG, with_reference("consensus"), SUSPECTS).action == "keep", "it is decided"
    assert decide(CALLED_RIGHT, with_reference("keep"), SUSPECTS).reason == "undecided"
    assert decide(CALLED_WRONG, with_reference("drop"), SUSPECTS)[:2] == ("drop", "suspect_reference")


def test_what_is_said_of_the_reference_alone_is_no_finding_where_it_is_suspect() -> None:
    rests = said("own_answer", "fail", "corrected_answer_wrong")
    other = said("own_answer", "fail", "corrects_to_the_same")
    agreeing = [sample(said("verdict", "fail"), one, verdict="wrong") for one in (rests, other)]
    assert [decide(one, DEFAULT, SUSPECTS).reason for one in agreeing] == [
        "with_consensus", "own_answer_corrects_to_the_same"]


def test_an_answer_that_cannot_be_held_against_the_consensus_is_undecided() -> None:
    read = CALLED_RIGHT.response
    assert read
    unread = CALLED_RIGHT.model_copy(update={"response": read.model_copy(update={"final_answer": None})})
    assert decide(unread, DEFAULT, SUSPECTS) == ("keep", "undecided", "no_final_answer")


def test_without_a_reference_the_consensus_judges_and_suspect_references_have_no_say() -> None:
    bare = CALLED_RIGHT.query.model_copy(update={"reference_answer": None})
    right = sample(said("verdict", "abstain", "no_reference")).model_copy(update={"query": bare})
    assert decide(right, DEFAULT, {}) == ("keep", "undecided", "no_reference")
    for policy in (DEFAULT, with_reference("drop"), with_reference("keep")):
        assert decide(right, policy, {("q", None): "13"})[:2] == ("drop", "against_consensus")
        assert decide(right, policy, {("q", None): "12.8"})[:2] == ("keep", "with_consensus")


def test_where_no_verdict_is_checked_none_is_undecided() -> None:
    drop = Policy(id="x", protocol="no-reference", undecided="drop")
    assert decide(sample(said("arithmetic", "abstain")), drop, {}).action == "keep"


def test_labels_of_people_outrank_a_suspect_reference() -> None:
    labelled = sample(said("verdict", "fail"), gold=Gold(response_correct=False))
    assert decide(labelled, DEFAULT, {("q", "12.8"): "13"}).reason == "verdict_some_reason"


def accept(one: Sample, agreed: Consensus | None = None) -> bool:
    return is_accepted(one, DEFAULT, agreed or {}, {"arithmetic": ("rounding",)})


def test_a_changed_critique_is_accepted_only_with_a_right_verdict_and_without_findings() -> None:
    passed = said("verdict", "pass")
    assert accept(sample(passed, said("quotation", "abstain")))
    assert accept(sample(passed, said("arithmetic", "fail", "rounding")))
    assert not any(map(accept, [
        sample(said("verdict", "abstain")), sample(said("verdict", "error")), sample(said("verdict", "fail")),
        sample(passed, said("arithmetic", "fail")), sample(passed, said("form", "fail", "leak"))]))


def test_a_changed_critique_is_not_judged_by_a_suspect_reference() -> None:
    assert not accept(CALLED_RIGHT, SUSPECTS)
    assert accept(CALLED_WRONG, SUSPECTS)


@pytest.mark.parametrize(("reason", "is_checkable"), [
    ("no_reference", False), ("answer_unknown", False), ("verdict_hedged", True)])
def test_nothing_is_asked_again_where_no_answer_could_be_checked(reason: str, is_checkable: bool) -> None:
    assert can_be_checked(sample(said("verdict", "abstain", reason)), DEFAULT, {}) is is_checkable
    assert can_be_checked(sample(), DEFAULT, {}), "the protocol checks no verdicts"
    assert can_be_checked(CALLED_RIGHT, DEFAULT, SUSPECTS)
