"""The engine: where the work on rows is done. Nothing else in the package knows which one runs.

An engine does two things, both with functions that can be pickled and whose results do not hang on where
they run: it folds the rows of a source (batches of them through `work`, the results of a stretch of the
source through `keep`), and it maps a function over items. Results come in order.

    >>> list(Local(n_processes=1).map(sum, [[1, 2], [3]]))
    [3, 3]

Not covered: what the work is (`audit`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cftdata.pool import run_batches
from cftdata.tables import RawRow

__all__ = ["Engine", "Local"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


class Engine(Protocol):
    """What runs the work."""

    def fold(self, batches: Iterable[list[RawRow]], work: Callable[[list[RawRow]], T],
             keep: Callable[[Iterable[T]], R]) -> Iterator[R]:
        """keep(work(batch) for each batch) of every stretch of the source, in order."""

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """work(item) for each item, in order."""


@dataclass(frozen=True, slots=True)
class Local:
    """Processes of this machine; the source is one stretch, kept in this process."""

    n_processes: int | None = None
    """None takes all cores."""
    progress: Callable[[int], None] | None = None
    """Called with the number of rows done, again and again."""

    def fold(self, batches: Iterable[list[RawRow]], work: Callable[[list[RawRow]], T],
             keep: Callable[[Iterable[T]], R]) -> Iterator[R]:
        """Of the whole source. Raises CftDataError when a process dies."""
        n_rows = Counted(batches)
        with closing(run_batches(work, n_rows, self.n_processes)) as done:
            yield keep(self._tell(done, n_rows))

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """In several processes where there are more than two items."""
        with closing(run_batches(work, items, self.n_processes)) as done:
            yield from done

    def _tell(self, done: Iterable[T], batches: Counted) -> Generator[T, None, None]:
        n_rows = 0
        for result in done:
            yield result
            n_rows += batches.sizes.pop(0)
            if self.progress:
                self.progress(n_rows)


class Counted:
    """Batches, and how many rows each had, in the order in which they were taken."""

    def __init__(self, batches: Iterable[list[RawRow]]) -> None:
        self._batches = batches
        self.sizes: list[int] = []

    def __iter__(self) -> Iterator[list[RawRow]]:
        for batch in self._batches:
            self.sizes.append(len(batch))
            yield batch
