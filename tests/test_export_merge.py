"""Exports of many stretches have what those of one have: rows made twice, pairs, queries."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from cut_engine import Cut
from small_audit import write_rows

from cftdata import export_merge
from cftdata.audit import audit
from cftdata.export import export
from cftdata.formats import FORMATS
from cftdata.runs import cut_partitions

N_ROWS = 400


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audited set with repeats, suspect references and rows that cannot be read."""
    folder = tmp_path_factory.mktemp("set")
    audit(write_rows(folder / "set.jsonl", N_ROWS), out=folder / "audited", n_processes=1)
    return folder / "audited"


def rows_of(folder: Path, name: str) -> list[dict[str, Any]]:
    table = folder / name
    parts = sorted(table.iterdir()) if table.is_dir() else [table]
    return [row for part in parts for row in (
        pq.read_table(part).to_pylist() if part.suffix == ".parquet"
        else map(json.loads, part.read_text().splitlines()))]


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"processbench"}))
@pytest.mark.parametrize("n_rows", [37, 1_000])
def test_many_stretches_give_what_one_gives(
        name: str, n_rows: int, audited: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_merge, "cut_partitions", lambda n: cut_partitions(n, 60))
    engine = Cut(n_rows)
    theirs = export(audited, format=name, out=tmp_path / "a", n_processes=1)
    ours = export(audited, format=name, out=tmp_path / "b", engine=engine)
    assert engine.n_parts == [-(-theirs.n_source_rows // n_rows)]
    left_out = {"seconds", "files"}
    assert ours.model_dump(exclude=left_out) == theirs.model_dump(exclude=left_out)
    ours_rows, their_rows = (rows_of(tmp_path / out, "train.jsonl") for out in "ba")
    if FORMATS[name].is_pair:
        ours_rows, their_rows = (sorted(rows, key=repr) for rows in (ours_rows, their_rows))
    assert ours_rows == their_rows
    ours_left, their_left = (sorted(rows_of(tmp_path / out, "left_out.parquet"), key=lambda row: (
        row["source_row"])) for out in "ba")
    assert ours_left == their_left
    assert not (tmp_path / "b" / "work").exists()


def test_parquet_is_left_out_of_too(audited: Path, tmp_path: Path) -> None:
    theirs = export(audited, format="sft", file_type="parquet", out=tmp_path / "a", n_processes=1)
    ours = export(audited, format="sft", file_type="parquet", out=tmp_path / "b", engine=Cut(50))
    assert theirs.left_out["repeated"]
    assert ours.left_out == theirs.left_out
    assert rows_of(tmp_path / "b", "train.parquet") == rows_of(tmp_path / "a", "train.parquet")


def test_a_stretch_may_have_no_row(tmp_path: Path) -> None:
    lines = ['{"query": "1?", "response": "r", "critique": "c"}'] * 3 + ['{"colour": "red"}'] * 6
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    report = export(tmp_path / "a.jsonl", format="trl", out=tmp_path / "out", engine=Cut(3))
    assert (report.n_rows, report.left_out, report.n_queries) == (3, {"unknown_shape": 6}, 1)
    assert [path.name for path in (tmp_path / "out" / "train.jsonl").iterdir()] == ["part-00000.jsonl"]
