"""Two nodes do much more than one does, where the work is waiting and the machine has room for both.

The wait is long beside what a stretch costs the driver: with half of it two nodes do 1.5 times as much here.
How much more it is with real work, on a quiet machine, is measured by `bench_scale.py` (`scale.md`).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from hostile import Hostile
from small_audit import write_rows

from cftdata.audit import audit
from cftdata.scale import OnRay

pytestmark = pytest.mark.scale


def count_rows_per_s(source: Path, out: Path) -> float:
    """Of an audit on the cluster as it is, once every worker has started."""
    seen = list[tuple[float, int]]()
    # rows are short here: a stretch of 20 has some 80
    engine = OnRay(lambda n: seen.append((time.monotonic(), n)), n_rows_of_part=20)
    audit(source, out=out, engine=Hostile(engine, pause_s=0.8))
    (first_s, first), (last_s, last) = seen[2], seen[-1]
    return (last - first) / (last_s - first_s)


def test_two_nodes_do_much_more_than_one(cluster: Any, tmp_path: Path) -> None:
    source = write_rows(tmp_path / "set.jsonl", 880)
    two = count_rows_per_s(source, tmp_path / "two")
    cluster.remove_node(next(iter(cluster.worker_nodes)))
    try:
        one = count_rows_per_s(source, tmp_path / "one")
    finally:
        cluster.add_node(num_cpus=1)
    assert two / one >= 1.7, (one, two)
