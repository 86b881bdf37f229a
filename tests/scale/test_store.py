"""A set in a store is audited, curated and exported there, by one machine or by many; the store is moto's."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")
pytest.importorskip("s3fs")
pytest.importorskip("moto")

from curated_tables import write_set
from small_audit import write_rows

from cftdata.audit import audit
from cftdata.curate import curate
from cftdata.export import export
from cftdata.paths import open_path
from cftdata.scale import OnRay
from cftdata.tables import read_rows

pytestmark = pytest.mark.scale

BUCKET = "s3://critiques"


@pytest.fixture(scope="module")
def store(store_port: int) -> Iterator[None]:
    """An S3 on 127.0.0.1 with an empty bucket."""
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(store_port)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(store_port)
        open_path(BUCKET).fs.mkdir(BUCKET)  # type: ignore[attr-defined]
        yield
    finally:
        server.terminate()
        server.wait()


def wait_for(port: int) -> None:
    """Returns when somebody answers there."""
    end = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end
            time.sleep(0.1)


def test_from_the_store_to_the_store(store: None, cluster: Any, tmp_path: Path) -> None:
    local = [write_rows(tmp_path / f"{seed}.jsonl", 90, seed) for seed in range(2)]
    for path in local:
        open_path(f"{BUCKET}/sets/{path.name}").write_bytes(path.read_bytes())
    wanted = audit(tmp_path, out=tmp_path / "out").model_dump(exclude={"source", "seconds", "n_retries"})
    for out, engine in ((f"{BUCKET}/one", None), (f"{BUCKET}/many", OnRay(n_rows_of_part=10))):
        report = audit(f"{BUCKET}/sets/*.jsonl", out=out, engine=engine)
        assert report.model_dump(exclude={"source", "seconds", "n_retries"}) == wanted
        assert sum(1 for _ in read_rows(out)) == report.n_samples
        assert {path.name for path in open_path(out).iterdir()} == {
            "findings.parquet", "report.html", "report.json", "report.md", "samples.parquet"}
    assert len(list((open_path(BUCKET) / "many" / "samples.parquet").iterdir())) > 2


def test_what_is_curated_and_exported_there(store: None, cluster: Any, tmp_path: Path) -> None:
    source = open_path(f"{BUCKET}/one-set/set.jsonl")
    source.write_bytes(write_set(tmp_path / "set.jsonl", 180).read_bytes())
    wanted = curate(tmp_path / "set.jsonl", out=tmp_path / "a", policy="mend")
    twin = export(tmp_path / "a", format="sft", out=tmp_path / "sft")
    runs = {"seconds", "mark", "source", "files"}
    for out, engine in ((f"{BUCKET}/mended", None), (f"{BUCKET}/by-many", OnRay(n_rows_of_part=110))):
        made = curate(str(source), out=out, policy="mend", engine=engine)
        assert made.model_dump(exclude=runs) == wanted.model_dump(exclude=runs)
        assert {path.name for path in open_path(out).iterdir()} == {
            "after", "before", "curation.json", "curation.md", "decisions.parquet", "dropped.parquet",
            "samples.parquet"}
        assert curate(str(source), out=out, policy="mend", engine=engine) == made
        ours = export(out, format="sft", out=f"{out}-sft", engine=engine)
        assert ours.model_dump(exclude=runs) == twin.model_dump(exclude=runs)
        assert all((open_path(f"{out}-sft") / file).is_file() for file in ours.files)
