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

from cftdata.stored import count_stored, list_parts

__all__ = ["Slice", "cut_slices", "read_slice", "take_slices"]

N_ROWS = 20_000
N_ROWS_AT_A_TIME = 500


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
    import pyarrow.parquet as pq

    with one.path.open("rb") as stream, pq.ParquetFile(stream) as file:
        at, groups, first = 0, list[int](), 0
        for i in range(file.metadata.num_row_groups):
            n = file.metadata.row_group(i).num_rows
            if at + n > one.rows.start and at < one.rows.stop:
                first = first if groups else at
                groups.append(i)
            at += n
        at = first
        for batch in file.iter_batches(N_ROWS_AT_A_TIME, row_groups=groups, columns=columns):
            start, stop = max(0, one.rows.start - at), min(batch.num_rows, one.rows.stop - at)
            at += batch.num_rows
            if start < stop:
                yield batch.slice(start, stop - start)
