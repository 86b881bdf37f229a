"""Requests to the loopback Hub and its answers as they go over the wire; who the tokens stand for."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

import yaml
from loopback_store import LFS_BYTES, LFS_SUFFIXES, POINTER_BYTES, Change, Commit, File, Refused

N_PAGE = 50
JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Who:
    """Whom a token stands for; its role is write, read or fineGrained (to write to the first org only)."""

    name: str
    role: str
    orgs: tuple[str, ...] = ()

    def may_write(self, namespace: str) -> bool:
        own = self.orgs[:1] if self.role == "fineGrained" else (self.name, *self.orgs)
        return self.role != "read" and namespace in own


TOKENS = {
    "hf_LoopbackOnlyAdaMayWriteEverywhere": Who("ada", "write", ("acme",)),
    "hf_LoopbackOnlyAdaMayReadAndNoMore00": Who("ada", "read", ("acme",)),
    "hf_LoopbackOnlyAdaMayWriteToAcmeOnly": Who("ada", "fineGrained", ("acme",)),
    "hf_LoopbackOnlyBobIsNoMemberOfAcme00": Who("bob", "write"),
}
WRITE, READ, FINE, STRANGER = TOKENS
WRONG = "hf_LoopbackOnlyThisTokenIsNotKnown00"


@dataclass(frozen=True)
class Asked:
    """A request."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    @property
    def token(self) -> str | None:
        return self.headers.get("authorization", "").removeprefix("Bearer ") or None

    @property
    def who(self) -> Who | None:
        """Its sender; None where it has no token. Raises Refused 401."""
        if self.token is not None and self.token not in TOKENS:
            raise Refused(401, "Invalid credentials in Authorization header")
        return TOKENS[self.token] if self.token else None


@dataclass(frozen=True)
class Answer:
    """A response."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def give(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """An answer of JSON."""
    return Answer(status, json.dumps(value).encode(), JSON | (headers or {}))


def refuse(refused: Refused) -> Answer:
    """A refusal as the Hub sends it."""
    code = {"X-Error-Code": refused.code} if refused.code else {}
    return give({"error": refused.message}, refused.status,
                {"X-Error-Message": refused.message} | code | refused.headers)


def read_change(body: bytes) -> Change:
    """The change of a commit's NDJSON. Raises Refused 400."""
    change = Change("")
    for line in body.splitlines():
        item = json.loads(line)
        value = item["value"]
        match item["key"]:
            case "header":
                change.title, change.message = value["summary"], value.get("description", "")
                change.parent = value.get("parentCommit")
            case "file":
                change.files[value["path"]] = base64.b64decode(value["content"])
            case "lfsFile":
                change.lfs[value["path"]] = value["oid"]
            case "deletedFile":
                change.deleted.append(value["path"])
            case "deletedFolder":
                change.deleted.append(value["path"].rstrip("/") + "/")
            case other:
                raise Refused(400, f"unknown operation {other}")
    return change


def check_card(text: str) -> tuple[list[str], list[str]]:
    """Errors and warnings about a card's YAML: a few of the Hub's rules."""
    found = re.match(r"---\r?\n(.*?)\r?\n---\r?(\n|$)", text, re.DOTALL)
    if found is None:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = yaml.safe_load(found[1]) or {}
    except yaml.YAMLError as fault:
        return [f"the YAML cannot be read: {fault}"], []
    if not isinstance(data, dict):
        return ["the YAML is no mapping"], []
    errors = [f'"{key}" must be an array' for key in ("configs", "size_categories", "task_categories", "tags")
              if not isinstance(data.get(key, []), list)]
    errors += ['"configs" needs a config_name' for config in data.get("configs") or []
               if "config_name" not in config]
    errors += [f'"license" must be one word, not {data["license"]!r}' for _ in [0]
               if re.search(r"[^a-z0-9.-]", str(data.get("license", "mit")))]
    return errors, []


def is_lfs(file: dict[str, Any]) -> bool:
    """As .gitattributes says, or because it is large or no text."""
    is_text = b"\0" not in base64.b64decode(file["sample"])
    return file["path"].endswith(LFS_SUFFIXES) or file["size"] > LFS_BYTES or not is_text


def sibling(path: str, file: File, with_blobs: bool) -> dict[str, Any]:
    if not with_blobs:
        return {"rfilename": path}
    lfs = {"lfs": {"size": file.size, "sha256": file.lfs, "pointerSize": POINTER_BYTES}} if file.lfs else {}
    return {"rfilename": path, "size": file.size, "blobId": file.oid} | lfs


def entries_of(commit: Commit, files: dict[str, File], with_commit: bool) -> list[dict[str, Any]]:
    """Files and the folders above them, in order of path."""
    last = {"lastCommit": {"id": commit.oid, "title": commit.title, "date": commit.date}}
    last = last if with_commit else {}
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents} - {"."}
    entries = [{"type": "directory", "path": path, "oid": "0" * 40, "size": 0} | last for path in folders]
    for path, file in files.items():
        lfs = {"lfs": {"oid": file.lfs, "size": file.size, "pointerSize": POINTER_BYTES}} if file.lfs else {}
        entries.append({"type": "file", "path": path, "oid": file.oid, "size": file.size} | lfs | last)
    return sorted(entries, key=lambda entry: str(entry["path"]))


def page(asked: Asked, rows: list[dict[str, Any]], url: str) -> Answer:
    """The page that the cursor asks for, with a link to the next."""
    start = int(asked.query.get("cursor", ["0"])[0])
    query = {name: values[0] for name, values in asked.query.items()} | {"cursor": str(start + N_PAGE)}
    link = {"Link": f'<{url}{quote(asked.path)}?{urlencode(query)}>; rel="next"'}
    return give(rows[start:start + N_PAGE], headers=link if len(rows) > start + N_PAGE else {})


def content_of(asked: Asked, path: Path, headers: dict[str, str]) -> Answer:
    """A file's bytes, or those of the range that is asked for."""
    content = path.read_bytes()
    known = headers | {"Accept-Ranges": "bytes", "Content-Type": "application/octet-stream"}
    asked_range = re.fullmatch(r"bytes=(\d*)-(\d*)", asked.headers.get("range", ""))
    if asked_range is None:
        return Answer(200, content, known)
    first, last = asked_range.groups()
    start = int(first) if first else max(len(content) - int(last), 0)
    end = min(int(last), len(content) - 1) if first and last else len(content) - 1
    if start > end:
        return Answer(416, b"", known | {"Content-Range": f"bytes */{len(content)}"})
    known["Content-Range"] = f"bytes {start}-{end}/{len(content)}"
    return Answer(206, content[start:end + 1], known)
