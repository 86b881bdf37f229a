"""What the command shows a person: a table of rates, the caveats, and progress on long work.

    >>> show_report(report, Path("audit"))        # doctest: +SKIP

Not covered: the report itself (`report` renders it for browsers and as Markdown).
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cftdata.parquet import printable
from cftdata.report import is_measured, rate_of_groups
from cftdata.words import (
    BY_CONSENSUS,
    CLAIMS,
    HEADLINE,
    ON_AGREEMENT,
    interval,
    labels_in_words,
    name_of,
    overlap_in_words,
    percent,
    sort_rates,
    step_in_words,
)

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from cftdata.agreement import Agreement
    from cftdata.figures import AuditReport, SuspectReference
    from cftdata.sample import Rate
    from cftdata.scorecard import Score

__all__ = ["clip", "new_console", "new_table", "plain_text", "show_progress", "show_report", "tell_retries"]

MAX_GROUPS = 20
COLUMNS = ("n", "decided", "errors", "rate", "interval", "undecided")


def show_report(report: AuditReport, out: Path) -> None:
    """Prints the rates, what to know of them, and where the report lies, to standard output."""
    console = new_console()
    console.print(_tabulate_rates(report))
    if is_measured(report, CLAIMS):
        told = (f"{words} {n:,}" for _, words, n in overlap_in_words(report.overlap))
        console.print(plain_text(" · ".join(told)))
    if report.groups:
        console.print(_tabulate_groups(report))
    for line in _say_labels(report):
        console.print(plain_text(line))
    if report.agreement:
        console.print(_tabulate_agreement(report.agreement))
        console.print(plain_text(ON_AGREEMENT))
    if report.scorecard:
        console.print(_tabulate_scores(report.scorecard))
    for shape, n in report.formats.items():
        console.print(plain_text(f"read as {shape}: {n:,} {'row' if n == 1 else 'rows'}"))
    console.print(plain_text(f"references: {report.references}"))
    for warning in report.warnings:
        console.print(plain_text(f"! {warning}"))
    for one in report.suspect_references[:MAX_GROUPS]:
        console.print(plain_text(_say_suspect(one, report)))
    for line in (*tell_retries(report.n_retries), f"report: {out / 'report.html'}"):
        console.print(plain_text(line))


def _say_labels(report: AuditReport) -> Iterator[str]:
    """Labels of the first wrong step against what is false by evaluation, and those that are suspect."""
    for said, rows in labels_in_words(report.label_agreement) if report.label_agreement else ():
        places = ", ".join(f"{words} {n:,}" for words, n in rows)
        yield f"labelled that {said}, {sum(n for _, n in rows):,} responses: first false equation {places}"
    for one in report.suspect_labels[:MAX_GROUPS]:
        yield (f"suspect label in row {one.source_row}: {step_in_words(one.labelled_step)}; but step "
               f"{one.found_step + 1} says {clip(one.equation)} ({clip(one.detail)})")
    if len(report.suspect_labels) > MAX_GROUPS:
        yield f"… and {len(report.suspect_labels) - MAX_GROUPS:,} more suspect labels in the report"


def new_console() -> Console:
    """Standard output, as it is to a person or a pipe."""
    from rich.console import Console

    wide = None if sys.stdout.isatty() else 110  # a pipe has no width of its own
    return Console(highlight=False, soft_wrap=True, width=wide)


def _say_suspect(one: SuspectReference, report: AuditReport) -> str:
    said = (f"suspect reference {clip(one.reference_answer)}: {one.n_for} responses judged right answer "
            f"{clip(one.consensus_answer)}, {one.n_against} otherwise ({one.n_samples:,} rows; query: "
            f"{clip(one.query)}); ")
    if report.references.startswith("--reference-answer"):
        return said + "the rate with suspect references as they stand takes it at its word"
    said += "to judge by the consensus, run again with "
    if report.n_queries > 1:  # one answer for all rows would be wrong for the other queries
        return said + "the query and this answer in --references FILE"
    return f"{said}--reference-answer {shlex.quote(one.consensus_answer)}"


def new_table(first: str, title: str, columns: Sequence[str] = COLUMNS) -> Table:
    """An empty table: names in the first column, figures in the others."""
    from rich import box
    from rich.table import Table

    table = Table(first, title=plain_text(title), title_justify="left", box=box.SIMPLE)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _tabulate_rates(report: AuditReport) -> Table:
    table = new_table("rate", f"{clip(report.source)}: {report.n_samples:,} "
                               f"{'sample' if report.n_samples == 1 else 'samples'}, {report.n_queries:,} "
                               f"{'query' if report.n_queries == 1 else 'queries'}")
    headline = report.rates[HEADLINE]
    for name in sort_rates(report.rates):
        rate = report.rates[name]
        repeats = name.startswith(("verdict_error_", "any_")) and _cells(rate) == _cells(headline)
        if name == HEADLINE or (rate.n_decided and not repeats):
            words = name_of(name)
            table.add_row(plain_text(f"  {words}" if words.startswith("…") else words), *_cells(rate))
            clustered = report.clustered_rates.get(name)
            if name == HEADLINE and clustered and clustered.low is not None:
                table.add_row(plain_text("  … clustered by query"), "", "", "", "", interval(clustered))
    return table


def _tabulate_groups(report: AuditReport) -> Table:
    rate_name = rate_of_groups(report)
    against = " against the consensus answer" if rate_name == BY_CONSENSUS else ""
    table = new_table("group", f"{name_of(HEADLINE)}{against}, by group")
    for group in report.groups[:MAX_GROUPS]:
        name = ", ".join(f"{column} {clip(value or '(none)')}" for column, value in group.by.items())
        table.add_row(plain_text(name), *_cells(group.rates[rate_name]))
    if len(report.groups) > MAX_GROUPS:
        table.add_row(plain_text(f"… and {len(report.groups) - MAX_GROUPS:,} more groups in the report"))
    return table


def _tabulate_agreement(agreement: Agreement) -> Table:
    n = agreement.n_responses
    table = new_table("critic", f"against the majority of the other critics, where {n:,} "
                                 f"{'response has' if n == 1 else 'responses have'} several",
                       (*COLUMNS[:2], "against", *COLUMNS[3:], "estimated error"))
    table.add_row(plain_text("all"), *_cells(agreement.disagreement), "")
    for one in agreement.critics[:MAX_GROUPS]:
        estimate = one.estimated_error_rate
        table.add_row(plain_text(clip(one.critic or "(none)")), *_cells(one.disagreement),
                      "none" if estimate is None else percent(estimate))
    if len(agreement.critics) > MAX_GROUPS:
        table.add_row(plain_text(f"… and {len(agreement.critics) - MAX_GROUPS:,} more critics in the report"))
    return table


def _tabulate_scores(scores: Sequence[Score]) -> Table:
    table = new_table("verifier", "precision and recall on labelled critiques",
                       ("labels", "read", "precision", "interval", "recall", "interval"))
    told = [score for score in scores if score.precision.n_decided or score.recall.n_decided]
    for one in sorted(told, key=lambda score: score.verifier):
        figures = [cell for rate in (one.precision, one.recall)
                   for cell in (f"{rate.n_hits:,}/{rate.n_decided:,}", interval(rate))]
        table.add_row(plain_text(one.verifier), plain_text(one.part), f"{one.n_labelled:,}", *figures)
    return table


def _cells(rate: Rate) -> tuple[str, ...]:
    return (f"{rate.n_total:,}", f"{rate.n_decided:,}", f"{rate.n_hits:,}",
            "none" if rate.rate is None else percent(rate.rate), interval(rate),
            f"{rate.n_total - rate.n_decided:,}")


def tell_retries(n_retries: int) -> list[str]:
    """A line where work was begun again, else none."""
    return [f"! {n_retries:,} × begun again: a process or a machine was lost"] if n_retries else []


def clip(text: str) -> str:
    """The text on one line, at most 60 characters of it."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


def plain_text(text: str) -> Text:
    """Text of the data as it stands: no markup, and no control characters that move the cursor."""
    from rich.text import Text

    return Text("".join(char if char.isprintable() else "·" for char in printable(text)))


@contextmanager
def show_progress(source: str) -> Iterator[Callable[[int], None]]:
    """A bar on standard error that goes away when done; call what it gives with the number of rows done."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
               TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("rows", total=_count_rows(Path(source)))
        yield lambda n_rows: bar.update(task, completed=n_rows)


def _count_rows(path: Path) -> int | None:
    """Rows of a file where that is cheap to know; None elsewhere."""
    if not path.is_file():
        return None
    if path.suffix in (".jsonl", ".ndjson"):
        with path.open("rb") as file:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return int(pq.read_metadata(path).num_rows)
        except (pa.ArrowException, OSError):
            return None
    return None
