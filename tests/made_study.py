"""Outcomes of a study whose truth is known: rates by arm, noise of queries and of seeds, no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp
from typing import NamedTuple

import numpy as np

from cftdata.effect.names import read_dose
from cftdata.effect.outcomes import Conditions, Outcome, SetName, TrainReport


@dataclass(frozen=True)
class Made:
    """What is true of a study."""

    skill: Mapping[str, float] = field(default_factory=lambda: {"base": -1.2, "sft": 0.3, "cft": 0.2})
    """Arm to the log odds of a right answer to a query of middling difficulty."""
    n_queries: int = 60
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    query_noise: float = 1.0
    """Standard deviation of the log odds over queries."""
    seed_noise: float = 0.1
    """Of a training run, for base 0."""
    unread_rate: float = 0.03
    n_samples: int = 4
    sets: tuple[SetName, ...] = ("held_out", "longer")
    judging: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: {"base": (0.5, 0.5), "sft": (0.5, 0.5), "cft": (0.75, 0.65)})
    """Arm to the rates of right verdicts on others and on itself."""
    random_seed: int = 0


class _Run(NamedTuple):
    """One arm with one seed on one set."""

    arm: str
    seed: int
    set: SetName
    log_odds: np.ndarray
    """By query, of a right answer."""


def make_outcomes(made: Made) -> Iterator[Outcome]:
    """Every outcome, arm by arm."""
    random = np.random.default_rng(made.random_seed)
    for place, name in enumerate(made.sets):
        ease = random.normal(-0.8 * place, made.query_noise, made.n_queries)
        for arm, skill in made.skill.items():
            for seed in (made.seeds if arm != "base" else made.seeds[:1]):
                noise = random.normal(0, made.seed_noise) if arm != "base" else 0.0
                run = _Run(arm, seed, name, ease + skill + noise)
                yield from _answers(made, random, run)
                yield from _verdicts(made, random, run) if arm in made.judging else ()


def _answers(made: Made, random: np.random.Generator, run: _Run) -> Iterator[Outcome]:
    for query, each in enumerate(run.log_odds):
        for draw in range(made.n_samples + 1):
            is_right, is_read = bool(random.random() < _odds(each)), random.random() >= made.unread_rate
            answer = "7" if is_right else str(random.integers(8, 11))
            yield Outcome(
                arm=run.arm, seed=run.seed, task="answer", set=run.set, item_id=f"q{query}", draw=draw,
                text=answer if is_read else "…", answer=answer if is_read else None, difficulty=1 + query % 2,
                correct=is_right if is_read else None, n_tokens=20)


def _verdicts(made: Made, random: np.random.Generator, run: _Run) -> Iterator[Outcome]:
    """Of two sampled answers of its own, and of a right and a wrong response of others, to every query."""
    others, itself = made.judging[run.arm]
    for query, each in enumerate(run.log_odds):
        for draw in (1, 2):
            truth = bool(random.random() < _odds(each))
            yield _verdict(random, run, query, truth, itself).model_copy(
                update={"task": "judge_self", "item_id": f"q{query}", "draw": draw, "true_step": None,
                        "judged": None})
        for truth in (True, False):
            yield _verdict(random, run, query, truth, others)


def _verdict(random: np.random.Generator, run: _Run, query: int, truth: bool, rate: float) -> Outcome:
    says_right = truth == (random.random() < rate)
    return Outcome(
        arm=run.arm, seed=run.seed, task="judge_others", set=run.set, item_id=f"q{query}r{truth}",
        query_id=f"q{query}", text="…", truth_right=truth, verdict="right" if says_right else "wrong",
        found_step=None if says_right else int(random.integers(0, 3)), true_step=-1 if truth else 1,
        difficulty=1 + query % 2, judged="injected", n_tokens=40)


def _odds(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds))


def make_trained(made: Made) -> list[TrainReport]:
    """How its arms would have been trained."""
    return [TrainReport(arm=arm, seed=seed, n_rows=1000, n_tokens=200_000, n_steps=120, n_cut=0,
                        first_loss=2.1, last_loss=0.8, seconds=31.5, device="cpu, 2 threads",
                        adapter_hash="0" * 64, dose=read_dose(arm))
            for arm in made.skill if arm != "base" for seed in made.seeds]


def make_conditions(made: Made) -> Conditions:
    """Under which conditions."""
    return Conditions(
        source="sums", content_hash="0" * 64, model="SmolLM2-135M-Instruct", n_parameters=134_515_008,
        settings="made@000000000000", arms=tuple(made.skill), seeds=made.seeds, device="cpu, 2 threads",
        precision="float32", temperature=0.7, budget="tokens", seconds=801.0, cftdata_version="0.1.0")
