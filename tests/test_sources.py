"""Raw rows to samples: shapes side by side, references, named columns, faults, Hub datasets, real data."""

from __future__ import annotations

import csv
import json
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback_client import Hub, environment, serving

from cftdata.errors import (
    CftDataError,
    ColumnUnknown,
    ConfigError,
    ShapeUnknown,
    SourceEmpty,
    SourceError,
    SourceNotFound,
    SourceUnreadable,
)
from cftdata.parquet import arrow_schema
from cftdata.sample import Sample
from cftdata.sources import Reader, References, Row, column_value, known_columns, load, read_references
from cftdata.tables import RawRow

DATA = Path(__file__).parents[1].parent / "shared" / "data"
TABLE: dict[str, Any] = {"id": 7, "query": "2+2?", "response": "It is 5.", "critique": "No.",
                         "critic": "strong", "reference_answer": "4"}
INPUT = {"instruction": "Please critique", "input": "Question:\nq\n\nSolution:\nr", "output": "Right."}


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_shapes_may_be_mixed_and_no_row_is_lost(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", TABLE, INPUT, {"other": 1}, TABLE | {"critique": 5})
    (tmp_path / "b.jsonl").write_text('{"broken\n' + json.dumps(INPUT))
    rows = list(load(str(tmp_path)))
    assert [(row.source_row, row.file, row.format, row.reason) for row in rows] == [
        (0, "a.jsonl", "table", None), (1, "a.jsonl", "webinstruct-cft", None),
        (2, "a.jsonl", None, "unknown_shape"), (3, "a.jsonl", "table", "not_text"),
        (4, "b.jsonl", None, "bad_json"), (5, "b.jsonl", "webinstruct-cft", None)]
    assert all((row.sample is None) == (row.detail is not None) for row in rows)
    assert rows[2].detail == "no shape has its columns: other"
    assert rows[3].columns["critique"] == 5
    assert rows[4].detail == 'the line is no JSON: {"broken\n'
    assert rows[5].sample
    origin = rows[5].sample.query.provenance
    assert origin.model_dump(exclude_none=True) == {"source": str(tmp_path), "row": 5}


def test_rows_of_no_known_shape(tmp_path: Path) -> None:
    rows = load(write(tmp_path / "a.jsonl", {"prompt": "x", "answer": "y"}, [1]))
    assert [next(rows).reason, next(rows).reason] == ["unknown_shape", "not_an_object"]
    with pytest.raises(ShapeUnknown, match=r"columns: prompt, answer.*--columns query=…,response=…,crit"):
        next(rows)
    with pytest.raises(SourceUnreadable, match="not one row"):
        list(load(write(tmp_path / "b.jsonl", [1], 2)))


def test_where_no_row_can_be_read_the_first_one_says_why(tmp_path: Path) -> None:
    source = write(tmp_path / "rows.jsonl", {"query": "2+2?", "response": "4", "critique": "Right."})
    with pytest.raises(SourceUnreadable, match="as webinstruct-cft; of the first: the row has no input"):
        list(load(source, format="webinstruct-cft"))
    (tmp_path / "latin.csv").write_bytes("query,response,critique\n2+2?,4,très bien\n".encode("latin-1"))
    with pytest.raises(SourceUnreadable, match="of the first: it holds bytes that are no UTF-8"):
        list(load(str(tmp_path / "latin.csv")))


def test_a_shape_can_be_forced(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", INPUT, TABLE)
    assert [row.reason for row in load(source, format="table")] == ["missing_field", None]
    with pytest.raises(ConfigError, match="did you mean 'mr-gsm8k'"):
        list(load(source, format="mr-gsm8"))


def test_columns_can_be_named(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["frage", "lösung", "urteil", "gold"], ["2+2?", "It is 5.", "No.", "4"]])
    columns = {"query": "frage", "response": "lösung", "critique": "urteil", "reference_answer": "gold"}
    (row,) = load(str(tmp_path / "a.csv"), columns=columns)
    assert row.format == "table"
    assert row.sample
    assert row.sample.response
    assert (row.sample.query.text, row.sample.query.reference_answer) == ("2+2?", "4")
    assert row.sample.response.text == "It is 5."


@pytest.mark.parametrize(("columns", "fault", "message"), [
    ({"query": "frage"}, ColumnUnknown, "there is no column 'frage'; known: "),
    ({"query": "qury"}, ColumnUnknown, "did you mean 'query'"),
    ({"qury": "query"}, ConfigError, "did you mean 'query'"),
    ({"response": "response"}, ConfigError, "query=COLUMN")])
def test_a_wrong_name_of_a_column(tmp_path: Path, columns: dict[str, str], fault: type[CftDataError],
                                  message: str) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text("broken\n" + json.dumps(TABLE))
    with pytest.raises(fault, match=message):
        list(load(str(source), columns=columns))


def test_named_columns_need_the_format_table() -> None:
    with pytest.raises(ConfigError, match="for the format table only"):
        Reader("x", "mr-ben", {"query": "q"})


# --- References


def references_of(source: str, **options: Any) -> list[str | None]:
    return [row.sample.query.reference_answer if row.sample else None for row in load(source, **options)]


def test_references_of_three_kinds(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", TABLE, TABLE | {"id": "b", "query": "3 + 3?"}, INPUT)
    answers = tmp_path / "answers.json"
    answers.write_text(json.dumps({"2+2?": 5, "b": "6.0"}))
    assert references_of(source) == ["4", "4", None]
    assert references_of(source, references=str(answers)) == ["5", "6.0", None]
    assert references_of(source, references=str(answers), reference_answer="9") == ["9", "9", "9"]
    assert read_references().describe() == "the rows' own column"
    assert read_references().describe(is_any=False) == "none"
    assert read_references(None, str(answers)).describe() == "file answers.json"
    assert read_references("9", str(answers)).describe() == "--reference-answer"


@pytest.mark.parametrize(("name", "text"), [
    ("r.jsonl", '{"query": " 2+2?\\n", "answer": 5}\n{"uuid": "7", "answer": null}\n'),
    ("r.jsonl", '{"id": 7, "reference_answer": "5", "answer": "6"}\n'),
    ("r.csv", "question,answer\n2+2?,5\n"), ("r.json", '[{"problem": "2+2?", "answer": "5"}]'),
    ("r.json", '{"7": "5"}')])
def test_references_files(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert references_of(write(tmp_path / "a.jsonl", TABLE), references=str(tmp_path / name)) == ["5"]


def test_references_in_parquet(tmp_path: Path) -> None:
    pq.write_table(pa.table({"idx": [7], "answer": [5.0]}), tmp_path / "r.parquet")
    assert read_references(file=str(tmp_path / "r.parquet")).find("other", {"id": 7}) == "5.0"


@pytest.mark.parametrize(("name", "text", "message"), [
    ("r.json", '{"a": [1]}', "cannot be read"), ("r.json", '{"a": true, "b": "1"}', "true or false"),
    ("r.json", "{}", "holds no row"), ("r.json", "x", "no JSON"),
    ("r.json", '{"a": null}', "holds no answer"),
    ("r.csv", "query,gold\na,1\n", "no column answer"), ("r.csv", "answer\n1\n", "no query or id"),
    ("r.jsonl", '{"id": 1, "answer": "1"}\n{"id": 1, "answer": "2"}', "two answers for '1'"),
    ("r.jsonl", '{"id": 1, "answer": "1"}\nbroken', "row 1 of .* cannot be read")])
def test_a_references_file_that_cannot_be_used(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_references(file=str(tmp_path / name))


def test_references_that_are_not_there() -> None:
    with pytest.raises(ConfigError, match="there is no file or folder gone"):
        read_references(file="gone.jsonl")
    with pytest.raises(ConfigError, match="empty"):
        read_references(" ")


def test_the_id_of_a_sample_does_not_depend_on_the_reference(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", TABLE)
    rows = [*load(source), *load(source, reference_answer="9")]
    ids = {row.sample.id for row in rows if row.sample}
    assert len(ids) == 1


# --- Reader and columns


def test_a_reader_can_be_pickled() -> None:
    references = References(file="r", answers={"7": "5"})
    reader = Reader("a.jsonl", None, {"query": "query"}, references, split="train", revision="main")
    copy = pickle.loads(pickle.dumps(reader))
    row = copy.read(RawRow(0, "a.jsonl", TABLE))
    assert copy == reader
    assert row == reader.read(RawRow(0, "a.jsonl", TABLE))
    assert row.sample.query.provenance.split == "train"
    assert row.sample.query.reference_answer == "5"


def test_json_text_in_a_cell_is_read_and_checked() -> None:
    messages = [{"role": "user", "content": INPUT["input"]},
                {"role": "assistant", "content": "Right \U0001d54f"}]
    row = Reader("a").read(RawRow(0, "a", {"messages": json.dumps(messages)}))
    assert row.sample
    assert row.sample.critique
    assert row.sample.critique.text == "Right \U0001d54f"
    row = Reader("a").read(RawRow(0, "a", {"messages": json.dumps(messages).replace("\\udd4f", "")}))
    assert (row.sample, row.reason) == (None, "not_text")


def test_a_row_of_ours_that_breaks_a_rule_of_sample() -> None:
    columns = {"schema_version": "1", "id": "0" * 32, "query": {"text": "2+2?"}, "verifications": []}
    row = Reader("a").read(RawRow(0, "a", columns))
    assert (row.sample, row.format, row.reason) == (None, "cftdata", "bad_value")


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=3),
    st.dictionaries(st.sampled_from(["role", "content", "response", "solution"]), st.text()))
NAMES = st.sampled_from([
    "query", "response", "critique", "messages", "instruction", "input", "output", "question", "verdict",
    "student_solution", "model_output_steps", "Question", "Model_Solution_Steps", "problem", "steps", "label",
    "mistake_index", "schema_version", "id", "verifications", "claude2_eval_output", "critic",
    "reference_answer", "first_error_step"])


@given(columns=st.dictionaries(NAMES, VALUES))
def test_a_reader_never_raises(columns: dict[str, object]) -> None:
    row = Reader("a").read(RawRow(3, "a", columns))
    assert (row.sample is None) == (row.reason is not None) == (row.detail is not None)
    for name in known_columns(row):
        assert column_value(row, name) is None or isinstance(column_value(row, name), str)


@given(data=st.one_of(st.binary(max_size=100),
                      st.dictionaries(NAMES, VALUES).map(lambda row: json.dumps(row).encode())),
       name=st.sampled_from(["a.jsonl", "a.json", "a.csv"]))
def test_any_bytes_give_rows_or_a_source_error(data: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        try:
            rows = list(load(str(Path(folder) / name)))
        except SourceError:
            return
    assert any(row.format for row in rows)


def test_values_of_columns_to_group_by(tmp_path: Path) -> None:
    columns = TABLE | {"student": "weak", "domain": "sums", "verdict": "wrong", "level": 3, "tags": ["é", 1],
                       "hard": True, "none": None, "source": "raw"}
    (row,) = load(write(tmp_path / "a.jsonl", columns))
    wanted = {"critic": "strong", "student": "weak", "domain": "sums", "verdict": "wrong", "format": "table",
              "injection": None, "file": "a.jsonl", "source": str(tmp_path / "a.jsonl"), "level": "3",
              "tags": '["é", 1]',
              "hard": "true", "none": None, "gone": None}
    assert {name: column_value(row, name) for name in wanted} == wanted
    assert known_columns(row) == sorted({*columns, "format", "file", "injection", "source"})


def test_values_of_an_unread_row() -> None:
    row = Row(0, "a.jsonl", None, None, "bad_json", "…", {})
    assert [column_value(row, name) for name in ("file", "critic", "level")] == ["a.jsonl", None, None]


# --- What `datasets` reads


def test_folders_that_datasets_wrote(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    part = datasets.Dataset.from_list([TABLE, TABLE | {"query": "3+3?"}])
    part.save_to_disk(str(tmp_path / "one"))
    datasets.DatasetDict({"train": part, "test": part.select([1])}).save_to_disk(str(tmp_path / "two"))
    assert [(row.file, row.format) for row in load(str(tmp_path / "one"))] == [("one", "table")] * 2
    assert [row.file for row in load(str(tmp_path / "two"))] == ["train", "train", "test"]
    (row,) = load(str(tmp_path / "two"), split="test")
    assert row.sample
    assert (row.sample.query.text, row.sample.query.provenance.split) == ("3+3?", "test")
    with pytest.raises(SourceNotFound, match="did you mean 'train'"):
        list(load(str(tmp_path / "two"), split="trian"))
    with pytest.raises(SourceNotFound, match="has no split 'train'"):
        list(load(str(tmp_path / "one"), split="train"))


SCRIPT = """
import json, sys
from cftdata.errors import CftDataError
from cftdata.sources import load
try:
    for row in load(**json.loads(sys.argv[1])):
        query = row.sample.query
        print(row.source_row, row.file, row.format, query.text, query.provenance.revision)
except CftDataError as fault:
    print(type(fault).__name__, fault)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    pytest.importorskip("datasets")
    lines = "".join(json.dumps(TABLE | {"query": f"{i}?"}) + "\n" for i in range(2)).encode()
    with serving(tmp_path_factory.mktemp("store")) as hub:
        hub.create("acme/critiques")
        hub.put("acme/critiques", {"train.jsonl": lines, "test.jsonl": lines[:lines.index(b"\n")]})
        hub.create("acme/empty")
        hub.put("acme/empty", {"README.md": b"nothing here"})
        yield hub


@pytest.mark.parametrize(("options", "wanted"), [
    ({"source": "acme/critiques"}, [
        "0 acme/critiques/train table 0? None", "1 acme/critiques/train table 1? None",
        "2 acme/critiques/test table 0? None"]),
    ({"source": "acme/critiques", "split": "test", "revision": "HEAD"},
     ["0 acme/critiques/test table 0? HEAD"]),
    ({"source": "acme/critiques", "split": "dev"}, [
        "SourceNotFound the Hub dataset acme/critiques has no split dev: "
        "Unknown split \"dev\". Should be one of ['train', 'test']."]),
    ({"source": "acme/critiques", "revision": "v9"}, [
        "SourceNotFound there is no file, folder or Hub dataset acme/critiques at revision v9 that can be "
        "seen from here; check the name, or log in if it is gated"]),
    ({"source": "acme/gone"}, [
        "SourceNotFound there is no file, folder or Hub dataset acme/gone that can be seen from here; "
        "check the name, or log in if it is gated"]),
    ({"source": "acme/empty"}, [
        f"{SourceEmpty.__name__} the Hub dataset acme/empty holds no data file that `datasets` can read"])])
def test_hub_datasets(hub: Hub, tmp_path: Path, options: dict[str, str], wanted: list[str]) -> None:
    """The real load_dataset, in a process of its own: HF_ENDPOINT is read when it is imported."""
    head = hub.head("acme/critiques")
    asked = json.dumps(options).replace("HEAD", head)
    done = subprocess.run([sys.executable, "-c", SCRIPT, asked], env=environment(hub, tmp_path, None),
                          cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.replace(head, "HEAD").splitlines() == wanted


def test_without_datasets_the_extra_is_named(tmp_path: Path) -> None:
    script = "import sys; sys.modules['datasets'] = None" + SCRIPT
    done = subprocess.run([sys.executable, "-c", script, '{"source": "acme/critiques"}'], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("ExtraMissing acme/critiques is no file here")
    assert "pip install 'cftdata[hub]'" in done.stdout


def test_our_own_parquet_comes_back_as_it_was(tmp_path: Path) -> None:
    """Arrow gives a struct all its fields, a missing one as null: the sample is the same."""
    (row,) = load(write(tmp_path / "a.jsonl", TABLE))
    assert row.sample
    table = pa.Table.from_pylist([row.sample.model_dump(mode="json") | {"source_row": 0, "file": "a.jsonl"}],
                                 schema=arrow_schema(Sample).append(pa.field("source_row", pa.int64())))
    pq.write_table(table, tmp_path / "samples.parquet")
    (again,) = load(str(tmp_path / "samples.parquet"))
    assert (again.format, again.sample) == ("cftdata", row.sample)


# --- Real data


@pytest.mark.skipif(not DATA.is_dir(), reason="the data for measuring is not here")
@pytest.mark.parametrize(("folder", "formats"), [
    ("one-shot-cft", {"one-shot-cft": 600, "cft-teacher": 663}), ("mr-ben", {"mr-ben": 918}),
    ("mr-gsm8k", {"mr-gsm8k": 326}), ("big-bench-mistake", {"big-bench-mistake": 150})])
def test_every_row_of_the_real_data_is_read(folder: str, formats: dict[str, int]) -> None:
    rows = list(load(str(DATA / folder)))
    assert [row for row in rows if row.sample is None] == []
    assert {name: sum(row.format == name for row in rows) for name in formats} == formats
    assert len(rows) == sum(formats.values())


@pytest.mark.skipif(not DATA.is_dir(), reason="the data for measuring is not here")
def test_a_real_row_is_cut_without_a_loss() -> None:
    for row in load(str(DATA / "one-shot-cft" / "DSR-CFT-p0.jsonl")):
        assert row.sample
        assert row.sample.response
        messages: Any = row.columns["messages"]
        assert messages[0]["content"].endswith(
            f"Question:\n{row.sample.query.text}\n\nSolution:\n{row.sample.response.text}")
