"""Jobs of clients of the Hub: huggingface_hub, datasets and cftdata as they are, each in a fork of its own.

It reads one job a line from stdin, as `loopback_client.Clients` writes it, prints the fork's process id, and
goes on. A fork leaves its result, or its fault, in a file, and may be killed at any moment.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import datasets
import matplotlib.figure
import pyarrow.parquet  # noqa: F401  # so that not every fork imports it
import stamina  # noqa: F401
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from cftdata import hub
from cftdata.card import CardSettings
from cftdata.hub_faults import Patience


def api(method: str, **arguments: Any) -> Any:
    """Any method of HfApi that takes and gives plain values."""
    return json.loads(json.dumps(getattr(HfApi(), method)(**arguments), default=_plain))


def _plain(value: Any) -> Any:
    return vars(value) if hasattr(value, "__dict__") else str(value)


def list_files(repo: str, revision: str | None = None) -> dict[str, list[Any]]:
    """Path to size and SHA-256 (LFS files), as the tree has them."""
    tree = HfApi().list_repo_tree(repo, recursive=True, revision=revision, repo_type="dataset")
    return {file.path: [getattr(file, "size", None), getattr(getattr(file, "lfs", None), "sha256", None)]
            for file in tree}


def commit(repo: str, files: dict[str, str], deleted: tuple[str, ...] = (), message: str = "Add",
           **options: Any) -> str:
    """Commits texts, or files where the text is a path; gives the commit."""
    adds = [CommitOperationAdd(path, text if Path(text).is_absolute() else text.encode())
            for path, text in files.items()]
    deletes = [CommitOperationDelete(path) for path in deleted]
    done = HfApi().create_commit(repo, [*adds, *deletes], commit_message=message, repo_type="dataset",
                                 **options)
    return str(done.oid)


def download(repo: str, path: str, revision: str | None = None) -> str:
    """SHA-256 of a downloaded file."""
    file = HfApi().hf_hub_download(repo, path, revision=revision, repo_type="dataset")
    return hashlib.sha256(Path(file).read_bytes()).hexdigest()


def load(repo: str, config: str | None = None, revision: str | None = None, *, streaming: bool = False,
         cache: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """Split to rows, as `datasets` loads them."""
    loaded = datasets.load_dataset(repo, config, revision=revision, streaming=streaming, cache_dir=cache)
    return {split: list(rows) for split, rows in loaded.items()}


def read_release(repo: str, revision: str, *, all_configs: bool = False) -> dict[str, Any]:
    """What a consumer loads: rows by config, and the hash over the ids of cft in order."""
    names = datasets.get_dataset_config_names(repo, revision=revision) if all_configs else ["cft"]
    loaded = {name: datasets.load_dataset(repo, name, revision=revision) for name in names}
    ids = (one for rows in loaded["cft"].values() for one in rows["id"])
    return {"content_hash": hashlib.sha256("".join(ids).encode()).hexdigest(),
            "n_rows": {name: splits.num_rows for name, splits in loaded.items()}}


def publish(folder: str, repo: str, *, settings: dict[str, Any] | None = None, check: bool = False,
            patience: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    """Publishes; gives the report, and what was said on the way."""
    said: list[str] = []
    chosen = Patience(**({"n_tries": 5, "first_wait_s": 0.05, "longest_wait_s": 0.2} | (patience or {})))
    report = hub.publish(folder, repo, settings=CardSettings(**(settings or {})), check=check,
                         patience=chosen, progress=said.append, **options)
    return report.model_dump(mode="json") | {"said": said}


def _run(asked: dict[str, Any]) -> None:
    """Does a job, and leaves its result whole or not at all."""
    if asked["token"]:
        os.environ["HF_TOKEN"] = asked["token"]
    try:
        done = {"result": globals()[asked["job"]](**asked["arguments"])}
    except Exception as fault:
        traceback.print_exc()
        done = {"fault": [type(fault).__name__, str(fault)]}
    out = Path(asked["out"])
    out.with_suffix(".new").write_text(json.dumps(done))
    out.with_suffix(".new").replace(out)


def main() -> None:
    """Forks for every line until stdin ends."""
    matplotlib.figure.Figure().savefig(io.BytesIO())    # what it finds out at the first time
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)       # so that who has ended is gone
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)       # stdout is for process ids
            _run(json.loads(line))
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
