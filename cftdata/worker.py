"""One worker process for work that may hang or swallow memory, killed at its time limit.

Built on pebble, from any thread, without signals. Calls from several threads take turns. The limit bounds
the whole wait: for the turn, for a new worker after a kill (it starts in the background, at once) and for
the task. Only a process's first start (sympy's import, about a second) is extra. The worker's memory is
bounded, so that a bomb dies alone.

    >>> run_killable(divmod, 7, 2, timeout_s=2.0)
    (3, 1)

Not covered: several workers (one per process is enough: callers are spread over processes already).
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pebble import ProcessPool

__all__ = ["TimeLimitError", "WorkerDiedError", "may_fork", "run_killable", "start"]

T = TypeVar("T")

MEMORY_LIMIT_BYTES = 3 * 2**30
START_LIMIT_S = 60.0
N_TRIES = 3
"""So often is a task handed to a new worker because the last one had died before it began."""


class TimeLimitError(Exception):
    """The task ran past its limit and its process was killed, or no worker was free in time."""


class WorkerDiedError(Exception):
    """The task's process died, or the task raised, or no worker starts."""


@dataclass(frozen=True, slots=True)
class _Worker:
    """A pool of one process. After a kill or a death the whole pool is replaced: pebble may hand the next
    task to the process that dies, and then nobody runs it."""

    pool: ProcessPool
    pid: int


class _State:
    """What this process has of workers; a forked child forgets it."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.turn = threading.Lock()  # held by the call whose task runs
        self.beginning = threading.Lock()
        self.first: Future[_Worker] | None = None
        self.present: Future[_Worker] | None = None  # the one in use, or the one that starts


_state = _State()
if hasattr(os, "register_at_fork"):  # a child must not use its parent's worker, nor wait for its threads
    os.register_at_fork(after_in_child=_state.forget)


def run_killable(function: Callable[..., T], *args: Any, timeout_s: float) -> T:
    """The function's result from the worker; `TimeLimitError` or `WorkerDiedError` when there is none.

    Waits at most timeout_s seconds, the process's first start left out.
    """
    start()
    deadline = monotonic() + timeout_s
    if not _state.turn.acquire(timeout=max(0.0, timeout_s)):
        raise TimeLimitError(f"the worker was busy for {timeout_s} s")
    try:
        for _ in range(N_TRIES):
            with suppress(BrokenProcessPool):
                return _run(function, args, deadline)
    finally:
        _state.turn.release()
    raise WorkerDiedError(f"the worker died {N_TRIES} times before the task began")


def start() -> None:
    """Wait until the first worker of this process is, or was, ready."""
    with _state.beginning:
        if _state.first is None:
            Finalize(None, _stop, exitpriority=100)
            _state.first = _begin()
    wait([_state.first], timeout=START_LIMIT_S)  # run_killable says why there is none


def _run(function: Callable[..., T], args: tuple[Any, ...], deadline: float) -> T:
    """The result; `BrokenProcessPool` when the worker was dead before the task began."""
    worker = _ready(deadline)
    try:
        future = worker.pool.schedule(function, args=args)
    except RuntimeError as broken:  # the pool has seen that its worker is dead
        _begin(worker)
        raise BrokenProcessPool from broken
    wait([future], timeout=max(0.0, deadline - monotonic()))
    if not future.done():
        worker.pool.stop()  # type: ignore[no-untyped-call]
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)  # pebble would first ask it to end, for up to 3 s
        _begin(worker)
        raise TimeLimitError("no result in time")
    fault = future.exception()
    if fault is None:
        return future.result()
    if _is_fatal(fault):
        _begin(worker)
    if isinstance(fault, BrokenProcessPool):
        raise fault
    raise WorkerDiedError(f"{type(fault).__name__}: {fault}") from fault


def _is_fatal(fault: BaseException) -> bool:
    """Whether the worker is dead, or too full to be of use."""
    from pebble import ProcessExpired

    return isinstance(fault, ProcessExpired | BrokenProcessPool | MemoryError)


def _ready(deadline: float) -> _Worker:
    """The present worker, as soon as it has started."""
    starting = _state.present or _begin()
    wait([starting], timeout=max(0.0, deadline - monotonic()))
    if not starting.done():
        raise TimeLimitError("no worker was ready in time")
    fault = starting.exception()
    if fault is not None:
        _begin()
        raise WorkerDiedError(f"no worker starts: {type(fault).__name__}: {fault}") from fault
    return starting.result()


def _begin(old: _Worker | None = None) -> Future[_Worker]:
    """Start a worker in the background, and clear away the one it replaces."""
    starting: Future[_Worker] = Future()
    _state.present = starting
    threading.Thread(target=_replace, args=(old, starting), name="cftdata-worker-start").start()
    return starting


def _replace(old: _Worker | None, starting: Future[_Worker]) -> None:
    try:
        starting.set_result(_start_worker())
    except Exception as fault:
        starting.set_exception(fault)
    if old is not None:
        _clear(old)


def _start_worker() -> _Worker:
    from pebble import ProcessPool

    forks = may_fork()
    if forks:
        _import_prover()  # once, here: so every fork is warm, and a new worker takes some 30 ms
    context = multiprocessing.get_context("fork" if forks else "spawn")
    pool = ProcessPool(max_workers=1, initializer=_warm, context=context)
    try:
        return _Worker(pool, pool.schedule(os.getpid).result(timeout=START_LIMIT_S))
    except BaseException:
        pool.stop()  # type: ignore[no-untyped-call]
        pool.join()
        raise


def _import_prover() -> None:
    import latex2sympy2_extended  # noqa: F401

    import cftdata.answers.proof  # noqa: F401


def _warm() -> None:
    """Runs first in the worker: bounds what it may take beyond what it was born with."""
    import resource

    threading.Thread(target=end_with_parent, args=(os.getppid(),), daemon=True).start()
    _import_prover()
    limit_bytes = count_bytes() + MEMORY_LIMIT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def count_bytes() -> int:
    """Of this process's address space; 0 where the system does not tell."""
    import resource

    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def may_fork() -> bool:
    """Whether other processes may be forked from this one: that is quick, and needs no importable __main__.

    Elsewhere than on Linux it is unsafe; and where Ray's threads run, a forked process has their locks, of
    which some will never be free, and their connections, which outlive the parent's closing them.
    """
    ray = sys.modules.get("ray")
    return sys.platform == "linux" and not (ray is not None and ray.is_initialized())


def end_with_parent(parent: int) -> None:
    """Ends this process when its parent is gone: nobody is left to end its task at a limit."""
    while os.getppid() == parent:
        sleep(1)
    os._exit(1)


def _clear(worker: _Worker) -> None:
    worker.pool.stop()  # type: ignore[no-untyped-call]
    worker.pool.join()


def _stop() -> None:
    """At the end of this process."""
    present = _state.present
    if present is not None and present.done() and present.exception() is None:
        _clear(present.result())
