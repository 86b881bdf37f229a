"""Slices: stretches of a table of our own samples, wherever its files lie, read column by column.

    >>> Slice(Path("samples.parquet"), range(100, 200), 100).places
    range(100, 200)

Not covered: tables that others made (`pieces`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cftdata.parquet import read_rows_between
from cftdata.stored import count_stored, list_parts

__all__ = ["Slice", "cut_slices", "read_slice", "take_slices"]

N_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Slice:
    """Some rows of a file."""

    path: Path
    rows: range
    """Of the file."""
    first: int
    """Place of its first row among all rows of the table."""

    @property
    def places(self) -> range:
        """Where its rows stand among all of the table."""
        return range(self.first, self.first + len(self.rows))


def cut_slices(table: Path, n_rows: int = N_ROWS) -> list[Slice]:
    """All rows of a table in order, at most so many a slice."""
    slices, place = list[Slice](), 0
    for path in list_parts(table):
        n = count_stored(path)
        for start in range(0, n, n_rows):
            rows = range(start, min(n, start + n_rows))
            slices.append(Slice(path, rows, place + start))
        place += n
    return slices


def take_slices(slices: Sequence[Slice], places: range) -> list[Slice]:
    """What of the slices lies at these places."""
    taken = []
    for one in slices:
        start, stop = max(one.first, places.start), min(one.places.stop, places.stop)
        if start < stop:
            skip = start - one.first
            taken.append(Slice(one.path, one.rows[skip:skip + stop - start], start))
    return taken


def read_slice(one: Slice, columns: Sequence[str] | None = None) -> Iterator[Any]:
    """The rows as pyarrow RecordBatches; row groups without any are not read."""
    yield from read_rows_between(one.path, one.rows, columns)
