"""Publishing against the loopback Hub, which misbehaves; `loopback_hub` says what that does not prove."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from loopback_client import Failed, Hub, environment
from loopback_wire import FINE, READ, STRANGER, TOKENS, WRONG
from small_dataset import ROWS, make_audited
from small_publish import World

from cftdata.manifest import Manifest

TABLE = "cft/train-00000-of-00001.parquet"


# --- What is published


@pytest.mark.parametrize("files", [TABLE, "cft/*.parquet"])
def test_files_on_it_are_audited_by_their_address(files: str, world: World, tmp_path: Path) -> None:
    repo = f"acme/read-{len(files)}"
    world.seed(repo)
    address, out = f"hf://datasets/{repo}@v1/{files}", tmp_path / "out"
    subprocess.run([sys.executable, "-c", "from cftdata.cli import main; main()", "audit", address,
                    "--out", str(out)], env=environment(world.hub, tmp_path / "home"), check=True)
    manifest = Manifest.model_validate_json((world.root / "laid" / "manifest.json").read_bytes())
    report = json.loads((out / "report.json").read_bytes())
    assert report["n_samples"] == manifest.configs["cft"]["train"].n_rows
    assert report["source"] == address


def test_a_release_is_published_and_what_is_there_is_not_sent_again(world: World) -> None:
    hub = world.hub
    first = world.publish("acme/first", world.old, tag="v1", check=True)
    assert (first["is_checked"], first["n_tries"], first["n_uploaded"]) == (True, 1, first["n_files"])
    assert hub.tags("acme/first") == {"v1": first["revision"]}
    assert hub.release("acme/first", "v1") == world.hashes["old"]
    start = len(hub.log())
    again = world.publish("acme/first", world.old, tag="v1")
    assert (again["n_uploaded"], again["n_tries"], again["revision"]) == (0, 0, first["revision"])
    assert world.writes(start) == []
    start = len(hub.log())
    card_only = world.publish("acme/first", world.old, tag="v2", settings={"about": "Now with words."})
    assert card_only["changes"]["changed"] == ["README.md", "manifest.json"]
    assert world.writes(start) == ["commit", "tag"]
    second = world.publish("acme/first", world.new, tag="v3")
    assert second["changes"]["removed"] == ["dropped/train-00000-of-00001.parquet"]
    assert hub.release("acme/first") == world.hashes["new"]
    assert hub.release("acme/first", "v1") == world.hashes["old"]
    titles = hub.commits("acme/first")
    assert [title.partition(":")[0] for title in titles] == ["v3", "v2", "v1", "initial commit"]


def test_a_dry_run_writes_what_would_be_sent_and_sends_nothing(world: World, tmp_path: Path) -> None:
    hub, start = world.hub, len(world.hub.log())
    dry = world.publish("acme/dry", world.old, dry_run=True, token=None)
    assert (dry["is_dry_run"], dry["revision"], dry["head"]) == (True, None, None)
    assert dry["n_uploaded"] == dry["n_files"] == 7
    assert world.writes(start) == []
    world.publish("acme/dry", world.old)
    staged = {path.relative_to(dry["folder"]).as_posix(): path.read_bytes()
              for path in Path(dry["folder"]).rglob("*.*")}
    assert staged == hub.files("acme/dry")
    start = len(hub.log())
    changes = world.publish("acme/dry", world.new, dry_run=True, tag="v2")["changes"]
    assert (changes["removed"], changes["unchanged"]) == (
        ["dropped/train-00000-of-00001.parquet"], ["sft/train-00000-of-00001.parquet"])
    assert world.writes(start) == []


def test_sections_that_someone_edited_on_the_hub_stay(world: World) -> None:
    hub, repo = world.hub, "acme/edited"
    world.publish(repo, world.old)
    card = hub.files(repo)["README.md"].decode()
    assert "5 critiques" in card
    edited = card.replace("## Load\n", "## Load\n\nAsk Ada first.\n") + "\n## Thanks\n\nTo all who helped.\n"
    hub.put(repo, {"README.md": edited.encode(), "notes.txt": b"mine"})
    report = world.publish(repo, world.new)
    files = hub.files(repo)
    new = files["README.md"].decode()
    assert "Ask Ada first." in new
    assert "## Thanks\n\nTo all who helped.\n" in new
    assert "4 critiques" in new
    assert "5 critiques of" not in new
    assert any("oad" in name for name in report["changes"]["kept_sections"])
    assert files["notes.txt"] == b"mine"


def test_a_commit_that_leaves_files_out_is_told(world: World) -> None:
    world.hub.create("acme/ignoring")
    world.hub.put("acme/ignoring", {".gitignore": b"sft/*\n"})
    with pytest.raises(Failed, match=r"went through without sft/.*gitignore") as told:
        world.publish("acme/ignoring", world.old)
    assert told.value.kind == "HubRefused"


def test_what_is_loaded_again_and_is_not_the_same_is_told(world: World) -> None:
    world.publish("acme/rot", world.old, tag="v1")
    manifest = Manifest.model_validate_json(world.hub.files("acme/rot")["manifest.json"])
    path = world.root / "store" / "acme" / "rot" / "lfs" / manifest.files[TABLE].sha256
    path.write_bytes(path.read_bytes().replace(b"PAR1", b"PAR2"))
    with pytest.raises(Failed, match=f"at v1 .*{TABLE}"):
        world.publish("acme/rot", world.old, tag="v1", check=True)


# --- Faults that may pass


Given = tuple[str, str, dict[str, Any]]
PASSING: dict[str, list[Given]] = {
    "looking": [
        ("info", "refuse", {}), ("tree", "refuse", {"status": 429, "headers": {"Retry-After": "0"}}),
        ("resolve", "drop", {}), ("preupload", "refuse", {}), ("lfs_batch", "drop", {})],
    "uploading": [
        ("put", "drop", {"n": 2}), ("put", "refuse", {}), ("put", "vanish", {}),
        ("put", "refuse", {"status": 409}), ("verify", "refuse", {}), ("tag", "refuse", {}),
        ("tag", "drop", {}), ("tag", "lose", {"status": 504})],
    "committing": [
        ("commit", "refuse", {"status": 409}), ("commit", "refuse", {"status": 412}),
        ("commit", "rival", {}), ("commit", "refuse", {"n": 2}), ("commit", "drop", {}),
        ("commit", "lose", {"status": 504})],
    "answers": [("commit", "vanish", {}), ("tag", "vanish", {})],
    "overtaken": [("commit", "overtake", {"status": 504})],
}


def test_every_fault_that_may_pass_is_waited_for(world: World) -> None:
    """The release lands, once, and the old one stays. Some faults strike whoever asks first."""
    hub = world.hub
    for at, do in (("whoami", "refuse"), ("validate_yaml", "drop")):
        hub.order(at, do)
    for name, orders in PASSING.items():
        world.seed(f"acme/{name}")
        for at, do, fields in orders:
            hub.order(at, do, repo=f"acme/{name}", **fields)
    tries = {"n_tries": 12}
    jobs = {name: world.start(f"acme/{name}", world.new, tag="v2", patience=tries) for name in PASSING}
    for name, job in jobs.items():
        report, repo = job.result(), f"acme/{name}"
        struck = [one["order"] for one in hub.log() if one["repo"] == repo and one["order"]]
        given = [do for _, do, fields in PASSING[name] for _ in range(fields.get("n", 1))]
        assert sorted(struck) == sorted(given), name
        assert hub.tags(repo)["v2"] == report["revision"], name
        assert hub.release(repo, "v2") == hub.release(repo) == world.hashes["new"], name
        assert hub.release(repo, "v1") == world.hashes["old"], name
        titles = [title.partition(":")[0] for title in hub.commits(repo)]
        assert titles.count("v2") == 1, f"{name}: nothing is committed twice"
        others = [title for title in titles if title != "v2"]
        n_rivals = len({"rival", "overtake"} & set(given))
        assert others == ["Rival"] * n_rivals + ["By hand", "initial commit"], name
        assert ("rival.txt" in hub.files(repo)) is (n_rivals > 0), "what others add stays"


def test_retry_after_is_honoured(world: World) -> None:
    world.seed("acme/wait")
    world.hub.order("commit", "refuse", status=429, headers={"Retry-After": "1"})
    world.publish("acme/wait", world.new)
    log = [one for one in world.hub.log() if one["repo"] == "acme/wait" and one["kind"] == "commit"]
    assert [one["status"] for one in log] == [200, 429, 200]
    assert log[2]["time_s"] - log[1]["time_s"] >= 1


def test_a_rivals_edit_of_the_card_in_mid_publish_is_kept(world: World) -> None:
    world.publish("acme/late", world.old)
    card = world.hub.files("acme/late")["README.md"].decode()
    world.hub.order("commit", "rival", repo="acme/late", files={"README.md": card + "\n## Late\n\nA word.\n"})
    report = world.publish("acme/late", world.new)
    assert report["n_tries"] == 2
    assert "## Late\n\nA word.\n" in world.hub.files("acme/late")["README.md"].decode()
    assert world.hub.release("acme/late") == world.hashes["new"]


def test_a_commit_whose_answer_is_lost_and_that_another_overtakes_is_found(world: World) -> None:
    """The tag stands on it, and not on what came after it."""
    hub, repo = world.hub, "acme/behind"
    world.seed(repo)
    hub.order("commit", "overtake", status=504, repo=repo, files={"README.md": "All mine.", "more.txt": "x"})
    report = world.publish(repo, world.new, tag="v2")
    assert (report["n_tries"], hub.tags(repo)["v2"]) == (1, report["revision"])
    assert hub.release(repo, "v2") == world.hashes["new"]
    assert "more.txt" not in hub.files(repo, "v2")
    assert [title.partition(":")[0] for title in hub.commits(repo)[:2]] == ["Rival", "v2"]
    assert hub.files(repo)["README.md"] == b"All mine."


# --- Faults that do not pass


LASTING: dict[str, tuple[Given, str, str]] = {
    "busy": (("commit", "refuse", {}), "HubGaveUp", r"gave up after 3 tries \(committing: 503: on order\)"),
    "crowd": (("commit", "rival", {}), "HubGaveUp", "gave up after 3 tries .*412"),
    "hours": (("commit", "refuse", {"status": 429, "headers": {"Retry-After": "7200"}}), "HubGaveUp",
              "asks to wait 7,200 s"),
    "strict": (("commit", "refuse", {"status": 400}), "HubRefused", "the Hub refuses .*on order"),
    "full": (("put", "refuse", {"status": 413}), "HubRefused", "the Hub refuses .*413"),
    "revoked": (("put", "refuse", {"status": 403}), "RightsMissing", "the token may not do this"),
    "untagged": (("tag", "refuse", {}), "HubGaveUp", r"gave up after 3 tries \(setting the tag"),
}


def test_what_does_not_pass_ends_with_one_sentence_and_can_be_run_again(world: World) -> None:
    hub = world.hub
    for name, ((at, do, fields), _, _) in LASTING.items():
        world.seed(f"acme/{name}")
        hub.order(at, do, repo=f"acme/{name}", n=99, **fields)
    tries = {"n_tries": 3}
    jobs = {name: world.start(f"acme/{name}", world.new, tag="v2", patience=tries) for name in LASTING}
    for name, job in jobs.items():
        (at, _, _), kind, said = LASTING[name]
        with pytest.raises(Failed, match=said) as told:
            job.result()
        assert told.value.kind == kind
        assert "\n" not in told.value.message
        assert not any(token in told.value.message for token in TOKENS)
        assert hub.tags(f"acme/{name}").keys() == {"v1"}
        assert hub.release(f"acme/{name}", "v1") == world.hashes["old"]
        assert hub.release(f"acme/{name}") == world.hashes["new" if at == "tag" else "old"], name
    hub.clear()
    again = {name: world.start(f"acme/{name}", world.new, tag="v2") for name in ("busy", "full", "untagged")}
    for name, job in again.items():
        assert job.result()["n_tries"] == (0 if name == "untagged" else 1)
        assert hub.release(f"acme/{name}", "v2") == world.hashes["new"], name


def test_a_tag_is_never_moved(world: World) -> None:
    hub, repo = world.hub, "acme/tagged"
    head = world.seed(repo)
    start = len(hub.log())
    with pytest.raises(Failed, match="the tag v1 of acme/tagged stands on another release already") as told:
        world.publish(repo, world.new, tag="v1")
    assert told.value.kind == "TagTaken"
    assert (world.writes(start), hub.head(repo)) == ([], head)
    hub.order("tag", "hold")
    job = world.start(repo, world.new, tag="v2")
    hub.wait_for("hold", start)
    hub.ask("POST", f"/api/datasets/{repo}/tag/{head}", {"tag": "v2"})
    hub.clear()
    with pytest.raises(Failed, match="the tag v2 was set on another release meanwhile"):
        job.result()
    assert hub.tags(repo)["v2"] == head
    assert hub.release(repo) == world.hashes["new"]


# --- Tokens, rights, secrets, names


@pytest.mark.parametrize(("token", "kind", "said"), [
    (None, "TokenMissing", "there is no token for the Hub; set HF_TOKEN"),
    (WRONG, "TokenMissing", "the Hub does not know the token"),
    (READ, "RightsMissing", "the token of ada may only read"),
    (STRANGER, "RightsMissing", "bob may not write to acme; publish to bob/rights")],
    ids=["none", "wrong", "read", "stranger"])
def test_a_token_that_may_not_write(world: World, token: str | None, kind: str, said: str) -> None:
    start = len(world.hub.log())
    with pytest.raises(Failed, match=said) as told:
        world.publish("acme/rights", world.old, token=token)
    assert told.value.kind == kind
    assert "\n" not in told.value.message
    assert token is None or token not in told.value.message
    assert world.writes(start) == []


def test_a_fine_grained_token_and_a_stored_login(world: World) -> None:
    assert world.publish("acme/fine", world.old, token=FINE)["revision"] == world.hub.head("acme/fine")
    with pytest.raises(Failed, match="fine-grained token of ada may not write to ada"):
        world.publish("ada/fine", world.old, token=FINE)
    login = world.clients.home / "token"
    login.write_text(FINE)
    try:
        assert world.publish("acme/fine", world.old, token=None)["n_uploaded"] == 0
    finally:
        login.unlink()


def test_private_is_private_and_a_public_repository_does_not_become_so(world: World) -> None:
    world.publish("acme/secret", world.old, private=True)
    with pytest.raises(Failed, match="RepositoryNotFound"):
        world.clients.do("list_files", repo="acme/secret", token=STRANGER)
    world.seed("acme/public")
    with pytest.raises(Failed, match="acme/public is public; make it private first"):
        world.publish("acme/public", world.new, private=True)
    assert world.hub.release("acme/public") == world.hashes["old"]


def test_what_holds_a_key_is_not_published(world: World, tmp_path: Path) -> None:
    rows = [ROWS[0] | {"critique": f"Look at {WRONG}.\nConclusion: wrong [END]"}]
    start = len(world.hub.log())
    with pytest.raises(Failed, match="nothing is published: 2 places hold") as told:
        world.publish("acme/leak", make_audited(tmp_path / "leak", rows))
    assert f"\n  {TABLE}, row 0, column critique: a Hugging Face token" in told.value.message
    assert told.value.kind == "SecretFound"
    assert WRONG not in told.value.message
    assert world.writes(start) == []


def test_a_hub_that_is_not_there(world: World, tmp_path: Path) -> None:
    """A dry run needs no Hub; a publish says what is wrong at once, and shows no token."""
    script = "\n".join((
        "import json, sys", "from cftdata.errors import HubError", "from cftdata.hub import publish",
        f"dry = publish({str(world.old)!r}, 'acme/x', dry_run=True, out='staging', progress=print)",
        "print(dry.n_uploaded, dry.changes)",
        "try:", f"    publish({str(world.old)!r}, 'acme/x', out='staging')",
        "except HubError as fault:", "    print(type(fault).__name__, fault)"))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True,
                          env=environment(Hub("http://127.0.0.1:9"), tmp_path), timeout=120, check=True)
    lines = done.stdout.splitlines()
    assert "7 None" in lines
    assert lines[-1].startswith("HubUnreachable the Hub cannot be reached")
    assert not any(token in done.stdout + done.stderr for token in TOKENS)
    staged = json.loads((tmp_path / "staging" / "manifest.json").read_text())
    assert staged["content_hash"] == world.hashes["old"]
