"""The engine that has a cluster: Ray Data over the stretches of a source, and over items.

A stretch is done by one worker (`parts`), whose rows are guarded (`guard`); what it leaves is whole or absent
in the folder that all machines reach. Ray begins a stretch again whose worker or machine is lost, a few
times. When the driver is lost, the same command goes on at what is not done.

    work/plan.json    the job, the source's files, and the stretches that they are cut into

    >>> with connect(None):                                                     # doctest: +SKIP
    ...     audit("set/*.parquet", engine=OnRay(), out="/shared/audit")

Source: https://docs.ray.io/en/latest/data (2.40 and later).
Not covered: machines with another version of cftdata than the driver's: that is refused.
"""

from __future__ import annotations

import hashlib
import logging
import multiprocessing
import os
import pickle
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter, ValidationError

from cftdata.engine import Job, Part, Source
from cftdata.errors import CftDataError, ConfigError, ExtraMissing, OutputError
from cftdata.guard import Patience
from cftdata.parquet import writing
from cftdata.paths import is_remote, open_path, remove
from cftdata.pieces import N_ROWS, Piece, cut_source, group_pieces, measure
from cftdata.pool import cut_batches
from cftdata.sample import Record
from cftdata.scale.parts import do_part, read_done
from cftdata.scale.treasury import open_treasury
from cftdata.tables import RawRow, read_rows
from cftdata.turns import Share, Terms

__all__ = ["OnRay", "connect"]

R = TypeVar("R")
S = TypeVar("S")
T = TypeVar("T")

N_RETRIES = 3
"""So often is a task begun again whose worker or machine was lost."""
N_SHARDS_OF_CORE = 4
"""So that none waits long for the last ones."""
KNOCK_S = 10


class Plan(Record):
    """What is to be done, as it is kept for a run that goes on."""

    mark: str
    """Of the job and the source's files."""
    groups: tuple[tuple[dict[str, Any], ...], ...]
    """Fields of the pieces of each stretch."""


