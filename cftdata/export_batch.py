"""One batch of an export: raw rows in; rows of the format, or the reason why there is none, out.

`make_lines` is a pure function of the batch that can run in any process. What a sample says counts only as
far as it is known: where the audit suspects a reference answer, nothing that rests on it is used.

Not covered: what needs all rows (rows made twice, pairs): see `export`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cftdata.batch import SPOILT
from cftdata.config import Protocol
from cftdata.engine import Spoilt
from cftdata.errors import CftDataError
from cftdata.formats import FORMATS, REASONS, Made
from cftdata.parquet import printable
from cftdata.sample import Sample, Verification
from cftdata.sources import Reader, Row
from cftdata.stored import SuspectKey
from cftdata.tables import RawRow
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE

__all__ = ["Line", "Task", "make_lines", "spoil_line"]


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to every batch."""

    reader: Reader
    format: str
    prompt: str | None
    protocol: Protocol
    """Says which verifications count, for a format that reads them."""
    suspects: frozenset[SuspectKey] = frozenset()
    """References that nothing is to rest on."""


class Line(NamedTuple):
    """What became of one row of the source."""

    source_row: int
    file: str
    sample_id: str | None
    """None where the row could not be read."""
    query: bytes | None
    """16 bytes: hash of the query's text."""
    row: dict[str, Any] | None
    """The row, or its half; None where there is none."""
    key: bytes | None = None
    """Of lines with the same key the first is written."""
    reason: str | None = None
    """Why there is no row (a slug)."""
    detail: str | None = None
    """The same for people."""


def make_lines(task: Task, raws: Sequence[RawRow]) -> list[Line]:
    """A line for every row, in order. Raises ConfigError for a prompt that cannot be rendered."""
    return [_make_line(task, task.reader.read(raw)) for raw in raws]


def spoil_line(task: Task, raw: RawRow, reason: Spoilt, is_read: bool) -> list[Line]:
    """What stands for a row that ended the process it was in, or ran past its time; see `engine.Job`."""
    row = task.reader.read(raw) if is_read else Row(raw.row, raw.file, None, None, reason, None, {})
    file, sample = printable(row.file), row.sample
    if sample is None:
        return [Line(row.source_row, file, None, None, None, None, row.reason, row.detail or SPOILT[reason])]
    query = hashlib.sha256(sample.query.text.encode()).digest()[:16]
    return [Line(row.source_row, file, sample.id, query, None, None, reason, SPOILT[reason])]


def _make_line(task: Task, row: Row) -> Line:
    file, sample = printable(row.file), row.sample
    if sample is None:
        return Line(row.source_row, file, None, None, None, None, row.reason, row.detail)
    query = hashlib.sha256(sample.query.text.encode()).digest()[:16]
    made, detail = _make_row(task, _keep_known(sample, query, task))
    if isinstance(made, str):
        return Line(row.source_row, file, sample.id, query, None, None, made, detail or REASONS.get(made))
    key = FORMATS[task.format].key
    digest = hashlib.sha256(key(made).encode()).digest()[:16] if key else None
    return Line(row.source_row, file, sample.id, query, made, digest)


def _make_row(task: Task, sample: Sample) -> tuple[Made, str | None]:
    """The row or the reason, and what is to be said of it beyond that."""
    if sample.decision and sample.decision.action == "drop":
        return "dropped", f"curating dropped it: {sample.decision.reason}"
    try:
        return FORMATS[task.format].row(sample, task.prompt), None
    except CftDataError:
        raise
    except Exception as fault:  # whatever broke, it is this sample's, and not the end of the others
        return "crashed", printable(f"{type(fault).__name__}: {fault}")[:500]


def _keep_known(sample: Sample, query: bytes, task: Task) -> Sample:
    """The sample with what counts, and nothing that rests on a suspect reference."""
    said = tuple(one for one in sample.verifications if _counts(one, task.protocol))
    if (query.hex(), sample.query.reference_answer) not in task.suspects:
        return sample if said == sample.verifications else sample.model_copy(update={"verifications": said})
    bare = sample.query.model_copy(update={"reference_answer": None})
    is_labelled = sample.gold.response_correct is not None or sample.gold.first_error_step is not None
    known = tuple(one for one in said if one.reason not in RESTS_ON_REFERENCE
                  and (one.verifier != "verdict" or is_labelled))
    return sample.model_copy(update={"query": bare, "verifications": known})


def _counts(said: Verification, protocol: Protocol) -> bool:
    """Whether the protocol counts what was said, be it a finding or none."""
    return protocol.counts(said.verifier, said.reason)
