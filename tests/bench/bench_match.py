"""Answer matching against math-verify 0.9.0, in one interleaved run: `python tests/bench/bench_match.py`.

Both matchers take the same chunks of pairs by turns, each pair once: what the machine does beside falls on
both, and a cache of pairs gains nothing. Many GSM8K pairs still share a text ("18"), so the pairs whose two
texts both come for the first time are timed again by themselves, from their own part of the run. Start-up
(imports, the worker process) is paid before the clock starts, on pairs that are in neither set.

math-verify gets its best usage, tried out on these very pairs: plain numbers as they are; else the reference
in $...$ and the answer in \\boxed{...}, sentences as they are; its own time limits at their defaults. Its
False counts as `different`, an error it raises as `unknown`. Not covered: use from threads (it cannot).
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cftdata.answers import AnswerMatch

sys.path.insert(0, str(Path(__file__).parents[1]))
DATA = Path(__file__).parents[2].parent / "shared" / "data"
CHUNK = 50
SENTENCE = re.compile(r"\\boxed|\$.*\$|\\\(|\\\[|[Aa]nswer|^The |^Therefore|^Thus|####|\*\*")

Matcher = Callable[[str, str], str]
Texts = tuple[str, str]  # answer, reference


class Gsm8kPair(NamedTuple):
    """One solution: its final answer (None when it gives none), the ground truth, and people's label."""

    answer: str | None
    reference: str
    is_correct: bool


def read_answer(text: str) -> str | None:
    """The text after the last "A:" up to the end of its line."""
    _, found, answer = text.rpartition("A:")
    return answer.strip().split("\n")[0] if found and answer.strip() else None


def read_gsm8k(data: Path) -> Iterator[Gsm8kPair]:
    with (data / "gsm8k" / "example_model_solutions.jsonl").open(encoding="utf-8") as lines:
        for problem in map(json.loads, lines):
            reference = read_answer(problem["ground_truth"])
            assert reference is not None
            for value in problem.values():
                if isinstance(value, dict):
                    yield Gsm8kPair(read_answer(value["solution"]), reference, value["is_correct"])


def load_math_verify() -> Matcher:
    from math_verify import parse, verify

    logging.disable(logging.ERROR)  # it logs every text that it cannot parse
    number = re.compile(r"-?\d+(\.\d+)?")

    def match(answer: str, reference: str) -> str:
        if not (number.fullmatch(answer) and number.fullmatch(reference)):
            reference = reference if "$" in reference or r"\boxed" in reference else f"${reference}$"
            answer = answer if SENTENCE.search(answer) else rf"\boxed{{{answer}}}"
        try:
            return "equal" if verify(parse(reference), parse(answer)) else "different"
        except Exception:  # whatever it raises: it could not tell
            return "unknown"

    return match


def load_cftdata() -> Matcher:
    from cftdata.answers import match_answers

    return lambda answer, reference: match_answers(answer, reference).outcome


def interleave(matchers: Sequence[Matcher], pairs: Sequence[Texts]) -> list[tuple[float, list[str]]]:
    """Seconds and outcomes of each matcher over the pairs, chunk by chunk, each one first by turns."""
    seconds = [0.0] * len(matchers)
    outcomes: list[list[str]] = [[] for _ in matchers]
    for turn, start in enumerate(range(0, len(pairs), CHUNK)):
        for i in range(len(matchers))[:: 1 if turn % 2 else -1]:
            began = time.perf_counter()
            outcomes[i] += [matchers[i](*pair) for pair in pairs[start : start + CHUNK]]
            seconds[i] += time.perf_counter() - began
    return list(zip(seconds, outcomes, strict=True))


def split_new(pairs: Sequence[Texts]) -> tuple[list[Texts], list[Texts]]:
    """Pairs whose two texts are in no earlier pair of the first list, and all others."""
    seen: set[str] = set()
    new: list[Texts] = []
    others: list[Texts] = []
    for pair in pairs:
        if seen.isdisjoint(pair):
            new.append(pair)
            seen.update(pair)
        else:
            others.append(pair)
    return new, others


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for row in (head, ["---"] * len(head), *rows):
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def rate_row(name: str, n_pairs: int, ours_s: float, theirs_s: float) -> list[object]:
    ours, theirs, ratio = n_pairs / ours_s, n_pairs / theirs_s, theirs_s / ours_s
    return [name, n_pairs, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ratio:.1f}x"]


def bench_gsm8k(matchers: Sequence[Matcher], data: Path) -> None:
    rows = list(read_gsm8k(data))
    distinct = list(dict.fromkeys((row.answer, row.reference) for row in rows if row.answer is not None))
    new, others = split_new(distinct)
    (ours_new_s, ours_new), (theirs_new_s, theirs_new) = interleave(matchers, new)
    (ours_s, ours), (theirs_s, theirs) = interleave(matchers, others)
    print(f"## GSM8K example solutions: {len(rows):,} pairs, {len(distinct):,} distinct with an answer\n")
    print_table(["pairs a second", "pairs", "cftdata", "math-verify", "ratio"], [
        rate_row("distinct pairs, each once", len(distinct), ours_s + ours_new_s, theirs_s + theirs_new_s),
        rate_row("of these, both texts new", len(new), ours_new_s, theirs_new_s),
    ])  # fmt: skip
    counts = [count_agreement(rows, dict(zip(new + others, found, strict=True)))
              for found in (ours_new + ours, theirs_new + theirs)]  # fmt: skip
    print_table(["against is_correct", "cftdata", "math-verify"], [
        [name, *(f"{count[name]:,}" for count in counts)] for name in ("agrees", "disagrees", "unknown")
    ])  # fmt: skip


