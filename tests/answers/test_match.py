"""Matching answers: soundness, symmetry, reasons, bounds in time; see tests/bench for the hard pairs."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata import match_answers
from cftdata.answers import AnswerMatch

REASONS = [
    ("18", "18.0", "equal", "exact"),
    ("12.7", r"8\sqrt[3]{4}", "equal", "rounded"),
    ("12.70 mph", r"8\sqrt[3]{4}\ \text{miles per hour}", "equal", "rounded"),
    ("12", r"8\sqrt[3]{4}", "different", "exact"),
    ("12.8", r"8\sqrt[3]{4}", "different", "exact"),
    ("0.33", "1/3", "different", "exact"),
    ("0.333", "1/3", "equal", "rounded"),
    ("333", "1000/3", "different", "exact"),
    ("12.7", "12.699", "equal", "rounded"),
    ("1e-7", "2e-7", "different", "exact"),
    ("sin(2x)", "2sin(x)cos(x)", "equal", "proved"),
    (r"\sqrt{x^2}", "x", "different", "refuted"),
    ("log(100)", "2", "unknown", "undecided"),
    (r"\int_0^1 x dx", "1/2", "equal", "proved"),
    ("50%", "50", "unknown", "percent"),
    ("50%", "1/2", "equal", "exact"),
    ("3:30", "3:30 PM", "unknown", "ambiguous"),
    ("5 km", "5000 m", "equal", "exact"),
    ("5 km", "5 kg", "different", "units"),
    ("5 apples", "5 oranges", "unknown", "units"),
    ("$0.50", "50", "unknown", "units"),
    ("C", "12", "unknown", "kind"),
    ("(C) 12", "12", "equal", "exact"),
    ("blue", "Blue", "equal", "same_word"),
    ("blue", "red", "unknown", "words"),
    ("yes", "no", "different", "word"),
    ("None", "None", "unknown", "no_answer"),
    ("", "5", "unknown", "no_answer"),
    ("x = 5", "t = 5", "unknown", "ambiguous"),
    ("1, 2, 3", "3, 2, 1", "equal", "exact"),
    ("1, 2", "1, 2, 3", "different", "size"),
    ("(1, 2)", "(2, 1)", "different", "exact"),
    ("9^{9^{9^9}}", "5", "unknown", "too_big"),
    ("5\0", "5", "unknown", "unreadable"),
]

ANSWERS = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=st.sampled_from("0123456789.,+-*/^%()[]{}\\ xyπ√²½=<>≤∪±:$AB"), max_size=25),
    st.sampled_from([pair[0] for pair in REASONS]),
)


@pytest.mark.parametrize(("answer", "reference", "outcome", "reason"), REASONS)
def test_outcome_and_reason(answer: str, reference: str, outcome: str, reason: str) -> None:
    assert match_answers(answer, reference) == AnswerMatch(outcome, reason)  # type: ignore[arg-type]


@given(ANSWERS, ANSWERS)
def test_it_never_raises_and_is_symmetric(answer: str, reference: str) -> None:
    found = match_answers(answer, reference)
    assert found.outcome == match_answers(reference, answer).outcome


@given(st.integers(-(10**12), 10**12), st.integers(-(10**12), 10**12))
def test_integers_are_equal_only_to_themselves(a: int, b: int) -> None:
    assert (match_answers(f"{a:,}", str(b)).outcome == "equal") == (a == b)


@given(st.integers(1, 10**6), st.integers(1, 10**6), st.integers(1, 50))
def test_a_fraction_equals_itself_expanded(a: int, b: int, factor: int) -> None:
    assert match_answers(rf"\frac{{{a * factor}}}{{{b * factor}}}", f"{a}/{b}").outcome == "equal"
    assert match_answers(rf"\frac{{{a}}}{{{b}}}", f"{a + 1}/{b}").outcome == "different"


@pytest.mark.parametrize("bomb", [r"\int_0^1 x^{x^{x}} dx", "e^{e^{e^{79}}}", ",".join(["(x+1)^{60}"] * 100)])
def test_a_bomb_waits_no_longer_than_its_limit(bomb: str) -> None:
    match_answers("sin(2x)", "2sin(x)cos(x)")  # the worker's start is not the bomb's
    started = time.monotonic()
    assert match_answers(bomb, "5", timeout_s=0.5).outcome != "equal"
    assert time.monotonic() - started <= 0.5 + 0.25


def test_what_the_limit_cut_short_is_tried_again() -> None:
    for _ in range(2):
        started = time.monotonic()
        match = match_answers(r"\int_0^1 x^{x^{x}} \cos(x^x) dx", "5", timeout_s=0.3)
        assert match == AnswerMatch("unknown", "time_limit")
        assert time.monotonic() - started > 0.2


def test_it_works_from_threads() -> None:
    found: list[AnswerMatch] = []
    pairs = [(rf"\sin({n}x)^2 + \cos({n}x)^2", "1") for n in range(2, 6)]
    threads = [
        threading.Thread(target=lambda pair=pair: found.append(match_answers(*pair, timeout_s=30)))
        for pair in pairs
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [AnswerMatch("equal", "proved")] * 4
