"""What of an export needs all shards: rows made twice, pairs, queries; by partition, so that nothing grows.

    shards -> keys, by partition -> repeats          rows that are in an earlier shard too
    shard + repeats -> part of train.jsonl, left_out.parquet
    halves, by partition of prompts -> part of train.jsonl, left_out.parquet
    queries, by partition -> how many there are

Each is a pure function of files, whose result does not hang on how the rows were cut; all of them may be done
twice. Of a set that is one shard the files are moved as they are.

Not covered: a shard by itself (`export_shards`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.engine import Engine, Part
from cftdata.export_batch import Task
from cftdata.export_files import LeftOut, hash_file, open_left_out, open_rows
from cftdata.export_shards import Shard, key_schema, query_schema, tabulate_queries
from cftdata.formats import REASONS, choose_format
from cftdata.formats.form import FileType
from cftdata.pairing import Half, Pairs, open_pairs
from cftdata.parquet import writing
from cftdata.runs import cut_partitions, read_between, read_run, read_runs, write_table

__all__ = ["Merged", "Stretch", "merge"]

N_ROWS_AT_A_TIME = 500
LEFT_OUT = "left_out.parquet"


class Stretch(NamedTuple):
    """A stretch of the source."""

    made: Part
    """Where its shard lies."""
    final: Part
    """Where its files go."""
    rows: range
    """Its rows in the source."""
    shard: Shard


@dataclass
class Merged:
    """What was written of all."""

    n_rows: int = 0
    n_queries: int = 0
    n_queries_exported: int = 0
    n_repeated: int = 0
    """Rows that are made in an earlier shard too."""
    n_alone: int = 0
    """Halves without a partner."""
    files: dict[str, str] = field(default_factory=dict)
    """Name of each file to its SHA-256."""

    def add(self, other: Merged) -> None:
        """Adds what was written of another part."""
        self.n_rows += other.n_rows
        self.n_queries += other.n_queries
        self.n_queries_exported += other.n_queries_exported
        self.n_repeated += other.n_repeated
        self.n_alone += other.n_alone
        self.files |= other.files


def merge(engine: Engine, task: Task, file_type: FileType, stretches: Sequence[Stretch]) -> Merged:
    """Writes the tables of all shards. Raises OutputError."""
    merged, work = Merged(), stretches[0].made.folder
    if choose_format(task.format).is_pair:
        parts = engine.map(*_plan_pairs(task, file_type, stretches))
    else:
        repeats = _find_repeats(engine, work, stretches)
        parts = engine.map(partial(_finish, f"train.{file_type}", repeats), stretches)
    for part in parts:
        merged.add(part)
    counted = [one.made.work("counted.parquet") for one in stretches]
    n_queries = sum(one.shard.n_queries for one in stretches)
    for part in engine.map(partial(_count_queries, counted), cut_partitions(n_queries)):
        merged.add(part)
    return merged


# --- Rows made twice


def _find_repeats(engine: Engine, work: Path, stretches: Sequence[Stretch]) -> list[Path]:
    """Files of the rows that are to be left out; of one shard they are left out already."""
    if len(stretches) == 1:
        return []
    runs = [one.made.work(name) for one in stretches for name in one.shard.keys]
    if not runs:
        return []
    cut = cut_partitions(sum(one.shard.n_rows for one in stretches))
    return list(engine.map(partial(_note_repeats, runs, work / "work" / "repeats"), cut))


def _note_repeats(runs: Sequence[Path], folder: Path, buckets: range) -> Path:
    """The file of the rows of a partition whose key an earlier row has."""
    import pyarrow as pa
    import pyarrow.compute as pc

    table = read_runs(runs, buckets, key_schema())
    table = table.sort_by([("key", "ascending"), ("source_row", "ascending")])
    keys = table["key"].combine_chunks()
    later = pc.equal(keys.slice(1), keys.slice(0, max(0, len(keys) - 1)))
    rows = table["source_row"].slice(1).filter(later)
    path = folder / f"{buckets.start:05}.parquet"
    write_table(path, pa.table({"source_row": rows}).sort_by("source_row"))
    return path


def _finish(name: str, repeats: Sequence[Path], one: Stretch) -> Merged:
    """Writes a shard's part of each table, without what is repeated."""
    dropped = {row for path in repeats
               for row in read_between(path, "source_row", one.rows)["source_row"].to_pylist()}
    with writing(one.final.folder):
        pairs = [(one.made.work(file), one.final.table(file)) for file in (name, LEFT_OUT)]
        for source, target in pairs:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not one.final.name:
                source.replace(target)
        if one.final.name:
            _write_kept(one, dropped, *pairs[0])
            _write_left(one, dropped, *pairs[1])
    n_rows = one.shard.n_rows - len(dropped)
    _note_queries(one, dropped)
    return Merged(n_rows=n_rows, n_repeated=len(dropped), files=_hash(one.final, name))


