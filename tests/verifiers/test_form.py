"""The form of critiques."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.sample import Critique, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers.form import FormVerifier

R, W = "\n\nConclusion: right [END]", "\n\nConclusion: wrong [END]"
QUERY = "There are 12 eggs in the box and Ana takes 5 of them for a cake. How many are left in the box?"
RESPONSE = ("First I look at how many eggs there are in the box at the start, which is 12.\n"
            "Then I take away the eggs that Ana used for the cake, which is 5.\n"
            "So 12 - 5 = 7 eggs are left in the box.\nThe answer is 7.")
SPANISH = ("La solución del estudiante es incorrecta en el paso 2. Los huevos que se usan son 5 y no 6, por "
           "lo que la resta del segundo paso no es correcta y el resultado es otro para los que hay en ella.")
CHINESE = ("学生在第二步中计算错误。盒子里原来有十二个鸡蛋，用掉了五个，"
           "所以应该剩下七个鸡蛋，而不是六个。因此答案不对。")


def judge(critique: str, query: str = QUERY, response: str = RESPONSE) -> Verification:
    return FormVerifier()(normalise(Sample.of(Query(text=query), Response(text=response),
                                              Critique(text=critique))))


CASES: list[tuple[str, str]] = [
    ("", "empty"),
    (" \n\t ", "empty"),
    ("[END]", "empty"),
    ("---\n***", "empty"),
    ("<think>I see that step 2 is wrong.</think>\n", "empty"),
    ("I'm sorry, but I can't help with that.", "refused"),
    ("I am unable to evaluate this solution.", "refused"),
    ("As an AI language model, I cannot grade students.", "refused"),
    ("Sorry, I can't verify the answer without the picture.", "refused"),
    ("Sorry to be strict, but step 2 is wrong: 12 - 5 = 7, not 6." + W, "well_formed"),
    ("<think>Let me look at step 1. It is", "cut_off"),
    ("Step 1 takes 12 eggs. The next thing is whether the", "cut_off"),
    ("Step 1 takes 12 eggs, and 5 are used. Then the student computes 12 -", "cut_off"),
    ("Step 1 is right, as the box has 12 eggs,", "cut_off"),
    ("Step 1 takes the eggs. Next we have \\( 12 - 5 = ", "cut_off"),
    ("Step 1 takes the eggs. It ends in \\boxed{12 - ", "cut_off"),
    ("The first step looks at the eggs.\nThe second step takes five of them.\nThe third step has the "
     "right number.\n"
     "The student then writes that the number of eggs lef", "cut_off"),
    ("The eggs are counted well.\nStep 2 takes 5.\n\nFinal Judgement: incorrect", "well_formed"),
    ("- Step 1: 12 eggs\n- Step 2: 5 used\n- Step 3: 7 left" + R, "well_formed"),
    ("- takes the number of eggs from the text\n- takes away the eggs for the cake\n- gives the number "
     "of eggs left",
     "well_formed"),
    (SPANISH, "language"),
    (CHINESE, "language"),
    (RESPONSE, "copied"),
    (RESPONSE + R, "copied"),
    ("**Critique:**\n\n" + RESPONSE.replace("\n", "\n\n") + W, "copied"),
    (RESPONSE + "\n\nThe student counts the eggs well, and 12 - 5 = 7 holds; nothing is left out." + R,
     "well_formed"),
    ('The student writes "So 12 - 5 = 7 eggs are left in the box." This holds.' + R, "well_formed"),
    ("Conclusion: wrong [END]", "no_reasons"),
    ("The solution is correct." + R, "no_reasons"),
    ("Critique:\n\nThe student's answer is wrong." + W, "no_reasons"),
    ("12 - 5 = 7." + R, "well_formed"),
    ("The student forgets that one egg was broken before." + W, "well_formed"),
    ("According to the reference answer, 7 eggs are left, and the student has 6." + W, "leak"),
    ("The ground truth says that 7 eggs are left, not 6." + W, "leak"),
    ("The student's result differs from the answer key, which has 7 eggs." + W, "leak"),
    ("This matches the expected answer of 7, so every step of it holds." + R, "leak"),
    ("Compared with the official solution, the student leaves out one egg." + W, "leak"),
    ("There is no reference answer here, so I count the eggs myself: 12 - 5 = 7." + R, "well_formed"),
    ("The student's final answer matches what I find: 12 - 5 = 7 eggs." + R, "well_formed"),
    ("I compared it with the student's provided solution, and 12 - 5 = 7 holds." + R, "well_formed"),
    ("Step 2 is right, as 12 - 5 = 7." + R + "\n\nNote: the unit is missing.", "after_end"),
    ("Step 2 is right, as 12 - 5 = 7." + R + " 7", "after_end"),
    ("Step 2 is right, as 12 - 5 = 7." + R + "\n\n \t\n", "well_formed"),
    ("Step 2 is right, as 12 - 5 = 7.\n\n**Conclusion: right [END]**\n---", "well_formed"),
    ("Step 2 is right [END] of it, as 12 - 5 = 7." + R, "well_formed"),
    ("<think>The reference answer is 7.</think>Step 2 is right, as 12 - 5 = 7." + R, "well_formed"),
]


@pytest.mark.parametrize(("critique", "reason"), CASES)
def test_form(critique: str, reason: str) -> None:
    said = judge(critique)
    assert said.reason == reason, said
    assert said.outcome == ("pass" if reason == "well_formed" else "fail")
    assert (said.evidence is not None) == (said.outcome == "fail")
    if said.evidence:
        assert critique[said.evidence.start:said.evidence.end] == said.evidence.text


@pytest.mark.parametrize(("query", "critique", "reason"), [
    ("¿Cuántos huevos quedan en la caja si Ana usa 5 de los 12 que son para el pastel?",
     SPANISH, "well_formed"),
    ("盒子里有十二个鸡蛋，小安用掉了五个做蛋糕，请问盒子里还剩下多少个鸡蛋？", CHINESE, "well_formed"),
    ("盒子里有十二个鸡蛋，小安用掉了五个做蛋糕，请问盒子里还剩下多少个鸡蛋？",
     "The student is right: there are 12 eggs in the box and 5 of them are used, so that 7 are left in it.",
     "language"),
    ("2+2?", SPANISH, "well_formed"),
    ("The reference answer in the book is 5. Is it the same as 2 + 3 for all of the cases?",
     "The reference answer in the book is the same as 2 + 3 = 5, as the student says." + R, "well_formed"),
])
def test_the_language_and_the_words_of_the_query(query: str, critique: str, reason: str) -> None:
    assert judge(critique, query, "5").reason == reason


def test_the_gravest_fault_is_the_reason_and_the_others_follow() -> None:
    said = judge("The ground truth says 7." + W + "\n\nBye now.")
    assert said.reason == "leak"
    assert [place.note for place in (said.evidence, *said.more) if place] == [
        "a reference was seen", "a verdict without a reason", "words behind the end"]


def test_no_critique() -> None:
    assert FormVerifier()(Sample.of(Query(text="?"))).outcome == "abstain"


PIECES = st.sampled_from(["[END]", "The ", "solution ", "is right", ". ", "\n", "\\boxed{", "\\(", "<think>",
                          "</think>",
                          "正确", "the ground truth", "Conclusion: ", "İ", "\ud800", "I'm sorry, ", "können",
                          RESPONSE])


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=20).map("".join)),
       st.sampled_from([QUERY, "", "问"]))
@settings(max_examples=200)
def test_no_text_breaks_it_and_evidence_lies_in_the_text(text: str, query: str) -> None:
    said = judge(text, query)
    for place in (said.evidence, *said.more):
        assert place is None or text[place.start:place.end] == place.text


@pytest.mark.parametrize("piece", ["\\boxed{1} or ", "wrong ", "the reference answer ", "[END] ", "\\(",
                                   "正确。", "\n",
                                   "<think>", "a", RESPONSE])
def test_a_megabyte_takes_bounded_time(piece: str) -> None:
    sample = Sample.of(Query(text=QUERY), Response(text=RESPONSE * 100),
                       Critique(text=piece * (1_000_000 // len(piece))))
    start = time.process_time()
    FormVerifier()(sample)
    assert time.process_time() - start < 3
