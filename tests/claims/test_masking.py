"""One spelling for the signs of mathematics, at the same offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.claims.masking import mask


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("a \\leq b", "a ≤    b"),
        ("a \\left( b", "a      ( b"),
        ("a \\\\ b", "a \n\n b"),
        ("a \\implies b", "a " + "\n" * 8 + " b"),
        ("1 + \\dots", "1 + …………………"[:9]),
        ("3 red apples + 4", "3            + 4"),
        ("3 inches + 4", "3 inches + 4"),
        ("f(2) = 3", "ƒ(2) = 3"),
        ("a!=b <= c", "a≠ b ≤  c"),
    ],
)
def test_the_spelling(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.text(alphabet=st.sampled_from("ab01 =!<>.*$\\\\{}()&leqtxcdos…→\n'"), max_size=100))
def test_every_offset_stays(text: str) -> None:
    assert len(mask(text)) == len(text)
