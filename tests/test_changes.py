"""Changing rows: nothing is paid twice however a run ends, and nothing half is left."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

from cftdata.curation import CurateReport

N_ROWS = 60
SLOW = """
import sys
from cftdata import ScriptedProvider, curate
from cftdata.critics import CriticSettings
from cftdata.driver import Limits
from cftdata.policy import Policy, Regenerate

def answer(request):
    print("asked", file=sys.stderr, flush=True)
    return "Both numbers are taken as they were given, and then they are added.\\n\\nConclusion: right [END]"

settings = Regenerate(critic=CriticSettings(model="scripted/slow"), limits={"default": Limits(n_in_flight=4)})
policy = Policy(id="slow", actions={"verdict": {"*": "regenerate"}}, regenerate=settings)
report = curate(sys.argv[1], out=sys.argv[2], policy=policy, n_processes=1,
                providers={"scripted/slow": ScriptedProvider(answer, seconds=0.05)})
print(report.is_complete, report.actions["regenerate"])
"""


def write_set(folder: Path) -> Path:
    path = folder / "set.jsonl"
    path.write_text("".join(json.dumps({
        "query": f"What is {n} + {n}?", "response": f"The answer is {2 * n}.", "reference_answer": str(2 * n),
        "critique": "I cannot follow what was done with the numbers.\n\nConclusion: wrong [END]",
    }) + "\n" for n in range(N_ROWS)))
    return path


def start(source: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", SLOW, str(source), str(out)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])


def wait_for_calls(process: subprocess.Popen[str], n: int) -> None:
    assert process.stderr is not None
    for _ in range(n):
        assert process.stderr.readline() == "asked\n"


def n_paid(out: Path) -> int:
    with sqlite3.connect(out / "ledger.sqlite") as db:
        n: int = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    db.close()
    return n


def test_a_kill_or_an_interrupt_costs_only_what_was_in_flight_and_leaves_nothing_half(tmp_path: Path) -> None:
    source, out, n_asked = write_set(tmp_path), tmp_path / "out", 0
    for n, how in ((6, signal.SIGKILL), (16, signal.SIGINT)):
        process = start(source, out)
        wait_for_calls(process, n)
        os.kill(process.pid, how)
        _, rest = process.communicate(timeout=60)
        n_asked += n + rest.count("asked")
        assert process.returncode != 0
        assert not (out / "curation.json").exists()
        assert not (out / "samples.parquet").exists()
        if how == signal.SIGINT:
            assert n_paid(out) >= n_asked - 4, "what was in flight was booked; but for the kill before"
    audited = (out / ".curating" / "before" / "report.json").stat().st_mtime_ns
    printed, rest = start(source, out).communicate(timeout=60)
    n_asked += rest.count("asked")
    assert printed.split() == ["True", str(N_ROWS)]
    assert n_paid(out) == N_ROWS
    assert n_asked <= N_ROWS + 4  # n_in_flight, at the kill
    assert (out / "before" / "report.json").stat().st_mtime_ns == audited, "the audit was not made again"
    assert not (out / ".curating").exists()
    report = CurateReport.model_validate_json((out / "curation.json").read_bytes())
    assert report.models[0].n_calls == N_ROWS
