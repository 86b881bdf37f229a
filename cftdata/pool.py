"""Work on a stream of rows in several processes, in order, with bounded memory.

    >>> list(run_batches(sum, [[1, 2], [3]], n_processes=1))
    [3, 3]

Not covered: several machines (the function and the batches can be pickled, so a cluster can do the same).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from multiprocessing.synchronize import Event
from typing import TypeVar

from cftdata.errors import CftDataError
from cftdata.tables import RawRow
from cftdata.worker import end_with_parent, may_fork

__all__ = ["count_processes", "cut_batches", "look_ahead", "run_batches"]

N_ROWS = 100
N_CHARS = 8_000_000
"""A batch ends at so many rows or characters, whichever comes first."""
N_IN_PROCESS = 2
"""So many batches are done here: starting processes would take longer."""

T = TypeVar("T")
S = TypeVar("S")


def cut_batches(rows: Iterable[RawRow], n_rows: int = N_ROWS) -> Iterator[list[RawRow]]:
    """The rows in lists of at most n_rows, less where they are long."""
    batch: list[RawRow] = []
    n_chars = 0
    for row in rows:
        batch.append(row)
        n_chars += _count_chars(row.columns)
        if len(batch) == n_rows or n_chars > N_CHARS:
            yield batch
            batch, n_chars = [], 0
    if batch:
        yield batch


def _count_chars(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):     # to ask every number whether it is a `Mapping` takes as long as all else
        return sum(map(_count_chars, value.values()))
    return sum(map(_count_chars, value)) if isinstance(value, list | tuple) else 0


def count_processes() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def look_ahead(batches: Iterable[S]) -> tuple[bool, Iterable[S]]:
    """Whether they are so few that processes do not pay, and all of them."""
    iterator = iter(batches)
    head = list(islice(iterator, N_IN_PROCESS + 1))
    return len(head) <= N_IN_PROCESS, chain(head, iterator)


def run_batches(work: Callable[[S], T], batches: Iterable[S],
                n_processes: int | None = None) -> Generator[T, None, None]:
    """work(batch) for each batch, in order; at most two batches a process are under way.

    n_processes None takes all cores; with 1, or no more than two batches, all is done in this process. Close
    the generator to stop early. Raises CftDataError when a process dies.
    """
    n = n_processes or count_processes()
    is_short, batches = look_ahead(batches)
    if n == 1 or is_short:
        yield from map(work, batches)
        return
    context = multiprocessing.get_context("fork" if may_fork() else "spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(n, mp_context=context, initializer=_start_worker, initargs=(stop,))
    try:
        yield from _keep_busy(pool, partial(_work, work), batches, 2 * n)
    except BrokenProcessPool as fault:
        raise CftDataError("a process died, most likely for want of memory; try --processes 1") from fault
    finally:
        stop.set()  # after an interrupt, or when the caller stops, what is under way is of no use
        pool.shutdown(wait=True, cancel_futures=True)


def _keep_busy(pool: ProcessPoolExecutor, work: Callable[[S], T], batches: Iterable[S],
               n_under_way: int) -> Iterator[T]:
    pending: deque[Future[T]] = deque()
    for batch in batches:
        pending.append(pool.submit(work, batch))
        if len(pending) == n_under_way:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


def _work(work: Callable[[S], T], batch: S) -> T:
    """In a worker: the batch's work, unless the run has been stopped."""
    if _stopped is not None and _stopped.is_set():
        raise CancelledError
    return work(batch)


_stopped: Event | None = None
"""In a worker: whether the run has been stopped."""


def _start_worker(stopped: Event) -> None:
    """A worker is never ended from outside: killed in the middle of an answer, it would leave the pool
    waiting for the rest of it. An interrupt is the parent's to hear; it tells the workers."""
    global _stopped  # noqa: PLW0603
    _stopped = stopped
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
