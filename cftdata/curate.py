"""Curating: what is wrong in a set dropped, mended or written again, each row with the reason.

    samples.parquet     rows that are kept, changed ones verified anew
    dropped.parquet     rows that are not, whole, with the reason
    decisions.parquet   one `DecisionRow` for every row of the source
    curation.json, .md  the `CurateReport`, and the same for people
    before/, after/     audits of the source and of what is kept
    ledger.sqlite       every critique that was asked for again

The source is audited; the policy decides row by row (`selection`); then what is to be changed is changed and
verified (`changes`), and what remains is balanced and written (`curated`). What is kept is audited again. A
finished folder is done at once; a run that broke off goes on with its audit and its ledger, and until it is
done there is no curation.json, so that no half of it is taken for a whole.

An engine (`engine`) does the work on rows; what a cluster writes is the same tables as folders of parts.
Evaluation sets and a tokenizer are read by each of its machines.

    >>> curate("set.jsonl", reference_answer="4", out="curated").n_dropped        # doctest: +SKIP
    24

Not covered: errors that no verifier sees; the audit after curating is by the same verifiers, so its rates
speak of what they can find, and not of what they cannot.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from pydantic import ValidationError

from cftdata.audit import audit
from cftdata.calls import Provider
from cftdata.changes import PASSING, change
from cftdata.config import load_protocol
from cftdata.curated import TABLES, Writing, Written, write_stretch
from cftdata.curation import ContaminationCheck, CurateReport, render_markdown
from cftdata.deciding import Asked
from cftdata.driver import Event
from cftdata.engine import Engine, Part
from cftdata.errors import ConfigError
from cftdata.figures import AuditReport
from cftdata.ledger import ModelTotals
from cftdata.local_engine import Local
from cftdata.parquet import writing
from cftdata.paths import find_paths, is_remote, move, open_path, remove
from cftdata.policy import Policy, load_policy
from cftdata.selection import Selection
from cftdata.stored import find_samples, list_parts

__all__ = ["curate"]

REPORT, SUMMARY, MARK = "curation.json", "curation.md", ".mark"


def curate(source: str | Path, *, policy: str | Path | Policy = "default",  # noqa: PLR0913
           format: str | None = None, columns: Mapping[str, str] | None = None,
           reference_answer: str | None = None, references: str | Path | None = None,
           split: str | None = None, revision: str | None = None, out: str | Path,
           against: Sequence[str] = (), n_processes: int | None = None,
           providers: Mapping[str, Provider] | None = None, observe: Callable[[Event], None] | None = None,
           progress: Callable[[int], None] | None = None, engine: Engine | None = None) -> CurateReport:
    """Curates a file, folder or Hub dataset into the folder `out`.

    source: as `audit` takes it, or a folder that building or auditing left. format, columns,
    reference_answer, references, split, revision, n_processes: as for `audit`. policy: a name or a YAML file.
    against: evaluation sets, as `sources.load` takes them. providers: model to who answers for it, in place
    of the real one. observe: called with every event of the driver. progress: called with the number of rows
    audited. engine: where it runs, in place of so many processes here (`scale.OnRay`: a cluster); models are
    asked from here in any case.
    Raises ConfigError, SourceError and its kinds, ColumnUnknown, ExtraMissing, OutputError; what stood in the
    folder before stands then, but where the policy keeps not one row.
    """
    started = time.monotonic()
    chosen = policy if isinstance(policy, Policy) else load_policy(policy)
    call = _Call(str(source), chosen, tuple(against), {
        "format": format, "columns": columns, "reference_answer": reference_answer,
        "references": references, "split": split, "revision": revision}, open_path(out))
    if (finished := _find_finished(call)) is not None:
        return finished
    runner, asked = engine or Local(n_processes), Asked(chosen.model_dump_json(), tuple(against), call.mark)
    asked.open()    # what is wrong with it is said before the work
    with _working_folder(call.folder) as work:
        audited, before = _audit_source(call, work, engine or Local(n_processes, progress))
        with runner.open(work / "tables") as folder:
            selection = Selection.of(asked, audited, before, runner, folder)
            models = _change(selection, call.folder, work, providers or {}, observe)
            selection.balance()
            written = _write_tables(selection, audited, work, folder)
            n_retries = before.n_retries + runner.n_retries
        with writing(call.folder):
            _put_in_place(audited, work, call.folder)
        _refuse_nothing(written, call)
        after = audit(call.folder / "samples.parquet", out=call.folder / "after",
                      protocol=selection.screen.protocol, suspected=before.suspect_references, engine=runner)
        report = _report(call, selection, written, _Audits(before, after), models, n_retries, started)
        with writing(call.folder):
            (call.folder / SUMMARY).write_text(render_markdown(report), encoding="utf-8")
            _write_whole(call.folder / REPORT, report.model_dump_json(indent=2) + "\n")
    return report


# --- What was asked for, and whether it is done


@dataclass(frozen=True, slots=True)
class _Call:
    """What was asked for."""

    source: str
    policy: Policy
    against: tuple[str, ...]
    options: Mapping[str, Any]
    folder: Path

    @property
    def audit_mark(self) -> str:
        """A hash that changes with all that the audit of the source depends on."""
        references = str(self.options["references"] or "")
        return _hash([load_protocol(self.policy.protocol).ref, version("cftdata"),
                      repr(sorted(self.options.items())), *_stat(self.source), *_stat(references)])

    @property
    def mark(self) -> str:
        """A hash that changes with all that the result depends on."""
        lengths, critic = self.policy.lengths, self.policy.regenerate.critic
        files = [*self.against, lengths.tokenizer or "" if lengths else "", critic.prompt if critic else ""]
        return _hash([self.audit_mark, self.policy.ref, *(said for name in files for said in _stat(name))])


def _hash(said: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(said).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _stat(name: str) -> list[str]:
    """What tells a file, or those of a folder, from another: names, sizes and times."""
    path = open_path(name)
    files = ([] if not name else sorted(path.rglob("*")) if path.is_dir() else find_paths(name) or [path])
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return [name, *(f"{file} {stat.st_size} {stat.st_mtime}" for file, stat in stats)]


def _find_finished(call: _Call) -> CurateReport | None:
    """The report in the folder, where it is of this very call and nothing is left to do."""
    try:
        report = CurateReport.model_validate_json((call.folder / REPORT).read_bytes())
    except (OSError, ValidationError):
        return None
    are_there = all((call.folder / name).exists() for name in (*TABLES, "after/report.json"))
    return report if report.is_complete and are_there and report.mark == call.mark else None


@contextmanager
def _working_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder for what is not done yet. A run that breaks off leaves its audit there for the next."""
    work, was_there = folder / ".curating", folder.exists()
    with writing(folder):
        work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    except BaseException:
        if not (work / "before").is_dir() or not any((work / "before").iterdir()):
            remove(work)
            if not was_there and not any(folder.iterdir()):
                folder.rmdir()
        raise
    remove(work)


