"""The loopback Hub against the unmodified huggingface_hub and datasets; no code of ours is asked."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loopback_client import Clients, Failed, Hub, Killed, serving
from loopback_wire import FINE, READ, STRANGER, WRONG
from small_publish import World

CARD = b"""---
license: mit
configs:
- config_name: cft
  data_files:
  - {split: train, path: cft/*}
---
Hi
"""


@pytest.fixture
def hub(world: World) -> Hub:
    return world.hub


@pytest.fixture
def clients(world: World) -> Clients:
    return world.clients


def write(folder: Path, numbers: list[int]) -> str:
    """A Parquet file of these numbers."""
    path = folder / f"{len(numbers)}-{sum(numbers)}.parquet"
    pq.write_table(pa.table({"n": numbers}), path)
    return str(path)


def sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_a_release_is_committed_tagged_loaded_streamed(hub: Hub, clients: Clients, tmp_path: Path) -> None:
    clients.do("api", method="create_repo", repo_id="acme/set", repo_type="dataset")
    first = write(tmp_path, [1, 2, 3])
    one = clients.do("commit", repo="acme/set", files={"README.md": CARD.decode(), "cft/a.parquet": first},
                     parent_commit=hub.head("acme/set"))
    clients.do("api", method="create_tag", repo_id="acme/set", repo_type="dataset", tag="v1", revision=one)
    second = {"cft/a.parquet": write(tmp_path, [4])}
    two = clients.do("commit", repo="acme/set", files=second, parent_commit=one)
    assert hub.head("acme/set") == two != one
    assert hub.tags("acme/set") == {"v1": one}
    assert hub.files("acme/set", "v1")["cft/a.parquet"] == Path(first).read_bytes()
    loaded = [{"n": 1}, {"n": 2}, {"n": 3}]
    by_tag = {"repo": "acme/set", "config": "cft", "revision": "v1"}
    assert clients.do("load", **by_tag) == {"train": loaded}
    assert clients.do("load", streaming=True, **by_tag) == {"train": loaded}
    assert clients.do("load", repo="acme/set") == {"train": [{"n": 4}]}
    assert clients.do("download", repo="acme/set", path="cft/a.parquet", revision="v1") == sha256(first)
    assert clients.do("list_files", repo="acme/set", revision="v1") == {
        ".gitattributes": [len(hub.ask("GET", "/datasets/acme/set/resolve/v1/.gitattributes")), None],
        "README.md": [len(CARD), None], "cft": [None, None],
        "cft/a.parquet": [Path(first).stat().st_size, sha256(first)]}


def test_what_is_there_is_not_uploaded_again_and_large_files_go_in_parts(hub: Hub, clients: Clients,
                                                                         tmp_path: Path) -> None:
    hub.create("acme/large")
    large = tmp_path / "large.parquet"
    large.write_bytes(bytes(range(256)) * 1_000)
    files = {"large.parquet": str(large), "small.txt": "small"}
    first = clients.do("commit", repo="acme/large", files=files)
    assert clients.do("download", repo="acme/large", path="large.parquet") == sha256(str(large))
    kinds = [one["kind"] for one in hub.log() if one["repo"] == "acme/large"]
    assert (kinds.count("put_part"), kinds.count("complete"), kinds.count("put")) == (3, 1, 0)
    start = len(hub.log())
    assert clients.do("commit", repo="acme/large", files=files) == first
    assert clients.do("commit", repo="acme/large", files={"copy.parquet": str(large)}) != first
    assert not {"put", "put_part"} & {one["kind"] for one in hub.log(start)}


def test_a_commit_on_another_head_is_refused_and_leaves_nothing(hub: Hub, clients: Clients) -> None:
    hub.create("acme/race")
    old = hub.head("acme/race")
    hub.put("acme/race", {"a.txt": b"mine"})
    with pytest.raises(Failed, match="A commit has happened since"):
        clients.do("commit", repo="acme/race", files={"a.txt": "yours", "b.txt": "b"}, parent_commit=old)
    assert hub.files("acme/race") == {"a.txt": b"mine"}
    clients.do("commit", repo="acme/race", files={"b.txt": "b"}, deleted=["a.txt"])
    assert hub.files("acme/race") == {"b.txt": b"b"}
    with pytest.raises(Failed, match="A file with this name doesn't exist"):
        clients.do("commit", repo="acme/race", files={"c.txt": "c"}, deleted=["a.txt"])


def test_tokens_may_what_they_may(hub: Hub, clients: Clients) -> None:
    hub.create("acme/open")
    clients.do("api", method="create_repo", repo_id="acme/hidden", repo_type="dataset", private=True)
    add = {"repo": "acme/open", "files": {"a.txt": "a"}}
    for token, status in ((READ, "403"), (STRANGER, "403"), (WRONG, "401"), (None, "401")):
        with pytest.raises(Failed, match=status):
            clients.do("commit", token=token, **add)
    clients.do("commit", token=FINE, **add)
    with pytest.raises(Failed, match="Invalid user token"):
        clients.do("api", method="whoami", token=WRONG)
    names = {token: clients.do("api", method="whoami", token=token)["auth"]["accessToken"]["role"]
             for token in (READ, FINE)}
    assert names == {READ: "read", FINE: "fineGrained"}
    for token in (STRANGER, None):
        with pytest.raises(Failed, match="RepositoryNotFoundError"):
            clients.do("list_files", repo="acme/hidden", token=token)
    assert clients.do("list_files", repo="acme/hidden", token=READ)
    with pytest.raises(Failed, match="403"):
        clients.do("api", method="create_repo", repo_id="bob/mine", repo_type="dataset")
    with pytest.raises(Failed, match="409"):
        clients.do("api", method="create_repo", repo_id="acme/open", repo_type="dataset")
    clients.do("api", method="delete_repo", repo_id="acme/open", repo_type="dataset")
    with pytest.raises(Failed, match="RepositoryNotFoundError"):
        clients.do("list_files", repo="acme/open")


def test_refs_and_pages(hub: Hub, clients: Clients) -> None:
    hub.create("acme/refs")
    head = hub.put("acme/refs", {f"folder/{i:03d}.txt": b"x" for i in range(120)})
    repo = {"repo_id": "acme/refs", "repo_type": "dataset"}
    clients.do("api", method="create_branch", branch="next/one", **repo)
    clients.do("api", method="create_tag", tag="v1.0", tag_message="first", **repo)
    with pytest.raises(Failed, match="409"):
        clients.do("api", method="create_tag", tag="v1.0", **repo)
    refs = clients.do("api", method="list_repo_refs", **repo)
    assert {one["name"]: one["target_commit"] for kind in ("branches", "tags") for one in refs[kind]} == {
        "main": head, "next/one": head, "v1.0": head}
    assert len(clients.do("list_files", repo="acme/refs")) == 122
    assert clients.do("api", method="get_paths_info", paths=["folder", "folder/001.txt", "none"], **repo)[0][
        "path"] == "folder"
    clients.do("api", method="delete_tag", tag="v1.0", **repo)
    clients.do("api", method="delete_branch", branch="next/one", **repo)
    with pytest.raises(Failed, match="RevisionNotFound"):
        clients.do("list_files", repo="acme/refs", revision="v1.0")
    assert [one["title"] for one in clients.do("api", method="list_repo_commits", **repo)] == hub.commits(
        "acme/refs") == ["By hand", "initial commit"]


def test_a_card_that_the_hub_would_not_take_is_not_committed(hub: Hub, clients: Clients) -> None:
    hub.create("acme/card")
    for text in ("---\nconfigs: all\n---\n", "---\na: [\n---\n", "---\nlicense: [MIT, x y]\n---\n"):
        with pytest.raises(Failed, match=r"README\.md"):
            clients.do("commit", repo="acme/card", files={"README.md": text})
    assert hub.files("acme/card") == {}


@pytest.mark.parametrize(("do", "said", "lands"), [
    ("refuse", "429", False), ("lose", "429", True), ("drop", "Error: ", False), ("vanish", "Error: ", True),
    ("rival", "412", False)])
def test_a_commit_that_goes_wrong(hub: Hub, clients: Clients, do: str, said: str, lands: bool) -> None:
    repo = f"acme/{do}"
    hub.create(repo)
    hub.order("commit", do, status=429, headers={"Retry-After": "7"})
    with pytest.raises(Failed, match=said):
        clients.do("commit", repo=repo, files={"a.txt": "a"}, parent_commit=hub.head(repo))
    assert ("a.txt" in hub.files(repo)) is lands
    clients.do("commit", repo=repo, files={"a.txt": "a"})
    assert hub.files(repo)["a.txt"] == b"a"


def test_a_connection_that_drops_in_mid_upload(hub: Hub, clients: Clients, tmp_path: Path) -> None:
    """huggingface_hub sends it again by itself, and fetches again what was cut."""
    hub.create("acme/drop2")
    hub.order("put", "drop")
    hub.order("cdn", "cut")
    path = write(tmp_path, list(range(9_000)))
    clients.do("commit", repo="acme/drop2", files={"a.parquet": path})
    assert clients.do("download", repo="acme/drop2", path="a.parquet") == sha256(path)
    log = [one for one in hub.log() if one["repo"] == "acme/drop2"]
    assert [one["status"] for one in log if one["kind"] == "put"] == [0, 200]
    assert [one["status"] for one in log if one["kind"] == "cdn"] == [200, 200]


def test_a_client_that_is_killed_and_a_server_that_is_started_again(tmp_path: Path, clients: Clients,
                                                                    hub: Hub) -> None:
    hub.create("acme/kill")
    start = len(hub.log())
    hub.order("commit", "hold")
    job = clients.start("commit", repo="acme/kill", files={"a.txt": "a"})
    hub.wait_for("hold", start)
    job.kill()
    with pytest.raises(Killed):
        job.result()
    with serving(tmp_path) as first:
        first.create("acme/kept")
        head = first.put("acme/kept", {"a.txt": b"a"})
    with serving(tmp_path) as second:
        assert (second.head("acme/kept"), second.files("acme/kept")) == (head, {"a.txt": b"a"})


def test_of_commits_at_once_on_one_head_one_lands(hub: Hub) -> None:
    hub.create("acme/rush")
    head = hub.head("acme/rush")
    lines = [{"key": "header", "value": {"summary": "x", "parentCommit": head}},
             {"key": "file", "value": {"path": "a.txt", "content": "YQ=="}}]
    body = b"\n".join(json.dumps(line).encode() for line in lines)

    def commit(_: int) -> int:
        try:
            hub.ask("POST", "/api/datasets/acme/rush/commit/main", body)
        except HTTPError as fault:
            with fault:
                return fault.code
        return 200

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(commit, range(8))) == [200] + [412] * 7
    assert hub.commits("acme/rush") == ["x", "initial commit"]
