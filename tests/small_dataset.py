"""A small audited folder and a curated one, made by hand in the layout that curating writes.

Six rows: right and wrong verdicts, a false equation, one without a response, one of a second query.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cftdata.audit import audit

QUERY, OTHER = "What is 2 + 2?", "What is 3 * 5?"
ROWS: list[dict[str, Any]] = [
    {"query": QUERY, "response": "2 + 2 = 5, so the answer is 5.",
     "critique": "2 + 2 is 4.\nConclusion: wrong [END]"},
    {"query": QUERY, "response": "The answer is 4.", "critique": "All is right.\nConclusion: right [END]"},
    {"query": QUERY, "response": "The answer is 4.", "critique": "2 + 2 = 6.\nConclusion: wrong [END]"},
    {"query": OTHER, "response": "The answer is 15.", "critique": "Right.\nConclusion: right [END]"},
    {"query": OTHER, "response": "The answer is 16.",
     "critique": "`3 * 5` is 15, | not 16.\nConclusion: wrong [END]"},
    {"query": OTHER, "response": None, "critique": None},
]
ANSWERS = {QUERY: "4", OTHER: "15"}
DROPPED = 2
"""Row with a wrong verdict and a false equation."""


def make_audited(folder: Path, rows: list[dict[str, Any]] | None = None, *, critic: str = "openai/gpt-4o",
                 source: Path | None = None) -> Path:
    """An audit of the rows into the folder."""
    path = source or folder.parent / f"{folder.name}-rows.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    full = [{"critic": critic, "student": "weak/one", "reference_answer": ANSWERS.get(row["query"]), **row}
            for row in (ROWS if rows is None else rows)]
    path.write_text("".join(json.dumps(row) + "\n" for row in full))
    audit(path, format="table", out=folder, n_processes=1)
    return folder


def make_curated(folder: Path) -> Path:
    """The same rows curated: one dropped."""
    before = make_audited(folder / "before", source=folder / "rows.jsonl")
    table = pq.read_table(before / "samples.parquet")
    is_dropped = [row == DROPPED for row in table["source_row"].to_pylist()]
    drop, keep = {"action": "drop", "reason": "right_called_wrong"}, {"action": "keep", "reason": "sound"}
    decision = [drop if dropped else keep for dropped in is_dropped]
    place = table.schema.get_field_index("decision")
    table = table.set_column(place, table.schema.field(place),
                             pa.array(decision, table.schema.field(place).type))
    pq.write_table(table.filter(pa.array([not one for one in is_dropped])), folder / "samples.parquet")
    pq.write_table(table.filter(pa.array(is_dropped)), folder / "dropped.parquet")
    decided = [{"source_row": row, "sample_id": sample_id, **one,
                "detail": "2 + 2 is 4, not 6" if one is drop else None}
               for row, (sample_id, one) in enumerate(zip(table["id"].to_pylist(), decision, strict=True))]
    pq.write_table(pa.Table.from_pylist(decided), folder / "decisions.parquet")
    make_audited(folder / "after", [row for place, row in enumerate(ROWS) if place != DROPPED],
                 source=folder / "kept.jsonl")
    (folder / "curation.json").write_text(json.dumps({
        "source": str(folder / "rows.jsonl"), "policy": "default@0123456789ab", "n_rows": 6, "n_unread": 0,
        "n_samples": 6, "n_kept": 5, "n_dropped": 1, "contamination": {
            "sets": {"/home/someone/gsm8k/test.jsonl": 1319}, "n_words": 13, "n_hits": 0}}))
    for name in ("rows.jsonl", "kept.jsonl"):
        (folder / name).unlink()
    return folder
