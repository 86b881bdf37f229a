"""Runs: any range of buckets out of all of them, whatever the runs."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cftdata import runs
from cftdata.runs import N_BUCKETS, bucket_of, cut_partitions, open_runs, read_between, read_runs, write_table

SCHEMA = pa.schema({"bucket": pa.uint16(), "key": pa.binary(), "n": pa.int64()})


def key(n: int) -> bytes:
    return hashlib.sha256(str(n).encode()).digest()[:16]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 200), st.integers(1, 70), st.integers(1, 7))
def test_partitions_hold_every_row_once_in_order(
        tmp_path: Path, n_rows: int, n_of_run: int, n_parts: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "N_ROWS_OF_RUN", n_of_run)
        patch.setattr(runs, "N_ROWS_OF_GROUP", 3)
        with open_runs(lambda name: tmp_path / name, "key", SCHEMA) as (gather, names):
            for n in range(n_rows):
                gather([{"bucket": bucket_of(key(n)), "key": key(n), "n": n}])
    assert len(names) == -(-n_rows // n_of_run)
    found = []
    for buckets in cut_partitions(n_parts, 1):
        table = read_runs([tmp_path / name for name in names], buckets, SCHEMA)
        found += table["n"].to_pylist()
        assert all(bucket in buckets for bucket in table["bucket"].to_pylist())
    assert sorted(found) == list(range(n_rows))


def test_rows_between_are_found_in_any_table(tmp_path: Path) -> None:
    rows = [{"nested": {"a": 1, "b": 2}, "source_row": n} for n in range(5_000)]
    write_table(tmp_path / "deep" / "a.parquet", pa.Table.from_pylist(rows))
    for span in (range(0), range(3, 3), range(7), range(1_990, 2_010), range(4_999, 9_999)):
        found = read_between(tmp_path / "deep" / "a.parquet", "source_row", span)["source_row"].to_pylist()
        assert found == [n for n in range(5_000) if n in span]


def test_a_bucket_is_of_the_first_two_bytes() -> None:
    assert bucket_of(b"\xff\xff\x00") == N_BUCKETS - 1
    assert bucket_of(bytes(16)) == 0
