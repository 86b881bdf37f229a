"""Regenerating: a critique that was found wrong, written again by the same or another critic.

The critic is shown query and response, as in a build, and nothing of the reference; the new critique is
taken only when the verifiers pass it. Every answer is in the ledger before it is looked at, so that no try is
paid for twice.

    >>> await regenerate(sample, policy, driver.ask, accept)        # doctest: +SKIP
    Again(sample=Sample(...), reason='accepted', n_tries=1)

Not covered: telling the critic what was wrong (that would show it what the verifiers know).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from cftdata.critics import CriticSettings, critique
from cftdata.driver import Ask
from cftdata.policy import Regenerate
from cftdata.sample import Sample
from cftdata.text import normalise

__all__ = ["Again", "regenerate"]


class Again(NamedTuple):
    """What came of asking again."""

    sample: Sample | None
    """The sample with the new critique; None when none was accepted."""
    reason: str
    """`accepted`; else why not: none_passed, no_author, or what the driver says (budget_spent ...)."""
    n_tries: int
    """Critiques that were looked at."""


async def regenerate(sample: Sample, settings: Regenerate, ask: Ask,
                     accept: Callable[[Sample], Sample | None]) -> Again:
    """Asks up to n_tries times. accept: verifies a sample, and gives it back where it passes."""
    author = sample.critique.provenance.model if sample.critique else None
    if settings.critic is None and author is None:
        return Again(None, "no_author", 0)
    critic = settings.critic or CriticSettings(model=author or "")
    blind = sample.query.model_copy(update={"reference_answer": None, "reference_solution": None})
    shown = Sample.of(blind, sample.response)
    for number in range(settings.n_tries):
        made = await critique(shown, critic, ask, number=number)
        if made.critique is None:
            return Again(None, made.reason or "unknown", number)
        new = normalise(Sample.of(sample.query, sample.response, made.critique, sample.gold))
        passed = accept(new) if new.id != sample.id else None
        if passed:
            return Again(passed, "accepted", number + 1)
    return Again(None, "none_passed", settings.n_tries)
