"""What the loopback Hub does for each kind of request; see `loopback_hub`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from loopback_store import Commit, File, Refused, Repo, Store
from loopback_wire import (
    Answer,
    Asked,
    check_card,
    content_of,
    entries_of,
    give,
    is_lfs,
    page,
    read_change,
    sibling,
)


class Api:
    """What each kind of request does; its methods' names are the kinds.

    Contents of LFS files go to and come from another origin, by signed addresses and without a token.
    """

    def __init__(self, store: Store, multipart_bytes: int, hub_url: str, storage_url: str) -> None:
        self.store, self.multipart_bytes = store, multipart_bytes
        self.hub_url, self.storage_url = hub_url, storage_url
        self.secret = secrets.token_bytes()

    # --- Accounts and repositories

    def whoami(self, asked: Asked) -> Answer:
        who = asked.who
        if who is None:
            raise Refused(401, "Invalid username or password.")
        token: dict[str, Any] = {"displayName": "loopback", "role": who.role}
        if who.role == "fineGrained":
            token["fineGrained"] = {"canReadGatedRepos": False, "global": [], "scoped": [
                {"entity": {"_id": "0", "type": "org", "name": name}, "permissions": ["repo.write"]}
                for name in who.orgs[:1]]}
        return give({"type": "user", "id": who.name, "name": who.name, "fullname": who.name.title(),
                     "orgs": [{"type": "org", "id": org, "name": org, "fullname": org, "roleInOrg": "write"}
                              for org in who.orgs],
                     "auth": {"type": "access_token", "accessToken": token}})

    def create(self, asked: Asked) -> Answer:
        body, name = asked.json(), self._named(asked)
        if body.get("type") != "dataset":
            raise Refused(400, "the loopback Hub holds datasets only")
        url = {"url": f"{self.hub_url}/datasets/{name}", "id": name, "name": name}
        try:
            self.store.create(name, is_private=body.get("visibility") == "private")
        except Refused as refused:
            return give(url | {"error": refused.message}, refused.status)
        return give(url)

    def delete(self, asked: Asked) -> Answer:
        name = self._named(asked)
        self._repo(asked, name)
        self.store.delete(name)
        return give({})

    def validate_yaml(self, asked: Asked) -> Answer:
        errors, warnings = check_card(asked.json()["content"])
        return give({"errors": [{"message": text} for text in errors],
                     "warnings": [{"message": text} for text in warnings]}, 400 if errors else 200)

    def auth_check(self, asked: Asked, name: str, write: str | None) -> Answer:
        self._repo(asked, name, write=bool(write))
        return give({})

    # --- Reading

    def info(self, asked: Asked, name: str, revision: str | None) -> Answer:
        repo = self._repo(asked, name)
        commit = repo.find(revision or "main")
        with_blobs = asked.query.get("blobs") == ["true"]
        files = [sibling(path, file, with_blobs) for path, file in sorted(commit.files.items())]
        return give({"id": name, "author": name.partition("/")[0], "sha": commit.oid, "siblings": files,
                     "private": repo.is_private, "gated": False, "disabled": False, "tags": [], "likes": 0,
                     "createdAt": repo.created, "lastModified": commit.date, "downloads": 0})

    def refs(self, asked: Asked, name: str) -> Answer:
        repo = self._repo(asked, name)

        def give_refs(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": ref, "ref": f"refs/{kind}/{ref}", "targetCommit": oid}
                    for ref, oid in refs.items()]

        return give({"branches": give_refs("heads", repo.branches), "converts": [], "pullRequests": [],
                     "tags": give_refs("tags", repo.tags)})

    def commits(self, asked: Asked, name: str, revision: str) -> Answer:
        repo = self._repo(asked, name)
        commit: Commit | None = repo.find(revision)
        rows = []
        while commit:
            rows.append({"id": commit.oid, "title": commit.title, "message": commit.message,
                         "date": commit.date, "authors": [{"user": commit.user}]})
            commit = repo.commits[commit.parent] if commit.parent else None
        return page(asked, rows, self.hub_url)

    def tree(self, asked: Asked, name: str, revision: str, folder: str | None) -> Answer:
        commit = self._repo(asked, name).find(revision)
        prefix = f"{folder.strip('/')}/" if folder else ""
        below = {path: file for path, file in commit.files.items() if path.startswith(prefix)}
        if not below:
            raise Refused(404, f"{folder} does not exist on \"{revision}\"", "EntryNotFound")
        entries = entries_of(commit, below, asked.query.get("expand") in (["true"], ["True"]))
        if asked.query.get("recursive") not in (["true"], ["True"]):
            entries = [entry for entry in entries if "/" not in entry["path"][len(prefix):]]
        return page(asked, [entry for entry in entries if entry["path"].startswith(prefix)], self.hub_url)

    def paths_info(self, asked: Asked, name: str, revision: str) -> Answer:
        commit = self._repo(asked, name).find(revision)
        form = parse_qs(asked.body.decode())
        entries = entries_of(commit, commit.files, form.get("expand") in (["true"], ["True"]))
        return give([entry for entry in entries if entry["path"] in form.get("paths", [])])

    def resolve(self, asked: Asked, name: str, revision: str, path: str) -> Answer:
        repo = self._repo(asked, name)
        commit = repo.find(revision)
        known = {"X-Repo-Commit": commit.oid}
        if path not in commit.files:
            raise Refused(404, "Entry not found", "EntryNotFound", **known)
        file = commit.files[path]
        if file.lfs is None:
            return content_of(asked, self.store.content(repo, file), known | {"ETag": f'"{file.oid}"'})
        return Answer(302, b"", known | {
            "Location": self._sign(f"/cdn/{name}/{file.lfs}"), "ETag": f'"{file.oid}"',
            "X-Linked-ETag": f'"{file.lfs}"', "X-Linked-Size": str(file.size)})

    def cdn(self, asked: Asked, name: str, sha256: str) -> Answer:
        self._check_signature(asked)
        path = self.store.lfs(self.store.repos[name], sha256)
        return content_of(asked, path, {"ETag": f'"{sha256}"'})

    # --- Writing

    def preupload(self, asked: Asked, name: str, revision: str) -> Answer:
        repo = self._repo(asked, name, write=True)
        files, rows = repo.head(revision).files, []
        ignored = self._read_ignored(repo, files)
        for file in asked.json()["files"]:
            there = files.get(file["path"])
            known = {"oid": there.lfs or there.oid} if there else {}
            mode = "lfs" if is_lfs(file) else "regular"
            is_ignored = any(fnmatch(file["path"], pattern) for pattern in ignored)
            rows.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": is_ignored} | known)
        return give({"files": rows})

    def lfs_batch(self, asked: Asked, name: str) -> Answer:
        repo, body = self._repo(asked, name, write=True), asked.json()
        assert body["operation"] == "upload"
        assert body["hash_algo"] == "sha256"
        rows = []
        for one in body["objects"]:
            row, there = {"oid": one["oid"], "size": one["size"]}, self.store.lfs(repo, one["oid"]).is_file()
            rows.append(row if there else row | {"authenticated": True, "actions": {
                "upload": self._upload(name, one["oid"], one["size"]),
                "verify": {"href": f"{self.hub_url}/datasets/{name}.git/info/lfs/objects/verify"}}})
        return give({"transfer": "basic", "objects": rows})

    def _upload(self, name: str, oid: str, size: int) -> dict[str, Any]:
        path, chunk = f"/lfs/{name}/{oid}", self.multipart_bytes
        if size < chunk:
            return {"href": self._sign(path), "header": {}}
        parts = {f"{i + 1:05d}": self._sign(f"{path}/{i + 1}") for i in range(-(-size // chunk))}
        return {"href": f"{self.hub_url}{path}/complete", "header": {"chunk_size": str(chunk)} | parts}

    def put(self, asked: Asked, name: str, oid: str) -> Answer:
        self._check_signature(asked)
        self.store.upload(self.store.repos[name], oid, asked.body)
        return Answer()

    def put_part(self, asked: Asked, name: str, oid: str, number: str) -> Answer:
        self._check_signature(asked)
        part = self._part(name, oid, number)
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(asked.body)
        return Answer(headers={"ETag": f'"{hashlib.md5(asked.body, usedforsecurity=False).hexdigest()}"'})

    def complete(self, asked: Asked, name: str, oid: str) -> Answer:
        contents = []
        for i, part in enumerate(asked.json()["parts"]):
            contents.append(self._part(name, oid, str(i + 1)).read_bytes())
            etag = f'"{hashlib.md5(contents[-1], usedforsecurity=False).hexdigest()}"'
            if (part["partNumber"], part["etag"]) != (i + 1, etag):
                raise Refused(400, f"part {i + 1} is not what was sent")
        self.store.upload(self.store.repos[name], oid, b"".join(contents))
        return give({})

    def verify(self, asked: Asked, name: str) -> Answer:
        body = asked.json()
        path = self.store.lfs(self._repo(asked, name, write=True), body["oid"])
        if not path.is_file() or path.stat().st_size != body["size"]:
            raise Refused(404, "the object was not uploaded")
        return give({})

    def commit(self, asked: Asked, name: str, branch: str) -> Answer:
        repo = self._repo(asked, name, write=True)
        change = read_change(asked.body)
        change.user = asked.who.name if asked.who else ""
        errors, _ = check_card(change.files.get("README.md", b"").decode())
        if errors:
            raise Refused(400, f"Invalid metadata in README.md: {errors[0]}")
        made = self.store.commit(repo, branch, change)
        return give({"success": True, "commitOid": made.oid, "hookOutput": "",
                     "commitUrl": f"{self.hub_url}/datasets/{name}/commit/{made.oid}"})

    def branch(self, asked: Asked, name: str, branch: str) -> Answer:
        repo = self._repo(asked, name, write=True)
        if asked.method == "POST":
            return self._point(repo, repo.branches, branch, asked.json().get("startingPoint") or "main")
        repo.head(branch)
        if branch == "main":
            raise Refused(403, "the branch main cannot be deleted")
        self.store.point(repo, repo.branches, branch, None)
        return give({})

    def tag(self, asked: Asked, name: str, revision: str) -> Answer:
        repo = self._repo(asked, name, write=True)
        if asked.method == "POST":
            return self._point(repo, repo.tags, asked.json()["tag"], revision)
        if revision not in repo.tags:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        self.store.point(repo, repo.tags, revision, None)
        return give({})

    def _point(self, repo: Repo, refs: dict[str, str], ref: str, revision: str) -> Answer:
        with self.store.lock:
            if ref in refs:
                raise Refused(409, f"Reference {ref} exists already")
            self.store.point(repo, refs, ref, repo.find(revision))
        return give({})

    def _read_ignored(self, repo: Repo, files: dict[str, File]) -> list[str]:
        """Patterns of the repository's .gitignore."""
        file = files.get(".gitignore")
        return self.store.content(repo, file).read_text().split() if file else []

    # --- What a token may do

    def _named(self, asked: Asked) -> str:
        """The id of a repository that is made or taken away, where the sender may. Raises Refused."""
        body, who = asked.json(), asked.who
        if who is None:
            raise Refused(401, "Invalid username or password.")
        namespace = body.get("organization") or who.name
        if not who.may_write(namespace):
            raise Refused(403, "You don't have the rights to create a dataset under the namespace "
                               f"\"{namespace}\"")
        return f"{namespace}/{body['name']}"

    def _repo(self, asked: Asked, name: str, *, write: bool = False) -> Repo:
        """A repository that the sender may see, or write to. Raises Refused."""
        who, repo, namespace = asked.who, self.store.repos.get(name), name.partition("/")[0]
        is_member = who is not None and namespace in (who.name, *who.orgs)
        if who is None and (write or repo is None or repo.is_private):
            raise Refused(401, "Invalid username or password.", "RepoNotFound")
        if repo is None or (repo.is_private and not is_member):
            raise Refused(404, "Repository not found", "RepoNotFound")
        if write and who and not who.may_write(namespace):
            raise Refused(403, "You don't have the required permissions to perform this action")
        return repo

    def _part(self, name: str, oid: str, number: str) -> Path:
        return self.store.root / name / "parts" / oid / str(int(number))

    def _sign(self, path: str) -> str:
        return f"{self.storage_url}{path}?signature={self._signature(path)}"

    def _signature(self, path: str) -> str:
        return hmac.digest(self.secret, path.encode(), "sha256").hex()

    def _check_signature(self, asked: Asked) -> None:
        """Raises Refused as a storage does, which takes no token beside a signature."""
        if asked.token:
            raise Refused(400, "Only one auth mechanism allowed")
        if asked.query.get("signature") != [self._signature(asked.path)]:
            raise Refused(403, "SignatureDoesNotMatch")
