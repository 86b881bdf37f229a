"""Pieces: stretches of a source that can be read by themselves, anywhere; all of them are its rows in order.

JSON Lines are cut at lines, Parquet at rows; any other file is one piece. Where a piece's first row stands in
the source is known once the pieces before it are measured, which the machines that read them do.

    >>> [piece.span for piece in cut_file("set.jsonl", "set.jsonl", 40_000_000)]
    [(0, 16000000), (16000000, 32000000), (32000000, 40000000)]

Not covered: Hub ids and folders of `datasets`, which are read by its own code (give `hf://` files instead);
a Parquet file that is broken beyond its footer ends the run, where one machine would tell of it as a row.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Literal

from cftdata.arrow import Item, read_batch
from cftdata.errors import ConfigError, SourceEmpty, SourceError, SourceUnreadable
from cftdata.parquet import read_rows_between
from cftdata.paths import is_remote, open_path
from cftdata.tables import RawRow, find_files, is_alone, kind_of, read_file, read_line

__all__ = ["Piece", "cut_file", "cut_source", "group_pieces", "measure", "read_piece"]

N_ROWS = 20_000
"""Of Parquet a piece; and of pieces that are done together."""
N_BYTES_OF_ROW = 800
"""Of JSON Lines, of which a piece has so many bytes for each row that it is to have."""
FAULTS = (SourceUnreadable, SourceEmpty, OSError, EOFError, zlib.error)

Kind = Literal["jsonl", "parquet", "whole", "fault"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a file."""

    path: str
    name: str
    """The file, as `RawRow.file` has it."""
    kind: Kind
    """`whole` is any file that cannot be cut; `fault` one that cannot be read, which is one row."""
    span: tuple[int, int] = (0, 0)
    """Of JSON Lines the bytes (a line belongs to where it begins), of Parquet the rows of the file."""
    fault: str | None = None
    n_rows: int = 0
    first_row: int = 0
    """0-based position of its first row in the source."""


def cut_source(source: str, split: str | None, revision: str | None,
               n_rows: int = N_ROWS) -> tuple[list[Piece], bool]:
    """Unmeasured pieces of all files, in order, and whether the source is one file by name.

    Raises SourceError and its kinds, ConfigError.
    """
    files = find_files(source)
    if files is None:
        raise ConfigError(f"{source} is read by `datasets`, on one machine; on a cluster give its files, as "
                          "hf://datasets/org/name/**/*.parquet")
    if split or revision:
        raise ConfigError(f"{source} is no Hub dataset, so it has no split or revision; leave these out")
    pieces = [piece for name, path in files.items()
              for piece in cut_file(_address(path), name, _size(path), _kind(path, name), n_rows)]
    return pieces, is_alone(source)


def _kind(path: Path, name: str) -> Kind:
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    if name.endswith(".parquet"):
        return "parquet"
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == b"\x1f\x8b"
        kind = kind_of(path)
    except FAULTS:
        return "whole"      # whoever reads it says what is wrong
    return "whole" if is_packed or kind not in ("jsonl", "parquet") else kind  # type: ignore[return-value]


def _address(path: Path) -> str:
    """The path as other machines find it."""
    return str(path if is_remote(path) else path.absolute())


def _size(path: Path) -> int:
    return int(path.stat().st_size)


def cut_file(path: str, name: str, n_bytes: int, kind: Kind = "jsonl", n_rows: int = N_ROWS) -> list[Piece]:
    """Unmeasured pieces of a file of so many bytes."""
    if kind != "jsonl":
        return [Piece(path, name, kind)]
    n_each = n_rows * N_BYTES_OF_ROW
    return [Piece(path, name, "jsonl", (start, min(n_bytes, start + n_each)))
            for start in range(0, n_bytes, n_each)]


def measure(n_rows: int, piece: Piece) -> tuple[list[Piece], bool]:
    """The piece, or those it is cut into, with their numbers of rows; and whether any line is readable."""
    try:
        if piece.kind == "jsonl":
            return _measure_lines(piece)
        if piece.kind == "parquet":
            return _measure_parquet(piece, n_rows), True
        return [replace(piece, n_rows=sum(1 for _ in _read_whole(piece)))], True
    except FAULTS as fault:
        return [replace(piece, kind="fault", fault=str(fault), n_rows=1)], True


def _measure_lines(piece: Piece) -> tuple[list[Piece], bool]:
    n_rows, is_readable = 0, False
    for line in _lines(piece):
        if line.strip():
            n_rows += 1
            is_readable = is_readable or read_line(line)[1] not in ("bad_json", "bad_encoding")
    return [replace(piece, n_rows=n_rows)], is_readable


