"""JSON Schemas of what cftdata writes, exported from the types so that they cannot drift apart.

`write_schemas` touches a file only when its content changes. The rule by which they may change stands in
schemas/README.md.

    >>> sorted(make_schemas())
    ['audit_report.json', 'effect_report.json', 'finding.json', 'sample.json']

Not covered: the Arrow schemas of the Parquet files (`parquet.arrow_schema` derives them from the same types).
"""

from __future__ import annotations

import json
from pathlib import Path

from cftdata.effect.figures import EffectReport
from cftdata.figures import AuditReport
from cftdata.findings import Finding
from cftdata.parquet import writing
from cftdata.sample import SCHEMA_VERSION, Record, Sample

__all__ = ["RECORDS", "make_schemas", "stale_schemas", "write_schemas"]

RECORDS: dict[str, type[Record]] = {"sample": Sample, "audit_report": AuditReport, "finding": Finding,
                                   "effect_report": EffectReport}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def make_schemas() -> dict[str, str]:
    """File name to JSON Schema, as text that ends in a newline."""
    return {f"{name}.json": _make_schema(name, record) for name, record in RECORDS.items()}


def _make_schema(name: str, record: type[Record]) -> str:
    head = {"$schema": DIALECT, "$id": f"cftdata:v{SCHEMA_VERSION}/{name}"}
    return json.dumps(head | record.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def stale_schemas(folder: Path) -> list[str]:
    """Names of the schema files in the folder that are missing, differ from the types, or have no type."""
    schemas = make_schemas()
    there = {path.name for path in folder.glob("*.json")}
    return sorted(name for name in there | set(schemas)
                  if name not in schemas or name not in there
                  or (folder / name).read_text(encoding="utf-8") != schemas[name])


def write_schemas(folder: Path) -> list[str]:
    """Writes the schemas that are missing or differ; gives their names. Raises OutputError."""
    schemas = make_schemas()
    stale = [name for name in stale_schemas(folder) if name in schemas]
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (folder / name).write_text(schemas[name], encoding="utf-8")
    return stale
