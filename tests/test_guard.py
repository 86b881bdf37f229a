"""A row that kills, hangs or fills its process is given up alone, and nothing else is lost.

No cluster is needed for it.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from functools import partial
from itertools import chain
from pathlib import Path

import pytest
from hostile import meet_and_work

from cftdata.engine import Job, Part, Source, Spoilt
from cftdata.errors import ConfigError
from cftdata.guard import Guard, Patience
from cftdata.tables import RawRow

PATIENCE = Patience(batch_s=4, row_s=2)


def name_rows(rows: list[RawRow]) -> list[str]:
    """Their queries."""
    return [str((row.columns or {})["query"]) for row in rows]


def name_instead(row: RawRow, spoilt: Spoilt, may_read: bool) -> list[str]:
    """What is left of a spoilt row; of one that says TWICE nothing, for that kills again."""
    if may_read and "TWICE" in str(row.columns):
        meet_and_work(0, name_rows, [row])
    return [f"{row.row} {spoilt} {may_read}"]


def refuse(rows: list[RawRow]) -> list[str]:
    """A fault of the run."""
    raise ConfigError(f"{len(rows)} rows are too many; give fewer")


def keep(part: Part, results: Iterable[list[str]]) -> list[str]:
    """All of them."""
    return [one for result in results for one in result]


def make_job(work: object = None) -> Job[list[str], list[str]]:
    """A job on such rows."""
    return Job(Source("set"), work or partial(meet_and_work, 0, name_rows),  # type: ignore[arg-type]
               name_instead, keep, list, "mark")


def make_batches(queries: list[str], n: int) -> list[list[RawRow]]:
    """Batches of n rows."""
    rows = [RawRow(i, "set", {"query": query}) for i, query in enumerate(queries)]
    return [rows[at:at + n] for at in range(0, len(rows), n)]


@pytest.mark.parametrize(("n", "n_processes"), [(1, 1), (3, 1), (100, 1), (2, 3)])
def test_bad_rows_are_given_up_alone(n: int, n_processes: int) -> None:
    queries = ["a", "b", "KILL", "c", "d", "FILL", "e", "KILL TWICE", "f", "g", "h"]
    before = set(multiprocessing.active_children())
    guard = Guard(make_job(), PATIENCE, n_processes)
    try:
        said = guard.job.keep(Part(Path()), chain.from_iterable(guard.run(make_batches(queries, n))))
    finally:
        guard.close()
    assert set(multiprocessing.active_children()) <= before
    assert said == ["a", "b", "2 crashed True", "c", "d", "5 crashed True", "e", "7 crashed False",
                    "f", "g", "h"]


def test_a_row_that_hangs_costs_its_time_only() -> None:
    guard = Guard(make_job(), PATIENCE)
    try:
        results = chain.from_iterable(guard.run(make_batches(["a", "HANG", "b", "c", "d"], 2)))
        said = list(chain.from_iterable(results))
    finally:
        guard.close()
    assert said == ["a", "1 time_limit True", "b", "c", "d"]


def test_a_fault_of_the_run_is_no_row_s() -> None:
    guard = Guard(make_job(refuse), PATIENCE)
    try:
        with pytest.raises(ConfigError, match="give fewer"):
            list(guard.run(make_batches(["a", "b"], 2)))
    finally:
        guard.close()
