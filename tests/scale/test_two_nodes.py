"""Two nodes do much more than one does, where the work is waiting and the machine has room for both.

The second node comes to the same cluster, as it would where a cluster grows.

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

def rows_per_s(source, out):
    seen = []
    engine = OnRay(lambda n: seen.append((time.monotonic(), n)), n_rows_of_part=60)
    audit(source, out=out, engine=Hostile(engine, pause_s=0.4))
    (first_s, first), (last_s, last) = seen[2], seen[-1]     # by then every worker has started
    return (last - first) / (last_s - first_s)

if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    cluster.add_node(num_cpus=1)
    with connect(cluster.address):
        one = rows_per_s(sys.argv[1], f"{sys.argv[2]}/one")
        cluster.add_node(num_cpus=1)
        print(one, rows_per_s(sys.argv[1], f"{sys.argv[2]}/two"))
    cluster.shutdown()
"""


def test_two_nodes_do_much_more_than_one(tmp_path: Path) -> None:
    source, script = write_rows(tmp_path / "set.jsonl", 1_500), tmp_path / "run.py"
    script.write_text(RUN)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, script, source, tmp_path], env=environment,
                          capture_output=True, text=True, check=True)
    one, two = map(float, done.stdout.splitlines()[-1].split())
    assert two / one >= 1.7, (one, two)
