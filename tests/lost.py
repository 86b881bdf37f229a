"""Workers that are lost while a run is at its work.

    >>> killer = kill_a_worker(out / "work" / "done", n_done=2)                         # doctest: +SKIP

Not covered: nodes and drivers (see the tests).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from pathlib import Path

__all__ = ["kill_a_worker", "wait_for"]


def kill_a_worker(done: Path, n_done: int) -> threading.Thread:
    """Kills a worker of the cluster when so many stretches are done."""
    def kill() -> None:
        wait_for(done, n_done)
        time.sleep(0.2)     # then it is in the middle of the next
        found = subprocess.run(["pgrep", "-f", "ray::Map"], capture_output=True, text=True, check=False)
        for pid in found.stdout.split()[:1]:
            os.kill(int(pid), signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


def wait_for(done: Path, n_done: int) -> None:
    """Returns when so many stretches are done."""
    end = time.monotonic() + 60
    while not (done.exists() and len(list(done.iterdir())) >= n_done):
        assert time.monotonic() < end
        time.sleep(0.02)
