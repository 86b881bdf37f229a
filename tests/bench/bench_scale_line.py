"""Curating, exporting and building on a cluster: `python tests/bench/bench_scale_line.py`.

The rows of `bench_scale` are curated by the default policy and what is kept is exported; as many are built
with the symbolic critic, so that no provider is waited for. By one process, on one one-core node, on two,
each in a process of its own. Seconds are those of the whole command, with the start of the workers.

    python tests/bench/bench_scale_line.py --rows 10000                  # one machine, one node, two nodes
    python tests/bench/bench_scale_line.py --rows 100000 --only two      # two nodes
    python tests/bench/bench_scale_line.py --rows 5000 --kills 3         # a node is killed at random moments

Prints Markdown; exit 1 where rows or figures differ. Not covered: models that mend or write again.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from many_rows import N_RESPONSES, write_many

from bench.bench_scale import Kill, Memory, do_apart, hash_rows, nodes
from cftdata.builds import build
from cftdata.curate import curate
from cftdata.engine import Engine
from cftdata.export import export
from cftdata.local_engine import Local
from cftdata.recipe import Recipe
from cftdata.scale import OnRay

OF_THE_RUN = {"seconds", "n_retries", "mark", "source", "source_hash", "files"}
"""What a report says of the run and of where things lie."""


class Run(NamedTuple):
    """One step of the line that is asked for: by so many nodes, 0 is no cluster."""

    step: str
    source: Path
    out: Path
    n_nodes: int
    n_rows: int
    kill: Kill | None = None


class Outcome(NamedTuple):
    """What it took, and what came of it."""

    seconds: float
    n_retries: int
    digest: str
    peak_mb: dict[str, float]


def curated(run: Run, engine: Engine) -> Any:
    """The source, curated."""
    return curate(run.source, out=run.out, engine=engine)


def exported(run: Run, engine: Engine) -> Any:
    """A folder that curating left, exported."""
    return export(run.source, format="sft", out=run.out, engine=engine)


def built(run: Run, engine: Engine) -> Any:
    """About so many rows, by the generator and the symbolic critic."""
    recipe = {"id": "bench", "queries": {"source": "problems", "n": run.n_rows // N_RESPONSES},
              "responses": [{"kind": "noise", "n_per_query": N_RESPONSES}],
              "critics": [{"model": "symbolic"}]}
    return build(Recipe.model_validate(recipe), run.out, engine=engine)


KNOWN = {"local": (0, "one process, no cluster"), "one": (1, "1 node"), "two": (2, "2 nodes")}
STEPS: dict[str, Callable[[Run, Engine], Any]] = {"curate": curated, "export": exported, "build": built}


def take(run: Run) -> Outcome:
    """One step, in this process."""
    memory = Memory()
    n_rows_of_part = min(20_000, max(250, run.n_rows // 20))
    with nodes(run.n_nodes, run.kill) if run.n_nodes else nullcontext():
        engine = OnRay(n_rows_of_part=n_rows_of_part) if run.n_nodes else Local(1)
        memory.start()
        report = STEPS[run.step](run, engine)
    return Outcome(report.seconds, report.n_retries, digest(run.out, report), memory.stop())


def measure(run: Run) -> Outcome:
    """One step, in a process of its own."""
    done = do_apart(take, run)
    print(f"{run.out.name}: {done.seconds:.1f} s, {done.digest}", file=sys.stderr, flush=True)
    return done


def digest(out: Path, report: Any) -> str:
    """Over the rows of every table, whatever the order of files, and the figures."""
    rows = (row | {"created": None, "file": None} for row in read_all(out))
    return hash_rows(rows, report.model_dump_json(exclude=OF_THE_RUN))


def read_all(out: Path) -> Iterator[dict[str, Any]]:
    """Every row of every table in the folder and below; some are in memory at a time."""
    import pyarrow.parquet as pq

    for path in out.rglob("*.*"):
        if path.is_file() and path.suffix == ".parquet":
            for batch in pq.ParquetFile(path).iter_batches(batch_size=1000):
                yield from batch.to_pylist()
        elif path.is_file() and path.suffix == ".jsonl":
            with path.open(encoding="utf-8") as lines:
                yield from map(json.loads, lines)


def compare(source: Path, folder: Path, n_rows: int, only: list[str]) -> bool:
    """Every step by one process, one node, two nodes, those asked for; whether each came to the same."""
    print(f"{n_rows:,} rows\n\n| step | run | seconds | rows/s | peak MB | digest |")
    print("|---|---|---|---|---|---|")
    digests = set[tuple[str, str]]()
    for n_nodes, name in (KNOWN[one] for one in only):
        for step in STEPS:
            given = folder / f"curate-{n_nodes}" if step == "export" else source
            done = measure(Run(step, given, folder / f"{step}-{n_nodes}", n_nodes, n_rows))
            peak = ", ".join(f"{kind} {mb:.0f}" for kind, mb in sorted(done.peak_mb.items()))
            print(f"| {step} | {name} | {done.seconds:.1f} | {n_rows / done.seconds:.0f} | {peak} | "
                  f"{done.digest} |", flush=True)
            digests.add((step, done.digest))
    return len(digests) == len(STEPS)


def kill(source: Path, folder: Path, n_rows: int, n_kills: int, seed: int) -> bool:
    """Curating and exporting with a node killed at random moments; whether it is as undisturbed."""
    rng = random.Random(seed)
    print("| step | killed after | seconds | begun again | digest |\n|---|---|---|---|---|")
    digests = set[tuple[str, str]]()
    for step, given in (("curate", source), ("export", folder / "curate-0")):
        usual_s = 0.0
        for n in range(n_kills + 1):
            killed = Kill(rng.uniform(0.1, 0.9) * usual_s, rng.randrange(3)) if n else None
            done = measure(Run(step, given, folder / f"{step}-{n}", 3 if n else 2, n_rows, killed))
            usual_s = usual_s or done.seconds
            print(f"| {step} | {f'{killed.after_s:.1f} s' if killed else 'not'} | {done.seconds:.1f} | "
                  f"{done.n_retries} | {done.digest} |", flush=True)
            digests.add((step, done.digest))
    return len(digests) == 2


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=5_000)
    parser.add_argument("--only", nargs="+", choices=list(KNOWN), default=list(KNOWN))
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-scale-line-") as name:
        folder = Path(name)
        source = write_many(folder / "set.jsonl", asked.rows)
        is_same = (kill(source, folder, asked.rows, asked.kills, asked.seed) if asked.kills else
                   compare(source, folder, asked.rows, asked.only))
    if asked.kills or len(asked.only) > 1:      # of one there is nothing to compare
        print(f"\nsame rows and figures: {'yes' if is_same else 'NO'}", flush=True)
    sys.exit(0 if is_same else 1)


if __name__ == "__main__":
    main()
