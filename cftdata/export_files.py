"""The files of an export: rows as JSONL or Parquet, the table of what is left out, and their hashes.

    >>> import tempfile
    >>> class Line(Record):
    ...     text: str
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with open_rows(Path(folder) / "train.jsonl", Line) as write:
    ...         write([{"text": "2 ≠ 3"}])
    ...     (Path(folder) / "train.jsonl").read_text()
    '{"text": "2 \\\\u2260 3"}\\n'

Not covered: compression of JSONL, which part of the rows is in which file (`export_merge`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from cftdata.parquet import arrow_schema, open_table, writing
from cftdata.sample import Count, Record, Slug

__all__ = ["Leave", "LeftOut", "Write", "hash_file", "open_left_out", "open_rows", "remove_stale"]

N_ROWS = 500
"""Rows that are written at a time."""

Write = Callable[[Sequence[dict[str, Any]]], None]


class LeftOut(Record):
    """A row of the source that is in no row of the export: one row of left_out.parquet."""

    source_row: Count
    """0-based position in the source."""
    file: str
    """File of the source."""
    sample_id: str | None
    """The sample's id; None where the row could not be read."""
    reason: Slug
    """Why it is left out."""
    detail: str | None
    """The same for people."""


Leave = Callable[[Iterable[LeftOut]], None]


@contextmanager
def open_rows(path: Path, record: type[Record]) -> Iterator[Write]:
    """A data file to write rows to, of the kind that its name says. Raises OutputError."""
    if path.suffix == ".parquet":
        import pyarrow as pa

        schema = arrow_schema(record)
        with open_table(path, schema) as write:
            yield lambda rows: write(pa.RecordBatch.from_pylist(list(rows), schema=schema))
        return
    with writing(path.parent), path.open("wb") as stream:
        def write_lines(rows: Sequence[dict[str, Any]]) -> None:
            # ASCII, as the published file is: no reader can take a line separator of Unicode for a line's end
            stream.writelines(json.dumps(row).encode() + b"\n" for row in rows)

        yield write_lines


@contextmanager
def open_left_out(path: Path) -> Iterator[Leave]:
    """The table of what is left out. Raises OutputError."""
    import pyarrow as pa

    schema = arrow_schema(LeftOut)
    with open_table(path, schema) as write:
        def leave(rows: Iterable[LeftOut]) -> None:
            pending = iter(rows)
            while some := list(islice(pending, N_ROWS)):
                write(pa.RecordBatch.from_pylist([one.model_dump() for one in some], schema=schema))

        yield leave


def remove_stale(folder: Path, before: Mapping[str, str], now: Iterable[str]) -> None:
    """Removes what an earlier export left and this one did not write, unless someone has changed it since.

    Two data files in one folder would be read as one set. before: name to SHA-256, as the earlier one said.
    """
    with writing(folder):
        for name in before.keys() - set(now):
            path = folder / name
            is_below = ".." not in Path(name).parts and not Path(name).is_absolute()
            if is_below and path.is_file() and hash_file(path) == before[name]:
                path.unlink()
                if path.parent != folder and not any(path.parent.iterdir()):
                    path.parent.rmdir()


def hash_file(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
