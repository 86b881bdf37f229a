"""The ledger: every completion, on disk before anything uses it, so that none is paid for twice.

One SQLite file in WAL mode. `add` returns when its transaction is in the log: whatever then kills the process
(kill -9 too), the completion is there at the next start. With `synchronous=NORMAL` a loss of power can take
the last seconds, and leaves the file whole. What is booked is never altered but for its fault (`amend`).

    >>> from cftdata.calls import Message
    >>> ask = Request(model="scripted/sums", messages=(Message(role="user", content="2+2?"),))
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
    ...     _ = ledger.add(ask, Completion(text="4", finish_reason="stop"), None)
    ...     ledger.find(ask.key).text
    '4'

Not covered: two processes that write to one ledger at a time (the second is refused; several machines write
one each, and `merge` joins them).
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field
from pydantic_core import PydanticSerializationError

from cftdata.calls import Completion, Request
from cftdata.endpoint import hide_keys
from cftdata.errors import OutputError, SourceNotFound, SourceUnreadable
from cftdata.sample import Count, Record
from cftdata.spending import Dearest, Spending, count_booked

__all__ = ["Batch", "Kept", "Ledger", "ModelTotals"]

VERSION = 1
"""Of the tables, in SQLite's user_version."""
TABLES = """
CREATE TABLE calls (id INTEGER PRIMARY KEY, key TEXT NOT NULL, at INTEGER NOT NULL, model TEXT NOT NULL,
    fault TEXT, n_prompt_tokens INTEGER, n_completion_tokens INTEGER, cost_usd REAL,
    n_tokens INTEGER NOT NULL);
CREATE UNIQUE INDEX calls_by_key ON calls (key, at);
CREATE TABLE texts (id INTEGER PRIMARY KEY, request TEXT NOT NULL, completion TEXT NOT NULL);
CREATE TABLE failures (key TEXT NOT NULL, at INTEGER NOT NULL, model TEXT NOT NULL, kind TEXT NOT NULL,
    message TEXT NOT NULL, UNIQUE (key, at));
CREATE TABLE batches (name TEXT PRIMARY KEY, at INTEGER NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL,
    provider_id TEXT);
CREATE TABLE batch_requests (name TEXT NOT NULL, position INTEGER NOT NULL, request TEXT NOT NULL,
    PRIMARY KEY (name, position)) WITHOUT ROWID;
"""
# `at` is when it was booked, in ns since 1970, never the same twice: with the key it names a call for good.
# The narrow table is apart from the texts, so that totals of 100,000 calls read a few MB.


class ModelTotals(Record):
    """What was asked of one model, over all runs."""

    model: str
    """The model as it was asked for."""
    n_calls: Count
    """Calls that brought a completion, usable or not."""
    n_usable: Count
    """Completions that can be used."""
    faults: dict[str, Count]
    """Fault to number of completions with it (cut_off, empty, malformed, content_filter, a check's slug)."""
    n_failures: dict[str, Count]
    """Kind of failure to number of calls that brought no completion."""
    n_prompt_tokens: Count
    """Tokens asked with, where stated."""
    n_completion_tokens: Count
    """Tokens answered with, where stated."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Sum of the known prices in US dollars; None when none is known."""
    n_cost_unknown: Count
    """Calls whose price is not known; they are not in cost_usd."""


class Batch(Record):
    """A batch of requests that a provider works on for hours or days."""

    name: str
    """Ours, given before it is submitted."""
    model: str
    state: Literal["planned", "submitted", "collected", "failed"]
    """`planned` with no provider_id: it may have been submitted when the process died; ask the provider."""
    provider_id: str | None
    """The provider's id of it; None until it has said one."""


class Kept(NamedTuple):
    """A completion in the ledger."""

    id: int
    completion: Completion
    fault: str | None
    """Why it cannot be used; None when it can."""


