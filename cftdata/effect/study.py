"""A study: arms by seeds, each trained and asked the same, saved as soon as it is done.

    arms/ARM/seedN/     the adapter, train.json, outcomes.parquet (written last: an arm is done or is not)
    effect.json, effect.md, effect.html    the report of all arms that are done

The same call on the same folder goes on at the first arm that is not done.

    >>> run_study("sums", "quick", out="effect").sentences        # doctest: +SKIP

Not covered: a model too large for one device. Several GPUs take other arms each (`accelerate launch`).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from cftdata.config import name_content
from cftdata.effect.asking import ask
from cftdata.effect.items import Items, make_items
from cftdata.effect.model import Loaded, check_extra, load_model
from cftdata.effect.names import BASE, check_arm
from cftdata.effect.outcomes import Conditions, Outcome, TrainReport
from cftdata.effect.rows import TrainRow, draw_pool, hold_out, make_rows, read_pool
from cftdata.effect.settings import EffectSettings, load_settings
from cftdata.effect.train import count_tokens, train, unload
from cftdata.parquet import arrow_schema, open_output, writing
from cftdata.sample import Count, Record, Sample

if TYPE_CHECKING:
    from cftdata.effect.figures import EffectReport

__all__ = ["ArmPlan", "StudyPlan", "plan_study", "run_study"]

SUMS = "sums"
OUTCOMES, TRAIN, MARK = "outcomes.parquet", "train.json", "made_by.json"
Progress = Callable[[str, float], None]


class ArmPlan(Record):
    """What one arm would take."""

    arm: str
    """Its name."""
    n_rows: Count
    """Distinct rows."""
    n_tokens: Count
    """Tokens of these rows; all arms are trained on as many as the plan says."""
    n_steps: Count
    """Steps of the optimizer, about."""


class StudyPlan(Record):
    """What a study would do."""

    settings: str
    """Settings as id@hash."""
    model: str
    """The model that every arm begins with."""
    device: str
    """Where it would run, in words."""
    arms: tuple[ArmPlan, ...]
    """What each arm takes, for the first seed."""
    n_seeds: Count
    """Runs of each trained arm."""
    n_tokens: Count
    """Tokens that each is trained on."""
    n_texts: Count
    """Texts that each is asked for."""
    n_texts_tokens: Count
    """Tokens of these at most."""
    minutes: Annotated[float, Field(ge=0)]
    """Expected for all that is not done yet, at the speeds of a short trial just now."""


def run_study(  # noqa: PLR0913  # the options of the command
    dataset: str | Path, settings: str | Path | EffectSettings = "quick", *, out: str | Path,
    model: str | None = None, arms: Sequence[str] | None = None, n_seeds: int | None = None,
    curated: str | Path | None = None, progress: Progress | None = None, **options: Any,
) -> EffectReport:
    """Trains and asks every arm; writes arms/ARM/seedN/ as each is done, then the report, into `out`.

    dataset: `sums` (rows of our own, see `settings.OwnRows`), a folder that build, audit or curate wrote, or
    whatever `sources.load` reads with the options. model, arms, n_seeds: in place of the settings' own.
    curated: a curated folder for the arm cft-curated; None decides by the default policy, row by row.
    progress: called with what is being done and the share of the study that is done, 0 to 1.
    Raises ExtraMissing, ConfigError, SourceError, ModelError, TrainingError, OutputError.
    """
    study = _open(dataset, settings, model, arms, n_seeds, curated, options)
    folder, say = Path(out), progress or (lambda what, share: None)
    runs = take_share(study.runs())
    started, loaded = time.monotonic(), None
    for number, (arm, seed) in enumerate(runs):
        place = folder / "arms" / arm / f"seed{seed}"
        if study.is_done(place, arm, seed):
            continue
        if loaded is None:
            say("loading the model", number / len(runs))
            loaded = study.load()
        step = (number / len(runs), 1 / len(runs))
        _run_arm(study, loaded, arm, seed, place, lambda what, share, step=step: say(  # type: ignore[misc]
            what, step[0] + step[1] * share))
    _add_seconds(folder, time.monotonic() - started)
    say("reporting", 1.0)
    return _report(study, folder, str(dataset))


def take_share(runs: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Of processes that `accelerate launch` started together, this one's arms: every n-th; else all."""
    place, n = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    return list(runs)[place::n]


