"""The command `cftdata`: parses, calls, prints. Every verb is a public function too.

Exit codes: 0 done, 1 a check failed, 2 the call or its input was wrong (one sentence on standard error),
130 interrupted. With --json the machine-readable result stands alone on standard output. Nothing heavy is
imported before a verb needs it.

    $ cftdata audit set.jsonl --by critic --out audit

Not covered: settings from the environment or a file (see `--protocol` for what can be set there).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cftdata.errors import CftDataError, ConfigError
from cftdata.paths import open_path

if TYPE_CHECKING:
    from cftdata.figures import AuditReport

__all__ = ["app", "main", "parse_columns", "progress"]


class _Verbs(TyperGroup):
    """Verbs whose faults are one sentence on standard error."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except CftDataError as fault:
            typer.echo(f"cftdata: {fault}", err=True)
            raise typer.Exit(2) from None


SUMMARY = "Says, with evidence and an interval, how wrong the critiques of a dataset are."

ENGINE = "Where it runs: local, or ray (a cluster; extra `scale`)."
ADDRESS = "Address of the Ray cluster; RAY_ADDRESS, else this machine, when not given."

app = typer.Typer(cls=_Verbs, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def main() -> None:
    """The console script: runs the verb and exits with its code."""
    try:
        code = app(standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except Exception as fault:
        # typer's own faults; their class has no public name that all versions of typer share
        if not hasattr(fault, "format_message"):
            raise
        typer.echo(f"cftdata: {' '.join(fault.format_message().split())} See cftdata --help.", err=True)
        code = 2
    sys.exit(code)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"cftdata {version('cftdata')}")
        raise typer.Exit


@app.callback(help=SUMMARY, invoke_without_command=True)
def start(ctx: typer.Context, version: Annotated[bool, typer.Option(
        "--version", callback=_print_version, is_eager=True, help="Print it and exit.")] = False) -> None:
    """What stands before a verb."""
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        raise typer.Exit(2)


@app.command("audit")
def run_audit(  # noqa: PLR0913, PLR0917 - the options of the command
    source: Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder, or a Hub id.")],
    format: Annotated[str | None, typer.Option(help="Shape of the rows; recognised when not given.")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns of any table: query=…,response=…,critique=…,"
                                                     "reference_answer=…")] = None,
    reference_answer: Annotated[str | None, typer.Option(help="The reference answer of every row.")] = None,
    references: Annotated[str | None, typer.Option(help="File of reference answers by query or id.")] = None,
    by: Annotated[list[str] | None, typer.Option(help="Group the rates by this column (critic, student, "
                  "verdict, or any of the source); a comma crosses two; may be repeated.")] = None,
    protocol: Annotated[str, typer.Option(help="Audit protocol: a name or a YAML file.")] = "default",
    labels: Annotated[str | None, typer.Option(help="Labelled samples, to score the verifiers on.")] = None,
    split: Annotated[str | None, typer.Option(help="Split of a Hub dataset or dataset folder.")] = None,
    revision: Annotated[str | None, typer.Option(help="Revision of a Hub dataset.")] = None,
    out: Annotated[str, typer.Option(help="Folder or s3://… for report and tables.")] = "audit",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON alone.")] = False,
    processes: Annotated[int | None, typer.Option(min=1, help="Processes; all cores when not given.")] = None,
    engine: Annotated[str, typer.Option(help=ENGINE)] = "local",
    address: Annotated[str | None, typer.Option(help=ADDRESS)] = None,
) -> None:
    """Say how many critiques of a set are wrong, and which."""
    from cftdata.audit import audit
    from cftdata.engines import choose_engine

    with redirect_stdout(sys.stderr), progress(source) as advance, choose_engine(  # no library speaks in JSON
            engine, address=address, n_processes=processes, progress=advance) as runner:
        report = audit(source, format=format, columns=parse_columns(columns), by=by, protocol=protocol,
                       reference_answer=reference_answer, references=references, split=split,
                       revision=revision, labels=labels, out=out, engine=runner)
    if as_json:
        typer.echo(report.model_dump_json(by_alias=True, indent=2))
    else:
        _print_report(report, out)


