"""A dataset as it is published: Parquet by config and split, a manifest, all in one staging folder.

    README.md                 the card (see `card`)
    manifest.json             the `Manifest`: what every file is, and what it was made by
    assets/audit.png          the audit as a picture
    cft/train-00000-of-00001.parquet        `CftRow`: what is trained on (the default config)
    sft/ …                    `SftRow`: right responses to the same queries, once each
    audit/ …                  `AuditRow`: every verification, by the id of its sample
    dropped/ …                `DroppedRow`: what curating took out, and why

A row keeps the split that its source named; else `test_rate` of the queries, drawn by their text, are `test`,
and the rest `train`: no query stands in both. What is laid out is a function of what is in the folder and of
the settings: the same gives the same bytes again, so that nothing is uploaded twice.

The folder is written beside its place and moved there whole. Of two processes that lay out into one place the
second is refused.

    >>> lay_out(Path("curated"), Path("curated/dataset")).configs["cft"]["train"].n_rows     # doctest: +SKIP
    576

Not covered: images and sounds, configs of one's own, encryption.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from cftdata.audit_plot import draw_rates
from cftdata.card import CardSettings, render_card
from cftdata.errors import OutputError, SourceEmpty
from cftdata.facts import Facts
from cftdata.ledger import ModelTotals
from cftdata.manifest import CARD, MANIFEST, PLOT, Manifest, Split, hash_file
from cftdata.material import Material, find_material, read_samples
from cftdata.parquet import writing
from cftdata.rows import CftRow, make_audit, make_cft, make_dropped, make_sft, public_name
from cftdata.sample import Sample
from cftdata.shards import Shards, features_of

__all__ = ["Laid", "Manifest", "hold", "lay_data", "lay_out", "write_card"]

SPLIT = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Laid:
    """A dataset of which all but the card lies in the staging folder."""

    staging: Path
    material: Material
    facts: Facts
    manifest: Manifest
    """Its files are those that lie there already."""


def lay_out(folder: str | Path, staging: str | Path, settings: CardSettings | None = None) -> Manifest:
    """Writes the dataset of a curated, built or audited folder into `staging`, in place of what it held.

    Raises SourceError and its kinds, ExtraMissing, OutputError.
    """
    chosen = settings or CardSettings()
    with hold(Path(staging)):
        laid = lay_data(Path(folder), Path(staging), chosen)
        return write_card(laid, chosen)[0]


@contextmanager
def hold(staging: Path) -> Iterator[None]:
    """Keeps every other process from laying out into the same folder. Raises OutputError."""
    path = staging.parent / f".{staging.name}.lock"
    with writing(staging.parent):
        staging.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = sqlite3.connect(path, isolation_level=None, timeout=0)
        lock.execute("BEGIN EXCLUSIVE")     # the system lets go of it when the process ends, however it does
    except sqlite3.Error as fault:
        raise OutputError(f"another process is laying out into {staging} ({fault}); wait for it, or name "
                          "another folder with --out") from fault
    try:
        yield
    finally:
        lock.close()


def lay_data(folder: Path, staging: Path, settings: CardSettings,
             progress: Callable[[str], None] | None = None) -> Laid:
    """Writes everything but the card and the manifest."""
    material = find_material(folder)
    _refuse_foreign(staging)
    partial, old = (staging.parent / f".{staging.name}.{word}" for word in ("partial", "old"))
    with writing(staging):
        for left in (partial, old):     # of a process that was killed
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
    try:
        tables, facts, content_hash = _write_tables(material, partial, settings, progress)
        with writing(staging):
            draw_rates(material.report, material.before, partial / PLOT)
        manifest = _describe(material, tables, partial, content_hash)
        with writing(staging):
            _write_manifest(partial, manifest)
            if staging.exists():
                staging.replace(old)
            partial.replace(staging)
    finally:
        for left in (partial, old):
            shutil.rmtree(left, ignore_errors=True)
    return Laid(staging, material, facts, manifest)


def write_card(laid: Laid, settings: CardSettings, *, repo: str | None = None, tag: str | None = None,
               old: str | None = None) -> tuple[Manifest, tuple[str, ...]]:
    """Writes the card, merged with the `old` one of the Hub, and the manifest.

    Gives the manifest, and what of the old card was kept. It may be called again. Raises OutputError.
    """
    card = render_card(laid.material, laid.facts, laid.manifest, settings, repo=repo, tag=tag, old=old)
    with writing(laid.staging):
        (laid.staging / CARD).write_text(card.text, encoding="utf-8", newline="\n")
        files = {**laid.manifest.files, CARD: hash_file(laid.staging / CARD)}
        manifest = laid.manifest.model_copy(update={"files": dict(sorted(files.items()))})
        _write_manifest(laid.staging, manifest)
    return manifest, card.kept


def _write_manifest(folder: Path, manifest: Manifest) -> None:
    text = manifest.model_dump_json(indent=2) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8", newline="\n")


def _refuse_foreign(staging: Path) -> None:
    """Raises OutputError where the folder holds anything but a dataset that was laid out there before."""
    if staging.is_dir() and any(staging.iterdir()) and not (staging / MANIFEST).is_file():
        raise OutputError(f"{staging} holds files, and no dataset that was laid out before; they would be "
                          "lost: name a folder that is empty or is not there")


# --- Rows


def _write_tables(material: Material, folder: Path, settings: CardSettings,
                  progress: Callable[[str], None] | None) -> tuple[dict[str, dict[str, Split]], Facts, str]:
    """The tables' splits, what was counted, and the hash over the ids of cft."""
    tables, facts, digest = Shards(folder), Facts(), hashlib.sha256()
    seen: set[bytes] = set()
    suspects = {(one.query, one.reference_answer) for one in material.report.suspect_references}
    try:
        with writing(folder):
            for sample, _, file in read_samples(material.samples):
                row = make_cft(sample, file, is_suspect=_key(sample) in suspects)
                split = _split(row, settings)
                digest.update(row.id.encode())
                facts.add(row)
                tables.add("cft", split, row)
                _add_audit(tables, split, sample, "cft")
                _add_sft(tables, split, sample, seen)
                if progress and facts.n_rows % 5_000 == 0:
                    progress(f"laying out: {facts.n_rows:,} rows")
            if not facts.n_rows:
                raise SourceEmpty(f"{material.folder} holds no row that is kept; there is nothing to publish")
            _write_dropped(material, tables, facts, settings)
            return tables.close(), facts, digest.hexdigest()
    finally:
        tables.stop()


