"""A build: the line of a recipe run to its end, onto disk, and again from where it broke off.

    samples.parquet   one row a critique, with who wrote what, by which prompt, at what price
    unmade.parquet    one row for everything that did not come to be, with the reason
    build.json        the `BuildReport`
    ledger.sqlite     every completion that was paid for

The ledger is the state. The same command on the same folder makes the rows again from what is in it, asks
only for what is not, and puts the tables in place whole. A finished build is known by its report and is done
at once.

    >>> build(load_recipe("error-injection"), "built").n_samples        # doctest: +SKIP
    400

An engine that spreads its work makes the same rows in shards (`build_shards`), on as many machines as it has.

Not covered: checking what was built (`audit`).
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from cftdata.build_shards import Spread, Task, count_retries, cut, gather, make_in_shards
from cftdata.calls import Provider
from cftdata.driver import Driver, Event
from cftdata.engine import Engine
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger, ModelTotals
from cftdata.making import LIMITS, Counts, Opener, make_tables
from cftdata.parquet import open_output, writing
from cftdata.paths import is_remote, remove
from cftdata.pipeline import Made, read_units
from cftdata.providers import estimate_cost
from cftdata.recipe import OWN, Recipe
from cftdata.sample import Count, Record

__all__ = ["BuildReport", "build", "find_finished", "place"]

class BuildReport(Record):
    """What a build made."""

    recipe: str
    """The recipe as id@hash."""
    cftdata_version: str
    """Version that built it."""
    source: str
    """Where the queries come from."""
    source_hash: str
    """Of the source's files: names, sizes and times; of a Hub set its name and revision."""
    is_complete: bool
    """Whether nothing is left that the same command could still make."""
    n_queries: Count
    """Rows of the source that were taken."""
    n_samples: Count
    """Rows in samples.parquet."""
    planted_faults: dict[str, Count]
    """Fault to the number of samples whose critique has it by design."""
    samples_by_critic: dict[str, Count]
    """Critic to its samples."""
    unmade: dict[str, Count]
    """stage:reason to the number of rows in unmade.parquet."""
    models: tuple[ModelTotals, ...]
    """What was asked of each model, over all runs."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Sum of the known prices over all runs; None when calls were made and none is known."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time of the last run that had work to do."""
    n_retries: Count = 0
    """How often a part of the build was begun again because a process or a machine was lost."""


def build(recipe: Recipe, out: str | Path, *,  # noqa: PLR0913
          providers: Mapping[str, Provider] | None = None,
          replay: Path | None = None, observe: Callable[[Event], None] | None = None,
          progress: Callable[[int, int], None] | None = None, engine: Engine | None = None) -> BuildReport:
    """Builds, or goes on building, into the folder; returns at once when it holds the finished build.

    providers: model to who answers for it, in place of the real one. replay: a recorded ledger that answers
    for all others, so that no call is made. observe: called with every event of the driver, where there is
    one alone. progress: called with the numbers of samples and of queries done so far. engine: None, and any
    that does not spread, builds in this process.
    Raises ConfigError, SourceError and its kinds, ExtraMissing, OutputError. An interrupt (Ctrl-C) lets the
    calls in flight end, writes what there is, and comes back with `is_complete` False.
    """
    folder = place(out)
    finished = find_finished(recipe, folder)
    if finished:
        return finished
    started = time.monotonic()
    opener = Opener(recipe, providers or {}, replay)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with Ledger(folder / "ledger.sqlite") as ledger:
        gather(folder, ledger)  # what shards paid for that were left undone
        with open_output(folder) as partial:
            if isinstance(engine, Spread):
                counts, n_retries = _make_spread(recipe, ledger, partial, opener, engine, progress)
            else:
                counts, n_retries = asyncio.run(_make(recipe, ledger, partial, opener, observe, progress)), 0
            report = _report(recipe, counts, ledger, opener.passing, time.monotonic() - started, n_retries)
            with writing(folder):
                (partial / "build.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
        with writing(folder):
            remove(folder / "shards")
    return report


def place(out: str | Path) -> Path:
    """The folder that is built into. Raises ConfigError where it is one of a store."""
    if is_remote(out):
        raise ConfigError(f"a build cannot go into {out}, since its ledger needs a file system; build into a "
                          "folder, and copy what was built")
    return Path(out).absolute()


def find_finished(recipe: Recipe, folder: Path) -> BuildReport | None:
    """The report of the finished build of this recipe from this source in the folder, if it is there."""
    try:
        report = BuildReport.model_validate_json((folder / "build.json").read_bytes())
    except (OSError, ValidationError):
        return None
    is_same = (report.recipe, report.source_hash, report.cftdata_version) == (
        recipe.ref, hash_source(recipe), version("cftdata"))
    return report if is_same and report.is_complete and (folder / "samples.parquet").is_file() else None


def hash_source(recipe: Recipe) -> str:
    """A hash that changes with the source: over names, sizes and times of its files."""
    queries = recipe.queries
    path = Path(queries.source)
    said = [queries.source, queries.revision or ""]
    if queries.source != OWN and path.exists():
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        stats = [(file, file.stat()) for file in files if file.is_file()]
        said += [f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in stats]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16]