def _write_kept(one: Stretch, dropped: set[int], source: Path, target: Path) -> None:
    """The rows but for those that are dropped; no file where none are left."""
    if one.shard.n_rows == len(dropped):
        return
    if not dropped:
        with source.open("rb") as read, target.open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
        return
    kept = [row not in dropped for row in _read_column(one.made.work("rows.parquet"), "source_row")]
    if target.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        with source.open("rb") as stream:
            write_table(target, pq.read_table(stream).filter(pa.array(kept)))
        return
    with source.open("rb") as lines, target.open("wb") as write:
        write.writelines(line for line, is_kept in zip(lines, kept, strict=True) if is_kept)


def _write_left(one: Stretch, dropped: set[int], source: Path, target: Path) -> None:
    """What is left out, in the order of the source."""
    left = list(_read_left(source))
    left += [LeftOut(source_row=row["source_row"], file=row["file"], sample_id=row["sample_id"],
                     reason="repeated", detail=REASONS["repeated"])
             for row in _read_rows(one.made.work("rows.parquet")) if row["source_row"] in dropped]
    with open_left_out(target) as leave:
        leave(sorted(left, key=lambda row: row.source_row))


def _note_queries(one: Stretch, dropped: set[int]) -> None:
    """Writes which queries of a shard are in a row."""
    queries = _read_column(one.made.work("queries.parquet"), "query")
    exported = {row["query"] for row in _read_rows(one.made.work("rows.parquet"), ["source_row", "query"])
                if row["source_row"] not in dropped}
    write_table(one.made.work("counted.parquet"), tabulate_queries(queries, exported))


# --- Pairs


class _Joining(NamedTuple):
    """A partition of the prompts."""

    buckets: range
    out: Part
    """Where its files go."""
    stretches: Sequence[Stretch]
    """Those whose rows that are left out go there too, and whose queries."""


def _plan_pairs(task: Task, file_type: FileType, stretches: Sequence[Stretch],
                ) -> tuple[Callable[[_Joining], Merged], list[_Joining]]:
    """What is done to the partitions, and these; of one shard one, so that its pairs are in one file."""
    halves = [one.made.work(name) for one in stretches for name in one.shard.halves]
    is_one = len(stretches) == 1
    n_rows = sum(one.shard.n_rows for one in stretches)
    cut = [range(1 << 16)] if is_one else cut_partitions(n_rows)
    folder = stretches[0].final.folder
    items = [_Joining(buckets, stretches[0].final if is_one else Part(folder, f"part-{n:05}"),
                      stretches[n::len(cut)]) for n, buckets in enumerate(cut)]
    return partial(_join, task, f"train.{file_type}", halves, not is_one), items


