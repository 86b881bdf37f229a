"""An audit on a cluster is that of one machine: rows, findings and figures, whatever is lost on the way."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")

import pyarrow.dataset as ds  # noqa: E402
from hostile import Hostile  # noqa: E402
from lost import kill_a_worker, wait_for  # noqa: E402
from small_audit import write_rows  # noqa: E402

from cftdata.audit import audit  # noqa: E402
from cftdata.errors import CftDataError, ConfigError  # noqa: E402
from cftdata.guard import Patience  # noqa: E402
from cftdata.local_engine import Local  # noqa: E402
from cftdata.scale import OnRay  # noqa: E402
from cftdata.tables import read_rows  # noqa: E402
from cftdata.worker import may_fork  # noqa: E402

pytestmark = pytest.mark.scale

N_ROWS = 4_000
RUNS = ("seconds", "n_retries")
"""What a report says of the run, and not of the set."""


def tell(folder: Path, report: Any) -> dict[str, Any]:
    """Hashes of the rows and the findings, and the report."""
    told: dict[str, Any] = json.loads(report.model_dump_json(exclude=set(RUNS)))
    for name in ("samples.parquet", "findings.parquet"):
        rows = ds.dataset(folder / name).to_table().to_pylist()
        lines = sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)
        told[name] = (len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest())
    return told


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set with everything that an audit counts."""
    return write_rows(tmp_path_factory.mktemp("set") / "set.jsonl", N_ROWS)


@pytest.fixture(scope="module")
def wanted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the audit of one machine says of it."""
    out = tmp_path_factory.mktemp("local")
    return tell(out, audit(source, out=out, engine=Local(n_processes=1)))


def test_no_process_is_forked_beside_the_threads_of_a_cluster(cluster: Any, source: Path, tmp_path: Path,
                                                              wanted: dict[str, Any]) -> None:
    assert not may_fork()
    assert tell(tmp_path, audit(source, out=tmp_path, engine=Local(n_processes=2))) == wanted


@pytest.mark.parametrize("n_rows", [150, 900, 20_000])
def test_the_same_figures_however_it_is_cut(n_rows: int, cluster: Any, source: Path, wanted: dict[str, Any],
                                            tmp_path: Path) -> None:
    seen = list[int]()
    report = audit(source, out=tmp_path, engine=OnRay(seen.append, n_rows_of_part=n_rows))
    assert tell(tmp_path, report) == wanted
    assert (report.n_retries, seen[-1]) == (0, N_ROWS)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "findings.parquet", "report.html", "report.json", "report.md", "samples.parquet"]
    assert sum(1 for _ in read_rows(str(tmp_path))) == report.n_samples


def test_of_several_files_and_shapes(cluster: Any, tmp_path: Path) -> None:
    for seed in range(3):
        write_rows(tmp_path / f"{seed}.jsonl", 400, seed)
    (tmp_path / "3.json").write_text("{")
    (tmp_path / "4.csv").write_text("query,response,critique\n1+1?,2,Right. Conclusion: right [END]\n")
    theirs = audit(tmp_path, out=tmp_path / "a")
    ours = audit(tmp_path, out=tmp_path / "b", engine=OnRay(n_rows_of_part=100))
    assert tell(tmp_path / "b", ours) == tell(tmp_path / "a", theirs)
    assert ours.n_unread > 3


def test_rows_that_kill_or_hang_are_errors_and_harm_no_other(cluster: Any, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in write_rows(tmp_path / "rows.jsonl", 330, 5).read_text().splitlines()
            if line.startswith('{"query"')]
    clean, spoilt = tmp_path / "clean.jsonl", {7: "KILL", 121: "HANG", 300: "KILL"}
    bad = tmp_path / "bad.jsonl"
    bad.write_text("".join(json.dumps(row | {"query": f"{spoilt.get(n, '')} {row['query']}"}) + "\n"
                           for n, row in enumerate(rows)))
    clean.write_text("".join(json.dumps(row | {"query": f" {row['query']}"}) + "\n"
                             for n, row in enumerate(rows) if n not in spoilt))
    engine = Hostile(OnRay(patience=Patience(batch_s=4, row_s=2), n_rows_of_part=90))
    ours = audit(bad, out=tmp_path / "bad", engine=engine)
    theirs = audit(clean, out=tmp_path / "clean")
    assert ours.n_samples == theirs.n_samples + 3
    for name, counts in ours.verifiers.items():
        other = theirs.verifiers[name]
        assert counts.error == other.error + 3
        assert (counts.pass_, counts.fail, counts.abstain) == (other.pass_, other.fail, other.abstain)
    assert ours.reasons["verdict"]["error"] == {"crashed": 2, "time_limit": 1}
    assert ours.rates["verdict_error"].n_decided == theirs.rates["verdict_error"].n_decided


def kill_a_node(cluster: Any, out: Path, rng: random.Random) -> threading.Thread:
    """Kills one of three nodes at some moment of the work; two are left, as there were."""
    newest = cluster.add_node(num_cpus=1)
    node = rng.choice(sorted(cluster.worker_nodes - {newest}, key=lambda node: node.node_id))
    n_done, after_s = rng.randint(1, 5), rng.uniform(0, 0.6)

    def kill() -> None:
        wait_for(out / "work" / "done", n_done)
        time.sleep(after_s)
        cluster.remove_node(node, allow_graceful=False)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def test_a_node_that_is_lost_changes_nothing(cluster: Any, source: Path, wanted: dict[str, Any],
                                             tmp_path: Path) -> None:
    killer = kill_a_node(cluster, tmp_path, random.Random(0))
    report = audit(source, out=tmp_path, engine=Hostile(OnRay(n_rows_of_part=100), pause_s=0.2))
    killer.join()
    assert tell(tmp_path, report) == wanted     # the node may just have been between two stretches
    assert sum(node["Alive"] for node in ray.nodes()) == 3


def test_a_worker_that_is_killed_changes_nothing(cluster: Any, source: Path, wanted: dict[str, Any],
                                                 tmp_path: Path) -> None:
    killer = kill_a_worker(tmp_path / "work" / "done", 2)
    report = audit(source, out=tmp_path, engine=Hostile(OnRay(n_rows_of_part=100), pause_s=0.15))
    killer.join()
    assert tell(tmp_path, report) == wanted
    assert report.n_retries >= 1


DRIVER = """
import sys
from pathlib import Path
from hostile import Hostile
from cftdata.audit import audit
from cftdata.scale import OnRay
from cftdata.scale.on_ray import connect
if __name__ == "__main__":
    with connect(sys.argv[1]):
        audit(sys.argv[2], out=sys.argv[3], engine=Hostile(OnRay(n_rows_of_part=100), pause_s=0.1))
