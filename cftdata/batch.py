"""One batch of an audit: raw rows in; what is counted, and the rows of the two tables, out.

`audit_batch` is a pure function of the batch, and what it takes and gives can be pickled: it runs in this
process or in any other. A batch is some hundreds of rows, so that memory does not grow with the source.

Not covered: what needs all rows (duplicates, suspect references): see `audit`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

from cftdata.config import Protocol
from cftdata.entries import tabulate_entries
from cftdata.findings import Finding, find, find_unread, tabulate_findings
from cftdata.parquet import arrow_schema, printable
from cftdata.sample import Provenance, Sample, Verification
from cftdata.sources import Reader, Row, column_value
from cftdata.step_labels import compare_label
from cftdata.tables import RawRow
from cftdata.tally import Entry, FoundStep
from cftdata.text import normalise
from cftdata.verifiers import VERIFIERS, verify
from cftdata.verifiers.verdict import Correctness, response_correctness

__all__ = ["Batch", "Task", "audit_batch", "sample_schema", "spoil_row"]

CRASHED = Correctness(None, "crashed")
SPOILT = {"crashed": "the process that worked on the row died", "time_limit": "the row ran past its time"}
"""Reason to a sentence, of a row that could not be worked on."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is done to every batch."""

    reader: Reader
    protocol: Protocol
    columns: tuple[str, ...]
    """Columns that rates are grouped by."""
    keeps_samples: bool
    """Whether the batch hands back its samples."""


@dataclass(slots=True)
class Batch:
    """What became of a batch of rows."""

    n_rows: int
    n_samples: int = 0
    """Rows that could be read."""
    formats: Counter[str] = field(default_factory=Counter)
    columns: list[str] = field(default_factory=list)
    """Names of the columns, where no row had a known shape."""
    has_reference: bool = False
    """Whether any sample has a reference answer."""
    n_referenced: int = 0
    """Samples for which the file of references, or the answer of all rows, has one."""
    samples: Any = None
    """pyarrow.RecordBatch of the samples with source_row and file, where the task keeps them."""
    findings: Any = None
    """pyarrow.RecordBatch of `Finding` rows, with what a suspicion of these rests on."""
    table: Any = None
    """pyarrow.RecordBatch of the entries."""
    ids: bytes = b""
    """Ids of the samples, 16 bytes each, in order."""
    unread: list[Finding] = field(default_factory=list)
    """The findings of rows that could not be read."""


def audit_batch(task: Task, raws: Sequence[RawRow]) -> Batch:
    """The rows read, normalised and verified. No row is lost, whatever it holds."""
    return _tell(task, [_read(task.reader, raw) for raw in raws], partial(_verify, protocol=task.protocol))


def spoil_row(task: Task, raw: RawRow, reason: str, is_read: bool) -> Batch:
    """A row that ended the process it was in, or ran past its time (`reason`): every verifier erred.

    Where is_read is False that was so already when it was read: it is a row that could not be read.
    """
    unread = Row(raw.row, raw.file, None, None, reason, SPOILT[reason], {})
    return _tell(task, [_read(task.reader, raw) if is_read else unread],
                 partial(_err, verifiers=task.protocol.verifiers, reason=reason), is_spoilt=True)


def _tell(task: Task, rows: Sequence[Row], judge: Callable[[Sample], Sample], *,
          is_spoilt: bool = False) -> Batch:
    """The batch of rows that were read, as they are judged."""
    batch = Batch(len(rows), formats=Counter(row.format for row in rows if row.format is not None))
    if not batch.formats:
        batch.columns = sorted({str(name) for row in rows for name in row.columns})
    read = [(row, row.sample) for row in rows if row.sample is not None]
    verified = [judge(sample) for _, sample in read]
    batch.unread = [find_unread(row) for row in rows if row.sample is None]
    found: list[tuple[Finding, Entry | None]] = [(finding, None) for finding in batch.unread]
    entries, texts = list[Entry](), dict[bytes, str]()
    for (row, _), sample in zip(read, verified, strict=True):
        entry = _keep(replace(row, sample=sample), sample, task, is_spoilt)
        entries.append(entry)
        if entry.on_answer:     # only then can its reference become suspect, and the query be told
            texts.setdefault(entry.query, sample.query.text)
        batch.has_reference |= sample.query.reference_answer is not None
        batch.n_referenced += task.reader.references.find(sample.query.text, row.columns) is not None
        found += ((finding, entry) for finding in find(row, sample, task.protocol.verifiers))
    batch.n_samples = len(entries)
    batch.ids = b"".join(entry.sample_id for entry in entries)
    batch.table = tabulate_entries(entries, texts)
    batch.findings = tabulate_findings((finding for finding, _ in found), [entry for _, entry in found])
    if task.keeps_samples:
        batch.samples = _tabulate([row for row, _ in read], verified)
    return batch


