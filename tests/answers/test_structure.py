"""What kind of answer a text is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers.structure import as_interval, read_answer
from cftdata.answers.tokens import MAX_CHARS

KINDS = [
    ("18", "value"),
    (r"\frac{1}{2}", "value"),
    ("x = 5", "value"),
    ("1,234", "value"),
    ("5 feet 6 inches", "value"),
    ("1, 2, 3", "list"),
    ("x = 2 or x = 3", "list"),
    (r"\{1, 2\}", "set"),
    (r"\{1\} \cup \{2\}", "set"),
    ("(1, 2)", "tuple"),
    ("[1, 2)", "interval"),
    (r"(-\infty, 3)", "interval"),
    ("1 < x \\le 3", "interval"),
    (r"x \ne 2", "interval"),
    ("y - 2x = 1", "relation"),
    ("x + y > 3", "relation"),
    (r"\begin{pmatrix}1&2\\3&4\end{pmatrix}", "matrix"),
    ("(C)", "option"),
    ("Option B", "option"),
    ("3:30 PM", "time"),
    ("noon", "time"),
    ("Yes", "word"),
    ("no solution", "word"),
    ("3:4:5", "ratio"),
    ("the blue one", "text"),
]
TEXTS = [
    ("", "no_answer"),
    ("N/A", "no_answer"),
    ("7\0", "unreadable"),
    ("1" * (MAX_CHARS + 1), "too_long"),
    ("(1,2] and [3,4)", "ambiguous"),
]


@pytest.mark.parametrize(("text", "kind"), KINDS)
def test_the_kind(text: str, kind: str) -> None:
    assert read_answer(text).kind == kind


@pytest.mark.parametrize(("text", "reason"), TEXTS)
def test_what_is_not_read_says_why(text: str, reason: str) -> None:
    answer = read_answer(text)
    assert (answer.kind, answer.mark) == ("text", reason)


def test_a_name_is_kept_and_a_pair_may_be_an_interval() -> None:
    assert read_answer("x = 5").name == "x"
    pair = as_interval(read_answer("(1, 2)"))
    assert pair is not None
    assert [bound.closed for bound in pair.spans[0]] == [False, False]
    assert as_interval(read_answer("(1, 2, 3)")) is None


@given(st.text(max_size=80) | st.text(alphabet="12,;()[]{}<>=≤∪∞:AxC \\«»&\n", max_size=40))
def test_no_text_makes_it_raise(text: str) -> None:
    assert read_answer(text) == read_answer(text)
