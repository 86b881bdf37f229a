"""Exports: what stands on disk, that nothing is lost, and that all of it is there or nothing."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftdata.audit import audit
from cftdata.config import load_protocol
from cftdata.errors import ColumnUnknown, ConfigError, OutputError, ShapeUnknown, SourceError
from cftdata.export import ExportReport, export
from cftdata.formats import FORMATS
from cftdata.parquet import arrow_schema
from cftdata.sample import Decision, Gold, Sample

RIGHT, WRONG = "All holds. Conclusion: right [END]", "It is off. Conclusion: wrong [END]"


def table(query: str, response: str, critique: str, **more: Any) -> dict[str, Any]:
    return {"query": query, "response": response, "critique": critique} | more


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows_of(folder: Path, name: str = "train.jsonl") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (
        [json.loads(line) for line in (folder / name).read_bytes().splitlines()] if name.endswith("jsonl")
        else pq.read_table(folder / name).to_pylist())
    return rows


def left_out(folder: Path) -> list[tuple[int, str]]:
    return [(row["source_row"], row["reason"]) for row in rows_of(folder, "left_out.parquet")]


def judged(n_queries: int = 6) -> list[dict[str, Any]]:
    """Two critiques, one right and one wrong, of a right (even) or wrong (odd) response to each query."""
    return [table(f"{n}+1?", f"The answer is {n + 1 + n % 2}.", said, reference_answer=f"{n + 1}")
            for said in (RIGHT, WRONG) for n in range(n_queries)]


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    audit(write(tmp_path / "set.jsonl", judged()), out=tmp_path / "audited", n_processes=1)
    return tmp_path / "audited"


def test_every_row_of_the_source_is_written_or_named(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", [
        table("1?", "r", WRONG), table("2?", "r", " "), table("3?", "r", "c") | {"query": 3},
        table("4?", "r", RIGHT), {"odd": 1}])
    report = export(source, format="trl", out=tmp_path / "out")
    out = tmp_path / "out"
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "left_out.parquet", "train.jsonl"]
    assert (report.n_source_rows, report.n_samples, report.n_rows) == (5, 3, 2)
    assert report.left_out == {"empty_critique": 1, "not_text": 1, "unknown_shape": 1}
    assert left_out(out) == [(1, "empty_critique"), (2, "not_text"), (4, "unknown_shape")]
    assert all(row["detail"] for row in rows_of(out, "left_out.parquet"))
    assert [row["completion"] for row in rows_of(out)] == [WRONG, RIGHT]
    assert ExportReport.model_validate_json((out / "export.json").read_bytes()) == report
    assert report.files == {name: hashlib.sha256((out / name).read_bytes()).hexdigest()
                            for name in ("left_out.parquet", "train.jsonl")}


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_both_kinds_of_file_hold_the_same_rows_and_datasets_reads_them(
        audited: Path, tmp_path: Path, name: str) -> None:
    if name == "processbench":
        label(audited)
    export(audited, format=name, out=tmp_path / "one", n_processes=1)
    rows = rows_of(tmp_path / "one")
    columns = set(arrow_schema(FORMATS[name].record).names)
    assert rows
    assert {frozenset(row) for row in rows} == {frozenset(columns)}
    if "parquet" in FORMATS[name].file_types:
        export(audited, format=name, out=tmp_path / "two", file_type="parquet", n_processes=1)
        assert rows_of(tmp_path / "two", "train.parquet") == rows
    else:
        with pytest.raises(ConfigError, match="not from parquet"):
            export(audited, format=name, out=tmp_path / "two", file_type="parquet")
    import datasets

    for file in tmp_path.glob("*/train.*"):
        kind = "parquet" if file.suffix == ".parquet" else "json"
        read = datasets.load_dataset(kind, data_files=str(file), split="train",
                                     cache_dir=str(tmp_path / "cache"))
        assert set(read.column_names) == columns
        assert read.to_list() == rows


def label(folder: Path) -> None:
    """Gives every sample a label of its first wrong step, as people would."""
    change(folder, lambda one: one.model_copy(update={"gold": Gold(first_error_step=0)}))


def change(folder: Path, edit: Any) -> None:
    """Edits the samples of a folder."""
    import pyarrow as pa

    path = folder / "samples.parquet"
    read = pq.read_table(path)
    rows = [row | edit(Sample.model_validate({name: row[name] for name in Sample.model_fields})).model_dump(
        mode="json") for row in read.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=read.schema), path)


def test_an_audited_folder_gives_what_its_source_gives(audited: Path, tmp_path: Path) -> None:
    reports = [export(source, format="one-shot-cft", out=tmp_path / f"{n}") for n, source in enumerate(
        (audited, tmp_path / "set.jsonl", audited / "samples.parquet"))]
    assert len({report.content_hash for report in reports}) == 1
    assert len({report.files["train.jsonl"] for report in reports}) == 1
    audit_hash = json.loads((audited / "report.json").read_bytes())["content_hash"]
    assert reports[0].content_hash == audit_hash


def test_several_processes_write_the_same_file(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", judged(200))
    one, two = (export(source, format="sft", out=tmp_path / f"{n}", n_processes=n) for n in (1, 2))
    assert one.files == two.files
    assert (one.n_rows, one.left_out) == (100, {"no_right_solution": 200, "repeated": 100})


def test_the_twin_has_one_row_a_solution_and_counts_its_queries(audited: Path, tmp_path: Path) -> None:
    report = export(audited, format="sft", out=tmp_path / "out")
    assert (report.n_queries, report.n_queries_exported, report.n_rows) == (6, 3, 3)
    assert report.left_out == {"no_right_solution": 6, "repeated": 3}
    assert [row["completion"] for row in rows_of(tmp_path / "out")] == [
        f"The answer is {n + 1}." for n in (0, 2, 4)]


def test_pairs_are_of_one_response_and_far_apart_in_the_source(audited: Path, tmp_path: Path) -> None:
    report = export(audited, format="dpo", out=tmp_path / "out")
    assert (report.n_rows, report.n_source_rows, report.left_out, report.n_queries_exported) == (6, 12, {}, 6)
    assert report.protocol == load_protocol("default").ref
    for row in rows_of(tmp_path / "out"):
        n = int(row["prompt"].split("Question:\n")[1].split("+")[0])
        assert f"\nThe answer is {n + 1 + n % 2}.\n" in row["prompt"]
        assert (row["chosen"], row["rejected"]) == ((RIGHT, WRONG) if n % 2 == 0 else (WRONG, RIGHT))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "export.json", "left_out.parquet", "train.jsonl"]


def test_a_critique_without_a_partner_is_named(tmp_path: Path) -> None:
    more = [judged(2)[0] | {"critique": "Yes. " + RIGHT}, judged(2)[1]]
    audit(write(tmp_path / "set.jsonl", judged(2) + more), out=tmp_path / "audited", n_processes=1)
    report = export(tmp_path / "audited", format="dpo", out=tmp_path / "out")
    assert (report.n_rows, report.left_out) == (2, {"repeated": 1, "no_partner": 1})
    assert left_out(tmp_path / "out") == [(5, "repeated"), (4, "no_partner")]
    assert report.n_source_rows == 2 * report.n_rows + sum(report.left_out.values())


def test_only_verifications_that_the_protocol_counts_make_a_pair(audited: Path, tmp_path: Path) -> None:
    def fail_form(one: Sample) -> Sample:
        said = tuple(said.model_copy(update={"outcome": "fail"}) if said.verifier == "form" else said
                     for said in one.verifications)
        return one.model_copy(update={"verifications": said})

    change(audited, fail_form)      # `form` is shown and is no error
    assert export(audited, format="dpo", out=tmp_path / "out").n_rows == 6


def test_nothing_rests_on_a_suspect_reference(tmp_path: Path) -> None:
    rows = [table("2+3?", f"By way {n}. The answer is 5.", RIGHT, reference_answer="4") for n in range(6)]
    rows += [rows[0] | {"critique": WRONG}, table("1+1?", "The answer is 2.", RIGHT, reference_answer="2")]
    audit(write(tmp_path / "set.jsonl", rows), out=tmp_path / "audited", n_processes=1)
    report = export(tmp_path / "audited", format="sft", out=tmp_path / "sft")
    assert (report.n_suspect_references, report.n_rows, report.left_out) == (1, 1, {"no_right_solution": 7})
    # what the verdict said of these seven does not count
    with pytest.raises(ConfigError, match="7 not_verified"):
        export(tmp_path / "audited", format="dpo", out=tmp_path / "dpo", protocol=only_verdict())
    assert export(tmp_path / "set.jsonl", format="sft", out=tmp_path / "raw").n_suspect_references == 0


def only_verdict() -> Any:
    return load_protocol("default").model_copy(update={"claims": ()})


def test_a_dropped_row_is_not_exported(audited: Path, tmp_path: Path) -> None:
    dropped = Decision(action="drop", reason="verdict_error")
    kept = Decision(action="keep", reason="no_finding")
    change(audited, lambda one: one.model_copy(
        update={"decision": dropped if one.critique and one.critique.text == WRONG else kept}))
    report = export(audited, format="trl", out=tmp_path / "out")
    assert (report.n_rows, report.left_out) == (6, {"dropped": 6})
    [detail] = {row["detail"] for row in rows_of(tmp_path / "out", "left_out.parquet")}
    assert detail == "curating dropped it: verdict_error"


def test_columns_and_references_are_taken_as_an_audit_takes_them(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", [{"p": "2+2?", "s": "The answer is 4.", "c": WRONG}])
    named = {"query": "p", "response": "s", "critique": "c"}
    export(source, format="sft", out=tmp_path / "out", columns=named, reference_answer="4")
    assert rows_of(tmp_path / "out")[0]["completion"] == "The answer is 4."
    with pytest.raises(ColumnUnknown, match="'q'"):
        export(source, format="sft", out=tmp_path / "no", columns={"query": "q"})
    with pytest.raises(ShapeUnknown, match="columns: p, s, c"):
        export(source, format="sft", out=tmp_path / "no")
    with pytest.raises(SourceError):
        export(tmp_path / "none.jsonl", format="sft", out=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_prompt_is_named_in_the_report_and_asks_in_the_rows(audited: Path, tmp_path: Path) -> None:
    report = export(audited, format="trl-messages", out=tmp_path / "out", prompt="cft-short")
    assert report.prompt
    assert report.prompt.startswith("cft-short@")
    assert {row["messages"][0]["role"] for row in rows_of(tmp_path / "out")} == {"system"}
    assert export(audited, format="trl", out=tmp_path / "plain").prompt is None


@pytest.mark.parametrize(("options", "match"), [
    ({"format": "trl2"}, "did you mean 'trl'"), ({"format": "sft", "prompt": "cft-short"}, "does not ask"),
    ({"format": "processbench", "prompt": "cft-short"}, "form of its own"),
    ({"format": "processbench"}, "12 no_step_label"), ({"format": "dpo", "protocol": "none"}, "no protocol")])
def test_a_wrong_call_is_one_sentence_and_leaves_nothing(
        audited: Path, tmp_path: Path, options: dict[str, Any], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        export(audited, out=tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_pairs_need_an_audit(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", judged())
    with pytest.raises(ConfigError, match=r"12 not_verified .*audit the set first"):
        export(source, format="dpo", out=tmp_path / "out")


def test_an_export_that_breaks_off_leaves_the_one_before(audited: Path, tmp_path: Path) -> None:
    before = export(audited, format="trl", out=tmp_path / "out").files

    def stop(n_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(tmp_path / "set.jsonl", format="llama-factory", out=tmp_path / "out", progress=stop)
    there = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
             for path in (tmp_path / "out").iterdir() if path.name != "export.json"}
    assert there == before


def test_another_format_takes_the_place_of_the_first(audited: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(audited, format="axolotl", out=out)
    (out / "axolotl.yaml").write_text("mine")
    export(audited, format="trl", out=out, file_type="parquet")
    assert sorted(path.name for path in out.iterdir()) == [
        "axolotl.yaml", "export.json", "left_out.parquet", "train.parquet"]   # what was changed is not ours


def test_a_folder_that_cannot_be_written_is_told(audited: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="choose another folder"):
        export(audited, format="trl", out=tmp_path / "file")


def test_progress_is_the_number_of_rows_done(tmp_path: Path) -> None:
    source = write(tmp_path / "a.jsonl", judged(75))
    told: list[int] = []
    export(source, format="trl", out=tmp_path / "out", n_processes=1, progress=told.append)
    assert told == [100, 150]
    assert Counter(row["completion"] for row in rows_of(tmp_path / "out")) == {RIGHT: 75, WRONG: 75}
