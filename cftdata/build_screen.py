"""What `cftdata build` shows a person: what was made, what it would ask, what the ledger holds, and progress.

    >>> show_build(report, Path("built"))        # doctest: +SKIP

Not covered: the audit of what was built (see `terminal`).
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cftdata.terminal import clip, new_console, new_table, plain_text, tell_retries
from cftdata.words import interval

if TYPE_CHECKING:
    from rich.table import Table

    from cftdata.builds import BuildReport
    from cftdata.driver import Event
    from cftdata.figures import AuditReport
    from cftdata.ledger import ModelTotals
    from cftdata.plans import Plan

SECONDS_BETWEEN_LINES = 10

__all__ = ["show_build", "show_critics", "show_ledger", "show_plan", "tell_rows", "watch"]


def show_build(report: BuildReport, out: Path) -> None:
    """Prints what was made, what was not and why, and what it cost."""
    console = new_console()
    console.print(plain_text(f"{report.recipe}: {report.n_samples:,} samples of {report.n_queries:,} rows of "
                             f"{clip(report.source)}"))
    table = new_table("critic", "critiques", ("samples",))
    for critic, n in report.samples_by_critic.items():
        table.add_row(plain_text(clip(critic)), f"{n:,}")
    console.print(table)
    for reason, n in report.unmade.items():
        console.print(plain_text(f"! not made: {n:,} × {reason} (see unmade.parquet)"))
    if report.models:
        console.print(_tabulate_models(report.models))
    for line in tell_retries(report.n_retries):
        console.print(plain_text(line))
    if not report.is_complete:
        console.print(plain_text("! not complete: the same command goes on, and pays for nothing twice"))
    console.print(plain_text(f"samples: {out / 'samples.parquet'}"))


def show_critics(report: AuditReport) -> None:
    """Prints, critic by critic, how many verdicts and how many claims are wrong, with intervals."""
    columns = ("n", "wrong verdict", "interval", "false claim", "interval", "any error", "interval")
    table = new_table("critic", "critics, by what the audit finds", columns)
    for group in report.groups:
        if list(group.by) == ["critic"]:
            rates = [group.rates[name] for name in ("verdict_error", "claim_error", "any_error")]
            cells = [(f"{rate.n_hits:,}/{rate.n_decided:,}", interval(rate)) for rate in rates]
            name = plain_text(clip(group.by["critic"] or "(none)"))
            table.add_row(name, f"{group.n_samples:,}", *(cell for pair in cells for cell in pair))
    new_console().print(table)


def show_ledger(totals: Sequence[ModelTotals]) -> None:
    """Prints calls, tokens, costs and failures by model."""
    new_console().print(_tabulate_models(totals) if totals else plain_text("the ledger holds no call"))


def _tabulate_models(totals: Sequence[ModelTotals]) -> Table:
    table = new_table("model", "calls, over all runs", ("calls", "usable", "tokens in", "tokens out", "cost",
                                                        "of no use", "failed"))
    for one in totals:
        table.add_row(plain_text(clip(one.model)), f"{one.n_calls:,}", f"{one.n_usable:,}",
                      f"{one.n_prompt_tokens:,}", f"{one.n_completion_tokens:,}", _cost(one),
                      _list(one.faults), _list(one.n_failures))
    return table


def _cost(one: ModelTotals) -> str:
    unknown = f"{one.n_cost_unknown:,} calls unknown" if one.n_cost_unknown else ""
    known = "" if one.cost_usd is None else _price(one.cost_usd)
    return " + ".join(part for part in (known, unknown) if part) or "$0"


def _price(cost_usd: float | None) -> str:
    return "unknown" if cost_usd is None else f"${cost_usd:,.4f}" if cost_usd else "$0"


def _list(counts: dict[str, int]) -> str:
    return ", ".join(f"{n:,} {name}" for name, n in counts.items()) or "0"


def show_plan(plan: Plan) -> None:
    """Prints what a build would ask of whom, and the first prompt in full."""
    console = new_console()
    cost = "unknown: no price is listed for some model" if plan.cost_usd is None else _price(plan.cost_usd)
    console.print(plain_text(f"{plan.recipe}: {plan.n_queries:,} queries, {plan.n_rows:,} critiques, "
                             f"{plan.n_calls:,} calls, estimated cost {cost}; nothing was sent"))
    columns = ("calls", "paid already", "tokens in", "tokens out", "cost")
    table = new_table("model", "calls to be made", columns)
    for one in plan.models:
        table.add_row(plain_text(clip(one.model)), f"{one.n_calls:,}", f"{one.n_paid:,}",
                      f"≈ {one.n_prompt_tokens:,}", f"≤ {one.n_completion_tokens:,}", _price(one.cost_usd))
    if plan.models:
        console.print(table)
    for reason, n in plan.unmade.items():
        console.print(plain_text(f"! would not be made: {n:,} × {reason}"))
    for message in plan.first_prompt:
        console.print(plain_text(f"--- first prompt, {message.role}"))
        for line in message.content.split("\n"):
            console.print(plain_text(line))


def tell_rows(n_rows: int, n_done: int) -> None:
    """A line of a build whose calls are made elsewhere."""
    print(f"cftdata: {n_rows:,} rows of {n_done:,} queries", file=sys.stderr)


@contextmanager
def watch(n_queries: int | None) -> Iterator[tuple[Callable[[int, int], None], Callable[[Event], None]]]:
    """Progress on standard error: a line that moves where a person watches, else a plain line now and then.

    n_queries: how many there are to do; None when that is not known. Gives what to call with the numbers of
    samples and of queries done, and what to call with every event of the driver.
    """
    seen = _Seen(n_queries)
    if not sys.stderr.isatty():
        yield seen.tell_plainly, seen.add
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed:,} rows"), TimeElapsedColumn(),
               TextColumn("{task.fields[said]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=None, said="")

        def show(event: Event) -> None:
            seen.add(event)
            bar.update(task, said=seen.say())

        def count(n_rows: int, n_done: int) -> None:
            seen.n_done = n_done
            bar.update(task, completed=n_rows)

        yield count, show


class _Seen:
    """What the driver's events came to."""

    def __init__(self, n_queries: int | None) -> None:
        self.n_done = 0
        self._n_queries = n_queries
        self._began = self._told = time.monotonic()
        self._kinds: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._cost_usd = 0.0

    def add(self, event: Event) -> None:
        """Counts an event; a model that is set aside is told at once."""
        self._kinds[event.kind] += 1
        if event.kind in ("unusable", "failed"):
            self._faults[event.detail or "unknown"] += 1
        if event.completion and event.kind in ("answered", "unusable"):
            self._cost_usd += event.completion.cost_usd or 0.0
        if event.kind == "set_aside":
            print(f"cftdata: {event.model} is set aside: {event.message}", file=sys.stderr)

    def say(self) -> str:
        """Calls, their speed and cost so far, and what went wrong, in a line."""
        n_calls = self._kinds["answered"] + self._kinds["unusable"]
        per_second = n_calls / max(time.monotonic() - self._began, 1e-9)
        faults = ", ".join(f"{n} {name}" for name, n in self._faults.most_common(4))
        expected = ""
        if self._cost_usd and self.n_done and self._n_queries:
            expected = f" of about ${self._cost_usd / self.n_done * self._n_queries:,.2f}"
        return (f"{n_calls:,} calls ({per_second:.1f} a second), {self._kinds['found']:,} paid before, "
                f"${self._cost_usd:,.4f}{expected} so far" + (f"; {faults}" if faults else ""))

    def tell_plainly(self, n_rows: int, n_done: int) -> None:
        """A line every ten seconds."""
        self.n_done = n_done
        if time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            print(f"cftdata: {n_rows:,} rows; {self.say()}", file=sys.stderr)
