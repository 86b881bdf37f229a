"""Halves of rows joined to pairs, one to one, in a file of its own while the export runs.

The n-th critique that passed is paired with the n-th that failed, of the same prompt; what has no partner is
told. SQLite holds the texts on disk, so that memory does not grow with them, in whatever order they come.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, open_pairs(Path(folder)) as pairs:
    ...     pairs.put([Half(0, "a.jsonl", "a0", b"q", {"prompt": "?", "rejected": "No."}),
    ...                Half(1, "a.jsonl", "b1", b"q", {"prompt": "?", "chosen": "Yes."})])
    ...     [row for _, row in pairs.join()], list(pairs.rest())
    ([{'prompt': '?', 'chosen': 'Yes.', 'rejected': 'No.'}], [])

Not covered: critiques in more than one pair.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.errors import OutputError

__all__ = ["Half", "Pairs", "hash_prompt", "open_pairs"]

TABLE = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE half (prompt BLOB, passed INTEGER, n INTEGER, source_row INTEGER, file TEXT, sample_id TEXT,
                       query BLOB, row TEXT);
    CREATE UNIQUE INDEX half_place ON half (prompt, passed, n);
"""
INSERT = "INSERT INTO half VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
JOIN = """
    SELECT chosen.query, chosen.row, rejected.row FROM half AS chosen JOIN half AS rejected
    ON rejected.prompt = chosen.prompt AND rejected.n = chosen.n AND rejected.passed = 0
    WHERE chosen.passed = 1 ORDER BY chosen.source_row
"""
REST = """
    SELECT source_row, file, sample_id FROM half AS one WHERE NOT EXISTS
    (SELECT 1 FROM half AS other WHERE other.prompt = one.prompt AND other.n = one.n
     AND other.passed = 1 - one.passed) ORDER BY source_row
"""


class Half(NamedTuple):
    """Half a row, and where it comes from."""

    source_row: int
    file: str
    sample_id: str
    query: bytes
    """Hash of the query's text."""
    row: dict[str, Any]
    """`prompt` with `chosen` or `rejected`."""


def hash_prompt(prompt: str) -> bytes:
    """16 bytes: what halves of one pair have in common."""
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).digest()[:16]


class Pairs:
    """Halves, yet to be joined; made by `open_pairs`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._counts: Counter[tuple[bytes, bool]] = Counter()
        self._database.executescript(TABLE)

    def put(self, halves: Iterable[Half]) -> None:
        """Adds halves."""
        self._database.executemany(INSERT, map(self._cells, halves))
        self._database.commit()

    def _cells(self, half: Half) -> tuple[object, ...]:
        place = hash_prompt(half.row["prompt"]), "chosen" in half.row
        self._counts[place] += 1
        return (*place, self._counts[place], half.source_row, half.file, half.sample_id, half.query,
                json.dumps(half.row))

    def join(self) -> Iterator[tuple[bytes, dict[str, str]]]:
        """Hash of the query and the row of every pair, in the order of the critiques that passed."""
        for query, chosen, rejected in self._database.execute(JOIN):
            yield query, json.loads(chosen) | json.loads(rejected)

    def rest(self) -> Iterator[tuple[int, str, str]]:
        """Source row, file and sample id of every half without a partner, in order."""
        yield from self._database.execute(REST)


@contextmanager
def open_pairs(folder: Path) -> Iterator[Pairs]:
    """Pairs that are kept in a file in the folder, which is gone at the end. Raises OutputError."""
    path = folder / "pairs.sqlite"
    try:
        with closing(sqlite3.connect(path)) as database:
            yield Pairs(database)
    except sqlite3.Error as fault:
        raise OutputError(f"the pairs cannot be kept in {folder}: {fault}; make room") from fault
    finally:
        path.unlink(missing_ok=True)