def _read(reader: Reader, raw: RawRow) -> Row:
    """The row with its texts read; whatever breaks makes it an unread row, and not the end of the run."""
    try:
        row = reader.read(raw)
        return replace(row, sample=normalise(row.sample)) if row.sample else row
    except Exception as fault:
        return Row(raw.row, raw.file, None, None, "crashed", f"{type(fault).__name__}: {fault}"[:500], {})


def _verify(sample: Sample, protocol: Protocol) -> Sample:
    """The sample with its verifications, which depend on what it says and not on where it comes from."""
    bare = {name: part.model_copy(update={"provenance": Provenance()})
            for name in ("query", "response", "critique") if (part := getattr(sample, name)) is not None}
    try:
        said = _verify_once(sample.model_copy(update=bare), protocol.verifiers, protocol.timeout_s)
    except _ErredError as erred:
        said = erred.said
    return sample.model_copy(update={"verifications": said})


def _err(sample: Sample, verifiers: Sequence[str], reason: str) -> Sample:
    """The sample, of which no verifier could say anything."""
    said = tuple(Verification(verifier=name, version=VERIFIERS[name].version, target="sample",
                              outcome="error", reason=reason, detail=SPOILT[reason]) for name in verifiers)
    return sample.model_copy(update={"verifications": said})


class _ErredError(Exception):
    """Some verifier broke or ran out of time, which may be the machine's fault: not to be remembered."""

    def __init__(self, said: tuple[Verification, ...]) -> None:
        super().__init__()
        self.said = said


@lru_cache(maxsize=4096)
def _verify_once(sample: Sample, verifiers: tuple[str, ...], timeout_s: float) -> tuple[Verification, ...]:
    """Sets repeat rows: of the same content the verifiers are asked once."""
    [verified] = verify([sample], verifiers, timeout_s=timeout_s)
    if any(said.outcome == "error" for said in verified.verifications):
        raise _ErredError(verified.verifications)
    return verified.verifications


def _keep(row: Row, sample: Sample, task: Task, is_spoilt: bool) -> Entry:
    """What is kept of a sample for counting."""
    try:
        correct = CRASHED if is_spoilt else response_correctness(sample, timeout_s=task.protocol.timeout_s)
    except Exception:  # the verifier met it too, and has said so
        correct = CRASHED
    response, critique = sample.response, sample.critique
    return Entry(
        source_row=row.source_row, first=True, sample_id=bytes.fromhex(sample.id),
        query=_digest(sample.query.text), response=_digest(response.text) if response else None,
        critic=critique.provenance.model if critique else None,
        verdict=critique.verdict if critique else None, right=correct.value,
        on_answer=correct.match is not None,
        rounded=correct.match is not None and correct.match.reason == "rounded",
        final_answer=response.final_answer if response else None, reference=sample.query.reference_answer,
        outcomes=tuple((said.verifier, said.outcome, said.reason) for said in sample.verifications
                       if said.verifier in task.protocol.verifiers),
        values=tuple(_value(row, name) for name in task.columns),
        labelled_step=sample.gold.first_error_step if response else None, found_step=_found(sample))


def _found(sample: Sample) -> FoundStep | None:
    try:
        return compare_label(sample)
    except Exception:  # whatever broke, it says nothing of the label
        return None


def _value(row: Row, name: str) -> str | None:
    value = column_value(row, name)
    return None if value is None else printable(value)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]


def sample_schema() -> Any:
    """The pyarrow.Schema of samples.parquet: a `Sample`, and where it stands in the source."""
    import pyarrow as pa

    where = pa.schema([pa.field("source_row", pa.int64()), pa.field("file", pa.string())])
    return pa.unify_schemas([arrow_schema(Sample), where])


def _tabulate(rows: Sequence[Row], samples: Sequence[Sample]) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([
        sample.model_dump(mode="json") | {"source_row": row.source_row, "file": printable(row.file)}
        for row, sample in zip(rows, samples, strict=True)], schema=sample_schema())
