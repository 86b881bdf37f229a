"""What the verbs of a release show a person.

    >>> show_gates(report)        # doctest: +SKIP

Not covered: the reports themselves (JSON beside what was written).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cftdata.terminal import new_console, new_table, plain_text, tell_retries
from cftdata.words import interval, percent

if TYPE_CHECKING:
    from cftdata.curation import CurateReport
    from cftdata.export import ExportReport
    from cftdata.hub import PublishReport
    from cftdata.release import ReleaseReport
    from cftdata.sample import Rate

__all__ = ["show_curation", "show_export", "show_gates", "show_publish"]

RATES = ("verdict_error", "claim_error", "any_error")


def show_curation(report: CurateReport, out: Path) -> None:
    """Prints what was done with how many rows, and the rates before and after."""
    console = new_console()
    table = new_table("rate", "What curating did", ("before", "after"))
    for name in RATES:
        if name in report.rates_before:
            table.add_row(name, _say(report.rates_before[name]), _say(report.rates_after[name]))
    console.print(table)
    for key, n in report.reasons.items():
        action, _, reason = key.partition(":")
        console.print(plain_text(f"{n:>8,}  {action:10} {reason}"))
    lines = [f"{report.n_rows:,} rows: {report.n_kept:,} kept, {report.n_dropped:,} dropped, "
             f"{report.n_unread:,} unread", "after: by the same verifiers; what they cannot see is not in it"]
    if report.contamination is None:
        lines.append("contamination: not checked; name evaluation sets with --against")
    else:
        lines.append(f"contamination: {report.contamination.n_hits:,} rows with a passage of these sets")
    for line in (*lines, *tell_retries(report.n_retries), f"row by row: {out / 'decisions.parquet'}"):
        console.print(plain_text(line))


def _say(rate: Rate) -> str:
    if rate.rate is None:
        return f"undecided ({rate.n_total:,})"
    return f"{rate.n_hits:,} of {rate.n_decided:,}, {percent(rate.rate)} ({interval(rate)})"


def show_export(report: ExportReport, out: Path) -> None:
    """Prints what was written, and what was left out and why."""
    console = new_console()
    console.print(plain_text(f"{report.n_rows:,} rows in the format {report.format}: {out}"))
    for reason, n in report.left_out.items():
        console.print(plain_text(f"{n:>8,}  left out: {reason}"))
    for line in tell_retries(report.n_retries):
        console.print(plain_text(line))


def show_publish(report: PublishReport) -> None:
    """Prints what went, or would go, to the Hub."""
    console = new_console()
    if report.changes is None:
        console.print(plain_text("the Hub was not reached: what differs there is not known"))
    for word in ("added", "changed", "removed", "kept_sections"):
        for name in getattr(report.changes, word, ()):
            console.print(plain_text(f"{word.replace('_', ' '):14} {name}"))
    did = "would be uploaded" if report.is_dry_run else "uploaded"
    lines = [f"{report.n_uploaded:,} of {report.n_files:,} files {did} ({report.n_bytes:,} bytes in all), "
             f"{report.n_unchanged:,} unchanged", f"laid out in {report.folder}"]
    if not report.is_dry_run:
        lines.append(f"{report.url} at {report.revision}"
                     + (", loaded again and the same" if report.is_checked else ", not loaded again"))
    for line in lines:
        console.print(plain_text(line))


def show_gates(report: ReleaseReport) -> None:
    """Prints every gate, with by how much it fails and the first rows that it fails for."""
    console = new_console()
    for gate in report.gates:
        word = "passed" if gate.is_passed else "FAILED"
        console.print(plain_text(f"gate {word}: {gate.gate}: {gate.sentence}"))
        if gate.rows:
            console.print(plain_text(f"     {gate.n_rows:,} rows: {', '.join(gate.rows)}"))
