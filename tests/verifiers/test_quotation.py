from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.claims.spelling import Said, find_said, plain
from cftdata.sample import Critique, Query, Response, Sample, Verification
from cftdata.text import normalise
from cftdata.verifiers.quotation import QuotationVerifier

QUERY = "Ann has 5 red and 3 blue marbles and buys twice as many as she has. How many has she in the end?"
RESPONSE = (
    "Step 1: Ann has 5 + 3 = 8 marbles to begin with.\n"
    "Step 2: She buys twice as many, which is \\( 2 \\times 8 = 16 \\) marbles.\n"
    "Step 3: In the end she has \\( 8 + 16 = 24 \\) marbles.\n"
    "The answer is \\boxed{24}."
)


def judge(critique: str, response: str = RESPONSE, query: str = QUERY) -> Verification:
    return QuotationVerifier()(
        normalise(Sample.of(Query(text=query), Response(text=response), Critique(text=critique)))
    )


@pytest.mark.parametrize(
    "critique",
    [
        'The student writes "5 + 3 = 8".',
        "The student writes 5+3=8, which is right.",
        'The solution says "She buys twice as many".',
        'In step 2 the student states: "She buys twice as many, which is 2 · 8 = 16 marbles."',
        "The student claims that 2*8 = 16.",
        "The student wrote `8 + 16 = 24`.",
        "The student writes “8+16=24” at the end.",
        "The student's answer is 24.",
        "The student's final answer of $\\boxed{24}$ is correct.",
        "The student states ‘She buys twice as many’ without a reason.",
        'The response says "Ann has 5 + 3 = 8 ... 2 × 8 = 16 marbles".',
        'The student writes "5 red and 3 blue marbles".',  # the query's words
        "The student correctly wrote:\n\\[\n8 + 16 = 24\n\\]\nFine.",
    ],
)
def test_what_is_said_is_found(critique: str) -> None:
    said = judge(critique)
    assert (said.outcome, said.reason) == ("pass", "quotations_found")
    assert said.evidence is not None


@pytest.mark.parametrize(
    "critique",
    [
        'The student writes "5 + 3 = 9", which is wrong.',
        "The student writes 5+3=9, but that is wrong.",
        "The student states that 5 + 3 = 9.",
        "The student incorrectly calculates 8 + 16 = 25.",
        "The student slips at once, calculating all the marbles as 8 + 16 = 25.",
        "The student wrote `8 - 16 = 24`.",
        "The student's answer is 25.",
        "The student's final answer of $\\boxed{26}$ is wrong.",
        "The student gives a final answer of 48 marbles.",
        'The student claims that "the marbles are shared among all her friends equally".',
        'The solution says "She buys 37 more marbles in the shop".',
        "The student concludes that x = 99.",
        "The student correctly wrote:\n\\[\n8 + 17 = 25\n\\]\nFine.",
    ],
)
def test_what_is_not_said_fails(critique: str) -> None:
    said = judge(critique)
    assert (said.outcome, said.reason) == ("fail", "not_said")
    assert said.evidence is not None
    assert said.evidence.note


@pytest.mark.parametrize(
    "critique",
    [
        "",
        "Conclusion: right [END]",
        "5 + 3 = 9 would be wrong.",
        'The student should have written "5 + 3 + 1 = 9".',
        "If the student had written 5 + 3 = 9, that would be wrong.",
        "The student did not write 5 + 3 = 9.",
        "The student could have stated 4 * 9 = 36.",
        'The student\'s "proof" is short.',
        'The word "marbles" is used loosely.',
        'It should say "5 + 3 + 16 = 24 marbles in the end".',
        "<think>The student writes 5 + 3 = 9.</think>All is well.",
        "All is well. [END] The student writes 5 + 3 = 9.",
        "### Step 9: Conclusion\nAll is well.",
        "## Step 4\nCheck of the sum.",
        "**Step 5:** My own check of the result.",
        "If the student gives no final answer, marks are lost.",
        "The student does not give the answer in words.",
        "The student does not show the work for the conversion.",
        "The problem says 5 + 3 = 9.",
    ],
)
def test_what_is_not_attributed_is_no_quotation(critique: str) -> None:
    assert judge(critique).reason == "nothing_quoted"


@pytest.mark.parametrize(
    "critique",
    [
        'The student says "she buys about twice as many, that is 16 marbles".',
        "The student calculates 3 + 5 = 8.",
        "The student computes 24 = 3 * 8.",
    ],
)
def test_a_paraphrase_is_left_open(critique: str) -> None:
    assert judge(critique).outcome != "fail"


