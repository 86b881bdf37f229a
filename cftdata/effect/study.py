"""A study: arms by seeds, each trained and asked the same, saved as soon as it is done.

    >>> run_study("sums", "quick", out="effect").sentences        # doctest: +SKIP

Not covered: a model too large for one device.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cftdata.effect.settings import EffectSettings
from cftdata.sample import Record

if TYPE_CHECKING:
    from cftdata.effect.report import EffectReport

__all__ = ["StudyPlan", "plan_study", "run_study"]


class StudyPlan(Record):
    """What a study would do (the fields follow)."""


def run_study(  # noqa: PLR0913  # the options of the command
    dataset: str | Path, settings: str | Path | EffectSettings = "quick", *, out: str | Path,
    model: str | None = None, arms: Sequence[str] | None = None, n_seeds: int | None = None,
    curated: str | Path | None = None, format: str | None = None, columns: Mapping[str, str] | None = None,
    reference_answer: str | None = None, references: str | Path | None = None, split: str | None = None,
    revision: str | None = None, progress: Callable[[str, float], None] | None = None,
) -> EffectReport:
    """Trains and asks every arm; writes arms/ARM/seedN/ as each is done, then the report, into `out`.

    dataset: `sums` (rows of our own, see `settings.OwnRows`), a folder that build, audit or curate wrote, or
    whatever `sources.load` reads with the options after `curated`. model, arms, n_seeds: in place of the
    settings' own. curated: a curated folder for the arm cft-curated; None curates the dataset.
    progress: called with what is being done and the share of the study that is done, 0 to 1.
    The same call on the same folder goes on. Raises ExtraMissing, ConfigError, SourceError, ModelError,
    TrainingError, OutputError.
    """
    raise NotImplementedError


def plan_study(  # noqa: PLR0913
    dataset: str | Path, settings: str | Path | EffectSettings = "quick", *,
    model: str | None = None, arms: Sequence[str] | None = None, n_seeds: int | None = None,
    curated: str | Path | None = None, format: str | None = None, columns: Mapping[str, str] | None = None,
    reference_answer: str | None = None, references: str | Path | None = None, split: str | None = None,
    revision: str | None = None,
) -> StudyPlan:
    """A dry run: rows, tokens and steps of every arm, and the minutes expected on this machine."""
    raise NotImplementedError
