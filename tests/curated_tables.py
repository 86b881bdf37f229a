"""What curating left, in a form that two runs can be compared by.

    >>> read_table(Path("nothing.parquet"))
    []

Not covered: reports for people.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from cftdata.curation import CurateReport
from cftdata.stored import list_parts

__all__ = ["read_table", "tell"]

REPORTS = ("before", "after")
CREATED = re.compile(r'"created": "[^"]*"')


def read_table(table: Path) -> list[str]:
    """The rows of a table, each as JSON, in order, but for when they were made; none without a table."""
    return [CREATED.sub('"created": null', json.dumps(row, sort_keys=True, default=str))
            for part in list_parts(table) if part.exists() for row in pq.read_table(part).to_pylist()]


def tell(folder: Path, report: CurateReport) -> dict[str, Any]:
    """The report's figures, the rows of every table, and the figures of both audits."""
    told: dict[str, Any] = report.model_dump(mode="json", exclude={"seconds", "mark"})
    for name in ("samples", "dropped", "decisions"):
        told[name] = read_table(folder / f"{name}.parquet")
    for name in REPORTS:
        audit = json.loads((folder / name / "report.json").read_bytes())
        told[name] = {key: value for key, value in audit.items() if key not in (
            "seconds", "n_retries", "source")}
        told[f"{name}/samples"] = [json.loads(row) | {"file": None} for row in read_table(
            folder / name / "samples.parquet")]
    return told
