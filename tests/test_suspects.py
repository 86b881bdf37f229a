from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers import match_answers
from cftdata.config import load_protocol
from cftdata.sample import Verdict
from cftdata.suspects import describe_suspects, find_agreement, find_suspects
from cftdata.tally import Entry, code_rates, rate_rows

PROTOCOL = load_protocol("default")


def entry(
    n: int,
    answer: str,
    verdict: Verdict | None = "right",
    *,
    reference: str = "12.8",
    response: int | None = None,
    first: bool = True,
) -> Entry:
    right = {"equal": True, "different": False, "unknown": None}[match_answers(answer, reference).outcome]
    outcome = (
        ("verdict", "abstain", "answer_unknown")
        if right is None or verdict is None
        else (("verdict", "pass", "agrees") if right == (verdict == "right") else ("verdict", "fail", "errs"))
    )
    return Entry(
        source_row=n,
        first=first,
        sample_id=bytes([n]),
        query=b"q",
        critic=None,
        verdict=verdict,
        right=right,
        response=bytes([n if response is None else response]),
        on_answer=True,
        rounded=False,
        final_answer=answer,
        reference=reference,
        outcomes=(outcome,),
        values=(),
    )


def test_the_consensus_is_the_form_to_which_most_answers_are_equal() -> None:
    answers = ["12.7", "12.699", r"8\sqrt[3]{4}", "12.70", "2^{11/3}", "12.8"]
    (suspect,) = find_suspects([entry(n, answer) for n, answer in enumerate(answers)], PROTOCOL).values()
    assert suspect.consensus in (r"8\sqrt[3]{4}", "2^{11/3}")
    assert (suspect.n_for, suspect.n_against) == (5, 1)
    assert suspect.right == {answer: answer != "12.8" for answer in answers}


def test_a_response_counts_once_and_by_the_majority_of_its_critics() -> None:
    rows = [entry(n, "12.7", response=n) for n in range(5)]
    assert find_suspects(rows, PROTOCOL)
    at_odds = [entry(10 + n, "12.7", "wrong", response=n) for n in range(5)]
    assert not find_suspects(rows + at_odds, PROTOCOL)
    assert find_suspects([*rows, entry(10, "12.7", None, response=0)], PROTOCOL)
    repeated = [entry(n, "12.7", response=0) for n in range(5)]
    assert not find_suspects(repeated, PROTOCOL)
    assert not find_suspects([one._replace(first=False) for one in rows], PROTOCOL)


@pytest.mark.parametrize(
    ("n_for", "n_against", "is_suspect"), [(4, 0, False), (5, 0, True), (8, 2, True), (7, 2, False)]
)
def test_the_thresholds_are_those_of_the_protocol(n_for: int, n_against: int, is_suspect: bool) -> None:
    rows = [entry(n, "12.7" if n < n_for else "12.8") for n in range(n_for + n_against)]
    assert bool(find_suspects(rows, PROTOCOL)) == is_suspect
    eager = PROTOCOL.model_copy(update={"suspect_min_responses": 1, "suspect_min_rate": 0.5})
    assert find_suspects(rows, eager)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["12.7", "12.8", "12.699", "cat", "50\\%"]),
            st.sampled_from(["right", "wrong", None]),
        ),
        max_size=12,
    )
)
def test_rows_of_a_suspect_reference_are_open_and_no_other_rate_hides_them(
    said: list[tuple[str, Verdict | None]],
) -> None:
    rows = [entry(n, answer, verdict) for n, (answer, verdict) in enumerate(said)]
    suspects = find_suspects(rows, PROTOCOL)
    rates = rate_rows(code_rates(rows, suspects, PROTOCOL), PROTOCOL)
    stated = rates["verdict_error_suspects_included"]
    assert stated.n_hits == sum(one.outcomes[0][1] == "fail" for one in rows)
    assert rates["verdict_error"].n_decided == (0 if suspects else stated.n_decided)
    assert all(rate.n_total == len(rows) for name, rate in rates.items() if not name.startswith("false_"))
    described = describe_suspects(suspects, rows, {b"q": "?"})
    assert [one.n_samples for one in described] == ([len(rows)] if suspects else [])


def test_hostile_answers_cost_a_few_time_limits_and_not_one_for_every_pair() -> None:
    slow = [rf"\int_0^1 \frac{{\sin({n} x^7 + e^x)}}{{1 + x^{{{n}}} + \ln(2 + x)}} dx" for n in range(30)]
    quick = PROTOCOL.model_copy(update={"timeout_s": 0.2})
    assert match_answers(slow[0], slow[1], timeout_s=0.2).reason == "time_limit"
    rows = [entry(n, "3")._replace(right=None, final_answer=answer) for n, answer in enumerate(slow)]
    started = time.perf_counter()
    assert not find_suspects(rows, quick)
    # 870 pairs: a time limit each, and a new worker after it, would take minutes.
    assert time.perf_counter() - started < 60


def test_a_reference_found_suspect_in_a_larger_set_stays_so_in_a_part_of_it() -> None:
    entries = [entry(n, "12.7") for n in range(6)]
    suspects = find_suspects(entries, PROTOCOL)
    queries = {b"q": "How fast?"}
    earlier = [one.model_copy(update={"query_id": b"q".hex()})
               for one in describe_suspects(suspects, entries, queries)]
    part = [*entries[:2], entry(7, "12.8", "wrong")]
    assert find_suspects(part, PROTOCOL) == {}
    (kept,) = find_suspects(part, PROTOCOL, earlier).values()
    assert (kept.consensus, kept.n_for) == ("12.7", 6)
    assert kept.right == {"12.7": True, "12.8": False}
    assert find_suspects([entry(8, "12.7", reference="13")], PROTOCOL, earlier) == {}, "another reference"


def test_agreement_needs_enough_responses_judged_right_and_no_reference() -> None:
    def bare(n: int, answer: str, verdict: Verdict = "right") -> Entry:
        return entry(n, answer, verdict)._replace(on_answer=False, right=None, reference=None)

    agreeing = [bare(n, "12.7") for n in range(5)]
    assert find_agreement([*agreeing, bare(5, "13"), bare(6, "9", "wrong")], PROTOCOL) == {b"q": "12.7"}
    assert find_agreement(agreeing[:4], PROTOCOL) == {}
    assert find_agreement([*agreeing, bare(5, "13"), bare(6, "14")], PROTOCOL) == {}, "5 of 7"
