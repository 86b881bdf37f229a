"""The killable worker: results, limits, deaths, and life after them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor

import pytest

from cftdata.worker import TimeLimitError, WorkerDiedError, run_killable, start

BEYOND_S = 0.25


def test_a_result() -> None:
    assert run_killable(divmod, 7, 2, timeout_s=5.0) == (3, 1)


def test_each_limit_holds_also_right_after_a_kill() -> None:
    start()
    for _ in range(4):
        started = time.monotonic()
        with pytest.raises(TimeLimitError):
            run_killable(time.sleep, 60, timeout_s=0.3)
        assert time.monotonic() - started <= 0.3 + BEYOND_S


def test_the_call_after_a_kill_is_no_crash() -> None:
    for n in range(5):
        with pytest.raises(TimeLimitError):
            run_killable(time.sleep, 60, timeout_s=0.05)
        assert run_killable(abs, -n, timeout_s=5.0) == n


def test_work_that_heeds_no_signal_is_killed_at_once() -> None:
    first = run_killable(os.getpid, timeout_s=5.0)
    with pytest.raises(TimeLimitError):
        run_killable(pow, 7, 10**9, timeout_s=0.2)  # one step of the interpreter
    assert run_killable(os.getpid, timeout_s=2.5) != first  # pebble alone would wait for 3 s


def test_a_death_is_told_from_a_result() -> None:
    with pytest.raises(WorkerDiedError, match="ProcessExpired"):
        run_killable(os._exit, 1, timeout_s=5.0)
    with pytest.raises(WorkerDiedError, match="ZeroDivisionError"):
        run_killable(divmod, 1, 0, timeout_s=5.0)


def test_a_death_between_two_calls_is_not_held_against_the_next() -> None:
    for n in range(3):
        os.kill(run_killable(os.getpid, timeout_s=5.0), signal.SIGKILL)
        time.sleep(0.15 * n)  # before pebble sees it, and after
        assert run_killable(abs, -1, timeout_s=5.0) == 1


def test_memory_is_bounded() -> None:
    with pytest.raises(WorkerDiedError, match="MemoryError"):
        run_killable(bytearray, 2**33, timeout_s=5.0)
    assert run_killable(abs, -1, timeout_s=5.0) == 1


def test_waiting_for_a_turn_counts() -> None:
    start()
    other = threading.Thread(target=run_killable, args=(time.sleep, 0.8), kwargs={"timeout_s": 5.0})
    other.start()
    time.sleep(0.1)
    started = time.monotonic()
    with pytest.raises(TimeLimitError, match="busy"):
        run_killable(abs, -1, timeout_s=0.2)
    assert time.monotonic() - started <= 0.2 + BEYOND_S
    other.join()


ORPHAN = """
import os, time
from cftdata.worker import run_killable
print(run_killable(os.getpid, timeout_s=5.0), flush=True)
run_killable(time.sleep, 600, timeout_s=600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a worker shares its parent's pipe where it is forked")
def test_a_busy_worker_ends_when_its_parent_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert int(process.stdout.readline())
    process.kill()
    process.communicate(timeout=30)  # the pipe ends when the worker, which holds its other end, is gone


def _worker_pid() -> int:
    return run_killable(os.getpid, timeout_s=5.0)


@pytest.mark.skipif(sys.platform != "linux", reason="fork")
def test_a_forked_child_has_a_worker_of_its_own_and_ends() -> None:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool:
        assert pool.submit(_worker_pid).result(timeout=60) != _worker_pid()
