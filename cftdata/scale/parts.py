"""What a worker of the cluster does with a stretch of the source: read, work, keep, and say that it is done.

    work/done/NAME.json     what is known of the stretch; written last, so that it is whole or absent

Files are made on the worker's own disk and copied to the folder when they are all there.

    >>> do_part(job, "part-00000", pieces, "s3://bucket/audit", Patience())       # doctest: +SKIP

Not covered: which stretches there are (`pieces`), and where they are worked on (`on_ray`).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cftdata.engine import Job, Part
from cftdata.guard import Guard, Patience
from cftdata.parquet import writing
from cftdata.paths import open_path, relative_name
from cftdata.pieces import Piece, read_piece
from cftdata.pool import cut_batches
from cftdata.stored import list_unneeded

__all__ = ["do_part", "read_done"]

_guards: list[Guard[Any]] = []
"""In a worker: its guard, whose process is warm."""


def do_part(job: Job[Any, Any], name: str, pieces: Sequence[Piece], folder: str,
            patience: Patience) -> int:
    """Does the job to a stretch of the source; the number of its rows.

    Raises SourceUnreadable, OutputError.
    """
    root = open_path(folder)
    leave = () if job.needs is None else list_unneeded(job.needs)
    batches = cut_batches(chain.from_iterable(read_piece(piece, leave) for piece in pieces))
    with tempfile.TemporaryDirectory(prefix="cftdata-") as here:
        kept = job.keep(Part(Path(here)), chain.from_iterable(_guard(job, patience).run(batches)))
        with writing(root):
            _copy(Path(here), Part(root, name))
            path = _name_done(root, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(TypeAdapter(job.kept).dump_json(kept))
    return sum(piece.n_rows for piece in pieces)


def read_done(job: Job[Any, Any], name: str, root: Path) -> Any | None:
    """What is known of a stretch that is done; None where it is not."""
    try:
        return TypeAdapter(job.kept).validate_json(_name_done(root, name).read_bytes())
    except (OSError, ValidationError):
        return None


def _name_done(root: Path, name: str) -> Path:
    return root / "work" / "done" / f"{name}.json"


def _guard(job: Job[Any, Any], patience: Patience) -> Guard[Any]:
    if not _guards:
        _guards.append(Guard(job, patience))
    elif _guards[0].job.mark != job.mark:
        _guards[0].take(job, patience)
    return _guards[0]


def _copy(here: Path, part: Part) -> None:
    work = here / "work"
    pairs: Iterable[tuple[Path, Path]] = chain(
        ((path, part.table(path.name)) for path in here.iterdir() if path.is_file()),
        ((path, part.work(relative_name(path, work))) for path in work.rglob("*") if path.is_file()))
    for source, target in pairs:
        target.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as read, target.open("wb") as write:
            shutil.copyfileobj(read, write, 1 << 20)
