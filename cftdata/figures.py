"""The types of what an audit says: rates by group, outcomes by verifier, suspect references, the report.

    >>> OutcomeCounts(fail=2).model_dump_json()
    '{"pass":0,"fail":2,"abstain":0,"error":0}'

Not covered: how a rate is made (`stats`), and how a report is shown (`report`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from cftdata.agreement import Agreement
from cftdata.sample import SCHEMA_VERSION, Count, Rate, Record
from cftdata.scorecard import Score


class Group(Record):
    """The rates of the rows that share some column values."""

    by: dict[str, str | None]
    """Column to value; None where the rows have none."""
    n_samples: Count
    """Rows of the group."""
    rates: dict[str, Rate]
    """Rate by name."""


class OutcomeCounts(Record):
    """Outcomes of one verifier; they sum to the number of samples."""

    # `pass` is a Python keyword, so the field has another name and the JSON has this one.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    pass_: Annotated[int, Field(ge=0, alias="pass")] = 0
    """Rows it found nothing wrong with."""
    fail: Count = 0
    """Rows it found wrong."""
    abstain: Count = 0
    """Rows it could not tell of."""
    error: Count = 0
    """Rows on which it broke or ran out of time."""


class SuspectReference(Record):
    """A reference answer that those judged right agree against."""

    query_id: str
    """Content hash of the query's text (32 hex digits)."""
    query: str
    """The query's text."""
    reference_answer: str
    """The reference that is suspected."""
    consensus_answer: str
    """What most of the responses judged right answer."""
    n_for: Count
    """Distinct responses judged right that give the consensus answer."""
    n_against: Count
    """Distinct responses judged right that give another answer, the reference's included."""
    n_samples: Count
    """Rows that rest on this reference."""


class SuspectLabel(Record):
    """A label of the first wrong step, and an earlier step with an equation that is false by evaluation."""

    sample_id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """Id of the sample."""
    source_row: Count
    """0-based position in the source; of several rows with the same response the first."""
    labelled_step: Annotated[int, Field(ge=-1)]
    """First wrong step by the label, 0-based; -1: every step is right."""
    found_step: Count
    """First step that is false by evaluation, 0-based."""
    equation: str
    """What is false there, as it stands; its first 500 characters."""
    detail: str
    """How, for people: "27, not 32"."""


class LabelAgreement(Record):
    """Labels of the first wrong step against the first step false by evaluation; all sum to the responses.

    A step can be wrong without a false equation, so what is later or unfound says nothing against a label.
    """

    n_same: Count = 0
    """The label names the step that was found."""
    n_earlier: Count = 0
    """A step before the labelled one was found: the label is suspect."""
    n_later: Count = 0
    """A step after the labelled one was found."""
    n_unfound: Count = 0
    """The label names a step, and no false one was found."""
    n_right_false: Count = 0
    """By the label every step is right, and a false one was found: the label is suspect."""
    n_right_unfound: Count = 0
    """By the label every step is right, and no false one was found."""


class Overlap(Record):
    """How verdict errors and claim errors fall together, over all distinct samples; they sum to these."""

    n_verdict_only: Count
    """A wrong verdict, and no false claim found."""
    n_claim_only: Count
    """A false claim, and no wrong verdict found."""
    n_both: Count
    """A wrong verdict and a false claim."""
    n_neither: Count
    """Something was decided, and nothing found wrong."""
    n_undecided: Count
    """Nothing could be decided."""


class AuditReport(Record):
    """What an audit found."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    """Version of this schema."""
    source: str
    """What was audited: file, folder or Hub id."""
    revision: str | None
    """Revision of the source, where it has one."""
    split: str | None
    """Split of the source, where one was named."""
    content_hash: str
    """SHA-256 over the ids of the samples in order."""
    formats: dict[str, Count]
    """Shape of row to how many rows had it."""
    references: str
    """Where the reference answers come from."""
    protocol: str
    """Audit protocol as id@hash."""
    cftdata_version: str
    """Version that made the report."""
    n_rows: Count
    """Rows of the source."""
    n_unread: Count
    """Rows that could not be read; each is a finding."""
    n_samples: Count
    """Rows that could be read."""
    n_duplicates: Count
    """Samples whose query, response and critique came before; rates count them once."""
    n_queries: Count
    """Distinct queries."""
    rates: dict[str, Rate]
    """Rate by name, over all distinct samples."""
    clustered_rates: dict[str, Rate]
    """The same rates with intervals that allow for several samples of one query."""
    groups: tuple[Group, ...]
    """Rates by column value."""
    overlap: Overlap
    """Verdict errors against claim errors."""
    agreement: Agreement | None = None
    """How far several critics of one response agree; None where no response has several."""
    scorecard: tuple[Score, ...] = ()
    """How good the verifiers are on labelled samples; empty without labels."""
    verifiers: dict[str, OutcomeCounts]
    """Outcomes by verifier, over all samples."""
    reasons: dict[str, dict[str, dict[str, Count]]]
    """Verifier to outcome to reason to number of samples."""
    suspect_references: tuple[SuspectReference, ...]
    """References that those judged right agree against."""
    suspect_labels: tuple[SuspectLabel, ...] = ()
    """Labels of the first wrong step that an earlier false step speaks against; they change no rate."""
    label_agreement: LabelAgreement | None = None
    """Labels against the steps found false; None where no row has a label of the first wrong step."""
    warnings: tuple[str, ...]
    """What a reader must know before quoting a figure."""
    cost_usd: float | None
    """What the audit cost in calls; 0 when it made none."""
    n_retries: Count = 0
    """How often a stretch of the source was begun again, because a process or a machine was lost."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time of the audit."""
