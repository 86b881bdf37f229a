"""The explanation against the conclusion."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.sample import Critique, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers.consistency import ConsistencyVerifier

R, W = "\n\nConclusion: right [END]", "\n\nConclusion: wrong [END]"
THREE_STEPS = "Step 1: 2 + 3 = 5\nStep 2: 5 * 2 = 10\nStep 3: 10 - 1 = 9"


def judge(critique: str) -> Verification:
    return ConsistencyVerifier()(normalise(Sample.of(Query(text="?"), Response(text=THREE_STEPS),
                                                     Critique(text=critique))))


SAYS_RIGHT = [
    "I find no mistakes in this solution. The result is right.",
    "The student's solution is correct.",
    "Every step of the solution is correct, and so is its result.",
    "I checked the work. The solution contains no errors.",
    "All steps are correct.",
    "The entire solution is accurate and well explained.",
    "Step 1 is correct. Step 2 is correct. Step 3 is correct.",
    "- Step 1 adds the numbers, which is right.\n- Step 2 is correct.\n- Step 3: correct.",
    "<think>It is wrong.</think>The solution is completely correct.",
    "The student's work is correct. All calculations are accurate.",
]
SAYS_WRONG = [
    "The student uses the wrong formula for the volume of a cone, which spoils the answer.",
    "The error is in step 3: 10 - 1 is 9.",
    "Step 2 is incorrect.",
    "Step 2 contains a mistake, so the solution cannot be accepted.",
    "The student's solution is wrong.",
    "Step 1 is correct. Step 2 is correct. There is an error in step 3.",
    "The student incorrectly adds 2 and 3 in step 1.",
    "The solution makes a mistake in the last calculation.",
    "The final answer is incorrect. It should be 8.",
    "The setup is fine. In step 3 the student makes an error.",
]
CONSISTENT = [
    "The student's solution is correct." + R,
    "All steps are correct." + R,
    "The final answer of 9 is correct." + R,
    "I find no mistake: the solution contains no errors." + R,
    "The first steps are correct. Step 3 is wrong." + W,
    "The approach is correct, but the final answer is incorrect." + W,
    "The setup is right. The student makes an error in step 2." + W,
    "The student's solution is incorrect." + W,
]
ABSTAINED = [
    ("Step 1 is correct." + W, "nothing_whole_said"),
    ("Step 1 is correct. Step 2 is correct." + W, "nothing_whole_said"),
    ("Step 1 is correct." + R, "nothing_whole_said"),
    ("All calculations are correct." + R, "nothing_whole_said"),
    ("The setup of the solution is correct." + W, "nothing_whole_said"),
    ("The solution is correct up to step 2." + W, "nothing_whole_said"),
    ("The solution is correct in its first part." + W, "nothing_whole_said"),
    ("The final answer is correct." + W, "nothing_whole_said"),
    ("The student's solution is mostly correct." + W, "nothing_whole_said"),
    ("If the solution is correct, step 3 holds." + W, "nothing_whole_said"),
    ("There might be an error in step 3." + R, "nothing_whole_said"),
    ("There is a minor error in the notation of step 3." + R, "nothing_whole_said"),
    ("At first glance step 3 is wrong." + R, "nothing_whole_said"),
    ("The student made an error in step 2 at first." + R, "nothing_whole_said"),
    ("Is the solution wrong? Let me check step 3." + R, "nothing_whole_said"),
    ("I made an error in step 2 of my own work." + R, "nothing_whole_said"),
    ("The solution is correct. However, the answer should be 8." + W, "mixed"),
    ("The solution is correct. Wait, 10 - 1 = 9 misses the tax." + W, "mixed"),
    ("The solution is correct, although it forgets the unit." + W, "mixed"),
    ("The solution is correct. Step 3 is wrong." + W, "mixed"),
    ("Step 3 is wrong. Wait, let me recheck: 10 - 1 = 9 holds." + R, "mixed"),
    ("Step 3 is incorrect. Overall, the solution is correct." + R, "mixed"),
    ("The student makes an error in step 2, but the final answer is correct." + R, "mixed"),
    ("The solution is correct.", "nothing_whole_said"),
    ("I read step 1 and step 2.", "verdict_unread"),
    ("", "verdict_unread"),
    ("Conclusion: right [END]", "nothing_whole_said"),
    ("<think>Step 2 is wrong.</think>\nIt adds well." + R, "nothing_whole_said"),
    ("It adds well." + R + "\n\nThe solution is wrong.", "nothing_whole_said"),
]


@pytest.mark.parametrize("text", SAYS_RIGHT)
def test_praise_of_the_whole_against_a_rejection(text: str) -> None:
    said = judge(text + W)
    assert (said.outcome, said.reason) == ("fail", "explanation_says_right"), said
    assert said.evidence is not None
    assert said.evidence.note == "the conclusion is wrong"
    assert (text + W)[said.evidence.start:said.evidence.end] == said.evidence.text
    assert judge(text + R).outcome != "fail"


@pytest.mark.parametrize("text", SAYS_WRONG)
def test_blame_against_an_approval(text: str) -> None:
    said = judge(text + R)
    assert (said.outcome, said.reason) == ("fail", "explanation_says_wrong"), said
    assert said.evidence is not None
    assert said.evidence.note == "the conclusion is right"
    assert judge(text + W).outcome == "pass"


@pytest.mark.parametrize("text", CONSISTENT)
def test_consistent(text: str) -> None:
    assert judge(text).reason == "consistent"


@pytest.mark.parametrize(("text", "reason"), ABSTAINED)
def test_it_abstains_rather_than_guess(text: str, reason: str) -> None:
    said = judge(text)
    assert (said.outcome, said.reason) == ("abstain", reason), said


def test_the_evidence_is_the_sentence_and_the_others_follow() -> None:
    said = judge("Fine so far. Step 1 is incorrect. Step 2 is incorrect." + R)
    assert said.evidence is not None
    assert [said.evidence.text, *(place.text for place in said.more)] == [
        "Step 1 is incorrect", "Step 2 is incorrect"]


def test_no_critique_and_enormous_ones() -> None:
    assert ConsistencyVerifier()(Sample.of(Query(text="?"))).reason == "no_critique"
    assert judge("The solution is correct. " * 10_000 + W).reason == "too_long"


PIECES = st.sampled_from(["The solution is ", "correct", "wrong", "Step 2 ", "is incorrect", ". ", "\n",
                          "not ", "no ",
                          "errors", "however", "Conclusion: ", "[END]", "<think>", "</think>", "İ", "\ud800",
                          "✓", "?"])


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=25).map("".join)),
       st.sampled_from([None, "right", "wrong"]))
@settings(max_examples=200)
def test_no_text_breaks_it_and_evidence_lies_in_the_text(text: str, verdict: str | None) -> None:
    critique = Critique.model_validate({"text": text, "verdict": verdict})
    said = ConsistencyVerifier()(normalise(Sample.of(Query(text="?"), Response(text=THREE_STEPS), critique)))
    for place in (said.evidence, *said.more):
        assert place is None or text[place.start:place.end] == place.text


@pytest.mark.parametrize("piece", ["the solution is correct. ", "wrong ", "step 1 is right\n",
                                   "the student incorrectly ",
                                   "\n", "[END] ", "<think>"])
def test_a_long_text_takes_bounded_time(piece: str) -> None:
    for n in (100_000, 1_000_000):
        sample = Sample.of(Query(text="?"), None, Critique(text=piece * (n // len(piece)), verdict="right"))
        start = time.process_time()
        ConsistencyVerifier()(sample)
        assert time.process_time() - start < 3