@app.command("build")
def run_build(  # noqa: PLR0913, PLR0917 - the options of the command
    recipe: Annotated[str | None, typer.Argument(help="A recipe: a YAML file, or a name that --examples "
                                                      "lists.")] = None,
    out: Annotated[str | None, typer.Option(help="Folder to build into; build/ID when not given.")] = None,
    examples: Annotated[bool, typer.Option("--examples", help="List the package's recipes.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked, at what price; send "
                                                            "nothing.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="Show the calls so far by model.")] = False,
    batch: Annotated[bool, typer.Option("--batch", help="Ask through the providers' batch APIs, at half the "
                                        "price: submits, or collects what is done.")] = False,
    replay: Annotated[Path | None, typer.Option(help="A recorded ledger that answers in the providers' "
                                                     "place: the build runs again without a call.")] = None,
    no_audit: Annotated[bool, typer.Option("--no-audit", help="Do not audit what was built.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON alone.")] = False,
    engine: Annotated[str, typer.Option(help=ENGINE)] = "local",
    address: Annotated[str | None, typer.Option(help=ADDRESS)] = None,
) -> None:
    """Build a critique dataset by a recipe, or go on building; then audit it."""
    from cftdata import building

    if examples:
        building.list_examples()
        return
    if recipe is None:
        raise ConfigError("no recipe is named; give a YAML file, or a name of cftdata build --examples")
    if (ledger or dry_run or batch) and (engine != "local" or address):
        raise ConfigError("--ledger, --dry-run and --batch are done on this machine; leave out --engine and "
                          "--address")
    asked = building.Asked(recipe, out, as_json=as_json, has_audit=not no_audit, replay=replay,
                           engine=engine, address=address)
    if ledger:
        building.run_ledger(asked)
    elif dry_run:
        building.run_plan(asked)
    elif not (building.run_batch(asked) if batch else building.run(asked)):
        raise typer.Exit(1)


@app.command("demo")
def run_demo(
    out: Annotated[Path, typer.Option(help="Folder for what is built and the reports.")] = Path("demo"),
    no_local: Annotated[bool, typer.Option("--no-local", help="Leave out the embedded model, which takes a "
                                                              "minute.")] = False,
) -> None:
    """Audit the bundled set, build a small one, audit it; both against what is known by construction."""
    from cftdata.building import run_demo_audit, run_demo_build

    are_true = run_demo_audit(out / "bundled"), run_demo_build(out / "built", has_local=not no_local)
    if not all(are_true):
        raise typer.Exit(1)


@app.command("schema")
def run_schema(
    folder: Annotated[Path, typer.Option("--dir", help="Folder of the schemas.")] = Path("schemas/v1"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if any differs.")] = False,
) -> None:
    """Write the JSON Schemas of what cftdata writes, or check them."""
    from cftdata.schema import stale_schemas, write_schemas

    names = stale_schemas(folder) if check else write_schemas(folder)
    for name in names:
        said = "differs from the types; run cftdata schema" if check else "written"
        typer.echo(f"{folder / name} {said}")
    if check and names:
        raise typer.Exit(1)


def parse_columns(text: str | None) -> dict[str, str] | None:
    """query=problem,critique=review to a dict. Raises ConfigError."""
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    if not all(name.strip() and column.strip() for name, _, column in pairs):
        raise ConfigError(f"--columns {text!r} cannot be read; write query=COLUMN,…")
    return {name.strip(): column.strip() for name, _, column in pairs}


@contextmanager
def progress(source: str) -> Iterator[Callable[[int], None] | None]:
    """A progress bar on standard error, only where a person watches."""
    if not sys.stderr.isatty():
        yield None
        return

    from cftdata.terminal import show_progress

    with show_progress(source) as advance:
        yield advance


def _print_report(report: AuditReport, out: str) -> None:
    from cftdata.terminal import show_report

    show_report(report, open_path(out))


from cftdata import cli_effect, cli_release  # noqa: E402, F401 - their verbs join the app above
