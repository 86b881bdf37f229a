"""Arrow tables to raw rows: Parquet files, and what the library `datasets` reads.

`datasets` is imported only where a Hub id or a folder that it wrote is read; it downloads a Hub dataset to
its own cache and hands it over as Arrow batches, so that nothing is held in memory whole.

    >>> list(read_parquet(Path("two.parquet")))        # doctest: +SKIP
    [({'query': '1+1?'}, None, None), ({'query': '2+2?'}, None, None)]

Not covered: Hub datasets of several configurations, images and sounds (they stay bytes), streaming from
the Hub without a download.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cftdata.errors import ExtraMissing, SourceEmpty, SourceError, SourceNotFound, SourceUnreadable, suggest

N_BATCH = 1_000

Item = tuple[Mapping[str, object] | None, str | None, str | None]
"""A row: its columns, else None with a reason (a slug) and the text that stood there."""



def read_parquet(path: Path) -> Iterator[Item]:
    """The rows of a Parquet file, read batch by batch. An empty file has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.stat().st_size:
        return
    try:
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            for batch in file.iter_batches(batch_size=N_BATCH):
                yield from read_batch(batch, path.name)
    except pa.ArrowException as fault:
        raise SourceUnreadable(f"{path.name} is no Parquet that can be read: {_first_line(fault)}") from fault


def read_batch(batch: Any, name: str) -> Iterator[Item]:
    """The rows of a pyarrow RecordBatch or Table."""
    names = batch.schema.names
    if len(set(names)) != len(names):
        raise SourceUnreadable(f"{name} names a column twice; rename one")
    try:
        rows = batch.to_pylist()
    except ValueError:          # strings that are no UTF-8, dates out of range: find the rows that hold them
        for i in range(batch.num_rows):
            try:
                yield batch.slice(i, 1).to_pylist()[0], None, None
            except ValueError:
                yield None, "bad_encoding", None
        return
    yield from ((row, None, None) for row in rows)


def read_hub_dataset(source: str, split: str | None, revision: str | None) -> Iterator[tuple[str, Item]]:
    """The rows of a Hub dataset, each with `org/name/split`; of all splits when none is named.

    Raises ExtraMissing, SourceNotFound, SourceEmpty, SourceUnreadable.
    """
    try:
        import datasets
    except ImportError as fault:
        raise ExtraMissing(f"{source} is no file here, and reading it from the Hub", "hub") from fault
    try:
        with _offline_without_network(datasets):
            found = datasets.load_dataset(source, split=split, revision=revision)
    except Exception as fault:      # what load_dataset raises is not listed anywhere
        raise _hub_fault(source, split, revision, fault) from fault
    # `datasets` may hand back one split or a dict of them
    parts = {split: found} if split else found
    for name, part in parts.items():
        yield from ((f"{source}/{name}", item) for item in _dataset_rows(part, source))


@contextmanager
def _offline_without_network(datasets: Any) -> Iterator[None]:
    """Where nobody answers at the Hub's address, what the cache holds is read, or the end comes at once.

    The libraries would ask for half a minute, with a line on standard error for every try.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    was = constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE
    try:
        get_session().head(constants.ENDPOINT, timeout=10)
    except Exception as fault:      # of the client that huggingface_hub uses, whichever that is
        if type(fault).__name__ in ("ConnectError", "ConnectTimeout"):
            constants.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE, datasets.config.HF_HUB_OFFLINE = was


def _hub_fault(source: str, split: str | None, revision: str | None, fault: Exception) -> SourceError:
    """The fault of a run that an exception of load_dataset stands for."""
    named = source + (f" at revision {revision}" if revision else "")
    kind, told = type(fault).__name__, f"{fault}"
    if kind in ("EmptyDatasetError", "DataFilesNotFoundError"):
        return SourceEmpty(f"the Hub dataset {named} holds no data file that `datasets` can read")
    if split and "nknown split" in told:
        return SourceNotFound(f"the Hub dataset {named} has no split {split}: {_first_line(fault)}")
    if kind in ("DatasetNotFoundError", "RevisionNotFoundError"):
        return SourceNotFound(f"there is no file, folder or Hub dataset {named} that can be seen from here; "
                              "check the name, or log in if it is gated")
    if isinstance(fault, ConnectionError) or "LocalEntryNotFound" in told or "Offline" in kind:
        return SourceNotFound(f"there is no file or folder {source}, and the Hub cannot be reached: "
                              f"{_first_line(fault)}")
    return SourceUnreadable(f"the Hub dataset {named} cannot be loaded: {_first_line(fault)}")


def read_dataset_folder(folder: Path, split: str | None) -> Iterator[tuple[str, Item]]:
    """The rows of a folder that `save_to_disk` wrote, each with its split (else the folder's name).

    Raises ExtraMissing, SourceNotFound for an unknown split, SourceUnreadable.
    """
    try:
        import datasets
    except ImportError as fault:
        raise ExtraMissing(f"{folder} was written by `datasets`; reading it", "hub") from fault
    try:
        found = datasets.load_from_disk(str(folder))
    except Exception as fault:
        raise SourceUnreadable(f"{folder} cannot be loaded: {_first_line(fault)}") from fault
    parts, splits = (found, list(found)) if isinstance(found, dict) else ({folder.name: found}, [])
    if split and split not in splits:
        raise SourceNotFound(f"{folder} has no split {split!r}; {suggest(split, splits)}")
    for name, part in parts.items():
        if split in (None, name):
            yield from ((name, item) for item in _dataset_rows(part, str(folder)))


def _dataset_rows(dataset: Any, name: str) -> Iterator[Item]:
    """The rows of a datasets.Dataset as they are stored: images and sounds are not decoded."""
    for table in dataset.with_format("arrow").iter(batch_size=N_BATCH):
        yield from read_batch(table, name)


def _first_line(fault: BaseException) -> str:
    return (str(fault).strip().splitlines() or [type(fault).__name__])[0][:300]
