"""A release: build, audit, curate, gate, export, publish, by one recipe; each step goes on where it stopped.

    id: mine
    build: recipe.yaml                    # or source: set.jsonl, with audit: {reference_answer: …}
    curate: {policy: default, against: [gsm8k/test.jsonl]}
    gates: {error_high: {any_error: 0.05}, n_contaminated: 0}
    export: [trl, sft]
    publish: {repo: org/name, tag: v1.0.0}

What each step wrote stands in a folder of its own, and is known again by its content: a finished step is not
done twice. A gate that fails ends the release before anything is exported or published.

    >>> ReleaseRecipe(id="mine", source="set.jsonl").gates.error_high
    {'any_error': 0.05}

Not covered: several sets in one release, and gates that ask people.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from cftdata.card import CardSettings
from cftdata.config import load_protocol, load_record
from cftdata.errors import ConfigError, suggest
from cftdata.gates import GateResult, Gates, Subject, check_gates, read_report
from cftdata.parquet import writing
from cftdata.policy import Policy, load_policy
from cftdata.recipe import load_recipe
from cftdata.sample import Count, Record

__all__ = ["STEPS", "ReleaseRecipe", "ReleaseReport", "Step", "StepResult", "load_release", "release"]

Step = Literal["build", "audit", "curate", "gate", "export", "publish"]
STEPS: tuple[Step, ...] = get_args(Step)


class AuditOptions(Record):
    """How the source is read."""

    format: str | None = None
    """Shape of its rows; None recognises it."""
    columns: dict[str, str] | None = None
    """Field to column, for any table."""
    reference_answer: str | None = None
    """Reference answer of every row."""
    references: str | None = None
    """File of reference answers by query or id."""
    split: str | None = None
    """Split of a Hub dataset."""
    revision: str | None = None
    """Revision of a Hub dataset."""


class CurateOptions(Record):
    """How it is curated."""

    policy: str = "default"
    """Policy: a name or a YAML file; it names the audit protocol."""
    against: tuple[str, ...] = ()
    """Evaluation sets that no row may hold a passage of."""


class PublishOptions(Record):
    """Where it goes."""

    repo: str
    """org/name."""
    tag: str | None = None
    """Tag of the release, as v1.0.0."""
    private: bool = False
    """Whether a repository that is made is private."""
    card: CardSettings = CardSettings()
    """What the card says beyond what is measured."""


class ReleaseRecipe(Record):
    """What a release does."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the release."""
    about: str = ""
    """What it is, in a sentence."""
    build: str | None = None
    """Recipe that is built: a name or a YAML file."""
    source: str | None = None
    """In place of building: a file, folder or Hub id."""
    audit: AuditOptions = AuditOptions()
    """How that source is read."""
    curate: CurateOptions = CurateOptions()
    """How the set is curated."""
    gates: Gates = Gates()
    """What must hold of it then."""
    export: tuple[str, ...] = ()
    """Formats that it is exported to."""
    publish: PublishOptions | None = None
    """Where it goes on the Hub; None publishes nothing."""
    out: str | None = None
    """Folder of all that is written; None is release/ID. `--out` goes before it."""

    @model_validator(mode="after")
    def _has_one_origin(self) -> ReleaseRecipe:
        if (self.build is None) == (self.source is None):
            raise ValueError("name either what is built (build) or what is there (source)")
        if self.build is not None and self.audit != AuditOptions():
            raise ValueError("audit says how a source is read; a build knows its own references")
        return self


class StepResult(Record):
    """What came of one step."""

    step: Step
    """Its name."""
    state: Literal["done", "failed", "left_out"]
    """Done; failed (a gate, or a build that is not complete); left out (the recipe asks for none)."""
    sentence: str
    """What it did, for people."""
    folder: str | None = None
    """Where it wrote."""
    seconds: Annotated[float, Field(ge=0)] = 0.0
    """Wall-clock time; next to nothing for a step that was finished before."""


class ReleaseReport(Record):
    """What came of a release; release.json."""

    release: str
    """The recipe's id."""
    steps: tuple[StepResult, ...]
    """The steps that were taken, in order."""
    gates: tuple[GateResult, ...] = ()
    """What came of the gates."""
    url: str | None = None
    """Where it was published; None when it was not."""
    n_kept: Count | None = None
    """Rows that are released; None before curating."""

    @property
    def is_passed(self) -> bool:
        """Whether no step failed."""
        return all(step.state != "failed" for step in self.steps)


def load_release(path: str | Path) -> ReleaseRecipe:
    """The release recipe in that YAML file. Raises ConfigError."""
    return load_record(ReleaseRecipe, path, Path(__file__).parent / "releases", "release recipe")


