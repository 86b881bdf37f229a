"""Bytes to raw rows: every kind of file, and what is broken in it."""

from __future__ import annotations

import gzip
import json
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cftdata.errors import ConfigError, SourceEmpty, SourceError, SourceNotFound, SourceUnreadable
from cftdata.tables import RawRow, read_rows

ROWS = [{"query": "1+1?", "response": "2"}, {"query": 'é, "quoted"\nline', "response": "x"}]
JSONL = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CSV = 'query,response\n1+1?,2\n"é, ""quoted""\nline",x\n'.encode()


def read(path: Path, data: bytes | None = None) -> list[RawRow]:
    if data is not None:
        path.write_bytes(data)
    return list(read_rows(str(path)))


def columns(rows: list[RawRow]) -> list[object]:
    return [row.columns for row in rows]


@pytest.mark.parametrize(
    "name", ["a.jsonl", "a.ndjson", "a.json", "a.txt", "a", "a.JSONL", "a.jsonl.gz", "a.gz"]
)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data,
        lambda data: b"\xef\xbb\xbf" + data,
        gzip.compress,
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\n \n" + data.replace(b"\n", b"\n\n\t\n"),
    ],
)
def test_jsonl_is_read_under_any_name(tmp_path: Path, name: str, change: object) -> None:
    rows = read(tmp_path / name, change(JSONL))  # type: ignore[operator]
    assert columns(rows) == ROWS
    assert [(row.row, row.file) for row in rows] == [(0, name), (1, name)]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.csv", CSV),
        ("a.dat", CSV),
        ("a.csv", b"\xef\xbb\xbf" + CSV),
        ("a.csv.gz", gzip.compress(CSV, mtime=0)),
        ("a.tsv", CSV.replace(b",response", b"\tresponse").replace(b"?,", b"?\t").replace(b'",', b'"\t')),
    ],
)
def test_csv(tmp_path: Path, name: str, data: bytes) -> None:
    assert columns(read(tmp_path / name, data)) == ROWS


@pytest.mark.parametrize(
    "value", [ROWS, {"data": ROWS}, {"x": ROWS[0], "y": ROWS[1]}, {"x": ROWS[:1], "y": ROWS[1:]}]
)
@pytest.mark.parametrize("indent", [None, 2])
def test_json_in_its_four_forms(tmp_path: Path, value: object, indent: int | None) -> None:
    data = json.dumps(value, indent=indent).encode()
    assert columns(read(tmp_path / "a.json", data)) == ROWS
    assert columns(read(tmp_path / "a", data)) == ROWS
    assert columns(read(tmp_path / "a.json.gz", gzip.compress(data, mtime=0))) == ROWS


@pytest.mark.parametrize(
    "row",
    [
        {"messages": [{"role": "user", "content": "x"}]},
        {"query": "x", "steps": ["a"]},
        {"question": "x", "student_solution": {"a": 1}},
    ],
)
def test_a_json_object_that_is_one_row(tmp_path: Path, row: object) -> None:
    assert columns(read(tmp_path / "a.json", json.dumps(row).encode())) == [row]


