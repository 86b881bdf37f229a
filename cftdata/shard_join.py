"""The tables of a build's shards, joined: their rows in the order of the source, as if there were one shard.

    places.parquet   of each query of a shard its position in the source, and how many rows it has where

    >>> join_tables([Path("out/shards/0000"), Path("out/shards/0001")], Path("out"))   # doctest: +SKIP

Not covered: ledgers (`shard_ledger`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cftdata.making import TABLES, Counts
from cftdata.parquet import open_table

__all__ = ["PLACES", "join_tables"]

PLACES = pa.schema([pa.field(name, pa.int64()) for name in ("place", "n_samples", "n_unmade")])
N_ROWS = 500
"""Rows that are written at a time."""


def join_tables(shards: Sequence[Path], folder: Path) -> Counts:
    """Writes the rows of all shards into the folder, in order; what they are."""
    places = [pq.read_table(shard / "places.parquet") for shard in shards]
    owners = np.repeat(np.arange(len(shards)), [len(one) for one in places])
    order = np.argsort(np.concatenate([one["place"].to_numpy() for one in places]), kind="stable")
    counts = Counts(n_done=len(order))
    for name, count in (("samples", _count_samples), ("unmade", _count_unmade)):
        n_rows = np.concatenate([one[f"n_{name}"].to_numpy() for one in places])
        turns = zip(owners[order].tolist(), n_rows[order].tolist(), strict=True)
        with ExitStack() as stack, open_table(folder / f"{name}.parquet", TABLES[name]) as write:
            files = [stack.enter_context(pq.ParquetFile(shard / f"{name}.parquet")) for shard in shards]
            for batch in _gather([Rows(file) for file in files], turns, TABLES[name]):
                write(batch)
                count(counts, batch)
    return counts


class Rows:
    """The rows of a table, some after the others."""

    def __init__(self, file: Any) -> None:
        self._batches = file.iter_batches(N_ROWS)
        self._batch: Any = None
        self._at = 0

    def take(self, n: int) -> Iterator[Any]:
        """The next n rows, in slices."""
        while n:
            if self._batch is None or self._at == self._batch.num_rows:
                self._batch, self._at = next(self._batches), 0
            part = self._batch.slice(self._at, n)
            self._at += part.num_rows
            n -= part.num_rows
            yield part


def _gather(rows: Sequence[Rows], turns: Iterator[tuple[int, int]], schema: Any) -> Iterator[Any]:
    """The rows of all tables by turns, some hundreds at a time."""
    pending: list[Any] = []
    n_pending = 0
    for owner, n in turns:
        for part in rows[owner].take(n):
            pending.append(part)
            n_pending += part.num_rows
        while n_pending >= N_ROWS:      # exactly so many, as a build that is not cut writes them
            batch = _concatenate(pending, schema)
            yield batch.slice(0, N_ROWS)
            n_pending -= N_ROWS
            pending = [batch.slice(N_ROWS)]
    if n_pending:
        yield _concatenate(pending, schema)


def _concatenate(parts: Sequence[Any], schema: Any) -> Any:
    return pa.Table.from_batches(parts, schema).combine_chunks().to_batches()[0]


def _count_samples(counts: Counts, batch: Any) -> None:
    counts.n_samples += batch.num_rows
    for critique in batch.column("critique").to_pylist():
        if critique is not None:
            counts.add_critique(critique["provenance"]["model"], critique["planted_fault"])


def _count_unmade(counts: Counts, batch: Any) -> None:
    for stage, reason in zip(*(batch.column(name).to_pylist() for name in ("stage", "reason")), strict=True):
        counts.unmade[f"{stage}:{reason}"] += 1
