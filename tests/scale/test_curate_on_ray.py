"""A set that is curated on a cluster is that of one machine: every row, every decision, every figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

ray = pytest.importorskip("ray")

from curated_tables import tell, write_set  # noqa: E402
from hostile import Hostile  # noqa: E402
from lost import kill_a_worker  # noqa: E402

from cftdata.balance import Balance  # noqa: E402
from cftdata.curate import curate  # noqa: E402
from cftdata.export import export  # noqa: E402
from cftdata.local_engine import Local  # noqa: E402
from cftdata.material import find_material  # noqa: E402
from cftdata.policy import load_policy  # noqa: E402
from cftdata.scale import OnRay  # noqa: E402

pytestmark = pytest.mark.scale


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Duplicates, rows that cannot be read, a suspect reference, queries without one."""
    return write_set(tmp_path_factory.mktemp("set") / "set.jsonl", 450)


@pytest.fixture(scope="module")
def wanted(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What curating it on one machine comes to."""
    out = tmp_path_factory.mktemp("local")
    return tell(out, curate(source, out=out, engine=Local(n_processes=1)))


def test_rows_decisions_and_figures_are_those_of_one_machine(
        source: Path, wanted: dict[str, Any], cluster: Any, tmp_path: Path) -> None:
    ours = curate(source, out=tmp_path / "b", engine=OnRay(n_rows_of_part=120))
    assert tell(tmp_path / "b", ours) == wanted
    assert {"drop:exact_duplicate", "drop:near_duplicate", "keep:with_consensus"} <= ours.reasons.keys()
    assert ours.n_unread
    assert ours.n_suspect_references
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == [
        "after", "before", "curation.json", "curation.md", "decisions.parquet", "dropped.parquet",
        "samples.parquet"]
    assert len(list((tmp_path / "b" / "samples.parquet").iterdir())) == 5


def test_a_driver_that_is_stopped_goes_on_at_what_is_not_done(
        source: Path, wanted: dict[str, Any], cluster: Any, tmp_path: Path) -> None:
    n_source, seen, again = len(source.read_text().splitlines()), list[int](), list[int]()

    def stop(n_done: int) -> None:
        seen.append(n_done)
        if n_source in seen and 200 < n_done < n_source:    # the source is audited, rows are being decided
            raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        curate(source, out=out, engine=OnRay(stop, n_rows_of_part=120))
    assert not (out / "curation.json").exists()
    n_done = len(list((out / ".curating" / "tables" / "work" / "rows" / "work" / "done").iterdir()))
    assert n_done >= 2
    ours = curate(source, out=out, engine=OnRay(again.append, n_rows_of_part=120))
    assert tell(out, ours) == wanted
    n_parts, n_after = (len(list((out / name).iterdir())) for name in (
        "samples.parquet", "after/samples.parquet"))
    assert len(again) <= n_parts - n_done + n_after, "what was audited and decided is not done again"


def test_a_worker_that_is_killed_changes_nothing(
        source: Path, wanted: dict[str, Any], cluster: Any, tmp_path: Path) -> None:
    killer = kill_a_worker(tmp_path / ".curating" / "tables" / "work" / "rows" / "work" / "done", 1)
    ours = curate(source, out=tmp_path, engine=Hostile(OnRay(n_rows_of_part=120), pause_s=0.15))
    killer.join()
    assert tell(tmp_path, ours) == wanted
    assert ours.n_retries >= 1


def test_what_is_mended_and_balanced_is_the_same(source: Path, cluster: Any, tmp_path: Path) -> None:
    policy = load_policy("mend").model_copy(update={"balance": Balance(right_rate=0.4, tolerance=0.01)})
    theirs = curate(source, out=tmp_path / "a", policy=policy, engine=Local(n_processes=1))
    ours = curate(source, out=tmp_path / "b", policy=policy, engine=OnRay(n_rows_of_part=170))
    assert tell(tmp_path / "b", ours) == tell(tmp_path / "a", theirs)
    assert ours.actions["relabel"]
    assert ours.reasons["drop:balance"]
    assert curate(source, out=tmp_path / "b", policy=policy, engine=OnRay(n_rows_of_part=170)) == ours
    material = find_material(tmp_path / "b")
    assert material.report.n_samples == ours.n_kept
    one, other = (export(tmp_path / name, format="sft", out=tmp_path / f"{name}-sft") for name in "ab")
    assert one.files["train.jsonl"] == other.files["train.jsonl"]