def _key(sample: Sample) -> tuple[str, str | None]:
    return sample.query.text, sample.query.reference_answer


def _split(row: CftRow, settings: CardSettings) -> str:
    """The split that the source named, without a slice; else by the query's hash."""
    named = SPLIT.match(row.source_split or "")
    if named:
        return named[0]
    place = int.from_bytes(hashlib.sha256(row.query.encode()).digest()[:4], "big") / 2**32
    return "test" if place < settings.test_rate else "train"


def _add_audit(tables: Shards, split: str, sample: Sample, config: Literal["cft", "dropped"]) -> None:
    for said in make_audit(sample, config):
        tables.add("audit", split, said)


def _add_sft(tables: Shards, split: str, sample: Sample, seen: set[bytes]) -> None:
    """Adds the right response to the sample's query, once."""
    row = make_sft(sample)
    if row is not None and (key := bytes.fromhex(row.id)) not in seen:
        seen.add(key)
        tables.add("sft", split, row)


def _write_dropped(material: Material, tables: Shards, facts: Facts, settings: CardSettings) -> None:
    if material.dropped is None:
        return
    details = _read_details(material)
    before = material.before or material.report
    suspects = {(one.query, one.reference_answer) for one in before.suspect_references}
    for sample, source_row, file in read_samples(material.dropped):
        row = make_dropped(sample, file, details.get(source_row), is_suspect=_key(sample) in suspects)
        split = _split(row, settings)
        facts.add(row)
        tables.add("dropped", split, row)
        _add_audit(tables, split, sample, "dropped")


def _read_details(material: Material) -> dict[int, str]:
    """Row of the source to the sentence of what was decided of it, of dropped rows."""
    import pyarrow.parquet as pq

    if material.decisions is None:
        return {}
    columns = ["source_row", "action", "detail"]
    rows = pq.read_table(material.decisions, columns=columns).to_pylist()
    return {row["source_row"]: row["detail"] for row in rows if row["action"] == "drop" and row["detail"]}


# --- The manifest


def _describe(material: Material, tables: dict[str, dict[str, Split]], folder: Path,
              content_hash: str) -> Manifest:
    """The manifest of all files that lie in the folder."""
    build, curation = material.build, material.curation or {}
    models = [*(build.models if build else ()),
              *map(ModelTotals.model_validate, curation.get("models") or ())]
    costs = [one.cost_usd for one in models if one.cost_usd is not None]
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    schemas = {config: features_of(config).arrow_schema for config in tables}
    return Manifest(
        cftdata_version=version("cftdata"), content_hash=content_hash, configs=tables,
        features={config: {column.name: str(column.type) for column in schema}
                  for config, schema in schemas.items()},
        files={path.relative_to(folder).as_posix(): hash_file(path) for path in paths},
        source=public_name(_origin(material)), recipe=build.recipe if build else None,
        policy=curation.get("policy"), protocol=material.report.protocol,
        versions={name: version(name) for name in ("datasets", "pyarrow")},
        models=tuple(models), cost_usd=sum(costs) if costs or (build and not models) else None)


def _origin(material: Material) -> str:
    """What the rows come from first."""
    if material.build:
        return material.build.source
    return (material.before or material.report).source
