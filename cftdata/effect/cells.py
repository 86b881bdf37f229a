"""Cells: the outcomes of a study as columns of numbers, by arm, set and task.

Everything is counted in cells of one query and one seed: texts of the same query, and texts of the same
training run, are no independent evidence (see `crossed`).

    >>> from cftdata.effect.outcomes import Outcome
    >>> told = [Outcome(arm="base", seed=0, task="answer", set="held_out", item_id="q", text="4", answer="4",
    ...                 correct=True, n_tokens=1)]
    >>> block = read_table(told).blocks[Key("base", "held_out", "answer", False)]
    >>> block.correct.tolist(), block.seeds, block.n_queries
    ([1], (0,), 1)

Two answers are the same answer here when they are equal as plain numbers or as words; `match_answers` might
prove more of them equal, at a cost that grows with their pairs.

Not covered: texts (they stay where they are written).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cftdata.effect.outcomes import Outcome, SetName, Task

__all__ = ["NO_STEP", "UNKNOWN", "Block", "Key", "Table", "read_table"]

UNKNOWN = -1  # of what is true or false, and of difficulty
NO_STEP = -2  # of a step: -1 says that every step is right
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Key(NamedTuple):
    """What a block holds."""

    arm: str
    set: SetName
    task: Task
    is_sampled: bool
    """Whether the texts were sampled; False for `judge_self`, where `draw` says which answer is judged."""


@dataclass(frozen=True)
class Block:
    """Outcomes of one key, as columns of equal length."""

    seeds: tuple[int, ...]
    """Seeds, in the order of their positions."""
    n_queries: int
    """Queries of the set, those without an outcome here included: positions mean the same in every block."""
    is_trained: bool
    """False for a model as it is: one seed of it then stands for all."""
    query: Ints
    """Position of the query."""
    seed: Ints
    """Position of the seed."""
    item: Ints
    """Number of the item."""
    draw: Ints
    """Draw, 0 for greedy."""
    answer: Ints
    """Number of the answer, the same for the same answer; UNKNOWN where none could be read."""
    correct: Ints
    """1, 0 or UNKNOWN: whether the answer is right."""
    truth: Ints
    """1, 0 or UNKNOWN: whether the judged response is right."""
    verdict: Ints
    """1 for right, 0 for wrong, UNKNOWN where none could be read."""
    found: Ints
    """First wrong step as the critique has it, -1 for none; NO_STEP where it names none."""
    true: Ints
    """First wrong step, -1 for none; NO_STEP where it is not known."""
    judged: Ints
    """Number of the kind of response that is judged; UNKNOWN where it is not said."""
    difficulty: Ints
    """Steps that the query asks for, or UNKNOWN."""

    def __len__(self) -> int:
        return len(self.query)

    def where(self, mask: Bools) -> Block:
        """The outcomes of which the mask holds."""
        return replace(self, **{name: getattr(self, name)[mask] for name in COLUMNS})

    def of_seeds(self, seeds: Collection[int]) -> Block:
        """The outcomes of these seeds; all of them where the arm is not trained and stands with one seed."""
        if not self.is_trained and len(self.seeds) == 1:
            return self
        kept = [i for i, seed in enumerate(self.seeds) if seed in seeds]
        position = np.full(len(self.seeds), UNKNOWN)
        position[kept] = np.arange(len(kept))
        part = self.where(position[self.seed] >= 0)
        return replace(part, seeds=tuple(self.seeds[i] for i in kept), seed=position[part.seed])

    def sum_cells(self, values: NDArray[np.generic]) -> Floats:
        """(n_queries, n_seeds): the sum over the outcomes of each cell of one value an outcome."""
        shape = (self.n_queries, len(self.seeds))
        cell = self.query * shape[1] + self.seed
        sums = np.bincount(cell, weights=values.astype(float), minlength=shape[0] * shape[1])
        return sums.reshape(shape).astype(float)


COLUMNS = tuple(field.name for field in fields(Block)
                if field.name not in {"seeds", "n_queries", "is_trained"})


@dataclass(frozen=True)
class Table:
    """All blocks of a study."""

    blocks: dict[Key, Block]
    """Key to its outcomes."""
    kinds: tuple[str, ...]
    """Kinds of judged responses, by number."""

    def seeds(self, *keys: Key) -> set[int]:
        """Seeds that every one of the trained arms has; where none is trained, those of all."""
        blocks = [self.blocks[key] for key in keys]
        bound = [set(block.seeds) for block in blocks if block.is_trained or len(block.seeds) > 1]
        return set.intersection(*bound) if bound else set.union(*(set(block.seeds) for block in blocks))


def read_table(outcomes: Iterable[Outcome], trained: Collection[str] = ()) -> Table:
    """The outcomes as columns. trained: names of the arms that were trained.

    Raises ValueError where an outcome is there twice: it would count as evidence twice.
    """
    numbers = _Numbers()
    rows: dict[Key, list[tuple[int, ...]]] = {}
    for one in outcomes:
        key = Key(one.arm, one.set, one.task, one.draw > 0 and one.task != "judge_self")
        rows.setdefault(key, []).append(_row(one, numbers))
    blocks = {key: _block(key, members, numbers.count(("query", key.set)), key.arm in trained)
              for key, members in rows.items()}
    return Table(blocks, numbers.names(("judged",)))


class _Numbers:
    """Numbers for names, counted up in order of appearance, apart for each kind of name."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, ...], dict[object, int]] = {}

    def number(self, kind: tuple[str, ...], name: object) -> int:
        known = self._of.setdefault(kind, {})
        return known.setdefault(name, len(known))

    def count(self, kind: tuple[str, ...]) -> int:
        return len(self._of.get(kind, ()))

    def names(self, kind: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(str, self._of.get(kind, ())))


