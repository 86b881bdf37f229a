"""Gates: unknown is no pass; a failed gate says by how much, and which rows."""

from pathlib import Path

import pytest
from test_curate import RIGHT, WRONG, row, write_set

import cftdata
from cftdata.gates import Gates, Subject, check_gates, read_report


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A folder with an audit of twenty rows: two wrong, three undecided."""
    folder = tmp_path_factory.mktemp("gates")
    rows = ([row(n, f"Fine. {RIGHT}") for n in range(1, 16)] + [row(n, f"No. {WRONG}") for n in (16, 17)]
            + [row(n, "I cannot say.") for n in (18, 19, 20)])
    report = cftdata.audit(write_set(folder, rows), out=folder / "after", n_processes=1)
    assert report == read_report(folder / "after")
    return Subject(folder, report, cftdata.load_protocol("default"), 18, 2, None)


def check(subject: Subject, **gates: object) -> dict[str, cftdata.GateResult]:
    none: dict[str, object] = {"error_high": {}, "undecided_rate": {}, "n_suspect_references": None}
    return {one.gate: one for one in check_gates(Gates.model_validate(none | gates), subject)}


def test_an_upper_end_over_its_limit_fails_with_the_rows(subject: Subject) -> None:
    gate = check(subject, error_high={"verdict_error": 0.05})["error_high.verdict_error"]
    high = subject.report.rates["verdict_error"].high
    assert not gate.is_passed
    assert gate.value == high
    assert gate.n_rows == 2 == len(gate.rows)
    assert "over the limit of 5.0%" in gate.sentence
    assert check(subject, error_high={"verdict_error": 0.9})["error_high.verdict_error"].is_passed


def test_undecided_rows_are_counted_and_named(subject: Subject) -> None:
    gate = check(subject, undecided_rate={"verdict_error": 0.10})["undecided_rate.verdict_error"]
    assert (gate.is_passed, gate.value, gate.n_rows) == (False, 0.15, 3)
    assert check(subject, undecided_rate={"verdict_error": 0.15})["undecided_rate.verdict_error"].is_passed


@pytest.mark.parametrize("gates", [{"error_high": {"no_such_rate": 1.0}}, {"n_contaminated": 0},
                                   {"undecided_rate": {"no_such_rate": 1.0}}])
def test_what_is_not_known_is_no_pass(subject: Subject, gates: dict[str, object]) -> None:
    [gate] = check(subject, **gates).values()
    assert not gate.is_passed
    assert gate.value is None
    assert "not known" in gate.sentence


def test_counts_and_shares(subject: Subject) -> None:
    found = check(subject, n_samples=19, dropped_rate=0.1)
    assert not found["n_samples"].is_passed
    assert found["dropped_rate"].is_passed
    assert not check(subject, dropped_rate=0.05)["dropped_rate"].is_passed


def test_a_reviewed_suspect_reference_passes(tmp_path: Path) -> None:
    rows = [{"query": "What?", "response": f"Reason {n}. The answer is 7.", "critique": RIGHT,
             "reference_answer": "8"} for n in range(6)]
    report = cftdata.audit(write_set(tmp_path, rows), out=tmp_path / "after", n_processes=1)
    subject = Subject(tmp_path, report, cftdata.load_protocol("default"), 6, 0, None)
    [suspect] = report.suspect_references
    assert not check(subject, n_suspect_references=0)["n_suspect_references"].is_passed
    reviewed = check(subject, n_suspect_references=0, reviewed=[suspect.query_id])
    assert reviewed["n_suspect_references"].is_passed
