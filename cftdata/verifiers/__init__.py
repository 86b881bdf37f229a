"""Verifiers: each says one thing of one sample, `pass`, `fail`, `abstain` or `error`, with its evidence.

A verifier is anything with a name, a version and a call `(sample) -> Verification`; `VERIFIERS` holds
those that a protocol can name. `verify` is a pure function of a batch, so that a cluster can run it.

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> sample = Sample.of(Query(text="2+2?", reference_answer="4"), Response(text="5", final_answer="5"),
    ...                    Critique(text="Conclusion: right [END]", verdict="right"))
    >>> [v.reason for v in verify([sample], ["verdict"])[0].verifications]
    ['wrong_called_right']

Not covered: verifiers that ask a model (what they said with the row is taken over), and verifiers that look
at several samples at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from cftdata.errors import ConfigError, suggest
from cftdata.parquet import printable
from cftdata.sample import Sample, Verification
from cftdata.verifiers.arithmetic import ArithmeticVerifier
from cftdata.verifiers.consistency import ConsistencyVerifier
from cftdata.verifiers.form import FormVerifier
from cftdata.verifiers.given import GivenVerifier
from cftdata.verifiers.localisation import LocalisationVerifier
from cftdata.verifiers.own_answer import OwnAnswerVerifier
from cftdata.verifiers.quotation import QuotationVerifier
from cftdata.verifiers.verdict import VerdictVerifier

__all__ = ["VERIFIERS", "Verifier", "verify"]


class Verifier(Protocol):
    """What `verify` calls."""

    @property
    def name(self) -> str:
        """Slug that protocols and reports use."""

    @property
    def version(self) -> str:
        """Changes when its outcomes may."""

    def __call__(self, sample: Sample) -> Verification:
        """What it says of the sample. What it raises becomes an outcome `error`, never a `fail`."""


VERIFIERS: dict[str, Verifier] = {
    "verdict": VerdictVerifier(),
    "arithmetic": ArithmeticVerifier(),
    "localisation": LocalisationVerifier(),
    "quotation": QuotationVerifier(),
    "own_answer": OwnAnswerVerifier(),
    "consistency": ConsistencyVerifier(),
    "form": FormVerifier(),
    "helped": GivenVerifier("helped"),
    "judge": GivenVerifier("judge"),
}


def verify(
    samples: Sequence[Sample], verifiers: Sequence[str], *, timeout_s: float | None = None
) -> list[Sample]:
    """The samples in order, each with one verification by every verifier named, in place of an earlier one.

    timeout_s is the time limit for matching answers, in seconds; None leaves the verifier's own.
    Raises ConfigError for an unknown name.
    """
    chosen = [_choose(name, timeout_s) for name in verifiers]
    return [_add(sample, [_call(verifier, sample) for verifier in chosen]) for sample in samples]


def _add(sample: Sample, new: Sequence[Verification]) -> Sample:
    names = {verification.verifier for verification in new}
    others = (verification for verification in sample.verifications if verification.verifier not in names)
    return sample.model_copy(update={"verifications": (*others, *new)})


def _choose(name: str, timeout_s: float | None) -> Verifier:
    if name not in VERIFIERS:
        raise ConfigError(f"there is no verifier {name!r}; {suggest(name, VERIFIERS)}")
    verifier = VERIFIERS[name]
    if timeout_s and isinstance(verifier, VerdictVerifier | OwnAnswerVerifier):
        return replace(verifier, timeout_s=timeout_s)
    return verifier


def _call(verifier: Verifier, sample: Sample) -> Verification:
    try:
        return verifier(sample)
    except Exception as fault:  # whatever broke, it says nothing of the sample: unknown is never wrong
        return Verification(
            verifier=verifier.name,
            version=verifier.version,
            target="sample",
            outcome="error",
            reason="crashed",
            detail=printable(f"{type(fault).__name__}: {fault}")[:500],
        )
