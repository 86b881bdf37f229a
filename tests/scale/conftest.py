"""A cluster on this machine, of a driver without cores and nodes of one core each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cftdata.scale.on_ray import connect


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two one-core nodes, connected."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        made.add_node(num_cpus=1)
    try:
        with connect(made.address):
            yield made
    finally:
        made.shutdown()
