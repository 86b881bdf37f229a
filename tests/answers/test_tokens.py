"""Spellings of the same signs; see test_expression for whole expressions."""

from __future__ import annotations

import pytest

from cftdata.answers.tokens import MAX_CHARS, Unreadable, tokenize

SAME = [
    (r"3 \times 4", "3*4"),
    ("3 × 4", "3 · 4"),
    ("−5", "-5"),
    (r"\left( x \right)", "(x)"),
    (r"\dfrac{1}{2}", r"\frac{1}{2}"),
    ("x²", "x^{2}"),
    ("x₁₂", "x_{12}"),
    (r"\theta", "θ"),
    (r"\pi", "π"),
    ("2**3", "2^3"),
    (r"x\quad+~y", "x+y"),
    ("xyz", "x y z"),
]
REFUSED = [("twelve", "words"), ("is", "words"), ("5€", "unreadable"), ("1" * (MAX_CHARS + 1), "too_long")]


def _texts(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.text) for token in tokenize(text)]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_spellings_are_the_same_tokens(one: str, other: str) -> None:
    assert _texts(one) == _texts(other)


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_no_mathematics_is_refused(text: str, reason: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        tokenize(text)
    assert refusal.value.reason == reason


def test_white_space_is_told_but_makes_no_token() -> None:
    assert [(token.text, token.spaced) for token in tokenize("1 1/2")] == [
        ("1", False), ("1", True), ("/", False), ("2", False)
    ]  # fmt: skip
