"""Contamination: 13 words in a row, shown with their place; short queries as a whole."""

import json
from pathlib import Path

import pytest

from cftdata.contamination import Contamination, Index, index_evaluation, tell_match
from cftdata.errors import ConfigError
from cftdata.problems import draw_queries
from cftdata.sample import Critique, Query, Response, Sample
from cftdata.sources import load

GSM8K = Path(__file__).parents[2] / "shared" / "data" / "gsm8k"
LONG = "A farmer keeps seven red hens and each of them lays two brown eggs on every day of the week"


def index(folder: Path, *items: dict[str, str], **more: object) -> Index:
    path = folder / "test.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in items))
    return index_evaluation([str(path)], Contamination.model_validate(more))


def sample(query: str, response: str = "It is 4.", critique: str = "Right.") -> Sample:
    return Sample.of(Query(text=query), Response(text=response), Critique(text=critique))


def test_thirteen_words_in_a_row_are_found_and_twelve_are_not(tmp_path: Path) -> None:
    items = index(tmp_path, {"question": LONG, "answer": "98"})
    words = LONG.split()
    assert items.find(sample("So: " + " ".join(words[:13]) + " or not?"))
    assert not items.find(sample("So: " + " ".join(words[:12]) + " or not?"))


def test_the_stretch_has_its_place_in_our_text(tmp_path: Path) -> None:
    ours = f"As they say, {LONG.upper()}; now go."
    [match] = index(tmp_path, {"question": LONG, "answer": "98"}).find(sample("q", critique=ours))
    assert ours[match.start:match.end] == match.text == LONG.upper()
    assert (match.part, match.of, match.row, match.rate, match.n_words) == (
        "critique", "query", 0, 1.0, len(LONG.split()))
    assert "red hens" in tell_match(match).lower()


def test_a_worked_solution_counts_unless_left_out(tmp_path: Path) -> None:
    item = {"question": "How many?", "answer": LONG}
    assert index(tmp_path, item).find(sample("q", response=LONG))[0].of == "solution"
    assert not index(tmp_path, item, solutions=False).find(sample("q", response=LONG))


def test_a_short_query_counts_as_a_whole_only(tmp_path: Path) -> None:
    items = index(tmp_path, {"question": "What is 2 + 2?", "answer": "4"})
    assert items.sets[0].n_whole == 1
    assert items.find(sample("what is 2 + 2"))
    assert not items.find(sample("What is 2 + 2 + 1?"))
    assert not items.find(sample("What is 2 + 3?"))


def test_a_set_without_queries_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not one query"):
        index(tmp_path, {"x": "y"})


@pytest.mark.skipif(not GSM8K.exists(), reason="needs GSM8K")
def test_solutions_to_a_test_set_are_contaminated_and_problems_of_our_own_are_not() -> None:
    items = index_evaluation([str(GSM8K / "test.jsonl")], Contamination())
    assert items.sets[0].n_items == 1319
    read = load(str(GSM8K / "example_model_solutions.jsonl"), columns={"query": "question"})
    rows = [row.sample for row in read if row.sample][:400]
    assert len(rows) == 400
    assert all(items.find(row) for row in rows)
    ours = [Sample.of(one.query) for one in draw_queries(3, 300, (1, 2, 3))]
    assert [tell_match(found[0]) for one in ours if (found := items.find(one))] == []