"""


def test_a_driver_that_is_killed_goes_on_at_what_is_not_done(cluster: Any, source: Path,
                                                             wanted: dict[str, Any], tmp_path: Path) -> None:
    script, out = tmp_path / "driver.py", tmp_path / "out"
    script.write_text(DRIVER)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    driver = subprocess.Popen([sys.executable, script, cluster.address, source, out], env=environment)
    wait_for(out / "work" / "done", 3)
    driver.kill()
    driver.wait()
    assert not (out / "report.json").exists()
    kept = {path: path.stat().st_mtime_ns for path in (out / "work" / "done").iterdir()}
    (out / "work" / "done" / "part-00001.json").write_text('{"n_rows"')     # as if torn in the middle
    begun = {path.name for path in (out / "work" / "attempts").glob("part-*")}
    report = audit(source, out=out, engine=Watched(OnRay(n_rows_of_part=100), kept))
    assert tell(out, report) == wanted
    assert report.n_retries == len(begun) - len(kept) + 1      # those in flight, and the one that was torn


class Watched(Hostile):
    """Sees that what was done is not done again."""

    def __init__(self, engine: OnRay, kept: dict[Path, int]) -> None:
        super().__init__(engine)
        self._kept = kept

    def fold(self, job: Any, folder: Path) -> Any:
        """Once all is done, what was done before is as it was."""
        yield from super().fold(job, folder)
        again = [path.name for path, at in self._kept.items() if path.stat().st_mtime_ns != at]
        assert again == ["part-00001.json"]


def test_another_command_in_the_same_folder_begins_anew(cluster: Any, source: Path, tmp_path: Path) -> None:
    other = write_rows(tmp_path / "other.jsonl", 200, 9)
    out = tmp_path / "out"
    audit(source, out=out, engine=OnRay(n_rows_of_part=900))
    ours = audit(other, out=out, engine=OnRay(n_rows_of_part=900))
    assert tell(out, ours) == tell(tmp_path / "a", audit(other, out=tmp_path / "a"))


def test_a_source_that_changed_meanwhile_is_audited_anew(cluster: Any, tmp_path: Path) -> None:
    source, out = write_rows(tmp_path / "set.jsonl", 600), tmp_path / "out"

    def stop(n_done: int) -> None:
        if n_done >= 300:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit(source, out=out, engine=OnRay(stop, n_rows_of_part=100))
    before = source.read_text()
    source.write_text(before.replace("right [END]", "wrong [END]"))     # of the same size
    assert source.read_text() != before
    ours = audit(source, out=out, engine=OnRay(n_rows_of_part=100))
    assert tell(out, ours) == tell(tmp_path / "a", audit(source, out=tmp_path / "a"))
    assert ours.n_retries == 0


def test_what_cannot_be_done_is_one_sentence(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--out"):
        audit(write_rows(tmp_path / "set.jsonl", 10), engine=OnRay())
    (tmp_path / "bad.jsonl").write_text('{"colour": "red"}\n')
    with pytest.raises(CftDataError, match="no known shape"):
        audit(tmp_path / "bad.jsonl", out=tmp_path / "out", engine=OnRay())
    assert not (tmp_path / "out" / "report.json").exists()


UNGUARDED = """
import sys
from cftdata.audit import audit
from cftdata.scale.on_ray import connect
with connect(sys.argv[1]):
    audit(sys.argv[2], out=sys.argv[3])
"""


def test_a_script_that_is_not_guarded_says_so_and_is_not_run_again(cluster: Any, source: Path,
                                                                   tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(UNGUARDED)
    done = subprocess.run([sys.executable, tmp_path / "script.py", cluster.address, source, tmp_path / "out"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode
    assert "CftDataError: no process can be started" in done.stderr
    assert "ConfigError: a process of this script is about to do" in done.stderr
    assert not (tmp_path / "out").exists()
