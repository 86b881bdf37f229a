"""Samples as we stored them: which file of a folder holds them, and their rows with what is needed only.

A folder that curating, auditing or building left holds `samples.parquet`; the other tables in it are no
samples. Of what a cluster left each table is a folder of that name, with parts that are its rows in order.
Verifications make up most of such a file, so whoever does not need them leaves them unread.

    >>> find_samples("curated")                                                   # doctest: +SKIP
    'curated/samples.parquet'
    >>> [row.columns["id"] for row in read_stored(Path("curated/samples.parquet"))]     # doctest: +SKIP
    ['6f0d…']

Not covered: sets that others made (`tables`, `sources`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from cftdata.errors import SourceUnreadable
from cftdata.figures import AuditReport
from cftdata.paths import open_path
from cftdata.sample import Sample
from cftdata.tables import RawRow

__all__ = ["SuspectKey", "count_stored", "find_samples", "find_suspect_keys", "is_stored", "list_parts",
           "list_unneeded", "read_stored"]

SAMPLES = "samples.parquet"
HEAVY = ("verifications",)
REPORTS = ("report.json", "after/report.json", "audit/report.json")
"""The report of an audited, a curated, a built folder."""
N_BATCH = 500

SuspectKey = tuple[str, str | None]
"""Id of a query (32 hex digits of the SHA-256 of its text) and its reference answer."""


def list_parts(table: Path) -> list[Path]:
    """The files of a table, in the order of its rows: itself, or the parts of the folder."""
    return sorted(table.glob("*.parquet")) if table.is_dir() else [table]


def find_samples(source: str) -> str:
    """The table that holds a folder's samples; the source itself where it is no such folder."""
    path = open_path(source) / SAMPLES
    return str(path) if path.is_file() or (path.is_dir() and list_parts(path)) else source


def is_stored(source: str) -> bool:
    """Whether it is Parquet of our own samples."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = open_path(source)
    if path.suffix != ".parquet" or not path.exists():
        return False
    try:
        names = []
        for part in list_parts(path):
            with part.open("rb") as stream:
                names.append(set(pq.read_schema(stream).names))
    except (pa.ArrowException, OSError):
        return False    # whatever it is, whoever reads it as a table says what is wrong
    return bool(names) and all(set(Sample.model_fields) <= found for found in names)


def count_stored(table: Path) -> int:
    """The rows of a table. Raises SourceUnreadable."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    n_rows = 0
    for part in list_parts(table):
        try:
            with part.open("rb") as stream:
                n_rows += pq.read_metadata(stream).num_rows
        except (OSError, pa.ArrowException) as fault:
            raise SourceUnreadable(f"{part} is no Parquet that can be read: {fault}") from fault
    return n_rows


def list_unneeded(needs: Sequence[str]) -> list[str]:
    """The heavy fields that are not among those."""
    return [name for name in HEAVY if name not in needs]


def read_stored(path: Path, needs: Sequence[str] = ()) -> Iterator[RawRow]:
    """The rows of a table of our own samples, in order. Raises SourceUnreadable.

    needs: fields that are read only when named (`verifications`); not named, they are empty.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    left = dict.fromkeys(list_unneeded(needs), ())
    n_rows = 0
    for part in list_parts(path):
        try:
            with part.open("rb") as stream, pq.ParquetFile(stream) as file:
                names = [name for name in file.schema_arrow.names if name not in left]
                for batch in file.iter_batches(N_BATCH, columns=names):
                    for columns in batch.to_pylist():
                        yield RawRow(n_rows, part.name, columns | left)
                        n_rows += 1
        except (pa.ArrowException, OSError, UnicodeDecodeError) as fault:
            raise SourceUnreadable(f"{part} cannot be read: {fault}") from fault


def find_suspect_keys(source: str) -> frozenset[SuspectKey]:
    """The references that the audit report beside the samples suspects; none where there is no report."""
    path = open_path(source)
    folder = path if path.is_dir() and path.name != SAMPLES else path.parent
    found = next((folder / name for name in REPORTS if (folder / name).is_file()), None)
    if found is None or not (folder / SAMPLES).exists():
        return frozenset()
    try:
        report = AuditReport.model_validate_json(found.read_bytes())
    except (OSError, ValidationError) as fault:
        raise SourceUnreadable(f"{found} is no audit report that can be read; audit the set again") from fault
    return frozenset((one.query_id, one.reference_answer) for one in report.suspect_references)
