"""The command `cftdata build`: what it prints where, its exit codes, and that a key appears nowhere."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_chat import completion, serve

KEY = "sk-planted-0123456789abcdef0123456789"
RECIPE = """
id: mine
queries: {{source: problems, n: 6, difficulties: [1]}}
responses: [{{kind: noise}}]
critics: [{{model: symbolic}}, {{model: openai/small, max_tokens: 100}}]
limits: {{default: {{n_tries: 1, n_asked: 1}}}}
providers: {{openai/small: {{api_base: "{url}"}}}}
"""


def run(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-c", "from cftdata.cli import main; main()", "build")
    return subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False,
                          cwd=folder, env=os.environ | {"OPENAI_API_KEY": KEY})


@pytest.fixture
def recipe(tmp_path: Path) -> Iterator[Path]:
    """A recipe whose critic is served from another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = serve(lambda asked: completion("It holds. Conclusion: right [END]"))
    opened = asyncio.run_coroutine_threadsafe(server.__aenter__(), loop).result()
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.format(url=opened.url))
    yield path
    asyncio.run_coroutine_threadsafe(server.__aexit__(None, None, None), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_build_is_shown_audited_and_done_at_once_the_second_time(recipe: Path, tmp_path: Path) -> None:
    done = run(tmp_path, recipe)
    assert done.returncode == 0, done.stderr
    for said in ("mine@", "12 samples of 6 rows", "openai/small", "wrong verdict", "mine/audit/report.html"):
        assert said in done.stdout
    folder = tmp_path / "build" / "mine"
    made = {path.name for path in folder.iterdir()}
    assert made > {"samples.parquet", "unmade.parquet", "build.json", "audit"}
    again = run(tmp_path, recipe)
    assert again.returncode == 0
    assert "audited before: build/mine/audit/report.html" in again.stdout
    told = run(tmp_path, recipe, "--ledger")
    assert "openai/small" in told.stdout
    for file in folder.rglob("*"):
        assert file.is_dir() or KEY.encode() not in file.read_bytes()
    assert KEY not in "".join((done.stdout, done.stderr, again.stdout, again.stderr, told.stdout))


def test_json_stands_alone_on_standard_output(recipe: Path, tmp_path: Path) -> None:
    planned = json.loads(run(tmp_path, recipe, "--dry-run", "--json").stdout)
    assert (planned["n_calls"], planned["n_queries"]) == (6, 6)
    assert not (tmp_path / "build").exists()
    built = json.loads(run(tmp_path, recipe, "--json").stdout)
    assert built["n_samples"] == 12
    [ledger] = json.loads(run(tmp_path, recipe, "--json", "--ledger").stdout)
    assert ledger["n_usable"] == 6


def test_a_dry_run_shows_the_first_prompt_in_full(recipe: Path, tmp_path: Path) -> None:
    said = run(tmp_path, recipe, "--dry-run").stdout
    assert "6 calls" in said
    assert "first prompt, user" in said
    assert "Conclusion: wrong [END]" in said


def test_what_is_left_to_make_is_exit_1_and_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(RECIPE.format(url="http://127.0.0.1:9/v1"))
    done = run(tmp_path, path, "--no-audit")
    assert done.returncode == 1
    assert "not complete" in done.stdout
    assert "critique:" in done.stdout


@pytest.mark.parametrize(("arguments", "said"), [
    ((), "no recipe is named"), (("demmo",), "did you mean 'demo'"), (("absent.yaml",), "no recipe file"),
    (("error-injection", "--ledger"), "nothing was built there yet")])
def test_a_wrong_call_is_one_sentence(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr


def test_the_examples_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "--examples")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "critique-and-refine", "demo", "error-injection", "one-shot-cft", "self-critique", "webinstruct-cft"]


@pytest.mark.parametrize(("options", "said"), [
    (("--engine", "ray", "--batch"), "leave out --engine"),
    (("--engine", "ray", "--dry-run"), "leave out --engine"),
    (("--address", "auto", "--ledger"), "leave out --engine"),
    (("--address", "auto"), "give --engine ray"),
    (("--engine", "rya"), "did you mean 'ray'?"),
    (("--out", "s3://bucket/mine"), "needs a file system")])
def test_what_a_cluster_or_a_store_cannot_do_is_one_sentence(
        options: tuple[str, ...], said: str, recipe: Path, tmp_path: Path) -> None:
    done = run(tmp_path, recipe, *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert said in done.stderr
    assert not (tmp_path / "build").exists()
