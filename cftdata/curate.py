"""Curating: what is wrong in a set dropped, mended or written again, each row with the reason.

    samples.parquet     rows that are kept, changed ones verified anew
    dropped.parquet     rows that are not, whole, with the reason
    decisions.parquet   one `DecisionRow` for every row of the source
    curation.json, .md  the `CurateReport`, and the same for people
    before/, after/     audits of the source and of what is kept
    ledger.sqlite       every critique that was asked for again

The source is audited; the policy decides row by row (`selection`); then what is to be changed is changed and
verified (`changes`), and what remains is balanced. What is kept is audited again. A finished folder is done
at once; a run that broke off goes on with its audit and its ledger, and until it is done there is no
curation.json, so that no half of it is taken for a whole.

    >>> curate("set.jsonl", reference_answer="4", out="curated").n_dropped        # doctest: +SKIP
    24

Not covered: errors that no verifier sees; the audit after curating is by the same verifiers, so its rates
speak of what they can find, and not of what they cannot.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from cftdata.audit import audit
from cftdata.batch import sample_schema
from cftdata.calls import Provider
from cftdata.changes import PASSING, change
from cftdata.config import load_protocol
from cftdata.curation import ContaminationCheck, CurateReport, DecisionRow, render_markdown
from cftdata.driver import Event
from cftdata.errors import ConfigError
from cftdata.figures import AuditReport
from cftdata.ledger import ModelTotals
from cftdata.material import read_samples
from cftdata.parquet import arrow_schema, open_rows, writing
from cftdata.policy import Policy, load_policy
from cftdata.sample import Decision, Sample
from cftdata.selection import Row, Selection, open_screen
from cftdata.stored import find_samples

__all__ = ["curate"]

REPORT, SUMMARY, MARK = "curation.json", "curation.md", ".mark"
TABLES = ("samples.parquet", "dropped.parquet", "decisions.parquet")
N_SHOWN = 5
"""First rows that the report names for each reason."""
NOTHING_FOUND = ("no_finding", "with_consensus")


def curate(source: str | Path, *, policy: str | Path | Policy = "default",  # noqa: PLR0913
           format: str | None = None, columns: Mapping[str, str] | None = None,
           reference_answer: str | None = None, references: str | Path | None = None,
           split: str | None = None, revision: str | None = None, out: str | Path,
           against: Sequence[str] = (), n_processes: int | None = None,
           providers: Mapping[str, Provider] | None = None, observe: Callable[[Event], None] | None = None,
           progress: Callable[[int], None] | None = None) -> CurateReport:
    """Curates a file, folder or Hub dataset into the folder `out`.

    source: as `audit` takes it, or a folder that building or auditing left. format, columns,
    reference_answer, references, split, revision, n_processes: as for `audit`. policy: a name or a YAML file.
    against: evaluation sets, as `sources.load` takes them. providers: model to who answers for it, in place
    of the real one. observe: called with every event of the driver. progress: called with the number of rows
    audited.
    Raises ConfigError, SourceError and its kinds, ColumnUnknown, ExtraMissing, OutputError; what stood in the
    folder before stands then, but where the policy keeps not one row.
    """
    started = time.monotonic()
    chosen = policy if isinstance(policy, Policy) else load_policy(policy)
    call = _Call(str(source), chosen, tuple(against), {
        "format": format, "columns": columns, "reference_answer": reference_answer,
        "references": references, "split": split, "revision": revision}, Path(out))
    if (finished := _find_finished(call)) is not None:
        return finished
    screen = open_screen(chosen, against)
    with _working_folder(call.folder) as work:
        audited, before = _audit_source(call, work, n_processes, progress)
        selection = Selection.of(screen, audited, before)
        models = _change(selection, call.folder, work, providers or {}, observe)
        selection.balance()
        with writing(call.folder):
            _write_tables(selection, audited, work)
            _put_in_place(audited, work, call.folder)
        _refuse_nothing(selection, call)
        after = audit(call.folder / "samples.parquet", out=call.folder / "after", protocol=screen.protocol,
                      suspected=before.suspect_references, n_processes=n_processes)
        report = _report(call, selection, before, after, models, started)
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
    path = Path(name)
    files = [] if not name else sorted(path.rglob("*")) if path.is_dir() else [path]
    stats = [(file, file.stat()) for file in files if file.is_file()]
    return [name, *(f"{file} {stat.st_size} {stat.st_mtime_ns}" for file, stat in stats)]


def _find_finished(call: _Call) -> CurateReport | None:
    """The report in the folder, where it is of this very call and nothing is left to do."""
    try:
        report = CurateReport.model_validate_json((call.folder / REPORT).read_bytes())
    except (OSError, ValidationError):
        return None
    are_there = all((call.folder / name).is_file() for name in (*TABLES, "after/report.json"))
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
        if not (work / "before" / MARK).exists():
            shutil.rmtree(work, ignore_errors=True)
            if not was_there and not any(folder.iterdir()):
                folder.rmdir()
        raise
    shutil.rmtree(work, ignore_errors=True)


def _audit_source(call: _Call, work: Path, n_processes: int | None,
                  progress: Callable[[int], None] | None) -> tuple[Path, AuditReport]:
    """The folder and the report of the source's audit; made before, where it is of the same call."""
    for audited in (call.folder / "before", work / "before"):
        if _read(audited / MARK) == call.audit_mark:
            return audited, AuditReport.model_validate_json((audited / "report.json").read_bytes())
    (audited / MARK).unlink(missing_ok=True)
    report = audit(find_samples(call.source), out=audited, protocol=load_protocol(call.policy.protocol),
                   n_processes=n_processes, progress=progress, **call.options)
    with writing(call.folder):
        _write_whole(audited / MARK, call.audit_mark)
    return audited, report


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return None


