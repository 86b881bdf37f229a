"""Outcomes of a study whose truth is known: rates by arm, noise of queries and of seeds, no model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import exp

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


def make_outcomes(made: Made) -> Iterator[Outcome]:
    """Every outcome, arm by arm."""
    random = np.random.default_rng(made.random_seed)
    for place, name in enumerate(made.sets):
        ease = random.normal(-0.8 * place, made.query_noise, made.n_queries)
        for arm, skill in made.skill.items():
            for seed in (made.seeds if arm != "base" else made.seeds[:1]):
                run = random.normal(0, made.seed_noise) if arm != "base" else 0.0
                yield from _answers(made, random, name, arm, seed, ease + skill + run)
                yield from _verdicts(made, random, name, arm, seed, ease + skill)


def _answers(made: Made, random: np.random.Generator, name: SetName, arm: str, seed: int,
             log_odds: np.ndarray) -> Iterator[Outcome]:
    for query, each in enumerate(log_odds):
        for draw in range(made.n_samples + 1):
            is_right, is_read = bool(random.random() < _odds(each)), random.random() >= made.unread_rate
            answer = "7" if is_right else str(random.integers(8, 11))
            yield Outcome(
                arm=arm, seed=seed, task="answer", set=name, item_id=f"q{query}", draw=draw,
                text=answer if is_read else "…", answer=answer if is_read else None, difficulty=1 + query % 2,
                correct=is_right if is_read else None, n_tokens=20)


def _verdicts(made: Made, random: np.random.Generator, name: SetName, arm: str, seed: int,
              log_odds: np.ndarray) -> Iterator[Outcome]:
    if arm not in made.judging:
        return
    for query, each in enumerate(log_odds):
        for draw in range(1, 3):
            truth = bool(random.random() < _odds(each))
            yield _verdict(random, arm, seed, name, "judge_self", f"q{query}", draw, truth, made.judging[arm][1],
                           query)
        for number in range(2):
            yield _verdict(random, arm, seed, name, "judge_others", f"q{query}r{number}", 0, number == 0,
                           made.judging[arm][0], query)


def _verdict(random, arm, seed, name, task, item, draw, truth, rate, query) -> Outcome:  # type: ignore[no-untyped-def]
    says_right = truth == (random.random() < rate)
    true_step = None if task == "judge_self" else -1 if truth else 1
    return Outcome(
        arm=arm, seed=seed, task=task, set=name, item_id=item, query_id=f"q{query}", draw=draw, text="…",
        truth_right=truth, verdict="right" if says_right else "wrong", true_step=true_step,
        found_step=None if says_right else int(random.integers(0, 3)), difficulty=1 + query % 2,
        judged=None if task == "judge_self" else "injected", n_tokens=40)


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
