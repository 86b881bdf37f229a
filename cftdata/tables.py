"""Bytes to raw rows: files, folders and Hub datasets, read row by row.

What is read: JSON Lines, JSON, CSV and TSV (each plain or gzip'd), Parquet, a folder of these, files by a
pattern (`sets/*.parquet`), the same on a store (`s3://bucket/sets`), a folder that `datasets` wrote
(save_to_disk), and a Hub dataset `org/name`. The kind is told by the file's
extension, else by its first bytes; a `.json` file that holds one object per line is read as JSON Lines.
JSON comes in four forms: a list of rows; `{id: row}`; `{id: [row, ...]}` (as Mr-Ben); `{"data": [row, ...]}`,
also with other keys beside it. Any other object is one row. Of the folder of an audit its samples are read.

    >>> [raw.columns for raw in read_rows("two.jsonl")]        # doctest: +SKIP
    [{'query': '1+1?'}, {'query': '2+2?'}]

A row that cannot be read is a `RawRow` without columns, with one of these reasons:

    bad_json        a line that is no JSON                  not_an_object   JSON, but no object
    bad_encoding    bytes that are no UTF-8                 not_text        a string with a lone surrogate
    repeated_key    an object that names a key twice        too_deep        nested over 100 levels
    bad_csv         broken quotes                           n_fields        not as many fields as the header

Not covered: UTF-16, compression but gzip, Hub datasets of several configurations, folders nested in an
archive. JSON is loaded whole, everything else streams.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import IO

from cftdata.arrow import Item, read_dataset_folder, read_hub_dataset, read_parquet
from cftdata.columns import is_text
from cftdata.errors import ConfigError, SourceEmpty, SourceNotFound, SourceUnreadable
from cftdata.paths import find_paths, is_remote, open_path, relative_name, split_pattern

N_TEXT = 1_000
MAX_DEPTH = 100
KINDS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json", ".csv": "csv", ".tsv": "tsv",
         ".parquet": "parquet"}
ROW_LISTS = ("data", "rows", "examples", "samples")
"""Keys under which an object with other keys beside holds its rows."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row as it stands in the source."""

    row: int
    """0-based position in the whole source. Blank lines and a CSV's header are no rows and not counted."""
    file: str
    """File, by its name relative to the source; `org/name/split` for a Hub dataset."""
    columns: Mapping[str, object] | None
    """Column to value; None when the row could not be read."""
    reason: str | None = None
    """Why it could not be read (a slug), when columns is None."""
    text: str | None = None
    """What stood there, its first 1,000 characters, when columns is None."""


def read_rows(source: str, *, split: str | None = None, revision: str | None = None) -> Iterator[RawRow]:
    """The rows of a file, folder or Hub dataset, in order; of several files, sorted by name.

    Raises SourceNotFound, SourceEmpty or SourceUnreadable (these last two only once the rows before are
    given), ExtraMissing for what needs `datasets`, ConfigError for a split or revision of plain files.
    """
    n_rows = 0
    try:
        for file, (columns, reason, text) in _items(source, split, revision):
            yield RawRow(n_rows, file, columns, reason, text)
            n_rows += 1
    except (OSError, EOFError, zlib.error) as fault:
        raise SourceUnreadable(f"{source} cannot be read: {fault}") from fault
    if not n_rows:
        raise SourceEmpty(f"{source} holds no row; name a file or folder that does")


def _items(source: str, split: str | None, revision: str | None) -> Iterator[tuple[str, Item]]:
    files = find_files(source)
    if files is None:
        path = Path(source)
        yield from (read_dataset_folder(path, split) if path.exists()
                    else read_hub_dataset(source, split, revision))
        return
    if split or revision:
        raise ConfigError(f"{source} is no Hub dataset, so it has no split or revision; leave these out")
    for name, file in files.items():
        try:
            yield from ((name, item) for item in read_file(file))
        except (SourceUnreadable, SourceEmpty, OSError, EOFError, zlib.error) as fault:
            if is_alone(source):
                raise
            yield name, (None, "bad_file", str(fault))  # a finding, and not the end of the others


def find_files(source: str) -> dict[str, Path] | None:
    """Name to path of the files that a source is read from, sorted by name; None for what `datasets` reads.

    Raises SourceNotFound, SourceEmpty, ConfigError.
    """
    if not source.strip():
        raise SourceNotFound("the source has no name; give a file, a folder or a Hub dataset")
    path = open_path(source)
    if path.exists():
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            return None
        files = [path] if path.is_file() else _list_files(path)
        return {path.name if file is path else relative_name(file, path): file for file in files}
    if (pattern := split_pattern(source)) is not None:
        folder = open_path(pattern[0])
        if found := {relative_name(file, folder): file for file in find_paths(source)}:
            return found
        raise SourceNotFound(f"there is no file {source}; check the pattern")
    if is_remote(source) or not HUB_ID.fullmatch(source) or _kind_by_name(path):
        raise SourceNotFound(f"there is no file or folder {source}; a Hub dataset is named org/name")
    return None


