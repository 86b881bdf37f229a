"""Publishes at once and publishes that are killed: whole releases only, and none is lost without a word."""

from __future__ import annotations

import random

import pytest
from loopback_client import Failed
from small_publish import World, kill_and_go_on


def test_six_publishes_at_once_to_one_repository(world: World) -> None:
    """Six releases on one head: five are behind when the first has landed, and go on from there."""
    hub, repo, start = world.hub, "acme/six", len(world.hub.log())
    world.seed(repo)
    hub.order("commit", "hold", n=6, repo=repo)
    jobs = {}
    for i in range(6):
        name, tag = ("old", "new")[i % 2], f"v1.{i}"
        jobs[tag] = name, world.start(
            repo, getattr(world, name), tag=tag, out=str(world.root / tag), patience={"n_tries": 12},
            settings={"about": f"Release {i}."})
    hub.wait_for("hold", start, n=6)
    hub.clear()
    ended = {tag: job.end() for tag, (_, job) in jobs.items()}
    landed = [tag for tag, end in ended.items() if not isinstance(end, Failed)]
    failed = [end for end in ended.values() if isinstance(end, Failed)]
    assert all((one.kind, "gave up after 12 tries" in one.message) == ("HubGaveUp", True) for one in failed)
    for tag in landed:
        name = jobs[tag][0]
        assert hub.tags(repo)[tag] == ended[tag]["revision"]
        assert hub.release(repo, tag) == world.hashes[name]
        assert f"Release {tag[-1]}." in hub.files(repo, tag)["README.md"].decode()
    assert landed
    titles = [title.partition(":")[0] for title in hub.commits(repo)]
    assert sorted(titles) == ["By hand", "initial commit", *landed], "each landed once, and no other did"
    assert hub.tags(repo).keys() == {"v1", *landed}
    assert hub.release(repo) == hub.release(repo, titles[0])


def test_publishes_of_one_release_at_once_are_one(world: World) -> None:
    world.seed("acme/same")
    jobs = [world.start("acme/same", world.new, tag="v2", out=str(world.root / f"same{i}")) for i in range(4)]
    revisions = {job.result()["revision"] for job in jobs}
    assert revisions == {world.hub.tags("acme/same")["v2"]}
    assert world.hub.release("acme/same", "v2") == world.hashes["new"]


@pytest.mark.parametrize(("at", "seen"), [("tree", "old"), ("put", "old"), ("commit", "new"), ("tag", "new")])
def test_a_publish_that_is_killed_at_a_bad_moment(world: World, at: str, seen: str) -> None:
    """Killed while its request is on the way; the Hub may still do what it asked, as with `commit` here."""
    hub, repo, start = world.hub, f"acme/at-{at}", len(world.hub.log())
    head = world.seed(repo)
    hub.order(at, "hold", repo=repo)
    job = world.start(repo, world.new, tag="v2")
    hub.wait_for("hold", start)
    job.kill()
    assert hub.head(repo) == head or at == "tag"
    assert hub.release(repo, "v1") == world.hashes["old"]
    hub.clear()
    world.settle(repo, start)
    assert world.consume(repo) == seen
    report = world.publish(repo, world.new, tag="v2")
    assert report["n_tries"] == (1 if seen == "old" else 0), "what is there is known again"
    assert hub.release(repo, "v2") == world.hashes["new"]
    assert hub.tags(repo) == {"v1": head, "v2": report["revision"]}


def test_publishes_that_are_killed_at_random_moments(world: World) -> None:
    """Two; `bench/bench_publish.py` kills twenty."""
    chance = random.Random(5)
    world.seed("acme/random")
    for i, name in enumerate(("new", "old")):
        kill_and_go_on(world, "acme/random", name, f"v2.{i}", n_requests=chance.randrange(18))
