"""Two small releases, a loopback Hub to publish them on, and publishes that are killed.

    >>> with opened(Path("hub")) as world:                                                 # doctest: +SKIP
    ...     world.publish("acme/x", world.old, tag="v1")["revision"]
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from loopback_client import Clients, Hub, Job, serving, wait_until, working
from small_dataset import ROWS, make_audited, make_curated

from cftdata.dataset import lay_out

MULTIPART_BYTES = 100_000
"""More than the files of the releases have."""
WRITING = {"create", "commit", "put", "put_part", "tag", "branch", "delete"}


@dataclass
class World:
    """The Hub, its clients, and two releases: the curated one of 5 rows, the audited one of 4 others."""

    hub: Hub
    clients: Clients
    root: Path
    old: Path
    new: Path
    hashes: dict[str, str]
    """Content hash of each."""

    def start(self, repo: str, folder: Path, **options: Any) -> Job:
        """Starts a publish, each with a staging folder of its own."""
        out = str(self.root / "staging" / repo.replace("/", "-") / folder.name)
        return self.clients.start("publish", **({"folder": str(folder), "repo": repo, "out": out} | options))

    def publish(self, repo: str, folder: Path, **options: Any) -> dict[str, Any]:
        """Publishes."""
        report: dict[str, Any] = self.start(repo, folder, **options).result()
        return report

    def seed(self, repo: str) -> str:
        """A repository on which the old release stands, tagged v1; gives its commit."""
        self.hub.create(repo)
        laid = self.root / "laid"
        files = {path.relative_to(laid).as_posix(): path.read_bytes() for path in laid.rglob("*.*")}
        head = self.hub.put(repo, files)
        self.hub.ask("POST", f"/api/datasets/{repo}/tag/main", {"tag": "v1"})
        return head

    def writes(self, since: int) -> list[str]:
        """Kinds of requests since then that would change something."""
        return [one["kind"] for one in self.hub.log(since) if one["kind"] in WRITING]

    def log_of(self, repo: str, since: int) -> list[dict[str, Any]]:
        """What was asked of a repository."""
        return [one for one in self.hub.log(since) if one["repo"] == repo]

    def settle(self, repo: str, since: int) -> None:
        """Waits until the Hub has done all that it was asked: what a killed client sent may still land."""
        wait_until(lambda: all(one["status"] is not None for one in self.log_of(repo, since)))

    def consume(self, repo: str, revision: str = "main", *, all_configs: bool = False) -> str:
        """The release that `datasets` loads, "old" or "new"; AssertionError where it is neither whole."""
        seen = self.clients.do("read_release", repo=repo, revision=revision, all_configs=all_configs)
        assert self.hub.release(repo, revision) == seen["content_hash"]
        names = [name for name, content_hash in self.hashes.items() if content_hash == seen["content_hash"]]
        assert names, f"{repo} at {revision}: {seen}"
        return names[0]


@contextmanager
def opened(root: Path) -> Iterator[World]:
    """A Hub that holds nothing, clients, and the releases, laid out too."""
    old, new = make_curated(root / "old"), make_audited(root / "new", ROWS[:4])
    hashes = {"old": lay_out(old, root / "laid").content_hash,
              "new": lay_out(new, root / "laid-new").content_hash}
    with (serving(root / "store", multipart_bytes=MULTIPART_BYTES) as hub,
          working(hub, root / "home") as clients):
        yield World(hub, clients, root, old, new, hashes)


class Kill(NamedTuple):
    """What a killed publish left, and what came of the next run."""

    during: str
    """The last kind of request that it had sent; "" when none."""
    is_killed: bool
    """It was not over before."""
    is_new: bool
    """A consumer loaded the new release from main after the kill; else the old one, whole."""
    n_uploaded: int
    """Files that the next run sent."""


def kill_and_go_on(world: World, repo: str, name: str, tag: str, *, n_requests: int | None = None,
                   after_s: float = 60, all_configs: bool = False) -> Kill:
    """Publishes the release `name`, kills it, looks as a consumer, and gives the same command again.

    It is killed while its next request after `n_requests` is on the way, and the Hub may do what that asked;
    or after so many seconds. Raises AssertionError where anything is lost or half done.
    """
    hub, folder = world.hub, getattr(world, name)
    before, held, start = hub.head(repo), hub.tags(repo), len(hub.log())
    if n_requests is not None:
        hub.order("any", "hold", repo=repo, skip=n_requests)
    job, end = world.start(repo, folder, tag=tag), time.monotonic() + after_s
    wait_until(lambda: job.is_over or time.monotonic() >= end
               or any(one["order"] == "hold" for one in (hub.log(start) if n_requests is not None else ())))
    is_killed = not job.is_over
    job.kill()
    sent = [one["kind"] for one in world.log_of(repo, start)]
    hub.clear()
    world.settle(repo, start)
    seen = world.consume(repo, all_configs=all_configs)
    assert tag not in hub.tags(repo) or hub.head(repo) != before
    report = world.publish(repo, folder, tag=tag)
    assert hub.release(repo, tag) == hub.release(repo) == world.hashes[name]
    assert hub.tags(repo) == held | {tag: report["revision"]}
    assert sum(title.startswith(f"{tag}:") for title in hub.commits(repo)) == 1
    return Kill(sent[-1] if sent else "", is_killed, seen == name, report["n_uploaded"])
