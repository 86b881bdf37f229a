"""Records to Arrow and Parquet: the schema is derived from the types, so that there is one truth.

A nested record is a struct, a tuple a list, a literal and a time a string (ISO 8601 keeps the offset that
an Arrow timestamp drops). What is written is restored by `model_validate`, to the last field.

    >>> arrow_schema(Usage)
    n_tokens: int64
    cost_usd: double

Not covered: dicts and unions of several types (a TypeError says so), integers beyond 64 bits.
"""

from __future__ import annotations

import shutil
import tempfile
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from cftdata.errors import OutputError
from cftdata.sample import Record

__all__ = ["arrow_schema", "open_output", "open_rows", "open_table", "printable", "read_rows_between",
           "writing"]

N_ROWS_OF_GROUP = 500


def arrow_schema(record: type[Record]) -> Any:
    """The pyarrow.Schema of a record's rows, one field a field."""
    import pyarrow as pa

    return pa.schema(_arrow_fields(record))


def _arrow_fields(record: type[Record]) -> list[Any]:
    import pyarrow as pa

    return [pa.field(name, _arrow_type(field.annotation)) for name, field in record.model_fields.items()]


def _arrow_type(annotation: Any) -> Any:
    """The Arrow type of an annotation; every field may be null."""
    import pyarrow as pa

    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _arrow_type(arguments[0])
    if origin in (Union, types.UnionType):
        (inner,) = (argument for argument in arguments if argument is not type(None))
        return _arrow_type(inner)
    if origin is Literal:
        return _arrow_type(type(arguments[0]))
    if origin is tuple and arguments[1:] == (...,):
        return pa.list_(_arrow_type(arguments[0]))
    if isinstance(annotation, type) and issubclass(annotation, Record):
        return pa.struct(_arrow_fields(annotation))
    plain = {str: pa.string(), datetime: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    if annotation not in plain:
        raise TypeError(f"no Arrow type for {annotation}")
    return plain[annotation]


@contextmanager
def open_table(path: Path, schema: Any) -> Iterator[Callable[[Any], None]]:
    """A Parquet file to write pyarrow RecordBatches to, one a call; small ones share a row group.

    Raises OutputError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    pending: list[Any] = []

    def flush() -> None:
        with writing(path.parent):
            writer.write_table(pa.Table.from_batches(pending, schema))
        pending.clear()

    def write(batch: Any) -> None:
        pending.append(batch)
        if sum(one.num_rows for one in pending) >= N_ROWS_OF_GROUP:
            flush()

    with writing(path.parent):
        stream = path.open("wb")    # so that the path may be a store's
        writer = pq.ParquetWriter(stream, schema, compression="zstd")
    try:
        yield write
        flush()
    finally:
        with writing(path.parent), stream:
            writer.close()


@contextmanager
def open_rows(path: Path, schema: Any) -> Iterator[Callable[[dict[str, Any]], None]]:
    """A Parquet file to write rows to, one a call. Raises OutputError."""
    import pyarrow as pa

    pending: list[dict[str, Any]] = []

    def flush() -> None:
        write(pa.RecordBatch.from_pylist(pending, schema=schema))
        pending.clear()

    def take(row: dict[str, Any]) -> None:
        pending.append(row)
        if len(pending) == N_ROWS_OF_GROUP:
            flush()

    with open_table(path, schema) as write:
        yield take
        flush()


def read_rows_between(path: Path, rows: range, columns: Sequence[str] | None = None,
                      leave: Collection[str] = ()) -> Iterator[Any]:
    """These rows of a file as pyarrow RecordBatches; row groups without any, and columns to leave, are not
    read."""
    import pyarrow.parquet as pq

    with path.open("rb") as stream, pq.ParquetFile(stream) as file:
        at, groups, first = 0, list[int](), 0
        for i in range(file.metadata.num_row_groups):
            n = file.metadata.row_group(i).num_rows
            if at + n > rows.start and at < rows.stop:
                first = first if groups else at
                groups.append(i)
            at += n
        at = first
        if leave:
            columns = [name for name in columns or file.schema_arrow.names if name not in leave]
        for batch in file.iter_batches(N_ROWS_OF_GROUP, row_groups=groups, columns=columns):
            start, stop = max(0, rows.start - at), min(batch.num_rows, rows.stop - at)
            at += batch.num_rows
            if start < stop:
                yield batch.slice(start, stop - start)


def printable(text: str) -> str:
    """The text with lone surrogates spelt out, which no file could hold otherwise."""
    return text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def open_output(folder: Path) -> Iterator[Path]:
    """A folder to write into; its files move to `folder` together when the block ends well.

    When it does not, nothing stands in `folder` that did not stand there before. Raises OutputError.
    """
    made = not folder.exists()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=folder))
    try:
        yield partial
        with writing(folder):
            for path in sorted(partial.iterdir()):
                if path.is_file() and (folder / path.name).is_dir():    # written by a cluster, in parts
                    shutil.rmtree(folder / path.name)
                path.replace(folder / path.name)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if made and not any(folder.iterdir()):
            folder.rmdir()


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turns a fault of the file system into an OutputError that names the folder."""
    try:
        yield
    except OSError as fault:
        raise OutputError(f"cannot write into {folder}: {fault.strerror or fault}; "
                          "make room or choose another folder") from fault
