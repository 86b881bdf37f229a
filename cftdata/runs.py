"""Runs: small rows on disk, sorted by a key's bucket, so that any part of all of them can be read by itself.

What needs all rows of a set (rows made twice, pairs, duplicates) needs at a time only those that have a key
in common. A run is one Parquet file of rows in the order of the key's bucket; the same range of buckets out
of all runs is a partition, which holds its keys whole. Into how many runs and partitions rows are cut changes
nothing.

    >>> bucket_of(bytes.fromhex("0102ff"))
    258

Not covered: a key with more rows than fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cftdata.parquet import writing

__all__ = ["N_BUCKETS", "Gather", "bucket_of", "cut_partitions", "open_runs", "read_between", "read_run",
           "read_runs", "write_table"]

N_BUCKETS = 1 << 16
N_ROWS_OF_RUN = 20_000
N_ROWS_OF_PARTITION = 50_000
N_ROWS_OF_GROUP = 2_000
MOST_PARTITIONS = 2_000
"""Each partition opens every run, so that with partitions without end the opens would grow as the square."""

Gather = Callable[[list[dict[str, Any]]], None]


def bucket_of(key: bytes) -> int:
    """The first two bytes of a key, which is a hash."""
    return int.from_bytes(key[:2])


def cut_partitions(n_rows: int, n_rows_of_each: int = N_ROWS_OF_PARTITION) -> list[range]:
    """Ranges of buckets, as many as make partitions of about so many rows; beyond 2,000 they grow instead."""
    n = min(MOST_PARTITIONS, max(1, -(-n_rows // n_rows_of_each)))
    return [range(i * N_BUCKETS // n, (i + 1) * N_BUCKETS // n) for i in range(n)]


def write_table(path: Path, table: Any) -> None:
    """Writes a pyarrow.Table, so that its row groups can be told apart. Raises OutputError."""
    import pyarrow.parquet as pq

    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as stream:
            pq.write_table(table, stream, row_group_size=N_ROWS_OF_GROUP, compression="zstd")


@contextmanager
def open_runs(name_run: Callable[[str], Path], name: str, schema: Any) -> Iterator[tuple[Gather, list[str]]]:
    """What gathers rows into runs (of the schema, which has a `bucket`), and the list that gets their names.

    name_run: name to path, as `Part.work` is.
    """
    import pyarrow as pa

    names, pending = list[str](), list[dict[str, Any]]()

    def flush() -> None:
        if pending:
            names.append(f"{name}-{len(names):05}.parquet")
            table = pa.Table.from_pylist(pending, schema=schema)
            write_table(name_run(names[-1]), table.sort_by("bucket"))
            pending.clear()

    def gather(rows: list[dict[str, Any]]) -> None:
        pending.extend(rows)
        if len(pending) >= N_ROWS_OF_RUN:
            flush()

    yield gather, names
    flush()


def read_run(path: Path, buckets: range) -> Any:
    """The rows of a run, or of any table that has a `bucket`, that lie in these buckets."""
    return read_between(path, "bucket", buckets)


def read_between(path: Path, column: str, numbers: range) -> Any:
    """The rows of a file whose number in this column is one of these; row groups without any are not read."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        leaves = [file.schema.column(i).path for i in range(len(file.schema))]
        bounds = [file.metadata.row_group(i).column(leaves.index(column)).statistics
                  for i in range(file.metadata.num_row_groups)]
        table = file.read_row_groups([i for i, said in enumerate(bounds) if said is None or (
            said.max >= numbers.start and said.min < numbers.stop)])
    inside = pc.and_(pc.greater_equal(table[column], numbers.start),
                     pc.less_equal(table[column], numbers.stop - 1))
    return table.filter(inside)


def read_runs(paths: Iterable[Path], buckets: range, schema: Any) -> Any:
    """The rows of a partition, those of the first run first."""
    import pyarrow as pa

    return pa.concat_tables([schema.empty_table(), *(read_run(path, buckets) for path in paths)])

