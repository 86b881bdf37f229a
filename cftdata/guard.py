"""A guard: work on rows in processes beside, so that a row that kills one or hangs it harms no other.

Batches go to the processes, several ahead. One that does not come back, because its process died or ran past
the limit, is done again row by row; a row that does it by itself is given up, and what the job has `instead`
of it takes its place.

    >>> guard = Guard(job)                                                          # doctest: +SKIP
    >>> kept = job.keep(part, chain.from_iterable(guard.run(batches)))              # doctest: +SKIP

Not covered: a machine that is lost, which the cluster sees.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import uuid
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as LimitError
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from cftdata.engine import Job, Spoilt
from cftdata.errors import CftDataError
from cftdata.tables import RawRow
from cftdata.worker import count_bytes, end_with_parent, may_fork

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["Guard", "Patience"]

T = TypeVar("T")

START_LIMIT_S = 300
N_AHEAD = 2
"""So many batches a process are under way."""
MEMORY_LIMIT_BYTES = 6 * 2**30
"""Of address space, beside what a process is born with: a bomb meets this, and not the machine's end."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long work is waited for, in seconds."""

    batch_s: float = 300
    """For a batch of up to 100 rows; after that its rows go one by one."""
    row_s: float = 60
    """For a row by itself; after that it is given up."""


def _draw() -> str:
    return uuid.uuid4().hex


@dataclass
class Guard(Generic[T]):
    """The processes of a job; `close` ends them."""

    job: Job[T, Any]
    patience: Patience = field(default_factory=Patience)
    n_processes: int = 1
    _pool: ProcessPool | None = None
    _token: str = field(default_factory=_draw)

    def take(self, job: Job[T, Any], patience: Patience) -> None:
        """Another job, after the batches of the last one; a single process goes on with it."""
        from pebble import ProcessExpired

        self.job, self.patience, self._token = job, patience, _draw()
        if self._pool is None:
            return
        try:
            self._pool.schedule(_learn, args=(self._token, job.work, job.instead)).result(START_LIMIT_S)
        except (LimitError, ProcessExpired, RuntimeError, MemoryError):     # another one will be started
            self.close()

    def run(self, batches: Iterable[list[RawRow]]) -> Generator[list[T], None, None]:
        """What came of every batch, in order: one thing, or of one that broke, one of each row."""
        ahead: deque[tuple[list[RawRow], Future[T]]] = deque()
        try:
            for batch in batches:
                ahead.append((batch, self._send(self.job.work, batch, self.patience.batch_s)))
                if len(ahead) >= N_AHEAD * self.n_processes:
                    yield self._take(ahead)
            while ahead:
                yield self._take(ahead)
        finally:
            if ahead:       # nobody waits for them any more
                self.close()

    def close(self) -> None:
        """Ends the processes."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]
            self._pool.join()
            self._pool = None

    def _take(self, ahead: deque[tuple[list[RawRow], Future[T]]]) -> list[T]:
        batch, future = ahead.popleft()
        came, _ = self._wait(future)
        if came:
            return came
        rows = [self._do_row(row) for row in batch]
        waiting = list(ahead)     # the processes that they were sent to are gone
        ahead.clear()
        ahead.extend((one, sent if _is_done(sent) else self._send(self.job.work, one, self.patience.batch_s))
                     for one, sent in waiting)
        return rows

    def _do_row(self, row: RawRow) -> T:
        came, spoilt = self._wait(self._send(self.job.work, [row], self.patience.row_s))
        if came:
            return came[0]
        came, _ = self._wait(self._send(self.job.instead, row, self.patience.row_s, spoilt, True))
        return came[0] if came else self.job.instead(row, spoilt, False)

    def _wait(self, future: Future[T]) -> tuple[list[T], Spoilt]:
        """What came, if anything, else why not; the processes are gone then.

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
            self._pool = _start(self.job, self._token, self.n_processes)
        name = "work" if function is self.job.work else "instead"
        try:
            return self._pool.schedule(_do, args=(self._token, name, rows, *more), timeout=timeout_s)
        except RuntimeError:    # the pool has seen that its process is dead
            self.close()
            return self._send(function, rows, timeout_s, *more)


def _is_done(future: Future[Any]) -> bool:
    return future.done() and not future.cancelled() and future.exception() is None


def _start(job: Job[Any, Any], token: str, n_processes: int) -> ProcessPool:
    """Raises CftDataError where not one process starts."""
    from pebble import ProcessExpired, ProcessPool

    context = multiprocessing.get_context("fork" if may_fork() else "spawn")
    pool = ProcessPool(max_workers=n_processes, initializer=_begin,
                       initargs=(os.getpid(), token, job.work, job.instead), context=context)
    try:
        pool.schedule(os.getpid).result(timeout=START_LIMIT_S)
    except (LimitError, ProcessExpired, BrokenProcessPool) as fault:    # no row's fault
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()
        raise CftDataError("no process can be started beside this one; a script needs `if __name__ == "
                           '"__main__":` around what it does, and there must be memory for it') from fault
    return pool


_functions: dict[str, Callable[..., Any]] = {}
"""In a process: what it does, by the token of the job and what of it."""


def _learn(token: str, work: Callable[..., Any], instead: Callable[..., Any]) -> None:
    _functions.clear()
    _functions.update({f"{token} work": work, f"{token} instead": instead})


def _begin(parent: int, token: str, work: Callable[..., Any], instead: Callable[..., Any]) -> None:
    import resource

    _learn(token, work, instead)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, args=(parent,), daemon=True).start()
    limit_bytes = count_bytes() + MEMORY_LIMIT_BYTES
    with suppress(ValueError, OSError):     # where less is allowed, that holds
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _do(token: str, name: str, *args: Any) -> Any:
    function = _functions.get(f"{token} {name}")
    if function is None:    # this process knows an earlier job: the guard starts another one
        os._exit(1)
    return function(*args)
