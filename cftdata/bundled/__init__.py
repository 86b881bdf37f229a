"""The bundled set that `cftdata demo` audits: rows of our own making, with their truth beside them.

    >>> demo_path().name
    'demo.jsonl'

Not covered: anything made by a model or by people; see README.md beside it.
"""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

__all__ = ["demo_path", "truth_path", "truth_summary"]


def demo_path() -> Path:
    """The table to audit."""
    return _path("demo.jsonl")


def truth_path() -> Path:
    """What is true of each row by construction, joined by id."""
    return _path("truth.jsonl")


def truth_summary() -> dict[str, object]:
    """What an audit of the table must report: counts by name, rates as {n_hits, n_decided}."""
    summary: dict[str, object] = json.loads(_path("truth_summary.json").read_text(encoding="utf-8"))
    return summary


def _path(name: str) -> Path:
    return Path(str(files("cftdata.bundled") / name))
