"""The engine that has this machine: processes beside, one stretch, files that come into place together.

    >>> list(Local(n_processes=1).map(sum, [[1, 2], [3]]))
    [3, 3]

A row that kills its process or hangs it harms no other (`guard`), but where all is done in this process: with
n_processes=1, and of no more than two batches.
Not covered: several machines (`scale.OnRay`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import TypeVar

from cftdata.engine import Job, Part, Source
from cftdata.guard import Guard, Patience
from cftdata.parquet import open_output, writing
from cftdata.paths import is_remote, open_path, remove
from cftdata.pool import count_processes, cut_batches, look_ahead, run_batches
from cftdata.stored import read_stored
from cftdata.tables import RawRow, read_rows

__all__ = ["Local"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")


class Local:
    """Processes of this machine; the source is one stretch, kept in this process.

    n_processes: None takes all cores. progress: called with the number of rows done, again and again.
    patience: see `guard`.
    """

    n_retries = 0

    def __init__(self, n_processes: int | None = None,
                 progress: Callable[[int], None] | None = None,
                 patience: Patience | None = None) -> None:
        self._n_processes = n_processes
        self._patience = patience or Patience()
        self._progress = progress
        self._source: Source | None = None
        self._batches: Iterator[list[RawRow]] = iter(())

    def read_first(self, source: Source) -> list[RawRow]:
        """A batch, which `fold` does not read again."""
        batches = cut_batches(read_rows(source.name, split=source.split, revision=source.revision))
        first = next(batches, [])
        self._source, self._batches = source, chain([first] if first else [], batches)
        return first

    @contextmanager
    def open(self, out: str | Path | None) -> Iterator[Path]:
        """A hidden folder, whose files are moved into place together."""
        if out is None or is_remote(out):
            with tempfile.TemporaryDirectory(prefix="cftdata-") as name:
                yield Path(name)
                if out is not None:
                    shutil.rmtree(Path(name) / "work", ignore_errors=True)
                    _upload(Path(name), open_path(out))
            return
        with open_output(Path(out)) as folder:
            yield folder
            shutil.rmtree(folder / "work", ignore_errors=True)

    def fold(self, job: Job[T, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """Of the whole source."""
        if job.needs is not None:
            self._batches = cut_batches(read_stored(open_path(job.source.name), job.needs))
        elif self._source != job.source:
            self.read_first(job.source)
        self._source, batches = None, Counted(self._batches)
        part = Part(folder)
        with closing(self._run(job, batches)) as done:
            yield part, job.keep(part, self._tell(done, batches))

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """In several processes where there are more than two items. Raises CftDataError when one dies."""
        with closing(run_batches(work, items, self._n_processes)) as done:
            yield from done

    def _run(self, job: Job[T, R], batches: Iterable[list[RawRow]]) -> Generator[list[T], None, None]:
        """What came of each batch: one thing, or of one that a row broke, one of each row."""
        is_short, batches = look_ahead(batches)
        n_processes = self._n_processes or count_processes()
        if is_short or n_processes == 1:
            yield from ([job.work(batch)] for batch in batches)
            return
        guard = Guard(job, self._patience, n_processes)
        try:
            yield from guard.run(batches)
        finally:
            guard.close()

    def _tell(self, done: Iterable[list[T]], batches: Counted) -> Generator[T, None, None]:
        n_rows = 0
        for results in done:
            yield from results
            n_rows += batches.sizes.pop(0)
            if self._progress:
                self._progress(n_rows)


def _upload(folder: Path, out: Path) -> None:
    """Copies files to a store; reports go first and come last: where there is one, all is there."""
    paths = sorted(folder.iterdir(), key=lambda path: path.name.startswith("report."))
    with writing(out):
        for path in reversed(paths):    # a cluster may have left a folder of that name
            remove(out / path.name)
        for path in paths:
            with path.open("rb") as source, (out / path.name).open("wb") as target:
                shutil.copyfileobj(source, target)


class Counted:
    """Batches, and how many rows each had, in the order in which they were taken."""

    def __init__(self, batches: Iterable[list[RawRow]]) -> None:
        self._batches = batches
        self.sizes: list[int] = []

    def __iter__(self) -> Iterator[list[RawRow]]:
        for batch in self._batches:
            self.sizes.append(len(batch))
            yield batch
