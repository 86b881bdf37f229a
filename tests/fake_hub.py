"""A small Hub on 127.0.0.1 with one dataset, enough for the real `datasets.load_dataset`.

    >>> with serve({"acme/critiques": {"train.jsonl": b"{}"}}) as endpoint:        # doctest: +SKIP
    ...     run(env={"HF_ENDPOINT": endpoint})

Every revision but `main` and the commit itself is unknown. Not covered: gated or private datasets, LFS.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"
REPO = re.compile(r"/(?:api/)?datasets/([^/]+/[^/]+?)"
                  r"(?:/(resolve|revision|tree|paths-info)/([^/]+)(?:/(.*))?)?$")


@contextmanager
def serve(repos: Mapping[str, Mapping[str, bytes]]) -> Iterator[str]:
    """The endpoint of a Hub that holds these files by repository and name."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = answer(repos, unquote(urlsplit(self.path).path), self._asked())
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_HEAD = do_POST = do_GET  # noqa: N815  # the names that http.server calls

        def _asked(self) -> str:
            return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()

        def log_message(self, format: str, *args: object) -> None:
            del format, args

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(repos: Mapping[str, Mapping[str, bytes]], path: str,
           asked: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body for one request."""
    named = REPO.match(path)
    if named is None or named[1] not in repos:
        return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
    repo, kind, revision, name = named.groups()
    files = repos[repo]
    if revision not in (None, "main", COMMIT):
        return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
    if kind == "resolve":
        if name not in files:
            return 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, b""
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{_oid(files[name])}"'}, files[name]
    entries = [{"type": "file", "path": file, "size": len(data), "oid": _oid(data)}
               for file, data in files.items()]
    if kind == "tree":
        return _json(entries)
    if kind == "paths-info":
        return _json([entry for entry in entries if str(entry["path"]) in unquote(asked)])
    return _json({"id": repo, "sha": COMMIT, "private": False, "gated": False, "disabled": False,
                  "downloads": 0, "likes": 0, "tags": [],
                  "siblings": [{"rfilename": file} for file in files]})


def _json(value: object) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


def _oid(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()
