"""Audits published sets and keeps what may be kept: figures and findings by row id, no text of any set.

    python audits/make_reports.py ../shared/data        # writes audits/reports/

The folder holds the sets as `audits/labels/README.md` names them. `labelled-sets` is all files of which
critiques were labelled, as one set, so that the verifiers' precision and recall are over all labels.
"""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from cftdata import AuditReport, audit, render_markdown
from cftdata.sources import load

HERE = Path(__file__).parent
LABELS = HERE / "labels" / "published-240.jsonl"
TRUE_ANSWER = r"8\sqrt[3]{4}"
"""Of the one problem of One-Shot CFT, whose published answer is a slip."""
KEPT = ("sample_id", "source_row", "verifier", "outcome", "reason", "start", "end")
LEFT_OUT = "(text of the set, not kept here)"


def main(data: Path) -> None:
    """Writes a report for every set."""
    one_shot = sorted((data / "one-shot-cft").iterdir())
    for path in one_shot:
        make(path, path.stem, reference_answer=TRUE_ANSWER)
    for folder in ("mr-gsm8k", "mr-ben", "big-bench-mistake"):
        make(data / folder, folder)
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
        for path in (*one_shot, *(data / "mr-gsm8k").iterdir()):
            shutil.copy(path, folder)
        query = next(row.sample.query.text for row in load(str(one_shot[0])) if row.sample)
        references = Path(beside) / "references.csv"
        with references.open("w", newline="") as file:
            csv.writer(file).writerows([("query", "answer"), (query, TRUE_ANSWER)])
        make(Path(folder), "labelled-sets", references=str(references), labels=LABELS)


def make(source: Path, name: str, **options: object) -> None:
    """Audits one set into audits/reports/NAME/PROTOCOL."""
    with tempfile.TemporaryDirectory() as out:
        report = strip(audit(source, out=out, **options), name)  # type: ignore[arg-type]
        findings = pq.read_table(Path(out) / "findings.parquet", columns=list(KEPT)).to_pylist()
    folder = HERE / "reports" / name / report.protocol.partition("@")[0]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.json").write_text(report.model_dump_json(by_alias=True, indent=2) + "\n")
    (folder / "report.md").write_text(render_markdown(report))
    with (folder / "findings.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, KEPT)
        rows.writeheader()
        rows.writerows(findings)
    print(folder)


def strip(report: AuditReport, name: str) -> AuditReport:
    """The report without any text of the set, nor a path of this machine."""
    suspects = [one.model_copy(update={"query": LEFT_OUT}) for one in report.suspect_references]
    labels = [one.model_copy(update={"equation": LEFT_OUT}) for one in report.suspect_labels]
    return report.model_copy(update={"source": name, "suspect_references": tuple(suspects),
                                     "suspect_labels": tuple(labels)})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
