"""Relabelling: what the evidence puts right, and what it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.relabel import is_borne_out, relabel
from cftdata.sample import Critique, Evidence, Gold, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers import verify

VERIFIERS = ("verdict", "arithmetic", "own_answer", "consistency")


def judge(critique: str | Critique, response: str = "The answer is 4.", gold: Gold | None = None) -> Sample:
    made = Critique(text=critique) if isinstance(critique, str) else critique
    query = Query(text="What is 2 + 2?", reference_answer="4")
    return verify([normalise(Sample.of(query, Response(text=response), made, gold))], VERIFIERS)[0]


def faults(sample: Sample) -> list[Verification]:
    return [said for said in sample.verifications if said.outcome == "fail"]


def mend(sample: Sample) -> Sample | None:
    """Relabelled and verified again."""
    mended = relabel(sample, faults(sample))
    return verify([mended], VERIFIERS)[0] if mended else None


def text_of(sample: Sample | None) -> str | None:
    return sample.critique.text if sample and sample.critique else None


@pytest.mark.parametrize(("said", "turned"), [
    ("wrong", "right"), ("**Wrong**", "**Right**"), ("INCORRECT", "CORRECT"), ("not right", "right")])
def test_a_wrong_verdict_is_turned_round_and_nothing_else_is_changed(said: str, turned: str) -> None:
    text = "Every step is correct, and so the whole solution is correct.\n\nConclusion: {} [END]"
    sample = judge(text.format(said))
    assert [one.verifier for one in faults(sample)] == ["verdict", "consistency"]
    mended = mend(sample)
    assert mended
    assert text_of(mended) == text.format(turned)
    assert not faults(mended)
    assert is_borne_out(sample, mended)
    assert mended.id != sample.id


def test_a_verdict_turned_against_what_is_explained_or_beside_it_is_not_borne_out() -> None:
    silent = judge("I looked at each step.\nConclusion: wrong [END]")
    mended = mend(silent)
    assert mended
    assert not faults(mended)
    assert not is_borne_out(silent, mended), "an explanation that says nothing does not say that it is right"
    against = judge("The student makes an error: the answer is not correct.\nConclusion: wrong [END]")
    mended = mend(against)
    assert mended
    assert faults(mended)


def test_a_false_value_becomes_the_true_one() -> None:
    sample = judge("Indeed 3 * 9 = 32. The solution is correct.\nConclusion: right [END]")
    assert [said.verifier for said in faults(sample)] == ["arithmetic"]
    mended = mend(sample)
    assert text_of(mended) == "Indeed 3 * 9 = 27. The solution is correct.\nConclusion: right [END]"
    assert mended
    assert not faults(mended)
    assert is_borne_out(sample, mended)


@pytest.mark.parametrize(("critique", "response"), [
    ("Indeed 3 * 9 = 32, and 32 is even.\nConclusion: right [END]", "The answer is 4."),
    ("Indeed 3 * 9 = 32, so 32 + 1 = 33.\nConclusion: right [END]", "The answer is 4."),
    ("It has 3 * 9 = 32.\nConclusion: right [END]", "First 3 * 9 = 32. The answer is 4."),
    ("It says 27, but 3 * 9 = 32.\nConclusion: wrong [END]", "First 3 * 9 = 27. The answer is 4."),
    ("It says 27, but 3 * 9 = 32.\nConclusion: wrong [END]", "First 3 * 9 = 27. The answer is 5."),
])
def test_a_value_is_left_alone_that_was_carried_on_quoted_or_blamed_on_the_response(
        critique: str, response: str) -> None:
    sample = judge(critique, response)
    assert any(said.verifier == "arithmetic" for said in faults(sample))
    assert mend(sample) is None


@pytest.mark.parametrize(("text", "note"), [
    ("x = 32 apples", "27, not 32 apples"), ("x = 132", "27, not 32"),
    ("x = 32", "with x = 32 it says 1 = 2"), ("x = 1/32", "27, not 32"), ("x = 32", None)])
def test_what_the_evidence_does_not_say_is_not_invented(text: str, note: str | None) -> None:
    sample = judge(f"{text}\nConclusion: right [END]")
    said = Verification(verifier="arithmetic", version="1", target="critique", outcome="fail",
                        reason="false_equation",
                        evidence=Evidence(text=text, start=0, end=len(text), note=note))
    assert relabel(sample, [said]) is None


def test_nothing_is_changed_without_evidence_that_corrects_it() -> None:
    sample = judge("Conclusion: wrong [END]")
    for verifier in ("verdict", "consistency", "own_answer"):
        said = Verification(verifier=verifier, version="1", target="critique", outcome="fail", reason="x")
        assert relabel(sample, [said]) is None
    assert relabel(sample, []) is None


def test_what_was_given_beside_the_text_stays_and_labels_of_the_old_text_go() -> None:
    given_step = Critique(text="Indeed 3 * 9 = 32. It is right.\nConclusion: right [END]", verdict="right",
                          first_error_step=-1, corrected_answer="4.0", planted_fault="false_equation")
    mended = mend(judge(given_step, gold=Gold(response_correct=True, critique_correct=False)))
    assert mended
    assert mended.critique
    assert (mended.critique.first_error_step, mended.critique.corrected_answer) == (-1, "4.0")
    assert mended.critique.planted_fault is None
    assert mended.gold == Gold(response_correct=True)


@given(st.text(max_size=40), st.text(max_size=40))
def test_all_but_the_verdict_stands_as_it_was(before: str, after: str) -> None:
    text = f"{before}wrong{after}"
    said = Verification(verifier="verdict", version="1", target="critique", outcome="fail", reason="x",
                        evidence=Evidence(text="wrong", start=len(before), end=len(before) + 5))
    sample = Sample.of(Query(text="q"), Response(text="r"), Critique(text=text, verdict="wrong"))
    assert text_of(relabel(sample, [said])) == f"{before}right{after}"
