"""A set with all that curating does something with, and what it left, for two runs to be compared.

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
from small_audit import write_rows

from cftdata.curation import CurateReport
from cftdata.stored import list_parts

__all__ = ["read_table", "tell", "write_set"]

REPORTS = ("before", "after")
FINE = "Both numbers are taken as they were given, and then they are added."
CREATED = re.compile(r'"created": "[^"]*"')


def read_table(table: Path) -> list[str]:
    """The rows of a table, each as JSON, in order, but for when they were made; none without a table."""
    return [CREATED.sub('"created": null', json.dumps(row, sort_keys=True, default=str))
            for part in list_parts(table) if part.exists() for row in pq.read_table(part).to_pylist()]


def tell(folder: Path, report: CurateReport) -> dict[str, Any]:
    """The report's figures, the rows of every table, and the figures of both audits."""
    told: dict[str, Any] = report.model_dump(mode="json", exclude={"seconds", "mark", "n_retries"})
    for name in ("samples", "dropped", "decisions"):
        told[name] = read_table(folder / f"{name}.parquet")
    for name in REPORTS:
        audit = json.loads((folder / name / "report.json").read_bytes())
        told[name] = {key: value for key, value in audit.items() if key not in (
            "seconds", "n_retries", "source")}
        told[f"{name}/samples"] = [json.loads(row) | {"file": None} for row in read_table(
            folder / name / "samples.parquet")]
    return told


def write_set(path: Path, n_rows: int = 420) -> Path:
    """Rows of `small_audit`, some without reference, some nearly the same, one reference suspect."""
    lines = write_rows(path, n_rows).read_text().splitlines()
    for n in range(0, 90, 3):
        long = " ".join(f"word{chr(97 + n % 7)}{m}" for m in range(120))
        row = {"query": f"How many of {n % 4}?", "response": f"Way {n}. {long} The answer is {n % 4}.",
               "critique": f"{FINE} Conclusion: right [END]"}
        lines += [json.dumps(row), json.dumps(row | {"critique": row["critique"].upper()})]
    suspect = {"query": "Which?", "reference_answer": "7"}
    lines += [json.dumps(suspect | {"response": f"Way {n}. The answer is 5.",
                                    "critique": f"{FINE} This is {n}. Conclusion: right [END]"})
              for n in range(6)]
    path.write_text("\n".join(lines) + "\n")
    return path
