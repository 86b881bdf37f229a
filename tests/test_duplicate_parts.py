"""Duplicates by partitions are those that are found in memory, however rows are cut."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cftdata import duplicate_parts, duplicates
from cftdata.batch import sample_schema
from cftdata.duplicate_parts import (
    Found,
    Signed,
    find_duplicates,
    open_schemas,
    order_of,
    read_found,
    tell_signature,
)
from cftdata.duplicates import Duplicates, sign
from cftdata.engine import Part
from cftdata.local_engine import Local
from cftdata.runs import cut_partitions, open_runs
from cftdata.sample import Critique, Query, Response, Sample
from cftdata.slices import cut_slices, take_slices

Texts = tuple[str | None, ...]
WORDS = [f"w{n}" for n in range(40)]


def make_texts(n_rows: int, seed: int) -> list[Texts]:
    """Texts of which many are alike, or the same."""
    rng = random.Random(seed)
    plain = [[rng.choice(WORDS) for _ in range(rng.randrange(3, 60))] for _ in range(n_rows // 6)]
    rows: list[Texts] = []
    for _ in range(n_rows):
        words = list(rng.choice(plain))
        for _ in range(rng.randrange(3)):
            words[rng.randrange(len(words))] = rng.choice(WORDS)
        critique = None if rng.random() < 0.2 else " ".join(words[:4])
        rows.append((" ".join(words), None if critique is None else words[0], critique))
    return rows


def write_samples(path: Path, rows: list[Texts]) -> list[Sample]:
    import pyarrow as pa

    samples = [Sample.of(Query(text=query or ""), None if response is None else Response(text=response),
                         None if critique is None else Critique(text=critique))
               for query, response, critique in rows]
    told = [sample.model_dump(mode="json") | {"source_row": 2 * place, "file": "a"}
            for place, sample in enumerate(samples)]
    pq.write_table(pa.Table.from_pylist(told, schema=sample_schema()), path, row_group_size=7)
    return samples


def sign_all(folder: Path, rows: list[Texts], settings: Duplicates, later: set[int],
             n_rows: int) -> tuple[list[Signed], list[Sample]]:
    """The rows in stretches, those of `later` to be changed."""
    samples = write_samples(folder / "samples.parquet", rows)
    slices, signed = cut_slices(folder / "samples.parquet", 10), []
    for start in range(0, len(rows), n_rows):
        part, places = Part(folder, f"part-{start:05}"), range(start, min(len(rows), start + n_rows))
        schemas = open_schemas()
        with open_runs(part.work, "exact", schemas[0]) as (exact, exact_names), \
                open_runs(part.work, "band", schemas[1]) as (band, band_names):
            for place in places:
                order = order_of(place, is_to_change=place in later)
                signature = sign(rows[place], settings)
                one, bands = tell_signature(signature, order, 2 * place, samples[place].id)
                exact([one])
                band(bands)
        signed.append(Signed(part, places, take_slices(slices, places), exact_names, band_names))
    return signed, samples


@pytest.mark.parametrize("n_rows", [11, 50, 1_000])
@pytest.mark.parametrize("more", [
    {}, {"exact": False}, {"near_rate": None}, {"near_rate": 0.5, "n_words": 2}])
def test_they_are_those_found_in_memory(
        more: dict[str, Any], n_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicate_parts, "cut_partitions", lambda n: cut_partitions(n, 40))
    monkeypatch.setattr(duplicate_parts, "N_ROWS_OF_CHUNK", 12)
    rows, settings = make_texts(150, n_rows), Duplicates.model_validate(more)
    later = set(range(0, 150, 5))
    order = sorted(range(150), key=lambda place: (place in later, place))

    def read() -> Iterator[tuple[int, Texts]]:
        return ((place, rows[place]) for place in order)

    theirs = duplicates.find_duplicates(read, settings)
    signed, samples = sign_all(tmp_path, rows, settings, later, n_rows)
    paths = find_duplicates(Local(1), settings, signed, tmp_path / "work")
    wanted = {place: Found(place, 2 * one.of, samples[one.of].id, one.similarity, one.is_exact)
              for place, one in theirs.items()}
    assert read_found(paths, range(150)) == wanted
    half = read_found(paths, range(30, 90))
    assert half == {place: one for place, one in wanted.items() if 30 <= place < 90}
    assert wanted


def test_a_row_to_be_changed_comes_after_all_others() -> None:
    assert sorted([order_of(0, is_to_change=True), order_of(10**9, is_to_change=False)])[0] == 10**9
