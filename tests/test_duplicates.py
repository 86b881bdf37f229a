"""Duplicates: candidates are confirmed, the first is kept, numbers make the difference."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.duplicates import Duplicate, Duplicates, find_duplicates
from cftdata.problems import draw_queries

STORY = ("the old farmer walks to the market with {} eggs in a basket and sells them singly to people who "
         "come from the villages around while his dog sleeps under the cart and dreams of bones and rabbits")


def find(texts: list[str], **more: object) -> dict[int, Duplicate[int]]:
    def read() -> Iterator[tuple[int, tuple[str | None, ...]]]:
        return ((place, (text,)) for place, text in enumerate(texts))

    return find_duplicates(read, Duplicates.model_validate({"parts": ["query"]} | more))


def test_equal_texts_are_duplicates_of_the_first() -> None:
    assert find(["a", "b", "a", "a"]) == {2: Duplicate(0, 1.0, True), 3: Duplicate(0, 1.0, True)}
    assert find(["a", "a"], exact=False, near_rate=None) == {}


def test_case_and_punctuation_make_a_near_duplicate() -> None:
    found = find([STORY.format(12), STORY.format(12).upper() + "!"])
    assert found == {1: Duplicate(0, 1.0, False)}


def test_another_number_or_half_another_text_is_no_duplicate() -> None:
    assert find([STORY.format(12), STORY.format(13)]) == {}
    assert find([STORY.format(12), STORY.format(12)[:90]]) == {}
    assert find(["2+2?", "2+3?"]) == {}


def test_a_low_rate_finds_them_and_says_how_alike_they_are() -> None:
    [duplicate] = find([STORY.format(12), STORY.format(13)], near_rate=0.5, n_permutations=256).values()
    assert 0.5 < duplicate.similarity < 1


def test_problems_of_one_template_are_not_each_others_duplicates() -> None:
    texts = list(dict.fromkeys(one.query.text for one in draw_queries(5, 400, (1, 2, 3))))
    assert find(texts) == {}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=30), max_size=12))
def test_whatever_the_texts_originals_are_kept_and_come_first(texts: list[str]) -> None:
    found = find(texts)
    assert all(duplicate.of < place and duplicate.of not in found for place, duplicate in found.items())
    assert {texts[place] for place in range(len(texts)) if place not in found} | {
        texts[place] for place, one in found.items() if not one.is_exact} == set(texts)
