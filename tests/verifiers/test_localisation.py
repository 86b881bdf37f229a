from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.sample import Critique, Gold, Query, Response, Sample, Verification
from cftdata.sources import load
from cftdata.text import normalise
from cftdata.verifiers.localisation import LocalisationVerifier, first_false_step

DATA = Path(__file__).parents[2].parent / "shared" / "data"
FALSE_SECOND = (
    "A pen costs 2 * 3 = 6 coins.",
    "Two pens cost 2 * 6 = 13 coins.",
    "So the change is 20 - 13 = 7.",
)
ALL_TRUE = (
    "A pen costs 2 * 3 = 6 coins.",
    "Two pens cost 2 * 6 = 12 coins.",
    "So the change is 20 - 12 = 8.",
)


def judge(critique: str, steps: Sequence[str] = FALSE_SECOND, gold: int | None = None) -> Verification:
    text = "\n".join(f"Step {n}: {step}" for n, step in enumerate(steps, 1))
    return LocalisationVerifier()(
        normalise(
            Sample.of(
                Query(text="How much is left of 20 coins?"),
                Response(text=text),
                Critique(text=critique),
                Gold(first_error_step=gold),
            )
        )
    )


NAMES = "Conclusion: wrong\nFirst Error Step: {}"
ALL_RIGHT = "All steps are correct. Conclusion: right [END]"


@pytest.mark.parametrize(
    ("critique", "gold", "outcome", "reason"),
    [
        (NAMES.format(2), 1, "pass", "step_agrees"),
        (NAMES.format(1), 1, "fail", "step_differs"),
        (NAMES.format(3), 1, "fail", "step_differs"),
        (NAMES.format(2), -1, "fail", "step_differs"),
        (NAMES.format(7), 1, "fail", "no_such_step"),
        (NAMES.format(4), None, "fail", "no_such_step"),
        ("The first error occurs in step 2. Conclusion: wrong", 1, "pass", "step_agrees"),
        ("Step 1 is correct. Step 3 is incorrect. Conclusion: wrong", 1, "fail", "step_differs"),
        (ALL_RIGHT, -1, "pass", "step_agrees"),
        (ALL_RIGHT, 1, "fail", "step_differs"),
        (NAMES.format(2), None, "pass", "step_agrees"),
        (NAMES.format(3), None, "fail", "earlier_step_false"),
        (NAMES.format(1), None, "pass", "later_step_false"),
        (ALL_RIGHT, None, "fail", "false_step_passed"),
        ("It is wrong somewhere.", 1, "abstain", "step_not_stated"),
        ("", 1, "abstain", "step_empty"),
        ("<think>First Error Step: 1", 1, "abstain", "step_truncated_thinking"),
        ("<think>First Error Step: 1</think>" + NAMES.format(2), 1, "pass", "step_agrees"),
    ],
)
def test_the_named_step_is_held_against_the_label_and_the_steps(
    critique: str, gold: int | None, outcome: str, reason: str
) -> None:
    said = judge(critique, gold=gold)
    assert (said.outcome, said.reason) == (outcome, reason)


@pytest.mark.parametrize("named", [1, 2, 3])
def test_where_every_equation_holds_nothing_speaks_against_it(named: int) -> None:
    assert judge(NAMES.format(named), ALL_TRUE).reason == "no_false_step"
    assert judge(ALL_RIGHT, ALL_TRUE).outcome == "pass"


def test_steps_that_are_only_paragraphs_have_no_numbers() -> None:
    response = Response(text="2 * 3 = 6 coins.\n\n2 * 6 = 13 coins.\n\n20 - 13 = 7.")
    for critique, reason in (
        (NAMES.format(3), "steps_not_numbered"),
        (NAMES.format(9), "steps_not_numbered"),
        (ALL_RIGHT, "false_step_passed"),
    ):
        sample = normalise(Sample.of(Query(text="?"), response, Critique(text=critique)))
        assert LocalisationVerifier()(sample).reason == reason


def test_without_response_or_critique_it_abstains() -> None:
    critique = Critique(text=NAMES.format(1), first_error_step=0)
    assert LocalisationVerifier()(Sample.of(Query(text="?"), None, critique)).reason == "no_response"
    assert LocalisationVerifier()(Sample.of(Query(text="?"), Response(text="1"))).reason == "no_critique"


def test_evidence_is_where_the_step_is_named() -> None:
    said = judge(NAMES.format(3), gold=1)
    assert said.evidence is not None
    assert said.evidence.note == "names step 3, the first error is in step 2"
    assert "3" in said.evidence.text
    assert NAMES.format(3)[said.evidence.start : said.evidence.end] == said.evidence.text