def test_a_null_row_of_a_json_object_stays_a_row(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.json", b'{"1": {"query": "x"}, "2": null, "3": {"query": "y"}}')
    assert [row.reason for row in rows] == [None, "not_an_object", None]


@pytest.mark.parametrize("name", ["data", "rows", "examples", "samples"])
def test_rows_beside_other_keys_of_a_json_object(tmp_path: Path, name: str) -> None:
    whole = {"version": "1", "meta": {"by": "us"}, name: [*ROWS, "no row"]}
    assert columns(read(tmp_path / "a.json", json.dumps(whole).encode())) == [*ROWS, None]


def test_a_row_of_a_json_object_that_is_a_word_stays_a_row(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.json", json.dumps({"0": ROWS[0], "1": "failed", "2": ROWS[1]}).encode())
    assert columns(rows) == [ROWS[0], None, ROWS[1]]
    assert rows[1].reason == "not_an_object"


def test_of_the_folder_of_an_audit_its_samples_are_read(tmp_path: Path) -> None:
    for name in ("samples.parquet", "findings.parquet"):
        pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / name)
    (tmp_path / "report.json").write_text('{"source": "x"}')
    assert {row.file for row in read(tmp_path)} == {"samples.parquet"}
    assert columns(read(tmp_path)) == ROWS
    (tmp_path / "a.jsonl").write_bytes(JSONL)
    assert {row.file for row in read(tmp_path)} == {"samples.parquet"}


def test_a_source_without_a_name_is_refused() -> None:
    with pytest.raises(SourceNotFound, match="no name"):
        list(read_rows(" "))


def test_parquet_streams_in_batches(tmp_path: Path) -> None:
    n_rows = 2_500
    pq.write_table(
        pa.table({"query": [str(i) for i in range(n_rows)], "steps": [["a"]] * n_rows}),
        tmp_path / "a.parquet",
    )
    rows = read(tmp_path / "a.parquet")
    assert [row.row for row in rows] == list(range(n_rows))
    assert rows[-1].columns == {"query": "2499", "steps": ["a"]}
    (tmp_path / "named-wrong.bin").write_bytes((tmp_path / "a.parquet").read_bytes())
    assert len(read(tmp_path / "named-wrong.bin")) == n_rows


def test_a_parquet_string_that_is_no_utf8_is_one_unread_row(tmp_path: Path) -> None:
    offsets = pa.array([0, 1, 2, 3], pa.int32()).buffers()[1]
    text = pa.StringArray.from_buffers(3, offsets, pa.py_buffer(b"a\xffc"))
    pq.write_table(pa.table({"query": text}), tmp_path / "a.parquet")
    rows = read(tmp_path / "a.parquet")
    assert [(row.columns, row.reason) for row in rows] == [
        ({"query": "a"}, None),
        (None, "bad_encoding"),
        ({"query": "c"}, None),
    ]


def test_a_folder_is_read_sorted_and_each_row_says_its_file(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / ".cache").mkdir()
    for name in ("b.jsonl", "a.json", "sub/c.jsonl", ".cache/d.jsonl", "sub/.e.jsonl"):
        (tmp_path / name).write_bytes(JSONL)
    (tmp_path / "README.md").write_text("no data")
    (tmp_path / "empty.csv").write_text("")
    rows = list(read_rows(str(tmp_path)))
    assert [row.file for row in rows] == ["a.json"] * 2 + ["b.jsonl"] * 2 + ["sub/c.jsonl"] * 2
    assert [row.row for row in rows] == list(range(6))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"query": ', "bad_json"),
        (b"\xff\xfe{}", "bad_encoding"),
        (b'{"query": "\xff"}', "bad_encoding"),
        (b"[1, 2]", "not_an_object"),
        (b"null", "not_an_object"),
        (b'{"query": "\\ud800"}', "not_text"),
        (b'{"a": {"b": ["\\uDC00"]}}', "not_text"),
        (b'{"\\ud800": 1}', "not_text"),
        (b'{"a": 1, "a": 2}', "repeated_key"),
        (b'{"a": ' + b"[" * 150 + b"]" * 150 + b"}", "too_deep"),
        (b"[" * 100_000, "bad_json"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "bad_json"),
        (b'{"a": "\x00"}', "bad_json"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_row_with_a_reason(tmp_path: Path, line: bytes, reason: str) -> None:
    rows = read(tmp_path / "a.jsonl", JSONL + b"\n" + line + b"\n" + JSONL)
    assert [row.reason for row in rows] == [None, None, reason, None, None]
    assert rows[2].columns is None
    assert rows[2].row == 2
    (rows[2].text or "").encode()
    assert len(rows[2].text or "") <= 1_000


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'"1,2', "bad_csv"),
        (b'"a"b,2', "bad_csv"),
        (b"a\xff,2", "bad_encoding"),
        (b"1,2,3", "n_fields"),
        (b"1", "n_fields"),
    ],
)
def test_a_csv_row_that_cannot_be_read(tmp_path: Path, line: bytes, reason: str) -> None:
    rows = read(tmp_path / "a.csv", b"query,response\n1,2\n" + line + b"\n3,4\n")
    assert rows[1].reason == reason
    assert (rows[1].text or "").startswith(line.decode(errors="backslashreplace") + "\n")
    # a quote that is never closed takes the rest of the file with it, and its row shows it
    assert columns(rows[2:]) == ([{"query": "3", "response": "4"}] if line != b'"1,2' else [])