class Ledger:
    """The calls of a build on disk. A context manager; use it from one thread.

    Raises OutputError when the file cannot be written or another process is writing to it, and
    SourceUnreadable when it is no ledger. `read_only` looks at the ledger of a build that may be running, and
    raises SourceNotFound when there is none.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._lock = None if read_only else _lock(path)
        try:
            self._db = _open(path, read_only)
        except BaseException:
            if self._lock is not None:
                self._lock.close()
            raise
        self._at = 0
        self._group: asyncio.Future[None] | None = None
        self.booked = self._add_up()
        """What was spent so far, over all runs."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; what was added is in it already."""
        self._commit_group()
        self._db.close()
        if self._lock is not None:
            self._lock.close()

    def find(self, key: str) -> Completion | None:
        """The usable completion of this key, the first if there are several; None when there is none."""
        return next((kept.completion for kept in self.kept(key) if kept.fault is None), None)

    def kept(self, key: str) -> list[Kept]:
        """All completions of this key in the order they came, the unusable ones too."""
        rows = self._db.execute("SELECT id, completion, fault FROM calls JOIN texts USING (id) "
                                "WHERE key = ? ORDER BY id", (key,))
        return [Kept(id_, _read_completion(text), fault) for id_, text, fault in rows]

    def add(self, request: Request, completion: Completion, fault: str | None) -> int:
        """Books a completion; it is on disk when this returns. Its id, for `amend`.

        fault: None when it can be used; else a slug, with which it is kept and booked but never found.
        """
        with self._written():
            return self._book(request.key, request, completion, fault)

    async def add_soon(self, key: str, request: Request, completion: Completion, fault: str | None) -> int:
        """`add` for many at a time: what comes in one turn of the event loop is one transaction.

        Like `add` it returns when the completion is on disk. key: the request's.
        """
        try:
            if self._group is None:
                self._db.execute("BEGIN IMMEDIATE")
                self._group = asyncio.get_running_loop().create_future()
                self._group.get_loop().call_soon(self._commit_group)
            group = self._group
            id_ = self._book(key, request, completion, fault)
        except sqlite3.Error as error:
            raise OutputError(f"the ledger {self.path} cannot be written: {error}") from error
        await asyncio.shield(group)  # whoever is cancelled leaves the others theirs
        return id_

    def amend(self, id: int, fault: str | None) -> None:
        """Says anew whether a completion can be used."""
        with self._written():
            self._db.execute("UPDATE calls SET fault = ? WHERE id = ?", (fault, id))

    def add_failure(self, request: Request, error_kind: str, message: str) -> None:
        """Books a call that brought no completion. Keys of the environment are taken out of the message."""
        with self._written():
            self._db.execute("INSERT INTO failures VALUES (?, ?, ?, ?, ?)",
                             (request.key, self._now(), request.model, error_kind,
                              _plain(hide_keys(message))))

    def failures(self, key: str) -> list[tuple[str, str]]:
        """Kind and message of each call of this key that brought no completion, in order."""
        return self._db.execute("SELECT kind, message FROM failures WHERE key = ? ORDER BY at",
                                (key,)).fetchall()

    def totals(self) -> list[ModelTotals]:
        """What was asked of each model, by name."""
        calls = self._db.execute(
            "SELECT model, count(*), count(*) - count(fault), total(n_prompt_tokens), "
            "total(n_completion_tokens), sum(cost_usd), count(*) - count(cost_usd) FROM calls GROUP BY model")
        counted = {row[0]: row[1:] for row in calls}
        faults = self._count("SELECT model, fault, count(*) FROM calls WHERE fault IS NOT NULL GROUP BY 1, 2")
        failed = self._count("SELECT model, kind, count(*) FROM failures GROUP BY 1, 2")
        return [_total(model, counted.get(model, (0, 0, 0, 0, None, 0)), faults.get(model, Counter()),
                       failed.get(model, Counter())) for model in sorted({*counted, *failed})]

    def dearest(self, model: str) -> Dearest:
        """The most that one call of this model came to."""
        return Dearest(*self._db.execute("SELECT max(n_tokens), max(cost_usd) FROM calls WHERE model = ?",
                                         (model,)).fetchone())

    def completions(self) -> Iterator[tuple[Request, Completion]]:
        """Every usable completion with its request, once a key, in the order they came."""
        rows = self._db.execute(
            "SELECT request, completion FROM calls c JOIN texts USING (id) WHERE fault IS NULL "
            "AND NOT EXISTS (SELECT 1 FROM calls e WHERE e.key = c.key AND e.fault IS NULL AND e.id < c.id) "
            "ORDER BY id")
        return ((_read_request(asked), _read_completion(answered)) for asked, answered in rows)

    def merge(self, other: Path) -> int:
        """Takes over what another ledger holds and this one does not; how many completions that were.

        Merging twice adds nothing. A call that both made on their own was paid twice, and stays booked twice.
        """
        n_added = 0
        with closing(_open(other, read_only=True)) as theirs, self._written():
            for row in theirs.execute("SELECT key, at, fault, request, completion FROM calls "
                                      "JOIN texts USING (id) ORDER BY id"):
                n_added += self._take_over(*row)
            self._db.executemany("INSERT OR IGNORE INTO failures VALUES (?, ?, ?, ?, ?)",
                                 theirs.execute("SELECT key, at, model, kind, message FROM failures"))
        self.booked = self._add_up()
        return n_added

    def add_batch(self, name: str, model: str, requests: Iterable[Request]) -> None:
        """Books a batch before it is submitted, as `planned`. Raises OutputError when the name is taken."""
        with self._written():
            self._db.execute("INSERT INTO batches VALUES (?, ?, ?, 'planned', NULL)",
                             (name, self._now(), model))
            self._db.executemany("INSERT INTO batch_requests VALUES (?, ?, ?)",
                                 ((name, place, _write(asked)) for place, asked in enumerate(requests)))

    def amend_batch(self, name: str, state: Literal["submitted", "collected", "failed"],
                    provider_id: str | None = None) -> None:
        """Says where a batch stands, and the provider's id of it once that is known."""
        with self._written():
            self._db.execute("UPDATE batches SET state = ?, provider_id = coalesce(?, provider_id) "
                             "WHERE name = ?", (state, provider_id, name))

    def batches(self) -> list[Batch]:
        """Every batch, in the order they were planned."""
        rows = self._db.execute("SELECT name, model, state, provider_id FROM batches ORDER BY at")
        return [Batch(name=name, model=model, state=state, provider_id=id_)
                for name, model, state, id_ in rows]

    def batch_requests(self, name: str) -> Iterator[Request]:
        """What a batch asks, in order."""
        rows = self._db.execute("SELECT request FROM batch_requests WHERE name = ? ORDER BY position",
                                (name,))
        return (_read_request(text) for (text,) in rows)

    def _book(self, key: str, request: Request, completion: Completion, fault: str | None) -> int:
        id_ = self._insert(key, self._now(), fault, request, completion)
        self.booked = self.booked.plus(
            Spending(1, count_booked(request, completion), completion.cost_usd or 0))
        return id_

    def _insert(self, key: str, at: int, fault: str | None, request: Request, completion: Completion) -> int:
        id_ = self._db.execute("INSERT INTO texts (request, completion) VALUES (?, ?)",
                               (_write(request), _write(completion))).lastrowid
        assert id_ is not None
        self._db.execute(
            "INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (id_, key, at, request.model, fault, completion.n_prompt_tokens, completion.n_completion_tokens,
             completion.cost_usd, count_booked(request, completion)))
        return id_

    def _take_over(self, key: str, at: int, fault: str | None, request: str, completion: str) -> bool:
        if self._db.execute("SELECT 1 FROM calls WHERE key = ? AND at = ?", (key, at)).fetchone():
            return False
        self._insert(key, at, fault, _read_request(request), _read_completion(completion))
        return True

    def _add_up(self) -> Spending:
        n_calls, n_tokens, cost_usd = self._db.execute(
            "SELECT count(*), coalesce(sum(n_tokens), 0), total(cost_usd) FROM calls").fetchone()
        return Spending(n_calls, n_tokens, cost_usd)

    def _count(self, query: str) -> dict[str, Counter[str]]:
        counts: dict[str, Counter[str]] = {}
        for model, slug, n in self._db.execute(query):
            counts.setdefault(model, Counter())[slug] = n
        return counts

    def _now(self) -> int:
        self._at = max(time.time_ns(), self._at + 1)
        return self._at

    @contextmanager
    def _written(self) -> Iterator[None]:
        """One transaction: all of it is on disk, or none."""
        self._commit_group()
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as fault:
            raise OutputError(f"the ledger {self.path} cannot be written: {fault}") from fault

    def _commit_group(self) -> None:
        """Ends the transaction of `add_soon`, if one is open, and tells who waits for it."""
        group, self._group = self._group, None
        if group is None:
            return
        try:
            self._db.execute("COMMIT")
            group.set_result(None)
        except sqlite3.Error as fault:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            group.set_exception(OutputError(f"the ledger {self.path} cannot be written: {fault}"))