async def _make(recipe: Recipe, ledger: Ledger, partial: Path,  # noqa: PLR0913, PLR0917
                opener: Opener, observe: Callable[[Event], None] | None,
                progress: Callable[[int, int], None] | None) -> Counts:
    """Makes all rows, here, and writes them into the folder."""
    driver = Driver(ledger, opener, LIMITS | recipe.limits, recipe.budget, observe, price=estimate_cost)

    def tell(counts: Counts, made: Sequence[Made]) -> None:
        if progress:
            progress(counts.n_samples, counts.n_done)

    try:
        with _interrupts(driver):
            return await make_tables(read_units(recipe), recipe, driver, partial, tell)
    finally:
        await driver.close()


def _make_spread(recipe: Recipe, ledger: Ledger, partial: Path,  # noqa: PLR0913, PLR0917
                 opener: Opener, engine: Spread,
                 progress: Callable[[int, int], None] | None) -> tuple[Counts, int]:
    """Makes all rows, in shards, and writes them into the folder; how often shards were begun again too."""
    mark = f"{recipe.ref} {hash_source(recipe)} {version('cftdata')}"
    with engine.open(ledger.path.parent) as folder:
        n_shards = cut(recipe, folder, mark, engine.count_shards())
        task = Task(recipe, LIMITS | recipe.limits, opener, folder, Path.cwd(), n_shards, version("cftdata"))
        counts = make_in_shards(task, ledger, partial, engine, progress)
    return counts, count_retries(task)


@contextmanager
def _interrupts(driver: Driver) -> Iterator[None]:
    """Ctrl-C stops the driver, so that what is in flight is still booked; a second one ends the process."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGINT)

    def stop() -> None:
        driver.stop()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, before)

    is_main = threading.current_thread() is threading.main_thread()
    if is_main:
        loop.add_signal_handler(signal.SIGINT, stop)
    try:
        yield
    finally:
        if is_main:
            loop.remove_signal_handler(signal.SIGINT)
            signal.signal(signal.SIGINT, before)


def _report(recipe: Recipe, counts: Counts, ledger: Ledger, passing: Set[str],  # noqa: PLR0913, PLR0917
            seconds: float, n_retries: int) -> BuildReport:
    models = tuple(ledger.totals())
    known = [total.cost_usd for total in models if total.cost_usd is not None]
    return BuildReport(
        recipe=recipe.ref, cftdata_version=version("cftdata"), source=recipe.queries.source,
        source_hash=hash_source(recipe), is_complete=not (counts.is_stopped or counts.is_passing(passing)),
        n_queries=counts.n_queries, n_samples=counts.n_samples,
        planted_faults=dict(counts.faults.most_common()),
        samples_by_critic=dict(counts.critics.most_common()), unmade=dict(counts.unmade.most_common()),
        models=models, cost_usd=sum(known) if known or not models else None, seconds=round(seconds, 3),
        n_retries=n_retries)
