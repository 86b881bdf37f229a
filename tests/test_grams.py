"""Words and runs of words."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from cftdata.grams import hash_runs, read_words


@given(st.text())
def test_words_stand_where_they_say(text: str) -> None:
    words = read_words(text)
    assert all(0 <= word.start < word.end <= len(text) and word.text for word in words)
    assert all(one.end <= other.start for one, other in pairwise(words))


def test_words_are_compared_without_case_and_commas() -> None:
    assert [word.text for word in read_words("JANET'S 1,600 eggs, 3.5 kg")] == [
        "janets", "1600", "eggs", "3.5", "kg"]
    assert [word.text for word in read_words("日本 ok")] == ["日", "本", "ok"]


def test_runs_are_the_same_for_the_same_words_only() -> None:
    runs = [list(hash_runs(read_words(text), 2)) for text in ("a b c", "A, b c!", "a c b", "a")]
    assert runs[0] == runs[1]
    assert len(runs[0]) == 2
    assert not set(runs[0]) & set(runs[2])
    assert runs[3] == []
