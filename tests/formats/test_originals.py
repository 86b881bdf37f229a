"""The published shapes: what is exported to them is read back as the same samples."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.export import export
from cftdata.formats import FORMATS
from cftdata.sample import Critique, Provenance, Query, Response, Sample
from cftdata.shapes import SHAPES, recognise
from cftdata.sources import load

ONE_SHOT = Path(__file__).parents[3] / "shared/data/one-shot-cft/DSR-CFT-p0.jsonl"
NAMES = ("webinstruct-cft", "one-shot-cft")
HARD = ["", "\n", "\r\n", "\r", " ", "Question:\n", "Question: ", "\nSolution:\n", "Solution: 3", "\u2028",
        "\x00", "\\n", '"', "Please critique whether the following solution to the question is correct."]
PIECES = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=4)), max_size=6)
TEXT = st.one_of(st.text(), PIECES.map("".join))


def make(query: str, response: str, critique: str) -> Sample:
    return Sample.of(Query(text=query), Response(text=response), Critique(text=critique))


@given(TEXT, TEXT, TEXT)
def test_what_is_read_back_is_the_same_sample(query: str, response: str, critique: str) -> None:
    one = make(query, response, critique)
    for name in NAMES:
        row = FORMATS[name].row(one, None)
        if isinstance(row, str):
            assert not critique.removeprefix("Critique:\n").strip() or "\nSolution:" in "\n" + query
            continue
        columns = json.loads(json.dumps(row))
        assert recognise(columns) == name
        assert SHAPES[name].read(columns, Provenance()) == one


def test_a_query_that_would_be_cut_elsewhere_has_no_row() -> None:
    one = make("Fill in:\nSolution:\n___", "4", "Right.")
    assert [FORMATS[name].row(one, None) for name in NAMES] == ["heading_in_query"] * 2
    assert not isinstance(FORMATS["trl"].row(one, None), str)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file_type", ["jsonl", "parquet"])
def test_files_come_back_in_order_with_the_same_ids(tmp_path: Path, name: str, file_type: str) -> None:
    samples = [make(f"{head}{n}", f"{n}{head}", f"No.{head}") for n, head in enumerate(HARD)
               if head != "\nSolution:\n"]
    source = tmp_path / "source.jsonl"
    rows = [{name: getattr(one, name).text for name in ("query", "response", "critique")} for one in samples]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    report = export(source, format=name, out=tmp_path / "out", file_type=file_type)  # type: ignore[arg-type]
    assert (report.n_rows, report.left_out) == (len(samples), {})
    read = list(load(str(tmp_path / "out" / f"train.{file_type}")))
    assert {row.format for row in read} == {name}
    assert [row.sample and row.sample.id for row in read] == [one.id for one in samples]


@pytest.mark.skipif(not ONE_SHOT.is_file(), reason="the published set is not here")
def test_the_published_set_comes_back_byte_for_byte(tmp_path: Path) -> None:
    report = export(ONE_SHOT, format="one-shot-cft", out=tmp_path, n_processes=1)
    assert (report.n_source_rows, report.n_rows, report.left_out) == (600, 600, {})
    assert (tmp_path / "train.jsonl").read_bytes() == ONE_SHOT.read_bytes()
