"""Duplicates among rows that lie in many parts: buckets of equal hashes, each partition of them by itself.

    of each part     a run of `exact` (hash of the texts) and a run of `band` (MinHash bands), see `runs`
    exact            by partition -> files of duplicates
    band             by partition -> pairs that have a band in common
    pairs            those that hang together in one chunk; of each row in them its runs of words, by chunk
    chunk            -> a file of near duplicates, each confirmed

What is a duplicate of what is as `duplicates` has it, however the rows are cut: the order of rows alone says
which of them stays. Rows go by `order`: their place, those to be changed after all others.

The driver holds the pairs and the rows in them, which grow with how much is alike, and not with the rows.

    >>> order_of(3, is_to_change=True) > order_of(4, is_to_change=False)
    True

Not covered: a pair's texts (`duplicates`), and what becomes of the rows (`selection`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.duplicates import Duplicates, Signature, choose_originals, gather_runs
from cftdata.engine import Engine, Part
from cftdata.runs import bucket_of, cut_partitions, read_between, read_runs, write_table
from cftdata.slices import Slice, read_slice

__all__ = ["Found", "Signed", "find_duplicates", "open_schemas", "order_of", "read_found", "tell_signature"]

CHANGED = 1 << 62
"""Added to the place of a row that is to be changed: it may come to nothing."""
N_ROWS_OF_CHUNK = 5_000


class Signed(NamedTuple):
    """A stretch whose rows are signed."""

    part: Part
    places: range
    slices: Sequence[Slice]
    """Where its samples lie."""
    exact: Sequence[str]
    """Names of its runs."""
    bands: Sequence[str]


class Found(NamedTuple):
    """Of which row a row is a duplicate."""

    place: int
    of_source_row: int
    of_sample_id: str
    similarity: float
    is_exact: bool


def order_of(place: int, *, is_to_change: bool) -> int:
    """A number by which rows come in the order in which they are looked at."""
    return place + CHANGED if is_to_change else place


def _place_of(order: int) -> int:
    return order % CHANGED


def open_schemas() -> tuple[Any, Any]:
    """The pyarrow.Schemas of the runs `exact` and `band`."""
    import pyarrow as pa

    exact = {"bucket": pa.uint16(), "digest": pa.binary(), "order": pa.int64(), "source_row": pa.int64(),
             "sample_id": pa.string()}
    band = {"bucket": pa.uint16(), "band": pa.uint64(), "digest": pa.binary(), "order": pa.int64()}
    return pa.schema(exact), pa.schema(band)


def tell_signature(signature: Signature, order: int, source_row: int,
                   sample_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What of a row goes into the run `exact`, and into the run `band`."""
    digest, bands = signature
    exact = {"bucket": bucket_of(digest), "digest": digest, "order": order, "source_row": source_row,
             "sample_id": sample_id}
    return exact, [{"bucket": band >> 48, "band": band, "digest": digest, "order": order} for band in bands]


def find_duplicates(engine: Engine, settings: Duplicates, signed: Sequence[Signed],
                    folder: Path) -> list[Path]:
    """Files of the duplicates (see `read_found`). folder: to work in. Raises OutputError."""
    n_rows, found = sum(len(one.places) for one in signed), list[Path]()
    if settings.exact:
        paths = [one.part.work(name) for one in signed for name in one.exact]
        found += engine.map(partial(_find_exact, paths, folder / "exact"), cut_partitions(n_rows))
    paths = [one.part.work(name) for one in signed for name in one.bands]
    if not paths:
        return found
    pairs = _unite(engine.map(partial(_pair_up, settings, paths), cut_partitions(n_rows)))
    return found + _confirm(engine, settings, signed, pairs, folder / "near") if len(pairs) else found


def read_found(paths: Iterable[Path], places: range) -> dict[int, Found]:
    """The duplicates at these places."""
    rows = (row for path in paths for row in read_between(path, "place", places).to_pylist())
    return {row["place"]: Found(**row) for row in rows}


def _write_found(found: Iterable[Found], path: Path) -> Path:
    import pyarrow as pa

    schema = pa.schema({"place": pa.int64(), "of_source_row": pa.int64(), "of_sample_id": pa.string(),
                        "similarity": pa.float64(), "is_exact": pa.bool_()})
    write_table(path, pa.Table.from_pylist([one._asdict() for one in sorted(found)], schema=schema))
    return path


# --- Buckets


def _find_exact(paths: Sequence[Path], folder: Path, buckets: range) -> Path:
    """The rows of a partition whose texts are those of a row before them."""
    table = read_runs(paths, buckets, open_schemas()[0]).sort_by([("digest", "ascending"),
                                                                   ("order", "ascending")])
    first: dict[str, Any] = {"digest": None}
    found = []
    for batch in table.to_batches(max_chunksize=5_000):
        for row in batch.to_pylist():
            if row["digest"] != first["digest"]:
                first = row
                continue
            found.append(Found(_place_of(row["order"]), first["source_row"], first["sample_id"], 1.0, True))
    return _write_found(found, folder / f"{buckets.start:05}.parquet")


def _pair_up(settings: Duplicates, paths: Sequence[Path], buckets: range) -> Any:
    """Orders of rows of a partition that have a band in common, as `_unite` has them; exact duplicates are
    gone."""
    import numpy as np

    table = read_runs(paths, buckets, open_schemas()[1]).sort_by([("band", "ascending"),
                                                                   ("order", "ascending")])
    bands = table["band"].to_numpy()
    ends = np.flatnonzero(np.diff(bands)) + 1
    return _unite(_combine(table.slice(start, end - start), settings)
                  for start, end in pairwise([0, *ends.tolist(), len(bands)]) if end - start > 1)


