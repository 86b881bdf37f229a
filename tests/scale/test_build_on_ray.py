"""Builds on a cluster: the same rows; limits and budget held together; nothing paid again but in flight."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray")

from loopback_chat import PATIENCE_S, Chat, serving
from test_build_shards import tell
from test_builds import n_paid, rows_of

from cftdata.build_shards import choose_shard
from cftdata.builds import BuildReport, build
from cftdata.calls import Completion, Provider, Request
from cftdata.endpoint import EndpointProvider
from cftdata.recipe import Recipe
from cftdata.scale import OnRay

pytestmark = pytest.mark.scale

N = 24
TESTS = Path(__file__).parents[1]


class Signed:
    """A server's provider that says in a file which process asks it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.inner: EndpointProvider | None = None

    async def complete(self, request: Request) -> Completion:
        if self.inner is None:
            self.inner = EndpointProvider(self.url)
            (self.folder / str(os.getpid())).touch()
        return await self.inner.complete(request)

    async def close(self) -> None:
        if self.inner:
            await self.inner.close()
            self.inner = None


def recipe(chat: Chat, n: int = N, **changes: Any) -> Recipe:
    plain = {"id": "test", "queries": {"source": "problems", "n": n}, "responses": [{"kind": "noise"}],
             "critics": [{"model": "symbolic"}, {"model": "openai/m", "max_tokens": 20}],
             "limits": {"default": {"n_in_flight": 4}}, "providers": {"openai/m": {"api_base": chat.url}}}
    return Recipe.model_validate(plain | changes)


@pytest.fixture
def chat() -> Iterator[Chat]:
    with serving(Chat()) as started:
        yield started


def rows_of_whole(chat: Chat, folder: Path, made: Recipe) -> tuple[object, ...]:
    """What a build in this process comes to."""
    told = tell(folder, build(made, folder))
    chat.asked.clear()
    return told


def test_the_rows_are_those_of_one_process_however_they_are_cut(
        cluster: Any, chat: Chat, tmp_path: Path) -> None:
    made = recipe(chat)
    whole = rows_of_whole(chat, tmp_path / "whole", made)
    for n_shards in (1, 3, None):
        out = tmp_path / f"{n_shards}"
        report = build(made, out, engine=OnRay(n_shards=n_shards))
        assert tell(out, report) == whole
        assert len(chat.asked) == N
        assert chat.most_in_flight <= 4
        assert {path.name for path in out.iterdir()} == {
            "build.json", "ledger.sqlite", "ledger.sqlite.lock", "samples.parquet", "unmade.parquet"}
        assert build(made, out, engine=OnRay()) == report   # it is finished
        chat.asked.clear()


@pytest.mark.parametrize(("budget", "n_most"), [
    ({"n_calls": 13}, 13), ({"n_tokens": 14_000}, 14), ({"cost_usd": 0.13, "n_calls": 100}, 13)])
def test_no_budget_is_passed_by_all_together_and_over_runs(
        budget: dict[str, Any], n_most: int, cluster: Any, chat: Chat, tmp_path: Path) -> None:
    chat.latency_s = 0.1
    for _ in range(2):
        report = build(recipe(chat, budget=budget), tmp_path, engine=OnRay(n_shards=4))
        assert 0 < len(chat.asked) <= n_most
        assert report.models[0].n_calls == len(chat.asked)
        assert not report.is_complete
    assert len(chat.asked) == n_most or (len(chat.asked) > 9 and "n_tokens" in budget)
    more = build(recipe(chat), tmp_path, engine=OnRay(n_shards=2))
    assert more.is_complete
    assert chat.asked_again() == {}


def test_requests_a_minute_and_calls_in_flight_are_those_of_all_together(
        cluster: Any, chat: Chat, tmp_path: Path) -> None:
    limits = {"default": {"n_in_flight": 3, "requests_per_minute": 600}}
    chat.latency_s = 0.2
    build(recipe(chat, limits=limits), tmp_path, engine=OnRay(n_shards=2))
    assert len(chat.asked) == N
    assert 1 < chat.most_in_flight <= 3
    for seconds in (0.5, 1.0, 2.0):
        assert chat.most_in(seconds) <= 10 * seconds + 2    # a call is a moment on its way


