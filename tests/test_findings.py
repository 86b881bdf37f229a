"""Every place that a verifier found stands in findings.parquet, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.findings import find, find_unread, tabulate_findings
from cftdata.sample import Critique, Evidence, Outcome, Query, Response, Sample, Verification
from cftdata.sources import Row

TEXT = "P = 32, so V = 16. Conclusion: right [END]"
ROW = Row(7, "set.jsonl", "table", None, None, None, {})


def place(start: int, end: int, note: str | None = None) -> Evidence:
    return Evidence(text=TEXT[start:end], start=start, end=end, note=note)


def said(*places: Evidence, verifier: str = "arithmetic", outcome: Outcome = "fail") -> Verification:
    return Verification(
        verifier=verifier,
        version="1",
        target="critique",
        outcome=outcome,
        reason="false_equation",
        detail="The whole.",
        evidence=places[0] if places else None,
        more=places[1:],
    )


def sample(*verifications: Verification) -> Sample:
    bare = Sample.of(Query(text="?"), Response(text="32"), Critique(text=TEXT))
    return bare.model_copy(update={"verifications": verifications})


def test_every_place_is_a_finding_with_its_note() -> None:
    found = list(find(ROW, sample(said(place(0, 6, "27, not 32"), place(11, 17))), ["arithmetic"]))
    assert [(one.evidence, one.start, one.end, one.detail) for one in found] == [
        ("P = 32", 0, 6, "27, not 32"),
        ("V = 16", 11, 17, "The whole."),
    ]
    assert {(one.source_row, one.verifier, one.reason) for one in found} == {
        (7, "arithmetic", "false_equation")
    }


def test_a_verification_without_a_place_is_one_finding() -> None:
    (one,) = find(ROW, sample(said(outcome="error")), ["arithmetic"])
    assert (one.outcome, one.evidence, one.start, one.end, one.detail) == (
        "error",
        None,
        None,
        None,
        "The whole.",
    )


@pytest.mark.parametrize(
    "verification",
    [said(place(0, 6), outcome="pass"), said(outcome="abstain"), said(place(0, 6), verifier="other")],
)
def test_what_passed_abstained_or_was_not_asked_is_none(verification: Verification) -> None:
    assert list(find(ROW, sample(verification), ["arithmetic"])) == []


@given(st.lists(st.integers(0, 5), max_size=5))
def test_there_are_as_many_findings_as_places(n_places: list[int]) -> None:
    names = [f"v{i}" for i in range(len(n_places))]
    verifications = [
        said(*(place(i, i + 2) for i in range(n)), verifier=name)
        for name, n in zip(names, n_places, strict=True)
    ]
    table = tabulate_findings(find(ROW, sample(*verifications), names))
    assert table.num_rows == sum(max(1, n) for n in n_places)
    assert set(table["verifier"].to_pylist()) == set(names)


def test_an_unread_row_is_a_finding() -> None:
    one = find_unread(Row(3, "set.jsonl", None, None, "bad_json", "No JSON.", {}))
    assert (one.sample_id, one.verifier, one.outcome, one.reason) == (None, "load", "error", "bad_json")