def _combine(table: Any, settings: Duplicates) -> Any:
    """All pairs of the rows of one bucket."""
    import numpy as np

    rows = zip(table["digest"].to_pylist(), table["order"].to_pylist(), strict=True)
    orders = np.array(_distinct(rows) if settings.exact else [order for _, order in rows], np.int64)
    first, later = np.triu_indices(len(orders), 1)
    return np.stack([orders[first], orders[later]], axis=1)


def _unite(some: Iterable[Any]) -> Any:
    """Pairs as a numpy array of two columns, each once, sorted."""
    import numpy as np

    return np.unique(np.concatenate([np.empty((0, 2), np.int64), *some]), axis=0)


def _distinct(rows: Iterable[tuple[bytes, int]]) -> list[int]:
    """Of rows of equal texts the first."""
    first = dict[bytes, int]()
    for digest, order in rows:
        first.setdefault(digest, order)
    return list(first.values())


# --- Pairs


class _Chunk(NamedTuple):
    """Rows that hang together by pairs."""

    number: int
    pairs: Any
    """As `_unite` has them."""


def _confirm(engine: Engine, settings: Duplicates, signed: Sequence[Signed], pairs: Any,
             folder: Path) -> list[Path]:
    """Files of those of the pairs that are duplicates."""
    import numpy as np

    chunk_of = _cut_chunks(pairs)
    wanted = [_Wanted(one, {}) for one in signed]
    _spread(chunk_of, wanted)
    words = list(engine.map(partial(_write_words, settings), [one for one in wanted if one.orders]))
    numbers = np.fromiter((chunk_of[first] for first in pairs[:, 0].tolist()), np.int64, len(pairs))
    chunks = (_Chunk(number, pairs[numbers == number]) for number in range(numbers.max() + 1))
    return list(engine.map(partial(_confirm_chunk, settings, words, folder), chunks))


def _cut_chunks(pairs: Any) -> dict[int, int]:
    """Of each row in a pair its chunk: rows that a chain of pairs joins are in one."""
    above = dict[int, int]()

    def find(order: int) -> int:
        while (up := above.setdefault(order, order)) != order:
            above[order] = above[up]
            order = up
        return order

    for first, later in pairs.tolist():
        ours, others = find(first), find(later)
        above[max(ours, others)] = min(ours, others)
    heads = {order: find(order) for order in list(above)}
    chunks, number, n_rows = dict[int, int](), 0, 0
    for head, n in sorted(Counter(heads.values()).items()):
        if n_rows and n_rows + n > N_ROWS_OF_CHUNK:
            number, n_rows = number + 1, 0
        chunks[head] = number
        n_rows += n
    return {order: chunks[head] for order, head in heads.items()}


class _Wanted(NamedTuple):
    """Rows of a stretch whose words are wanted."""

    of: Signed
    orders: dict[int, tuple[int, int]]
    """Place to order and chunk."""


def _spread(chunk_of: dict[int, int], wanted: Sequence[_Wanted]) -> None:
    """Gives every row to its stretch."""
    stretches = iter(wanted)
    one = next(stretches)
    for order in sorted(chunk_of, key=_place_of):
        while _place_of(order) not in one.of.places:
            one = next(stretches)
        one.orders[_place_of(order)] = order, chunk_of[order]


def _write_words(settings: Duplicates, one: _Wanted) -> Path:
    """The file of the runs of words of these rows, by chunk."""
    import pyarrow as pa

    schema = pa.schema({"chunk": pa.int64(), "order": pa.int64(), "source_row": pa.int64(),
                        "sample_id": pa.string(), "runs": pa.list_(pa.list_(pa.uint64()))})
    rows = []
    for place, row in _read_texts(one.of.slices, settings, one.orders.__contains__):
        order, chunk = one.orders[place]
        texts = tuple((row[part] or {}).get("text") for part in settings.parts)
        rows.append({"chunk": chunk, "order": order, "source_row": row["source_row"], "sample_id": row["id"],
                     "runs": [sorted(runs) for runs in gather_runs(texts, settings)]})
    path = one.of.part.work("words.parquet")
    write_table(path, pa.Table.from_pylist(rows, schema=schema).sort_by("chunk"))
    return path


def _read_texts(slices: Iterable[Slice], settings: Duplicates,
                is_wanted: Callable[[int], bool]) -> Iterator[tuple[int, dict[str, Any]]]:
    import pyarrow as pa

    columns = ["id", "source_row", *(f"{part}.text" for part in settings.parts)]
    for one in slices:
        place = one.first
        for batch in read_slice(one, columns):
            mask = [is_wanted(place + n) for n in range(batch.num_rows)]
            places = [place + n for n, wanted in enumerate(mask) if wanted]
            yield from zip(places, batch.filter(pa.array(mask)).to_pylist(), strict=True)
            place += batch.num_rows


def _confirm_chunk(settings: Duplicates, words: Sequence[Path], folder: Path, chunk: _Chunk) -> Path:
    """The file of the near duplicates of a chunk."""
    rows = {row["order"]: row for path in words
            for row in read_between(path, "chunk", range(chunk.number, chunk.number + 1)).to_pylist()}
    runs = {order: [frozenset(some) for some in row["runs"]] for order, row in rows.items()}
    found = [Found(_place_of(later), rows[one.of]["source_row"], rows[one.of]["sample_id"], one.similarity,
                   is_exact=False)
             for later, one in choose_originals(map(tuple, chunk.pairs.tolist()), runs, settings).items()]
    return _write_found(found, folder / f"{chunk.number:05}.parquet")
