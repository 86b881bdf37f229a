"""The tables of a curated set, each stretch of it by itself.

    samples.parquet     rows that are kept, changed ones in place of the old
    dropped.parquet     rows that are not, whole, with the reason
    decisions.parquet   one `DecisionRow` for every row; with the last stretch, for rows not read too

Rows that are not changed go over as they lie on disk, but for the decision.

    >>> write_stretch(Writing(stretch, Part(Path("curated")), None, ()))        # doctest: +SKIP
    Written(reasons=Counter({'keep:no_finding': 2}), …)

Not covered: what is decided (`selection`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.batch import sample_schema
from cftdata.curation import DecisionRow
from cftdata.deciding import Row
from cftdata.engine import Part
from cftdata.parquet import arrow_schema, open_table, writing
from cftdata.runs import read_between
from cftdata.selection import Stretch, read_rows
from cftdata.slices import read_slice
from cftdata.stored import list_parts

__all__ = ["TABLES", "Writing", "Written", "write_stretch"]

TABLES = ("samples.parquet", "dropped.parquet", "decisions.parquet")
N_SHOWN = 5
"""First rows that are named for each reason."""
NOTHING_FOUND = ("no_finding", "with_consensus")


class Writing(NamedTuple):
    """A stretch to be written."""

    stretch: Stretch
    out: Part
    changed: Path | None
    """The rows that stand in the place of changed ones; None where none were changed."""
    findings: Sequence[Path]
    """Of the audit, whose rows that could not be read are noted here; of one stretch only."""


@dataclass
class Written:
    """What was written. That of stretches in order merges to that of all."""

    reasons: Counter[str] = field(default_factory=Counter)
    """action:reason to rows."""
    first_rows: dict[str, list[int]] = field(default_factory=dict)
    """The same to the first rows of the source, but of those with nothing found."""

    @property
    def n_rows(self) -> int:
        """Rows in all."""
        return sum(self.reasons.values())

    @property
    def n_kept(self) -> int:
        """Rows that are kept, changed ones included."""
        return sum(n for key, n in self.reasons.items() if not key.startswith("drop:"))

    @property
    def actions(self) -> dict[str, int]:
        """Action to rows."""
        counts = Counter[str]()
        for key, n in self.reasons.items():
            counts[key.partition(":")[0]] += n
        return dict(counts.most_common())

    def add(self, row: Row) -> None:
        """Counts a row."""
        key = f"{row.choice.action}:{row.choice.reason}"
        self.reasons[key] += 1
        if row.choice.reason not in NOTHING_FOUND:
            self._show(key, [row.source_row])

    def merge(self, other: Written) -> None:
        """Adds the stretch that comes next."""
        self.reasons += other.reasons
        for key, rows in other.first_rows.items():
            self._show(key, rows)

    def _show(self, key: str, rows: Sequence[int]) -> None:
        shown = self.first_rows.setdefault(key, [])
        shown += rows[:N_SHOWN - len(shown)]


def write_stretch(one: Writing) -> Written:
    """Writes a stretch's part of each table. Raises OutputError."""
    written, schema, rows = Written(), sample_schema(), read_rows(one.stretch)
    decisions = arrow_schema(DecisionRow)
    paths = [one.out.table(name) for name in TABLES]
    with writing(one.out.folder):
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        keep, drop, note = (stack.enter_context(open_table(path, columns)) for path, columns in zip(
            paths, (schema, schema, decisions), strict=True))
        for some in one.stretch.slices:
            for batch in read_slice(some):
                of_batch = list(islice(rows, batch.num_rows))
                notes = _write_batch(batch.select(schema.names), of_batch, one.changed, (keep, drop))
                note(_tabulate(notes, decisions))
                for row in of_batch:
                    written.add(row)
        for unread in _read_unread(one.findings):
            note(_tabulate(unread, decisions))
    return written


def _tabulate(rows: Sequence[DecisionRow], schema: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([row.model_dump(mode="json") for row in rows], schema=schema)


def _write_batch(batch: Any, rows: Sequence[Row], changed: Path | None,
                 writers: tuple[Callable[[Any], None], Callable[[Any], None]]) -> list[DecisionRow]:
    """Writes some samples with their decisions; what is noted of each."""
    import pyarrow as pa

    before, made = dict[int, str | None](), dict[int, dict[str, Any]]()
    if any(row.new_id for row in rows) and changed:
        made = {row["source_row"]: row for row in read_between(
            changed, "source_row", range(rows[0].source_row, rows[-1].source_row + 1)).to_pylist()}
        before = {row.source_row: (batch["critique"][n].as_py() or {}).get("text")
                  for n, row in enumerate(rows) if row.new_id}
        batch = _put(batch, rows, made)
    place = batch.schema.get_field_index("decision")
    said = pa.array([{"action": row.choice.action, "reason": row.choice.reason} for row in rows],
                    batch.schema.field(place).type)
    batch = batch.set_column(place, batch.schema.field(place), said)
    for write, is_wanted in zip(writers, (True, False), strict=True):
        write(batch.filter(pa.array([row.is_kept is is_wanted for row in rows], pa.bool_())))
    return [DecisionRow(source_row=row.source_row, sample_id=row.sample_id, action=row.choice.action,
                        reason=row.choice.reason, detail=row.choice.detail, other=row.other,
                        new_sample_id=row.new_id, critique_before=before.get(row.source_row))
            for row in rows]


def _put(batch: Any, rows: Sequence[Row], made: dict[int, dict[str, Any]]) -> Any:
    """The samples with the changed ones in the place of the old."""
    import pyarrow as pa

    stand = [made[row.source_row] | {"source_row": old["source_row"], "file": old["file"]}
             if row.new_id else old for row, old in zip(rows, batch.to_pylist(), strict=True)]
    return pa.RecordBatch.from_pylist(stand, schema=batch.schema)


def _read_unread(findings: Sequence[Path]) -> Iterator[list[DecisionRow]]:
    """Rows of the source that could not be read, some at a time."""
    import pyarrow.parquet as pq

    columns = ["source_row", "verifier", "reason", "detail"]
    for table in findings:
        for path in list_parts(table):
            with path.open("rb") as stream, pq.ParquetFile(stream) as file:
                for batch in file.iter_batches(500, columns=columns):
                    found = [DecisionRow(source_row=row["source_row"], sample_id=None, action="unread",
                                         reason=row["reason"], detail=row["detail"])
                             for row in batch.to_pylist() if row["verifier"] == "load"]
                    if found:
                        yield found
