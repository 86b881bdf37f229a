"""For tests: the loopback Hub as a process of its own, its orders, what it holds; and jobs for clients.

    >>> with serving(Path("store")) as hub, working(hub, Path("home")) as clients:         # doctest: +SKIP
    ...     hub.order("commit", "refuse", status=429, headers={"Retry-After": "1"})
    ...     clients.do("commit", repo="acme/x", files={"a.txt": "one"})

The clients run in forks of one process that has imported them once, since that takes seconds (see
`loopback_jobs`). Nothing here imports huggingface_hub.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from loopback_wire import WRITE

HERE = Path(__file__).parent
PATIENCE_S = 120.0
"""For a job on a slow machine; no test waits that long unless it fails."""


class Failed(Exception):
    """A job that ended by an exception: its type's name and its message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.message = kind, message


class Killed(Exception):
    """A job that ended without a word."""


@dataclass(frozen=True)
class Hub:
    """The server, as tests see it."""

    url: str

    def ask(self, method: str, path: str, body: object = None, token: str = WRITE) -> bytes:
        """A plain request; `body` is sent as JSON, a list of lines as NDJSON."""
        data = None if body is None else json.dumps(body).encode() if not isinstance(body, bytes) else body
        request = Request(self.url + path, data, method=method)
        request.add_unredirected_header("Authorization", f"Bearer {token}")
        with urlopen(request, timeout=PATIENCE_S) as answer:
            content: bytes = answer.read()
        return content

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return json.loads(self.ask("GET", path))

    def order(self, at: str, do: str, **fields: object) -> None:
        """Adds an order (see `loopback_hub.Order`)."""
        self.ask("POST", "/admin/orders", [{"at": at, "do": do, **fields}])

    def clear(self) -> None:
        """Takes all orders back."""
        self.ask("DELETE", "/admin/orders")

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """What was asked of it."""
        log: list[dict[str, Any]] = self.get(f"/admin/log?since={since}")
        return log

    def wait_for(self, order: str, since: int = 0, n: int = 1) -> None:
        """Waits until such orders have struck n times."""
        wait_until(lambda: sum(one["order"] == order for one in self.log(since)) >= n)

    def create(self, repo: str) -> None:
        """Makes a repository."""
        namespace, _, name = repo.partition("/")
        self.ask("POST", "/api/repos/create", {"name": name, "organization": namespace, "type": "dataset"})

    def put(self, repo: str, files: Mapping[str, bytes]) -> str:
        """Commits small files to main as a person would in the browser, and gives the commit."""
        lines: list[dict[str, Any]] = [{"key": "header", "value": {"summary": "By hand"}}]
        lines += [{"key": "file", "value": {"path": path, "content": base64.b64encode(content).decode()}}
                  for path, content in files.items()]
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        done = json.loads(self.ask("POST", f"/api/datasets/{repo}/commit/main", body))
        return str(done["commitOid"])

    def head(self, repo: str, revision: str = "main") -> str:
        """The commit of a revision."""
        return str(self.get(f"/api/datasets/{repo}/revision/{revision}")["sha"])

    def commits(self, repo: str) -> list[str]:
        """Titles of the commits of main, the newest first."""
        return [row["title"] for row in self.get(f"/api/datasets/{repo}/commits/main")]

    def tags(self, repo: str) -> dict[str, str]:
        """Tag to commit."""
        return {row["name"]: row["targetCommit"] for row in self.get(f"/api/datasets/{repo}/refs")["tags"]}

    def files(self, repo: str, revision: str = "main") -> dict[str, bytes]:
        """Path to content of all files but .gitattributes."""
        info = self.get(f"/api/datasets/{repo}/revision/{revision}")
        names = [file["rfilename"] for file in info["siblings"] if file["rfilename"] != ".gitattributes"]
        return {name: self.ask("GET", f"/datasets/{repo}/resolve/{info['sha']}/{name}") for name in names}

    def release(self, repo: str, revision: str = "main") -> str:
        """The content hash of the release at a revision; AssertionError where it is not whole."""
        files = self.files(repo, revision)
        manifest = json.loads(files["manifest.json"])
        for name, file in manifest["files"].items():
            assert hashlib.sha256(files[name]).hexdigest() == file["sha256"], f"{name} at {revision}"
        tables = {name for name in files if name.endswith(".parquet")}
        assert tables == {name for name in manifest["files"] if name.endswith(".parquet")}
        return str(manifest["content_hash"])


@contextmanager
def serving(store: Path, *, multipart_bytes: int = 2**30) -> Iterator[Hub]:
    """A loopback Hub that keeps what it holds in `store`."""
    command = [sys.executable, str(HERE / "loopback_hub.py"), "--store", str(store),
               "--multipart-bytes", str(multipart_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Hub(process.stdout.readline().strip())
        finally:
            process.kill()


# --- Clients


def environment(hub: Hub, home: Path, token: str | None = WRITE) -> dict[str, str]:
    """The environment of a client: this Hub, an empty home, no Xet."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    given = {"HF_TOKEN": token} if token else {}
    return kept | given | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1",
                           "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_TELEMETRY": "1"}


@dataclass(frozen=True)
class Job:
    """A job that runs."""

    pid: int
    out: Path

    @property
    def is_over(self) -> bool:
        """It has ended, however."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        if not self.is_over:
            os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: self.is_over)

    def end(self) -> Any:
        """What it gave, or the Failed that it ended by. Raises Killed."""
        try:
            return self.result()
        except Failed as failed:
            return failed

    def result(self) -> Any:
        """What it gave. Raises Failed, Killed."""
        wait_until(lambda: self.is_over)
        if not self.out.exists():
            raise Killed
        done = json.loads(self.out.read_text())
        if "fault" in done:
            raise Failed(*done["fault"])
        return done["result"]


@dataclass
class Clients:
    """The process that forks for every job."""

    process: subprocess.Popen[str]
    home: Path
    n_jobs: int = 0

    def start(self, job: str, *, token: str | None = WRITE, **arguments: object) -> Job:
        """Starts a function of `loopback_jobs`."""
        assert self.process.stdin
        assert self.process.stdout
        self.n_jobs += 1
        out = self.home / f"job{self.n_jobs}.json"
        asked = {"job": job, "arguments": arguments, "token": token, "out": str(out)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Job(int(self.process.stdout.readline()), out)

    def do(self, job: str, **arguments: Any) -> Any:
        """Starts a job and waits for what it gives. Raises Failed, Killed."""
        return self.start(job, **arguments).result()


@contextmanager
def working(hub: Hub, home: Path) -> Iterator[Clients]:
    """Clients of this Hub whose cache is in `home`."""
    home.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, str(HERE / "loopback_jobs.py")], stdin=subprocess.PIPE, text=True,
                          stdout=subprocess.PIPE, env=environment(hub, home, None)) as process:
        try:
            yield Clients(process, home)
        finally:
            process.kill()


def wait_until(is_so: Any, patience_s: float = PATIENCE_S) -> None:
    """Waits until the function says so. Raises TimeoutError."""
    end = time.monotonic() + patience_s
    while not is_so():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.005)