def _lock(path: Path) -> sqlite3.Connection:
    """Holds the ledger for this process; the system lets go of it when the process ends, however it does."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = sqlite3.connect(f"{path}.lock", isolation_level=None, timeout=0)
    except (OSError, sqlite3.Error) as fault:
        raise OutputError(f"the ledger {path} cannot be written: {fault}") from fault
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as fault:
        lock.close()
        raise OutputError(f"the ledger {path} is in use by another build; wait for it or stop it") from fault
    return lock


def _open(path: Path, read_only: bool) -> sqlite3.Connection:
    if read_only and not path.exists():
        raise SourceNotFound(f"there is no ledger at {path}; check the path")
    mode = "ro" if read_only else "rwc"
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None)
    except sqlite3.Error as fault:
        raise OutputError(f"the ledger {path} cannot be opened: {fault}") from fault
    try:
        _prepare(db, path, read_only)
    except sqlite3.DatabaseError as fault:
        db.close()
        raise SourceUnreadable(f"{path} is no ledger of cftdata ({fault}); name another file") from fault
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, read_only: bool) -> None:
    """Makes the tables of a new ledger, and refuses what is none."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    is_new = version == 0 and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
    if is_new and not read_only:
        db.execute("PRAGMA journal_mode=WAL")
        db.executescript(f"BEGIN;{TABLES}PRAGMA user_version={VERSION};COMMIT;")
    elif version != VERSION:
        raise SourceUnreadable(f"{path} is no ledger of this version of cftdata; name another file")
    if not read_only:
        db.execute("PRAGMA synchronous=NORMAL")


def _total(model: str, counted: tuple[int, int, float, float, float | None, int], faults: Counter[str],
           failed: Counter[str]) -> ModelTotals:
    n_calls, n_usable, n_prompt, n_completion, cost_usd, n_cost_unknown = counted
    return ModelTotals(model=model, n_calls=n_calls, n_usable=n_usable, faults=dict(faults),
                       n_failures=dict(failed), n_prompt_tokens=int(n_prompt),
                       n_completion_tokens=int(n_completion), cost_usd=cost_usd,
                       n_cost_unknown=n_cost_unknown)


def _write(record: Record) -> str:
    """JSON; in ASCII where a text holds half a surrogate pair, which UTF-8 has no bytes for."""
    try:
        return record.model_dump_json()
    except PydanticSerializationError:
        return json.dumps(record.model_dump(mode="json"))


def _read_request(text: str) -> Request:
    return Request.model_validate(json.loads(text))


def _read_completion(text: str) -> Completion:
    return Completion.model_validate(json.loads(text))


def _plain(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")
