"""Builds in shards: the same as in one piece, and nothing is lost or paid again when they are left undone."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from one_by_one import End, OneByOne
from test_builds import recipe, rows_of, scripted

from cftdata.build_shards import choose_shard
from cftdata.builds import BuildReport, build
from cftdata.calls import ModelUnusable
from cftdata.errors import ConfigError
from cftdata.providers import ScriptedProvider
from cftdata.recipe import Recipe


def tell(folder: Path, report: BuildReport) -> tuple[object, ...]:
    """What a build came to, but for times and where it was."""
    rows = [json.loads(json.dumps(row), object_hook=without_created)
            for name in ("samples", "unmade") for row in rows_of(folder, name)]
    return rows, report.model_dump_json(exclude={"seconds", "source_hash"})


def without_created(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "created"}


@pytest.fixture
def queries(tmp_path: Path) -> Path:
    """Rows of which some have a query that came before, with another response, and some are of no use."""
    rows: list[dict[str, object]] = [
        {"query": f"{n % 17} + {n % 17}?", "response": f"It is {n}. \\boxed{{{n}}}"} for n in range(40)]
    rows[7] = {"query": None}
    path = tmp_path / "queries.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def of_source(path: Path, **changes: object) -> Recipe:
    return recipe(queries={"source": str(path)}, critics=[{"model": "a/x"}], responses=[
        {"kind": "source"}, {"kind": "model", "model": "a/x", "n": 2}], **changes)


@pytest.mark.parametrize("n_shards", [1, 3, 8])
def test_a_build_in_shards_is_the_build_in_one_piece(n_shards: int, queries: Path, tmp_path: Path) -> None:
    for name, made in (("own", recipe()), ("source", of_source(queries))):
        whole = build(made, tmp_path / name / "whole", providers=scripted())
        models = scripted()
        out = tmp_path / name / "shards"
        assert tell(out, build(made, out, providers=models, engine=OneByOne(n_shards))) == tell(
            tmp_path / name / "whole", whole)
        assert len(models["a/x"].requests) == whole.models[0].n_calls
        assert max(Counter(request.key for request in models["a/x"].requests).values()) == 1
        assert not (out / "shards").exists()
        assert {path.name for path in out.iterdir()} == {
            "build.json", "ledger.sqlite", "ledger.sqlite.lock", "samples.parquet", "unmade.parquet"}


def test_the_files_are_the_same_to_the_byte(tmp_path: Path) -> None:
    made = recipe(queries={"source": "problems", "n": 700}, critics=[{"model": "symbolic"}])
    build(made, tmp_path / "whole")
    build(made, tmp_path / "shards", engine=OneByOne(5))
    for name in ("samples.parquet", "unmade.parquet"):
        assert (tmp_path / "shards" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_build_left_undone_goes_on_in_shards_or_whole(tmp_path: Path) -> None:
    whole = build(recipe(), tmp_path / "whole", providers=scripted())
    for name, engine in (("shards", OneByOne(2)), ("one", None)):
        out, first, second = tmp_path / name, scripted(), scripted()
        with pytest.raises(End):
            build(recipe(), out, providers=first, engine=OneByOne(4, n_before_end=2))
        assert not (out / "samples.parquet").exists()
        report = build(recipe(), out, providers=second, engine=engine)
        assert tell(out, report) == tell(tmp_path / "whole", whole)
        assert 0 < len(first["a/x"].requests) < 20
        assert len(first["a/x"].requests) + len(second["a/x"].requests) == 20
        assert engine is None or engine.n_made == 2     # of the four that there were


def test_a_shard_that_was_not_done_is_a_retry(tmp_path: Path) -> None:
    class Lost(BaseException):
        """The process is."""

    def answer(request: object) -> str:
        if len(failing["a/x"].requests) > 12:
            raise Lost
        return "It holds. Conclusion: right [END]"

    failing = {"a/x": ScriptedProvider(answer)}
    slow = recipe(limits={"default": {"n_in_flight": 1}})
    with pytest.raises(Lost):
        build(slow, tmp_path, providers=failing, engine=OneByOne(2))
    again = scripted()
    assert build(slow, tmp_path, providers=again, engine=OneByOne(2)).n_retries == 1
    assert len(again["a/x"].requests) == 20 - 12


def test_what_the_folder_holds_is_not_asked_again_and_counts(tmp_path: Path) -> None:
    build(recipe(queries={"source": "problems", "n": 10}), tmp_path, providers=scripted())
    models = scripted()
    report = build(recipe(budget={"n_calls": 17}), tmp_path, providers=models, engine=OneByOne(3))
    assert (len(models["a/x"].requests), report.models[0].n_calls, report.is_complete) == (7, 17, False)
    more = scripted()
    assert build(recipe(budget={"n_calls": 20}), tmp_path, providers=more, engine=OneByOne(3)).is_complete
    assert len(more["a/x"].requests) == 3


def test_shards_that_could_come_to_more_are_made_again(tmp_path: Path) -> None:
    failing = {"a/x": ScriptedProvider(lambda request: ModelUnusable("no key: set A_API_KEY"))}
    with pytest.raises(End):
        build(recipe(), tmp_path, providers=failing, engine=OneByOne(3, n_before_end=2))
    engine = OneByOne(3)
    assert build(recipe(), tmp_path, providers=scripted(), engine=engine).is_complete
    assert engine.n_made == 3


def test_a_completion_paid_before_is_judged_anew(tmp_path: Path) -> None:
    build(recipe(), tmp_path, providers=scripted())
    with sqlite3.connect(tmp_path / "ledger.sqlite") as db:
        db.execute("UPDATE calls SET fault = 'of_old'")
    db.close()
    (tmp_path / "build.json").unlink()
    models = scripted()
    report = build(recipe(), tmp_path, providers=models, engine=OneByOne(3))
    assert models["a/x"].requests == []
    assert (report.models[0].n_usable, report.models[0].faults) == (20, {})


def test_another_recipe_in_the_folder_takes_over_what_was_paid(tmp_path: Path) -> None:
    with pytest.raises(End):
        build(recipe(), tmp_path, providers=(first := scripted()), engine=OneByOne(4, n_before_end=3))
    more = recipe(queries={"source": "problems", "n": 30})
    report = build(more, tmp_path, providers=(second := scripted()), engine=OneByOne(3))
    assert report.models[0].n_calls == 30
    assert len(first["a/x"].requests) + len(second["a/x"].requests) == 30


def test_queries_that_a_prompt_may_not_tell_apart_are_in_one_shard(tmp_path: Path) -> None:
    assert choose_shard("2 +\n2?", 1000) == choose_shard(" 2 + 2?", 1000)
    assert len({choose_shard(str(n), 8) for n in range(200)}) == 8
    prompt = tmp_path / "blind.yaml"
    prompt.write_text("user: 'Say what is wrong. {{ fence(\"r\", response) }} {{ rule }}'\nabout: blind\n"
                      "source: ours\nreply: critique\nrule: 'Conclusion: right or wrong [END]'\n")
    engine = OneByOne(5)
    build(recipe(critics=[{"model": "a/x", "prompt": str(prompt)}]), tmp_path / "out", providers=scripted(),
          engine=engine)
    assert engine.n_made == 1


def test_a_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a file system"):
        build(recipe(), "s3://bucket/build", engine=OneByOne(2))
