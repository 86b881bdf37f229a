"""A guard: work on rows in a process beside, so that a row that kills it or hangs it harms no other.

Batches go to the process, several ahead. One that does not come back, because the process died or ran past
the limit, is done again row by row; a row that does it by itself is given up, and what the job has `instead`
of it takes its place.

    >>> guard = Guard(job)                                      # doctest: +SKIP
    >>> shard = job.keep(part, guard.run(batches))              # doctest: +SKIP

Not covered: a machine that is lost, which the cluster sees.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LimitError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cftdata.engine import Job, Spoilt
from cftdata.tables import RawRow
from cftdata.worker import end_with_parent

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["Guard", "Patience"]

T = TypeVar("T")

N_AHEAD = 2
MEMORY_LIMIT_BYTES = 6 * 2**30
"""Of address space: a bomb meets this, and not the machine's end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long work is waited for, in seconds."""

    batch_s: float = 300
    """For a batch of up to 100 rows; after that its rows go one by one."""
    row_s: float = 60
    """For a row by itself; after that it is given up."""


@dataclass
class Guard(Generic[T]):
    """The process of one job; `close` ends it."""

    job: Job[T, Any]
    patience: Patience = field(default_factory=Patience)
    _pool: ProcessPool | None = None

    def run(self, batches: Iterable[list[RawRow]]) -> Iterator[T]:
        """What came of every batch, in order; of one that broke, of each row."""
        ahead: deque[tuple[list[RawRow], Future[T]]] = deque()
        for batch in batches:
            ahead.append((batch, self._send(self.job.work, batch, self.patience.batch_s)))
            if len(ahead) >= N_AHEAD:
                yield from self._take(ahead)
        while ahead:
            yield from self._take(ahead)

    def close(self) -> None:
        """Ends the process."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def _take(self, ahead: deque[tuple[list[RawRow], Future[T]]]) -> Iterator[T]:
        batch, future = ahead.popleft()
        came, _ = self._wait(future)
        if came:
            yield came[0]
            return
        for row in batch:
            yield self._do_row(row)
        waiting = [one for one, _ in ahead]     # the process that they were sent to is gone
        ahead.clear()
        ahead.extend((one, self._send(self.job.work, one, self.patience.batch_s)) for one in waiting)

    def _do_row(self, row: RawRow) -> T:
        came, spoilt = self._wait(self._send(self.job.work, [row], self.patience.row_s))
        if came:
            return came[0]
        came, _ = self._wait(self._send(self.job.instead, row, self.patience.row_s, spoilt, True))
        return came[0] if came else self.job.instead(row, spoilt, False)

    def _wait(self, future: Future[T]) -> tuple[list[T], Spoilt]:
        """What came, if anything, else why not; the process that failed is gone.

        What else `work` raises is no row's fault, and ends the run.
        """
        from pebble import ProcessExpired

        try:
            return [future.result()], "crashed"
        except LimitError:
            spoilt: Spoilt = "time_limit"
        except (ProcessExpired, BrokenProcessPool, MemoryError):
            spoilt = "crashed"
        self.close()
        return [], spoilt

    def _send(self, function: Callable[..., T], rows: Any, timeout_s: float, *more: Any) -> Future[T]:
        if self._pool is None:
            self._pool = _start(self.job)
        name = "work" if function is self.job.work else "instead"
        try:
            return self._pool.schedule(_do, args=(name, rows, *more), timeout=timeout_s)
        except RuntimeError:    # the pool has seen that its process is dead
            self.close()
            return self._send(function, rows, timeout_s, *more)


def _start(job: Job[Any, Any]) -> ProcessPool:
    from pebble import ProcessPool

    # spawned, since a process with a cluster's threads must not be forked
    return ProcessPool(max_workers=1, initializer=_begin, initargs=(job.work, job.instead, os.getpid()),
                       context=multiprocessing.get_context("spawn"))


_functions: dict[str, Callable[..., Any]] = {}
"""In the process: what it does."""


def _begin(work: Callable[..., Any], instead: Callable[..., Any], parent: int) -> None:
    import resource

    _functions.update(work=work, instead=instead)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    with suppress(ValueError, OSError):     # where less is allowed, that holds
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _do(name: str, *args: Any) -> Any:
    return _functions[name](*args)