def test_a_step_given_beside_the_text_has_no_evidence() -> None:
    sample = Sample.of(
        Query(text="?"),
        Response(text="Step 1: a\nStep 2: b", steps=("a", "b")),
        Critique(text="Wrong.", verdict="wrong", first_error_step=1),
        Gold(first_error_step=0),
    )
    said = LocalisationVerifier()(sample)
    assert (said.reason, said.evidence) == ("step_differs", None)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (FALSE_SECOND, 1),
        (ALL_TRUE, None),
        ((), None),
        (("", "  "), None),
        (("no numbers here", "3 + 4 = 8"), 1),
        (("A = 2 + 3 = 5", "B = 2 * 4 = 8", "A + B = 5 + 7 = 12"), 2),
        (("A = 2 + 3 = 5", "B = 2 * 4 = 8", "A + B = 5 + 8 = 13"), None),
        (("A = (-9 - 5) = -14", "B = 2", "The result is A - B = -14 - 2 = -12"), 2),
        (
            ("A = (-1 * 9 + 1 + -1) = (-9 + 1 + -1) = (-9 + -1) = -10",),
            0,
        ),  # begins like a running total, is none
        (("6 * 5 = 30 + 4 = 34",), None),  # a running total
        (("((-75) + (8 + 9)) = (-58) + 17 = -41",), 0),
        (("Let S(t) be the salt. S(t) = 3t + 1.", "S(0) = 1"), None),
        (("f'(x) = 2(x + 2)", "f'(3) = 10"), None),
        (("11 # 0 = 11",), None),
        (("4 daps = 7 yaps", "5 yaps = 3 baps"), None),
        (("4/12 * 100 = 33.33%",), None),
        (("the share is 12/48 * 100 = 30%",), 0),
        (("so cube root of 2^9 = 2^(9/3)",), None),
        (("V = 8 cube root of 4", "V^3 = 2048"), None),
        (("If x = 1 then 7 + 3 = 4 + 1, which is not possible",), None),
        (("from 2:15 to 2:38 = 23 minutes",), None),
        (("10 / 3 = 3.33",), None),
        (("one", "2 + 2 = 4", "2 + 2 = 5", "2 + 2 = 6"), 2),
    ],
)
def test_the_first_false_step(steps: Sequence[str], expected: int | None) -> None:
    assert first_false_step(steps) == expected


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_steps_are_evaluated(steps: list[str]) -> None:
    step = first_false_step(steps)
    assert step is None or 0 <= step < len(steps)


@given(st.text(max_size=200), st.text(max_size=200), st.integers(-1, 9), st.none() | st.integers(-1, 9))
def test_no_text_makes_it_raise(critique: str, response: str, named: int, gold: int | None) -> None:
    sample = normalise(
        Sample.of(
            Query(text="?"),
            Response(text=response),
            Critique(text=critique, first_error_step=named),
            Gold(first_error_step=gold),
        )
    )
    said = LocalisationVerifier()(sample)
    assert said.evidence is None or said.evidence.text == critique[said.evidence.start : said.evidence.end]
    assert gold is None or (said.outcome == "pass") == (named == gold)


needs_data = pytest.mark.skipif(not DATA.exists(), reason="the data for measuring is not here")


@needs_data
def test_published_critiques_name_the_step_and_moved_ones_do_not() -> None:
    samples = [row.sample for row in load(str(DATA / "mr-gsm8k" / "claude2_eval_results.json")) if row.sample]
    told = [LocalisationVerifier()(normalise(sample)).outcome for sample in samples]
    assert told.count("pass") >= 0.99 * len(told) > 300
    moved = [LocalisationVerifier()(normalise(_move(sample))).outcome for sample in samples]
    assert moved.count("fail") >= 0.99 * (len(moved) - moved.count("abstain")) > 300


def _move(sample: Sample) -> Sample:
    """The sample with the named step one later."""
    assert sample.critique is not None
    text = re.sub(r"(First Error Step: *)(\d+)", lambda m: f"{m[1]}{int(m[2]) + 1}", sample.critique.text)
    return Sample.of(sample.query, sample.response, Critique(text=text), sample.gold)


@needs_data
def test_the_labelled_mistakes_of_arithmetic_chains_are_found() -> None:
    path = DATA / "big-bench-mistake" / "multistep_arithmetic.first150.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    labelled = [row for row in rows if row["mistake_index"] is not None]
    found = sum(first_false_step(row["steps"]) == row["mistake_index"] for row in labelled)
    assert found >= 0.97 * len(labelled)
    # chains labelled free of mistakes: each of the eight was read, and holds an equation that is false
    flagged = [
        row for row in rows if row["mistake_index"] is None and first_false_step(row["steps"]) is not None
    ]
    assert len(flagged) == 8
