"""The critique's own answer against the response's and the reference."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.sample import Critique, Gold, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers.own_answer import OwnAnswerVerifier

R, W = "\n\nConclusion: right [END]", "\n\nConclusion: wrong [END]"
ROOT = r"8\sqrt[3]{4}"


def judge(critique: str, answer: str | None = "16", reference: str | None = None,
          gold: Gold | None = None) -> Verification:
    response = Response(text="I solve it.", final_answer=answer)
    return OwnAnswerVerifier()(normalise(Sample.of(
        Query(text="How fast?", reference_answer=reference), response, Critique(text=critique), gold)))


CASES: list[tuple[str, str | None, str | None, str]] = [
    # against the reference
    (r"It should be \boxed{12}." + W, "16", ROOT, "corrected_answer_wrong"),
    (r"It should be \boxed{12.8}." + W, "16", ROOT, "corrected_answer_wrong"),
    (r"It should be \boxed{12.7}." + W, "16", ROOT, "corrected_answer_right"),
    (r"It should be \boxed{2^{11/3}\text{ mph}}." + W, "16", ROOT, "corrected_answer_right"),
    ("The correct answer is 21 apples." + W, "20", "21", "corrected_answer_right"),
    ("The correct answer is 22 apples." + W, "20", "21", "corrected_answer_wrong"),
    (r"All is well: \boxed{16}." + R, "16", ROOT, "corrected_answer_wrong"),
    ("The final answer 16 is correct." + R, "16", "12", "corrected_answer_wrong"),
    ("The correct answer is (C)." + W, "A", "B", "corrected_answer_wrong"),
    ("The correct answer is (C) 12." + W, "A", "12", "corrected_answer_right"),
    ("With the right price the answer becomes $47.35." + W, "55", "47.35", "corrected_answer_right"),
    ("Carried through to the end, this gives 30/13." + W, "2", "3", "corrected_answer_wrong"),
    # in the place of the response's answer
    ("It works out to 24, not 16, since two are lost." + W, "16", "24", "corrected_answer_right"),
    ("The solver ends with 16, while the true value is 24." + W, "16", "24", "corrected_answer_right"),
    ("The answer isn't 16; it's 25." + W, "16", "24", "corrected_answer_wrong"),
    ("The student sets x equal to 36 rather than 16." + W, "16", "24", "answer_not_stated"),
    ("So it should be 9 + 15 = 24." + W, "16", "24", "answer_not_stated"),
    ("The correct answer should be 9 + 15 = 24." + W, "16", "24", "corrected_answer_right"),
    (r"The answer should be \boxed{24}. The student's \boxed{16} forgets 8." + W, "16", "24",
     "corrected_answer_right"),
    ("With 8% in place of 6%, the answer would be 16." + W, "16", "24", "answer_not_stated"),
    ("Corrected solution:\n- 240 / 8 = 30\n- 30 - 6 = 24\n\nAnswer: 24" + W, "16", "24",
     "corrected_answer_right"),
    # several forms
    (r"So \boxed{2^{11/3}} or \boxed{12.7} mph." + W, "16", ROOT, "corrected_answer_right"),
    (r"So \boxed{8\sqrt[3]{2} \approx 12.7}." + W, "16", ROOT, "corrected_answer_right"),
    ("The correct answer is 8·∛4 mph or 2^(11/3) mph." + W, "16", ROOT, "corrected_answer_right"),
    (r"The correct answer is \boxed{13} and \boxed{14}." + W, "16", "12", "several_answers"),
    # what is only near
    ("The correct answer is approximately 12.6." + W, "16", ROOT, "coarse"),
    (r"That is about 12.7, which rounds to \boxed{13}." + W, "16", ROOT, "coarse"),
    (r"So it is \boxed{13}." + W, "16", ROOT, "corrected_answer_wrong"),
    ("The correct answer is 0.67." + W, "1", "2/3", "coarse"),
    ("The correct answer is 35%." + W, "1", "35", "match_percent"),
    ("The correct answer is (3, 4)." + W, "1", "7", "match_kind"),
    # against the response, with no reference
    (r"It should be \boxed{16}." + W, "16", None, "corrects_to_the_same"),
    (r"It should be \boxed{16}." + W, "16.0", None, "corrects_to_the_same"),
    (r"It should be \boxed{12.7}." + W, ROOT, None, "corrects_to_the_same"),
    (r"It should be \boxed{12}." + W, "16", None, "corrected_answer_fits"),
    (r"So the answer is \boxed{12}, all fine." + R, "16", None, "right_with_another_answer"),
    (r"So the answer is \boxed{12.7}, all fine." + R, ROOT, None, "corrected_answer_fits"),
    (r"So the answer is \boxed{12.7}, all fine." + R, "12.699", None, "corrected_answer_fits"),
    (r"It should be \boxed{12}." + W, None, None, "no_reference"),
    # an equal answer that is called wrong on another ground
    (r"It must be simplified: \boxed{3/4}." + W, "6/8", None, "same_answer"),
    (r"By luck the answer is the same, \boxed{16}; step 2 is unjustified." + W, "16", None, "same_answer"),
    (r"It should be expressed as a decimal, \boxed{0.75}." + W, "3/4", "3/4", "same_answer"),
    # not the answer of the whole
    ("In step 2 the correct answer is 14." + W, "16", "12", "answer_of_a_step"),
    ("The correct answer for the second step is 14." + W, "16", "12", "answer_of_a_step"),
    ("The correct answer to 7 * 2 is 14." + W, "16", "12", "answer_of_a_step"),
    ("Step 2: the sum should be 14." + W, "16", "12", "answer_not_stated"),
    ("Step 6 incorrectly states the answer is 16." + W, "16", "12", "answer_not_stated"),
    ("If x were 3, the answer would be 14." + W, "16", "12", "answer_not_stated"),
    (r"The student's answer is \boxed{16}." + W, "16", "12", "answer_only_students_answer"),
    (r"<think>\boxed{14}", "16", "12", "answer_truncated_thinking"),
    ("", "16", "12", "answer_empty"),
]


def test_a_contrast_with_a_value_on_the_way_is_no_answer() -> None:
    response = Response(text="A: 10 + 6 = 16\nB: 20 - 16 = 4\nC: 4 + 12 = 16", final_answer="16")
    critique = Critique(text="In all there are 13, not 16." + W)
    sample = normalise(Sample.of(Query(text="?", reference_answer="9"), response, critique))
    said = OwnAnswerVerifier()(sample)
    assert (said.outcome, said.reason) == ("abstain", "answer_of_a_step")


@pytest.mark.parametrize(("critique", "answer", "reference", "reason"), CASES)
def test_own_answer(critique: str, answer: str | None, reference: str | None, reason: str) -> None:
    said = judge(critique, answer, reference)
    assert said.reason == reason, said
    outcomes = {"corrected_answer_right": "pass", "corrected_answer_fits": "pass",
                "corrected_answer_wrong": "fail",
                "corrects_to_the_same": "fail", "right_with_another_answer": "fail"}
    assert said.outcome == outcomes.get(reason, "abstain")
    if said.evidence:
        assert critique[said.evidence.start:said.evidence.end] == said.evidence.text


def test_the_note_says_both_answers() -> None:
    said = judge(r"It should be \boxed{12}." + W, "16", "12.699")
    assert said.evidence is not None
    assert (said.evidence.text, said.evidence.note) == ("12", "12, the reference is 12.699")
    assert said.detail == "the critique's own answer is 12, the reference is 12.699"


def test_a_response_labelled_wrong_may_be_called_so_though_its_answer_is_right() -> None:
    critique = r"It should be \boxed{16}." + W
    assert judge(critique, "16", "16", Gold(first_error_step=1)).reason == "same_answer"
    assert judge(critique, "16", "16", Gold(first_error_step=-1)).reason == "corrects_to_the_same"


def test_an_answer_given_beside_the_text_is_held_to_the_reference() -> None:
    query, response = Query(text="?", reference_answer="4"), Response(text="5", final_answer="5")
    for text, span in (("It is 3, not 5." + W, (6, 7)), ("It is less." + W, None)):
        sample = Sample.of(query, response, Critique(text=text, verdict="wrong", corrected_answer="3"))
        said = OwnAnswerVerifier()(sample)
        assert said.reason == "corrected_answer_wrong"
        assert (said.evidence and (said.evidence.start, said.evidence.end)) == span


def test_no_critique() -> None:
    assert OwnAnswerVerifier()(Sample.of(Query(text="?"))).reason == "no_critique"


PIECES = st.sampled_from(["\\boxed{", "}", "12", "The correct answer is ", " or ", "≈", "\\approx", "$", ".",
                          "\n",
                          "Conclusion: wrong", "Conclusion: right", "<think>", "(", "\\text{", "İ", "\ud800",
                          "step 2 "])


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=25).map("".join)),
       st.sampled_from([None, "12", "8\\sqrt[3]{4}", "(", "3, 4"]))
@settings(max_examples=150)
def test_no_text_breaks_it_and_evidence_lies_in_the_text(text: str, reference: str | None) -> None:
    said = judge(text, "12", reference)
    if said.evidence:
        assert text[said.evidence.start:said.evidence.end] == said.evidence.text


@pytest.mark.parametrize("piece", ["\\boxed{1} or ", "the correct answer is ", "carrying this through ", "≈",
                                   "("])
def test_a_megabyte_takes_bounded_time(piece: str) -> None:
    critique = Critique(text=piece * (1_000_000 // len(piece)), verdict="wrong")
    sample = Sample.of(Query(text="?", reference_answer="12"), Response(text="13", final_answer="13"),
                       critique)
    start = time.process_time()
    OwnAnswerVerifier()(sample)
    assert time.process_time() - start < 3