def _write_whole(path: Path, text: str) -> None:
    """The file, whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _change(selection: Selection, folder: Path, work: Path, providers: Mapping[str, Provider],
            observe: Callable[[Event], None] | None) -> tuple[ModelTotals, ...]:
    """Changes rows where any are to be; a ledger is opened only where something is to be asked."""
    (work / "changed.parquet").unlink(missing_ok=True)
    actions = {row.choice.action for row in selection.rows if row.is_to_change}
    if not actions:
        return ()
    ledger = (folder if "regenerate" in actions else work) / "ledger.sqlite"
    return change(selection, ledger, work / "changed.parquet", providers, observe)


def _refuse_nothing(selection: Selection, call: _Call) -> None:
    """Raises ConfigError where no row is kept."""
    if not selection.n_kept:
        most = ", ".join(f"{reason} {n:,}" for reason, n in selection.count().most_common(3))
        raise ConfigError(f"the policy {call.policy.id} keeps not one row of {call.source} ({most}); see "
                          f"{call.folder / 'decisions.parquet'}, and choose a milder policy")


# --- What is written


def _write_tables(selection: Selection, audited: Path, work: Path) -> None:
    """samples.parquet, dropped.parquet and decisions.parquet, into the working folder."""
    changed = _read_changed(work / "changed.parquet")
    schema = sample_schema()
    with open_rows(work / "samples.parquet", schema) as keep, \
            open_rows(work / "dropped.parquet", schema) as drop, \
            open_rows(work / "decisions.parquet", arrow_schema(DecisionRow)) as note:
        rows = zip(selection.rows, read_samples(selection.samples), strict=True)
        for row, (sample, source_row, file) in rows:
            decision = Decision(action=row.choice.action, reason=row.choice.reason)
            new = next(one for one in changed if one.id == row.new_id) if row.new_id else sample
            stands = new.model_copy(update={"decision": decision})
            (keep if row.is_kept else drop)(
                stands.model_dump(mode="json") | {"source_row": source_row, "file": file})
            note(_note(row, sample).model_dump(mode="json"))
        for unread in _read_unread(audited):
            note(unread.model_dump(mode="json"))


def _read_changed(path: Path) -> Iterator[Sample]:
    """The changed rows in order; some of them may have been dropped since."""
    return (sample for sample, _, _ in read_samples(path)) if path.exists() else iter(())


def _note(row: Row, sample: Sample) -> DecisionRow:
    before = sample.critique.text if row.new_id and sample.critique else None
    return DecisionRow(
        source_row=row.source_row, sample_id=row.sample_id, action=row.choice.action,
        reason=row.choice.reason, detail=row.choice.detail, other=row.other, new_sample_id=row.new_id,
        critique_before=before)


def _read_unread(audited: Path) -> Iterator[DecisionRow]:
    import pyarrow.parquet as pq

    columns = ["source_row", "verifier", "reason", "detail"]
    table = pq.read_table(audited / "findings.parquet", columns=columns, filters=[("verifier", "=", "load")])
    for row in table.to_pylist():
        yield DecisionRow(source_row=row["source_row"], sample_id=None, action="unread",
                          reason=row["reason"], detail=row["detail"])


def _put_in_place(audited: Path, work: Path, folder: Path) -> None:
    """Moves what is done into the folder. The report goes first: without it nothing there is a whole."""
    for name in (REPORT, SUMMARY):
        (folder / name).unlink(missing_ok=True)
    if audited != folder / "before":
        shutil.rmtree(folder / "before", ignore_errors=True)
        audited.replace(folder / "before")
    shutil.rmtree(folder / "after", ignore_errors=True)
    for name in TABLES:
        (work / name).replace(folder / name)


# --- The report


def _report(call: _Call, selection: Selection, before: AuditReport, after: AuditReport,  # noqa: PLR0913, PLR0917
            models: tuple[ModelTotals, ...], started: float) -> CurateReport:
    costs = [one.cost_usd for one in models if one.cost_usd is not None]
    reasons, n_kept = selection.count(), selection.n_kept
    return CurateReport(
        source=call.source, mark=call.mark, policy=call.policy.ref, protocol=before.protocol,
        cftdata_version=version("cftdata"),
        is_complete=not any(key.partition(":")[2] in PASSING for key in reasons),
        content_hash_before=before.content_hash, content_hash_after=after.content_hash,
        n_rows=before.n_rows, n_unread=before.n_unread, n_samples=before.n_samples, n_kept=n_kept,
        n_dropped=len(selection.rows) - n_kept, n_undecided=reasons["keep:undecided"],
        actions=dict(Counter(row.choice.action for row in selection.rows).most_common()),
        reasons=dict(reasons.most_common()), first_rows=_first_rows(selection.rows),
        rates_before=before.rates, rates_after=after.rates,
        right_rate_before=_right_rate(call.folder / "before"),
        right_rate_after=_right_rate(call.folder / "after"),
        n_suspect_references=len(before.suspect_references), contamination=_contamination(selection),
        models=models, cost_usd=sum(costs) if costs or not models else None,
        seconds=round(time.monotonic() - started, 3))


def _first_rows(rows: Sequence[Row]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        places = found[f"{row.choice.action}:{row.choice.reason}"]
        if row.choice.reason not in NOTHING_FOUND and len(places) < N_SHOWN:
            places.append(row.source_row)
    return {key: tuple(places) for key, places in found.items() if places}


def _contamination(selection: Selection) -> ContaminationCheck | None:
    index = selection.screen.index
    if index is None:
        return None
    return ContaminationCheck(n_words=index.settings.n, sets=index.sets,
                              n_hits=selection.count()["drop:contaminated"])


def _right_rate(audited: Path) -> float | None:
    """Share of the verdicts that are `right` among an audit's samples."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(audited / "samples.parquet", columns=["critique.verdict"])
    verdicts = table.flatten().column(0).drop_null()
    return pc.mean(pc.equal(verdicts, "right")).as_py() if len(verdicts) else None


class _CallableModule(ModuleType):
    """`cftdata.curate` is this module once anything has imported it, and its function to callers."""

    __call__ = staticmethod(curate)


sys.modules[__name__].__class__ = _CallableModule
