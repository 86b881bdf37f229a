from __future__ import annotations

from collections.abc import Iterator

import pytest

from cftdata.errors import ConfigError
from cftdata.sample import Critique, Gold, Query, Response, Sample, Verdict, Verification
from cftdata.text import normalise
from cftdata.verifiers import VERIFIERS, verify
from cftdata.verifiers.verdict import response_correctness

RIGHT, WRONG = "It holds.\nConclusion: right [END]", "It fails.\nConclusion: wrong [END]"


def sample(answer: str | None = r"\boxed{4}", critique: str | None = RIGHT, reference: str | None = "4",
           gold: Gold | None = None) -> Sample:
    return normalise(Sample.of(
        Query(text="2+2?", reference_answer=reference), None if answer is None else Response(text=answer),
        None if critique is None else Critique(text=critique), gold))


def judge(one: Sample) -> Verification:
    (verified,) = verify([one], ["verdict"])
    return verified.verifications[-1]


@pytest.mark.parametrize(("answer", "critique", "outcome", "reason"), [
    (r"\boxed{4}", RIGHT, "pass", "verdict_agrees"),
    (r"\boxed{5}", WRONG, "pass", "verdict_agrees"),
    (r"\boxed{5}", RIGHT, "fail", "wrong_called_right"),
    (r"\boxed{4}", WRONG, "fail", "right_called_wrong"),
    (r"\boxed{4}", None, "abstain", "no_critique"),
    (None, RIGHT, "abstain", "no_response"),
    (r"\boxed{4}", "", "abstain", "verdict_empty"),
    (r"\boxed{4}", "Let me look at the steps.", "abstain", "verdict_no_conclusion"),
    ("I do not know", RIGHT, "abstain", "no_final_answer"),
    (r"\boxed{9^{9^{9^9}}}", RIGHT, "abstain", "answer_unknown"),
])
def test_the_verdict_is_held_against_the_response(answer: str | None, critique: str | None, outcome: str,
                                                  reason: str) -> None:
    said = judge(sample(answer, critique))
    assert (said.outcome, said.reason, said.target) == (outcome, reason, "critique")


def test_without_a_reference_it_abstains() -> None:
    assert judge(sample(reference=None)).reason == "no_reference"


@pytest.mark.parametrize(("gold", "right", "reason"), [
    (Gold(response_correct=False), False, "gold"),
    (Gold(response_correct=True), True, "gold"),
    (Gold(response_correct=False, first_error_step=-1), False, "gold"),
    (Gold(first_error_step=2), False, "gold_step"),
    (Gold(first_error_step=-1), True, "gold_step"),
    (Gold(critique_correct=False), True, "answer_equal"),
])
def test_labels_outrank_a_matching_answer(gold: Gold, right: bool, reason: str) -> None:
    correct = response_correctness(sample(gold=gold))
    assert (correct.value, correct.reason) == (right, reason)
    assert judge(sample(gold=gold)).outcome == ("pass" if right else "fail")


def test_evidence_is_where_the_critique_says_its_verdict() -> None:
    said = judge(sample(r"\boxed{5}", RIGHT))
    assert said.evidence is not None
    assert RIGHT[said.evidence.start:said.evidence.end] == said.evidence.text
    assert "right" in said.evidence.text
    assert said.detail == ("the response answers 5, the reference is 4 (different: exact); "
                           "the critique says right")


@pytest.mark.parametrize("given", ["right", "wrong"])
def test_a_verdict_given_beside_the_text_has_evidence_only_where_the_text_agrees(given: Verdict) -> None:
    one = sample()
    assert one.critique is not None
    one = one.model_copy(update={"critique": one.critique.model_copy(update={"verdict": given})})
    said = judge(one)
    assert said.outcome == ("pass" if given == "right" else "fail")
    assert (said.evidence is not None) == (given == "right")


class Broken:
    name, version = "broken", "1"

    def __call__(self, sample: Sample) -> Verification:
        raise ValueError("cannot take \ud800 this")


@pytest.fixture
def broken() -> Iterator[str]:
    """A verifier that always breaks, under its name."""
    VERIFIERS["broken"] = Broken()
    yield "broken"
    del VERIFIERS["broken"]


def test_a_verifier_that_breaks_is_an_error_and_stops_nothing(broken: str) -> None:
    (verified,) = verify([sample()], [broken, "verdict"])
    first, second = verified.verifications
    assert (first.outcome, first.reason, first.detail) == (
        "error", "crashed", "ValueError: cannot take \\ud800 this")
    assert second.outcome == "pass"


def test_verify_is_a_pure_function_in_order() -> None:
    batch = [sample(f"\\boxed{{{n}}}") for n in range(6)]
    before = [one.model_dump() for one in batch]
    verified = verify(batch, ["verdict"])
    assert [one.id for one in verified] == [one.id for one in batch]
    assert [one.verifications[0].outcome == "pass" for one in verified] == [n == 4 for n in range(6)]
    assert [one.model_dump() for one in batch] == before
    assert verify(batch, ["verdict"], timeout_s=1.5) == verified


def test_verifying_again_replaces_what_was_said_and_keeps_what_others_said() -> None:
    other = Verification(verifier="other", version="1", target="query", outcome="fail", reason="odd")
    once = verify([sample().model_copy(update={"verifications": (other,)})], ["verdict"])
    assert [said.verifier for said in once[0].verifications] == ["other", "verdict"]
    assert verify(once, ["verdict"]) == once


def test_an_unknown_verifier_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'verdict'"):
        verify([], ["verdicts"])
