"""A shard: what an export keeps of a stretch of the source, as files; of the whole set there is one, or many.

    work/train.jsonl         the rows, in the order of the source (or work/train.parquet; of pairs none)
    work/left_out.parquet    what is in no row
    work/rows.parquet        of each row where it comes from, and the hash of its query
    work/queries.parquet     hashes of the distinct queries
    work/ids                 the ids of the samples, 16 bytes each, in the order of the source
    work/key-00000.parquet   keys by which rows that are made twice are found in other shards (see `runs`)
    work/half-00000.parquet  halves of pairs

Batches stream through. Of rows that are made twice within the shard the first is kept, so that of a set that
is one shard all is done.

Not covered: rows made twice in several shards, and pairs (`export_merge`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any

from cftdata.engine import Part
from cftdata.export_batch import Line, Task
from cftdata.export_files import LeftOut, open_left_out, open_rows
from cftdata.formats import REASONS, choose_format
from cftdata.formats.form import FileType
from cftdata.pairing import hash_prompt
from cftdata.parquet import open_table, writing
from cftdata.runs import bucket_of, open_runs, write_table

__all__ = ["Shard", "half_schema", "keep_shard", "key_schema", "leave", "query_schema", "row_schema",
           "tabulate_queries"]

N_ROWS_AT_A_TIME = 500


@dataclass(slots=True)
class Shard:
    """What is known of the rows of a shard, beside its files."""

    n_source_rows: int = 0
    n_samples: int = 0
    n_rows: int = 0
    """Rows that are made, or halves."""
    n_queries: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    detail: str | None = None
    """Why the first row that could not be read could not be."""
    keys: list[str] = field(default_factory=list)
    """Names of the runs of keys."""
    halves: list[str] = field(default_factory=list)
    """Names of the runs of halves."""

    def add(self, lines: Iterable[Line]) -> None:
        """Counts what was read."""
        for line in lines:
            self.n_source_rows += 1
            if line.sample_id is None or line.query is None:
                self.detail = self.detail or line.detail
            else:
                self.n_samples += 1

    def merge(self, other: Shard) -> None:
        """Adds what is counted of the shard that comes next."""
        self.n_source_rows += other.n_source_rows
        self.n_samples += other.n_samples
        self.n_rows += other.n_rows
        self.n_queries += other.n_queries
        self.left_out += other.left_out
        self.detail = self.detail or other.detail


def keep_shard(task: Task, file_type: FileType, part: Part, batches: Iterable[list[Line]]) -> Shard:
    """Writes the files of a shard. Raises OutputError."""
    shard, seen, queries = Shard(), set[bytes](), dict[bytes, None]()
    with ExitStack() as stack:
        files = _Files(task, file_type, part, stack)
        for lines in batches:
            shard.add(lines)
            queries.update((line.query, None) for line in lines if line.query is not None)
            kept, left = _part_new(lines, seen)
            shard.n_rows += len(kept)
            shard.left_out.update(one.reason for one in left)
            files.write(kept, left, lines)
    shard.n_queries, shard.keys, shard.halves = len(queries), files.keys, files.halves
    write_table(part.work("queries.parquet"), tabulate_queries(queries, ()))
    return shard


def _part_new(lines: Iterable[Line], seen: set[bytes]) -> tuple[list[Line], list[LeftOut]]:
    """The lines whose row is to be written, and the others."""
    kept, left = [], []
    for line in lines:
        if line.row is None:
            left.append(leave(line, line.reason or "crashed", line.detail))
        elif line.key in seen:
            left.append(leave(line, "repeated", REASONS["repeated"]))
        else:
            kept.append(line)
            if line.key:
                seen.add(line.key)
    return kept, left


def leave(line: Line, reason: str, detail: str | None) -> LeftOut:
    """What is written of a row that is left out."""
    return LeftOut(source_row=line.source_row, file=line.file, sample_id=line.sample_id, reason=reason,
                   detail=detail)


class _Files:
    """The files of a shard while they are written."""

    def __init__(self, task: Task, file_type: FileType, part: Part, stack: ExitStack) -> None:
        with writing(part.folder):
            part.work("ids").parent.mkdir(parents=True, exist_ok=True)
            self._ids: IO[bytes] = stack.enter_context(part.work("ids").open("wb"))
        self._folder, self._format = part.folder, choose_format(task.format)
        self._leave = stack.enter_context(open_left_out(part.work("left_out.parquet")))
        self.keys, self.halves = list[str](), list[str]()
        if self._format.is_pair:
            self._gather, self.halves = stack.enter_context(open_runs(part.work, "half", half_schema()))
            return
        self._write = stack.enter_context(open_rows(part.work(f"train.{file_type}"), self._format.record))
        self._note = stack.enter_context(open_table(part.work("rows.parquet"), row_schema()))
        if self._format.key:
            self._gather, self.keys = stack.enter_context(open_runs(part.work, "key", key_schema()))

    def write(self, kept: list[Line], left: list[LeftOut], lines: Iterable[Line]) -> None:
        """Writes what came of a batch."""
        import pyarrow as pa

        self._leave(left)
        with writing(self._folder):
            self._ids.write(b"".join(bytes.fromhex(line.sample_id) for line in lines
                                     if line.sample_id is not None and line.query is not None))
        if self._format.is_pair:
            self._gather([_tell_half(line) for line in kept])
            return
        self._note(pa.RecordBatch.from_pylist([_tell_row(line) for line in kept], schema=row_schema()))
        if self._format.key:
            self._gather([_tell_key(line) for line in kept])
        for some in _slices(kept):
            self._write([line.row or {} for line in some])


def _slices(lines: list[Line]) -> Iterator[list[Line]]:
    for start in range(0, len(lines), N_ROWS_AT_A_TIME):
        yield lines[start:start + N_ROWS_AT_A_TIME]


# --- Tables


def row_schema() -> Any:
    """The pyarrow.Schema of rows.parquet."""
    import pyarrow as pa

    return pa.schema({"source_row": pa.int64(), "file": pa.string(), "sample_id": pa.string(),
                      "query": pa.binary()})


def _tell_row(line: Line) -> dict[str, Any]:
    return {"source_row": line.source_row, "file": line.file, "sample_id": line.sample_id,
            "query": line.query}


def key_schema() -> Any:
    """The pyarrow.Schema of a run of keys."""
    import pyarrow as pa

    return pa.schema({"bucket": pa.uint16(), "key": pa.binary(), "source_row": pa.int64()})


def _tell_key(line: Line) -> dict[str, Any]:
    key = line.key or b""
    return {"bucket": bucket_of(key), "key": key, "source_row": line.source_row}


def half_schema() -> Any:
    """The pyarrow.Schema of a run of halves, whose bucket is that of the prompt."""
    import pyarrow as pa

    more = pa.schema({"bucket": pa.uint16(), "key": pa.binary(), "row": pa.string()})
    return pa.unify_schemas([row_schema(), more])


def _tell_half(line: Line) -> dict[str, Any]:
    row = line.row or {}
    return _tell_row(line) | {"bucket": bucket_of(hash_prompt(row["prompt"])), "key": line.key,
                              "row": json.dumps(row)}


def query_schema() -> Any:
    """The pyarrow.Schema of queries: which there are, and whether they are in a row."""
    import pyarrow as pa

    return pa.schema({"bucket": pa.uint16(), "query": pa.binary(), "exported": pa.bool_()})


def tabulate_queries(queries: Iterable[bytes], exported: Iterable[bytes]) -> Any:
    """A pyarrow.Table of queries, sorted by bucket."""
    import pyarrow as pa

    said = dict.fromkeys(queries, False) | dict.fromkeys(exported, True)
    rows = [{"bucket": bucket_of(query), "query": query, "exported": is_in}
            for query, is_in in sorted(said.items())]
    return pa.Table.from_pylist(rows, schema=query_schema())