def is_alone(source: str) -> bool:
    """Whether the source is one file by its name, so that what is wrong with it is wrong with the call."""
    return open_path(source).is_file()


@lru_cache(maxsize=1024)
def _is_output(folder: Path) -> bool:
    """Whether an audit wrote its report there: of an audited set, below it, that is no part."""
    return (folder / "report.json").is_file() and (folder / "findings.parquet").exists()


def _list_files(folder: Path) -> list[Path]:
    """The data files below a folder, sorted by name, but for hidden ones and the output of an audit."""
    _is_output.cache_clear()
    samples = folder / "samples.parquet"
    if (_is_output(folder) or (folder / "curation.json").is_file()) and samples.exists():
        return [samples] if samples.is_file() else _list_files(samples)     # many parts are a folder
    files = [file for file in folder.rglob("*") if _kind_by_name(file) and file.is_file()
             and not any(part.startswith(".") for part in relative_name(file, folder).split("/"))
             and (file.parent == folder or not _is_output(file.parent))]
    if not files:
        raise SourceEmpty(f"{folder} holds no data file: none of {', '.join(KINDS)}, nor .gz of these")
    return sorted(files, key=lambda file: file.parts)


def read_file(path: Path) -> Iterator[Item]:
    """The rows of one file, whatever its kind."""
    kind = kind_of(path)
    if kind == "parquet":
        yield from read_parquet(path)
        return
    with _open(path) as stream:
        if kind == "jsonl":
            yield from _read_jsonl(stream, path.name)
        elif kind == "json":
            yield from _read_json(stream.read(), path.name)
        else:
            with io.TextIOWrapper(stream, "utf-8-sig", "surrogateescape", newline="") as lines:
                yield from _read_csv(lines, path.name, "\t" if kind == "tsv" else ",")


# --- What kind of file


def _kind_by_name(path: Path) -> str | None:
    name = path.name.lower().removesuffix(".gz")
    return KINDS.get(Path(name).suffix)


def kind_of(path: Path) -> str:
    """The kind of a file, by its extension, else by its first bytes."""
    kind = _kind_by_name(path)
    if kind not in (None, "json"):
        return str(kind)
    with _open(path) as stream:
        lines = (line.strip() for line in stream if line.strip())
        first = next(lines, b"").removeprefix(codecs.BOM_UTF8).lstrip()
        if first.startswith(b"{") and next(lines, None) is not None and _is_json(first):
            return "jsonl"      # an object and then more is no JSON, whatever the file is called
    if kind == "json" or first.startswith((b"{", b"[")):
        return "json"
    if first.startswith(b"PAR1"):
        return "parquet"
    return "tsv" if b"\t" in first and b"," not in first else "csv"


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file; gzip is told by its first two bytes, not by the name."""
    with path.open("rb") as plain:
        head = plain.read(2)
        plain.seek(0)
        if head in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise SourceUnreadable(f"{path.name} is written in UTF-16; save it as UTF-8")
        if head != b"\x1f\x8b":
            yield plain
            return
        with gzip.GzipFile(fileobj=plain) as stream:
            yield stream  # type: ignore[misc]  # a GzipFile reads like any binary file


# --- JSON


class _RepeatedKeyError(ValueError):
    """An object names a key twice: a parser would keep the last and lose the others."""


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    columns = dict(pairs)
    if len(columns) != len(pairs):
        raise _RepeatedKeyError("an object names a key twice")
    return columns


DECODER = json.JSONDecoder(object_pairs_hook=_unique)


def _read_jsonl(stream: Iterable[bytes], name: str) -> Iterator[Item]:
    n_lines = n_parsed = 0
    for line in stream:
        if n_lines == 0:
            line = line.removeprefix(codecs.BOM_UTF8)  # noqa: PLW2901
        if not line.strip():
            continue
        n_lines += 1
        item = read_line(line)
        n_parsed += item[1] not in ("bad_json", "bad_encoding")
        yield item
    if n_lines and not n_parsed:
        raise SourceUnreadable(f"not one line of {name} is JSON; name the file by what it holds")


def read_line(line: bytes) -> Item:
    """The row that a line of JSON Lines is."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None, "bad_encoding", _excerpt(line)
    try:
        value = DECODER.decode(text)
    except _RepeatedKeyError:
        return None, "repeated_key", _excerpt(line)
    except (ValueError, RecursionError):    # ValueError also: an integer of over 4,300 digits
        return None, "bad_json", _excerpt(line)
    return _checked(value, is_suspect=_may_hold_surrogate(text))


