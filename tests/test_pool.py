from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.errors import CftDataError
from cftdata.pool import N_CHARS, cut_batches, run_batches
from cftdata.tables import RawRow


def test_batches_end_at_so_many_rows_or_characters() -> None:
    long = RawRow(0, "f", {"text": ["a" * (N_CHARS // 2)], "n": 1})
    rows = [RawRow(0, "f", {"text": "a"})] * 5 + [RawRow(0, "f", None)] * 2 + [long] * 4
    assert [len(batch) for batch in cut_batches(rows, n_rows=4)] == [4, 4, 3]
    assert [len(batch) for batch in cut_batches([long] * 7)] == [3, 3, 1]
    assert list(cut_batches([])) == []


@given(st.lists(st.lists(st.integers(), max_size=3), max_size=8))
def test_in_this_process_the_results_come_in_order(batches: list[list[int]]) -> None:
    assert list(run_batches(sum, batches, n_processes=1)) == list(map(sum, batches))


def slow_first(batch: list[int]) -> tuple[int, int]:
    time.sleep(0.2 if batch[0] == 0 else 0)
    return batch[0], os.getpid()


def test_from_several_processes_the_results_come_in_order() -> None:
    before = set(multiprocessing.active_children())
    results = list(run_batches(slow_first, [[n] for n in range(9)], n_processes=2))
    assert [n for n, _ in results] == list(range(9))
    assert len({pid for _, pid in results} - {os.getpid()}) == 2
    assert set(multiprocessing.active_children()) <= before


def test_a_bounded_number_of_batches_is_under_way() -> None:
    before = set(multiprocessing.active_children())
    taken: list[int] = []

    def batches() -> Iterator[list[int]]:
        for n in range(100):
            taken.append(n)
            yield [n]

    with closing(run_batches(slow_first, batches(), n_processes=2)) as results:
        next(results)
        assert len(taken) <= 5
    assert set(multiprocessing.active_children()) <= before


def die(batch: list[int]) -> int:
    os._exit(batch[0])


def break_down(batch: list[int]) -> int:
    raise ValueError(str(batch[0]))


def test_a_process_that_dies_is_a_fault_of_the_run() -> None:
    before = set(multiprocessing.active_children())
    with pytest.raises(CftDataError, match=r"a process died.*--processes 1"):
        list(run_batches(die, [[1]] * 4, n_processes=2))
    assert set(multiprocessing.active_children()) <= before


def test_an_exception_comes_through() -> None:
    with pytest.raises(ValueError, match="7"):
        list(run_batches(break_down, [[7]] * 4, n_processes=2))


PARENT = """
import os, time
from cftdata.pool import run_batches
def work(batch):
    os.write(1, b"%d\\n" % os.getpid())  # in one piece: two processes write to the same pipe
    time.sleep(0.1)
for _ in run_batches(work, [[n] for n in range(1000)], n_processes=2):
    pass
"""


def test_workers_end_when_their_parent_is_killed() -> None:
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    workers = {int(process.stdout.readline()) for _ in range(6)}
    process.kill()
    # The pipe ends when the last worker, which holds its other end, is gone.
    process.communicate(timeout=30)
    assert len(workers) == 2
