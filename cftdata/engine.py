"""The engine: where the work on rows is done. Nothing else in the package knows which one runs.

A `Job` says what is done to the rows of a source, by functions that can be pickled and whose results do not
hang on where they run: batches of rows go through `work`, and the results of a stretch of the source through
`keep`, which writes files and gives back what is known of the stretch. An engine does the job on as many
stretches as suits it (`fold`), and maps a function over items (`map`); both come in order.

    >>> list(Local(n_processes=1).map(sum, [[1, 2], [3]]))
    [3, 3]

`Local` has processes of this machine, and one stretch; `scale.OnRay` has a cluster, and many.
Not covered: what the work is (`audit`, `export`, `builds`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from cftdata.parquet import open_output, writing
from cftdata.paths import is_remote, open_path, remove
from cftdata.pool import cut_batches, run_batches
from cftdata.stored import read_stored
from cftdata.tables import RawRow, read_rows

__all__ = ["Engine", "Job", "Local", "Part", "Source", "Spoilt"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

Spoilt = Literal["crashed", "time_limit"]
"""Why a row could not be worked on: the process it was in died, or ran past its time."""


class Source(NamedTuple):
    """Rows to work on, as `tables.read_rows` takes them."""

    name: str
    split: str | None = None
    revision: str | None = None


class Part(NamedTuple):
    """Where the files of a stretch of the source lie: those handed over, and what is for the work alone."""

    folder: Path
    name: str = ""
    """Of one of many stretches; empty where there is but one."""

    def table(self, name: str) -> Path:
        """A file to be handed over: itself, or a part of the folder of that name, of the same kind."""
        return self.folder / name / f"{self.name}{Path(name).suffix}" if self.name else self.folder / name

    def work(self, name: str) -> Path:
        """A file that is gone when all is done."""
        return self.folder / "work" / self.name / name


@dataclass(frozen=True, slots=True)
class Job(Generic[T, R]):
    """What is done to the rows of a source. It can be pickled."""

    source: Source
    work: Callable[[list[RawRow]], T]
    """A pure function of some rows; it raises nothing for what is in them."""
    instead: Callable[[RawRow, Spoilt, bool], T]
    """What stands for a row that ended its process or ran past its time; with True it may be read once more,
    with False nothing of it may be looked at."""
    keep: Callable[[Part, Iterable[T]], R]
    """Writes what came of a stretch of the source, in order, and says what is known of it."""
    kept: type[R]
    """Type of that: a dataclass that pydantic can write as JSON and read again."""
    mark: str
    """A hash that changes with all that the result depends on, but for the source's bytes."""
    needs: tuple[str, ...] | None = None
    """Of a table of our own samples the heavy fields that the work looks at (see `stored`); whatever else is
    given of them changes nothing. None: any source, read as it is."""


class Engine(Protocol):
    """What runs the work."""

    def read_first(self, source: Source) -> list[RawRow]:
        """The first rows, to look at before the work begins."""

    def open(self, out: str | Path | None) -> AbstractContextManager[Path]:
        """A folder to work in; what is left in it at the end is what is handed over."""

    def fold(self, job: Job[T, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """The job done to every stretch of the source, in order."""

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """work(item) for each item, in order; it may be done twice."""

    @property
    def n_retries(self) -> int:
        """How often work was begun again because a process or a machine was lost."""


class Local:
    """Processes of this machine; the source is one stretch, kept in this process.

    n_processes: None takes all cores. progress: called with the number of rows done, again and again.
    """

    n_retries = 0

    def __init__(self, n_processes: int | None = None,
                 progress: Callable[[int], None] | None = None) -> None:
        self._n_processes = n_processes
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
        """Of the whole source. Raises CftDataError when a process dies."""
        if job.needs is not None:
            self._batches = cut_batches(read_stored(open_path(job.source.name), job.needs))
        elif self._source != job.source:
            self.read_first(job.source)
        self._source, batches = None, Counted(self._batches)
        part = Part(folder)
        with closing(run_batches(job.work, batches, self._n_processes)) as done:
            yield part, job.keep(part, self._tell(done, batches))

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """In several processes where there are more than two items."""
        with closing(run_batches(work, items, self._n_processes)) as done:
            yield from done

    def _tell(self, done: Iterable[T], batches: Counted) -> Generator[T, None, None]:
        n_rows = 0
        for result in done:
            yield result
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
