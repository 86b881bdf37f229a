"""A summary is the same however its entries are cut into partitions and runs, and in whatever order."""

from __future__ import annotations

import doctest
import importlib
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.config import load_protocol
from cftdata.entries import read_queries, tabulate_entries, write_run
from cftdata.runs import N_BUCKETS, cut_partitions
from cftdata.summary import Counting, Summary, count_queries, open_summary
from cftdata.tally import Entry, FoundStep

PROTOCOL = load_protocol("default").model_copy(update={"flagged_rows_shown": 3})
COUNTING = Counting(PROTOCOL, ((0,), (1, 0)), frozenset({bytes(16)}))
OUTCOMES = [("verdict", "pass", "agrees"), ("verdict", "fail", "wrong_called_right"),
            ("arithmetic", "fail", "false_equation"), ("form", "error", "crashed"),
            ("own_answer", "fail", "corrected_answer_wrong"), ("verdict", "abstain", "no_critique")]

entry_parts = st.fixed_dictionaries({
    "query": st.integers(0, 6).map(lambda n: bytes([n * 37]) * 16),
    "sample_id": st.integers(0, 9).map(lambda n: bytes([n])),
    "response": st.sampled_from([None, b"r1", b"r2", b"r3"]),
    "critic": st.sampled_from([None, "a", "b", "c"]),
    "verdict": st.sampled_from(["right", "wrong", None]), "right": st.sampled_from([True, False, None]),
    "on_answer": st.booleans(), "rounded": st.booleans(), "final_answer": st.sampled_from([None, "5", "é"]),
    "reference": st.sampled_from([None, "4"]),
    "outcomes": st.lists(st.sampled_from(OUTCOMES), max_size=3, unique_by=lambda one: one[0]).map(tuple),
    "values": st.tuples(st.sampled_from([None, "x", "y z"]), st.sampled_from(["1", None])),
    "labelled_step": st.sampled_from([None, -1, 2]),
    "found_step": st.sampled_from([None, FoundStep(1, "1 + 1 = 3", "2, not 3")])})


def make_entries(parts: list[dict[str, Any]]) -> list[Entry]:
    """Of these parts; a sample's id is of its query alone, as it is of a hash of the texts."""
    return [Entry(source_row=n, first=True, **one | {"sample_id": one["query"][:15] + one["sample_id"]})
            for n, one in enumerate(parts)]


many_entries = st.lists(entry_parts, min_size=1, max_size=40).map(make_entries)


def summarise(entries: list[Entry], n_runs: int, n_of_partition: int, rng: random.Random) -> Summary:
    """By way of the disk, with everything in a random order that may be in one."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for n in range(n_runs):
            path = Path(folder) / f"{n}.parquet"
            write_run(path, [tabulate_entries(entries[n::n_runs], {})])
            paths.append(path)
        rng.shuffle(paths)
        parts = cut_partitions(len(entries), n_of_partition)
        rng.shuffle(parts)
        summary = open_summary(COUNTING)
        for part in parts:
            summary.merge(count_queries(read_queries(paths, part), COUNTING), COUNTING)
    return settle(summary)


def settle(summary: Summary) -> Summary:
    """What is listed in the order of the source: parts come in any order."""
    summary.suspects.sort(key=lambda one: (-one.n_samples, one.query_id))
    summary.suspect_labels.sort(key=lambda one: one.source_row)
    for flags in summary.flagged.values():
        flags.rows = sorted(flags.rows)[:PROTOCOL.flagged_rows_shown]
    return summary


@given(many_entries, st.integers(1, 4), st.integers(1, 50), st.randoms())
@settings(max_examples=60)
def test_a_summary_does_not_hang_on_how_it_is_cut(entries: list[Entry], n_runs: int, n_of_partition: int,
                                                  rng: random.Random) -> None:
    assert summarise(entries, n_runs, n_of_partition, rng) == summarise(entries, 1, 1000, random.Random(0))


@given(many_entries)
@settings(max_examples=40)
def test_the_counts_are_those_of_the_entries(entries: list[Entry]) -> None:
    summary = summarise(entries, 1, 10, random.Random(0))
    distinct = {(entry.query, entry.sample_id) for entry in entries}
    assert summary.n_samples == len(entries)
    assert summary.n_queries == len({entry.query for entry in entries})
    assert summary.n_distinct == summary.codes.total() == len(distinct)
    assert all(sum(codes.total() for codes in groups.values()) == len(distinct) for groups in summary.groups)
    assert summary.outcomes.total() == sum(len(entry.outcomes) for entry in entries)
    assert all(len(flags.rows) <= min(3, flags.n_rows) for flags in summary.flagged.values())


@given(many_entries)
@settings(max_examples=40)
def test_entries_come_back_as_they_were(entries: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.parquet"
        write_run(path, [tabulate_entries(entries, {entries[0].query: "What?"})])
        queries = list(read_queries([path], range(N_BUCKETS)))
    read = [entry for some, _ in queries for entry in some]
    assert read == sorted(entries, key=lambda entry: (entry.query, entry.source_row))
    assert [text for some, text in queries if some[0].query == entries[0].query] == ["What?"]


@pytest.mark.parametrize(("n_rows", "n"), [(0, 1), (1, 1), (50_000, 1), (50_001, 2),
                                           (10**8, 2_000), (10**12, 2_000)])
def test_partitions_cover_every_bucket_once(n_rows: int, n: int) -> None:
    parts = cut_partitions(n_rows)
    assert len(parts) == n
    assert [part.start for part in parts] == [0, *(part.stop for part in parts[:-1])]
    assert parts[-1].stop == N_BUCKETS


@pytest.mark.parametrize("name", ["engine", "entries", "stats", "summary"])
def test_examples_run(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"cftdata.{name}"))
    assert found.attempted
    assert not found.failed