def _measure_parquet(piece: Piece, n_rows: int) -> list[Piece]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = open_path(piece.path)
    if not _size(path):
        return [piece]
    try:
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            n = file.metadata.num_rows
    except pa.ArrowException as fault:
        raise SourceUnreadable(_tell(path, fault)) from fault
    return [replace(piece, span=(start, min(n, start + n_rows)), n_rows=min(n_rows, n - start))
            for start in range(0, n, n_rows)]


def group_pieces(measured: Iterable[tuple[list[Piece], bool]], *, alone: bool,
                 n_rows: int = N_ROWS) -> list[list[Piece]]:
    """Pieces by what is done together, at most so many rows but in one piece; rows are numbered.

    alone: the source is one file: where it cannot be read, SourceUnreadable is raised.
    """
    groups: list[list[Piece]] = [[]]
    first_row = n_in_group = 0
    for piece in _add_faults(measured):
        if piece.kind == "fault" and alone:
            raise SourceUnreadable(piece.fault or "")
        if not piece.n_rows:
            continue
        if n_in_group and n_in_group + piece.n_rows > n_rows:
            groups.append([])
            n_in_group = 0
        groups[-1].append(replace(piece, first_row=first_row))
        first_row, n_in_group = first_row + piece.n_rows, n_in_group + piece.n_rows
    return groups if first_row else []


def _add_faults(measured: Iterable[tuple[list[Piece], bool]]) -> Iterator[Piece]:
    """The pieces; after a file of lines of which not one is JSON, a row that says so."""
    last: Piece | None = None
    is_readable, n_rows = True, 0
    for pieces, is_read in measured:
        for piece in pieces:
            if last and piece.name != last.name:
                yield from _tell_unreadable(last, is_readable, n_rows)
                last = None
            is_readable, n_rows = (is_read or is_readable, n_rows) if last else (is_read, 0)
            n_rows += piece.n_rows
            last = piece
            yield piece
    if last:
        yield from _tell_unreadable(last, is_readable, n_rows)


def _tell_unreadable(piece: Piece, is_readable: bool, n_rows: int) -> Iterator[Piece]:
    if n_rows and not is_readable:
        name = piece.path.rsplit("/", 1)[-1]
        yield replace(piece, kind="fault", n_rows=1,
                      fault=f"not one line of {name} is JSON; name the file by what it holds")


def read_piece(piece: Piece, leave: Collection[str] = ()) -> Iterator[RawRow]:
    """The rows of a measured piece; of Parquet without what is in those columns. Raises SourceUnreadable."""
    try:
        for n, (columns, reason, text) in enumerate(_read(piece, leave)):
            yield RawRow(piece.first_row + n, piece.name, columns, reason, text)
    except (SourceError, OSError, EOFError, zlib.error) as fault:
        raise SourceUnreadable(f"{piece.path} cannot be read: {fault}") from fault


def _read(piece: Piece, leave: Collection[str]) -> Iterator[Item]:
    if piece.kind == "jsonl":
        yield from (read_line(line) for line in _lines(piece) if line.strip())
    elif piece.kind == "parquet":
        yield from _read_parquet(piece, leave)
    elif piece.kind == "whole":
        yield from _read_whole(piece)
    else:
        yield None, "bad_file", piece.fault


def _read_whole(piece: Piece) -> Iterator[Item]:
    return read_file(open_path(piece.path))


def _lines(piece: Piece) -> Iterator[bytes]:
    """The lines that begin in the piece's bytes."""
    start, stop = piece.span
    with open_path(piece.path).open("rb") as stream:
        at = _find_line(stream, start)
        for line in stream:
            if at >= stop:
                return
            at += len(line)
            yield line.removeprefix(b"\xef\xbb\xbf") if at == len(line) else line


def _find_line(stream: IO[bytes], start: int) -> int:
    """Goes to the first line that begins at or after `start`, and says where that is."""
    if start:
        stream.seek(start - 1)
        return start - 1 + len(stream.readline())
    stream.seek(0, io.SEEK_SET)
    return 0


def _read_parquet(piece: Piece, leave: Collection[str]) -> Iterator[Item]:
    """Rows [start, stop) of the file; columns that are left stand empty."""
    import pyarrow as pa

    path = open_path(piece.path)
    left = dict.fromkeys(leave, ())
    try:
        for batch in read_rows_between(path, range(*piece.span), leave=leave):
            for columns, reason, text in read_batch(batch, path.name):
                yield columns and {**columns, **left}, reason, text
    except pa.ArrowException as fault:
        raise SourceUnreadable(_tell(path, fault)) from fault


def _tell(path: Path, fault: Exception) -> str:
    return f"{path.name} is no Parquet that can be read: {(str(fault).splitlines() or [''])[0]}"
