"""A build through providers' batch APIs: half the price, answers within a day, the same ledger.

Each call of `advance` does what can be done now: collects what providers have finished; when nothing is left
with them, submits what the build would ask next (responses first, then the critiques of them). When nothing
is left to submit, `build` finds all answers in the ledger, and asks directly only for what no batch brings:
models without a batch API, and answers that could not be used.

    >>> asyncio.run(advance(load_recipe("mine.yaml"), Path("build/mine"))).is_ready     # doctest: +SKIP
    False

Not covered: waiting (give the command again, by hand or by cron), budgets (a batch is sent whole; see the dry
run for its price first).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from cftdata.batches import MOST_REQUESTS, SPEAKERS, Batches
from cftdata.calls import Completion, Request
from cftdata.driver import Answer, Check
from cftdata.ledger import Batch, Ledger
from cftdata.parquet import writing
from cftdata.pipeline import make_all, read_units
from cftdata.providers import ProviderSettings
from cftdata.recipe import Recipe
from cftdata.sample import Count, Record

__all__ = ["Advanced", "advance"]


class Advanced(Record):
    """What one call brought."""

    n_collected: Count = 0
    """Answers that came from batches now done."""
    n_failed: Count = 0
    """Requests that a batch did not answer; the build asks for them directly."""
    n_waiting: Count = 0
    """Requests that providers are still working on."""
    n_submitted: Count = 0
    """Requests that were sent now."""
    notes: tuple[str, ...] = ()
    """A sentence for each batch that failed."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing is with a provider: the build can go on."""
        return not (self.n_waiting or self.n_submitted)


class Collector:
    """Stands in the driver's place: answers from the ledger, and notes what a batch could bring."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.missing: dict[str, dict[str, Request]] = {}

    async def ask(self, request: Request, check: Check | None = None) -> Answer:
        """What the ledger holds; what was asked before without use is left to the build."""
        kept = self.ledger.kept(request.key)
        for one in kept:
            if one.fault is None and not (check and check(one.completion.text)):
                return Answer(one.completion, None)
        if not kept and not self.ledger.failures(request.key) and _has_batches(request.model):
            self.missing.setdefault(request.model, {})[request.key] = request
        return Answer(None, "pending_batch")


def _has_batches(model: str) -> bool:
    return model.partition("/")[0] in SPEAKERS


async def advance(recipe: Recipe, out: Path) -> Advanced:
    """Collects, or submits, what can be; to be called again until it `is_ready`.

    Raises ConfigError, CallError (the provider cannot be reached: nothing is lost, call again), SourceError
    and its kinds, ExtraMissing, OutputError.
    """
    with writing(out):
        out.mkdir(parents=True, exist_ok=True)
    with Ledger(out / "ledger.sqlite") as ledger:
        so_far = Advanced()
        for batch in ledger.batches():
            if batch.state in ("planned", "submitted"):
                so_far = _add(so_far, await _look(batch, ledger, recipe))
        if so_far.n_waiting:
            return so_far
        return _add(so_far, await _submit(ledger, recipe))


async def _look(batch: Batch, ledger: Ledger, recipe: Recipe) -> Advanced:
    """What has become of a batch."""
    desk = _desk(ledger, batch.model, recipe)
    await desk.resume(batch.name)
    progress = await desk.poll(batch.name)
    if progress.status == "working":
        return Advanced(n_waiting=sum(1 for _ in ledger.batch_requests(batch.name)))
    if progress.status == "failed":
        return Advanced(notes=(f"the batch {batch.name} of {batch.model} failed: {progress.said}",))
    answers = [answer async for _, answer in desk.collect(batch.name)]
    n_collected = sum(isinstance(answer, Completion) for answer in answers)
    return Advanced(n_collected=n_collected, n_failed=len(answers) - n_collected)


async def _submit(ledger: Ledger, recipe: Recipe) -> Advanced:
    """Sends what the build would ask next and a batch can bring."""
    collector = Collector(ledger)
    async for _ in make_all(read_units(recipe), recipe, collector.ask, lambda: False):
        pass
    n_submitted = 0
    for model, missing in collector.missing.items():
        for part in _cut(list(missing.values())):
            await _desk(ledger, model, recipe).submit(part, model)
            n_submitted += len(part)
    return Advanced(n_submitted=n_submitted)


def _desk(ledger: Ledger, model: str, recipe: Recipe) -> Batches:
    return Batches(ledger, recipe.providers.get(model, ProviderSettings()))


def _cut(requests: Sequence[Request]) -> Iterator[list[Request]]:
    iterator = iter(requests)
    while part := list(islice(iterator, MOST_REQUESTS)):
        yield part


def _add(one: Advanced, other: Advanced) -> Advanced:
    return Advanced(
        n_collected=one.n_collected + other.n_collected, n_failed=one.n_failed + other.n_failed,
        n_waiting=one.n_waiting + other.n_waiting, n_submitted=one.n_submitted + other.n_submitted,
        notes=one.notes + other.notes)
