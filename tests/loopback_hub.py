"""A Hub on 127.0.0.1 for the unmodified `huggingface_hub` and `datasets`, which misbehaves on order.

    python tests/loopback_hub.py --store DIR [--port 0] [--multipart-bytes N]        # prints its address

What it holds lies in DIR (see `loopback_store`) and outlives clients and server. Tests start it with
`loopback_client.serving`, which also gives the orders. It knows the tokens of `loopback_wire.TOKENS`: what
may be read and written with them is as on the Hub, and so are the refusals.

    whoami-v2, repos/create, repos/delete, validate-yaml, datasets/ID[/revision/REV], auth-check, refs,
    commits, tree (pages of 50), paths-info, preupload, LFS batch (basic; multipart from N bytes), commit
    (NDJSON, parentCommit, 412), branch, tag, resolve (ETag, X-Repo-Commit, Range; LFS by a redirect
    to signed addresses of another origin); all else is 404

What tests against it do not prove: uploads and downloads through Xet (they run with HF_HUB_DISABLE_XET=1),
real rate limits and their RateLimit header, addresses that expire, a CDN's own faults, TLS and proxies, gated
datasets, moderation, quotas, single sign-on, the Hub's own rules for cards (`validate-yaml` here knows a
few), its dataset viewer and Parquet conversion, replicas that lag behind, and its timing. What it answers is
what huggingface_hub 2.4.0 and datasets 5.2.0 read, as their source has it; the Hub's own is not open.
"""

from __future__ import annotations

import argparse
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from loopback_api import Api
from loopback_store import Change, Refused, Store
from loopback_wire import Answer, Asked, give, refuse

REPO = r"/datasets/([^/]+/[^/]+)"
ROUTES = [(kind, re.compile(f"(?:{method}) {path}")) for kind, method, path in (
    ("whoami", "GET", "/api/whoami-v2"),
    ("create", "POST", "/api/repos/create"),
    ("delete", "DELETE", "/api/repos/delete"),
    ("validate_yaml", "POST", "/api/validate-yaml"),
    ("info", "GET", rf"/api{REPO}(?:/revision/([^/]+))?"),
    ("auth_check", "GET", rf"/api{REPO}/auth-check(/write)?"),
    ("refs", "GET", rf"/api{REPO}/refs"),
    ("commits", "GET", rf"/api{REPO}/commits/([^/]+)"),
    ("tree", "GET", rf"/api{REPO}/tree/([^/]+)(?:/(.+))?"),
    ("paths_info", "POST", rf"/api{REPO}/paths-info/([^/]+)"),
    ("preupload", "POST", rf"/api{REPO}/preupload/([^/]+)"),
    ("commit", "POST", rf"/api{REPO}/commit/([^/]+)"),
    ("branch", "POST|DELETE", rf"/api{REPO}/branch/([^/]+)"),
    ("tag", "POST|DELETE", rf"/api{REPO}/tag/([^/]+)"),
    ("lfs_batch", "POST", rf"{REPO}\.git/info/lfs/objects/batch"),
    ("verify", "POST", rf"{REPO}\.git/info/lfs/objects/verify"),
    ("resolve", "GET|HEAD", rf"{REPO}/resolve/([^/]+)/(.+)"),
    ("put", "PUT", "/lfs/([^/]+/[^/]+)/([0-9a-f]{64})"),
    ("put_part", "PUT", r"/lfs/([^/]+/[^/]+)/([0-9a-f]{64})/(\d+)"),
    ("complete", "POST", "/lfs/([^/]+/[^/]+)/([0-9a-f]{64})/complete"),
    ("cdn", "GET|HEAD", "/cdn/([^/]+/[^/]+)/([0-9a-f]{64})"),
)]


@dataclass
class Order:
    """A misbehaviour. It strikes requests of a kind or any (to one repository) `n` times, after `skip` more.

    refuse    answers with the status and does nothing
    lose      does it, and answers with the status
    drop      breaks the connection off in mid-request
    vanish    does it, and breaks the connection off
    cut       sends half of the answer's body
    rival     lets somebody else's commit land first
    overtake  does it, lets somebody else's commit land after it, and answers with the status
    hold      waits until the orders are cleared, then does it
    """

    at: str
    do: str
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "on order"
    n: int = 1
    skip: int = 0
    repo: str | None = None
    files: dict[str, str] = field(default_factory=lambda: {"rival.txt": "I was first."})
    """Of a rival's commit."""


