"""A row that kills, hangs or fills its process is given up alone, and nothing else is lost.

No cluster is needed for it.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
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


def tell_process(place: int, rows: list[RawRow]) -> list[str]:
    """The process that looks at them, and which job that was."""
    return [f"{place} {os.getpid()}"]


def run(guard: Guard[list[str]]) -> list[str]:
    """What came of one batch."""
    return list(chain.from_iterable(chain.from_iterable(guard.run(make_batches(["a", "b"], 2)))))


def test_one_process_goes_on_with_another_job() -> None:
    guard = Guard(make_job(partial(tell_process, 1)), PATIENCE)
    try:
        [one] = run(guard)
        guard.take(make_job(partial(tell_process, 2)), PATIENCE)
        [two] = run(guard)
    finally:
        guard.close()
    assert (one[0], two[0]) == ("1", "2")
    assert one[2:] == two[2:]


def test_a_process_that_died_between_is_replaced_by_one_that_knows_the_job() -> None:
    guard = Guard(make_job(partial(tell_process, 1)), PATIENCE)
    try:
        run(guard)
        guard.take(make_job(partial(tell_process, 2)), PATIENCE)
        [before] = run(guard)
        os.kill(int(before[2:]), signal.SIGKILL)
        time.sleep(1)
        [after] = run(guard)
    finally:
        guard.close()
    assert after[0] == "2"
    assert after[2:] != before[2:]


def test_a_process_that_only_knows_an_earlier_job_does_nothing() -> None:
    first, second = (make_job(partial(meet_and_work, 0.2, partial(tell_process, n))) for n in (1, 2))
    guard = Guard(first, PATIENCE, n_processes=2)
    batches = make_batches(["a"] * 8, 1)
    try:
        before = {said[2:] for results in guard.run(batches) for [said] in results}
        guard.take(second, PATIENCE)        # one of the two hears of it
        after = [said for results in guard.run(batches) for [said] in results]
    finally:
        guard.close()
    assert len(before) == 2
    assert [said[0] for said in after] == ["2"] * 8


def test_what_is_not_waited_for_ends() -> None:
    guard = Guard(make_job(), PATIENCE)
    before = set(multiprocessing.active_children())
    done = guard.run(make_batches(["a", "b", "c", "HANG"], 1))
    assert next(done) == [["a"]]
    done.close()
    assert set(multiprocessing.active_children()) <= before
