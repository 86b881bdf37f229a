"""Verifications that were made with the sample and are taken over: nothing is asked again.

`judge` (a model's judgement of the critique's claims) and `helped` (whether a revision by the critique came
out right) cost calls, so that a build makes them; an audit that names them reports what the rows carry.

    abstain   not_asked (the row carries none)

    >>> from cftdata.sample import Query, Sample
    >>> GivenVerifier("judge")(Sample.of(Query(text="2+2?"))).reason
    'not_asked'

Not covered: making them (see `judge`, `refine`).
"""

from __future__ import annotations

from dataclasses import dataclass

from cftdata.sample import Sample, Verification

__all__ = ["GivenVerifier"]


@dataclass(frozen=True, slots=True)
class GivenVerifier:
    """`(sample) -> Verification`; see the module."""

    name: str
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        for given in sample.verifications:
            if given.verifier == self.name:
                return given
        return Verification(verifier=self.name, version=self.version, target="critique", outcome="abstain",
                            reason="not_asked")
