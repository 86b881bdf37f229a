"""Making: the line of a recipe run over units, its rows into tables. What a build does, whole or in shards.

    samples.parquet   one row a critique
    unmade.parquet    one row for everything that did not come to be, with the reason

    >>> counts = await make_tables(read_units(recipe), recipe, driver, folder)         # doctest: +SKIP

Not covered: where the driver's ledger lies and what is done with the tables (`builds`, `build_shards`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cftdata.calls import Provider
from cftdata.driver import Driver, Limits
from cftdata.parquet import arrow_schema, open_rows
from cftdata.pipeline import Made, Unit, Unmade, make_all
from cftdata.providers import ProviderSettings, ReplayProvider, open_provider
from cftdata.recipe import Recipe
from cftdata.sample import Sample

__all__ = ["LIMITS", "PASSING", "TABLES", "Counts", "Opener", "make_tables"]

PASSING = frozenset({"budget_spent", "interrupted", "set_aside", "unavailable", "pending_batch"})
"""Reasons that may be gone when the same command is given again."""
LIMITS = {"local": Limits(n_in_flight=4, timeout_s=600)}
"""Of models that are known to need others than the default: the local one has so many slots, and is slow."""
TABLES = {"samples": arrow_schema(Sample), "unmade": arrow_schema(Unmade)}
"""Name to schema."""


@dataclass
class Counts:
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

    def is_passing(self, passing: Iterable[str]) -> bool:
        """Whether something was not made for one of these reasons."""
        return bool({key.partition(":")[2] for key in self.unmade}.intersection(passing))

    def add(self, made: Made) -> None:
        """Counts a row."""
        if isinstance(made, Unmade):
            self.unmade[f"{made.stage}:{made.reason}"] += 1
            return
        self.n_samples += 1
        if made.critique:
            self.add_critique(made.critique.provenance.model, made.critique.planted_fault)

    def add_critique(self, model: str | None, planted_fault: str | None) -> None:
        """Counts what is known of a sample's critique."""
        self.critics[model or "unknown"] += 1
        self.faults.update([planted_fault] if planted_fault else [])


@dataclass(frozen=True)
class Opener:
    """Who answers for a model: whoever is given, else a recording where there is one, else the provider."""

    recipe: Recipe
    given: Mapping[str, Provider] = field(default_factory=dict)
    replay: Path | None = None

    def __call__(self, model: str) -> Provider:
        """The model's provider."""
        if model in self.given:
            return self.given[model]
        if self.replay:
            return ReplayProvider(self.replay)
        return open_provider(model, self.recipe.providers.get(model, ProviderSettings()))

    @property
    def passing(self) -> frozenset[str]:
        """See `PASSING`; what a recording lacks, a provider may answer."""
        return PASSING | {"rejected"} if self.replay else PASSING


async def make_tables(units: Iterable[Unit | Unmade], recipe: Recipe, driver: Driver, folder: Path,
                      tell: Callable[[Counts, Sequence[Made]], None] | None = None) -> Counts:
    """Makes all rows and writes them into the folder. tell: called with the rows of each unit, in order."""
    counts = Counts()
    with open_rows(folder / "samples.parquet", TABLES["samples"]) as keep, \
            open_rows(folder / "unmade.parquet", TABLES["unmade"]) as note:
        async for made in make_all(_counted(units, counts), recipe, driver.ask,
                                   lambda: driver.is_stopped or counts.is_spent):
            for row in made:
                counts.add(row)
                (note if isinstance(row, Unmade) else keep)(row.model_dump(mode="json"))
            counts.n_done += 1
            if tell:
                tell(counts, made)
    counts.is_stopped = driver.is_stopped
    return counts


def _counted(units: Iterable[Unit | Unmade], counts: Counts) -> Iterator[Any]:
    for unit in units:
        counts.n_queries += 1
        yield unit
