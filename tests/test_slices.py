"""Slices: every row of a table once, in order, however its files and row groups lie."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cftdata.slices import Slice, cut_slices, read_slice, take_slices


def read(slices: list[Slice]) -> list[int]:
    return [n for one in slices for batch in read_slice(one, ["n"]) for n in batch["n"].to_pylist()]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 30), min_size=1, max_size=4), st.integers(1, 40), st.integers(1, 9), st.data())
def test_rows_come_once_and_in_order(
        tmp_path: Path, sizes: list[int], n_rows: int, n_of_group: int, data: st.DataObject) -> None:
    table = tmp_path / f"{hash((*sizes, n_rows, n_of_group))}.parquet"
    table.mkdir(exist_ok=True)
    n = 0
    for number, size in enumerate(sizes):
        pq.write_table(pa.table({"n": pa.array(range(n, n + size), pa.int64())}),
                       table / f"part-{number:05}.parquet", row_group_size=n_of_group)
        n += size
    slices = cut_slices(table, n_rows)
    assert read(slices) == list(range(n))
    assert [one.first for one in slices] == [one.places.start for one in slices]
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=3)))
    parts = [take_slices(slices, range(*pair)) for pair in pairwise([0, *cuts, n])]
    assert [read(part) for part in parts] == [list(range(*pair)) for pair in pairwise([0, *cuts, n])]
    assert all(one.first == next(iter(read([one]))) for part in parts for one in part)


def test_a_single_file_is_a_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": list(range(25))}), tmp_path / "a.parquet")
    slices = cut_slices(tmp_path / "a.parquet", 10)
    assert [one.rows for one in slices] == [range(10), range(10, 20), range(20, 25)]
    assert read(slices) == list(range(25))
