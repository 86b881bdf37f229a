"""Samples that we stored: the file, the fields that are read, the references that are suspected."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cftdata.audit import audit
from cftdata.errors import SourceUnreadable
from cftdata.sources import Reader, load
from cftdata.stored import count_stored, find_samples, find_suspect_keys, is_stored, list_parts, read_stored


@pytest.fixture
def audited(tmp_path: Path) -> Path:
    """An audited folder whose one reference is suspect: six responses judged right answer 5, not 4."""
    same = {"query": "2+3?", "critique": "Conclusion: right [END]", "reference_answer": "4"}
    rows = [same | {"response": f"By way {n}. The answer is 5."} for n in range(6)]
    (tmp_path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    audit(tmp_path / "set.jsonl", out=tmp_path / "audited", n_processes=1)
    return tmp_path / "audited"


def test_the_samples_of_a_folder_are_found(audited: Path) -> None:
    assert find_samples(str(audited)) == str(audited / "samples.parquet")
    assert find_samples(str(audited.parent)) == str(audited.parent)
    assert find_samples("org/name") == "org/name"


def test_only_our_own_parquet_is_stored(audited: Path, tmp_path: Path) -> None:
    assert is_stored(str(audited / "samples.parquet"))
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    for other in (audited / "findings.parquet", audited / "report.json", tmp_path, broken):
        assert not is_stored(str(other))


def test_what_is_read_is_what_load_reads_but_for_what_is_not_needed(audited: Path) -> None:
    path = audited / "samples.parquet"
    whole = [row.sample for row in load(str(path))]
    reader = Reader(str(path))
    assert [reader.read(raw).sample for raw in read_stored(path, ["verifications"])] == whole
    bare = [reader.read(raw).sample for raw in read_stored(path)]
    assert bare == [one.model_copy(update={"verifications": ()}) for one in whole if one]
    assert [raw.row for raw in read_stored(path)] == list(range(6))


def test_a_broken_file_is_told(audited: Path) -> None:
    path = audited / "samples.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(SourceUnreadable, match="cannot be read"):
        list(read_stored(path))


def test_suspect_references_are_those_of_the_report(audited: Path) -> None:
    [(query, reference)] = find_suspect_keys(str(audited))
    assert (len(query), reference) == (32, "4")
    assert find_suspect_keys(str(audited / "samples.parquet")) == {(query, reference)}
    assert find_suspect_keys(str(audited.parent)) == frozenset()
    (audited / "after").mkdir()
    (audited / "report.json").rename(audited / "after" / "report.json")      # as curating leaves it
    assert find_suspect_keys(str(audited)) == {(query, reference)}
    (audited / "after" / "report.json").write_text("{}")
    with pytest.raises(SourceUnreadable, match="audit the set again"):
        find_suspect_keys(str(audited))


def test_a_table_in_parts_is_the_same_rows(audited: Path) -> None:
    path = audited / "samples.parquet"
    rows = [raw.columns for raw in read_stored(path, ["verifications"])]
    table = pq.read_table(path)
    path.unlink()
    path.mkdir()
    for n in range(3):
        pq.write_table(table.slice(2 * n, 2), path / f"part-{n:05}.parquet")
    assert find_samples(str(audited)) == str(path)
    assert is_stored(str(path))
    assert [part.name for part in list_parts(path)] == [f"part-{n:05}.parquet" for n in range(3)]
    assert count_stored(path) == 6
    raws = list(read_stored(path, ["verifications"]))
    assert [raw.columns for raw in raws] == rows
    assert [(raw.row, raw.file) for raw in raws[1:3]] == [
        (1, "part-00000.parquet"), (2, "part-00001.parquet")]
    assert len(find_suspect_keys(str(path))) == len(find_suspect_keys(str(audited))) == 1
    (path / "part-00001.parquet").write_bytes(b"PAR1")
    assert not is_stored(str(path))
    with pytest.raises(SourceUnreadable, match=r"part-00001.parquet is no Parquet"):
        count_stored(path)
