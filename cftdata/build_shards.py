"""A build in shards: its queries are shared out by what they say, each shard has a ledger of its own.

    shards/plan.json            of which recipe and source the shards are, and how many
    shards/0000/ledger.sqlite   what was paid for in the shard, over the ledger of the build
    shards/0000/*.parquet       its rows, and how many of them each of its queries has (`places`)
    shards/0000/done.json       what is known of it; written last, so that a shard is whole or absent
    shards/0000/begun           a byte for each time that it was begun

The engine says how many shards there are, makes each somewhere (`make_shard`), and shares the turns among
them. When all are done, their ledgers are one and their rows are in the order of the source again (`join`).
A build that goes on, in shards or whole, first takes over what the ledgers of all shards hold (`gather`).

    >>> choose_shard("2+2?", 8) == choose_shard(" 2+2?", 8)
    True

Not covered: folders in a store (a ledger needs a file system).
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol, TypeVar, runtime_checkable

from pydantic import ValidationError

from cftdata.driver import Driver
from cftdata.errors import ConfigError, OutputError
from cftdata.lane import Limits
from cftdata.ledger import Ledger
from cftdata.making import Counts, Opener, make_tables
from cftdata.parquet import open_output, open_rows, writing
from cftdata.paths import remove
from cftdata.pipeline import Made, Unit, Unmade, read_units
from cftdata.prompts import render
from cftdata.recipe import Recipe
from cftdata.sample import Count, Record
from cftdata.shard_join import PLACES, join_tables
from cftdata.shard_ledger import ShardLedger, absorb, drop, seal
from cftdata.turns import Share, Terms, Turns

__all__ = ["Spread", "Task", "choose_shard", "count_retries", "cut", "gather", "make_in_shards", "make_shard"]

S = TypeVar("S")
T = TypeVar("T")


@runtime_checkable
class Spread(Protocol):
    """An engine whose work is done in many places at a time, so that a build on it is cut into shards."""

    def open(self, out: str | Path | None) -> AbstractContextManager[Path]:
        """See `Engine`."""

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """See `Engine`."""

    def count_shards(self) -> int:
        """Into how many shards a build is cut that is begun now."""

    def share(self, terms: Terms) -> AbstractContextManager[Share]:
        """Turns in one place for all shards, while the block runs."""


class Plan(Record):
    """Of what the shards are."""

    mark: str
    n_shards: Count


class Done(Record):
    """What is known of a shard that is done."""

    n_queries: Count
    n_samples: Count
    n_done: Count
    is_final: bool
    """Whether nothing is left in it that could still be made."""
    is_stopped: bool


@dataclass(frozen=True)
class Task:
    """What every shard is made by. It can be pickled."""

    recipe: Recipe
    limits: Mapping[str, Limits]
    opener: Opener
    out: Path
    """The folder of the build, the same for all machines."""
    here: Path
    """Where the command was given: names in the recipe are read from there."""
    n_shards: int
    version: str
    """Of cftdata."""


def make_in_shards(task: Task, ledger: Ledger, partial_folder: Path, engine: Spread,
                   progress: Callable[[int, int], None] | None) -> Counts:
    """Makes the shards that are not done, and puts the rows of all into tables in the folder."""
    numbers = range(task.n_shards)
    todo = [number for number in numbers if not _is_final(task.out, number)]
    done = [_read_done(task.out, number) for number in numbers if number not in set(todo)]
    so_far = Counts(n_samples=sum(one.n_samples for one in done if one),
                    n_done=sum(one.n_done for one in done if one))
    terms = Terms(task.limits, task.recipe.budget, ledger.booked,
                  {total.model: ledger.dearest(total.model) for total in ledger.totals()})
    seal(ledger.path)
    with engine.share(terms) as share, _interrupts(share.stop):
        for one in engine.map(partial(make_shard, task, share), todo):
            so_far.n_samples += one.n_samples
            so_far.n_done += one.n_done
            if progress:
                progress(so_far.n_samples, so_far.n_done)
    gather(task.out, ledger)
    return _join(task, partial_folder)


def cut(recipe: Recipe, out: Path, mark: str, n_shards: int) -> int:
    """The number of shards: as they were cut, where the folder has those of the same build."""
    folder, plan = out / "shards", None
    with suppress(OSError, ValidationError):
        plan = Plan.model_validate_json((folder / "plan.json").read_bytes())
    if plan is None or plan.mark != mark:
        plan = Plan(mark=mark, n_shards=_count_shards(recipe, n_shards))
        with writing(out):
            remove(folder)
            folder.mkdir(parents=True)
            (folder / "plan.json").write_text(plan.model_dump_json(), encoding="utf-8")
    return plan.n_shards


def gather(out: Path, ledger: Ledger) -> None:
    """Takes over what the ledgers of all shards hold; they are gone when it is on the disk."""
    paths = sorted((out / "shards").glob("*/ledger.sqlite"))
    for path in paths:
        absorb(path, ledger)
    if paths:
        seal(ledger.path)
    for path in paths:
        drop(path)


def count_retries(task: Task) -> int:
    """How often a shard was begun again, over all runs."""
    begun = [path.stat().st_size for path in (task.out / "shards").glob("*/begun")]
    return sum(begun) - len(begun)


def make_shard(task: Task, share: Share, number: int) -> Done:
    """Makes a shard, where a worker is. Raises what `build` raises."""
    if (found := version("cftdata")) != task.version:
        raise ConfigError(f"a machine of the cluster has cftdata {found}, the driver {task.version}; install "
                          "one")
    with suppress(OSError):     # what the recipe names may lie elsewhere than below it
        os.chdir(task.here)
    if done := _read_done(task.out, number):    # only what it came to was lost on its way
        return done
    folder = _shard(task.out, number)
    with writing(folder):
        folder.mkdir(exist_ok=True)
        with (folder / "begun").open("ab") as begun:
            begun.write(b".")
    with ShardLedger(folder / "ledger.sqlite", task.out / "ledger.sqlite") as ledger, \
            share.join(folder.name, ledger.booked) as turns, open_output(folder) as partial_folder:
        counts = asyncio.run(_make(task, number, ledger, turns, partial_folder))
    done = Done(n_queries=counts.n_queries, n_samples=counts.n_samples, n_done=counts.n_done,
                is_stopped=counts.is_stopped,
                is_final=not (counts.is_stopped or counts.is_passing(task.opener.passing)))
    with writing(folder):
        (folder / "done.part").write_text(done.model_dump_json(), encoding="utf-8")
        (folder / "done.part").replace(folder / "done.json")
    return done


async def _make(task: Task, number: int, ledger: Ledger, turns: Turns, folder: Path) -> Counts:
    driver = Driver(ledger, task.opener, task.limits, turns=turns)
    positions: list[int] = []
    try:
        with open_rows(folder / "places.parquet", PLACES) as note:
            def tell(counts: Counts, made: Sequence[Made]) -> None:
                n_unmade = sum(isinstance(row, Unmade) for row in made)
                note({"place": positions[counts.n_done - 1], "n_samples": len(made) - n_unmade,
                      "n_unmade": n_unmade})

            return await make_tables(_take(task, number, positions), task.recipe, driver, folder, tell)
    finally:
        await driver.close()


def _take(task: Task, number: int, positions: list[int]) -> Iterator[Unit | Unmade]:
    """The units of the shard; the positions of those taken go into the list."""
    for position, unit in enumerate(read_units(task.recipe)):
        name = str(position) if isinstance(unit, Unmade) else unit.query.text
        if choose_shard(name, task.n_shards) == number:
            positions.append(position)
            yield unit


def choose_shard(query: str, n_shards: int) -> int:
    """The shard of a query; those that differ by white space alone, which prompts may drop, are together."""
    text = " ".join(query.split()).encode("utf-8", "backslashreplace")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % n_shards


def _count_shards(recipe: Recipe, wanted: int) -> int:
    """As many as wanted, where the calls of two queries are never the same; else one."""
    if not all(map(_shows_query, _list_prompts(recipe.model_dump()))):
        return 1
    return max(1, min(wanted, recipe.queries.n or wanted))


def _list_prompts(value: Any) -> Iterator[str]:
    """The prompts that are named anywhere in a recipe."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            yield from [one] if name == "prompt" and isinstance(one, str) else _list_prompts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _list_prompts(one)


