"""Paths: of this machine, or of a store that fsspec reaches (s3://, gs://, hf://), to the same calls.

    >>> open_path("set.jsonl").suffix
    '.jsonl'
    >>> split_pattern("crits/2024-*/part.jsonl")
    ('crits', '2024-*/part.jsonl')

Not covered: the stores' own packages (s3fs, gcsfs, huggingface_hub), which a store needs beside fsspec.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import cast

from cftdata.errors import ConfigError

__all__ = ["find_paths", "is_remote", "move", "open_path", "relative_name", "remove", "split_pattern"]

WILD = re.compile(r"[*?\[]")


def is_remote(path: str | Path) -> bool:
    """Whether it is the address of a store."""
    return "://" in (path if isinstance(path, str) else path.as_posix())


def open_path(name: str | Path) -> Path:
    """The path. Raises ConfigError where a store's own package is missing, or there is no such store."""
    if not isinstance(name, str) or not is_remote(name):
        return Path(name) if isinstance(name, str) else name
    from upath import UPath

    try:
        path = UPath(name)
        _ = path.fs      # only now is the store's package looked for
    except (ImportError, ValueError) as fault:
        raise ConfigError(f"{name} cannot be reached from here: {fault}") from fault
    return cast(Path, path)


def split_pattern(name: str) -> tuple[str, str] | None:
    """The folder before the first wildcard, and the pattern below it; None where there is no wildcard."""
    if not WILD.search(name):
        return None
    parts = name.split("/")
    first = next(i for i, part in enumerate(parts) if WILD.search(part))
    return "/".join(parts[:first]) or ("/" if name.startswith("/") else "."), "/".join(parts[first:])


def find_paths(name: str) -> list[Path]:
    """The files that a name with wildcards means, sorted; none where it has no wildcard."""
    found = split_pattern(name)
    if found is None:
        return []
    folder, pattern = found
    return sorted((path for path in open_path(folder).glob(pattern) if path.is_file()),
                  key=lambda path: path.parts)


def relative_name(path: Path, folder: Path) -> str:
    """The path below the folder, with slashes."""
    return path.as_posix().removeprefix(folder.as_posix().removesuffix("/") + "/")


def move(path: Path, target: Path) -> None:
    """Moves a file or folder within its store; what stood there is removed first."""
    remove(target)
    if not is_remote(path):
        path.replace(target)
        return
    for file in [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]:
        new = target if file is path else target / relative_name(file, path)
        file.fs.mv(file.path, new.path)  # type: ignore[attr-defined]


def remove(path: Path) -> None:
    """Removes a file, or a folder with all in it; nothing where there is none."""
    if not path.exists():
        return
    if is_remote(path):
        path.fs.rm(path.path, recursive=True)   # type: ignore[attr-defined]
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
