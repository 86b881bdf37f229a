"""Paths of this machine and of a store; the store here is fsspec's own, in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_audit import write_rows

from cftdata.audit import audit
from cftdata.errors import ConfigError, SourceNotFound
from cftdata.paths import find_paths, is_remote, open_path, relative_name, remove, split_pattern
from cftdata.tables import read_rows

ROOT = "memory://cftdata-test"


@pytest.mark.parametrize(("name", "parts"), [
    ("a/b.jsonl", None), ("*.jsonl", (".", "*.jsonl")), ("/a/*/b", ("/a", "*/b")), ("/*", ("/", "*")),
    ("s3://bucket/a/part-[0-9].parquet", ("s3://bucket/a", "part-[0-9].parquet"))])
def test_a_pattern_is_cut_before_its_first_wildcard(name: str, parts: tuple[str, str] | None) -> None:
    assert split_pattern(name) == parts


def test_a_local_path_stays_what_it_is(tmp_path: Path) -> None:
    assert open_path(str(tmp_path)) == tmp_path
    assert not is_remote(tmp_path)
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c.txt").write_text("c")
    assert relative_name(tmp_path / "a" / "b" / "c.txt", tmp_path) == "a/b/c.txt"
    assert find_paths(str(tmp_path / "*" / "b" / "c.*")) == [tmp_path / "a" / "b" / "c.txt"]
    for name in ("a", "a", "none"):
        remove(tmp_path / name)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["nostore://bucket/set", "oci://bucket/set.jsonl"])
def test_a_store_that_cannot_be_reached_is_one_sentence(name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be reached from here"):
        open_path(name)


def test_a_set_in_a_store_is_read_and_audited_as_one_on_disk(tmp_path: Path) -> None:
    local, out = write_rows(tmp_path / "set.jsonl", 300), tmp_path / "out"
    remote, there = open_path(f"{ROOT}/sets/set.jsonl"), open_path(f"{ROOT}/out")
    remote.parent.mkdir(parents=True, exist_ok=True)
    remote.write_bytes(local.read_bytes())
    try:
        assert list(read_rows(f"{ROOT}/sets/*.jsonl")) == list(read_rows(str(local)))
        ours = audit(f"{ROOT}/sets", out=str(there), n_processes=1)
        theirs = audit(local, out=out, n_processes=1)
        assert ours.content_hash == theirs.content_hash
        assert ours.rates == theirs.rates
        assert sorted(path.name for path in there.iterdir()) == sorted(path.name for path in out.iterdir())
        assert (there / "findings.parquet").read_bytes() != b""
        assert [row.columns for row in read_rows(str(there))] != []
        with pytest.raises(SourceNotFound):
            next(read_rows(f"{ROOT}/none.jsonl"))
    finally:
        remove(open_path(ROOT))
