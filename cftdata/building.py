"""`cftdata build`, verb by verb: what the command does with its options, and what it prints.

    >>> run(Asked("error-injection", Path("built")))        # doctest: +SKIP
    True

Not covered: parsing the options (see `cli`).
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cftdata.config import Protocol, load_protocol
from cftdata.errors import ConfigError
from cftdata.recipe import Recipe, list_recipes, load_recipe

if TYPE_CHECKING:
    from cftdata.engine import Engine
    from cftdata.figures import AuditReport
    from cftdata.sample import Record

__all__ = ["Asked", "audit_build", "list_examples", "run", "run_batch", "run_demo_audit", "run_demo_build",
           "run_ledger", "run_plan"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was called with."""

    recipe: str
    out: str | Path | None = None
    as_json: bool = False
    has_audit: bool = True
    replay: Path | None = None
    engine: str = "local"
    address: str | None = None

    def load(self) -> tuple[Recipe, Path]:
        """The recipe, and the folder that it is built into. Raises ConfigError."""
        from cftdata.builds import place

        recipe = load_recipe(self.recipe)
        out = self.out or recipe.out or f"build/{recipe.id}"
        place(out)
        return recipe, Path(out)

    def show(self, result: Record) -> bool:
        """Prints the result as JSON, where that was asked for."""
        if self.as_json:
            print(result.model_dump_json(by_alias=True, indent=2))
        return self.as_json


def list_examples() -> None:
    """Prints the package's recipes, a line each."""
    for name, about in list_recipes().items():
        print(f"{name:22} {about}")


def run(asked: Asked) -> bool:
    """Builds, shows what came of it, and audits it; whether the build is complete."""
    from cftdata.build_screen import show_build, tell_rows, watch
    from cftdata.builds import build
    from cftdata.engines import choose_engine
    from cftdata.terminal import show_report

    recipe, out = asked.load()
    with choose_engine(asked.engine, address=asked.address) as engine:
        with redirect_stdout(sys.stderr), watch(recipe.queries.n) as (progress, observe):
            report = build(recipe, out, replay=asked.replay, observe=observe, engine=engine,
                           progress=progress if asked.engine == "local" else tell_rows)
        if not asked.show(report):
            show_build(report, out)
        if report.n_samples and asked.has_audit and not asked.as_json:
            if _is_audited(recipe, out):
                print(f"audited before: {out / 'audit' / 'report.html'}")
            else:
                show_report(audit_build(recipe, out, engine), out / "audit")
    return report.is_complete


def _is_audited(recipe: Recipe, out: Path) -> bool:
    """Whether the audit in the folder is of these samples, by this protocol."""
    path = out / "audit" / "report.json"
    if not path.is_file() or path.stat().st_mtime < (out / "samples.parquet").stat().st_mtime:
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("protocol") == _protocol_of(recipe).ref)


def run_batch(asked: Asked) -> bool:
    """Moves a build through batches one step on; when nothing is left with a provider, builds."""
    import asyncio

    from cftdata.batch_build import advance

    recipe, out = asked.load()
    came = asyncio.run(advance(recipe, out))
    for note in came.notes:
        print(f"cftdata: {note}", file=sys.stderr)
    print(f"cftdata: {came.n_collected:,} answers collected, {came.n_failed:,} not answered, "
          f"{came.n_submitted:,} submitted, {came.n_waiting:,} with the provider", file=sys.stderr)
    if came.is_ready:
        return run(asked)
    print("cftdata: give the same command again later; what is submitted is paid for once", file=sys.stderr)
    return asked.show(came) or True


def audit_build(recipe: Recipe, out: Path, engine: Engine | None = None) -> AuditReport:
    """The audit of what was built, by the recipe's protocol, written into `audit` in the folder."""
    from cftdata.audit import audit

    return audit(out / "samples.parquet", out=out / "audit", protocol=_protocol_of(recipe), engine=engine)


def _protocol_of(recipe: Recipe) -> Protocol:
    """The recipe's protocol, with what its build says of each row."""
    protocol = load_protocol(recipe.protocol)
    made = [name for name, is_made in (("helped", recipe.refine), ("judge", recipe.judge)) if is_made]
    verifiers = tuple(dict.fromkeys((*protocol.verifiers, *made)))
    return protocol.model_copy(update={"verifiers": verifiers})


def run_demo_audit(out: Path) -> bool:
    """Audits the bundled set; whether every figure equals its truth."""
    from cftdata.audit import audit
    from cftdata.bundled import demo_path, truth_summary
    from cftdata.demo import compare_with_truth
    from cftdata.terminal import show_report

    report = audit(demo_path(), out=out)
    show_report(report, out)
    differing = compare_with_truth(report, truth_summary())
    for sentence in differing:
        print(f"differs from the truth: {sentence}", file=sys.stderr)
    if not differing:
        print("Every figure equals the truth of the bundled set, which is known by construction.")
    return not differing


def run_demo_build(out: Path, *, has_local: bool = True) -> bool:
    """Builds the recipe `demo` and audits it; whether the audit finds what was planted."""
    from cftdata.build_screen import show_build, show_critics, watch
    from cftdata.builds import build
    from cftdata.demo import compare_with_planted, demo_recipe

    recipe, left_out = demo_recipe(has_local=has_local)
    print(f"\nNow a build: cftdata build demo --out {out}" + (f" ({left_out})" if left_out else ""))
    with redirect_stdout(sys.stderr), watch(recipe.queries.n) as (progress, observe):
        built = build(recipe, out, progress=progress, observe=observe)
    show_build(built, out)
    report = audit_build(recipe, out)
    show_critics(report)
    said = list(compare_with_planted(built, report))
    for sentence, is_held in said:
        print(f"{sentence}: {'the interval holds it' if is_held else 'the interval does NOT hold it'}.")
    print(f"report: {out / 'audit' / 'report.html'}")
    return built.is_complete and all(is_held for _, is_held in said)


def run_plan(asked: Asked) -> None:
    """Shows what a build would ask."""
    from cftdata.build_screen import show_plan
    from cftdata.plans import plan

    recipe, out = asked.load()
    planned = plan(recipe, out)
    if not asked.show(planned):
        show_plan(planned)


def run_ledger(asked: Asked) -> None:
    """Shows the calls so far. Raises ConfigError where nothing was built yet."""
    from cftdata.build_screen import show_ledger
    from cftdata.ledger import Ledger

    _, out = asked.load()
    path = out / "ledger.sqlite"
    if not path.exists():
        raise ConfigError(f"there is no ledger in {out}; nothing was built there yet")
    with Ledger(path, read_only=True) as ledger:
        totals = ledger.totals()
    if asked.as_json:
        print("[" + ",\n".join(one.model_dump_json(indent=2) for one in totals) + "]")
    else:
        show_ledger(totals)
