"""Caveats: what a reader must know before quoting a figure of an audit, each a plain sentence.

Not covered: caveats on how the set was made, which its rows do not show.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftdata.config import Protocol
from cftdata.figures import SuspectReference
from cftdata.tally import Entry

__all__ = ["find_caveats"]


def find_caveats(entries: Sequence[Entry], n_unread: int, suspects: Sequence[SuspectReference],
                 protocol: Protocol) -> list[str]:
    """The sentences that hold, most weighty first; `entries` are the samples, duplicates included."""
    distinct = [entry for entry in entries if entry.first]
    n_errors = sum(any(outcome == "error" for _, outcome, _ in entry.outcomes) for entry in entries)
    n_unreferenced = sum(entry.reference is None and entry.right is None for entry in distinct)
    n_duplicates = len(entries) - len(distinct)
    n_rounded = sum(entry.rounded for entry in distinct)
    said = [
        _on_nothing_decidable(distinct),
        _on_suspects(suspects),
        _on_few_queries(distinct, protocol.few_queries),
        _on_rows(n_unread, "{rows} could not be read and {are} in no rate; findings.parquet says why."),
        _on_rows(n_errors, "On {rows} a verifier broke; {they} {are} left undecided, and findings.parquet "
                           "says why."),
        _on_rows(n_unreferenced if n_unreferenced < len(distinct) else 0,
                 "{rows} {have} neither a reference answer nor a label: no verdict can be checked there."),
        _on_rows(n_duplicates, "{rows} {repeat} an earlier row's query, response and critique; the rates "
                               "count each once."),
        _on_rows(n_rounded, "{rows} {rest} on a rounded decimal that matches an exact value; "
                            "a rate without {them} stands beside."),
    ]
    return [sentence for sentence in said if sentence]


def _on_rows(n: int, sentence: str) -> str | None:
    """The sentence with its number filled in; None for none."""
    one = {"rows": "1 row", "are": "is", "they": "it", "them": "it", "have": "has", "repeat": "repeats",
           "rest": "rests"}
    many = {key: key for key in one} | {"rows": f"{n:,} rows"}
    return sentence.format(**(one if n == 1 else many)) if n else None


def _on_nothing_decidable(entries: Sequence[Entry]) -> str | None:
    if any(entry.right is not None and entry.verdict is not None for entry in entries):
        return None
    if entries and all(reason == "no_critique" for entry in entries for _, _, reason in entry.outcomes):
        return "No row has a critique, so there is no verdict to check."
    if entries and all(entry.reference is None and entry.right is None for entry in entries):
        return ("No row has a reference answer or a label, so no verdict can be checked; "
                "give --reference-answer or --references.")
    return None


def _on_suspects(suspects: Sequence[SuspectReference]) -> str | None:
    if not suspects:
        return None
    n = f"{len(suspects):,} queries" if len(suspects) > 1 else "1 query"
    return _on_rows(sum(suspect.n_samples for suspect in suspects),
                    f"The reference answer of {n} is suspect, since most responses that critics judge right "
                    "agree on another: {rows} that {rest} on it {are} left undecided.")


def _on_few_queries(entries: Sequence[Entry], few_queries: int) -> str | None:
    n, n_queries = len(entries), len({entry.query for entry in entries})
    if not n or n_queries >= few_queries:
        return None
    if n_queries == 1:
        return (f"All {n:,} samples share 1 query: the figures speak of this query only." if n > 1 else
                "There is 1 sample: the figures speak of it only.")
    return f"The {n:,} samples are of {n_queries:,} queries: too few to speak of more than these."