def plan_study(  # noqa: PLR0913
    dataset: str | Path, settings: str | Path | EffectSettings = "quick", *, out: str | Path | None = None,
    model: str | None = None, arms: Sequence[str] | None = None, n_seeds: int | None = None,
    curated: str | Path | None = None, **options: Any,
) -> StudyPlan:
    """A dry run: rows, tokens and steps of every arm, and the minutes expected on this machine."""
    study = _open(dataset, settings, model, arms, n_seeds, curated, options)
    loaded = study.load()
    chosen, first = study.settings, study.settings.seed
    plans = []
    for arm in chosen.arms:
        rows = study.rows(arm, first)
        sizes = count_tokens(loaded, rows)
        plans.append(ArmPlan(arm=arm, n_rows=len(rows), n_tokens=sum(sizes), n_steps=0))
    budget = study.budget(loaded, first)
    per_step = chosen.training.n_sequences * chosen.training.n_accumulated
    plans = [one.model_copy(update={"n_steps": 0 if not one.n_tokens else max(1, round(
        budget / (one.n_tokens / one.n_rows) / per_step))}) for one in plans]
    n_texts, n_most = _count_texts(study)
    left = [(arm, seed) for arm, seed in study.runs()
            if out is None or not study.is_done(Path(out) / "arms" / arm / f"seed{seed}", arm, seed)]
    trained_s, asked_s = _try_speeds(study, loaded)
    n_trained = sum(arm != BASE for arm, _ in left)
    seconds = n_trained * budget * trained_s + len(left) * n_most * asked_s
    return StudyPlan(settings=chosen.ref, model=loaded.name, device=loaded.device, arms=tuple(plans),
                     n_seeds=chosen.n_seeds, n_tokens=budget, n_texts=n_texts, n_texts_tokens=n_most,
                     minutes=round(seconds / 60, 1))


# --- What is studied