@contextmanager
def connect(address: str | None) -> Iterator[None]:
    """The cluster at the address, else of RAY_ADDRESS, else one on this machine, while the block runs.

    Processes that other engines start in the block are spawned, so that a script which has any needs
    `if __name__ == "__main__":`.
    Raises ExtraMissing, ConfigError.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise ConfigError("a process of this script is about to do what the script does; put that under "
                          '`if __name__ == "__main__":`')
    ray = _import_ray()
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    if ray.is_initialized():
        yield
        return
    try:
        _knock(address or os.environ.get("RAY_ADDRESS", ""))
        ray.init(address=address, log_to_driver=False, logging_level="error")
    except (OSError, ValueError, RuntimeError) as fault:
        raise ConfigError(f"the cluster {address or os.environ.get('RAY_ADDRESS', '')} cannot be reached: "
                          f"{_first_line(fault)}") from fault
    try:
        yield
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raises OSError where nobody listens at the address: Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=KNOCK_S).close()


def _import_ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what a killed driver had of the cluster is kept for it so long; it is asked for every 10 s
    os.environ.setdefault("RAY_DATA_AUTOSCALING_REQUEST_EXPIRE_TIME_S", "30")
    try:
        import ray
        import ray.data
    except ImportError as fault:
        raise ExtraMissing("--engine ray", "scale") from fault
    return ray


class OnRay:
    """The cluster that this process is connected to.

    progress: called with the number of rows done, again and again. patience: see `guard`.
    n_rows_of_part: about so many rows are a stretch, which is what a lost worker costs.
    n_shards: into so many a build is cut; None takes a few for each core.
    """

    def __init__(self, progress: Callable[[int], None] | None = None, patience: Patience | None = None, *,
                 n_rows_of_part: int = N_ROWS, n_shards: int | None = None) -> None:
        self._progress = progress
        self._n_rows = n_rows_of_part
        self._n_shards = n_shards
        self._patience = patience or Patience()
        self._folder: Path | None = None
        self._run = uuid.uuid4().hex[:8]
        self._n_maps = 0

    @property
    def n_retries(self) -> int:
        """How often a task was begun again; of stretches of the source over all runs on the folder."""
        begun = [] if self._folder is None else [
            path for path in (self._folder / "work" / "attempts").rglob("*") if path.is_file()]
        return len(begun) - len({path.parent.name for path in begun})

    def read_first(self, source: Source) -> list[RawRow]:
        """A batch, read by this process."""
        rows = read_rows(source.name, split=source.split, revision=source.revision)
        return next(cut_batches(rows), [])

    @contextmanager
    def open(self, out: str | Path | None) -> Iterator[Path]:
        """The folder itself, which all machines must reach. Raises ConfigError where there is none."""
        if out is None:
            raise ConfigError("a cluster needs a folder that all its machines reach; name it with --out")
        self._folder = folder = open_path(out) if is_remote(out) else Path(out).absolute()
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        yield folder
        with writing(folder):
            remove(folder / "work")

    def fold(self, job: Job[T, R], folder: Path) -> Iterator[tuple[Part, R]]:
        """The job done to every stretch that is not done yet."""
        groups = self._plan(job, folder)
        names = [f"part-{n:05}" for n in range(len(groups))]
        done = [read_done(job, name, folder) for name in names]
        todo = {name: group for name, group, one in zip(names, groups, done, strict=True) if one is None}
        n_rows = sum(piece.n_rows for group, one in zip(groups, done, strict=True) if one for piece in group)
        work = partial(_do, job, str(folder), self._patience, version("cftdata"))
        for n in self._map(work, {name: (name, group) for name, group in todo.items()}):
            n_rows += n
            if self._progress:
                self._progress(n_rows)
        for name, one in zip(names, done, strict=True):
            kept = one or read_done(job, name, folder)
            if kept is None:
                raise OutputError(f"{name} was done, but {folder} does not show it here: all machines of the "
                                  "cluster, and this one, must reach the same folder")
            yield Part(folder, name), kept

    def map(self, work: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
        """One task an item."""
        self._n_maps += 1
        # named by the run: another run's may be of other work, and is not begun again
        name = f"map-{self._run}-{self._n_maps}"
        yield from self._map(work, {f"{name}-{n:05}": item for n, item in enumerate(items)})

    def count_shards(self) -> int:
        """See `build_shards.Spread`."""
        n_cores = int(_import_ray().cluster_resources().get("CPU", 1))
        return self._n_shards or N_SHARDS_OF_CORE * max(1, n_cores)

    def share(self, terms: Terms) -> AbstractContextManager[Share]:
        """Turns that one actor gives to all workers."""
        return open_treasury(terms)

    def _plan(self, job: Job[Any, Any], folder: Path) -> list[list[Piece]]:
        """The stretches: as they were cut, where the folder has the same job's plan; else anew."""
        pieces, alone = cut_source(*job.source, self._n_rows)
        stats = {path: open_path(path).stat() for path in dict.fromkeys(piece.path for piece in pieces)}
        told = [(path, stat.st_size, stat.st_mtime) for path, stat in stats.items()]
        mark = hashlib.sha256(repr((job.mark, *job.source, self._n_rows, told)).encode()).hexdigest()[:16]
        path = folder / "work" / "plan.json"
        try:
            plan = Plan.model_validate_json(path.read_bytes())
            if plan.mark == mark:
                return [[TypeAdapter(Piece).validate_python(one) for one in group] for group in plan.groups]
        except (OSError, ValidationError):
            pass
        with writing(folder):
            for name in (*job.stale, "work"):
                remove(folder / name)
        groups = group_pieces(self.map(partial(measure, self._n_rows), pieces), alone=alone,
                              n_rows=self._n_rows)
        plan = Plan(mark=mark, groups=tuple(tuple(asdict(one) for one in group) for group in groups))
        with writing(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(plan.model_dump_json(), encoding="utf-8")
        return groups

    def _map(self, work: Callable[[S], T], items: Mapping[str, S]) -> Iterator[T]:
        """By Ray Data, one task an item, in order. Raises CftDataError."""
        if not items:
            return
        ray = _import_ray()
        rows = [{"name": name, "item": pickle.dumps(item)} for name, item in items.items()]
        call = partial(_call, work, str(self._folder), self._run)
        data = ray.data.from_items(rows, override_num_blocks=len(rows)).map(call, num_cpus=1)
        try:
            with closing(iter(data.iter_rows())) as done:   # else one that ends early keeps its machines
                del data
                for row in done:
                    came = pickle.loads(row["came"])
                    if isinstance(came, _Fault):
                        raise came.kind.__new__(came.kind, came.said)
                    yield came
        except ray.exceptions.RayTaskError:
            raise       # a fault of the program, with its traceback
        except ray.exceptions.RayError as fault:
            raise CftDataError(f"the cluster could not do it: {_first_line(fault)}; the same command goes on "
                               "at what is not done") from fault


class _Fault(NamedTuple):
    """A fault of the run, on its way to the driver."""

    kind: type[CftDataError]
    said: str


def _call(work: Callable[[Any], Any], folder: str, run: str, row: dict[str, Any]) -> dict[str, Any]:
    """On a worker: the work on one item, or the fault that it is to end with, since Ray would wrap it."""
    try:
        _count(open_path(folder) / "work" / "attempts" / row["name"], run)
        came = work(pickle.loads(row["item"]))
    except CftDataError as fault:
        came = _Fault(type(fault), str(fault))
    return {"came": pickle.dumps(came)}


def _count(attempts: Path, run: str) -> None:
    """Notes that the work is begun. Raises CftDataError where it was too often: Ray itself never gives up."""
    with writing(attempts):
        attempts.mkdir(parents=True, exist_ok=True)
        (attempts / f"{run}-{uuid.uuid4().hex[:8]}").write_bytes(b".")
        n = sum(path.name.startswith(run) for path in attempts.iterdir())
    if n > N_RETRIES + 1:
        raise CftDataError(f"{attempts.name} was begun {n} times, and each time its worker or machine was "
                           "lost, most likely for want of memory; give the same command again to go on")


def _do(job: Job[Any, Any], folder: str, patience: Patience, expected: str,
        item: tuple[str, list[Piece]]) -> int:
    if (found := version("cftdata")) != expected:
        raise ConfigError(f"a machine of the cluster has cftdata {found}, the driver {expected}; install one")
    return do_part(job, *item, folder, patience)


def _first_line(fault: BaseException) -> str:
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return (lines or [type(fault).__name__])[-1][:300]

