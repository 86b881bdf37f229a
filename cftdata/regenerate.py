"""Regenerating: a critique that was found wrong, written again by the same or another critic.

The critic is shown query and response, as in a build, and nothing of the reference, of labels, or of what was
wrong with the old critique; the new one is taken only when the verifiers pass it. Every answer is in the
ledger before it is looked at, so that no try is paid for twice.

    >>> await regenerate(sample, policy.regenerate, driver.ask, accept)        # doctest: +SKIP
    Again(sample=Sample(...), reason='accepted', n_tries=1)

Not covered: telling the critic what was wrong (that would show it what the verifiers know).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from cftdata.critics import CriticSettings, critique
from cftdata.driver import Ask
from cftdata.policy import Regenerate
from cftdata.prompts import list_prompts
from cftdata.sample import Sample
from cftdata.text import normalise

__all__ = ["Again", "choose_critic", "regenerate"]


class Again(NamedTuple):
    """What came of asking again."""

    sample: Sample | None
    """The sample with the new critique, verified; None when none was accepted."""
    reason: str
    """`accepted`; else why not: no_author, none_passed, or why the critic wrote none (budget_spent,
    unusable_..., see `critics`)."""
    n_tries: int
    """Critiques that were looked at."""


async def regenerate(sample: Sample, settings: Regenerate, ask: Ask,
                     accept: Callable[[Sample], Awaitable[Sample | None]]) -> Again:
    """Asks up to n_tries times. accept: verifies a sample, and gives it back where it may stand."""
    critic = choose_critic(sample, settings)
    if critic is None:
        return Again(None, "no_author", 0)
    blind = sample.query.model_copy(update={"reference_answer": None, "reference_solution": None})
    shown = Sample.of(blind, sample.response)
    gold = sample.gold.model_copy(update={"critique_correct": None})    # said of the old critique
    for number in range(settings.n_tries):
        made = await critique(shown, critic, ask, number=number)
        if made.critique is None:
            return Again(None, made.reason or "unknown", number)
        new = normalise(Sample.of(sample.query, sample.response, made.critique, gold))
        passed = await accept(new) if new.id != sample.id else None
        if passed:
            return Again(passed, "accepted", number + 1)
    return Again(None, "none_passed", settings.n_tries)


def choose_critic(sample: Sample, settings: Regenerate) -> CriticSettings | None:
    """The policy's critic; else the model that wrote the critique, asked as it was then as far as that is
    known (prompt, temperature); None where nobody knows who wrote it."""
    if settings.critic is not None or sample.critique is None:
        return settings.critic
    wrote = sample.critique.provenance
    if wrote.model is None:
        return None
    critic = CriticSettings(model=wrote.model, temperature=wrote.temperature)
    prompt = (wrote.prompt or "").partition("@")[0]
    known = list_prompts()
    is_known = prompt in known and known[prompt].reply in ("critique", "structured")
    return critic.model_copy(update={"prompt": prompt}) if is_known else critic
