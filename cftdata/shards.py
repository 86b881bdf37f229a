"""Parquet by config and split, written row by row: what the Hub's viewer, `datasets` and DuckDB read.

Rows of every config have the columns of one type (`CONFIGS`), in every file, also where a column is null
throughout. Files are cut at half a gigabyte of rows. A page index and cuts by content let a reader fetch, and
the Hub store, only what it lacks.

    >>> list(CONFIGS)
    ['cft', 'sft', 'audit', 'dropped']

Not covered: sorting, rows of several configs in one file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cftdata.errors import ExtraMissing
from cftdata.manifest import Split
from cftdata.parquet import arrow_schema
from cftdata.rows import AuditRow, CftRow, DroppedRow, SftRow
from cftdata.sample import Record

__all__ = ["CONFIGS", "Shards", "features_of"]

CONFIGS: dict[str, type[Record]] = {"cft": CftRow, "sft": SftRow, "audit": AuditRow, "dropped": DroppedRow}
"""Config to the type of its rows, in the order of the card; the first is the default."""
N_ROWS_OF_GROUP = 1_000
MAX_SHARD_BYTES = 500_000_000
"""Of rows in memory; a file is some tenths of it."""


def features_of(config: str) -> Any:
    """The datasets.Features of a config. Raises ExtraMissing."""
    try:
        from datasets import Features
    except ImportError as fault:
        raise ExtraMissing("publishing", "hub") from fault
    return Features.from_arrow_schema(arrow_schema(CONFIGS[config]))


@dataclass
class _Table:
    """One split of one config, written shard by shard."""

    folder: Path
    split: str
    schema: Any
    n_rows: int = 0
    n_bytes: int = 0
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _paths: list[Path] = field(default_factory=list)
    _writer: Any = None
    _n_shard_bytes: int = 0

    def add(self, row: Record) -> None:
        """Takes a row."""
        self._pending.append(row.model_dump(mode="json"))
        if len(self._pending) >= N_ROWS_OF_GROUP:
            self._flush()

    def close(self) -> Split:
        """Writes what is left, and names the files by how many they are."""
        self._flush()
        self.stop()
        files = []
        for number, path in enumerate(self._paths):
            name = f"{self.split}-{number:05d}-of-{len(self._paths):05d}.parquet"
            path.replace(path.with_name(name))
            files.append(f"{self.folder.name}/{name}")
        return Split(n_rows=self.n_rows, n_bytes=self.n_bytes, files=tuple(files))

    def stop(self) -> None:
        """Closes the file that is open."""
        if self._writer is not None:
            self._writer.close()
        self._writer, self._n_shard_bytes = None, 0

    def _flush(self) -> None:
        import pyarrow as pa

        if not self._pending:
            return
        table = pa.Table.from_pylist(self._pending, schema=self.schema)
        self._pending.clear()
        if self._n_shard_bytes + table.nbytes > MAX_SHARD_BYTES:
            self.stop()
        (self._writer or self._open()).write_table(table)
        self.n_rows += table.num_rows
        self.n_bytes += table.nbytes
        self._n_shard_bytes += table.nbytes

    def _open(self) -> Any:
        """A new shard; page index and cuts by content let a reader fetch, and the Hub store, only a part."""
        import pyarrow.parquet as pq

        self.folder.mkdir(parents=True, exist_ok=True)
        self._paths.append(self.folder / f"{self.split}-{len(self._paths):05d}.parquet")
        self._writer = pq.ParquetWriter(self._paths[-1], self.schema, compression="zstd",
                                        write_page_index=True, use_content_defined_chunking=True)
        return self._writer


class Shards:
    """All tables of a dataset, by config and split; each comes to be with its first row."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.schemas = {config: features_of(config).arrow_schema for config in CONFIGS}
        self._tables: dict[tuple[str, str], _Table] = {}

    def add(self, config: str, split: str, row: Record) -> None:
        """Takes a row."""
        table = self._tables.get((config, split))
        if table is None:
            table = self._tables[config, split] = _Table(self.folder / config, split, self.schemas[config])
        table.add(row)

    def close(self) -> dict[str, dict[str, Split]]:
        """Config to split to what was written, in the order of `CONFIGS`, train first."""
        keys = sorted(self._tables, key=lambda key: (list(CONFIGS).index(key[0]), key[1] != "train", key[1]))
        made: dict[str, dict[str, Split]] = {}
        for config, split in keys:
            made.setdefault(config, {})[split] = self._tables[config, split].close()
        return made

    def stop(self) -> None:
        """Closes the files that are open, whatever state they are in."""
        for table in self._tables.values():
            table.stop()
