"""The figures of an audit are those of the code that kept every row in memory, to the last one.

golden/*.json were written by that code (floats are compared to 12 digits: their sums are taken exactly now).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from small_audit import write_rows

from cftdata.audit import audit
from cftdata.bundled import demo_path, truth_path

GOLDEN = Path(__file__).parent / "golden"


def flatten(value: Any, where: str = "") -> dict[str, Any]:
    """Every figure by its place."""
    if isinstance(value, dict | list) and value:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return {place: one for key, inner in items for place, one in flatten(inner, f"{where}.{key}").items()}
    return {where: value}


@pytest.mark.parametrize("name", ["bundled", "small"])
def test_the_report_is_as_it_was(name: str, tmp_path: Path) -> None:
    if name == "bundled":
        report = audit(demo_path(), labels=truth_path())
    else:
        report = audit(write_rows(tmp_path / "set.jsonl", 900), by=["critic", "verdict,critic"])
    ours = flatten(json.loads(report.model_dump_json(by_alias=True)))
    theirs = flatten(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))
    assert ours.pop(".n_retries") == 0
    for left_out in (".seconds", ".source"):
        ours.pop(left_out), theirs.pop(left_out)
    assert list(ours) == list(theirs)
    assert len(ours) > 300
    differing = {place: (ours[place], value) for place, value in theirs.items()
                 if ours[place] != (pytest.approx(value, rel=1e-12) if isinstance(value, float) else value)}
    assert differing == {}
