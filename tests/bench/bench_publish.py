"""Publishes that are killed (SIGKILL), and what a consumer sees: `python tests/bench/bench_publish.py`.

Against the loopback Hub, with the unmodified huggingface_hub and datasets; about a minute. A small release
goes to a repository that holds another, and is killed at a random moment: half of them so many seconds after
the start, half while a request that is drawn is on the way. Then a consumer loads every config from main, and
all files are hashed; then the same command is given again, and must land whole under its tag, once.

    python tests/bench/bench_publish.py [--kills 20] [--seed 0]     # prints Markdown; exit 1 where one fails

Not covered: what `loopback_hub` does not prove; a machine that loses power.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from small_publish import Kill, World, kill_and_go_on, opened


def measure(world: World, repo: str) -> tuple[float, int]:
    """Seconds and requests of a publish that nobody kills."""
    world.seed(repo)
    start, n_before = time.monotonic(), len(world.hub.log())
    world.publish(repo, world.new, tag="v2")
    return time.monotonic() - start, len(world.log_of(repo, n_before))


def run(world: World, n_kills: int, chance: random.Random) -> tuple[list[Kill], list[str]]:
    """What each kill left, and the sentences of those that lost something."""
    measure(world, "acme/cold")
    seconds, n_requests = measure(world, "acme/warm")
    done: list[Kill] = []
    lost: list[str] = []
    n_killed = 0
    while n_killed < n_kills:
        repo = f"acme/killed-{len(done) + len(lost)}"
        world.seed(repo)
        at: int | None = chance.randrange(n_requests) if n_killed % 2 else None
        after_s = 60 if at is not None else chance.uniform(0, seconds)
        try:
            done.append(kill_and_go_on(world, repo, "new", "v2", n_requests=at, after_s=after_s,
                                       all_configs=True))
            n_killed += done[-1].is_killed
        except AssertionError as fault:
            lost.append(f"{repo}: {fault!r}")
            n_killed += 1
    return done, lost


def show(done: list[Kill], lost: list[str]) -> None:
    """The figures as Markdown."""
    killed = [one for one in done if one.is_killed]
    print(f"{len(done) + len(lost)} publishes, {len(killed)} killed before they were over; after "
          f"{len(lost)} a consumer saw no whole release, or the next run did not land\n")
    print("| last request before | kills | consumer saw the old | the new | files in the next commit |\n"
          "|---|---|---|---|---|")
    for during, n in Counter(one.during or "none" for one in killed).most_common():
        of_it = [one for one in killed if (one.during or "none") == during]
        n_new, sent = sum(one.is_new for one in of_it), sorted({one.n_uploaded for one in of_it})
        print(f"| {during} | {n} | {n - n_new} | {n_new} | {', '.join(map(str, sent))} |")
    for sentence in lost:
        print(f"\nLOST: {sentence}")


def main() -> int:
    """0 where nothing was lost."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        done, lost = run(world, chosen.kills, random.Random(chosen.seed))
    show(done, lost)
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
