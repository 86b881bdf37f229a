"""An export on a cluster has the rows, the reasons and the figures of one machine's, however it is cut."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")

import pyarrow.dataset as ds  # noqa: E402
from hostile import Hostile  # noqa: E402
from lost import kill_a_worker  # noqa: E402
from small_audit import write_rows  # noqa: E402

from cftdata.audit import audit  # noqa: E402
from cftdata.errors import ConfigError, ShapeUnknown  # noqa: E402
from cftdata.export import ExportReport, export  # noqa: E402
from cftdata.export_files import hash_file  # noqa: E402
from cftdata.local_engine import Local  # noqa: E402
from cftdata.scale import OnRay  # noqa: E402
from cftdata.stored import list_parts  # noqa: E402

pytestmark = pytest.mark.scale

N_ROWS = 900
RUNS = {"seconds", "n_retries", "files", "source"}
"""What a report says of the run and of where things lie."""


def read_lines(table: Path) -> list[str]:
    """The rows of a table of JSON Lines or Parquet, each as JSON, in the order of its files."""
    if table.suffix == ".parquet":
        return [json.dumps(row, sort_keys=True) for part in list_parts(table)
                for row in ds.dataset(part).to_table().to_pylist()]
    parts = sorted(table.glob("*.jsonl")) if table.is_dir() else [table]
    return [line for part in parts for line in part.read_text().splitlines()]


def tell(folder: Path, report: ExportReport, *, has_file: bool = True) -> dict[str, Any]:
    """Hashes of the rows and of what is left out, and the report."""
    told: dict[str, Any] = json.loads(report.model_dump_json(exclude=RUNS))
    left = [json.loads(line) for line in read_lines(folder / "left_out.parquet")]
    if not has_file:
        left = [row | {"file": None} for row in left]
    for name, lines in (("rows", read_lines(folder / f"train.{report.file_type}")),
                        ("left", [json.dumps(row, sort_keys=True) for row in left])):
        told[name] = len(lines), hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    return told


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with repeats, suspect references and rows that cannot be read."""
    return write_rows(tmp_path_factory.mktemp("set") / "set.jsonl", N_ROWS)


@pytest.fixture(scope="module")
def audited(source: Path, cluster: Any) -> tuple[Path, Path]:
    """Its audits, on this machine and on a cluster."""
    here, there = source.parent / "here", source.parent / "there"
    audit(source, out=here)
    audit(source, out=there, engine=OnRay(n_rows_of_part=200))
    return here, there


@pytest.mark.parametrize(("name", "file_type", "n_rows"), [
    ("trl", "jsonl", 100), ("sft", "jsonl", 100), ("sft", "parquet", 250), ("dpo", "jsonl", 130)])
def test_rows_and_figures_are_those_of_one_machine(
        name: str, file_type: Any, n_rows: int, audited: tuple[Path, Path], tmp_path: Path) -> None:
    theirs = export(audited[0], format=name, file_type=file_type, out=tmp_path / "a",
                    engine=Local(n_processes=1))
    ours = export(audited[1], format=name, file_type=file_type, out=tmp_path / "b",
                  engine=OnRay(n_rows_of_part=n_rows))
    assert tell(tmp_path / "b", ours, has_file=False) == tell(tmp_path / "a", theirs, has_file=False)
    if name != "dpo":
        assert read_lines(tmp_path / "b" / f"train.{file_type}") == read_lines(
            tmp_path / "a" / f"train.{file_type}"), "also in order"
    assert {name: hash_file(tmp_path / "b" / name) for name in ours.files} == ours.files
    assert len(list((tmp_path / "b" / "left_out.parquet").iterdir())) > 1 or name == "dpo"
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "export.json", "left_out.parquet", f"train.{file_type}"]


def test_a_folder_in_parts_is_taken_by_one_machine_too(audited: tuple[Path, Path], tmp_path: Path) -> None:
    one, other = (export(folder, format="dpo", out=tmp_path / folder.name) for folder in audited)
    assert tell(tmp_path / "here", one, has_file=False) == tell(tmp_path / "there", other, has_file=False)
    assert one.files["train.jsonl"] == other.files["train.jsonl"]


def test_of_the_source_itself_files_are_named_too(source: Path, cluster: Any, tmp_path: Path) -> None:
    theirs = export(source, format="axolotl", out=tmp_path / "a", engine=Local(n_processes=1))
    seen = list[int]()
    ours = export(source, format="axolotl", out=tmp_path / "b",
                  engine=OnRay(seen.append, n_rows_of_part=300))
    assert tell(tmp_path / "b", ours) == tell(tmp_path / "a", theirs)
    assert seen[-1] == N_ROWS
    assert (tmp_path / "b" / "axolotl.yaml").read_bytes() == (tmp_path / "a" / "axolotl.yaml").read_bytes()


def test_a_driver_that_is_stopped_goes_on_at_what_is_not_done(
        source: Path, cluster: Any, tmp_path: Path) -> None:
    def stop(n_done: int) -> None:
        if n_done >= 300:
            raise KeyboardInterrupt

    out, seen = tmp_path / "out", list[int]()
    with pytest.raises(KeyboardInterrupt):
        export(source, format="sft", out=out, engine=OnRay(stop, n_rows_of_part=100))
    assert not (out / "export.json").exists()
    n_done = len(list((out / "work" / "rows" / "work" / "done").iterdir()))
    assert n_done >= 3
    ours = export(source, format="sft", out=out, engine=OnRay(seen.append, n_rows_of_part=100))
    assert len(seen) <= 9 - n_done, "more may have been done before the cluster heard of it"
    theirs = export(source, format="sft", out=tmp_path / "a", engine=Local(n_processes=1))
    assert tell(out, ours) == tell(tmp_path / "a", theirs)


def test_a_worker_that_is_killed_changes_nothing(cluster: Any, tmp_path: Path) -> None:
    # a source of its own: a worker that did the same job before keeps a process for it, which knows no pause
    source, out = write_rows(tmp_path / "set.jsonl", 3000), tmp_path / "out"
    killer = kill_a_worker(out / "work" / "rows" / "work" / "done", 2)
    ours = export(source, format="sft", out=out, engine=Hostile(OnRay(n_rows_of_part=100), pause_s=0.15))
    killer.join()
    theirs = export(source, format="sft", out=tmp_path / "a", engine=Local(n_processes=1))
    assert tell(out, ours) == tell(tmp_path / "a", theirs)
    assert ours.n_retries >= 1


def test_what_stood_there_gives_way_and_faults_are_those_of_one_machine(
        source: Path, cluster: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(source, format="trl", out=out)
    ours = export(source, format="one-shot-cft", out=out, engine=OnRay(n_rows_of_part=400))
    assert (out / "train.jsonl").is_dir()
    export(source, format="trl", file_type="parquet", out=out)
    assert sorted(path.name for path in out.iterdir()) == ["export.json", "left_out.parquet", "train.parquet"]
    with pytest.raises(ConfigError, match="gives not one row"):
        export(source, format="processbench", out=tmp_path / "no", engine=OnRay(n_rows_of_part=400))
    (tmp_path / "odd.jsonl").write_text('{"colour": "red"}\n')
    with pytest.raises(ShapeUnknown):
        export(tmp_path / "odd.jsonl", format="trl", out=tmp_path / "odd", engine=OnRay())
    assert ours.n_rows
