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

Not covered: checking what was built (`audit`), several machines at one build.
"""

from __future__ import annotations

import asyncio
import hashlib
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError

from cftdata.calls import Provider
from cftdata.driver import Driver, Event, Limits
from cftdata.ledger import Ledger, ModelTotals
from cftdata.parquet import arrow_schema, open_output, open_table, writing
from cftdata.pipeline import Made, Unmade, make_all, read_units
from cftdata.providers import ProviderSettings, ReplayProvider, estimate_cost, open_provider
from cftdata.recipe import OWN, Recipe
from cftdata.sample import Count, Record, Sample

__all__ = ["BuildReport", "build", "find_finished"]

PASSING = frozenset({"budget_spent", "interrupted", "set_aside", "unavailable", "pending_batch"})
"""Reasons that may be gone when the same command is given again."""
LIMITS = {"local": Limits(n_in_flight=4, timeout_s=600)}
"""Of models that are known to need others than the default: the local one has so many slots, and is slow."""
N_ROWS = 500


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


def build(recipe: Recipe, out: str | Path, *,  # noqa: PLR0913
          providers: Mapping[str, Provider] | None = None,
          replay: Path | None = None, observe: Callable[[Event], None] | None = None,
          progress: Callable[[int, int], None] | None = None) -> BuildReport:
    """Builds, or goes on building, into the folder; returns at once when it holds the finished build.

    providers: model to who answers for it, in place of the real one. replay: a recorded ledger that answers
    for all others, so that no call is made. observe: called with every event of the driver. progress: called
    with the numbers of samples and of queries done so far.
    Raises ConfigError, SourceError and its kinds, ExtraMissing, OutputError. An interrupt (Ctrl-C) lets the
    calls in flight end, writes what there is, and comes back with `is_complete` False.
    """
    folder = Path(out)
    finished = find_finished(recipe, folder)
    if finished:
        return finished
    started = time.monotonic()
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with Ledger(folder / "ledger.sqlite") as ledger, open_output(folder) as partial:
        def open_one(model: str) -> Provider:
            given = (providers or {}).get(model)
            return given or (ReplayProvider(replay) if replay else _open(model, recipe))

        counts = asyncio.run(_run(recipe, ledger, partial, open_one, observe, progress))
        # what a recording lacks, a provider may answer
        passing = PASSING | {"rejected"} if replay else PASSING
        report = _report(recipe, counts, ledger, passing, time.monotonic() - started)
        with writing(folder):
            (partial / "build.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


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


@dataclass
class _Counts:
    """What was made so far."""

    n_queries: int = 0
    n_done: int = 0
    n_samples: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    critics: Counter[str] = field(default_factory=Counter)
    unmade: Counter[str] = field(default_factory=Counter)
    is_stopped: bool = False

    @property
    def is_spent(self) -> bool:
        """Whether the budget has ended it: what comes after would come to nothing."""
        return any(key.endswith(":budget_spent") for key in self.unmade)

    def add(self, made: Made) -> None:
        """Counts a row."""
        if isinstance(made, Unmade):
            self.unmade[f"{made.stage}:{made.reason}"] += 1
            return
        self.n_samples += 1
        if made.critique:
            self.critics[made.critique.provenance.model or "unknown"] += 1
            self.faults.update([made.critique.planted_fault] if made.critique.planted_fault else [])


async def _run(recipe: Recipe, ledger: Ledger, partial: Path,  # noqa: PLR0913, PLR0917
               open_one: Callable[[str], Provider], observe: Callable[[Event], None] | None,
               progress: Callable[[int, int], None] | None) -> _Counts:
    """Makes all rows and writes them into the folder."""
    counts = _Counts()
    driver = Driver(ledger, open_one, LIMITS | recipe.limits, recipe.budget, observe, price=estimate_cost)
    try:
        with _writer(partial / "samples.parquet", Sample) as keep, \
                _writer(partial / "unmade.parquet", Unmade) as note, _interrupts(driver):
            async for made in make_all(_counted(recipe, counts), recipe, driver.ask,
                                       lambda: driver.is_stopped or counts.is_spent):
                for row in made:
                    counts.add(row)
                    (note if isinstance(row, Unmade) else keep)(row)
                counts.n_done += 1
                if progress:
                    progress(counts.n_samples, counts.n_done)
        counts.is_stopped = driver.is_stopped
    finally:
        await driver.close()
    return counts


def _open(model: str, recipe: Recipe) -> Provider:
    return open_provider(model, recipe.providers.get(model, ProviderSettings()))


def _counted(recipe: Recipe, counts: _Counts) -> Iterator[Any]:
    for unit in read_units(recipe):
        counts.n_queries += 1
        yield unit


@contextmanager
def _writer(path: Path, kind: type[Record]) -> Iterator[Callable[[Record], None]]:
    """Takes rows and writes them some hundreds at a time."""
    import pyarrow as pa

    schema, pending = arrow_schema(kind), list[dict[str, Any]]()

    def flush() -> None:
        write(pa.RecordBatch.from_pylist(pending, schema=schema))
        pending.clear()

    def take(row: Record) -> None:
        pending.append(row.model_dump(mode="json"))
        if len(pending) == N_ROWS:
            flush()

    with open_table(path, schema) as write:
        yield take
        flush()


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


def _report(recipe: Recipe, counts: _Counts, ledger: Ledger, passing: Set[str],
            seconds: float) -> BuildReport:
    models = tuple(ledger.totals())
    known = [total.cost_usd for total in models if total.cost_usd is not None]
    is_passing = any(key.partition(":")[2] in passing for key in counts.unmade)
    return BuildReport(
        recipe=recipe.ref, cftdata_version=version("cftdata"), source=recipe.queries.source,
        source_hash=hash_source(recipe), is_complete=not (counts.is_stopped or is_passing),
        n_queries=counts.n_queries, n_samples=counts.n_samples,
        planted_faults=dict(counts.faults.most_common()),
        samples_by_critic=dict(counts.critics.most_common()), unmade=dict(counts.unmade.most_common()),
        models=models, cost_usd=sum(known) if known or not models else None, seconds=round(seconds, 3))
