"""A cluster on this machine: a driver without cores, nodes of one core each; one for all tests."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cftdata.scale.on_ray import connect

SOON = {"health_check_initial_delay_ms": 1000, "health_check_period_ms": 1000,
        "health_check_timeout_ms": 2000, "health_check_failure_threshold": 4}
"""A node that is lost is missed in some seconds, not in half a minute; one that stalls is not."""


@pytest.fixture(scope="session")
def store_port() -> Iterator[int]:
    """Where a store in the way of S3 may be served; whatever starts after it finds it by its environment."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "of-a-test")
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield port


@pytest.fixture(scope="session")
def cluster(store_port: int) -> Iterator[Any]:
    """Two one-core nodes, connected."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))   # workers have to find what tests give them
        made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "_system_config": SOON})
        for _ in range(2):
            made.add_node(num_cpus=1)
        try:
            with connect(made.address):
                yield made
        finally:
            made.shutdown()