def _read_json(data: bytes, name: str) -> Iterator[Item]:
    text = data.removeprefix(codecs.BOM_UTF8).decode(errors="surrogateescape")
    if not text.strip():
        return
    try:
        value = DECODER.decode(text)
    except (ValueError, RecursionError) as fault:
        what = f"{fault}" or "it is nested too deep"
        raise SourceUnreadable(f"{name} is no JSON that can be read: {what}") from fault
    has_bad_bytes = not is_text(text)
    is_suspect = has_bad_bytes or _may_hold_surrogate(text)
    for row in _rows_of(value, name):
        columns, reason, excerpt = _checked(row, is_suspect=is_suspect)
        if reason == "not_text" and has_bad_bytes:
            reason = "bad_encoding"
        yield columns, reason, excerpt


def _rows_of(value: object, name: str) -> Iterable[object]:
    """The rows of a JSON value, by its form (see the head of this file)."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise SourceUnreadable(f"{name} holds a single value, no rows; give a list of objects")
    values = list(value.values())
    if len(values) == 1 and isinstance(values[0], list) and "messages" not in value:
        return values[0]
    if values and all(isinstance(v, list) and all(isinstance(row, dict) for row in v) for v in values):
        return [value] if "messages" in value else [row for rows in values for row in rows]
    if "messages" not in value:
        lists: list[list[object]] = [value[name] for name in ROW_LISTS if isinstance(value.get(name), list)]
        if len(lists) == 1:
            return lists[0]
        # A failed row of `{id: row}` is often null or a word: it must stay a row.
        n_rows = sum(isinstance(v, dict) for v in values)
        if n_rows > sum(v is not None and not isinstance(v, dict) for v in values):
            return values
    return [value] if value else []


def _checked(value: object, *, is_suspect: bool) -> Item:
    """An object as columns, unless it holds what nothing downstream could write."""
    if _is_deep(value):
        return None, "too_deep", None
    if not isinstance(value, dict):
        return None, "not_an_object", json.dumps(value)[:N_TEXT]
    if is_suspect and not is_text(json.dumps(value, ensure_ascii=False)):
        return None, "not_text", json.dumps(value)[:N_TEXT]
    return value, None, None


def _may_hold_surrogate(text: str) -> bool:
    return "\\u" in text and ("\\ud" in text or "\\uD" in text)


def _is_deep(value: object) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for v in level if isinstance(v, dict | list)
                 for inner in (v.values() if isinstance(v, dict) else v)]
        if not level:
            return False
    return True


def _excerpt(line: bytes | str) -> str:
    data = line if isinstance(line, bytes) else line.encode(errors="surrogateescape")
    return data[:4 * N_TEXT].decode(errors="backslashreplace")[:N_TEXT]


# --- CSV


def _read_csv(lines: Iterable[str], name: str, delimiter: str) -> Iterator[Item]:
    csv.field_size_limit(2**31 - 1)     # the limit is global; 131,072 characters cut long critiques off
    seen: list[str] = []
    # strict: a broken quote is a fault of its row, not a guess at what was meant
    records = csv.reader(_noting(lines, seen), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        seen.clear()
        try:
            fields = next(records, None)
        except csv.Error:
            yield None, "bad_csv", _excerpt("".join(seen))
            continue
        if fields is None:
            return
        if fields and header is None:
            header = _header(fields, name)
        elif fields and header:
            yield _record(header, fields, "".join(seen))


def _noting(lines: Iterable[str], seen: list[str]) -> Iterator[str]:
    """The same lines, each noted in `seen`, so that a row that breaks can be shown."""
    for line in lines:
        if len(seen) < N_TEXT:
            seen.append(line[:N_TEXT])
        yield line


def _header(fields: list[str], name: str) -> list[str]:
    header = [field or f"column_{i}" for i, field in enumerate(fields)]
    if len(set(header)) != len(header):
        raise SourceUnreadable(f"the first line of {name} names a column twice; rename one")
    if not is_text("".join(header)):
        raise SourceUnreadable(f"the first line of {name} is no UTF-8; save the file as UTF-8")
    return header


def _record(header: list[str], fields: list[str], line: str) -> Item:
    if not is_text("".join(fields)):
        return None, "bad_encoding", _excerpt(line)
    if len(fields) != len(header):
        return None, "n_fields", _excerpt(line)
    return dict(zip(header, fields, strict=True)), None, None
