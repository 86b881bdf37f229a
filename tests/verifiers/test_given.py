"""Verifications that come with the row."""

from __future__ import annotations

from cftdata.sample import Critique, Query, Response, Sample, Verification
from cftdata.verifiers import verify

BARE = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="Conclusion: wrong [END]"))
SAID = Verification(verifier="judge", version="m", target="critique", outcome="fail", reason="claim_false")


def test_what_the_row_carries_is_taken_over_once() -> None:
    carrying = BARE.model_copy(update={"verifications": (SAID,)})
    [verified] = verify([carrying], ["judge"])
    assert verified.verifications == (SAID,)


def test_a_row_that_carries_none_is_unknown() -> None:
    [verified] = verify([BARE], ["judge", "helped"])
    assert [(said.outcome, said.reason) for said in verified.verifications] == [("abstain", "not_asked")] * 2
