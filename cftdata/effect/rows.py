"""What an arm is trained on: prompts and completions of the same samples, and what is held out of them.

    sums       rows of our own: short problems, noisy responses, the symbolic critic's critiques
    a source   samples with response and critique, read as `cftdata audit` reads them

    >>> pool = draw_pool(OwnRows(n=4))
    >>> rows = make_rows("cft", pool, n=2, seed=0)
    >>> len(rows), rows[0].prompt.endswith("Critique:\\n")
    (2, True)

Source: the arms of Critique Fine-Tuning (arXiv 2501.17703).
Not covered: conversations of several turns.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from cftdata.config import load_protocol
from cftdata.decisions import decide
from cftdata.effect.names import BASE, read_dose
from cftdata.effect.settings import OwnRows
from cftdata.errors import ConfigError
from cftdata.formats import FORMATS
from cftdata.noise import Noise, respond
from cftdata.policy import load_policy
from cftdata.problems.sums import draw_sums
from cftdata.sample import Critique, Sample
from cftdata.symbolic import write_critique
from cftdata.text import normalise
from cftdata.verifiers import verify

__all__ = ["TrainRow", "draw_pool", "hold_out", "make_rows", "read_pool"]


class TrainRow(NamedTuple):
    """A row that is trained on; loss is on the completion only."""

    prompt: str
    completion: str


def draw_pool(own: OwnRows) -> list[Sample]:
    """Samples of our own, one a query, each query once."""
    made: dict[str, Sample] = {}
    noise = Noise(right_rate=own.right_rate)
    for place, drawn in enumerate(draw_sums(own.seed, own.n, own.n_steps)):
        [noisy] = respond(drawn.problem, noise, own.seed, place)
        bare = normalise(Sample.of(drawn.query, noisy.response, None, noisy.gold))
        said = write_critique(bare, own.seed, own.wrong_rate)
        if isinstance(said, Critique):
            sample = Sample.of(bare.query, bare.response, said, bare.gold)
            made.setdefault(sample.query.text, sample)
    return list(made.values())


def read_pool(source: str | Path, **options: Any) -> list[Sample]:
    """The samples of a source that have a response and a critique, each once; options as `sources.load`'s.

    Raises SourceError and its kinds; ConfigError where no row has a critique.
    """
    from cftdata.sources import load
    from cftdata.stored import find_samples

    found: dict[str, Sample] = {}
    for row in load(find_samples(str(source)), **options):
        if row.sample and row.sample.response and row.sample.critique:
            sample = normalise(row.sample)
            found.setdefault(sample.id, sample)
    if not found:
        raise ConfigError(f"{source} holds no critique to train on; name a set with queries, responses and "
                          "critiques")
    return list(found.values())


def hold_out(pool: Sequence[Sample], rate: float) -> tuple[list[Sample], list[Sample]]:
    """(to train on, held out): a query lies on one side with all its rows, by the hash of its text."""
    sides: tuple[list[Sample], list[Sample]] = ([], [])
    for sample in pool:
        luck = int.from_bytes(hashlib.sha256(f"held out {sample.query.text}".encode()).digest()[:8]) / 2**64
        sides[luck < rate].append(sample)
    return sides


def make_rows(arm: str, pool: Sequence[Sample], *, n: int, seed: int, sft_rate: float = 0.1,  # noqa: PLR0913
              curated: Mapping[str, Sample] | None = None, prompt: str | None = None) -> list[TrainRow]:
    """The arm's rows: of the first n samples in the seed's order that have one, in that order.

    With the same pool and seed all arms have the same samples, but for those that curating drops; the next
    ones stand in for them. curated: id of a sample to what is left of it; None decides by the default policy.
    Raises ConfigError where no sample has a row.
    """
    if arm == BASE:
        return []
    order = sorted(pool, key=lambda sample: hashlib.sha256(f"{seed} {sample.id}".encode()).digest())
    rows: list[TrainRow] = []
    for sample in order:
        if len(rows) == n:
            break
        kind = arm
        if arm == "sft+cft":
            kind = "sft" if Random(f"{seed} {sample.id} sft").random() < sft_rate else "cft"
        row = _make_row(kind, sample, seed, curated, prompt)
        if row is not None:
            rows.append(row)
    if not rows:
        raise ConfigError(f"no sample has a row for the arm {arm}; leave it out, or name a set whose queries "
                          f"have {'a right solution' if 'sft' in arm else 'a critique that can be used'}")
    return rows


def _make_row(arm: str, sample: Sample, seed: int, curated: Mapping[str, Sample] | None,
              prompt: str | None) -> TrainRow | None:
    dose = read_dose(arm)
    if dose is not None:
        said = write_critique(sample, seed, dose)
        if isinstance(said, str):
            return None
        sample = Sample.of(sample.query, sample.response, said, sample.gold)
    if arm == "cft-curated":
        kept = curated.get(sample.id) if curated is not None else _curate(sample)
        if kept is None:
            return None
        sample = kept
    if arm == "sft-noisy":
        asked = FORMATS["sft"].row(_with_solution(sample), None)
    else:
        asked = FORMATS["sft" if arm == "sft" else "trl"].row(sample, prompt if arm != "sft" else None)
    return None if isinstance(asked, str) else TrainRow(str(asked["prompt"]), str(asked["completion"]))


def _with_solution(sample: Sample) -> Sample:
    """The sample with its noisy response in the place of a right solution."""
    text = sample.response.text if sample.response else ""
    query = sample.query.model_copy(update={"reference_solution": text})
    return sample.model_copy(update={"query": query})


def _curate(sample: Sample) -> Sample | None:
    """The sample, where the default policy keeps it."""
    policy = load_policy("default")
    protocol = load_protocol(policy.protocol)
    [verified] = verify([sample], protocol.verifiers, timeout_s=protocol.timeout_s)
    return verified if decide(verified, policy, {}).action == "keep" else None
