"""Rows that kill, hang or fill the process that works on them, by what their query says.

    >>> meet([RawRow(0, "set.jsonl", {"query": "2+2?"})])

Not covered: rows that do so while they are read from disk.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cftdata.engine import Engine, Job, Part, Source
from cftdata.tables import RawRow

__all__ = ["Hostile", "meet"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


def meet(rows: Iterable[RawRow], pause_s: float = 0) -> None:
    """What the rows do to a process that looks at them."""
    time.sleep(pause_s)
    for row in rows:
        query = str((row.columns or {}).get("query"))
        if "KILL" in query:
            os.kill(os.getpid(), signal.SIGKILL)
        elif "HANG" in query:
            time.sleep(3600)
        elif "FILL" in query:
            bytearray(64 * 2**30)       # as a bomb would, in one go: the limit of the process ends it


def meet_and_work(pause_s: float, work: Callable[[list[RawRow]], T], rows: list[RawRow]) -> T:
    """The work, after the rows have done what they do."""
    meet(rows, pause_s)
    return work(rows)


class Hostile:
    """An engine under which rows are hostile; pause_s: of every batch, to leave time for a kill."""

    def __init__(self, engine: Engine, pause_s: float = 0) -> None:
        self._engine = engine
        self._pause_s = pause_s

    @property
    def n_retries(self) -> int:
        """Of the engine."""
        return self._engine.n_retries

    def read_first(self, source: Source) -> list[RawRow]:
        """As the engine does."""
        return self._engine.read_first(source)

    def open(self, out: str | Path | None) -> AbstractContextManager[Path]:
        """As the engine does."""
        return self._engine.open(out)

    def fold(self, job: Job[Any, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """As the engine does, with hostile rows."""
        work = partial(meet_and_work, self._pause_s, job.work)
        return self._engine.fold(replace(job, work=work), folder)

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """As the engine does."""
        return self._engine.map(work, items)
