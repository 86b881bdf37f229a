"""The repositories of the loopback Hub: commits, branches, tags and contents, in folders.

    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> repo = store.create("acme/critiques", is_private=False)
    >>> head = repo.head("main")
    >>> done = store.commit(repo, "main", Change("Add", parent=head.oid, files={"a.txt": b"one"}))
    >>> sorted(repo.find("main").files), repo.find(done.oid).parent == head.oid
    (['.gitattributes', 'a.txt'], True)

A commit is there whole or not at all: repo.json is written beside the old one and put in its place. Every
change happens under one lock. Not covered: git itself (ids of blobs are git's, others are just unique),
merges, renames, gated datasets, models and spaces.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

LFS_SUFFIXES = (".parquet", ".arrow", ".png", ".jpg", ".gz", ".zip", ".zst")
LFS_BYTES = 10 * 2**20
ATTRIBUTES = "".join(f"*{suffix} filter=lfs diff=lfs merge=lfs -text\n" for suffix in LFS_SUFFIXES).encode()
POINTER_BYTES = 134


class Refused(Exception):
    """An answer that is a refusal, as the Hub words it; `code` is the X-Error-Code."""

    def __init__(self, status: int, message: str, code: str | None = None, **headers: str) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.headers = status, message, code, headers


@dataclass(frozen=True)
class File:
    """A file of a commit: size in bytes, git blob id, SHA-256 where it is held as LFS."""

    size: int
    oid: str
    lfs: str | None = None


@dataclass(frozen=True)
class Commit:
    """All files by path, as they are at this commit."""

    oid: str
    parent: str | None
    title: str
    message: str
    user: str
    date: str
    files: dict[str, File]


@dataclass
class Change:
    """What a commit does: contents by path, LFS ids by path, paths that go (a folder's ends with a slash)."""

    title: str
    parent: str | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    lfs: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    message: str = ""
    user: str = "ada"


@dataclass
class Repo:
    """One dataset repository."""

    id: str
    is_private: bool
    created: str
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def find(self, revision: str) -> Commit:
        """The commit of a branch, a tag or a commit's id. Raises Refused 404."""
        oid = self.branches.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def head(self, branch: str) -> Commit:
        """The last commit of a branch. Raises Refused 404."""
        if branch not in self.branches:
            raise Refused(404, f"Invalid rev id: {branch}", "RevisionNotFound")
        return self.commits[self.branches[branch]]


class Store:
    """All repositories below a folder; what was there is read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = threading.RLock()
        self.repos = {repo.id: repo for repo in map(_read, sorted(root.glob("*/*/repo.json")))}

    def create(self, name: str, *, is_private: bool) -> Repo:
        """A new repository with a first commit that holds .gitattributes, as the Hub makes it."""
        with self.lock:
            if name in self.repos:
                raise Refused(409, "You already created this dataset repo")
            repo = self.repos[name] = Repo(name, is_private, _now())
            self.commit(repo, "main", Change("initial commit", files={".gitattributes": ATTRIBUTES}))
            return repo

    def delete(self, name: str) -> None:
        """Takes a repository away with all it holds."""
        with self.lock:
            del self.repos[name]
            shutil.rmtree(self.root / name)

    def commit(self, repo: Repo, branch: str, change: Change) -> Commit:
        """Applies a change to a branch, all of it or none. Raises Refused 400, 404, 412."""
        with self.lock:
            head = repo.head(branch) if repo.branches else None
            if head and change.parent not in (None, head.oid):
                raise Refused(412, "A commit has happened since. Please refresh and try again.")
            files = dict(head.files) if head else {}
            for path in change.deleted:
                _delete(files, path)
            files |= {path: self._keep(repo, content) for path, content in change.files.items()}
            files |= {path: self._point(repo, sha256) for path, sha256 in change.lfs.items()}
            date, parent = _now(), head.oid if head else None
            body = json.dumps([parent, change.title, date, {path: file.oid for path, file in files.items()}])
            made = Commit(_sha1(body.encode()), parent, change.title, change.message, change.user, date,
                          files)
            self.point(repo, repo.branches, branch, made)
            return made

    def point(self, repo: Repo, refs: dict[str, str], name: str, commit: Commit | None) -> None:
        """Lets a branch or a tag stand on a commit, a new one too; None takes it away."""
        with self.lock:
            if commit is None:
                del refs[name]
            else:
                repo.commits[commit.oid] = commit
                refs[name] = commit.oid
            self._write(repo)

    def content(self, repo: Repo, file: File) -> Path:
        """Where the bytes of a file lie."""
        return self.lfs(repo, file.lfs) if file.lfs else self.root / repo.id / "blobs" / file.oid

    def lfs(self, repo: Repo, sha256: str) -> Path:
        """Where an LFS object lies, or will."""
        return self.root / repo.id / "lfs" / sha256

    def upload(self, repo: Repo, sha256: str, content: bytes) -> None:
        """Takes an LFS object in. Raises Refused 400 when it is not what its id says."""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise Refused(400, "the content does not have the SHA-256 that was announced")
        put(self.lfs(repo, sha256), content)

    def _keep(self, repo: Repo, content: bytes) -> File:
        file = File(len(content), _blob_id(content))
        put(self.content(repo, file), content)
        return file

    def _point(self, repo: Repo, sha256: str) -> File:
        path = self.lfs(repo, sha256)
        if not path.is_file():
            raise Refused(400, "an LFS pointer points to a file that does not exist")
        size = path.stat().st_size
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n"
        return File(size, _blob_id(pointer.encode()), sha256)

    def _write(self, repo: Repo) -> None:
        put(self.root / repo.id / "repo.json", json.dumps(asdict(repo)).encode())


def put(path: Path, content: bytes) -> None:
    """Writes a file whole: it has the old content or the new one, whatever happens."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{threading.get_ident()}.new")
    new.write_bytes(content)
    new.replace(path)


def _read(path: Path) -> Repo:
    data = json.loads(path.read_bytes())
    for oid, commit in data["commits"].items():
        files = {name: File(**file) for name, file in commit["files"].items()}
        data["commits"][oid] = Commit(**(commit | {"files": files}))
    return Repo(**data)


def _delete(files: dict[str, File], path: str) -> None:
    gone = [name for name in files if name == path or (path.endswith("/") and name.startswith(path))]
    if not gone:
        raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")
    for name in gone:
        del files[name]


def _blob_id(content: bytes) -> str:
    return _sha1(b"blob %d\0" % len(content) + content)


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
