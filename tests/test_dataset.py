from __future__ import annotations

import doctest
import importlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_dataset import DROPPED, OTHER, QUERY, ROWS, make_audited, make_curated

from cftdata.audit import audit
from cftdata.card import CardSettings
from cftdata.dataset import hold, lay_data, lay_out, write_card
from cftdata.errors import OutputError, SourceEmpty, SourceNotFound, SourceUnreadable
from cftdata.figures import AuditReport
from cftdata.manifest import Manifest, hash_file, hash_git_blob
from cftdata.sample import Sample, Verification
from cftdata.shards import CONFIGS, features_of

TRAIN = "train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_curated(tmp_path_factory.mktemp("set") / "curated")


@pytest.fixture(scope="module")
def laid(curated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    staging = tmp_path_factory.mktemp("out") / "dataset"
    lay_out(curated, staging)
    return staging


def rows_of(path: Path) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = pq.read_table(path).to_pylist()
    return rows


def test_the_manifest_names_every_file_and_every_row(laid: Path) -> None:
    manifest = Manifest.model_validate_json((laid / "manifest.json").read_bytes())
    files = {path.relative_to(laid).as_posix() for path in laid.rglob("*") if path.is_file()}
    assert set(manifest.files) | {"manifest.json"} == files
    assert all(hash_file(laid / name) == file for name, file in manifest.files.items())
    n_rows = {config: {split: one.n_rows for split, one in splits.items()}
              for config, splits in manifest.configs.items()}
    n_checks = len(rows_of(laid / "audit" / TRAIN))
    assert n_rows == {"cft": {"train": 5}, "sft": {"train": 2}, "audit": {"train": n_checks},
                      "dropped": {"train": 1}}
    assert manifest.policy == "default@0123456789ab"
    assert manifest.source == "rows.jsonl"
    assert manifest.cost_usd is None, "nobody knows what the rows cost"


def test_rows_are_those_of_the_folder_with_the_same_ids(curated: Path, laid: Path) -> None:
    kept = [row["id"] for row in rows_of(curated / "samples.parquet")]
    rows = rows_of(laid / "cft" / TRAIN)
    assert [row["id"] for row in rows] == kept
    (dropped,) = rows_of(laid / "dropped" / TRAIN)
    assert (dropped["critique"], dropped["reason"]) == (ROWS[DROPPED]["critique"], "right_called_wrong")
    assert dropped["detail"] == "2 + 2 is 4, not 6"
    checks = rows_of(laid / "audit" / TRAIN)
    assert {(row["sample_id"], row["config"]) for row in checks} == {(one, "cft") for one in kept} | {
        (dropped["id"], "dropped")}


def test_what_is_said_of_a_row_is_what_its_checks_say(curated: Path, laid: Path) -> None:
    verified = {row["id"]: Sample.model_validate({name: row[name] for name in Sample.model_fields})
                for row in rows_of(curated / "samples.parquet")}
    checks = rows_of(laid / "audit" / TRAIN)
    for row in rows_of(laid / "cft" / TRAIN):
        said = {one.verifier: one for one in verified[row["id"]].verifications}
        assert row["verdict_check"] == said["verdict"].outcome
        assert row["failed_checks"] == [name for name, one in said.items() if one.outcome == "fail"]
        published = [check for check in checks if check["sample_id"] == row["id"]]
        assert [restore(check) for check in published] == list(verified[row["id"]].verifications)


def restore(check: dict[str, object]) -> Verification:
    """The verification that a row of the config audit tells of, to the last field."""
    places = check.pop("places")
    assert isinstance(places, list)
    fields = {name: check[name] for name in Verification.model_fields if name in check}
    first = places[0] if places else None
    return Verification.model_validate({**fields, "evidence": first, "more": places[1:]})


def test_right_responses_stand_in_sft_once(laid: Path) -> None:
    rows = rows_of(laid / "sft" / TRAIN)
    assert [(row["query"], row["response"]) for row in rows] == [
        (QUERY, "The answer is 4."), (OTHER, "The answer is 15.")]
    assert {row["response_from"] for row in rows} == {"student"}


def test_files_have_the_features_of_their_config_and_a_page_index(laid: Path) -> None:
    for config in CONFIGS:
        with pq.ParquetFile(laid / config / TRAIN) as file:
            assert file.schema_arrow == features_of(config).arrow_schema
            assert file.metadata.row_group(0).column(0).has_offset_index


def test_an_audit_of_what_is_published_finds_the_same(curated: Path, laid: Path) -> None:
    before = AuditReport.model_validate_json((curated / "after" / "report.json").read_bytes())
    again = audit(laid / "cft" / TRAIN, n_processes=1)
    assert again.formats == {"published": 5}
    assert (again.content_hash, again.n_unread) == (before.content_hash, 0)
    assert again.rates == before.rates
    assert again.reasons == before.reasons


def test_a_published_row_that_was_altered_is_not_read(laid: Path, tmp_path: Path) -> None:
    table = pq.read_table(laid / "cft" / TRAIN)
    place = table.schema.get_field_index("critique")
    texts = [text and text.replace("right", "wrong") for text in table["critique"].to_pylist()]
    pq.write_table(table.set_column(place, "critique", pa.array(texts)), tmp_path / "rows.parquet")
    report = audit(tmp_path / "rows.parquet", n_processes=1)
    assert report.n_unread == sum(text is not None and "right" in text
                                  for text in table["critique"].to_pylist()) > 0


def test_laying_out_again_gives_the_same_bytes(curated: Path, laid: Path, tmp_path: Path) -> None:
    again = lay_out(curated, tmp_path / "dataset")
    assert again == Manifest.model_validate_json((laid / "manifest.json").read_bytes())
    for name in (*again.files, "manifest.json"):
        assert (tmp_path / "dataset" / name).read_bytes() == (laid / name).read_bytes()


def test_datasets_loads_and_streams_every_config(laid: Path, tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    assert datasets.get_dataset_config_names(str(laid)) == list(CONFIGS)
    loaded = datasets.load_dataset(str(laid), cache_dir=str(tmp_path))
    assert loaded["train"].num_rows == 5
    assert loaded["train"].features == features_of("cft")
    for config in CONFIGS:
        part = datasets.load_dataset(str(laid), config, split="train", cache_dir=str(tmp_path))
        stream = datasets.load_dataset(str(laid), config, split="train", streaming=True)
        assert next(iter(stream)) == part[0]


def test_the_split_test_shares_no_query_with_train(tmp_path: Path) -> None:
    rows = [{"query": f"What is {n} + 1?", "response": f"The answer is {n + 1}.", "critique": said,
             "reference_answer": str(n + 1)} for n in range(60) for said in ("Conclusion: right", "right")]
    folder = make_audited(tmp_path / "audited", rows)
    manifest = lay_out(folder, tmp_path / "dataset", CardSettings(test_rate=0.3))
    queries = {split: {row["query"] for file in one.files for row in rows_of(tmp_path / "dataset" / file)}
               for split, one in manifest.configs["cft"].items()}
    assert list(queries) == ["train", "test"]
    assert not queries["train"] & queries["test"]
    assert 8 <= len(queries["test"]) <= 30, "about 18 of 60"
    assert manifest.configs["sft"].keys() == manifest.configs["audit"].keys() == queries.keys()


def test_no_local_path_is_published(tmp_path: Path) -> None:
    folder = make_audited(tmp_path / "audited", source=tmp_path / "private" / "rows.jsonl")
    lay_out(folder, tmp_path / "dataset")
    for path in (tmp_path / "dataset").rglob("*.*"):
        assert str(tmp_path).encode() not in path.read_bytes(), path
    assert rows_of(tmp_path / "dataset" / "cft" / TRAIN)[0]["source"] == "rows.jsonl"


def test_a_row_on_a_suspect_reference_is_undecided(tmp_path: Path) -> None:
    rows = [{"query": QUERY, "response": f"So {n}: the answer is 5.", "critique": "Conclusion: right"}
            for n in range(6)]
    manifest = lay_out(make_audited(tmp_path / "audited", rows), tmp_path / "dataset")
    published = rows_of(tmp_path / "dataset" / manifest.configs["cft"]["train"].files[0])
    said = {(row["suspect_reference"], row["response_correct"], row["verdict_check"]) for row in published}
    assert said == {(True, None, "abstain")}
    assert all("verdict" not in str(row["failed_checks"]) for row in published)


def test_a_built_folder_is_published_with_its_recipe_and_costs(curated: Path, tmp_path: Path) -> None:
    folder = tmp_path / "built"
    make_audited(folder / "audit", source=folder / "rows.jsonl")
    totals = {"model": "openai/gpt-4o", "n_calls": 6, "n_usable": 5, "faults": {"empty": 1}, "n_failures": {},
              "n_prompt_tokens": 100, "n_completion_tokens": 50, "cost_usd": 0.25, "n_cost_unknown": 0}
    (folder / "build.json").write_text(json.dumps({
        "recipe": "mine@0123456789ab", "cftdata_version": "0.1.0", "source": str(folder / "queries.jsonl"),
        "source_hash": "0", "is_complete": True, "n_queries": 2, "n_samples": 6, "planted_faults": {},
        "samples_by_critic": {}, "unmade": {}, "models": [totals], "cost_usd": 0.25, "seconds": 1}))
    manifest = lay_out(folder, tmp_path / "dataset")
    assert (manifest.recipe, manifest.cost_usd) == ("mine@0123456789ab", 0.25)
    assert manifest.source == "queries.jsonl"
    assert [one.n_calls for one in manifest.models] == [6]
    assert "| openai/gpt-4o | 6 | 5 | 100 | 50 | 0.25 |" in (tmp_path / "dataset" / "README.md").read_text()


def test_what_cannot_be_published_is_one_sentence(curated: Path, tmp_path: Path) -> None:
    staging = tmp_path / "dataset"
    with pytest.raises(SourceNotFound, match="there is no folder"):
        lay_out(tmp_path / "none", staging)
    (tmp_path / "bare").mkdir()
    with pytest.raises(SourceNotFound, match="neither curated, built nor audited"):
        lay_out(tmp_path / "bare", staging)
    (tmp_path / "bare" / "build.json").write_text("{}")
    with pytest.raises(SourceNotFound, match="nothing is published that was not audited"):
        lay_out(tmp_path / "bare", staging)
    audited = make_audited(tmp_path / "audited")
    pq.write_table(pq.read_table(audited / "samples.parquet").slice(1), audited / "samples.parquet")
    with pytest.raises(SourceUnreadable, match="holds 5 rows, and its audit speaks of 6"):
        lay_out(audited, staging)
    assert list(tmp_path.glob(".dataset.partial")) == []
    assert not staging.exists()


def test_nothing_is_published_of_a_set_of_which_nothing_is_kept(tmp_path: Path) -> None:
    folder = make_curated(tmp_path / "curated")
    pq.write_table(pq.read_table(folder / "samples.parquet").slice(0, 0), folder / "samples.parquet")
    report = json.loads((folder / "after" / "report.json").read_text()) | {"n_samples": 0}
    (folder / "after" / "report.json").write_text(json.dumps(report))
    with pytest.raises(SourceEmpty, match="there is nothing to publish"):
        lay_out(folder, tmp_path / "dataset")


def test_files_of_others_in_the_staging_folder_are_never_lost(curated: Path, tmp_path: Path) -> None:
    staging = tmp_path / "dataset"
    staging.mkdir()
    (staging / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputError, match="they would be lost"):
        lay_out(curated, staging)
    assert (staging / "thesis.tex").read_text() == "years of work"


def test_laying_out_replaces_what_was_laid_out_before(curated: Path, tmp_path: Path) -> None:
    staging = tmp_path / "dataset"
    lay_out(make_audited(tmp_path / "audited"), staging)
    assert not (staging / "dropped").exists()
    lay_out(curated, staging)
    assert (staging / "dropped").exists()
    lay_out(tmp_path / "audited", staging)
    assert not (staging / "dropped").exists()


def test_two_processes_do_not_lay_out_into_one_folder(curated: Path, tmp_path: Path) -> None:
    with hold(tmp_path / "dataset"), pytest.raises(OutputError, match="another process is laying out"):
        lay_out(curated, tmp_path / "dataset")
    lay_out(curated, tmp_path / "dataset")


def test_the_card_can_be_written_again_without_the_rows(curated: Path, tmp_path: Path) -> None:
    laid = lay_data(curated, tmp_path / "dataset", CardSettings())
    first, _ = write_card(laid, CardSettings(), repo="acme/x", tag="v1")
    second, kept = write_card(laid, CardSettings(), repo="acme/x", tag="v1", old="# By hand\n")
    assert kept == ("the whole card",)
    assert first.files.keys() == second.files.keys()
    assert first.files["README.md"] != second.files["README.md"]


def test_hashes_are_those_of_git_and_sha256sum(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("hello\n")
    assert hash_git_blob(tmp_path / "a") == "ce013625030ba8dba906f756967f9e9ca394464a"
    sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
    assert hash_file(tmp_path / "a").sha256 == sha256


@pytest.mark.parametrize("name", [
    "card", "facts", "hub_faults", "hub_repo", "manifest", "rows", "secret_scan", "sections", "shards",
    "terms"])
def test_the_examples_are_true(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"cftdata.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
