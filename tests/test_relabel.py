"""Relabelling: what the evidence puts right, and what it does not."""

import pytest

from cftdata.relabel import relabel
from cftdata.sample import Critique, Evidence, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers import verify


def judge(critique: str, answer: str = "4") -> Sample:
    sample = Sample.of(Query(text="2+2?", reference_answer="4"), Response(text=f"The answer is {answer}."),
                       Critique(text=critique))
    return verify([normalise(sample)], ["verdict", "arithmetic"])[0]


def faults(sample: Sample) -> list[Verification]:
    return [said for said in sample.verifications if said.outcome == "fail"]


def test_a_wrong_verdict_is_turned_round_and_nothing_else_is_changed() -> None:
    sample = judge("I looked at each step.\nConclusion: wrong [END]")
    mended = relabel(sample, faults(sample))
    assert mended is not None
    assert mended.critique is not None
    assert mended.critique.text == "I looked at each step.\nConclusion: right [END]"
    assert mended.critique.verdict == "right"
    assert mended.id != sample.id


def test_a_false_value_becomes_the_true_one() -> None:
    sample = judge("Indeed 3 * 9 = 32.\nConclusion: right [END]")
    assert [said.verifier for said in faults(sample)] == ["arithmetic"]
    mended = relabel(sample, faults(sample))
    assert mended is not None
    assert mended.critique is not None
    assert mended.critique.text == "Indeed 3 * 9 = 27.\nConclusion: right [END]"
    assert not faults(verify([mended], ["verdict", "arithmetic"])[0])


@pytest.mark.parametrize(("text", "note"), [
    ("x = 32 apples", "27, not 32 apples"), ("x = 132", "27, not 32"),
    ("x = 32", "with x = 32 it says 1 = 2"),
    ("x = 32", None)])
def test_what_the_evidence_does_not_say_is_not_invented(text: str, note: str | None) -> None:
    sample = judge(f"{text}\nConclusion: right [END]")
    said = Verification(verifier="arithmetic", version="1", target="critique", outcome="fail",
                        reason="false_equation",
                        evidence=Evidence(text=text, start=0, end=len(text), note=note))
    assert relabel(sample, [said]) is None


def test_a_fault_without_evidence_cannot_be_mended() -> None:
    said = Verification(verifier="verdict", version="1", target="critique", outcome="fail", reason="x")
    assert relabel(judge("Conclusion: wrong [END]"), [said]) is None


def test_without_faults_nothing_is_changed() -> None:
    assert relabel(judge("Conclusion: right [END]"), []) is None
