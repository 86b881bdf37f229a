"""An engine in this process that cuts a source as a cluster does: into many stretches, each with files of its
own.

    >>> list(Cut(2).map(len, ["a", "bc"]))
    [1, 2]

Not covered: what a cluster does besides (workers, faults, going on).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

from cftdata.engine import Job, Part
from cftdata.local_engine import Local
from cftdata.paths import remove
from cftdata.tables import read_rows

__all__ = ["Cut"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


class Cut(Local):
    """n_rows: of each stretch."""

    def __init__(self, n_rows: int) -> None:
        super().__init__(1)
        self.n_rows = n_rows
        self.n_parts: list[int] = []
        """Of each fold."""

    @contextmanager
    def open(self, out: str | Path | None) -> Iterator[Path]:
        """The folder itself."""
        folder = Path(str(out))
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        remove(folder / "work")

    def fold(self, job: Job[T, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """Every stretch by itself."""
        rows = read_rows(job.source.name, split=job.source.split, revision=job.source.revision)
        self.n_parts.append(0)
        for n, some in enumerate(_batched(rows, self.n_rows)):
            self.n_parts[-1] += 1
            part = Part(folder, f"part-{n:05}")
            part.table("samples.parquet").parent.mkdir(parents=True, exist_ok=True)
            yield part, job.keep(part, map(job.work, _batched(some, 50)))

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """One by one."""
        yield from map(work, items)


def _batched(items: Iterable[S], n: int) -> Iterator[list[S]]:
    pending = iter(items)
    while some := list(islice(pending, n)):
        yield some
