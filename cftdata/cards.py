"""Cards: the flagged rows of a report, each with its texts side by side and its findings marked in them.

A finding is marked where it stands, at every place it has, with a note beside the mark ("27, not 32") that is
no character of the text. Of long texts the beginning and what surrounds the marks is shown, so that all cards
together fit a page.

    >>> windows(10_000, 1_000, [Mark(5_000, 5_004, "false")])
    [(0, 500), (4750, 5250)]

Not covered: the page around them (`report`), and which rows are flagged (`findings`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from cftdata.mathml import Mark, render_text
from cftdata.sample import Evidence, Sample, Verification
from cftdata.words import plain, reason_in_words

__all__ = ["Flagged", "fit_page", "make_cards", "show_gap", "windows"]

MAX_MARKS = 60  # of one row, shared by its findings; the rest are counted
MAX_NOTE_CHARS = 120  # of a note beside a mark; the list of findings has the whole
MAX_CHARS, MIN_CHARS = 20_000, 2_000  # of one text in the page, where it must be cut
MAX_CHARS_OF_PAGE = 4_000_000  # of all texts together, beyond which the longest ones are cut shorter


@dataclass(frozen=True, slots=True)
class Flagged:
    """A row to look at: a sample with a verification that failed or erred, or a row that was not read."""

    source_row: int
    """0-based position in the source."""
    file: str
    """File or Hub id it stands in."""
    sample: Sample | None
    """The sample; None when the row could not be read."""
    reason: str | None = None
    """Why it could not be read (a slug), where sample is None."""
    detail: str | None = None
    """The same in a sentence."""


class Place(NamedTuple):
    """A stretch of text that a finding rests on."""

    evidence: Evidence
    anchor: str | None  # id of its mark; None where it does not stand where it says


class Finding(NamedTuple):
    """A verification that failed or erred, and where in the page its places are marked."""

    verification: Verification
    places: tuple[Place, ...]
    n_more: int  # places that the page does not show


class Card(NamedTuple):
    """A flagged row as the page shows it."""

    row: Flagged
    critic: str = ""
    student: str | None = None
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    panes: tuple[tuple[str, Markup | None], ...] = ()


def make_cards(flagged: Sequence[Flagged]) -> list[Card]:
    """The flagged rows as the page shows them, in order, their texts cut where all would be too much."""
    limit = fit_page([len(text) for row in flagged for text in _texts(row.sample).values() if text])
    return [_card(index, row, limit) for index, row in enumerate(flagged)]


def _card(index: int, row: Flagged, limit: int) -> Card:
    sample = row.sample
    if sample is None:
        return Card(row, reasons=(f"unread: {reason_in_words(row.reason or 'unknown')}",))
    texts = _texts(sample)
    said = [one for one in sample.verifications if one.outcome in ("fail", "error")]
    n_marks = max(1, MAX_MARKS // max(1, len(said)))
    findings = tuple(_finding(f"e{index}-{position}", verification, texts.get(verification.target), n_marks)
                     for position, verification in enumerate(said))
    panes = tuple((name, None if text is None else _pane(name, text, findings, limit))
                  for name, text in texts.items())
    reasons = tuple(dict.fromkeys(_label(found.verification) for found in findings))
    critic, student = (text.provenance.model if text else None for text in (sample.critique, sample.response))
    return Card(row, (critic or "")[:200], student, reasons, findings, panes)


def _texts(sample: Sample | None) -> dict[str, str | None]:
    if sample is None:
        return {}
    return {"query": sample.query.text, "response": sample.response.text if sample.response else None,
            "critique": sample.critique.text if sample.critique else None}


def fit_page(lengths: Sequence[int]) -> int:
    """How many characters of a text to show at most, so that all together fit the page."""
    left = MAX_CHARS_OF_PAGE
    for position, length in enumerate(sorted(lengths)):
        share_of_each = left // (len(lengths) - position)
        if length > share_of_each:
            return max(MIN_CHARS, min(MAX_CHARS, share_of_each))
        left -= length
    return MAX_CHARS


def _label(verification: Verification) -> str:
    return f"{verification.verifier}: {reason_in_words(verification.reason)}"


def _finding(anchor: str, verification: Verification, text: str | None, n_marks: int) -> Finding:
    first = () if verification.evidence is None else (verification.evidence,)
    places = [evidence for evidence in (*first, *verification.more) if evidence.text and text is not None]
    shown = (Place(one, f"{anchor}-{number}" if (text or "")[one.start:one.end] == one.text else None)
             for number, one in enumerate(places[:n_marks]))
    return Finding(verification, tuple(shown), max(0, len(places) - n_marks))


def _mark(place: Place, verification: Verification) -> Mark:
    """The mark of a place; beside it stands its note, or why it was found where it has none."""
    note = plain(place.evidence.note or reason_in_words(verification.reason))
    short = note if len(note) <= MAX_NOTE_CHARS else note[:MAX_NOTE_CHARS - 1] + "…"
    return Mark(place.evidence.start, place.evidence.end, _label(verification), place.anchor, short)


def _pane(name: str, text: str, findings: Sequence[Finding], limit: int) -> Markup:
    """A text with its marks; of a long one the beginning and what surrounds the evidence."""
    marks = [_mark(place, found.verification) for found in findings if found.verification.target == name
             for place in found.places if place.anchor]
    parts = []
    position = 0
    for start, end in windows(len(text), limit, marks):
        if start > position:
            parts.append(show_gap(start - position))
        inside = [_clip(mark, start, end) for mark in marks if mark.start < end and mark.end > start]
        parts.append(render_text(text[start:end], inside))
        position = end
    if position < len(text):
        parts.append(show_gap(len(text) - position))
    return Markup("".join(parts))


def _clip(mark: Mark, start: int, end: int) -> Mark:
    """The part of a mark in `[start, end)`, counted from there; its id and note go with its beginning."""
    begins = mark.start >= start
    return Mark(max(mark.start, start) - start, min(mark.end, end) - start, mark.title,
                mark.id if begins else None, mark.note if begins else "")


def show_gap(n_chars: int) -> str:
    return f'<span class="gap">… {n_chars:,} more characters in samples.parquet</span>'


def windows(n_chars: int, limit: int, marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Which stretches of a text to show: all, or about `limit` characters with the start of each mark."""
    if n_chars <= limit:
        return [(0, n_chars)]
    around = limit // (4 * max(1, len(marks)))
    wanted = [(0, limit // 2 if marks else limit)]
    wanted += [(max(0, mark.start - around), min(n_chars, mark.start + around)) for mark in marks]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(wanted):
        joined = merged.pop() if merged and start <= merged[-1][1] else (start, end)
        merged.append((joined[0], max(end, joined[1])))
    return merged
