"""Entries on disk: what is kept of each row, sorted by the hash of its query, so that any part can be read.

All that an audit counts, it counts query by query: repeated rows, the clusters of an interval, suspect
references and several critics of one response have the query in common. A run is one Parquet file of entries
in the order of the query's hash; the same range of hashes out of all runs is a partition, which holds its
queries whole, and is counted by itself (`summary`). Into how many partitions and runs the entries are cut
changes no figure.

    >>> [(part.start, part.stop) for part in cut_partitions(120_000, 60_000)]
    [(0, 32768), (32768, 65536)]

Not covered: a query with more rows than fit into memory: its rows are counted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from cftdata.parquet import writing
from cftdata.runs import cut_partitions, read_run
from cftdata.tally import Entry, FoundStep

__all__ = ["cut_partitions", "read_queries", "tabulate_entries", "write_run"]

N_ROWS_OF_GROUP = 2_000
N_ROWS_AT_A_TIME = 5_000


def entry_schema() -> Any:
    """The pyarrow.Schema of a run."""
    import pyarrow as pa

    text, number, flag, key = pa.string(), pa.int64(), pa.bool_(), pa.binary()
    return pa.schema({
        "bucket": pa.uint16(), "source_row": number, "sample_id": key, "query": key, "response": key,
        "critic": text, "verdict": text, "right": flag, "on_answer": flag, "rounded": flag,
        "final_answer": text, "reference": text, "outcomes": text, "values": pa.list_(text),
        "labelled_step": number, "found_step": number, "equation": text, "detail": text, "text": text})


def tabulate_entries(entries: Iterable[Entry], texts: dict[bytes, str]) -> Any:
    """A pyarrow.RecordBatch of the entries. texts: of each query its text, kept with its first entry."""
    import pyarrow as pa

    pending = dict(texts)
    return pa.RecordBatch.from_pylist([_as_columns(entry, pending.pop(entry.query, None))
                                       for entry in entries], schema=entry_schema())


def _as_columns(entry: Entry, text: str | None) -> dict[str, Any]:
    columns = entry._asdict()
    found = entry.found_step or FoundStep(None, None, None)  # type: ignore[arg-type]
    return columns | {
        "bucket": int.from_bytes(entry.query[:2]), "text": text, "found_step": found.step,
        "equation": found.equation, "detail": found.detail,
        "outcomes": " ".join(map(":".join, entry.outcomes))}


def write_run(path: Path, tables: Sequence[Any]) -> None:
    """Writes the entries of these tables as one run. Raises OutputError."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    run = _sort(pa.Table.from_batches(tables, entry_schema()))
    with writing(path.parent), path.open("wb") as stream:
        pq.write_table(run, stream, row_group_size=N_ROWS_OF_GROUP, compression="zstd")


def _sort(table: Any) -> Any:
    return table.sort_by([("bucket", "ascending"), ("query", "ascending"), ("source_row", "ascending")])


def read_queries(paths: Iterable[Path], buckets: range) -> Iterator[tuple[list[Entry], str | None]]:
    """Of each query of a partition its entries in the order of the source, and its text where it is kept."""
    import pyarrow as pa

    table = _sort(pa.concat_tables(read_run(path, buckets) for path in paths))
    slices = (table.slice(start, N_ROWS_AT_A_TIME) for start in range(0, len(table), N_ROWS_AT_A_TIME))
    rows = chain.from_iterable(map(_read_entries, slices))
    for _, of_query in groupby(rows, key=lambda row: row[0].query):
        entries, texts = zip(*of_query, strict=True)
        yield list(entries), next(filter(None, texts), None)


def _read_entries(table: Any) -> Iterator[tuple[Entry, str | None]]:
    names = [name for name in table.column_names if name != "bucket"]
    for values in zip(*(table[name].to_pylist() for name in names), strict=True):
        columns = dict(zip(names, values, strict=True))
        text, equation, detail = itemgetter("text", "equation", "detail")(columns)
        step = columns["found_step"]
        for name in ("text", "equation", "detail"):
            del columns[name]
        columns |= {"first": True, "outcomes": _split(columns["outcomes"]),
                    "values": tuple(columns["values"]),
                    "found_step": None if step is None else FoundStep(step, equation, detail)}
        yield Entry(**columns), text


@lru_cache(maxsize=4096)
def _split(outcomes: str) -> tuple[tuple[str, str, str], ...]:
    """Names and reasons are slugs, without spaces and colons; few combinations of them are ever seen."""
    return tuple(tuple(said.split(":")) for said in outcomes.split())  # type: ignore[misc]
