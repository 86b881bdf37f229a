from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.agreement import (
    Agreement,
    CriticAgreement,
    Vote,
    count_ballots,
    measure_agreement,
    measure_ballots,
)
from cftdata.sample import Verdict

CRITICS = {"careful": (0.03, 0.05), "hasty": (0.1, 0.3), "harsh": (0.35, 0.1), "plain": (0.15, 0.15),
           "lax": (0.05, 0.4)}
"""Critic to the rates at which it calls a right response wrong, and a wrong one right."""
OTHER: dict[Verdict, Verdict] = {"right": "wrong", "wrong": "right"}


def simulate(n: int, seed: int, critics: Mapping[str, tuple[float, float]] = CRITICS,
             share: float = 0.6) -> tuple[list[Vote], dict[str, float]]:
    """Votes on n responses by critics that err independently, and each critic's true share of errors."""
    rng = random.Random(seed)
    votes: list[Vote] = []
    errors = defaultdict[str, list[bool]](list)
    for number in range(n):
        truth: Verdict = "right" if rng.random() < share else "wrong"
        for critic, (false_wrong, false_right) in critics.items():
            errs = rng.random() < (false_wrong if truth == "right" else false_right)
            errors[critic].append(errs)
            votes.append((b"%d" % number, critic, OTHER[truth] if errs else truth))
    return votes, {critic: sum(said) / len(said) for critic, said in errors.items()}


def measure(votes: Sequence[Vote]) -> Agreement:
    found = measure_agreement(votes)
    assert found is not None
    return found


def by_name(found: Agreement) -> dict[str | None, CriticAgreement]:
    return {one.critic: one for one in found.critics}


def counts(one: Agreement | CriticAgreement) -> tuple[int, int, int]:
    rate = one.disagreement
    return rate.n_hits, rate.n_decided, rate.n_total


def test_each_vote_is_held_against_the_majority_of_the_others() -> None:
    votes: list[Vote] = [
        (b"1", "a", "right"), (b"1", "b", "right"), (b"1", "c", "right"), (b"1", "d", "wrong"),
        (b"2", "a", "wrong"), (b"2", "b", "wrong"), (b"2", "c", "right"), (b"2", "d", "right")]
    found = measure(votes)
    assert (found.n_responses, found.n_votes) == (2, 8)
    # In response 2 the others of each are 2 to 1 against it.
    assert counts(found) == (5, 8, 8)
    assert {one.critic: counts(one) for one in found.critics} == {
        "a": (1, 2, 2), "b": (1, 2, 2), "c": (1, 2, 2), "d": (2, 2, 2)}


def test_ties_single_votes_and_unread_verdicts_are_undecided() -> None:
    votes: list[Vote] = [(b"1", "a", "right"), (b"1", "b", "right"), (b"1", "c", "wrong"),
                         (b"2", "a", "wrong"), (b"3", "c", None)]
    found = measure(votes)
    assert (found.n_responses, found.n_votes) == (1, 3)
    assert counts(found) == (1, 1, 5)
    assert {one.critic: (one.n_votes, counts(one)) for one in found.critics} == {
        "a": (1, (0, 0, 2)), "b": (1, (0, 0, 1)), "c": (1, (1, 1, 2))}


@pytest.mark.parametrize("votes", [
    [], [(b"1", "a", "right")], [(b"1", "a", "right"), (b"2", "b", "wrong")],
    [(b"1", "a", "right"), (b"1", "a", "wrong")], [(b"1", "a", "right"), (b"1", "b", None)]])
def test_no_response_with_two_critics_is_none(votes: list[Vote]) -> None:
    assert measure_agreement(votes) is None


def test_a_critic_is_not_held_against_its_own_other_votes() -> None:
    again: Vote = (b"1", "a", "right")
    votes: list[Vote] = [again, again, again, again, again, (b"1", "b", "wrong")]
    assert {one.critic: counts(one) for one in measure(votes).critics} == {"a": (5, 5, 5), "b": (1, 1, 1)}


def test_critiques_without_a_name_are_voices_of_their_own() -> None:
    votes: list[Vote] = [(b"1", None, "right"), (b"1", None, "right"), (b"1", None, "wrong"),
                         (b"1", "a", "right")]
    found = measure(votes)
    assert [one.critic for one in found.critics] == ["a", None]
    assert {one.critic: counts(one) for one in found.critics} == {"a": (0, 1, 1), None: (1, 3, 3)}


def test_two_votes_that_differ_are_one_observation_in_the_interval() -> None:
    votes: list[Vote] = []
    for number in range(100):
        votes += [(b"%d" % number, "a", "right"), (b"%d" % number, "b", "wrong" if number < 20 else "right")]
    found, single = measure(votes), by_name(measure(votes))["a"].disagreement
    assert found.disagreement.rate == single.rate == 0.2
    assert found.disagreement.low == pytest.approx(single.low, abs=0.002)