@pytest.mark.parametrize(
    ("critique", "reason"),
    [
        ("The error is in step 4.", "no_such_step"),
        ("Step 1 is right, step 9 is wrong.", "no_such_step"),
        (
            "Step 1: Correct\nStep 2: Correct\nStep 3: Correct\nStep 4: Incorrect, the sum is off.",
            "no_such_step",
        ),
        ("Steps 3-5 repeat the result.", "no_such_step"),
        ("The student does not give a final answer.", "answer_is_given"),
        ("The solution doesn't provide any answer, so it is wrong.", "answer_is_given"),
        ("The student never states the answer.", "answer_is_given"),
        ("The student gives no final answer!", "answer_is_given"),
        ("No final answer is given.", "answer_is_given"),
        ("The student does not show any work.", "steps_are_shown"),
        ("The student shows no steps.", "steps_are_shown"),
        ("The response doesn't show their work, so I cannot follow.", "steps_are_shown"),
    ],
)
def test_what_is_said_to_be_there_or_not(critique: str, reason: str) -> None:
    said = judge(critique)
    assert (said.outcome, said.reason) == ("fail", reason)


@pytest.mark.parametrize(
    ("critique", "response"),
    [
        (
            "The student does not give a final answer.",
            "Ann has 5 + 3 = 8 marbles and then buys some more of them",
        ),
        ("The student shows no steps.", "The answer is 24."),
        ("The error is in step 4.", "Ann has 8.\n\nShe buys 16.\n\nSo 24."),  # paragraphs have no numbers
        ("The error is in step 3.", RESPONSE),
    ],
)
def test_what_is_so_is_no_fault(critique: str, response: str) -> None:
    assert judge(critique, response).outcome != "fail"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (r"\frac{1}{256}", "1/256"),
        (r"\( 4 \times 2 \)", "4·2"),
        ("2³", "2^{3}"),
        ("∛2048", r"\sqrt[3]{2048}"),
        ("1,024", "1024"),
        ("1{,}024", "1024"),
        ("cube root of 4", "³√4"),
        (r"\text{8 mph}", "8 mph"),
        ("k = 1/2", "$k=\\frac12$"),
        ("3 − 1", "3 - 1"),
        ("V ≈ 12.7", r"V \approx 12.7"),
    ],
)
def test_spellings_of_one_formula_are_one(one: str, other: str) -> None:
    assert plain(one) == plain(other)


@pytest.mark.parametrize(
    ("quotation", "text", "finding"),
    [
        ("5 + 3 = 9", "5 + 3 = 8", "differs"),
        ("5 + 3 = 8", "so 15 + 3 = 8", "differs"),
        ("5 + 3 = 8", "5+3 = 8.5", "differs"),
        ("V = 12", "V = ∛2048 = 12", "said"),
        ("0.5 * 8 = 4", "half of 8 is 4", "unclear"),
        ("12.7", "12.699", "unclear"),
        ("half of it", "half of it", "said"),
        ("the train leaves the station at noon", "the boat sinks", "absent"),
        ("she buys two times as many apples", "she buys twice as many apples", "unclear"),
    ],
)
def test_numbers_must_agree(quotation: str, text: str, finding: str) -> None:
    assert find_said(quotation, Said(text)) == finding


def test_rounded_answers_are_the_answer() -> None:
    response = "V = \\sqrt[3]{2048}\nThe answer is \\boxed{8\\sqrt[3]{4}}."
    assert judge("The student's answer is 12.7.", response).outcome == "pass"
    assert judge("The student's answer is 16.3.", response).reason == "not_said"


def test_without_response_or_critique_it_abstains() -> None:
    assert QuotationVerifier()(Sample.of(Query(text="?"), None, Critique(text="x"))).reason == "no_response"
    assert QuotationVerifier()(Sample.of(Query(text="?"), Response(text=" "))).reason == "no_critique"
    assert judge("The student writes 2 = 3.", "  ").reason == "no_response"


ATTRIBUTED = st.builds("The student writes {}. {}".format, st.text(max_size=60), st.text(max_size=80))


@given(st.text(max_size=200) | ATTRIBUTED, st.text(max_size=120))
def test_no_text_makes_it_raise(critique: str, response: str) -> None:
    said = judge(critique, response)
    for place in (said.evidence, *said.more):
        assert place is None or place.text == critique[place.start : place.end]


@pytest.mark.parametrize(
    "hostile",
    [
        "the student writes " * 3000,
        '"the student says" ' * 3000,
        "student's answer is " * 2900,
        "step 9 " * 8000,
        "\\frac{1}{2}" * 5000,
        "= 1 " * 14000,
        "the student does not " * 2800,
        "(" * 59000,
        "1," * 29000,
        "the student" + " x" * 29000 + ' "1 + 1 = 3"',
        "x" * 1_000_000,
    ],
)
def test_hostile_text_costs_bounded_time(hostile: str) -> None:
    start = time.process_time()
    judge_only = QuotationVerifier()
    judge_only(Sample.of(Query(text="?"), Response(text=RESPONSE), Critique(text=hostile)))
    judge_only(
        Sample.of(Query(text="?"), Response(text=hostile), Critique(text='The student writes "5 + 3 = 9".'))
    )
    assert time.process_time() - start < 6
