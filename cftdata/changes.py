"""Changing rows: mended from the evidence, or written again; each verified, written to disk, in order.

What comes to nothing is dropped, with why: relabel_not_known (the evidence does not put it right),
relabel_not_borne_out (the explanation does not say what the turned verdict does), relabel_not_passed;
regenerate_not_checkable (no reference says whether another verdict would be right, so nothing is asked),
regenerate_WHY (see `regenerate`).

    >>> change(selection, Path("ledger.sqlite"), Path("changed.parquet"), {}, None)        # doctest: +SKIP
    ()

This process does it, on a cluster too: it holds the ledger, and asks.

Not covered: changing a row twice.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.batch import sample_schema
from cftdata.calls import Provider
from cftdata.deciding import Row
from cftdata.decisions import can_be_checked, find_faults, is_accepted
from cftdata.driver import Ask, Driver, Event
from cftdata.errors import ConfigError
from cftdata.ledger import Ledger, ModelTotals
from cftdata.making import LIMITS
from cftdata.parquet import open_rows
from cftdata.policy import Policy
from cftdata.providers import ProviderSettings, estimate_cost, open_provider
from cftdata.regenerate import regenerate
from cftdata.relabel import is_borne_out, relabel
from cftdata.sample import Decision, Sample
from cftdata.selection import Selection
from cftdata.verifiers import verify

__all__ = ["PASSING", "change"]

N_UNDER_WAY = 64
PASSING = frozenset({"regenerate_budget_spent", "regenerate_interrupted", "regenerate_set_aside",
                     "regenerate_unavailable"})
"""Reasons that may be gone when the same command is given again."""



class Change(NamedTuple):
    """What came of one row."""

    row: Row
    sample: Sample | None
    """What stands in its place, verified; None when nothing does."""
    why: str
    """Why nothing does; empty when something does."""


def change(selection: Selection, ledger: Path, changed: Path, providers: Mapping[str, Provider],
           observe: Callable[[Event], None] | None) -> tuple[ModelTotals, ...]:
    """Changes what is to be changed; its rows, in order, go to the file `changed`.

    Gives what was asked of each model, over all runs on the ledger. When it is interrupted, calls in flight
    are booked first. Raises ConfigError, OutputError, ExtraMissing.
    """
    return asyncio.run(_change(selection, ledger, changed, providers, observe))


async def _change(selection: Selection, path: Path, changed: Path, providers: Mapping[str, Provider],
                  observe: Callable[[Event], None] | None) -> tuple[ModelTotals, ...]:
    settings = selection.screen.policy.regenerate
    with Ledger(path) as ledger, open_rows(changed, sample_schema()) as write:
        driver = Driver(ledger, partial(_open, providers, selection.screen.policy),
                        LIMITS | settings.limits, settings.budget, observe, price=estimate_cost)
        try:
            async with aclosing(_change_all(selection, _Changer(selection, driver.ask))) as done:
                async for one in done:
                    _take(one, write)
        finally:
            await driver.close()
        return tuple(ledger.totals())


def _open(providers: Mapping[str, Provider], policy: Policy, model: str) -> Provider:
    """Who answers for a model. Raises ConfigError."""
    settings = policy.regenerate
    if model in providers:
        return providers[model]
    try:
        return open_provider(model, settings.providers.get(model, ProviderSettings()))
    except ConfigError as fault:
        if settings.critic is not None:
            raise
        raise ConfigError(f"{model!r} wrote critiques that are to be written again, and cannot be asked "
                          f"under that name; name a critic in the policy {policy.id}, as in "
                          "regenerate: {critic: {model: openai/gpt-4.1}}") from fault


async def _change_all(selection: Selection, changer: _Changer) -> AsyncGenerator[Change]:
    """What came of every row that is to be changed, in order; some rows are under way at a time."""
    under_way: deque[asyncio.Task[Change]] = deque()
    try:
        for row, sample in selection.read_to_change():
            under_way.append(asyncio.create_task(changer.change(row, sample)))
            if len(under_way) >= N_UNDER_WAY:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def _take(change: Change, write: Callable[[dict[str, Any]], None]) -> None:
    """Notes what came of a row, and writes what stands in its place."""
    row, sample = change.row, change.sample
    if sample is None:
        row.drop(change.why[:60], row.choice.detail)
        return
    row.new_id, row.verdict = sample.id, sample.critique.verdict if sample.critique else None
    decision = Decision(action=row.choice.action, reason=row.choice.reason)
    stands = sample.model_copy(update={"decision": decision})
    write(stands.model_dump(mode="json") | {"source_row": row.source_row, "file": None})


class _Changer:
    """Changes single rows."""

    def __init__(self, selection: Selection, ask: Ask) -> None:
        self.screen, self.agreed, self.ask = selection.screen, selection.agreed, ask
        self.turn = asyncio.Lock()

    async def change(self, row: Row, sample: Sample) -> Change:
        """The row mended, or written again."""
        if row.choice.action == "relabel":
            return await self._relabel(row, sample)
        if not can_be_checked(sample, self.screen.policy, self.agreed):
            return Change(row, None, "regenerate_not_checkable")
        again = await regenerate(sample, self.screen.policy.regenerate, self.ask, self.accept)
        return Change(row, again.sample, "" if again.sample else f"regenerate_{again.reason}")

    async def _relabel(self, row: Row, sample: Sample) -> Change:
        policy = self.screen.policy
        faults = [said for said in find_faults(sample, self.agreed)
                  if policy.action_for(said.verifier, said.reason) == "relabel"]
        mended = relabel(sample, faults)
        if mended is None:
            return Change(row, None, "relabel_not_known")
        passed = await self.accept(mended)
        if passed is None:
            return Change(row, None, "relabel_not_passed")
        is_told = is_borne_out(sample, passed)
        return Change(row, passed if is_told else None, "" if is_told else "relabel_not_borne_out")

    async def accept(self, sample: Sample) -> Sample | None:
        """The sample verified, where it may stand. One at a time, beside the calls in flight: those would be
        taken for unanswered if this held them up."""
        async with self.turn:
            return await asyncio.to_thread(self._verify, sample)

    def _verify(self, sample: Sample) -> Sample | None:
        policy, protocol = self.screen.policy, self.screen.protocol
        [verified] = verify([sample], protocol.verifiers, timeout_s=protocol.timeout_s)
        is_good = is_accepted(verified, policy, self.agreed, protocol.uncounted)
        return verified if is_good and self.screen.refuse(verified) is None else None
