"""A dataset as it is published: Parquet by config and split, a manifest, all in one staging folder.

    README.md                 the card (see `card`)
    manifest.json             the `Manifest`: what every file is, and what it was made by
    assets/audit.png          the audit as a picture
    cft/train-00000-of-00001.parquet        `CftRow`: what is trained on (the default config)
    sft/ …                    `SftRow`: right responses to the same queries, once each
    audit/ …                  `AuditRow`: every verification, by the id of its sample
    dropped/ …                `DroppedRow`: what curating took out, and why

What is laid out is a function of what is in the folder: the same folder gives the same bytes again, so that
nothing is uploaded twice.

    >>> lay_out(Path("curated"), Path("curated/dataset")).configs["cft"]["train"].n_rows     # doctest: +SKIP
    576

Not covered: images and sounds, configs of one's own, encryption.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from cftdata.ledger import ModelTotals
from cftdata.sample import SCHEMA_VERSION, Count, Record

__all__ = ["Manifest", "PublishedFile", "Split", "lay_out"]

MANIFEST, CARD, PLOT = "manifest.json", "README.md", "assets/audit.png"


class PublishedFile(Record):
    """A file of the dataset."""

    sha256: str
    """64 hex digits."""
    n_bytes: Count
    """Its size."""


class Split(Record):
    """A split of a config."""

    n_rows: Count
    """Rows of all its files."""
    n_bytes: Count
    """Their size in memory, as `datasets` counts it."""
    files: tuple[str, ...]
    """Paths within the dataset, in order."""


class Manifest(Record):
    """What a published dataset is, and what it was made by. It holds no time and no path of a machine."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    """Version of this schema."""
    cftdata_version: str
    """Version that laid it out."""
    content_hash: str
    """SHA-256 over the ids of the config cft in order."""
    configs: dict[str, dict[str, Split]]
    """Config to split to what it holds; cft is the default."""
    features: dict[str, dict[str, str]]
    """Config to column to its Arrow type."""
    files: dict[str, PublishedFile]
    """Path to file, of all files but the manifest itself."""
    source: str | None
    """What the rows come from: the name of a file or folder, or a Hub id."""
    recipe: str | None
    """Recipe that built it, as id@hash."""
    policy: str | None
    """Policy that curated it, as id@hash."""
    protocol: str | None
    """Protocol that audited it, as id@hash."""
    versions: dict[str, str]
    """Library to version, of those that wrote the files."""
    models: tuple[ModelTotals, ...]
    """What was asked of each model, as the ledgers have it."""
    cost_usd: float | None
    """Sum of the known prices in US dollars; None when calls were made and none is known."""


def lay_out(folder: Path, staging: Path, settings: object | None = None) -> Manifest:
    """Writes the dataset of a curated, built or audited folder into `staging`, which it empties before.

    Raises SourceError and its kinds, OutputError.
    """
    raise NotImplementedError