def _shows_query(prompt: str) -> bool:
    one, other = (render(prompt, query=query, response="r", critique="c", steps=["s"])
                  for query in ("one", "other"))
    return one != other


def _join(task: Task, partial_folder: Path) -> Counts:
    done = [_read_done(task.out, number) for number in range(task.n_shards)]
    folders = [_shard(task.out, number) for number in range(task.n_shards)]
    missing = next((folder for folder, one in zip(folders, done, strict=True) if one is None), None)
    if missing:
        raise OutputError(f"a shard was done, but {missing} does not show it here: all machines of the "
                          "cluster, and this one, must reach the same folder")
    counts = join_tables(folders, partial_folder)
    counts.n_queries = sum(one.n_queries for one in done if one)
    counts.is_stopped = any(one.is_stopped for one in done if one)
    return counts


def _shard(out: Path, number: int) -> Path:
    return out / "shards" / f"{number:04}"


def _read_done(out: Path, number: int) -> Done | None:
    try:
        return Done.model_validate_json((_shard(out, number) / "done.json").read_bytes())
    except (OSError, ValidationError):
        return None


def _is_final(out: Path, number: int) -> bool:
    """Whether the shard is done for good; what may come to more is dropped."""
    done = _read_done(out, number)
    if done and not done.is_final:
        with writing(out):
            for name in ("done.json", "begun"):
                (_shard(out, number) / name).unlink(missing_ok=True)
    return bool(done and done.is_final)


@contextmanager
def _interrupts(stop: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C stops all shards, so that what is in flight is still booked; a second one ends the process."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)

    def hear(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, before)
        threading.Thread(target=stop).start()   # what this thread was in the middle of is not disturbed

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
