from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.forms import match_forms, read_nearness, split_forms

ROOT = r"8\sqrt[3]{4}"


@pytest.mark.parametrize(("answer", "forms"), [
    ("12", ()),
    ("(3, 4)", ()),
    (r"V = 8\sqrt[3]{4} \approx 12.7 \text{ mph}", (r"V = 8\sqrt[3]{4}", "12.7 mph")),
    ("8·∛4 mph or 2^(11/3) mph", ("8·∛4 mph", "2^(11/3) mph")),
    (r"\(8\sqrt[3]{4}\) miles per hour", (r"8\sqrt[3]{4} miles per hour",)),
    (r"\text{The velocity is } V = 12.7", ("V = 12.7",)),
    (r"2^{11/3} \text{ (approximately } 12.7 \text{ mph)}", ("2^{11/3}", "12.7 mph")),
])
def test_the_answer_comes_first_and_its_forms_follow(answer: str, forms: tuple[str, ...]) -> None:
    assert split_forms(answer) == (answer, *forms)


@pytest.mark.parametrize(("answer", "other", "outcome"), [
    (r"8\sqrt[3]{2} \approx 12.7", ROOT, "equal"),
    ("8·∛4 mph or 2^(11/3) mph", ROOT, "equal"),
    ("12 or 13", ROOT, "different"),
    ("12", ROOT, "different"),
    ("9^{9^{9^9}}", ROOT, "unknown"),
])
def test_one_form_that_agrees_is_enough(answer: str, other: str, outcome: str) -> None:
    assert match_forms(split_forms(answer), other).outcome == outcome


@pytest.mark.parametrize(("answer", "other", "near"), [
    ("12.6", ROOT, "cut"), ("12.69 mph", ROOT, "cut"), ("13", "12.7", "rounded"), ("0.67", "2/3", "rounded"),
    ("12", "12.7", None), ("12.8", ROOT, None), ("x", "3", None), ("3", "x", None), ("1/2", "0.6", None),
])
def test_nearness(answer: str, other: str, near: str | None) -> None:
    assert read_nearness(answer, other) == near


@given(st.text(max_size=80), st.text(max_size=20))
def test_no_text_breaks_it(answer: str, other: str) -> None:
    assert split_forms(answer)[0] == answer
    assert read_nearness(answer, other) in (None, "rounded", "cut")
