"""An audit on a cluster: rows a second, memory, bytes, kills: `python tests/bench/bench_scale.py`.

Rows by the project's generator, every text another, all verifiers. A cluster of one-core nodes on this
machine. Rates count from the first stretch that is done to the last, so that no start is in them; the ratios
are of one run. Every audit has a process of its own, so that its memory is no other's.

    python tests/bench/bench_scale.py --rows 100000                     # one machine, one node, two nodes
    python tests/bench/bench_scale.py --rows 1000000 --only two one     # two nodes, then one
    python tests/bench/bench_scale.py --rows 20000 --kills 5            # a node is killed at random moments

Prints Markdown; exit 1 where figures or rows differ. Not covered: networks between machines, object stores.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT.parent), str(ROOT)])  # for the nodes

from many_rows import write_many  # noqa: E402

from cftdata.audit import audit  # noqa: E402
from cftdata.engine import Engine, Job, Part, Source  # noqa: E402
from cftdata.figures import AuditReport  # noqa: E402
from cftdata.local_engine import Local  # noqa: E402
from cftdata.scale import OnRay  # noqa: E402
from cftdata.scale.on_ray import connect  # noqa: E402
from cftdata.tables import RawRow  # noqa: E402

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


@dataclass
class Timed:
    """An engine, and how long each of its stages took."""

    engine: Engine
    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)

    @property
    def n_retries(self) -> int:
        """Of the engine."""
        return self.engine.n_retries

    def read_first(self, source: Source) -> list[RawRow]:
        """As the engine does."""
        return self.engine.read_first(source)

    def open(self, out: str | Path | None) -> AbstractContextManager[Path]:
        """As the engine does."""
        return self.engine.open(out)

    def fold(self, job: Job[Any, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """As the engine does, timed; then the files of the work are measured."""
        began = time.monotonic()
        done = list(self.engine.fold(job, folder))
        self.seconds["audit"] = time.monotonic() - began
        for path in folder.rglob("*"):
            if path.is_file():
                kind = "samples" if "samples" in str(path) else path.name.partition("-")[0].partition(".")[0]
                self.bytes[kind] = self.bytes.get(kind, 0) + path.stat().st_size
        return iter(done)

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """As the engine does, timed: the first is counting, the second marks what rests on a suspicion."""
        began = time.monotonic()
        yield from self.engine.map(work, items)
        self.seconds["mark" if "count" in self.seconds else "count"] = time.monotonic() - began


class Kill(NamedTuple):
    """When a node is killed, and which."""

    after_s: float
    place: int


class Run(NamedTuple):
    """One audit that is asked for: without nodes, without a cluster."""

    name: str
    source: Path
    out: Path
    n_nodes: int
    n_rows_of_part: int
    kill: Kill | None = None


class Outcome(NamedTuple):
    """What one audit took, and what came of it."""

    name: str
    report: AuditReport
    digest: str
    rows_per_s: float
    peak_mb: dict[str, float]
    stages_s: dict[str, float]
    n_bytes: dict[str, int]


class Clock:
    """Takes the progress, and gives the rate between its first and its last report."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, int]] = []

    def __call__(self, n_rows: int) -> None:
        """Notes that so many rows are done."""
        self.marks.append((time.monotonic(), n_rows))

    @property
    def rows_per_s(self) -> float:
        """0 where there is no time between them."""
        (first_s, first), (last_s, last) = self.marks[0], self.marks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


class Memory(threading.Thread):
    """Looks again and again at the most memory that processes of this run have held."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb: dict[str, float] = {}
        self._end = threading.Event()

    def run(self) -> None:
        """Until it is stopped."""
        while not self._end.wait(1):
            for process in Path("/proc").glob("[0-9]*"):
                self._look(process)

    def stop(self) -> dict[str, float]:
        """Peaks by kind of process, in MB."""
        self._end.set()
        self.join()
        return self.peak_mb

    def _look(self, process: Path) -> None:
        try:
            name = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            status = (process / "status").read_text()
        except OSError:
            return
        kind = ("driver" if process.name == str(os.getpid()) else "worker" if name.startswith("ray::Map") else
                "rows" if "multiprocessing" in name and "spawn" in name else None)
        peak = next((line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")), None)
        if kind and peak:
            self.peak_mb[kind] = max(self.peak_mb.get(kind, 0), int(peak) / 1024)


def do_apart(work: Callable[[S], T], item: S) -> T:
    """The work, in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, item).result()


def measure(run: Run) -> Outcome:
    """One audit, in a process of its own."""
    done = do_apart(audited, run)
    print(f"{run.name}: {done.report.seconds:.1f} s, {done.digest}", file=sys.stderr, flush=True)
    return done


def audited(run: Run) -> Outcome:
    """One audit, in this process."""
    clock, memory = Clock(), Memory()
    with nodes(run.n_nodes, run.kill) if run.n_nodes else nullcontext():
        timed = Timed(OnRay(clock, n_rows_of_part=run.n_rows_of_part) if run.n_nodes else Local(1, clock))
        memory.start()
        report = audit(run.source, out=run.out, engine=timed)
    peak_mb = memory.stop()
    return Outcome(run.name, report, digest(run.out, report), clock.rows_per_s, peak_mb,
                   timed.seconds, timed.bytes)


