"""The manifest of a published dataset: what every file is, and what it was made by.

Two laid-out datasets are the same when their manifests are; so a commit whose answer was lost is found again.

    >>> Split(n_rows=2, n_bytes=80, files=("cft/train-00000-of-00001.parquet",)).n_rows
    2

Not covered: signatures (the Hub can sign commits).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from cftdata.ledger import ModelTotals
from cftdata.sample import SCHEMA_VERSION, Count, Record

__all__ = ["CARD", "MANIFEST", "PLOT", "Manifest", "PublishedFile", "Split", "hash_file", "hash_git_blob"]

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
    """Sum of the known prices in US dollars; None when none is known, or no ledger tells of the calls."""


def hash_file(path: Path) -> PublishedFile:
    """Size and SHA-256 of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return PublishedFile(sha256=digest, n_bytes=path.stat().st_size)


def hash_git_blob(path: Path) -> str:
    """The id that git gives the file's content: SHA-1 over its length and its bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
