"""Pieces, put together, are the rows that are read from the whole source, wherever it is cut."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.errors import ConfigError, SourceEmpty, SourceNotFound, SourceUnreadable
from cftdata.pieces import Piece, cut_file, cut_source, group_pieces, measure, read_piece
from cftdata.tables import RawRow, read_rows

LINES = st.lists(st.sampled_from([b'{"query": "1+1?"}', b"", b"  ", b"{broken", b"\xff", b"[1]", b'{"q":1}\r',
                                  '{"query": "\u2028 é"}'.encode()]), max_size=30)


def read_in_pieces(source: str, n_rows: int) -> list[RawRow]:
    """All rows, by pieces of so many rows."""
    cut, alone = cut_source(source, None, None, n_rows)
    groups = group_pieces((measure(n_rows, piece) for piece in cut), alone=alone, n_rows=n_rows)
    return [row for group in groups for piece in group for row in read_piece(piece)]


@given(LINES, st.integers(1, 40), st.booleans(), st.booleans())
def test_lines_are_read_once_wherever_they_are_cut(lines: list[bytes], n_bytes: int, has_end: bool,
                                                   has_mark: bool) -> None:
    data = (b"\xef\xbb\xbf" if has_mark else b"") + b"\n".join(lines) + (b"\n" if has_end else b"")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "set.jsonl"
        path.write_bytes(data)
        wanted = list[RawRow]()
        with suppress(SourceUnreadable, SourceEmpty):       # not one line is JSON, or there is none
            wanted.extend(read_rows(str(path)))
        found = list[RawRow]()
        for at in range(0, len(data), n_bytes):
            span = (at, min(len(data), at + n_bytes))
            [piece], _ = measure(1, Piece(str(path), path.name, "jsonl", span, first_row=len(found)))
            rows = list(read_piece(piece))
            assert len(rows) == piece.n_rows
            found += rows
    assert found == wanted


def write_folder(folder: Path) -> Path:
    """Files of every kind, sound and broken."""
    folder.mkdir()
    rows: list[dict[str, Any]] = [{"query": f"{n}?", "n": n} for n in range(25)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "a.jsonl").write_text(text)
    (folder / "b.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "c.json").write_text(json.dumps(rows))
    (folder / "d.json").write_text(text)    # lines, whatever it is called
    (folder / "e.csv").write_text("query,n\n1?,1\n2?,2,3\n")
    pq.write_table(pa.Table.from_pylist(rows), folder / "f.parquet", row_group_size=7)
    (folder / "g.parquet").write_bytes(b"no Parquet")
    (folder / "h.jsonl").write_text("no\nlines\n")
    (folder / "i.jsonl").write_text("")
    (folder / "j.json").write_text("{")
    (folder / "k").mkdir()
    (folder / "k" / "l.jsonl").write_text(text)
    return folder


@pytest.mark.parametrize("n_rows", [1, 3, 1000])
def test_a_folder_of_everything_is_read_as_it_is_by_one_machine(n_rows: int, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "set")
    ours, theirs = read_in_pieces(str(folder), n_rows), list(read_rows(str(folder)))
    assert [(row.row, row.file, row.columns, row.reason) for row in ours] == [
        (row.row, row.file, row.columns, row.reason) for row in theirs]
    assert sum(row.reason == "bad_file" for row in ours) == 3


@pytest.mark.parametrize("name", ["a.jsonl", "b.jsonl.gz", "c.json", "d.json", "e.csv", "f.parquet",
                                  "*.jsonl", "k/*.jsonl"])
def test_one_file_and_a_pattern(name: str, tmp_path: Path) -> None:
    source = str(write_folder(tmp_path / "set") / name)
    assert read_in_pieces(source, 4) == list(read_rows(source))


@pytest.mark.parametrize("name", ["g.parquet", "h.jsonl", "j.json"])
def test_one_file_that_cannot_be_read_ends_the_run(name: str, tmp_path: Path) -> None:
    with pytest.raises(SourceUnreadable):
        read_in_pieces(str(write_folder(tmp_path / "set") / name), 4)


def test_small_files_are_done_together_and_large_ones_are_cut(tmp_path: Path) -> None:
    for n in range(6):
        (tmp_path / f"{n}.jsonl").write_text('{"query": "?"}\n' * 4)
    cut, alone = cut_source(str(tmp_path), None, None, 10)
    groups = group_pieces((measure(10, piece) for piece in cut), alone=alone, n_rows=10)
    assert [sum(piece.n_rows for piece in group) for group in groups] == [8, 8, 8]
    assert [piece.first_row for group in groups for piece in group] == [0, 4, 8, 12, 16, 20]
    assert len(cut_file("x.jsonl", "x.jsonl", 10_000_000, n_rows=1000)) == 13


def test_what_datasets_reads_is_refused_with_what_to_give_instead(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="hf://"):
        cut_source("org/name", None, None)
    with pytest.raises(SourceNotFound, match="pattern"):
        cut_source(str(tmp_path / "*.jsonl"), None, None)
    (tmp_path / "a.jsonl").write_text("{}")
    with pytest.raises(ConfigError, match="no split"):
        cut_source(str(tmp_path), "train", None)


def test_columns_of_parquet_that_are_left_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "set.parquet"
    rows = [{"query": f"{n}?", "verifications": [{"reason": "x" * 9}]} for n in range(9)]
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=4)
    data = path.read_bytes()
    pieces = [one for piece in cut_source(str(path), None, None, 5)[0] for one in measure(5, piece)[0]]
    # what is left may be broken: its bytes are not looked at
    chunk = pq.read_metadata(path).row_group(0).column(1)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    path.write_bytes(data[:start] + b"\xff" * chunk.total_compressed_size
                     + data[start + chunk.total_compressed_size:])
    found = [row.columns for piece in pieces for row in read_piece(piece, ["verifications"])]
    assert found == [{"query": f"{n}?", "verifications": ()} for n in range(9)]
    with pytest.raises(SourceUnreadable):
        [row for piece in pieces for row in read_piece(piece)]
