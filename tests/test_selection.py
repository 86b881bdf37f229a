"""A set that is curated in many stretches is that of one: decisions, duplicates, changes, balance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from curated_tables import tell, write_set
from cut_engine import Cut

from cftdata import ScriptedProvider, consensus, curate, duplicate_parts, load_policy
from cftdata.balance import Balance
from cftdata.critics import CriticSettings
from cftdata.deciding import Asked, Rule, spoil_decision
from cftdata.errors import ConfigError, SourceUnreadable
from cftdata.policy import Policy, Regenerate
from cftdata.runs import cut_partitions
from cftdata.stored import read_stored

FINE = "Both numbers are taken as they were given, and then they are added."


@pytest.fixture(autouse=True)
def small_partitions(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (consensus, duplicate_parts):
        monkeypatch.setattr(module, "cut_partitions", lambda n: cut_partitions(n, 50))
    monkeypatch.setattr(duplicate_parts, "N_ROWS_OF_CHUNK", 20)


def policies() -> list[Policy]:
    mend, default = load_policy("mend"), load_policy("default")
    again = Regenerate(critic=CriticSettings(model="scripted/one"), n_tries=2)
    asking = Policy(id="asking", actions={"verdict": {"*": "regenerate"}}, regenerate=again)
    return [default, mend.model_copy(update={"balance": Balance(right_rate=0.4, tolerance=0.01)}), asking]


@pytest.mark.parametrize("n_rows", [61, 10_000])
@pytest.mark.parametrize("policy", policies(), ids=lambda policy: policy.id)
def test_many_stretches_give_what_one_gives(policy: Policy, n_rows: int, tmp_path: Path) -> None:
    source, told = write_set(tmp_path / "set.jsonl"), []
    for name, engine in (("a", None), ("b", Cut(n_rows))):
        provider = ScriptedProvider(lambda request: f"{FINE} Conclusion: right [END]")
        report = curate(source, out=tmp_path / name, policy=policy, engine=engine, n_processes=1,
                        providers={"scripted/one": provider})
        told.append(tell(tmp_path / name, report))
    assert told[1] == told[0]
    assert {"drop:exact_duplicate", "drop:near_duplicate"} <= told[0]["reasons"].keys()
    assert told[0]["n_unread"]
    assert told[0]["n_suspect_references"]
    assert (tmp_path / "b" / "samples.parquet").is_dir()
    names = {path.name for path in (tmp_path / "b").iterdir()} - {"ledger.sqlite"}
    assert names == {path.name for path in (tmp_path / "a").iterdir()} - {"ledger.sqlite"}


def test_one_machine_takes_the_place_of_a_cluster(tmp_path: Path) -> None:
    source, out = write_set(tmp_path / "set.jsonl"), tmp_path / "out"
    first = curate(source, out=out, engine=Cut(100))
    assert curate(source, out=out) == first, "it is done"
    again = curate(source, out=out, policy="strict", n_processes=1)
    assert (out / "samples.parquet").is_file()
    assert again.n_rows == first.n_rows


def test_a_folder_in_parts_is_a_source(tmp_path: Path) -> None:
    source = write_set(tmp_path / "set.jsonl")
    for name, engine in (("a", None), ("b", Cut(100))):
        curate(source, out=tmp_path / name, engine=engine, n_processes=1)
    one, other = (curate(tmp_path / name, out=tmp_path / f"{name}2", n_processes=1) for name in "ab")
    left_out = {"seconds", "mark", "source"}
    assert one.model_dump(exclude=left_out) == other.model_dump(exclude=left_out)


def test_of_a_row_that_ended_its_process_nobody_knows(tmp_path: Path) -> None:
    curate(write_set(tmp_path / "set.jsonl"), out=tmp_path / "out", n_processes=1)
    raws = list(read_stored(tmp_path / "out" / "before" / "samples.parquet", ["verifications"]))
    rule = Rule(Asked(load_policy("strict").model_dump_json(), (), "mark"), tmp_path / "none")
    assert raws[3].columns
    for is_read in (True, False):
        batch = spoil_decision(rule, raws[3], "crashed", is_read)
        [row] = batch.rows.to_pylist()
        assert (row["place"], row["sample_id"], row["reason"]) == (3, raws[3].columns["id"], "undecided")
        assert (row["action"], row["detail"]) == (load_policy("strict").undecided, "crashed")


def test_a_table_that_is_not_ours_is_told(tmp_path: Path) -> None:
    source, out = write_set(tmp_path / "set.jsonl"), tmp_path / "out"
    curate(source, out=out, n_processes=1)
    path = out / "before" / "samples.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("id")
    import pyarrow as pa

    pq.write_table(table.set_column(place, "id", pa.array(["no id"] * len(table))), path)
    with pytest.raises(SourceUnreadable, match="is no table of samples"):
        curate(source, out=out, policy=policies()[1], n_processes=1)


def test_what_is_asked_is_booked_on_this_machine(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    assert fsspec
    with pytest.raises(ConfigError, match="name a folder of this machine"):
        ask_into_a_store(tmp_path)


def ask_into_a_store(tmp_path: Path) -> Any:
    return curate(write_set(tmp_path / "set.jsonl"), out="memory://curated", policy=policies()[2],
                  n_processes=1)