def test_a_provider_that_asks_for_patience_is_heard_by_all(cluster: Any, chat: Chat, tmp_path: Path) -> None:
    chat.latency_s, chat.refused = 0.1, N // 2
    report = build(recipe(chat), tmp_path, engine=OnRay(n_shards=2))
    assert report.is_complete
    assert len(chat.asked) == N + 1
    refused_at = chat.asked[N // 2].answered_at
    assert refused_at is not None
    waited = sorted(one.at - refused_at for one in chat.asked if one.at > refused_at + PATIENCE_S / 4)
    assert len(waited) >= N // 2 - 8, "four in flight, and four that were let through while it was told"
    assert waited[0] >= PATIENCE_S - 0.05


def test_a_killed_worker_costs_what_it_had_in_flight(cluster: Any, chat: Chat, tmp_path: Path) -> None:
    whole = rows_of_whole(chat, tmp_path / "whole", recipe(chat))
    chat.latency_s = 0.3
    (folder := tmp_path / "pids").mkdir()
    killed_at: list[float] = []

    def kill() -> None:
        chat.wait_for(N // 2)
        time.sleep(chat.latency_s / 2)
        pid = int(min(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns).name)
        killed_at.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    given: dict[str, Provider] = {"openai/m": Signed(chat.url, folder)}
    report = build(recipe(chat), tmp_path / "out", providers=given, engine=OnRay(n_shards=2))
    thread.join(60)
    assert report.n_retries == 1
    assert tell(tmp_path / "out", report.model_copy(update={"n_retries": 0})) == whole
    assert chat.asked_again() <= Counter(chat.in_flight_at(killed_at[0]))
    assert sum(chat.asked_again().values()) <= 4
    assert n_paid(tmp_path / "out") == N


def test_a_machine_lost_is_done_without(cluster: Any, chat: Chat, tmp_path: Path) -> None:
    """Before a driver is killed: for some minutes Ray Data keeps for that one what it had of the cluster."""
    made = recipe(chat, limits={"default": {"n_in_flight": N}})
    whole = rows_of_whole(chat, tmp_path / "whole", made)
    shards = tmp_path / "out" / "shards"
    in_flight: list[str] = []
    chat.is_held = True

    def lose() -> None:
        while not all((shards / name / "begun").exists() for name in ("0000", "0001")):
            time.sleep(0.01)
        chat.wait_for(sum(shard < 2 for shard in map(of_query, rows_of(tmp_path / "whole"))))
        in_flight.extend(chat.in_flight_at(time.monotonic()))
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        time.sleep(3)   # until its workers have seen it
        chat.is_held = False

    def of_query(row: dict[str, Any]) -> int:
        is_asked = row["critique"]["provenance"]["model"] == "openai/m"
        return choose_shard(row["query"]["text"], 4) if is_asked else 4

    thread = threading.Thread(target=lose, daemon=True)
    thread.start()
    report = build(made, tmp_path / "out", engine=OnRay(n_shards=4))
    thread.join(60)
    assert tell(tmp_path / "out", report.model_copy(update={"n_retries": 0})) == whole
    assert report.n_retries == bool(chat.asked_again())     # else its worker lived on, and was done
    assert chat.asked_again() <= Counter(in_flight)
    assert tell(tmp_path / "one", build(made, tmp_path / "one", engine=OnRay())) == whole   # on one node
    cluster.add_node(num_cpus=1)


BUILD = """
import sys
from cftdata.builds import build
from cftdata.recipe import Recipe
from cftdata.scale import OnRay
from cftdata.scale.on_ray import connect
if __name__ == "__main__":
    with connect(sys.argv[1]):
        build(Recipe.model_validate_json(sys.argv[2]), sys.argv[3], engine=OnRay(n_shards=6))
"""


def start(cluster: Any, made: Recipe, out: Path) -> subprocess.Popen[bytes]:
    script = out.parent / "driver.py"
    script.write_text(BUILD)
    return subprocess.Popen([sys.executable, str(script), cluster.address, made.model_dump_json(), str(out)],
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=TESTS)


def test_a_killed_driver_is_followed_by_one_that_goes_on(cluster: Any, chat: Chat, tmp_path: Path) -> None:
    made, out = recipe(chat), tmp_path / "out"
    whole = rows_of_whole(chat, tmp_path / "whole", made)
    chat.latency_s = 0.3
    driver = start(cluster, made, out)
    done = out / "shards"
    chat.wait_for(1)
    while not list(done.glob("*/done.json")):
        assert driver.poll() is None
        time.sleep(0.01)
    chat.wait_for(len(chat.asked) + 2)
    driver.kill()
    driver.wait()
    chat.wait_for_rest()
    assert not (out / "build.json").exists()
    n_before, n_held = len(chat.asked), sum(map(n_paid, done.glob("[0-9]*")))
    assert 0 < n_held < N
    report = build(made, out, engine=OnRay(n_shards=3))
    assert tell(out, report.model_copy(update={"n_retries": 0})) == whole
    assert 1 <= report.n_retries <= 2
    assert len(chat.asked) - n_before == N - n_held
    assert sum(chat.asked_again().values()) == n_before - n_held <= 4


def test_an_interrupted_build_books_what_is_in_flight(cluster: Any, chat: Chat, tmp_path: Path) -> None:
    made, out = recipe(chat), tmp_path / "out"
    chat.latency_s = 0.3
    driver = start(cluster, made, out)
    chat.wait_for(N // 4)
    driver.send_signal(signal.SIGINT)
    assert driver.wait(30) == 0
    report = BuildReport.model_validate_json((out / "build.json").read_bytes())
    assert not report.is_complete
    assert report.models[0].n_calls == len(chat.asked) < N
    assert build(made, out).is_complete     # in this process, for once
    assert chat.asked_again() == {}
