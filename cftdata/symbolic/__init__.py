"""The symbolic critic: critiques without a model, right by construction, with a dial that makes some wrong.

It believes labels and reference answers, and evaluates the equations of the response (`knowledge`, `checks`);
of what is certain it writes in varied words (`writing`). Where it cannot know, it writes nothing and says
why. A wanted share of its critiques is made wrong in known ways (`faults`), `planted_fault` says how.

    >>> from cftdata.sample import Query, Response, Sample
    >>> sample = Sample.of(Query(text="?", reference_answer="7"), Response(text="3 + 4 = 9\\nA: 9"))
    >>> critique = write_critique(sample, seed=1)
    >>> critique.verdict, critique.first_error_step, critique.corrected_answer
    ('wrong', 0, '7')
    >>> write_critique(Sample.of(Query(text="?"), Response(text="Surely 9.")), seed=1)
    'no_reference'

Not covered: errors of reasoning that no label names (a right answer is believed, and nothing is said of steps
that cannot be evaluated), critiques in other languages than English.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random

from cftdata.errors import ConfigError, suggest
from cftdata.sample import Critique, Provenance, Sample, Usage, content_id
from cftdata.symbolic.faults import FAULTS, plant
from cftdata.symbolic.knowledge import assess
from cftdata.symbolic.writing import FORMS, Writer, draft, lay_out

__all__ = ["FAULTS", "critic_version", "write_critique"]

MODEL = "symbolic"


def write_critique(
    sample: Sample, seed: int, wrong_rate: float = 0.0, faults: Mapping[str, float] | None = None
) -> Critique | str:
    """A critique of the sample's response, or the slug that says why nothing can be known of it.

    The same for the same seed, query and response; a critique that the sample already has plays no part.
    wrong_rate: proportion of critiques in which a fault is planted. faults: weight of each kind (default: all
    alike); one that has no room in a sample gives way to one that has. Raises ConfigError for a rate that is
    no proportion, and for an unknown fault.
    """
    _check(wrong_rate, faults)
    known = assess(sample)
    if isinstance(known, str):
        return known
    name = f"{seed}:{content_id(sample.query, sample.response, None)}"
    rng, dial = Random(name), Random(f"{name}:dial")
    is_latex = any(check.is_framed for check in known.checks.found)
    writer = Writer(rng, is_latex, known.unit)
    form = rng.choice(FORMS)
    made, fault = draft(writer, known, form), None
    if dial.random() < wrong_rate:
        liar = Writer(dial, is_latex, known.unit)
        made, fault = plant(liar, sample, known, made, faults or dict.fromkeys(FAULTS, 1.0))
    return Critique(
        text=lay_out(writer, form, made),
        verdict=made.verdict,
        first_error_step=made.first_error_step,
        corrected_answer=made.corrected_answer,
        planted_fault=fault,
        provenance=Provenance(
            model=MODEL, prompt=f"{MODEL}@{critic_version()}", seed=seed, usage=Usage(n_tokens=0, cost_usd=0)
        ),
    )


def _check(wrong_rate: float, faults: Mapping[str, float] | None) -> None:
    if not 0 <= wrong_rate <= 1:
        raise ConfigError(f"wrong_rate is a proportion from 0 to 1, not {wrong_rate}")
    for name, weight in (faults or {}).items():
        if name not in FAULTS:
            raise ConfigError(f"there is no fault {name!r}; {suggest(name, FAULTS)}")
        if not weight >= 0:
            raise ConfigError(f"the weight of a fault is 0 or more, not {weight} ({name})")


@cache
def critic_version() -> str:
    """12 hex digits of the SHA-256 of this critic's code and wordings: it changes when its texts may."""
    digest = hashlib.sha256()
    for file in sorted(files("cftdata.symbolic").iterdir(), key=lambda file: file.name):
        if file.name.endswith((".py", ".yaml")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