def digest(out: Path, report: AuditReport) -> str:
    """Over all rows, all findings and the report's figures; some rows are in memory at a time."""
    import pyarrow.dataset as ds

    batches = (batch for table in ("samples.parquet", "findings.parquet")
               for batch in ds.dataset(out / table).to_batches(batch_size=1000))
    rows = (row for batch in batches for row in batch.to_pylist())
    return hash_rows(rows, report.model_dump_json(exclude={"seconds", "n_retries"}))


def hash_rows(rows: Iterable[dict[str, Any]], said: str) -> str:
    """Over the rows, whatever their order, and what is said of them."""
    total = 0
    for row in rows:
        line = json.dumps(row, sort_keys=True, default=str).encode()
        total += int.from_bytes(hashlib.sha256(line).digest()[:16], "big")
    return hashlib.sha256(f"{said}{total}".encode()).hexdigest()[:16]


@contextmanager
def nodes(n: int, kill: Kill | None = None) -> Iterator[None]:
    """A cluster of so many one-core nodes, one of which is killed where that is asked for."""
    from ray.cluster_utils import Cluster

    soon = {"health_check_initial_delay_ms": 500, "health_check_period_ms": 500,
            "health_check_timeout_ms": 500, "health_check_failure_threshold": 3}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": soon})
    added = [cluster.add_node(num_cpus=1) for _ in range(n)]
    after_s, place = kill or (0, 0)
    killer = threading.Timer(after_s, cluster.remove_node, [added[place]], {"allow_graceful": False})
    try:
        with connect(cluster.address):
            if kill:
                killer.start()
            yield
    finally:
        killer.cancel()
        cluster.shutdown()


def compare(source: Path, folder: Path, only: list[str], n_rows_of_part: int) -> list[Outcome]:
    """One process, one node, two nodes: those that are asked for, in that order."""
    known = {"local": ("one process, no cluster", 0), "one": ("1 node", 1), "two": ("2 nodes", 2)}
    return [measure(Run(known[one][0], source, folder / one, known[one][1], n_rows_of_part)) for one in only]


def kill(source: Path, folder: Path, n_kills: int, seed: int, n_rows_of_part: int) -> list[Outcome]:
    """Undisturbed, and with a node killed at so many random moments, each in a run of its own."""
    rng = random.Random(seed)
    done = [measure(Run("undisturbed", source, folder / "kill-0", 2, n_rows_of_part))]
    for n in range(1, n_kills + 1):
        killed = Kill(rng.uniform(0.1, 0.9) * done[0].report.seconds, rng.randrange(3))
        name, out = f"a node killed after {killed.after_s:.1f} s", folder / f"kill-{n}"
        done.append(measure(Run(name, source, out, 3, n_rows_of_part, killed)))
    return done


def show(done: list[Outcome], n_rows: int, source: Path) -> bool:
    """The figures as Markdown; whether all are of the same rows and figures."""
    print(f"{n_rows:,} rows, {source.stat().st_size / n_rows:,.0f} bytes a row\n")
    print("| run | rows/s | seconds | audit | count | mark | begun again | peak MB | digest |")
    print("|---|---|---|---|---|---|---|---|---|")
    for one in done:
        stages = " | ".join(f"{one.stages_s.get(name, 0):.1f}" for name in ("audit", "count", "mark"))
        peak = ", ".join(f"{kind} {mb:.0f}" for kind, mb in sorted(one.peak_mb.items()))
        print(f"| {one.name} | {one.rows_per_s:.0f} | {one.report.seconds:.1f} | {stages} | "
              f"{one.report.n_retries} | {peak} | {one.digest} |")
    sizes = done[-1].n_bytes.items()
    print("\nbytes a row: " + ", ".join(f"{kind} {n / n_rows:.0f}" for kind, n in sizes))
    for base, other in pairwise(done):
        if "killed" not in other.name and base.rows_per_s:
            print(f"- {other.name} : {base.name} = {other.rows_per_s / base.rows_per_s:.2f} (rows/s)")
    is_same = len({one.digest for one in done}) == 1
    print(f"\nsame rows and figures: {'yes' if is_same else 'NO'}", flush=True)
    return is_same


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--source", type=Path, help="rows that are there already")
    parser.add_argument("--only", nargs="+", choices=["local", "one", "two"],
                        default=["local", "one", "two"])
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", type=int, default=0, help="rows of a stretch; a twentieth when not given")
    asked = parser.parse_args()
    n_rows_of_part = asked.part or min(20_000, max(500, asked.rows // 20))
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        source = asked.source or write_many(Path(name) / "set.jsonl", asked.rows)
        done = (kill(source, Path(name), asked.kills, asked.seed, n_rows_of_part) if asked.kills else
                compare(source, Path(name), asked.only, n_rows_of_part))
        sys.exit(0 if show(done, asked.rows, source) else 1)


if __name__ == "__main__":
    main()
