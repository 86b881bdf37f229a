"""The engine of one machine: one stretch, in order, its files in place together; and engines by name."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hostile import meet_and_work

from cftdata.engine import Job, Part, Source, Spoilt
from cftdata.engines import choose_engine
from cftdata.errors import ConfigError, ExtraMissing
from cftdata.guard import Patience
from cftdata.local_engine import Local
from cftdata.paths import open_path, remove
from cftdata.tables import RawRow


def name_rows(rows: list[RawRow]) -> list[int]:
    """Their places."""
    return [row.row for row in rows]


def instead(row: RawRow, spoilt: Spoilt, may_read: bool) -> list[int]:
    """Nothing."""
    return []


def keep(part: Part, results: Iterable[list[int]]) -> int:
    """Writes them; how many there were."""
    places = [place for some in results for place in some]
    part.work("seen").parent.mkdir(parents=True)
    part.work("seen").write_text("seen")
    part.table("places.txt").write_text(" ".join(map(str, places)))
    return len(places)


def make_job(folder: Path, n_rows: int) -> Job[list[int], int]:
    """A job on so many rows."""
    path = folder / "set.jsonl"
    path.write_text('{"query": "2+2?"}\n' * n_rows)
    return Job(Source(str(path)), name_rows, instead, keep, int, "mark")


@pytest.mark.parametrize("n_processes", [1, 2])
@pytest.mark.parametrize("is_looked_at", [False, True])
def test_all_rows_in_order_and_only_tables_are_left(n_processes: int, is_looked_at: bool,
                                                    tmp_path: Path) -> None:
    seen, out = list[int](), tmp_path / "out"
    engine, job = Local(n_processes, seen.append), make_job(tmp_path, 550)
    if is_looked_at:
        assert [row.row for row in engine.read_first(job.source)] == list(range(100))
    with engine.open(out) as folder:
        [(part, n)] = engine.fold(job, folder)
        assert part.work("seen").exists()
    assert (n, seen[-1], engine.n_retries) == (550, 550, 0)
    assert (out / "places.txt").read_text() == " ".join(map(str, range(550)))
    assert [path.name for path in out.iterdir()] == ["places.txt"]


def test_a_row_that_kills_or_hangs_its_process_is_given_up_alone(tmp_path: Path) -> None:
    path, seen = tmp_path / "odd.jsonl", list[int]()
    spoilt = {110: "KILL", 111: "HANG", 530: "FILL"}
    path.write_text("".join(f'{{"query": "{spoilt.get(n, "2+2?")}"}}\n' for n in range(550)))
    job = replace(make_job(tmp_path, 1), source=Source(str(path)), work=partial(meet_and_work, 0, name_rows))
    engine = Local(2, seen.append, Patience(batch_s=2, row_s=1))
    with engine.open(tmp_path / "out") as folder:
        assert [n for _, n in engine.fold(job, folder)] == [550 - len(spoilt)]
    assert seen == [100, 200, 300, 400, 500, 550]
    left = set(map(int, (tmp_path / "out" / "places.txt").read_text().split()))
    assert set(range(550)) - left == spoilt.keys()


def test_what_breaks_leaves_nothing(tmp_path: Path) -> None:
    engine, job = Local(1), make_job(tmp_path, 3)
    with pytest.raises(KeyError), engine.open(tmp_path / "out") as folder:
        _ = dict(engine.fold(job, folder))["what"]  # type: ignore[index]
    assert not (tmp_path / "out").exists()


def test_a_store_gets_the_files_when_all_are_there(tmp_path: Path) -> None:
    engine, job, out = Local(1), make_job(tmp_path, 3), open_path("memory://cftdata-engine/out")
    try:
        with engine.open(out) as folder:
            list(engine.fold(job, folder))
            assert not out.exists()
        assert [path.name for path in out.iterdir()] == ["places.txt"]
    finally:
        remove(out)


def test_parts_lie_in_folders_named_as_the_table() -> None:
    part = Part(Path("out"), "part-00007")
    assert part.table("samples.parquet") == Path("out/samples.parquet/part-00007.parquet")
    assert part.work("ids") == Path("out/work/part-00007/ids")
    assert Part(Path("out")).table("samples.parquet") == Path("out/samples.parquet")


def test_engines_by_name() -> None:
    with choose_engine("local", n_processes=1) as engine:
        assert list(engine.map(sum, [[1, 2], [3]])) == [3, 3]
    with pytest.raises(ConfigError, match="did you mean 'ray'"), choose_engine("rey"):
        pass
    with pytest.raises(ConfigError, match="--engine ray"), choose_engine("local", address="127.0.0.1:6379"):
        pass


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_the_extra_one_sentence_names_it() -> None:
    with pytest.raises(ExtraMissing, match=r"cftdata\[scale\]"), choose_engine("ray"):
        pass


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="needs Ray")
def test_a_cluster_that_nobody_answers_for_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:1 cannot be reached"), choose_engine(
            "ray", address="127.0.0.1:1"):
        pass
