"""The verb `effect`: what a set teaches. Parses, calls, prints.

    $ cftdata effect sums --settings quick --out effect

Not covered: the other verbs (see `cli`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cftdata.cli import app, parse_columns

if TYPE_CHECKING:
    from cftdata.effect.figures import EffectReport
    from cftdata.effect.study import StudyPlan

__all__ = ["run_effect"]


@app.command("effect")
def run_effect(  # noqa: PLR0913, PLR0917 - the options of the command
    dataset: Annotated[str, typer.Argument(help="A curated, built or audited folder; a file or Hub id; or "
                                                "`sums`, short problems of our own.")],
    settings: Annotated[str, typer.Option(help="Settings: quick, study, or a YAML file.")] = "quick",
    model: Annotated[str | None, typer.Option(help="A causal model: an id or a folder; `local` is embedded.")]
    = None,
    arms: Annotated[str | None, typer.Option(help="base,sft,sft-noisy,cft,cft-curated,sft+cft,cft@20 …")]
    = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Runs of each arm that is trained.")] = None,
    curated: Annotated[str | None, typer.Option(help="Curated folder for the arm cft-curated.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of any table: query=…,response=…,critique=…")]
    = None,
    reference_answer: Annotated[str | None, typer.Option(help="The reference answer of every row.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say rows, tokens, steps and minutes; train "
                                                            "nothing.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for adapters, texts and the report.")] = Path("effect"),
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON alone.")] = False,
) -> None:
    """Train small adapters on a set, and say what they learnt of answering and of judging."""
    from cftdata.effect.study import plan_study, run_study

    named = [arm.strip() for arm in arms.split(",")] if arms else None
    options = {"columns": parse_columns(columns), "reference_answer": reference_answer}
    given = {name: value for name, value in options.items() if value is not None}
    with redirect_stdout(sys.stderr), _progress() as say:
        result: StudyPlan | EffectReport = (
            plan_study(dataset, settings, out=out, model=model, arms=named, n_seeds=seeds, curated=curated,
                       **given) if dry_run else
            run_study(dataset, settings, out=out, model=model, arms=named, n_seeds=seeds, curated=curated,
                      progress=say, **given))
    if as_json:
        typer.echo(result.model_dump_json(by_alias=True, indent=2))
    elif dry_run:
        _show_plan(result)  # type: ignore[arg-type]
    else:
        _show_report(result, out)  # type: ignore[arg-type]


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """A bar where a person watches, else a line when what is done changes."""
    last = ""

    def tell(what: str, share: float) -> None:
        nonlocal last
        if what != last:
            print(f"{share:4.0%} {what}", file=sys.stderr, flush=True)
        last = what

    if not sys.stderr.isatty():
        yield tell
        return
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda what, share: bar.update(task, description=what, completed=share)


def _show_plan(plan: StudyPlan) -> None:
    for arm in plan.arms:
        print(f"{arm.arm:12} {arm.n_rows:>7,} rows {arm.n_tokens:>10,} tokens {arm.n_steps:>7,} steps")
    print(f"{plan.n_seeds:,} runs of each trained arm, at {plan.n_tokens:,} tokens each; {plan.n_texts:,} "
          f"texts of at most {plan.n_texts_tokens:,} tokens are asked of each\n"
          f"{plan.model} on {plan.device}: about {plan.minutes:,.1f} minutes for what is not done yet")


def _show_report(report: EffectReport, out: Path) -> None:
    from cftdata.effect.report import render_markdown

    print(render_markdown(report))
    print(f"report: {out / 'effect.html'}")
