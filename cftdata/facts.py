"""What is counted of the rows while they are laid out, for the card: who wrote them, when, from what.

    >>> facts = Facts()
    >>> facts.n_queries, facts.first_created
    (0, None)

Not covered: rates and their intervals, which are the audit's.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from cftdata.rows import CftRow, DroppedRow

__all__ = ["Facts"]

N_CHARS_OF_EXAMPLE = 4_000


@dataclass
class Facts:
    """Counts over the rows of `cft`, and over those of `dropped` where it says so."""

    n_rows: int = 0
    n_chars: Counter[str] = field(default_factory=Counter)
    """Sum of the characters of query, response and critique."""
    critics: Counter[tuple[str | None, str | None, float | None]] = field(default_factory=Counter)
    """(model, prompt, temperature) to its critiques."""
    students: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    """(model, prompt) to rows with its responses."""
    sources: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    """(source, licence) to rows whose query comes from there."""
    verdicts: Counter[str | None] = field(default_factory=Counter)
    truths: Counter[bool | None] = field(default_factory=Counter)
    """Whether the response is right to rows."""
    decisions: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(action, reason) to rows, those of `dropped` too."""
    planted: Counter[str] = field(default_factory=Counter)
    """Planted faults and errors to rows."""
    first_created: str | None = None
    """Day of the first critique that has one (YYYY-MM-DD)."""
    last_created: str | None = None
    example: CftRow | None = None
    """The first row of a length that can be shown, else the first."""
    _queries: set[bytes] = field(default_factory=set)
    _responses: set[bytes] = field(default_factory=set)

    @property
    def n_queries(self) -> int:
        """Distinct queries."""
        return len(self._queries)

    @property
    def n_responses(self) -> int:
        """Distinct responses, each to its query."""
        return len(self._responses)

    def add(self, row: CftRow) -> None:
        """Counts a row."""
        if row.decision:
            self.decisions[row.decision, row.reason or "unknown"] += 1
        if isinstance(row, DroppedRow):
            return
        self.n_rows += 1
        for name in ("query", "response", "critique"):
            self.n_chars[name] += len(getattr(row, name) or "")
        self.critics[row.critic, row.critic_prompt, row.critic_temperature] += row.critique is not None
        self.students[row.student, row.student_prompt] += row.response is not None
        self.sources[row.source, row.source_licence] += 1
        self.verdicts[row.verdict] += 1
        self.truths[row.response_correct] += 1
        self.planted.update(fault for fault in (row.planted_fault, row.injected_error) if fault)
        self._queries.add(_digest(row.query))
        self._responses.add(_digest(row.query, row.response or ""))
        self._keep_times(row.critic_created)
        self._keep_example(row)

    def _keep_times(self, created: str | None) -> None:
        if created:
            day = created[:10]
            self.first_created = min(self.first_created or day, day)
            self.last_created = max(self.last_created or day, day)

    def _keep_example(self, row: CftRow) -> None:
        if self.example is None or _n_chars(row) <= N_CHARS_OF_EXAMPLE < _n_chars(self.example):
            self.example = row


def _n_chars(row: CftRow) -> int:
    return sum(len(text or "") for text in (row.query, row.response, row.critique))


def _digest(*texts: str) -> bytes:
    return hashlib.sha256("\0".join(texts).encode()).digest()[:8]
