"""What responses agree on, of the queries with neither reference nor label; by partitions of the query.

    slices of the samples -> entries, sorted by query (`runs`) -> partitions -> query, answer

The answers are written to a file (one line of JSON each) that whoever decides rows reads whole: it grows with
the queries without reference or label of which enough responses agree, and not with the rows.

    >>> load_consensus(Path("consensus.jsonl"))                                   # doctest: +SKIP
    {('How many?', None): '3'}

Not covered: what agreement is (`suspects`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.config import Protocol, load_protocol
from cftdata.decisions import Consensus
from cftdata.engine import Engine
from cftdata.figures import AuditReport
from cftdata.parquet import writing
from cftdata.policy import Policy
from cftdata.runs import bucket_of, cut_partitions, open_runs, read_runs
from cftdata.slices import Slice, read_slice
from cftdata.suspects import find_agreement
from cftdata.tally import NOTHING

__all__ = ["find_consensus", "load_consensus"]

COLUMNS = ("source_row", "query.text", "query.reference_answer", "response.text", "response.final_answer",
           "critique.verdict", "gold.response_correct", "gold.first_error_step")


def find_consensus(engine: Engine, policy: Policy, report: AuditReport, slices: Sequence[Slice],
                   folder: Path) -> Path:
    """The file of what those judged right agree on, where references are suspect or missing.

    folder: to work in. Raises OutputError.
    """
    path, protocol = folder / "work" / "consensus.jsonl", load_protocol(policy.protocol)
    agreed: list[tuple[tuple[str, str | None], str]] = [
        ((one.query, one.reference_answer), one.consensus_answer) for one in report.suspect_references]
    if policy.no_reference == "consensus" and "verdict" in protocol.verifiers:
        agreed += _agree(engine, protocol, slices, folder / "work" / "unreferenced")
    with writing(folder):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in agreed), encoding="utf-8")
    return path


def load_consensus(path: Path) -> Consensus:
    """Query and reference to answer."""
    lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return {(query, reference): answer for (query, reference), answer in lines}


class _Runs(NamedTuple):
    """Entries of a slice."""

    paths: Sequence[Path]
    n_rows: int


def _agree(engine: Engine, protocol: Protocol, slices: Sequence[Slice],
           folder: Path) -> list[tuple[tuple[str, str | None], str]]:
    runs = list(engine.map(partial(_gather, folder), slices))
    n_rows = sum(one.n_rows for one in runs)
    if not n_rows:
        return []
    paths = [path for one in runs for path in one.paths]
    parts = engine.map(partial(_agree_partition, protocol, paths), cut_partitions(n_rows))
    return [((query, None), answer) for query, answer in sorted(chain.from_iterable(parts))]


def _schema() -> Any:
    import pyarrow as pa

    return pa.schema({"bucket": pa.uint16(), "query": pa.binary(), "source_row": pa.int64(),
                      "response": pa.binary(), "verdict": pa.string(), "final_answer": pa.string(),
                      "text": pa.string()})


def _gather(folder: Path, one: Slice) -> _Runs:
    """Writes the entries of the rows of a slice that have neither reference nor label."""
    n_rows = 0

    def name_run(name: str) -> Path:
        return folder / f"{one.first:012}-{name}"

    with open_runs(name_run, "run", _schema()) as (gather, names):
        for batch in read_slice(one, COLUMNS):
            found = list(_find_unreferenced(batch.to_pylist()))
            n_rows += len(found)
            gather(found)
    return _Runs([name_run(name) for name in names], n_rows)


def _find_unreferenced(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        query, response, gold = row["query"], row["response"], row["gold"] or {}
        if query["reference_answer"] is not None or any(value is not None for value in gold.values()):
            continue
        if response is None or row["critique"] is None:
            continue
        key = _hash(query["text"])
        yield {"bucket": bucket_of(key), "query": key, "source_row": row["source_row"], "text": query["text"],
               "response": _hash(response["text"]), "verdict": row["critique"]["verdict"],
               "final_answer": response["final_answer"]}


def _agree_partition(protocol: Protocol, paths: Sequence[Path], buckets: range) -> list[tuple[str, str]]:
    """Query and what is agreed on, of a partition."""
    texts, entries = dict[bytes, str](), []
    for row in read_runs(paths, buckets, _schema()).sort_by("source_row").to_pylist():
        texts.setdefault(row["query"], row["text"])
        del row["bucket"], row["text"]
        entries.append(NOTHING._replace(**row))
    return [(texts[query], answer) for query, answer in find_agreement(entries, protocol).items()]


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