def _row(one: Outcome, numbers: _Numbers) -> tuple[int, ...]:
    """Seed, then the columns in their order but for the seed's position."""
    verdict = UNKNOWN if one.verdict is None else int(one.verdict == "right")
    return (
        one.seed, numbers.number(("query", one.set), one.query_id or one.item_id),
        numbers.number(("item", one.set, one.task), one.item_id), one.draw,
        UNKNOWN if one.answer is None else numbers.number(("answer",), _plain(one.answer)),
        _known(one.correct), _known(one.truth_right), verdict, _found(one),
        NO_STEP if one.true_step is None else one.true_step,
        UNKNOWN if one.judged is None else numbers.number(("judged",), one.judged),
        UNKNOWN if one.difficulty is None else one.difficulty)  # fmt: skip


def _known(value: bool | None) -> int:
    return UNKNOWN if value is None else int(value)


def _found(one: Outcome) -> int:
    """A critique that calls a response right says that every step is, whether it adds so or not."""
    if one.found_step is not None:
        return one.found_step
    return -1 if one.verdict == "right" else NO_STEP


def _plain(answer: str) -> Fraction | str:
    text = answer.strip().strip("$").replace(",", "").strip()
    try:
        return Fraction(text) if len(text) < 40 else text
    except (ValueError, ZeroDivisionError):
        return " ".join(answer.split()).casefold()


def _block(key: Key, rows: list[tuple[int, ...]], n_queries: int, is_trained: bool) -> Block:
    columns = np.array(rows, dtype=np.int64)
    seeds, position = np.unique(columns[:, 0], return_inverse=True)
    if len(np.unique(columns[:, [0, 2, 3]], axis=0)) < len(rows):
        raise ValueError(f"outcomes of {key.arm}, {key.set}, {key.task} are there twice")
    named = dict(zip(("query", "item", "draw", "answer", "correct", "truth", "verdict", "found", "true",
                      "judged", "difficulty"), columns.T[1:], strict=True))
    return Block(tuple(seeds.tolist()), n_queries, is_trained, seed=position.ravel(), **named)
