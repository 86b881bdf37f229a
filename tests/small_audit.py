"""Rows with everything that an audit counts: repeats, several critics, suspect references, rows unread.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(write_rows(Path(folder) / "set.jsonl", 20).read_text().splitlines())
    20

Not covered: texts like those of real sets.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

__all__ = ["write_rows"]


def write_rows(path: Path, n_rows: int, seed: int = 1) -> Path:
    """A JSON Lines file of so many rows over about an eighth as many queries; the path."""
    rng = random.Random(seed)
    with path.open("w", encoding="utf-8") as stream:
        for _ in range(n_rows):
            stream.write(_make_row(rng, max(1, n_rows // 8)) + "\n")
    return path


def _make_row(rng: random.Random, n_queries: int) -> str:
    if rng.random() < 0.015:
        return rng.choice(['{"colour": "red"}', "{broken"])
    query, response = rng.randrange(n_queries), rng.randrange(6)
    answer = rng.choice(["12.7", "12.7", "5", "12.8"]) if query % 3 else "12.7"
    claim = rng.choice(["", "", " 3 + 4 = 8.", " 3 + 4 = 7.", " 10/3 = 3.34."])
    verdict = rng.choice(["right", "right", "wrong", "dunno"])
    row = {"query": f"q{query} what?",
           "response": f"Attempt {response} of {query}. The answer is \\boxed{{{answer}}}.",
           "critique": f"It is told line by line.{claim}\nConclusion: {verdict} [END]",
           "reference_answer": "12.8" if query % 5 else r"8\sqrt[3]{4}"}
    if rng.random() < 0.1:
        row["reference_answer"] = "" if rng.random() < 0.5 else "5"
    if rng.random() < 0.8:
        row["critic"] = rng.choice("abcd")
    return json.dumps(row)
