"""Figures and reasons are said honestly, and every reason that a verifier gives has words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.bundled import demo_path
from cftdata.sample import Rate
from cftdata.sources import load
from cftdata.text import normalise
from cftdata.verifiers import VERIFIERS, verify
from cftdata.words import (
    CLAIMS,
    RATES,
    REASONS,
    code,
    escape_markdown,
    headline,
    interval,
    name_of,
    percent,
    reason_in_words,
    share,
    sort_rates,
)


def rate(n_hits: int, n_decided: int, n_total: int | None = None, low: float | None = 0.1,
         high: float | None = 0.3) -> Rate:
    bounds = (low, high) if n_decided else (None, None)
    return Rate(n_hits=n_hits, n_decided=n_decided, n_total=n_decided if n_total is None else n_total,
                rate=n_hits / n_decided if n_decided else None, low=bounds[0], high=bounds[1],
                method="wilson", level=0.95)


@pytest.mark.parametrize(("proportion", "expected"), [
    (0.0, "0%"), (1.0, "100%"), (1e-18, "0%"), (1 - 1e-17, "100%"), (24 / 600, "4.0%"), (103 / 111, "92.8%"),
    (0.0337, "3.4%"), (0.0004, "0.04%"), (0.99996, "99.996%"), (0.9999, "99.99%"), (0.5, "50.0%"),
])
def test_percent_has_sensible_digits(proportion: float, expected: str) -> None:
    assert percent(proportion) == expected


@given(st.floats(0, 1))
def test_percent_is_near_and_never_looks_like_none_or_all(proportion: float) -> None:
    shown = percent(proportion)
    assert abs(float(shown.removesuffix("%")) / 100 - proportion) <= 0.0005001
    assert (float(shown.removesuffix("%")) in (0, 100)) == (min(proportion, 1 - proportion) < 1e-9)


@pytest.mark.parametrize(("given_rate", "expected"), [
    (rate(24, 600, 600, 0.027, 0.0588), "24 of 600: 4.0% (95% interval 2.7%–5.9%)"),
    (rate(0, 110, 110, 0.0, 0.0337), "0 of 110 (95% interval 0%–3.4%)"),
    (rate(2, 2, 2, None, None), "2 of 2: 100% (no interval)"),
    (rate(0, 0, 9), "nothing could be decided"),
    (rate(1500, 50_000, 60_000, 0.0285, 0.0315), "1,500 of 50,000: 3.0% (95% interval 2.9%–3.1%)"),
])
def test_a_rate_in_words(given_rate: Rate, expected: str) -> None:
    assert share(given_rate) == expected


@pytest.mark.parametrize(("given_rate", "expected"), [
    (rate(24, 600, 600, 0.027, 0.0588),
     "24 of 600 critiques have a wrong verdict: 4.0% (95% interval 2.7%–5.9%)."),
    (rate(1, 111, 111, 0.0016, 0.049),
     "1 of 111 critiques has a wrong verdict: 0.9% (95% interval 0.2%–4.9%)."),
    (rate(0, 110, 110, 0.0, 0.0337), "0 of 110 critiques have a wrong verdict (95% interval 0%–3.4%)."),
    (rate(0, 0, 12), "Nothing could be decided: of 12 critiques, no verdict could be checked."),
    (rate(0, 0, 0), "There was no critique to judge."),
    (None, "This protocol did not measure wrong verdicts."),
])
def test_the_headline(given_rate: Rate | None, expected: str) -> None:
    assert headline(given_rate) == expected


def test_names_and_reasons_for_people() -> None:
    assert name_of("false_right") == "wrong responses called right"
    assert name_of("my_rate") == "my rate"
    assert reason_in_words("verdict_truncated") == "verdict could not be read: cut off"
    assert reason_in_words("step_not_stated") == "the step it names could not be read: none is named"
    assert reason_in_words("match_odd_one") == "answers could not be compared: odd one"
    assert reason_in_words("my_reason") == "my reason"
    assert reason_in_words("verdict_agrees") == "verdict agrees with the response"
    assert interval(None) == "—"


def test_the_headline_of_claims() -> None:
    assert headline(rate(131, 1261), CLAIMS) == (
        "131 of 1,261 critiques make a false claim: 10.4% (95% interval 10.0%–30.0%).")
    assert headline(None, CLAIMS) == "This protocol did not measure false claims."


def test_rates_of_claims_stand_under_the_claims() -> None:
    assert sort_rates(["any_error", "x_rate", "arithmetic_error", "claim_error", "verdict_error"]) == [
        "verdict_error", "claim_error", "arithmetic_error", "any_error", "x_rate"]
    for name in VERIFIERS:
        assert name == "verdict" or RATES[f"{name}_error"][0].startswith("… ")


def test_every_reason_for_a_finding_has_words_of_its_own() -> None:
    samples = [normalise(row.sample) for row in load(str(demo_path())) if row.sample]
    said = [one for sample in verify(samples, list(VERIFIERS)) for one in sample.verifications]
    found = {one.reason for one in said if one.outcome in ("fail", "pass")}
    assert len(found) > 10
    assert found <= set(REASONS)


@given(st.text())
def test_a_value_is_one_line_of_plain_markdown(value: str) -> None:
    for line in (escape_markdown(value), code(value)):
        assert "\n" not in line
        assert "\r" not in line
        assert not re.search(r"(?<!\\)\|", line.replace("\\\\", ""))
        line.encode()
    assert "<" not in escape_markdown(value)
