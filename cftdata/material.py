"""What a folder holds that can be published: a curated set, a built one, or an audited one.

    curated   samples.parquet, dropped.parquet, decisions.parquet, curation.json, before/, after/
    built     samples.parquet, build.json, audit/
    audited   samples.parquet, report.json

Nothing is published that no audit has looked at. A table that a cluster wrote is a folder of its parts.

    >>> find_material(Path("curated")).report.protocol        # doctest: +SKIP
    'default@fc03b2cf9005'

Not covered: sets that were made elsewhere (audit them first).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from cftdata.builds import BuildReport
from cftdata.errors import SourceNotFound, SourceUnreadable
from cftdata.figures import AuditReport
from cftdata.sample import Record, Sample
from cftdata.stored import count_stored, list_parts

__all__ = ["Material", "as_sample", "find_material", "read_samples"]

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Material:
    """What there is to publish."""

    folder: Path
    samples: Path
    """Parquet of the samples with their verifications."""
    report: AuditReport
    """The audit of these samples."""
    dropped: Path | None = None
    """Parquet of what curating took out."""
    decisions: Path | None = None
    """Parquet of what was decided of every row."""
    before: AuditReport | None = None
    """The audit before curating."""
    curation: Mapping[str, Any] | None = None
    """What curating did: the `CurateReport` as JSON."""
    build: BuildReport | None = None
    """What building did."""
    effect: str = ""
    """What the data teaches, in Markdown, where that was measured; else empty."""


def find_material(folder: Path) -> Material:
    """What the folder holds. Raises SourceNotFound, SourceUnreadable."""
    if not folder.is_dir():
        raise SourceNotFound(f"there is no folder {folder}; name one that cftdata curate, build or audit "
                             "wrote")
    if (folder / "curation.json").is_file():
        return _curated(folder)
    if (folder / "build.json").is_file():
        audit = folder / "audit"
        report = _read_record(audit / "report.json", AuditReport)
        return _whole(Material(folder, audit / "samples.parquet", report, build=_read_build(folder),
                               effect=_read_effect(folder, report)))
    if (folder / "report.json").is_file():
        report = _read_record(folder / "report.json", AuditReport)
        return _whole(Material(folder, folder / "samples.parquet", report,
                               build=_read_build(Path(report.source)), effect=_read_effect(folder, report)))
    raise SourceNotFound(f"{folder} is neither curated, built nor audited; audit the set first, with "
                         "--out DIR")


def _curated(folder: Path) -> Material:
    curation = _read_json(folder / "curation.json")
    before, after = (_read_record(folder / name / "report.json", AuditReport) for name in ("before", "after"))
    return _whole(Material(
        folder, folder / "samples.parquet", after, dropped=folder / "dropped.parquet",
        decisions=folder / "decisions.parquet", before=before, curation=curation,
        build=_read_build(Path(str(curation.get("source")))), effect=_read_effect(folder, after)))


def _whole(material: Material) -> Material:
    """The same. Raises SourceNotFound, SourceUnreadable where a table is missing or not what was audited."""
    for path in (material.samples, material.dropped, material.decisions):
        if path is not None and not (path.exists() and list_parts(path)):
            raise SourceNotFound(f"{material.folder} lacks {path.relative_to(material.folder)}; "
                                 "give the command that wrote it again")
    n_rows = count_stored(material.samples)
    if n_rows != material.report.n_samples:
        raise SourceUnreadable(f"{material.samples} holds {n_rows:,} rows, and its audit speaks of "
                               f"{material.report.n_samples:,}; audit it again")
    return material


def as_sample(row: Mapping[str, Any]) -> Sample:
    """The sample of a row of our own table, which has its place in the source beside."""
    return Sample.model_validate({name: row[name] for name in row.keys() - {"source_row", "file"}})


def read_samples(path: Path) -> Iterator[tuple[Sample, int, str]]:
    """Every sample of a table, with its row in the source and its file. Raises SourceUnreadable."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for part in list_parts(path):
        try:
            with part.open("rb") as stream, pq.ParquetFile(stream) as file:
                for batch in file.iter_batches(batch_size=500):
                    for row in batch.to_pylist():
                        yield as_sample(row), row.get("source_row") or 0, row.get("file") or ""
        except (OSError, pa.ArrowException, ValidationError) as fault:
            line = " ".join(str(fault).split())[:200]
            raise SourceUnreadable(f"{part} is no table of samples: {line}; make it again") from fault


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise SourceUnreadable(f"{path} cannot be read ({fault}); give the command that wrote it "
                               "again") from fault
    if not isinstance(content, dict):
        raise SourceUnreadable(f"{path} is no report; give the command that wrote it again")
    return content


def _read_record(path: Path, kind: type[R]) -> R:
    if not path.is_file():
        raise SourceNotFound(f"there is no {path}; nothing is published that was not audited: "
                             f"cftdata audit {path.parent.parent} --out {path.parent}")
    try:
        return kind.model_validate(_read_json(path))
    except ValidationError as fault:
        raise SourceUnreadable(f"{path} was written by another version; give the command that wrote it "
                               "again") from fault


def _read_build(folder: Path) -> BuildReport | None:
    """The report of the build in that folder; None where there is none."""
    path = folder / "build.json"
    return _read_record(path, BuildReport) if path.is_file() else None


def _read_effect(folder: Path, audited: AuditReport) -> str:
    """What the effect report in the folder says, if there is one, and whether it is of these very rows."""
    path = folder / "effect" / "effect.json"
    if not path.is_file():
        return ""
    from cftdata.effect.figures import EffectReport
    from cftdata.effect.report import for_card

    report = _read_record(path, EffectReport)
    is_same = report.conditions.content_hash == audited.content_hash
    return for_card(report) if is_same else f"Measured on an earlier state of this set.\n\n{for_card(report)}"
