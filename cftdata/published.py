"""The check of what was published: loaded as a reader would, from an empty cache, by the tag.

`check` runs this module as a process of its own, with a cache folder that is thrown away, since
huggingface_hub and datasets read their settings once, when they are imported. Every file is downloaded and
hashed, every config loaded and streamed.

    python -m cftdata.published ORG/NAME REVISION manifest.json        # prints the differences as JSON

    >>> check("acme/critiques", "v1.0.0", Path("dataset/manifest.json"), token=None)        # doctest: +SKIP
    []

Not covered: the Hub's own viewer and its conversion, which come some minutes later.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cftdata.endpoint import hide_keys
from cftdata.hub_faults import Moved
from cftdata.manifest import MANIFEST, Manifest, hash_file

__all__ = ["check", "find_differences"]

CACHES = ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_DATASETS_CACHE", "HF_ASSETS_CACHE", "HF_XET_CACHE",
          "HF_MODULES_CACHE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_DATASETS_IN_MEMORY_MAX_SIZE")
"""Variables that would keep the check from an empty cache."""
DIFFERS = 3
"""Exit status of the process when it found a difference."""


def check(repo: str, revision: str, manifest: Path, *, token: str | None) -> list[str]:
    """What differs between the manifest and what can be loaded, in sentences; empty when nothing does.

    Raises Moved when it cannot be loaded, as from a copy of the Hub that lags behind, or without a network.
    """
    with tempfile.TemporaryDirectory(prefix="cftdata-check-") as home:
        environment = {name: value for name, value in os.environ.items() if name not in CACHES}
        environment |= {"HF_HOME": home, "HF_HUB_DISABLE_PROGRESS_BARS": "1", "HF_HUB_VERBOSITY": "critical"}
        environment |= {"HF_TOKEN": token} if token else {}
        done = subprocess.run(
            [sys.executable, "-m", "cftdata.published", repo, revision, str(manifest)], env=environment,
            capture_output=True, text=True, check=False)
    if done.returncode not in (0, DIFFERS):
        last = hide_keys((done.stderr.strip().splitlines() or ["no reason was given"])[-1])
        raise Moved(last[:300])
    return [str(one) for one in json.loads(done.stdout)]


def find_differences(repo: str, revision: str, manifest: Manifest) -> Iterator[str]:
    """What differs, one sentence each; it downloads all there is into the cache of this process."""
    differing = list(_compare_files(repo, revision, manifest))
    yield from differing
    if differing:
        return      # what is not the file that was sent need not be one that can be loaded
    from datasets import get_dataset_config_names

    names = get_dataset_config_names(repo, revision=revision)
    for config in manifest.configs:
        if config not in names:
            yield f"there is no config {config}; there are {', '.join(names)}"
        else:
            yield from _compare_config(repo, revision, config, manifest)


def _compare_files(repo: str, revision: str, manifest: Manifest) -> Iterator[str]:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    for path, file in manifest.files.items():
        try:
            found = hash_file(Path(hf_hub_download(repo, path, repo_type="dataset", revision=revision)))
        except RemoteEntryNotFoundError:
            yield f"{path} is not there"
            continue
        if found != file:
            yield f"{path} has the SHA-256 {found.sha256}, not {file.sha256}"
    there = hf_hub_download(repo, MANIFEST, repo_type="dataset", revision=revision)
    if Manifest.model_validate_json(Path(there).read_bytes()) != manifest:
        yield f"{MANIFEST} is another"


def _compare_config(repo: str, revision: str, config: str, manifest: Manifest) -> Iterator[str]:
    """Splits, numbers of rows and features of a config, and its first row as it is streamed."""
    from datasets import load_dataset

    loaded = load_dataset(repo, config, revision=revision)
    wanted = {name: split.n_rows for name, split in manifest.configs[config].items()}
    found = {name: part.num_rows for name, part in loaded.items()}
    if found != wanted:
        yield f"config {config} has the rows {found}, not {wanted}"
    streams = load_dataset(repo, config, revision=revision, streaming=True)
    for split, part in loaded.items():
        types = {column.name: str(column.type) for column in part.features.arrow_schema}
        if types != manifest.features[config]:
            yield f"config {config}, split {split} has other columns than the manifest: {types}"
        if part.num_rows and not _is_same(next(iter(streams[split])), part[0]):
            yield f"config {config}, split {split} streams another first row than it loads"


def _is_same(row: Any, other: Any) -> bool:
    return json.dumps(row, sort_keys=True, default=str) == json.dumps(other, sort_keys=True, default=str)


def main() -> None:
    """Prints the differences as a JSON list; exits with 0 when there are none."""
    repo, revision, path = sys.argv[1:]
    found = list(find_differences(repo, revision, Manifest.model_validate_json(Path(path).read_bytes())))
    print(json.dumps(found), flush=True)
    # a stream that was left early has threads of pyarrow, which at times abort a process that ends in order
    os._exit(DIFFERS if found else 0)


if __name__ == "__main__":
    main()
