"""Caveats: what a reader must know before quoting a figure of an audit, each a plain sentence.

Not covered: caveats on how the set was made, which its rows do not show.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftdata.config import Protocol
from cftdata.figures import SuspectReference
from cftdata.summary import Summary

__all__ = ["find_caveats"]


def find_caveats(summary: Summary, n_unread: int, protocol: Protocol) -> list[str]:
    """The sentences that hold, most weighty first."""
    n_distinct, n_unreferenced = summary.n_distinct, summary.n_unreferenced
    said = [
        _on_nothing_decidable(summary),
        _on_suspects(summary.suspects),
        _on_few_queries(n_distinct, summary.n_queries, protocol.few_queries),
        _on_rows(n_unread, "{rows} could not be read and {are} in no rate; findings.parquet says why."),
        _on_rows(summary.n_erred, "On {rows} a verifier broke; {they} {are} left undecided, and "
                                   "findings.parquet says why."),
        _on_rows(n_unreferenced if n_unreferenced < n_distinct else 0,
                 "{rows} {have} neither a reference answer nor a label: no verdict can be checked there."),
        _on_rows(summary.n_samples - n_distinct, "{rows} {repeat} an earlier row's query, response and "
                                                 "critique; the rates count each once."),
        _on_rows(summary.n_rounded, "{rows} {rest} on a rounded decimal that matches an exact value; "
                            "a rate without {them} stands beside."),
    ]
    return [sentence for sentence in said if sentence]


def _on_rows(n: int, sentence: str) -> str | None:
    """The sentence with its number filled in; None for none."""
    one = {"rows": "1 row", "are": "is", "they": "it", "them": "it", "have": "has", "repeat": "repeats",
           "rest": "rests"}
    many = {key: key for key in one} | {"rows": f"{n:,} rows"}
    return sentence.format(**(one if n == 1 else many)) if n else None


def _on_nothing_decidable(summary: Summary) -> str | None:
    if summary.n_checkable or not summary.n_distinct:
        return None
    if not summary.n_critiqued:
        return "No row has a critique, so there is no verdict to check."
    if summary.n_unreferenced == summary.n_distinct:
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


def _on_few_queries(n: int, n_queries: int, few_queries: int) -> str | None:
    if not n or n_queries >= few_queries:
        return None
    if n_queries == 1:
        return (f"All {n:,} samples share 1 query: the figures speak of this query only." if n > 1 else
                "There is 1 sample: the figures speak of it only.")
    return f"The {n:,} samples are of {n_queries:,} queries: too few to speak of more than these."