def test_a_csv_with_long_fields_and_nul_bytes(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.csv", b"query,response\n\x00," + b"x" * 1_000_000 + b"\n")
    assert rows[0].columns == {"query": "\x00", "response": "x" * 1_000_000}


def test_bad_bytes_inside_a_json_file_cost_their_row_only(tmp_path: Path) -> None:
    rows = read(tmp_path / "a.json", b'[{"query": "a"}, {"query": "\xff"}, {"query": "c"}]')
    assert [row.reason for row in rows] == [None, "bad_encoding", None]
    rows = read(tmp_path / "a.json", b'[{"query": "a"}, {"query": "\\ud800"}]')
    assert [row.reason for row in rows] == [None, "not_text"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"query: x"),
        ("a.json", b"5"),
        ("a.json", b'{"a": {"q": 1}, "a": {"q": 2}}'),
        ("a.json", b"[" * 100_000),
        ("a.jsonl", b"no\njson\n"),
        ("a.jsonl", b"\xff\xfe{\x00}\x00"),
        ("a.parquet", b"PAR1 not really"),
        ("a.jsonl.gz", b"\x1f\x8b\x08broken"),
        ("a.csv", b"a,a\n1,2\n"),
        ("a.csv", b"a\xff,b\n1,2\n"),
        ("a.jsonl.gz", gzip.compress(JSONL * 1000, mtime=0)[:-20]),
    ],
)
def test_a_source_that_cannot_be_read(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(SourceUnreadable, match=r"a\."):
        read(tmp_path / name, data)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", b""),
        ("a.jsonl", b"\n \r\n"),
        ("a.json", b""),
        ("a.json", b"[]"),
        ("a.json", b"{}"),
        ("a.csv", b""),
        ("a.csv", b"query,response\n"),
        ("a.parquet", b""),
        ("a.gz", gzip.compress(b"", mtime=0)),
    ],
)
def test_a_source_without_rows(tmp_path: Path, name: str, data: bytes) -> None:
    with pytest.raises(SourceEmpty, match="holds no row"):
        read(tmp_path / name, data)


def test_a_folder_without_data_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("no data")
    with pytest.raises(SourceEmpty, match="no data file"):
        list(read_rows(str(tmp_path)))


@pytest.mark.parametrize("source", ["gone.jsonl", "gone/gone.jsonl", "gone", "a b/c", "a/b/c", "x" * 5_000])
def test_a_source_that_is_not_there(source: str) -> None:
    with pytest.raises(SourceError) as caught:
        list(read_rows(source))
    assert isinstance(caught.value, SourceNotFound) or len(source) == 5_000
    assert "\n" not in str(caught.value)


def test_a_split_of_a_plain_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(JSONL)
    with pytest.raises(ConfigError, match="no split"):
        list(read_rows(str(tmp_path / "a.jsonl"), split="train"))


def test_rows_stream(tmp_path: Path) -> None:
    """The first rows come before the bad end of the file is reached."""
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(JSONL * 50_000, mtime=0)[:-20])
    rows = read_rows(str(tmp_path / "a.jsonl.gz"))
    assert next(rows).columns == ROWS[0]


@given(
    data=st.one_of(
        st.binary(max_size=200),
        st.text(max_size=200).map(str.encode),
        st.binary(max_size=60).map(lambda b: b'{"a": "' + b + b'"}\n' + b),
        st.binary(max_size=60).map(gzip.compress),
    ),
    name=st.sampled_from(["a.jsonl", "a.json", "a.csv", "a.tsv", "a.parquet", "a.gz", "a"]),
)
@example(data=b'{"data": [[]]}', name="a.json")
@example(data=b'a\r"b\rc\n"', name="a.csv")
def test_any_bytes_give_rows_or_a_source_error(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            rows = list(read_rows(str(path)))
        except SourceError:
            return
    assert rows
    for i, row in enumerate(rows):
        assert row.row == i
        assert (row.columns is None) == (row.reason is not None)


@given(
    st.lists(
        st.dictionaries(
            st.text(min_size=1),
            st.one_of(st.none(), st.integers(), st.booleans(), st.text(), st.lists(st.text())),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_jsonl_comes_back_whole(rows: list[dict[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        path.write_text(text, "utf-8", newline="")
        assert [row.columns for row in read_rows(str(path))] == rows