def release(recipe: ReleaseRecipe, *, out: str | Path | None = None, until: str = "publish",
            dry_run: bool = False, observe: Callable[[StepResult], None] | None = None) -> ReleaseReport:
    """Takes the steps in order, up to and with `until`; writes release.json into the folder.

    A step that failed is the last. dry_run: publishing lays out and compares, and sends nothing. observe:
    called with what came of each step. Raises ConfigError, SourceError and its kinds, HubError and its kinds,
    ExtraMissing, OutputError; what was finished before stands, and the same call goes on.
    """
    if until not in STEPS:
        raise ConfigError(f"there is no step {until!r}; {suggest(until, STEPS)}")
    folder = Path(out or recipe.out or f"release/{recipe.id}")
    line = _Line(recipe, folder, dry_run)
    steps: list[StepResult] = []
    for step in STEPS[:STEPS.index(until) + 1]:
        started = time.monotonic()
        result = getattr(line, f"_{step}")()
        steps.append(result.model_copy(update={"seconds": round(time.monotonic() - started, 3)}))
        if observe:
            observe(steps[-1])
        if steps[-1].state == "failed":
            break
    report = ReleaseReport(release=recipe.id, steps=tuple(steps), gates=line.gates, url=line.url,
                           n_kept=line.n_kept)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "release.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report


@dataclass
class _Line:
    """A release on its way: a method a step."""

    recipe: ReleaseRecipe
    folder: Path
    dry_run: bool
    gates: tuple[GateResult, ...] = ()
    url: str | None = None
    n_kept: int | None = None

    @property
    def source(self) -> str:
        """What is audited and curated."""
        return self.recipe.source or str(self.folder / "built" / "samples.parquet")

    @property
    def options(self) -> dict[str, Any]:
        """How the source is read."""
        return dict(self.recipe.audit) if self.recipe.source else {}

    @property
    def _policy(self) -> Policy:
        return load_policy(self.recipe.curate.policy)

    def _build(self) -> StepResult:
        if self.recipe.build is None:
            return StepResult(step="build", state="left_out", sentence=f"{self.recipe.source} is there")
        from cftdata.builds import build

        out = self.folder / "built"
        made = build(load_recipe(self.recipe.build), out)
        left = "" if made.is_complete else ", and not all of it; the same command goes on"
        return StepResult(step="build", state="done" if made.is_complete else "failed", folder=str(out),
                          sentence=f"{made.n_samples:,} rows of {made.n_queries:,} queries built{left}")

    def _audit(self) -> StepResult:
        """The audit to look at; curating makes its own, which its figures are compared with."""
        from cftdata.audit import audit

        out = self.folder / "audit"
        protocol = load_protocol(self._policy.protocol)
        audit(self.source, out=out, protocol=protocol, **self.options)
        rate = read_report(out).rates["any_error"]
        return StepResult(step="audit", state="done", folder=str(out), sentence=(
            f"{rate.n_hits:,} of {rate.n_decided:,} decided rows have an error that was found"))

    def _curate(self) -> StepResult:
        from cftdata.curate import curate

        out = self.folder / "curated"
        made = curate(self.source, policy=self._policy, against=self.recipe.curate.against, out=out,
                      **self.options)
        self.n_kept = made.n_kept
        most = ", ".join(f"{n:,} {reason.partition(':')[2]}" for reason, n in made.reasons.items()
                         if reason.startswith("drop:"))
        left = "" if made.is_complete else "; not all could be asked, the same command goes on"
        return StepResult(
            step="curate", state="done" if made.is_complete else "failed", folder=str(out), sentence=(
                f"{made.n_kept:,} rows kept, {made.n_dropped:,} dropped{f' ({most})' if most else ''}{left}"))

    def _gate(self) -> StepResult:
        from cftdata.curation import CurateReport

        out = self.folder / "curated"
        made = CurateReport.model_validate_json((out / "curation.json").read_bytes())
        subject = Subject(out, read_report(out / "after"), load_protocol(self._policy.protocol), made.n_kept,
                          made.n_dropped, None if made.contamination is None else 0)
        self.gates = check_gates(self.recipe.gates, subject)
        failed = [gate for gate in self.gates if not gate.is_passed]
        said = f"{len(failed)} of {len(self.gates)} gates failed"
        return StepResult(step="gate", state="failed" if failed else "done", sentence=said, folder=str(out))

    def _export(self) -> StepResult:
        if not self.recipe.export:
            return StepResult(step="export", state="left_out", sentence="no format is named")
        from cftdata.export import export

        said = []
        for name in self.recipe.export:
            made = export(self.folder / "curated", format=name, out=self.folder / "export" / name)
            said.append(f"{name} {made.n_rows:,} rows")
        return StepResult(step="export", state="done", sentence=", ".join(said),
                          folder=str(self.folder / "export"))

    def _publish(self) -> StepResult:
        wanted = self.recipe.publish
        if wanted is None:
            return StepResult(step="publish", state="left_out", sentence="no repository is named")
        from cftdata.hub import publish

        made = publish(self.folder / "curated", wanted.repo, tag=wanted.tag, private=wanted.private,
                       settings=wanted.card, dry_run=self.dry_run, out=self.folder / "dataset")
        self.url = None if made.is_dry_run else made.url
        did = "would be" if made.is_dry_run else "were"
        return StepResult(step="publish", state="done", folder=made.folder, sentence=(
            f"{made.n_uploaded:,} of {made.n_files:,} files {did} uploaded: {made.url}"))
