"""The records of curating: what was decided of a row, and what came of all.

    >>> DecisionRow(source_row=0, sample_id=None, action="unread", reason="bad_json").other is None
    True

Not covered: how it is decided (`decisions`), and done (`curate`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftdata.contamination import EvaluationSet
from cftdata.ledger import ModelTotals
from cftdata.sample import Count, Proportion, Rate, Record, Slug

__all__ = ["ContaminationCheck", "CurateReport", "DecisionRow"]


class DecisionRow(Record):
    """One row of decisions.parquet."""

    source_row: Count
    """0-based position in the source."""
    sample_id: str | None
    """Id of the sample; None for a row that could not be read."""
    action: Literal["keep", "drop", "relabel", "regenerate", "unread"]
    """What was done."""
    reason: Slug
    """Why."""
    detail: str | None = None
    """The evidence as a sentence."""
    new_sample_id: str | None = None
    """Id of the row that stands in its place, where it was changed."""
    critique_before: str | None = None
    """The critique as it was, where it was changed."""
    other: str | None = None
    """Id of the row that it duplicates, or evaluation set:row of the item it holds."""


class ContaminationCheck(Record):
    """What was checked against evaluation sets."""

    n_words: Count
    """Words in a row that count as a passage."""
    sets: tuple[EvaluationSet, ...]
    """Sets that were checked against."""
    n_hits: Count
    """Rows that hold a passage; all are dropped."""


class CurateReport(Record):
    """What curating did. n_kept + n_dropped + n_unread == n_rows."""

    source: str
    """What was curated."""
    mark: str
    """Hash of all that the result depends on; the same call on a folder with the same mark is done."""
    policy: str
    """Policy as id@hash."""
    protocol: str
    """Audit protocol as id@hash."""
    cftdata_version: str
    """Version that curated it."""
    is_complete: bool
    """Whether nothing is left that the same command could still do."""
    content_hash_before: str
    """Of the source's samples, as its audit has it."""
    content_hash_after: str
    """Of the rows that are kept."""
    n_rows: Count
    """Rows of the source."""
    n_unread: Count
    """Rows that could not be read."""
    n_samples: Count
    """Rows that could be read."""
    n_kept: Count
    """Rows of samples.parquet, changed ones included."""
    n_dropped: Count
    """Rows of dropped.parquet."""
    actions: dict[str, Count]
    """Action to the number of rows."""
    reasons: dict[str, Count]
    """action:reason to the number of rows."""
    rates_before: dict[str, Rate]
    """Rates of the source."""
    rates_after: dict[str, Rate]
    """Rates of what is kept, by the same verifiers."""
    right_rate_before: Proportion | None
    """Share of the verdicts that are `right`; None without verdicts."""
    right_rate_after: Proportion | None
    """The same of what is kept."""
    n_suspect_references: Count
    """References of the source that those judged right agree against."""
    contamination: ContaminationCheck | None
    """What was checked; None when no evaluation set was named."""
    models: tuple[ModelTotals, ...]
    """What was asked of each model, over all runs."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Sum of the known prices; None when calls were made and none is known."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time."""
