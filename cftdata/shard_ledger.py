"""The ledger of one shard of a build, over the ledger of what was paid for before.

What lies beneath is read and never written while there are shards, so that any number of machines may look
at it; what they find there is not asked again, nor copied. How a fault of it is judged now is noted here, and
`absorb` brings it, with the shard's calls, into the ledger beneath.

    >>> with ShardLedger(shard / "ledger.sqlite", out / "ledger.sqlite") as ledger:     # doctest: +SKIP
    ...     driver = Driver(ledger, providers)

Not covered: file systems without POSIX locks, and machines that write to one shard at a time (refused).
"""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from cftdata.calls import Completion
from cftdata.errors import OutputError
from cftdata.ledger import Kept, Ledger

__all__ = ["ShardLedger", "absorb", "drop", "seal"]

PATIENCE_S = 30.0
"""So long a process that was given up may take to end, and to let go of its ledger."""
BENEATH = """
SELECT -id, completion, CASE WHEN a.id IS NULL THEN c.fault ELSE a.fault END
FROM beneath.calls c JOIN beneath.texts USING (id) LEFT JOIN main.amended a USING (id)
WHERE key = ? ORDER BY id
"""


class ShardLedger(Ledger):
    """A ledger that also finds what the one beneath holds. `booked` and `dearest` are of its own calls alone.

    Every call is flushed to the disk before it is used: the folder may be another machine's.
    """

    def __init__(self, path: Path, beneath: Path) -> None:
        super().__init__(_wait_for(path))
        try:
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("CREATE TABLE IF NOT EXISTS amended (id INTEGER PRIMARY KEY, fault TEXT)")
            self._db.execute("ATTACH ? AS beneath", (f"{beneath.absolute().as_uri()}?mode=ro&immutable=1",))
        except sqlite3.Error as fault:
            self.close()
            raise OutputError(f"the ledger {beneath} cannot be read under {path}: {fault}; all machines must "
                              "reach the same folder") from fault

    def kept(self, key: str) -> list[Kept]:
        """All completions of this key, those beneath first; these have ids below 0."""
        rows = self._db.execute(BENEATH, (key,))
        found = [Kept(id_, Completion.model_validate(json.loads(text)), fault) for id_, text, fault in rows]
        return found + super().kept(key)

    def amend(self, id: int, fault: str | None) -> None:
        """Says anew whether a completion can be used."""
        if id > 0:
            super().amend(id, fault)
            return
        with self._written():
            self._db.execute("INSERT OR REPLACE INTO amended VALUES (?, ?)", (-id, fault))


def absorb(path: Path, into: Ledger) -> None:
    """Brings all that a shard's ledger holds into the one beneath it."""
    with Ledger(_wait_for(path)):   # whoever still writes to it is waited for
        into.merge(path)
        with closing(sqlite3.connect(path)) as db:
            amended = db.execute("SELECT id, fault FROM amended").fetchall() if _has_amended(db) else []
        for id_, fault in amended:
            into.amend(id_, fault)


def drop(path: Path) -> None:
    """Removes a ledger."""
    for suffix in ("", "-wal", "-shm", ".lock"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def seal(path: Path) -> None:
    """Puts all that was written into the file itself and onto the disk, so that others may read it alone."""
    with closing(sqlite3.connect(path, timeout=PATIENCE_S)) as db:
        is_busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise OutputError(f"the ledger {path} is being read by another process; wait for it or stop it")


def _has_amended(db: sqlite3.Connection) -> bool:
    return db.execute("SELECT 1 FROM sqlite_master WHERE name = 'amended'").fetchone() is not None


def _wait_for(path: Path) -> Path:
    """The path, once nobody holds the ledger, or when that has been waited for."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        try:
            with closing(sqlite3.connect(f"{path}.lock", isolation_level=None, timeout=0)) as lock:
                lock.execute("BEGIN EXCLUSIVE")
            break
        except sqlite3.Error:
            time.sleep(0.2)
    return path
