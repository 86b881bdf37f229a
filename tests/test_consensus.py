"""What is agreed on without a reference: by queries, whatever the slices and the partitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cftdata import consensus
from cftdata.audit import audit
from cftdata.consensus import find_consensus, load_consensus
from cftdata.figures import AuditReport
from cftdata.local_engine import Local
from cftdata.policy import load_policy
from cftdata.runs import cut_partitions
from cftdata.slices import cut_slices

RIGHT, WRONG = "All holds. Conclusion: right [END]", "It is off. Conclusion: wrong [END]"


def row(query: str, n: int, answer: int, critique: str = RIGHT, **more: Any) -> dict[str, Any]:
    return {"query": query, "response": f"Way {n}. The answer is {answer}.", "critique": critique} | more


@pytest.fixture
def audited(tmp_path: Path) -> tuple[Path, AuditReport]:
    """Queries with agreement, without, with references and with labels."""
    rows = [row(f"How many {query}?", n, query) for n in range(6) for query in range(4)]
    rows += [row("Few?", n, 1) for n in range(2)] + [row("Judged wrong?", n, 1, WRONG) for n in range(6)]
    rows += [row("Known?", n, 5, reference_answer="5") for n in range(6)]
    rows += [row("Suspect?", n, 5, reference_answer="4") for n in range(6)]
    rows += [row("Labelled?", n, 5, response_correct=True) for n in range(6)]
    rows += [{"query": "No critique?", "response": f"{n} is 5."} for n in range(6)]
    source = tmp_path / "set.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return tmp_path / "audited", audit(source, out=tmp_path / "audited", format="table", n_processes=1)


@pytest.mark.parametrize("n_rows", [5, 20_000])
def test_only_queries_without_reference_and_label_of_which_enough_agree(
        n_rows: int, audited: tuple[Path, AuditReport], tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consensus, "cut_partitions", lambda n: cut_partitions(n, 7))
    folder, report = audited
    slices = cut_slices(folder / "samples.parquet", n_rows)
    path = find_consensus(Local(1), load_policy("default"), report, slices, tmp_path)
    suspect = {("Suspect?", "4"): "5"}
    assert load_consensus(path) == {(f"How many {n}?", None): str(n) for n in range(4)} | suspect
    undecided = load_policy("default").model_copy(update={"no_reference": "undecided"})
    assert load_consensus(find_consensus(Local(1), undecided, report, slices, tmp_path)) == suspect