def _join(task: Task, name: str, halves: Sequence[Path], may_repeat: bool, one: _Joining) -> Merged:
    """Joins the halves of a partition, and writes its part of each table."""
    out, record = one.out, choose_format(task.format).record
    with ExitStack() as stack:
        # a file of its own on this machine; of a set in one part beside what is written, where there is room
        folder = stack.enter_context(nullcontext(str(out.folder)) if not out.name
                                     else tempfile.TemporaryDirectory(prefix="cftdata-"))
        with writing(out.folder):
            for table in (name, LEFT_OUT):
                out.table(table).parent.mkdir(parents=True, exist_ok=True)
        pairs = stack.enter_context(open_pairs(Path(folder)))
        leave = stack.enter_context(open_left_out(out.table(LEFT_OUT)))
        for stretch in one.stretches:
            leave(_read_left(stretch.made.work(LEFT_OUT)))
        repeated = _put(pairs, halves, one.buckets, may_repeat=may_repeat)
        leave(repeated)
        exported, n_rows = _write_pairs(pairs, out.table(name), record)
        alone = [LeftOut(source_row=row, file=file, sample_id=sample_id, reason="no_partner",
                         detail=REASONS["no_partner"]) for row, file, sample_id in pairs.rest()]
        leave(alone)
    if not n_rows and out.name:
        out.table(name).unlink()
    _note_joined(one, exported)
    return Merged(n_rows=n_rows, n_repeated=len(repeated), n_alone=len(alone), files=_hash(out, name))


def _put(pairs: Pairs, halves: Iterable[Path], buckets: range, *, may_repeat: bool) -> list[LeftOut]:
    """Adds the halves of a partition in the order of the source; those that are repeated come back."""
    seen, left = set[bytes](), []
    for path in halves:
        some = []
        for row in read_run(path, buckets).sort_by("source_row").to_pylist():
            if row["key"] in seen:
                left.append(LeftOut(source_row=row["source_row"], file=row["file"], reason="repeated",
                                    sample_id=row["sample_id"], detail=REASONS["repeated"]))
                continue
            if may_repeat:
                seen.add(row["key"])
            some.append(Half(row["source_row"], row["file"], row["sample_id"], row["query"],
                             json.loads(row["row"])))
        pairs.put(some)
    return left


def _write_pairs(pairs: Pairs, path: Path, record: Any) -> tuple[set[bytes], int]:
    """Writes the rows; their queries, and how many rows there are."""
    exported, n_rows, pending = set[bytes](), 0, list[dict[str, str]]()
    with open_rows(path, record) as write:
        for query, row in pairs.join():
            exported.add(query)
            n_rows += 1
            pending.append(row)
            if len(pending) == N_ROWS_AT_A_TIME:
                write(pending)
                pending = []
        if pending:
            write(pending)
    return exported, n_rows


def _note_joined(one: _Joining, exported: set[bytes]) -> None:
    """Writes which queries there are, with those that are in a pair."""
    for n, stretch in enumerate(one.stretches):
        queries = _read_column(stretch.made.work("queries.parquet"), "query")
        write_table(stretch.made.work("counted.parquet"), tabulate_queries(queries, () if n else exported))


# --- Queries


def _count_queries(paths: Sequence[Path], buckets: range) -> Merged:
    """The distinct queries of a partition."""
    table = read_runs(paths, buckets, query_schema()).group_by("query").aggregate([("exported", "any")])
    return Merged(n_queries=table.num_rows, n_queries_exported=sum(table["exported_any"].to_pylist()))


# --- Reading and telling


def _read_rows(path: Path, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(5_000, columns=columns):
            yield from batch.to_pylist()


def _read_column(path: Path, name: str) -> Iterator[Any]:
    return (row[name] for row in _read_rows(path, [name]))


def _read_left(path: Path) -> Iterator[LeftOut]:
    return (LeftOut.model_construct(**row) for row in _read_rows(path))


def _hash(part: Part, name: str) -> dict[str, str]:
    """Names of the files that were written, as they stand below the folder, to their SHA-256."""
    paths = {file: part.table(file) for file in (name, LEFT_OUT)}
    return {f"{file}/{path.name}" if part.name else file: hash_file(path)
            for file, path in paths.items() if path.exists()}
