from __future__ import annotations

import pytest

from cftdata.audit import audit
from cftdata.bundled import demo_path, truth_summary
from cftdata.demo import compare_with_truth
from cftdata.figures import AuditReport


@pytest.fixture(scope="module")
def report() -> AuditReport:
    return audit(demo_path())


def test_the_bundled_set_gives_its_truth(report: AuditReport) -> None:
    assert compare_with_truth(report, truth_summary()) == []


def test_every_figure_that_differs_is_named(report: AuditReport) -> None:
    rate = report.rates["verdict_error"]
    off = report.model_copy(update={
        "n_unread": report.n_unread + 1, "suspect_references": (), "groups": report.groups[1:],
        "rates": report.rates | {"verdict_error": rate.model_copy(update={"n_hits": rate.n_hits + 1})}})
    said = compare_with_truth(off, truth_summary())
    assert len(said) == 4
    for name in ("n_unread is 2, the truth is 1", "verdict_error is", "verdict_error of critic",
                 "suspect references"):
        assert any(sentence.startswith(name) for sentence in said)
