"""One batch of audited samples: what is decided of each by itself, and what others like it are found by.

    work/decided.parquet        one `Row` a sample, in order
    work/exact-00000.parquet    runs by which duplicates are found (see `duplicate_parts`), of what is kept
    work/band-00000.parquet

`decide_batch` is a pure function that can run in any process. What rows are held against (evaluation sets, a
tokenizer, what responses agree on) is read by each process once, from files that it must reach.

    >>> Row(0, 0, "6f0d", "right", NO_FINDING).is_kept
    True

Not covered: what needs other rows (`selection`), and which rule decides (`decisions`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from cftdata.config import Protocol, load_protocol
from cftdata.consensus import load_consensus
from cftdata.contamination import Index, index_evaluation, tell_match
from cftdata.decisions import NO_FINDING, Choice, Consensus, decide
from cftdata.duplicate_parts import open_schemas, order_of, tell_signature
from cftdata.duplicates import sign
from cftdata.engine import Part, Spoilt
from cftdata.errors import SourceUnreadable
from cftdata.grams import texts_of
from cftdata.lengths import CountTokens, check, count, make_counter
from cftdata.material import as_sample
from cftdata.parquet import open_table, writing
from cftdata.policy import Policy
from cftdata.runs import open_runs
from cftdata.sample import Sample, Verdict
from cftdata.tables import RawRow

__all__ = [
    "NO_FINDING",
    "Decided",
    "Row",
    "Rule",
    "Screen",
    "decide_batch",
    "keep_decided",
    "open_screen",
    "read_decided",
    "spoil_decision",
]

N_ROWS_AT_A_TIME = 1_000


@dataclass(slots=True)
class Row:
    """What is known of a row that was read."""

    place: int
    """Its position among the audited samples."""
    source_row: int
    sample_id: str
    verdict: Verdict | None
    choice: Choice
    other: str | None = None
    """Id of the row that it duplicates, or evaluation set:row of the item it holds."""
    new_id: str | None = None
    """Id of what stands in its place, where it was changed."""

    @property
    def is_kept(self) -> bool:
        """Whether it, or what stands in its place, is kept."""
        return self.choice.action != "drop"

    @property
    def is_to_change(self) -> bool:
        """Whether it is to be mended or written again, and is not yet."""
        return self.choice.action in ("relabel", "regenerate") and self.new_id is None

    def drop(self, reason: str, detail: str | None = None, other: str | None = None) -> None:
        """Takes it out, with what stands in its place."""
        self.choice, self.other, self.new_id = Choice("drop", reason, detail), other, None


# --- What a row is held against


@dataclass(frozen=True)
class Screen:
    """What a single row is held against."""

    policy: Policy
    protocol: Protocol
    index: Index | None
    """The evaluation sets; None when none is named."""
    count_tokens: CountTokens | None
    """None where the policy sets no limit."""

    def refuse(self, sample: Sample) -> tuple[str, str, str | None] | None:
        """Reason, evidence and place of an evaluation item, where the sample holds one or breaks a limit."""
        found = self.index.find(sample) if self.index else ()
        if found:
            return "contaminated", tell_match(found[0]), found[0].place
        if self.count_tokens is None or self.policy.lengths is None:
            return None
        broken = check(count(sample, self.count_tokens), self.policy.lengths)
        return (broken.reason, broken.detail, None) if broken else None


def open_screen(policy: Policy, against: Sequence[str]) -> Screen:
    """Reads what rows are held against. Raises ConfigError, SourceError and its kinds, ExtraMissing."""
    return Screen(policy, load_protocol(policy.protocol),
                  index_evaluation(list(against), policy.contamination) if against else None,
                  make_counter(policy.lengths.tokenizer) if policy.lengths else None)


class Asked(NamedTuple):
    """What is asked for, in a form that is small to send."""

    policy: str
    """The policy as JSON."""
    against: tuple[str, ...]
    """Evaluation sets."""
    mark: str
    """A hash that changes with both, and with what is in the files."""

    def open(self) -> Screen:
        """What rows are held against; read once in a process."""
        return _open(self)


class Rule(NamedTuple):
    """What decides."""

    asked: Asked
    consensus: Path
    """File of what responses agree on."""

    def open(self) -> tuple[Screen, Consensus]:
        """What rows are held against, and what responses agree on; read once in a process."""
        return self.asked.open(), _load(self)


@lru_cache(maxsize=1)
def _open(asked: Asked) -> Screen:
    return open_screen(Policy.model_validate_json(asked.policy), asked.against)


@lru_cache(maxsize=1)
def _load(rule: Rule) -> Consensus:
    return load_consensus(rule.consensus)


# --- A batch


@dataclass(slots=True)
class Batch:
    """What is decided of some rows."""

    rows: Any
    """pyarrow.RecordBatch of the rows."""
    reasons: Counter[str]
    exact: list[dict[str, Any]] = field(default_factory=list)
    bands: list[dict[str, Any]] = field(default_factory=list)


def decide_batch(rule: Rule, raws: Sequence[RawRow]) -> Batch:
    """The rows of audited samples, as far as each is decided by itself. Raises SourceUnreadable."""
    screen, agreed = rule.open()
    return _tell(screen.policy, [(_decide(raw.row, sample, source_row, screen, agreed), sample)
                                 for raw in raws for sample, source_row in [_read(raw)]])


def spoil_decision(rule: Rule, raw: RawRow, reason: Spoilt, is_read: bool) -> Batch:
    """A row that ended the process it was in, or ran past its time: nobody knows what to decide of it."""
    policy = Policy.model_validate_json(rule.asked.policy)
    columns = raw.columns or {}
    row = Row(raw.row, _number(columns.get("source_row")), str(columns.get("id")), None,
              Choice(policy.undecided, "undecided", reason))
    if not is_read:
        return Batch(_tabulate([row]), Counter([_key(row)]))
    sample, row.source_row = _read(raw)
    row.verdict = sample.critique.verdict if sample.critique else None
    return _tell(policy, [(row, sample)])


def _decide(place: int, sample: Sample, source_row: int, screen: Screen, agreed: Consensus) -> Row:
    verdict = sample.critique.verdict if sample.critique else None
    row = Row(place, source_row, sample.id, verdict, decide(sample, screen.policy, agreed))
    refused = screen.refuse(sample) if row.is_kept else None
    if refused:
        row.drop(*refused)
    return row


def _read(raw: RawRow) -> tuple[Sample, int]:
    """The sample and its row in the source."""
    columns = raw.columns or {}
    try:
        return as_sample(columns), _number(columns.get("source_row"))
    except ValidationError as fault:
        line = " ".join(str(fault).split())[:200]
        raise SourceUnreadable(f"{raw.file} is no table of samples: {line}; make it again") from fault


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _tell(policy: Policy, rows: Sequence[tuple[Row, Sample]]) -> Batch:
    batch = Batch(_tabulate([row for row, _ in rows]), Counter(_key(row) for row, _ in rows))
    settings = policy.duplicates
    for row, sample in rows if settings else ():
        if row.is_kept and settings:
            order = order_of(row.place, is_to_change=row.is_to_change)
            signature = sign(texts_of(sample, settings.parts), settings)
            exact, bands = tell_signature(signature, order, row.source_row, row.sample_id)
            batch.exact.append(exact)
            batch.bands += bands
    return batch


def _key(row: Row) -> str:
    return f"{row.choice.action}:{row.choice.reason}"


# --- What is kept of a stretch


@dataclass(slots=True)
class Decided:
    """What is known of a stretch, beside its files."""

    n_rows: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """action:reason to rows, before what other rows say."""
    exact: list[str] = field(default_factory=list)
    """Names of its runs."""
    bands: list[str] = field(default_factory=list)


def keep_decided(part: Part, batches: Iterable[Batch]) -> Decided:
    """Writes the files of a stretch. Raises OutputError."""
    decided, (exact, band) = Decided(), open_schemas()
    with writing(part.folder):
        part.work("decided.parquet").parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        write = stack.enter_context(open_table(part.work("decided.parquet"), _schema()))
        gather_exact, decided.exact = stack.enter_context(open_runs(part.work, "exact", exact))
        gather_bands, decided.bands = stack.enter_context(open_runs(part.work, "band", band))
        for batch in batches:
            decided.n_rows += batch.rows.num_rows
            decided.reasons += batch.reasons
            write(batch.rows)
            gather_exact(batch.exact)
            gather_bands(batch.bands)
    return decided


def read_decided(part: Part) -> Iterator[Row]:
    """The rows of a stretch, in order, as each was decided by itself."""
    import pyarrow.parquet as pq

    with part.work("decided.parquet").open("rb") as stream, pq.ParquetFile(stream) as file:
        for batch in file.iter_batches(N_ROWS_AT_A_TIME):
            for row in batch.to_pylist():
                choice = Choice(row.pop("action"), row.pop("reason"), row.pop("detail"))
                yield Row(choice=choice, **row)


def _schema() -> Any:
    import pyarrow as pa

    text = pa.string()
    return pa.schema({"place": pa.int64(), "source_row": pa.int64(), "sample_id": text, "verdict": text,
                      "action": text, "reason": text, "detail": text, "other": text})


def _tabulate(rows: Iterable[Row]) -> Any:
    import pyarrow as pa

    told = [{"place": row.place, "source_row": row.source_row, "sample_id": row.sample_id,
             "verdict": row.verdict, "action": row.choice.action, "reason": row.choice.reason,
             "detail": row.choice.detail, "other": row.other} for row in rows]
    return pa.RecordBatch.from_pylist(told, schema=_schema())
