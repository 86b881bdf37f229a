"""The engine: where the work on rows is done. Nothing else in the package knows which one runs.

A `Job` says what is done to the rows of a source, by functions that can be pickled and whose results do not
hang on where they run: batches of rows go through `work`, and the results of a stretch of the source through
`keep`, which writes files and gives back what is known of the stretch. An engine does the job on as many
stretches as suits it (`fold`), and maps a function over items (`map`); both come in order.

    >>> Part(Path("audit"), "part-00001").table("samples.parquet").as_posix()
    'audit/samples.parquet/part-00001.parquet'

`local_engine.Local` has processes of this machine, and one stretch; `scale.OnRay` has a cluster, and many.
Not covered: what the work is (`audit`, `export`, `builds`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, NamedTuple, Protocol, TypeVar

from cftdata.tables import RawRow

__all__ = ["Engine", "Job", "Part", "Source", "Spoilt"]

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
    stale: tuple[str, ...] = ()
    """Names in the folder of what an earlier job left and this one puts other things in place of, the report
    first: without it nothing there is a whole."""


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