def count_agreement(rows: Sequence[Gsm8kPair], outcomes: dict[Texts, str]) -> Counter[str]:
    """How often `equal` means a solution labelled correct; one without an answer is not correct."""
    found = ["different" if row.answer is None else outcomes[row.answer, row.reference] for row in rows]
    agrees = {True: "agrees", False: "disagrees"}
    return Counter(
        "unknown" if outcome == "unknown" else agrees[(outcome == "equal") == row.is_correct]
        for row, outcome in zip(rows, found, strict=True)
    )


def bench_hard_pairs(matchers: Sequence[Matcher]) -> None:
    from bench.hard_pairs import PAIRS, UNKNOWN, Pair

    runs = interleave(matchers, [(pair.answer, pair.reference) for pair in PAIRS])

    def cells(count: Callable[[Pair, str], bool], kind: str = "") -> list[int]:
        return [sum(count(pair, outcome) for pair, outcome in zip(PAIRS, found, strict=True)
                    if kind in ("", pair.kind)) for _, found in runs]  # fmt: skip

    def right(pair: Pair, outcome: str) -> bool:
        return outcome in pair.admissible

    kinds = list(dict.fromkeys(pair.kind for pair in PAIRS))
    decidable = sum(pair.admissible != UNKNOWN for pair in PAIRS)
    print(f"## Hard pairs: {len(PAIRS)}\n")
    print_table(["", "pairs", "cftdata", "math-verify"], [
        ["right", len(PAIRS), *cells(right)],
        ["right, unreadable ones left out", decidable,
         *cells(lambda pair, outcome: right(pair, outcome) and pair.admissible != UNKNOWN)],
        ["false `equal`", "", *cells(lambda pair, found: found == "equal" and not right(pair, found))],
        ["false `different`", "",
         *cells(lambda pair, found: not right(pair, found) and found == "different")],
        ["unknown", "", *cells(lambda _, found: found == "unknown")],
        ["seconds", "", *(f"{seconds:.2f}" for seconds, _ in runs)],
        *([kind, sum(pair.kind == kind for pair in PAIRS), *cells(right, kind)] for kind in kinds),
    ])  # fmt: skip


def read_rss_mb(pid: str = "self") -> float:
    """Resident memory of a process and all its descendants, in MB (from Linux's /proc)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        rss = re.search(r"VmRSS:\s+(\d+)", status)
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        children = [child for task in tasks for child in (task / "children").read_text().split()]
    except OSError:  # it ended meanwhile
        return 0.0
    return (int(rss[1]) / 1024 if rss else 0.0) + sum(map(read_rss_mb, children))


def measure(match: Callable[[], AnswerMatch]) -> tuple[str, float, float]:
    """Outcome, seconds and peak resident memory in MB (looked at every 20 ms)."""
    done, peaks = threading.Event(), [read_rss_mb()]

    def watch() -> None:
        while not done.wait(0.02):
            peaks.append(read_rss_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    outcome = match().outcome
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    return outcome, seconds, max(peaks)


def bench_bombs(timeout_s: float) -> None:
    from bench.hard_pairs import MATCHED_BOMBS
    from cftdata.answers import match_answers

    rows = []
    for bomb, reference in MATCHED_BOMBS:
        match = partial(match_answers, bomb.text, reference, timeout_s=timeout_s)
        outcome, seconds, peak_mb = measure(match)
        beyond = max(0.0, seconds - timeout_s)
        good = outcome in bomb.admissible and beyond <= 0.25
        rows.append([bomb.name, "5" if reference == "5" else "reversed", outcome, f"{seconds:.3f}",
                     f"{beyond:.3f}", f"{peak_mb:.0f}", "" if good else "**fails**"])  # fmt: skip
    print(f"## Bombs: limit {timeout_s} s; at most 0.25 s beyond it; memory of all processes together\n")
    print_table(["bomb", "against", "outcome", "seconds", "beyond the limit", "peak MB", ""], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds gsm8k/")
    parser.add_argument("--timeout-s", type=float, default=1.0, help="limit of each bomb")
    args = parser.parse_args()
    matchers = (load_cftdata(), load_math_verify())
    for match in matchers:  # start-up: imports, the worker process
        for pair in (("0.125000", "0.125"), (r"\sin^2(t)+\cos^2(t)+t", "t+1"), ("apples or pears", "z")):
            match(*pair)
    bench_gsm8k(matchers, args.data)
    bench_hard_pairs(matchers)
    bench_bombs(args.timeout_s)


if __name__ == "__main__":
    main()