class Orders:
    """The orders that stand, and the log of what was asked."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.standing: list[Order] = []
        self.log: list[dict[str, Any]] = []
        self.cleared = threading.Event()

    def give(self, orders: list[dict[str, Any]]) -> None:
        """Adds orders, after those that stand."""
        with self.lock:
            self.standing += [Order(**order) for order in orders]

    def clear(self) -> None:
        """Takes all orders back; who is held goes on."""
        with self.lock:
            self.standing.clear()
            self.cleared.set()
            self.cleared = threading.Event()

    def strike(self, kind: str | None, repo: str | None) -> Order | None:
        """The first order that strikes this request; those before it let one more pass."""
        with self.lock:
            for order in self.standing:
                if order.at not in (kind, "any") or order.n == 0 or order.repo not in (None, repo):
                    continue
                if order.skip == 0:
                    order.n -= 1
                    return order
                order.skip -= 1
        return None


class Server(ThreadingHTTPServer):
    """One origin; what it does, and the orders, are shared with the other."""

    daemon_threads = True
    request_queue_size = 128
    api: Api
    orders: Orders

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"

    def act(self, asked: Asked) -> Answer:
        """Does what is asked, whatever orders stand."""
        kind, arguments = route(asked)
        if kind is None:
            return give({"error": "Not found"}, 404)
        try:
            answer: Answer = getattr(self.api, kind)(asked, *arguments)
        except Refused as refused:
            return refuse(refused)
        return answer

    def let_rival(self, asked: Asked, files: dict[str, str]) -> None:
        """Commits something else to the repository that the request is for."""
        name = route(asked)[1][0]
        rival = Change("Rival", files={path: text.encode() for path, text in files.items()}, user="rival")
        self.api.store.commit(self.api.store.repos[str(name)], "main", rival)


def route(asked: Asked) -> tuple[str | None, list[str | None]]:
    """The kind of a request, None where it is none; and the parts of its path."""
    for kind, pattern in ROUTES:
        if found := pattern.fullmatch(f"{asked.method} {asked.path}"):
            return kind, [part and unquote(part) for part in found.groups()]
    return None, []


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        at, headers = urlsplit(self.path), {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, at.path, parse_qs(at.query), headers, b"")
        kind, arguments = route(asked)
        repo = arguments[0] if arguments else None
        order = self.server.orders.strike(kind, repo)
        entry = {"kind": kind, "method": self.command, "path": at.path, "repo": repo, "status": None,
                 "order": order.do if order else None, "time_s": time.monotonic()}
        if not at.path.startswith("/admin/"):
            self.server.orders.log.append(entry)
        answer = None
        try:
            body = self._read(headers, is_cut=order is not None and order.do == "drop")
            if body is not None:
                asked = Asked(asked.method, asked.path, asked.query, headers, body)
                answer = self._admin(asked) if at.path.startswith("/admin/") else self._act(asked, order)
        finally:
            entry["status"] = answer.status if answer else 0
        if answer is None:
            return self._break_off()
        return self._send(answer, is_cut=order is not None and order.do == "cut")

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815  # the names that http.server calls

    def _act(self, asked: Asked, order: Order | None) -> Answer | None:
        """The answer, with the order obeyed; None where there shall be none."""
        if order is None or order.do == "cut":
            return self.server.act(asked)
        ordered = give({"error": order.message}, order.status, order.headers)
        match order.do:
            case "refuse":
                return ordered
            case "lose" | "vanish" | "overtake":
                done = self.server.act(asked)
                assert done.status < 400, f"{order} struck a request that fails by itself: {done}"
                if order.do == "overtake":
                    self.server.let_rival(asked, order.files)
                return None if order.do == "vanish" else ordered
            case "rival":
                self.server.let_rival(asked, order.files)
            case "hold":
                self.server.orders.cleared.wait(60)
            case other:
                raise AssertionError(f"there is no order {other}")
        return self.server.act(asked)

    def _admin(self, asked: Asked) -> Answer:
        """POST and DELETE of /admin/orders, GET of /admin/log."""
        orders = self.server.orders
        if asked.method == "POST":
            orders.give(asked.json())
        elif asked.method == "DELETE":
            orders.clear()
        return give(orders.log[int(asked.query.get("since", ["0"])[0]):])

    def _send(self, answer: Answer, *, is_cut: bool) -> None:
        self.send_response(answer.status)
        for name, value in (answer.headers | {"Content-Length": str(len(answer.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body[:len(answer.body) // 2] if is_cut else answer.body)
        self.close_connection |= is_cut

    def _break_off(self) -> None:
        """Closes the connection at once, as a network that fails does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _read(self, headers: dict[str, str], *, is_cut: bool) -> bytes | None:
        """The body; None where it is cut, by order or because the client is gone."""
        if "chunked" in headers.get("transfer-encoding", ""):
            return None if is_cut else self._read_chunks()
        n_bytes = int(headers.get("content-length") or 0)
        body = self.rfile.read(n_bytes // 2 if is_cut else n_bytes)
        return None if is_cut or len(body) < n_bytes else body

    def _read_chunks(self) -> bytes:
        chunks = []
        while n_bytes := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(n_bytes))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


def main() -> None:
    """Serves until it is killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--multipart-bytes", type=int, default=2**30)
    chosen = parser.parse_args()
    hub, storage = Server(chosen.port), Server()
    hub.api = storage.api = Api(Store(chosen.store), chosen.multipart_bytes, hub.url, storage.url)
    hub.orders = storage.orders = Orders()
    threading.Thread(target=storage.serve_forever, daemon=True).start()
    print(hub.url, flush=True)
    hub.serve_forever()


if __name__ == "__main__":
    main()