@dataclass
class _Study:
    """A study's rows, items and settings."""

    settings: EffectSettings
    pool: list[Sample]
    items: Items
    curated: Mapping[str, Sample] | None
    content_hash: str
    made: dict[tuple[str, int], list[TrainRow]] = field(default_factory=dict)

    def runs(self) -> list[tuple[str, int]]:
        """(arm, seed) in order, seed by seed, so that a cut-off study has whole comparisons; base once."""
        chosen = self.settings
        seeds = range(chosen.seed, chosen.seed + chosen.n_seeds)
        return [(arm, seed) for seed in seeds for arm in chosen.arms if arm != BASE or seed == chosen.seed]

    def rows(self, arm: str, seed: int) -> list[TrainRow]:
        """The arm's rows."""
        if (arm, seed) not in self.made:
            self.made[arm, seed] = make_rows(
                arm, self.pool, n=self.settings.n_rows, seed=seed, sft_rate=self.settings.sft_rate,
                curated=self.curated, prompt=self.settings.judging.prompt)
        return self.made[arm, seed]

    def budget(self, loaded: Loaded, seed: int) -> int:
        """Tokens that every arm of a seed is trained on: those of the longest one's passes."""
        sums = [sum(count_tokens(loaded, self.rows(arm, seed))) for arm in self.settings.arms]
        return max(sums) * self.settings.n_passes

    def load(self) -> Loaded:
        """The model. Raises ExtraMissing, ModelError."""
        how = self.settings.training
        return load_model(self.settings.model, self.settings.n_threads,
                          how.max_length * how.n_sequences)

    def mark(self, arm: str, seed: int) -> str:
        """What an arm's outcomes depend on. The other arms count by the tokens that they bring."""
        plain = {"about": "", "n_seeds": 1, "level": 0.95, "seed": 0}
        said = [name_content("effect", self.settings.model_copy(update=plain)), self.content_hash, arm, seed,
                version("cftdata"), [item.item_id for item in self.items.answer]]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def is_done(self, place: Path, arm: str, seed: int) -> bool:
        """Whether the arm lies there whole, made in this very way."""
        try:
            mark = json.loads((place / MARK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return bool(mark == self.mark(arm, seed)) and (place / OUTCOMES).is_file()


def _open(dataset: str | Path, settings: str | Path | EffectSettings,  # noqa: PLR0913, PLR0917
          model: str | None, arms: Sequence[str] | None, n_seeds: int | None, curated: str | Path | None,
          options: Mapping[str, Any]) -> _Study:
    check_extra()
    base = settings if isinstance(settings, EffectSettings) else load_settings(settings)
    for arm in arms or ():
        check_arm(arm)
    given = {"model": model, "arms": tuple(arms) if arms else None, "n_seeds": n_seeds}
    chosen = EffectSettings.model_validate(
        base.model_dump() | {name: value for name, value in given.items() if value is not None})
    pool = draw_pool(chosen.own) if str(dataset) == SUMS else read_pool(dataset, **options)
    takes = any(one.source == "dataset" for one in chosen.items.values())
    trained, held_out = hold_out(pool, chosen.held_out_rate) if takes else (pool, [])
    items = make_items(chosen, held_out, frozenset(sample.query.text for sample in trained))
    digest = hashlib.sha256("".join(sample.id for sample in pool).encode()).hexdigest()
    kept = {sample.id: sample for sample in read_pool(curated)} if curated else None
    return _Study(chosen, trained, items, kept, digest)


def _count_texts(study: _Study) -> tuple[int, int]:
    """Texts that an arm is asked for, and their tokens at most."""
    chosen, items = study.settings, study.items
    n_sampled = sum(item.set == "held_out" for item in items.answer) * chosen.answering.n_samples
    n_answers = len(items.answer) + n_sampled
    n_judged = len(items.judge) + chosen.judging.n_draws * min(
        len(items.answer), sum(one.n_judged for one in chosen.items.values()))
    return n_answers + n_judged, (n_answers * chosen.answering.max_tokens
                                  + n_judged * chosen.judging.max_tokens)


def _try_speeds(study: _Study, loaded: Loaded) -> tuple[float, float]:
    """Seconds a token of training, and of generation, in a short trial."""
    import tempfile

    from cftdata.effect.generate import Asking, generate

    arm = next((arm for arm in study.settings.arms if arm != BASE), None)
    prompts = [f"{item.query.text}\n" for item in study.items.answer[:16]]
    started = time.monotonic()
    texts = generate(loaded, prompts, Asking(max_tokens=24), batch_tokens=study.settings.batch_tokens)
    asked_s = (time.monotonic() - started) / sum(text.n_tokens for [text] in texts)
    if arm is None:
        return 0.0, asked_s
    how = study.settings.training
    n_tokens = 4 * how.n_sequences * how.n_accumulated * max(count_tokens(loaded, study.rows(arm, 0)[:4]))
    with tempfile.TemporaryDirectory() as place:
        rows = study.rows(arm, study.settings.seed)
        report, trained = train(loaded, rows, how, Path(place), arm=arm, seed=0, n_tokens=n_tokens)
        unload(trained)
    return report.seconds / report.n_tokens, asked_s


# --- One arm


def _run_arm(study: _Study, loaded: Loaded, arm: str, seed: int, place: Path,  # noqa: PLR0913, PLR0917
             say: Progress) -> None:
    """Trains and asks; what is written first says nothing until the mark is there."""
    with writing(place):
        if place.exists() and not study.settings.training.n_saved:
            shutil.rmtree(place)
        place.mkdir(parents=True, exist_ok=True)
        (place / MARK).unlink(missing_ok=True)
    model = loaded
    name = f"{arm}, seed {seed}"
    if arm != BASE:
        _, model = train(loaded, study.rows(arm, seed), study.settings.training, place, arm=arm, seed=seed,
                         n_tokens=study.budget(loaded, seed),
                         progress=lambda share: say(f"{name}: training", share / 2))
    n_texts, n_asked = _count_texts(study)[0], 0

    def count(n: int) -> None:
        nonlocal n_asked
        n_asked += n
        say(f"{name}: asking", 0.5 + 0.5 * min(1.0, n_asked / n_texts))

    outcomes = list(ask(model, study.items, study.settings, arm=arm, seed=seed, progress=count))
    if model is not loaded:
        unload(model)
    with writing(place):
        _write(outcomes, place)
        (place / MARK).write_text(json.dumps(study.mark(arm, seed)), encoding="utf-8")


def _write(outcomes: Iterable[Outcome], place: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [one.model_dump(mode="json") for one in outcomes]
    with open_output(place) as partial:
        pq.write_table(pa.Table.from_pylist(rows, schema=arrow_schema(Outcome)), partial / OUTCOMES)


# --- The report


def _report(study: _Study, folder: Path, source: str) -> EffectReport:
    """The report of all arms that are done, written into the folder."""
    from cftdata.effect.report import make_report, write_report

    done = [(arm, seed) for arm, seed in study.runs()
            if study.is_done(folder / "arms" / arm / f"seed{seed}", arm, seed)]
    places = [folder / "arms" / arm / f"seed{seed}" for arm, seed in done]
    trained = [TrainReport.model_validate_json((place / TRAIN).read_bytes()) for place in places
               if (place / TRAIN).is_file()]
    chosen = study.settings
    report = make_report(
        _read(places), trained, Conditions(
            source=source, content_hash=study.content_hash, model=_shown_model(chosen), settings=chosen.ref,
            arms=chosen.arms, seeds=tuple(range(chosen.seed, chosen.seed + chosen.n_seeds)),
            device=trained[0].device if trained else "unknown", precision=_precision(trained),
            temperature=chosen.answering.temperature if chosen.answering.n_samples else None,
            budget="tokens", is_complete=len(done) == len(study.runs()), seconds=_read_seconds(folder),
            cftdata_version=version("cftdata")), chosen.level)
    write_report(report, folder)
    return report


def _shown_model(settings: EffectSettings) -> str:
    from cftdata.local import LOCAL_MODEL

    return LOCAL_MODEL if settings.model == "local" else settings.model


def _precision(trained: Sequence[TrainReport]) -> str:
    return "float32" if not trained or trained[0].device.startswith("cpu") else "bfloat16"


def _read(places: Sequence[Path]) -> Iterator[Outcome]:
    import pyarrow.parquet as pq

    for place in places:
        for batch in pq.ParquetFile(place / OUTCOMES).iter_batches(500):
            yield from map(Outcome.model_validate, batch.to_pylist())


def _add_seconds(folder: Path, seconds: float) -> None:
    """Adds up the pieces in which a study was made."""
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        total = _read_seconds(folder) + seconds
        (folder / "seconds.json").write_text(json.dumps(round(total, 1)), encoding="utf-8")


def _read_seconds(folder: Path) -> float:
    with suppress(OSError, ValueError, ValidationError):
        return float(json.loads((folder / "seconds.json").read_text(encoding="utf-8")))
    return 0.0