def test_two_voices_a_response_give_no_estimate() -> None:
    votes = [(response, critic, verdict) for response, critic, verdict in simulate(200, 1)[0]
             if critic in ("careful", "hasty")]
    assert [one.estimated_error_rate for one in measure(votes).critics] == [None, None]


@pytest.mark.parametrize("seed", range(5))
def test_error_rates_of_a_simulation_are_found(seed: int) -> None:
    votes, truth = simulate(2000, seed)
    found = by_name(measure(votes))
    for critic, rate in truth.items():
        assert found[critic].estimated_error_rate == pytest.approx(rate, abs=0.03), critic


def test_unnamed_critics_are_several_and_get_no_estimate() -> None:
    votes, _ = simulate(200, 7, dict.fromkeys("abcdef", (0.2, 0.1)))
    found = by_name(measure([(response, None, verdict) for response, _, verdict in votes]))
    assert found[None].estimated_error_rate is None


def test_a_majority_that_is_wrong_together_is_not_seen_through() -> None:
    votes: list[Vote] = []
    for number in range(50):
        key = b"%d" % number
        votes += [(key, "one", "right"), (key, "two", "right"), (key, "only_right", "wrong")]
    found = by_name(measure(votes))
    assert found["only_right"].estimated_error_rate == pytest.approx(1, abs=1e-6)
    assert found["one"].estimated_error_rate == pytest.approx(0, abs=1e-6)


def test_responses_that_are_all_split_evenly_give_no_estimate() -> None:
    votes: list[Vote] = []
    for number in range(9):
        key = b"%d" % number
        votes += [(key, "a", "right"), (key, "b", "right"), (key, "c", "wrong"), (key, "d", "wrong")]
    assert {one.estimated_error_rate for one in measure(votes).critics} == {None}


@pytest.mark.filterwarnings("ignore")  # crowd-kit calls what pandas has deprecated
def test_estimates_are_those_of_crowd_kit() -> None:
    aggregation = pytest.importorskip("crowdkit.aggregation")
    pandas = pytest.importorskip("pandas")
    votes, _ = simulate(2000, 3)
    rng = random.Random(3)
    votes = [vote for vote in votes if rng.random() < 0.9]
    frame = pandas.DataFrame([{"task": response.decode(), "worker": critic, "label": verdict}
                              for response, critic, verdict in votes])
    theirs = aggregation.DawidSkene(n_iter=200, tol=1e-12).fit(frame)
    for critic, one in by_name(measure(votes)).items():
        errors = theirs.errors_.loc[critic]
        rate = sum(theirs.priors_[true] * errors.loc[said, true]
                   for true, said in (("right", "wrong"), ("wrong", "right")))
        assert one.estimated_error_rate == pytest.approx(rate, abs=1e-3), critic


names = st.sampled_from(["a", "b", "c", None])
verdicts = st.sampled_from(["right", "wrong", None])


@given(st.lists(st.tuples(st.sampled_from([b"1", b"2", b"3"]), names, verdicts), max_size=40))
def test_any_votes_give_a_record_that_holds_together(votes: list[Vote]) -> None:
    found = measure_agreement(votes)
    assert found == measure_agreement(votes)
    if found:
        assert sum(one.n_votes for one in found.critics) == found.n_votes
        assert sum(one.disagreement.n_hits for one in found.critics) == found.disagreement.n_hits
        assert sum(one.disagreement.n_decided for one in found.critics) == found.disagreement.n_decided
        assert found.disagreement.n_total == len(votes)


@given(st.lists(st.tuples(st.sampled_from([b"1", b"2"]), names, verdicts), max_size=20), st.randoms())
def test_counts_do_not_hang_on_the_order(votes: list[Vote], rng: random.Random) -> None:
    other = list(votes)
    rng.shuffle(other)
    first, second = measure_agreement(votes), measure_agreement(other)
    assert (first is None) is (second is None)
    if first and second:
        assert [(one.critic, one.n_votes, counts(one)) for one in first.critics] == [
            (one.critic, one.n_votes, counts(one)) for one in second.critics]


@given(st.lists(st.tuples(st.sampled_from([b"1", b"2", b"3", b"4"]), names, verdicts), max_size=40),
       st.randoms())
def test_ballots_of_two_parts_add_up_to_those_of_all(votes: list[Vote], rng: random.Random) -> None:
    parts = [[vote for vote in votes if (vote[0] < b"3") is is_first] for is_first in (True, False)]
    rng.shuffle(parts)
    ballots = count_ballots(parts[0]) + count_ballots(parts[1])
    assert measure_ballots(ballots) == measure_agreement(votes)
