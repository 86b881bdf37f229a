"""A shard: what an audit keeps of a stretch of the source, as files; of the whole set there is one, or many.

    samples.parquet         the samples, in the order of the source (only where they are asked for)
    work/findings.parquet   what was found, yet to be marked where it rests on a suspect reference
    work/run-00000.parquet  entries, sorted (see `entries`); a new run after so many rows
    work/ids                the ids of the samples, 16 bytes each, in the order of the source

Batches stream through, so that memory does not grow with the rows. What a `Shard` says of several shards, in
the order of the source, merges to what it says of all.

Not covered: which rows a shard has, and where its work is done (`engine`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from cftdata.batch import Batch, sample_schema
from cftdata.cards import Flagged
from cftdata.engine import Part
from cftdata.entries import write_run
from cftdata.findings import Finding, resting_schema
from cftdata.parquet import open_table, writing
from cftdata.summary import Flags

__all__ = ["Shard", "keep_shard", "read_ids"]

N_ROWS_OF_RUN = 20_000
N_BYTES_AT_A_TIME = 1 << 20


@dataclass(slots=True)
class Shard:
    """What is known of the rows of a shard, beside its files."""

    n_rows: int = 0
    n_samples: int = 0
    n_referenced: int = 0
    """Samples for which the file of references, or the answer of all rows, has one."""
    has_reference: bool = False
    """Whether any sample has a reference answer."""
    formats: Counter[str] = field(default_factory=Counter)
    """Shape to rows, in the order in which they first come."""
    columns: dict[str, None] = field(default_factory=dict)
    """Names of columns, where no row had a known shape."""
    unread: Flags = field(default_factory=Flags)
    """Rows that could not be read."""
    shown: dict[int, Flagged] = field(default_factory=dict)
    """The first of them, as they are shown."""
    runs: list[str] = field(default_factory=list)
    """Names of the runs."""

    def add(self, batch: Batch, n_shown: int) -> None:
        """Adds what is known of a batch."""
        self.n_rows += batch.n_rows
        self.n_samples += batch.n_samples
        self.n_referenced += batch.n_referenced
        self.has_reference |= batch.has_reference
        self.formats += batch.formats
        self.columns.update(dict.fromkeys(batch.columns))
        self._show(((one.source_row, _show(one)) for one in batch.unread), len(batch.unread), n_shown)

    def merge(self, other: Shard, n_shown: int) -> None:
        """Adds what is known of the shard that comes next."""
        self.n_rows += other.n_rows
        self.n_samples += other.n_samples
        self.n_referenced += other.n_referenced
        self.has_reference |= other.has_reference
        self.formats += other.formats
        self.columns.update(other.columns)
        self._show(other.shown.items(), other.unread.n_rows, n_shown)

    def _show(self, rows: Iterable[tuple[int, Flagged]], n_rows: int, n_shown: int) -> None:
        for row, flagged in rows:
            if len(self.shown) < max(1, n_shown):   # one at least, to say why not one row could be read
                self.shown[row] = flagged
        self.unread.n_rows += n_rows
        self.unread.rows = [(row, row) for row in list(self.shown)[:n_shown]]


def _show(one: Finding) -> Flagged:
    return Flagged(one.source_row, one.file, None, one.reason, one.detail)


def keep_shard(n_shown: int, keeps_samples: bool, part: Part, batches: Iterable[Batch]) -> Shard:
    """Writes the files of a shard. Raises OutputError.

    n_shown: so many unread rows are kept to be shown.
    """
    shard, pending = Shard(), _Runs(part)
    with writing(part.folder):
        part.work("ids").parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        write = (stack.enter_context(open_table(part.table("samples.parquet"), sample_schema()))
                 if keeps_samples else None)
        find = stack.enter_context(open_table(part.work("findings.parquet"), resting_schema()))
        with writing(part.folder):
            ids = stack.enter_context(part.work("ids").open("wb"))
        for batch in batches:
            shard.add(batch, n_shown)
            pending.add(batch.table)
            find(batch.findings)
            with writing(part.folder):
                ids.write(batch.ids)
            if write:
                write(batch.samples)
    shard.runs = pending.close()
    return shard


class _Runs:
    """Entries that are gathered until there are enough for a run."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._tables: list[Any] = []
        self._names: list[str] = []

    def add(self, table: Any) -> None:
        self._tables.append(table)
        if sum(table.num_rows for table in self._tables) >= N_ROWS_OF_RUN:
            self._write()

    def close(self) -> list[str]:
        """Writes what is left, and gives the names of all runs."""
        if self._tables:
            self._write()
        return self._names

    def _write(self) -> None:
        self._names.append(f"run-{len(self._names):05}.parquet")
        write_run(self._part.work(self._names[-1]), self._tables)
        self._tables = []


def read_ids(part: Part) -> Iterator[bytes]:
    """The ids of the samples in order, some at a time."""
    with part.work("ids").open("rb") as stream:
        while some := stream.read(N_BYTES_AT_A_TIME):
            yield some
