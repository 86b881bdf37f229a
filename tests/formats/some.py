"""Samples for the tests of formats."""

from __future__ import annotations

from typing import Any

from cftdata.sample import Critique, Gold, Outcome, Provenance, Query, Response, Sample, Verification

RIGHT, WRONG = "Critique:\nAll holds. Conclusion: right [END]", "It is 4. Conclusion: wrong [END]"


def sample(critique: str | None = WRONG, response: str | None = "It is 5.", *, gold: Gold | None = None,
           **query: Any) -> Sample:
    """A sample of 2+2; what is None is missing."""
    return Sample.of(
        Query(**{"text": "2+2?"} | query),
        None if response is None else Response(text=response, provenance=Provenance(model="weak")),
        None if critique is None else Critique(text=critique), gold)


def verified(one: Sample, *said: tuple[str, Outcome, str]) -> Sample:
    """The sample with verifications: verifier, outcome, reason."""
    return one.model_copy(update={"verifications": tuple(
        Verification(verifier=verifier, version="1", target="critique", outcome=outcome, reason=reason)
        for verifier, outcome, reason in said)})
