"""The hard pairs and the bombs of tests/bench, as a gate: `tests/bench/README.md` says what they are."""

from __future__ import annotations

import time
from collections import Counter
from functools import cache

import pytest
from bench.hard_pairs import MATCHED_BOMBS, PAIRS, Bomb, Pair

from cftdata.answers import match_answers

KINDS = sorted({pair.kind for pair in PAIRS})
BOMB_IDS = [f"{bomb.name} / {'5' if ref == '5' else 'reversed'}" for bomb, ref in MATCHED_BOMBS]
TIMEOUT_S = 1.0
BEYOND_S = 0.25
# Intersections and differences of sets are not read yet: these may be unknown, though they are different.
NOT_COVERED = {
    (r"\{1,2\}\cap\{2,3\}", r"\{1,2,3\}"),
    (r"\{1,2\}\setminus\{2\}", r"\{1,2\}"),
    (r"(1,3)\cap(2,4)", "(1,4)"),
}


@cache
def outcomes(kind: str) -> list[tuple[Pair, str, str]]:
    """Each pair of the class with the outcome and the reason of the matcher."""
    matches = [(pair, match_answers(pair.answer, pair.reference)) for pair in PAIRS if pair.kind == kind]
    return [(pair, match.outcome, match.reason) for pair, match in matches]


def show(pair: Pair, outcome: str, reason: str) -> str:
    return f"{pair.answer!r} against {pair.reference!r}: {outcome} ({reason}), not {sorted(pair.admissible)}"


def test_the_table_is_large_distinct_and_balanced() -> None:
    assert len(PAIRS) >= 420
    assert len({(pair.answer, pair.reference) for pair in PAIRS}) == len(PAIRS)
    for kind in set(KINDS) - {"unreadable"}:
        signs = Counter(pair.admissible for pair in PAIRS if pair.kind == kind)
        near_misses = sum(n for admissible, n in signs.items() if "equal" not in admissible)
        assert near_misses >= 0.8 * signs[frozenset({"equal"})], kind


@pytest.mark.parametrize("kind", KINDS)
def test_no_pair_is_falsely_equal(kind: str) -> None:
    wrong = [show(*found) for found in outcomes(kind) if found[1] == "equal"
             and "equal" not in found[0].admissible]  # fmt: skip
    assert not wrong, "\n".join([kind, *wrong])


@pytest.mark.parametrize("kind", KINDS)
def test_no_pair_is_falsely_equal_the_other_way_round(kind: str) -> None:
    unequal = [pair for pair in PAIRS if pair.kind == kind and "equal" not in pair.admissible]
    wrong = [pair for pair in unequal if match_answers(pair.reference, pair.answer).outcome == "equal"]
    assert not wrong


def is_admissible(pair: Pair, outcome: str) -> bool:
    is_excused = outcome == "unknown" and (pair.answer, pair.reference) in NOT_COVERED
    return outcome in pair.admissible or is_excused


def test_what_is_not_covered_stands_in_the_table() -> None:
    assert {(pair.answer, pair.reference) for pair in PAIRS} >= NOT_COVERED


@pytest.mark.parametrize("kind", KINDS)
def test_every_outcome_is_admissible(kind: str) -> None:
    wrong = [show(*found) for found in outcomes(kind) if not is_admissible(found[0], found[1])]
    assert not wrong, "\n".join([kind, *wrong])


@pytest.mark.parametrize(("bomb", "reference"), MATCHED_BOMBS, ids=BOMB_IDS)
def test_a_bomb_costs_no_more_than_its_limit(bomb: Bomb, reference: str) -> None:
    match_answers(r"\sin^2(t)+\cos^2(t)+t", "t+1")  # starts what has to be started
    began = time.perf_counter()
    match = match_answers(bomb.text, reference, timeout_s=TIMEOUT_S)
    seconds = time.perf_counter() - began
    assert match.outcome in bomb.admissible
    assert seconds <= TIMEOUT_S + BEYOND_S
    assert match_answers(r"\frac{1}{2}", "0.5").outcome == "equal"  # the matcher has outlived it


def test_a_limit_also_holds_right_after_a_worker_was_killed() -> None:
    beyond = {}
    for n in range(2, 5):  # each text is new, so that no cache answers for the worker
        bomb = rf"\int_0^1 x^{{x^{{x}}}} \sin({n}x^x)\,dx"
        for reference in ("5", bomb[::-1]):
            began = time.perf_counter()
            assert match_answers(bomb, reference, timeout_s=TIMEOUT_S).outcome != "equal"
            beyond[n, reference] = time.perf_counter() - began - TIMEOUT_S
    assert max(beyond.values()) <= BEYOND_S, beyond
