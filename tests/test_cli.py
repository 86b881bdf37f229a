"""The contract of the command: exit codes, what stands on which stream, and how fast it answers."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cftdata
from cftdata.figures import AuditReport

COMMAND = (sys.executable, "-c", "from cftdata.cli import main; main()")
HEAVY = {"pydantic", "pyarrow", "scipy", "numpy", "sympy", "jinja2", "rich", "yaml", "pebble", "datasets",
         "math_verify"}


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, check=False,
                          cwd=cwd)


def row(n: int, answer: str, verdict: str, **columns: object) -> dict[str, object]:
    return {"query": f"2+2? ({n})", "response": f"\\boxed{{{answer}}}", "reference_answer": "4",
            "critique": f"Conclusion: {verdict} [END]"} | columns


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "set.jsonl"
    rows = [row(0, "4", "right", critic="[red]a"), row(1, "5", "right", critic="b\x1b[31m"),
            {"colour": "red"}]
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def assert_one_sentence(done: subprocess.CompletedProcess[str], said: str) -> None:
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("cftdata: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_an_audit_prints_its_rates_and_where_the_report_is(source: Path, tmp_path: Path) -> None:
    done = run("audit", source, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"wrong verdict +2 +2 +1 +50\.0% +9\.5%–90\.5% +0", done.stdout)
    assert re.search(r"critic \[red\]a +1 +1 +0", done.stdout)
    assert "\x1b" not in done.stdout
    assert "read as table: 2 rows" in done.stdout
    assert "1 row could not be read" in done.stdout
    assert f"report: {tmp_path / 'out' / 'report.html'}" in done.stdout
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "findings.parquet", "report.html", "report.json", "report.md", "samples.parquet"]


def test_json_stands_alone_on_standard_output(source: Path, tmp_path: Path) -> None:
    done = run("audit", source, "--json", "--by", "critic", "--by", "format,verdict", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    report = AuditReport.model_validate_json(done.stdout)
    assert done.stdout == (tmp_path / "audit" / "report.json").read_text()
    assert {tuple(group.by) for group in report.groups} == {("critic",), ("format", "verdict")}
    assert json.loads(done.stdout)["verifiers"]["verdict"] == {"pass": 1, "fail": 1, "abstain": 0, "error": 0}


def test_columns_references_and_format_can_be_named(tmp_path: Path) -> None:
    path = tmp_path / "set.csv"
    path.write_text('q,a,review\n2+2?,\\boxed{4},Conclusion: right\n')
    (tmp_path / "answers.json").write_text('{"2+2?": "5"}')
    done = run("audit", path, "--columns", "query=q,response=a, critique=review", "--references",
               tmp_path / "answers.json", "--format", "table", "--processes", "1", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["rates"]["verdict_error"]["n_hits"] == 1
    done = run("audit", path, "--columns", "query=q,response=a,critique=review", "--reference-answer", "4",
               "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["rates"]["verdict_error"]["n_hits"] == 0


@pytest.mark.parametrize(("arguments", "said"), [
    (["audit", "gone.jsonl"], "gone.jsonl"),
    (["audit", "empty.jsonl"], "empty.jsonl"),
    (["audit", "odd.jsonl"], "--columns query="),
    (["audit", "broken.json"], "broken.json"),
    (["audit", "set.jsonl", "--by", "critc"], "did you mean 'critic'?"),
    (["audit", "set.jsonl", "--format", "tabel"], "did you mean 'table'?"),
    (["audit", "set.jsonl", "--columns", "query"], "--columns 'query'"),
    (["audit", "set.jsonl", "--columns", "query=quest"], "no column 'quest'"),
    (["audit", "set.jsonl", "--protocol", "defualt"], "did you mean 'default'?"),
    (["audit", "set.jsonl", "--references", "gone.json"], "gone.json"),
    (["audit", "set.jsonl", "--out", "set.jsonl/out"], "cannot write into"),
    (["audit", "set.jsonl", "--processes", "0"], "--processes"),
    (["audit", "set.jsonl", "--colour"], "--colour"),
    (["audit"], "source"),
    (["audti"], "audti"),
])
def test_a_wrong_call_is_one_sentence_and_exit_2(source: Path, arguments: list[str], said: str) -> None:
    folder = source.parent
    (folder / "empty.jsonl").write_text("")
    (folder / "odd.jsonl").write_text('{"colour": "red"}\n')
    (folder / "broken.json").write_text("{broken")
    assert_one_sentence(run(*arguments, cwd=folder), said)


def test_no_verb_shows_the_help_and_exits_2() -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "audit" in done.stderr


def test_the_demo_equals_its_truth(tmp_path: Path) -> None:
    done = run("demo", "--no-local", "--out", tmp_path / "demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Every figure equals the truth" in done.stdout
    assert done.stdout.count("the interval holds it") == 2
    assert (tmp_path / "demo" / "bundled" / "report.html").is_file()
    assert (tmp_path / "demo" / "built" / "audit" / "report.html").is_file()


def test_schemas_are_written_and_checked(tmp_path: Path) -> None:
    assert run("schema", "--dir", tmp_path / "v1").returncode == 0
    assert run("schema", "--dir", tmp_path / "v1", "--check").returncode == 0
    (tmp_path / "v1" / "finding.json").unlink()
    done = run("schema", "--dir", tmp_path / "v1", "--check")
    assert done.returncode == 1
    assert "finding.json" in done.stdout
    assert not (tmp_path / "v1" / "finding.json").exists()


def test_the_version_is_that_of_the_package() -> None:
    assert run("--version").stdout == f"cftdata {cftdata.__version__}\n"


def test_help_imports_nothing_heavy_and_answers_soon() -> None:
    code = ("import sys; from cftdata.cli import app\n"
            "try: app(['--help'])\nexcept SystemExit: print(*{name.split('.')[0] for name in sys.modules})")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "audit" in done.stdout
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) == set()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    times = []
    for _ in range(4):
        start = time.perf_counter()
        subprocess.run([*COMMAND, "--help"], capture_output=True, check=True, env=environment)
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5


def many_rows(folder: Path) -> Path:
    path = folder / "many.jsonl"
    path.write_text("".join(json.dumps(row(n, "4", "right")) + "\n" for n in range(20_000)))
    return path


def test_an_interrupt_exits_130_quietly(tmp_path: Path) -> None:
    """As a terminal does it: the signal goes to the whole group, workers included."""
    call = [*COMMAND, "audit", str(many_rows(tmp_path)), "--out", str(tmp_path / "out"), "--processes", "2"]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    while not list(tmp_path.glob("out/.partial-*")):
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output, errors.strip()) == (130, "", "")
    assert not (tmp_path / "out").exists()


def test_a_progress_bar_shows_on_a_terminal_only(tmp_path: Path) -> None:
    terminal, other = pty.openpty()
    process = subprocess.Popen([*COMMAND, "audit", many_rows(tmp_path), "--out", tmp_path / "out", "--json"],
                               stdout=subprocess.PIPE, stderr=other, env=os.environ | {"TERM": "xterm"})
    os.close(other)
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # Linux says so when the other end is closed
        pass
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    assert json.loads(output)["n_samples"] == 20_000
    assert b"/20000" in shown


def test_a_disk_that_is_full_is_one_sentence(tmp_path: Path) -> None:
    code = ("import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
            "from cftdata.cli import main; main()")
    call = [sys.executable, "-c", code, "audit", str(many_rows(tmp_path)), "--out", str(tmp_path / "out")]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert_one_sentence(done, "cannot write into")
    assert not (tmp_path / "out").exists()
