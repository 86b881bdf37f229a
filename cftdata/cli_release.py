"""The verbs that make a release: curate, export, publish, release. Each parses, calls, prints.

    $ cftdata curate set.jsonl --policy default --out curated

Not covered: the other verbs (see `cli`).
"""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cftdata.cli import ADDRESS, ENGINE, app, parse_columns, progress
from cftdata.paths import open_path

if TYPE_CHECKING:
    from cftdata.release import ReleaseReport, StepResult
    from cftdata.sample import Record

__all__ = ["run_curate", "run_export", "run_publish", "run_release"]

Source = Annotated[str, typer.Argument(help="A JSONL, JSON, CSV or Parquet file, a folder, or a Hub id.")]
Columns = Annotated[str | None, typer.Option(help="Columns of any table: query=…,response=…,critique=…,"
                                                  "reference_answer=…")]
Answer = Annotated[str | None, typer.Option(help="The reference answer of every row.")]
References = Annotated[str | None, typer.Option(help="File of reference answers by query or id.")]
Split = Annotated[str | None, typer.Option(help="Split of a Hub dataset or dataset folder.")]
Revision = Annotated[str | None, typer.Option(help="Revision of a Hub dataset.")]
Processes = Annotated[int | None, typer.Option(min=1, help="Processes; all cores when not given.")]
EngineName = Annotated[str, typer.Option(help=ENGINE)]
Address = Annotated[str | None, typer.Option(help=ADDRESS)]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON alone.")]


@app.command("curate")
def run_curate(  # noqa: PLR0913, PLR0917 - the options of the command
    source: Source,
    policy: Annotated[str, typer.Option(help="Policy: default, strict, no-reference, mend, regenerate, or a "
                                             "YAML file.")] = "default",
    against: Annotated[list[str] | None, typer.Option(help="Evaluation set that no row may hold a passage "
                                                           "of; may be repeated.")] = None,
    format: Annotated[str | None, typer.Option(help="Shape of the rows; recognised when not given.")] = None,
    columns: Columns = None, reference_answer: Answer = None, references: References = None,
    split: Split = None, revision: Revision = None,
    out: Annotated[str, typer.Option(help="Folder or s3://… for what is kept, what not, and "
                                          "why.")] = "curated",
    as_json: AsJson = False, processes: Processes = None, engine: EngineName = "local",
    address: Address = None,
) -> None:
    """Drop, mend or rewrite what an audit finds wrong; every row with the reason."""
    from cftdata.curate import curate
    from cftdata.engines import choose_engine

    with redirect_stdout(sys.stderr), progress(source) as advance, choose_engine(
            engine, address=address, n_processes=processes, progress=advance) as runner:
        report = curate(source, policy=policy, against=against or (), format=format,
                        columns=parse_columns(columns), reference_answer=reference_answer,
                        references=references, split=split, revision=revision, out=out, engine=runner)
    if not _show_json(report, as_json):
        from cftdata.release_screen import show_curation

        show_curation(report, open_path(out))
    if not report.is_complete:
        raise typer.Exit(1)


@app.command("export")
def run_export(  # noqa: PLR0913, PLR0917 - the options of the command
    source: Annotated[str, typer.Argument(help="A curated, audited or built folder; or a file, folder or Hub "
                                               "id.")],
    format: Annotated[str, typer.Option(help="trl, trl-messages, llama-factory, ms-swift, axolotl, "
                                             "webinstruct-cft, one-shot-cft, sft, sft-messages, dpo or "
                                             "processbench.")] = "trl",
    prompt: Annotated[str | None, typer.Option(help="Prompt that asks for the critique: an id or YAML file; "
                                                    "the published form when not given.")] = None,
    file_type: Annotated[str, typer.Option(help="jsonl or parquet.")] = "jsonl",
    source_format: Annotated[str | None, typer.Option(help="Shape of the source's rows.")] = None,
    columns: Columns = None, reference_answer: Answer = None, references: References = None,
    split: Split = None, revision: Revision = None,
    out: Annotated[str | None, typer.Option(help="Folder or s3://…; export/FORMAT when not given.")] = None,
    as_json: AsJson = False, processes: Processes = None, engine: EngineName = "local",
    address: Address = None,
) -> None:
    """Write a set as a trainer reads it."""
    from cftdata.engines import choose_engine
    from cftdata.export import export

    folder = open_path(out or f"export/{format}")
    with redirect_stdout(sys.stderr), progress(source) as advance, choose_engine(
            engine, address=address, n_processes=processes, progress=advance) as runner:
        report = export(source, format=format, out=folder, prompt=prompt,
                        file_type=file_type,  # type: ignore[arg-type]  # export says which there are
                        source_format=source_format, columns=parse_columns(columns),
                        reference_answer=reference_answer, references=references, split=split,
                        revision=revision, engine=runner)
    if not _show_json(report, as_json):
        from cftdata.release_screen import show_export

        show_export(report, folder)


@app.command("publish")
def run_publish(  # noqa: PLR0913, PLR0917 - the options of the command
    folder: Annotated[Path, typer.Argument(help="A curated, built or audited folder.")],
    repo: Annotated[str, typer.Argument(help="ORG/NAME on the Hub.")],
    tag: Annotated[str | None, typer.Option(help="Tag of the release, as v1.2.0.")] = None,
    private: Annotated[bool, typer.Option("--private", help="A repository that is made is private.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write what would be uploaded, show how it "
                                          "differs from the Hub; send nothing.")] = False,
    card: Annotated[str | None, typer.Option(help="YAML of what the card says beyond the measures: title, "
                                                  "licence, authors …")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder of what is uploaded; FOLDER/dataset when not "
                                                  "given.")] = None,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not load it again afterwards.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a set on the Hub with its audit: one commit, a tag, and a check from an empty cache."""
    from cftdata.card import CardSettings
    from cftdata.config import load_record
    from cftdata.hub import publish

    settings = load_record(CardSettings, card, Path(), "card") if card else None
    with redirect_stdout(sys.stderr):
        report = publish(folder, repo, tag=tag, private=private, dry_run=dry_run, out=out, settings=settings,
                         check=not no_check, progress=lambda said: print(f"… {said}"))
    if not _show_json(report, as_json):
        from cftdata.release_screen import show_publish

        show_publish(report)


@app.command("release")
def run_release(
    recipe: Annotated[str, typer.Argument(help="A release recipe: a YAML file.")],
    until: Annotated[str, typer.Option(help="Last step: build, audit, curate, gate, export or "
                                            "publish.")] = "publish",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Publish nothing; show what would be.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder; release/ID when not given.")] = None,
    as_json: AsJson = False,
) -> None:
    """Build, audit, curate, gate, export and publish by one recipe; goes on where it stopped."""
    from cftdata.release import load_release, release

    def tell(step: StepResult) -> None:
        print(f"{step.step:8} {step.state:8} {step.sentence}", file=sys.stderr if as_json else out_stream)

    out_stream = sys.stdout
    chosen = load_release(recipe)
    with redirect_stdout(sys.stderr):
        report: ReleaseReport = release(chosen, out=out, until=until, dry_run=dry_run, observe=tell)
    if not _show_json(report, as_json):
        from cftdata.release_screen import show_gates

        show_gates(report)
    if not report.is_passed:
        raise typer.Exit(1)


def _show_json(report: Record, wanted: bool) -> bool:
    """Prints the report as JSON, where that was asked for."""
    if wanted:
        typer.echo(report.model_dump_json(by_alias=True, indent=2))
    return wanted
