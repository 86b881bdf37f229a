"""In whose voice an equation stands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.claims.voice import judge_voice
from cftdata.sample import Verdict

CASES: list[tuple[str, str, Verdict | None, str]] = [
    ("The student writes 5 + 3 = 9, but that is wrong.", "5 + 3 = 9", "wrong", "refuted"),
    ("The student incorrectly computes 5 + 3 = 9.", "5 + 3 = 9", "wrong", "refuted"),
    ("The step 5 + 3 = 9 is incorrect.", "5 + 3 = 9", "wrong", "refuted"),
    ("They claim 5 + 3 = 9. However, 5 + 3 = 8.", "5 + 3 = 9", "wrong", "refuted"),
    ("The student correctly computes 5 + 3 = 9.", "5 + 3 = 9", "right", "endorsed"),
    ("The student gets 5 + 3 = 9.\nThis is correct.", "5 + 3 = 9", "right", "endorsed"),
    ("Next, the student finds 5 + 3 = 9.", "5 + 3 = 9", "right", "endorsed"),
    ("Next, the student finds 5 + 3 = 9.", "5 + 3 = 9", "wrong", "quoted"),
    ("Correct solution: 5 + 3 = 9.", "5 + 3 = 9", "wrong", "asserted"),
    ("Let's see whether 5 + 3 = 9.", "5 + 3 = 9", "wrong", "supposed"),
    ("Step 2 goes wrong: it should be 5 + 3 = 9.", "5 + 3 = 9", "wrong", "asserted"),
    ("The correct value is 5 + 3 = 9.", "5 + 3 = 9", "wrong", "asserted"),
    ("In fact 5 + 3 = 9. The response is wrong. Conclusion: wrong", "5 + 3 = 9", "wrong", "asserted"),
    ('The student claims: "Since 5 + 3 = 9, it is 9". Wrong.', "5 + 3 = 9", "wrong", "quoted"),
    ("> 5 + 3 = 9\n\nHere they slip.", "5 + 3 = 9", "wrong", "quoted"),
    ("Let me compute. 5 + 3 = 9, and 9 + 1 = 10. Conclusion: wrong", "5 + 3 = 9", "wrong", "asserted"),
    ("They have 5 + 3 = 9. This is wrong.", "5 + 3 = 9", "wrong", "refuted"),
    ("5 + 3 = 9 is claimed here.\nHowever, it is 8.", "5 + 3 = 9", "wrong", "refuted"),
    ("We have 5 + 3 = 9.", "5 + 3 = 9", None, "asserted"),
]


@pytest.mark.parametrize(("text", "equation", "verdict", "voice"), CASES)
def test_the_voice(text: str, equation: str, verdict: Verdict | None, voice: str) -> None:
    start = text.index(equation)
    assert judge_voice(text, start, start + len(equation), verdict) == voice


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 50))
def test_any_place_of_any_text_has_a_voice(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    assert judge_voice(text, start, min(start + length, len(text)), None)