def _audit_source(call: _Call, work: Path, engine: Engine) -> tuple[Path, AuditReport]:
    """The folder and the report of the source's audit; made before, where it is of the same call."""
    for audited in (call.folder / "before", work / "before"):
        if _read(audited / MARK) == call.audit_mark:
            return audited, AuditReport.model_validate_json((audited / "report.json").read_bytes())
    with writing(call.folder):
        remove(audited / MARK)
    report = audit(find_samples(call.source), out=audited, protocol=load_protocol(call.policy.protocol),
                   engine=engine, **call.options)
    with writing(call.folder):
        _write_whole(audited / MARK, call.audit_mark)
    return audited, report


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _write_whole(path: Path, text: str) -> None:
    """The file, whole or not at all; a store shows no half of one."""
    if is_remote(path):
        path.write_text(text, encoding="utf-8")
        return
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _change(selection: Selection, folder: Path, work: Path, providers: Mapping[str, Provider],
            observe: Callable[[Event], None] | None) -> tuple[ModelTotals, ...]:
    """Changes rows where any are to be; a ledger is opened only where something is to be asked."""
    with writing(folder):
        remove(work / "changed.parquet")
    if not selection.is_changing:
        return ()
    is_asking = "regenerate" in selection.is_changing
    if is_asking and is_remote(folder):
        raise ConfigError(f"the ledger of what is asked cannot lie in {folder}; name a folder of this "
                          "machine with --out")
    if is_asking:
        return change(selection, folder / "ledger.sqlite", work / "changed.parquet", providers, observe)
    with tempfile.TemporaryDirectory(prefix="cftdata-") as here:    # nothing is asked, so nothing is booked
        return change(selection, Path(here) / "ledger.sqlite", work / "changed.parquet", providers, observe)


