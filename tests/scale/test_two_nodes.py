"""Two nodes do much more than one does, where the work is waiting and the machine has room for both.

How much more it is with real work, on a quiet machine, is measured by `bench_scale.py` (1.75 times).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray")

from small_audit import write_rows

pytestmark = pytest.mark.scale

RUN = """
import sys, time
from hostile import Hostile
from ray.cluster_utils import Cluster
from cftdata.audit import audit
from cftdata.scale import OnRay
from cftdata.scale.on_ray import connect
if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(int(sys.argv[1])):
        cluster.add_node(num_cpus=1)
    seen = []
    with connect(cluster.address):
        engine = OnRay(lambda n: seen.append((time.monotonic(), n)), n_rows_of_part=60)
        audit(sys.argv[2], out=sys.argv[3], engine=Hostile(engine, pause_s=0.4))
    (first_s, first), (last_s, last) = seen[2], seen[-1]     # by then every worker has started
    print((last - first) / (last_s - first_s))
    cluster.shutdown()
"""


def rows_per_s(n_nodes: int, source: Path, out: Path) -> float:
    """Of an audit whose every batch waits, on so many one-core nodes."""
    script = out.with_suffix(".py")
    script.write_text(RUN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script, str(n_nodes), source, out], env=environment,
                          capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def test_two_nodes_do_much_more_than_one(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "set.jsonl", 2_500)
    one, two = (rows_per_s(n, source, tmp_path / f"out-{n}") for n in (1, 2))
    assert two / one >= 1.7, (one, two)
