from __future__ import annotations

import random
import string
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_dataset import OTHER, make_audited

from cftdata.dataset import lay_out
from cftdata.errors import SecretFound
from cftdata.secret_scan import FORMS, Found, known_secrets, own_paths, refuse_secrets, scan, scan_text

DRAW = random.Random(0)


def key(n: int, letters: str = string.ascii_letters + string.digits) -> str:
    """A key of so many characters, drawn here so that none stands in this file."""
    return "a1" + "".join(DRAW.choices(letters, k=n - 2))


SECRETS = {
    "a Hugging Face token": "hf_" + key(34),
    "an API key of the form sk-": "sk-proj-" + key(40),
    "a Google API key": "AIza" + key(35),
    "an AWS access key": "AKIA" + key(16, string.ascii_uppercase + string.digits).upper(),
    "a GitHub token": "ghp_" + key(36),
    "a GitLab token": "glpat-" + key(20),
    "a Slack token": "xoxb-" + key(30),
    "a key of xAI, Groq, Replicate or Perplexity": "gsk_" + key(52),
    "a token of PyPI or npm": "pypi-AgE" + key(60),
    "a Stripe key": "sk_live_" + key(24),
    "a signed token (JWT)": f"eyJ{key(20)}.eyJ{key(40)}.{key(43)}",
    "a bearer token": "Bearer " + key(40),
    "a password in an address": "https://ada:s3cret@example.org/",
}


@pytest.mark.parametrize("kind", [*FORMS])
def test_a_key_is_found_in_the_middle_of_a_text_and_not_shown(kind: str) -> None:
    secret = SECRETS[kind]
    (found,) = scan_text("manifest.json", f'first line\n{{"note": "use {secret}, please"}}')
    assert (found.file, found.row, found.column, found.kind) == ("manifest.json", 1, None, kind)
    assert secret[5:] not in found.sentence
    assert "line 2" in found.sentence


def test_a_private_key_is_found() -> None:
    assert [one.kind for one in scan_text("x", "-----BEGIN RSA PRIVATE " + "KEY-----")] == ["a private key"]


@pytest.mark.parametrize("text", [
    "a sketch of sk-learn-and-other-things-that-are-long", "risk-averse-and-then-some-more-words-here",
    "hf_transfer", "the bearer of the ring is a function of x", r"\frac{1}{2} = 0.5", "AKIAN is a word",
    "https://example.org:8080/path@v1", "data:image/png;base64,iVBORw0KGgo", "sha256 " + "0a" * 32,
    "the ratio is a/home/b", "openai/gpt-4o-2024-11-20"])
def test_harmless_texts_are_let_pass(text: str) -> None:
    assert scan_text("README.md", text) == []


@given(st.text())
def test_no_text_breaks_the_scan(text: str) -> None:
    assert all(one.fingerprint for one in scan_text("x", text))


def write(folder: Path, **columns: Sequence[object]) -> Path:
    (folder / "cft").mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "cft" / "train.parquet")
    return folder


def test_rows_and_columns_are_named_in_lists_and_structs_too(tmp_path: Path) -> None:
    secret = SECRETS["a GitHub token"]
    plain, dirty = {"text": "a", "note": None}, {"text": secret, "note": "x"}
    folder = write(
        tmp_path / "set", n=range(5_000), critique=[None] * 4_321 + [f"see {secret}"] + ["fine"] * 678,
        steps=[[]] * 10 + [["one", secret]] + [None] * 4_989, places=[[plain]] * 4_999 + [[plain, dirty]])
    found = scan(folder, secrets={}, paths=frozenset())
    assert {(one.file, one.row, one.column) for one in found} == {
        ("cft/train.parquet", 4_321, "critique"), ("cft/train.parquet", 10, "steps"),
        ("cft/train.parquet", 4_999, "places")}
    assert len(found) == 3
    where = "cft/train.parquet, row 4321, column critique: a GitHub token"
    assert any(where in one.sentence for one in found)


def test_values_of_the_environment_are_found_and_nothing_of_them_is_shown(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_PASSWORD", "correct horse (battery) staple")
    monkeypatch.setenv("SHORT_KEY", "abc")
    monkeypatch.setenv("MY_SETTING", "the quick brown fox")
    assert known_secrets()["correct horse (battery) staple"] == "the value of MY_SERVICE_PASSWORD"
    assert not {"abc", "the quick brown fox"} & known_secrets().keys()
    folder = write(tmp_path / "set", critique=["the quick brown fox", "say correct horse (battery) staple"])
    (found,) = scan(folder, paths=frozenset())
    assert (found.row, found.kind) == (1, "the value of MY_SERVICE_PASSWORD")
    assert "horse" not in found.sentence
    assert found.fingerprint is None
    with pytest.raises(SecretFound):
        refuse_secrets([found], ("None", ""))


def test_paths_of_this_machine_are_found_in_every_column(tmp_path: Path) -> None:
    texts = [f"read {Path.home()}/rows.jsonl", f"in {tmp_path}/x", "/rooted"]
    folder = write(tmp_path / "set", critique=texts,
                   source=["rows.jsonl", "/home/anyone/rows.jsonl", r"C:\Users\anyone\rows.jsonl"])
    found = scan(folder, secrets={}, paths=own_paths(tmp_path))
    assert [(one.column, one.row, one.kind) for one in found] == [
        ("critique", 0, "a path of this machine"), ("critique", 1, "a path of this machine"),
        ("source", 1, "a path of someone's home"), ("source", 2, "a path of someone's home")]


def test_a_path_into_a_home_may_stand_in_a_text_that_others_wrote(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", query=["ls /home/student/file"], response=["cd /home/student/"])
    assert scan(folder, secrets={}, paths=own_paths(tmp_path)) == []


def test_no_path_is_sought_that_any_text_may_hold() -> None:
    assert not {"/", "//"} & own_paths(Path("/"), Path("/data"))
    assert "/data/" not in own_paths(Path("/data"))


def test_what_was_found_is_refused_unless_someone_let_it_pass() -> None:
    found = [Found("cft/a.parquet", row, "critique", "a Slack token", "xoxb…", f"{row:012x}")
             for row in range(12)]
    with pytest.raises(SecretFound, match="12 places hold") as refused:
        refuse_secrets(found)
    assert "cft/a.parquet, row 0, column critique: a Slack token (xoxb…; fingerprint 000000000000)" in str(
        refused.value)
    assert "and 2 more" in str(refused.value)
    with pytest.raises(SecretFound, match="1 place holds"):
        refuse_secrets(found, [one.fingerprint or "" for one in found[1:]])
    refuse_secrets(found, [one.fingerprint or "" for one in found])
    refuse_secrets([])


def test_a_laid_out_dataset_is_clean_and_a_planted_key_is_found_in_it(tmp_path: Path) -> None:
    lay_out(make_audited(tmp_path / "clean"), tmp_path / "one")
    assert scan(tmp_path / "one", paths=own_paths(tmp_path)) == []
    rows = [{"query": OTHER, "response": "The answer is 15.",
             "critique": f"{SECRETS['a Hugging Face token']} right"}]
    lay_out(make_audited(tmp_path / "dirty", rows), tmp_path / "two")
    found = scan(tmp_path / "two", paths=own_paths(tmp_path))
    places = {(one.file, one.row, one.column) for one in found}
    assert ("cft/train-00000-of-00001.parquet", 0, "critique") in places
    assert "README.md" in {one.file for one in found}, "the example row on the card holds it too"