def _refuse_nothing(written: Written, call: _Call) -> None:
    """Raises ConfigError where no row is kept."""
    if not written.n_kept:
        most = ", ".join(f"{reason} {n:,}" for reason, n in written.reasons.most_common(3))
        raise ConfigError(f"the policy {call.policy.id} keeps not one row of {call.source} ({most}); see "
                          f"{call.folder / 'decisions.parquet'}, and choose a milder policy")


# --- What is written


def _write_tables(selection: Selection, audited: Path, work: Path, folder: Path) -> Written:
    """samples.parquet, dropped.parquet and decisions.parquet, into the engine's folder."""
    changed, findings = work / "changed.parquet", audited / "findings.parquet"
    changed, findings = (path if is_remote(path) else path.absolute() for path in (changed, findings))
    with writing(folder):
        for name in TABLES:
            remove(folder / name)
    stretches = selection.stretches
    items = [Writing(one, Part(folder, one.part.name), changed if changed.exists() else None,
                     [findings] if one is stretches[-1] else []) for one in stretches]
    whole = Written()
    for written in selection.engine.map(write_stretch, items):
        whole.merge(written)
    return whole


def _put_in_place(audited: Path, work: Path, folder: Path) -> None:
    """Moves what is done into the folder. The report goes first: without it nothing there is a whole."""
    for name in (REPORT, SUMMARY):
        remove(folder / name)
    if audited != folder / "before":
        move(audited, folder / "before")
    remove(folder / "after")
    for name in TABLES:
        move(work / "tables" / name, folder / name)


# --- The report


class _Audits(NamedTuple):
    """The audits of the source, and of what is kept."""

    before: AuditReport
    after: AuditReport


def _report(call: _Call, selection: Selection, written: Written, audits: _Audits,  # noqa: PLR0913, PLR0917
            models: tuple[ModelTotals, ...], n_retries: int, started: float) -> CurateReport:
    costs = [one.cost_usd for one in models if one.cost_usd is not None]
    (before, after), reasons, n_kept = audits, written.reasons, written.n_kept
    return CurateReport(
        source=call.source, mark=call.mark, policy=call.policy.ref, protocol=before.protocol,
        cftdata_version=version("cftdata"),
        is_complete=not any(key.partition(":")[2] in PASSING for key in reasons),
        content_hash_before=before.content_hash, content_hash_after=after.content_hash,
        n_rows=before.n_rows, n_unread=before.n_unread, n_samples=before.n_samples, n_kept=n_kept,
        n_dropped=written.n_rows - n_kept, n_undecided=reasons["keep:undecided"],
        actions=written.actions, reasons=dict(reasons.most_common()),
        first_rows={key: tuple(rows) for key, rows in written.first_rows.items()},
        rates_before=before.rates, rates_after=after.rates,
        right_rate_before=_right_rate(call.folder / "before"),
        right_rate_after=_right_rate(call.folder / "after"),
        n_suspect_references=len(before.suspect_references),
        contamination=_contamination(selection, reasons["drop:contaminated"]),
        models=models, cost_usd=sum(costs) if costs or not models else None,
        n_retries=n_retries + after.n_retries, seconds=round(time.monotonic() - started, 3))


def _contamination(selection: Selection, n_hits: int) -> ContaminationCheck | None:
    index = selection.screen.index
    if index is None:
        return None
    return ContaminationCheck(n_words=index.settings.n, sets=index.sets,
                              n_hits=n_hits)


def _right_rate(audited: Path) -> float | None:
    """Share of the verdicts that are `right` among an audit's samples."""
    import pyarrow.parquet as pq

    counts = Counter[str]()
    for part in list_parts(audited / "samples.parquet"):
        with part.open("rb") as stream, pq.ParquetFile(stream) as file:
            for batch in file.iter_batches(columns=["critique.verdict"]):
                verdicts = batch["critique"].field("verdict").drop_null()
                counts.update({one["values"]: one["counts"] for one in verdicts.value_counts().to_pylist()})
    return counts["right"] / counts.total() if counts else None


class _CallableModule(ModuleType):
    """`cftdata.curate` is this module once anything has imported it, and its function to callers."""

    __call__ = staticmethod(curate)


sys.modules[__name__].__class__ = _CallableModule
