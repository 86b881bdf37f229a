"""False equations in the critique's own voice, or endorsed; never those that it refutes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.sample import Critique, Query, Response, Sample, Verdict
from cftdata.sources import load
from cftdata.text import normalise
from cftdata.verifiers.arithmetic import ArithmeticVerifier

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "one-shot-cft"
verify = ArithmeticVerifier()


def sample(critique: str, verdict: Verdict | None = None) -> Sample:
    return Sample.of(Query(text="How many?"), Response(text="12"), Critique(text=critique, verdict=verdict))


CASES: list[tuple[str, Verdict | None, str, str, str | None]] = [
    ("So the total is 3 + 4 = 8.\nConclusion: wrong [END]", "wrong", "fail", "false_equation", "3 + 4 = 8"),
    (
        "The student correctly computes 3 × 4 = 11.\nConclusion: right [END]",
        "right",
        "fail",
        "endorsed_false_equation",
        "3 × 4 = 11",
    ),
    (
        "The student writes 3 × 4 = 11, which is wrong.\nConclusion: wrong [END]",
        "wrong",
        "pass",
        "equations_hold",
        None,
    ),
    ("3 × 4 = 12, as the student says.\nConclusion: right [END]", "right", "pass", "equations_hold", None),
    (
        "Let me see whether 3 × 4 = 11. It is 12.\nConclusion: wrong [END]",
        "wrong",
        "pass",
        "equations_hold",
        None,
    ),
    (
        "<think>3 + 4 = 8</think>All is well.\nConclusion: right [END]",
        "right",
        "abstain",
        "no_equations",
        None,
    ),
    ("All is well.\nConclusion: right [END]\n3 + 4 = 8", "right", "abstain", "no_equations", None),
    ("It is ∛2048 ≈ 12.6.\nConclusion: wrong [END]", "wrong", "fail", "rounding", "∛2048 ≈ 12.6"),
    ("It is ∛2048 = 12.7.\nConclusion: wrong [END]", "wrong", "pass", "notation", "∛2048 = 12.7"),
    (
        "A check: P = (1/256)(4)(1728)\nP = (1728×4)/256\nP = 32\nIt holds.\nConclusion: right [END]",
        "right",
        "fail",
        "false_equation",
        "P = 32",
    ),
    ("No figures here.", None, "abstain", "no_equations", None),
]


@pytest.mark.parametrize(("critique", "verdict", "outcome", "reason", "place"), CASES)
def test_what_it_says(
    critique: str, verdict: Verdict | None, outcome: str, reason: str, place: str | None
) -> None:
    said = verify(sample(critique, verdict))
    assert (said.outcome, said.reason) == (outcome, reason)
    assert (said.evidence.text if said.evidence else None) == place


W, R = "\nConclusion: wrong [END]", "\nConclusion: right [END]"
AGAINST_RESPONSE: list[tuple[str, str, Verdict, str]] = [
    # the response says the same: the critique repeats it, in whatever words it objects
    ("Their 6 × 7 = 48 is where things go astray." + W, "6 × 7 = 48", "wrong", "equations_hold"),
    ("The product 6 × 7 = 48 has been botched." + W, "6 × 7 = 48", "wrong", "equations_hold"),
    ("1. 6 × 7 = 48\n2. 8 + 10 = 18\nItem 1 fails." + W, "6*7=48, 8 + 10 = 18", "wrong", "equations_hold"),
    ("6 × 7 = 48, and so on." + R, "6 × 7 = 48", "right", "endorsed_false_equation"),
    # the response says otherwise: what is denied near by is not this
    ("I get 17 × 23 = 381, but the student has 391." + W, "17 × 23 = 391", "wrong", "false_equation"),
    ("The student's 391 is wrong, because 17 × 23 = 381." + W, "17 × 23 = 391", "wrong", "false_equation"),
    ("17 × 23 = 381. Wait, it is 391. They err later." + W, "17 × 23 = 391", "wrong", "equations_hold"),
    ("According to the student, 17 × 23 = 381, no." + W, "17 × 23 = 391", "wrong", "equations_hold"),
    # a star that the text defines
    ("With a * b = a² - b, 3 * 2 = 7." + R, "3 * 2 = 7", "right", "equations_hold"),
]


@pytest.mark.parametrize(("critique", "response", "verdict", "reason"), AGAINST_RESPONSE)
def test_what_the_response_says_tells_whose_equation_it_is(
    critique: str, response: str, verdict: Verdict, reason: str
) -> None:
    one = Sample.of(Query(text="?"), Response(text=response), Critique(text=critique, verdict=verdict))
    assert verify(one).reason == reason


def test_every_place_is_given_with_what_is_wrong_there() -> None:
    said = verify(sample("1 + 1 = 3, and then 2 + 2 = 5.\nConclusion: wrong [END]", "wrong"))
    assert said.evidence is not None
    assert [place.note for place in (said.evidence, *said.more)] == ["2, not 3", "4, not 5"]


def test_without_a_critique_it_abstains() -> None:
    assert verify(Sample.of(Query(text="?"), Response(text="1"))).reason == "no_critique"


@given(st.text(alphabet=st.sampled_from("0123456789=≈+-*/^() \n.studencorwigVhx$\\{}%<>"), max_size=200))
def test_it_never_raises_and_its_evidence_stands_in_the_text(text: str) -> None:
    said = verify(sample(text, "right"))
    for place in (said.evidence, *said.more):
        assert place is None or text[place.start : place.end] == place.text


@pytest.mark.skipif(not DATA.is_dir(), reason="the published data is not beside the checkout")
@pytest.mark.parametrize(
    ("name", "verdicts", "least", "most"),
    [
        (
            "teacher-gpt-4o-2024-11-20-student-qwen-math-7b.json",
            "right",
            93,
            103,
        ),  # 103 verdict errors: at least 90%
        ("teacher-gpt-4o-2024-11-20-student-qwen-math-7b.json", "wrong", 0, 1),
        ("teacher-gpt-4o-2024-11-20-student-phi4.json", None, 0, 1),
        ("teacher-gpt-4.1-2025-04-14-student-phi4.json", None, 0, 1),
        ("teacher-claude-3-7-sonnet-20250219-student-phi4.json", None, 0, 1),
    ],
)
def test_published_critiques(name: str, verdicts: str | None, least: int, most: int) -> None:
    samples = [normalise(row.sample) for row in load(str(DATA / name)) if row.sample]
    chosen = [one for one in samples if one.critique and verdicts in (None, one.critique.verdict)]
    flagged = [said for said in map(verify, chosen) if said.outcome == "fail" and said.reason != "rounding"]
    assert least <= len(flagged) <= most
