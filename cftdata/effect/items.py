"""What every arm is asked: queries to answer, and others' responses to judge, none of them trained on.

    held_out   like the rows that are trained on        longer     more steps
    reworded   told in words that no row has            gsm8k      GSM8K's test set, where its file is named

>>> from cftdata.effect.settings import load_settings
>>> items = make_items(load_settings("quick"), [], frozenset())
>>> len(items.answer), items.answer[0].set
(96, 'held_out')

Not covered: items whose truth nobody knows (they are answered, and count as undecided).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from cftdata.effect.rows import TrainRow
from cftdata.effect.settings import EffectSettings, ItemSet, SetName
from cftdata.errors import ConfigError
from cftdata.formats import FORMATS
from cftdata.noise import Noise, respond
from cftdata.problems.sums import SUMS, draw_sums
from cftdata.sample import Query, Sample
from cftdata.text import normalise, read_final_answer
from cftdata.verifiers.verdict import response_correctness

__all__ = ["Items", "Judged", "ToAnswer", "make_items"]

SEEDS: dict[SetName, int] = {"held_out": 900_001, "longer": 900_002, "reworded": 900_003, "gsm8k": 900_004}
"""Of problems of our own; no row that is trained on has one of these."""
SHOTS_SEED = 900_009
SPARE = 4
"""So many times the wanted items are drawn, since some are trained on."""


class ToAnswer(NamedTuple):
    """A query to answer."""

    set: SetName
    query: Query
    difficulty: int | None
    """Steps that it asks for; None when not known."""

    @property
    def item_id(self) -> str:
        """The same for the same query."""
        return Sample.of(self.query).id


class Judged(NamedTuple):
    """A response to judge, and what is known of it."""

    set: SetName
    sample: Sample
    difficulty: int | None
    truth_right: bool
    true_step: int | None
    """First wrong step, -1 when every step is right; None when not known."""
    author: str
    """Where it comes from, as a word."""


@dataclass(frozen=True, slots=True)
class Items:
    """All that an arm is asked."""

    answer: tuple[ToAnswer, ...]
    judge: tuple[Judged, ...]
    shots: tuple[TrainRow, ...]
    """Worked examples that stand before every query to answer."""


def make_items(settings: EffectSettings, held_out: Sequence[Sample], trained: Collection[str]) -> Items:
    """The items of every set. trained: texts of the queries that are trained on; none of them is asked.

    Raises ConfigError where a set has no item, SourceError and its kinds.
    """
    answer: list[ToAnswer] = []
    judge: list[Judged] = []
    taken = set(trained)
    for name, wanted in settings.items.items():
        found = list(_fill(name, wanted, held_out, taken))
        if not found:
            raise ConfigError(f"the set {name} has no item that is not trained on; name another source")
        answer += [ToAnswer(name, sample.query, steps) for sample, steps in _first_of_query(found)][:wanted.n]
        judge += list(_judge(name, found))[:wanted.n_judged]
        taken |= {sample.query.text for sample, _ in found}
    return Items(tuple(answer), tuple(judge), tuple(_draw_shots(settings, held_out, taken)))


def _fill(name: SetName, wanted: ItemSet, held_out: Sequence[Sample],
          taken: Collection[str]) -> Iterator[tuple[Sample, int | None]]:
    """Samples that are not trained on, with their steps; enough of them for both tasks."""
    most, n = max(wanted.n, wanted.n_judged), 0
    for sample, steps in _read(name, wanted, held_out):
        if sample.query.text in taken:
            continue
        yield sample, steps
        n += 1
        if wanted.source == SUMS and n == most:
            return


def _read(name: SetName, wanted: ItemSet,
          held_out: Sequence[Sample]) -> Iterator[tuple[Sample, int | None]]:
    if wanted.source == "dataset":
        yield from ((sample, None) for sample in held_out)
        return
    if wanted.source == SUMS:
        n = SPARE * max(wanted.n, wanted.n_judged)
        for place, drawn in enumerate(draw_sums(SEEDS[name], n, wanted.n_steps, wanted.is_reworded)):
            [noisy] = respond(drawn.problem, Noise(), SEEDS[name], place)
            made = normalise(Sample.of(drawn.query, noisy.response, None, noisy.gold))
            yield made, len(drawn.problem.steps)
        return
    from cftdata.columns import UnreadError, take_answer
    from cftdata.sources import Reader
    from cftdata.tables import read_rows

    reader, table = Reader(wanted.source), Reader(wanted.source, format="table")
    for raw in read_rows(wanted.source):
        sample = reader.read(raw).sample or table.read(raw).sample
        if sample is None:
            continue
        if sample.query.reference_answer is None:
            with suppress(UnreadError):     # GSM8K's answer is a worked solution that ends in it
                told = take_answer(raw.columns or {}, "answer")
                answer = read_final_answer(told).value or told if told else None
                query = sample.query.model_copy(update={"reference_answer": answer})
                sample = sample.model_copy(update={"query": query})
        yield normalise(sample), None


def _first_of_query(found: Sequence[tuple[Sample, int | None]]) -> Iterator[tuple[Sample, int | None]]:
    seen: set[str] = set()
    for sample, steps in found:
        if sample.query.text not in seen and sample.query.reference_answer is not None:
            seen.add(sample.query.text)
            yield sample, steps


def _judge(name: SetName, found: Sequence[tuple[Sample, int | None]]) -> Iterator[Judged]:
    """The responses of which it is known whether they are right."""
    for sample, steps in found:
        if sample.response is None:
            continue
        right = response_correctness(sample).value
        if right is not None:
            step = -1 if right and sample.gold.first_error_step is None else sample.gold.first_error_step
            author = sample.response.provenance.model or "unknown"
            yield Judged(name, sample, steps, right, step, author)


def _draw_shots(settings: EffectSettings, held_out: Sequence[Sample],
                taken: Collection[str]) -> Iterator[TrainRow]:
    """Worked examples of queries that are neither trained on nor asked."""
    n = settings.answering.n_shots
    ours = [Sample.of(drawn.query) for drawn in draw_sums(SHOTS_SEED, SPARE * n, (1, 2))] if n else []
    for sample in [one for one in (*ours, *held_out) if one.query.text not in taken]:
        row = FORMATS["sft"].row(sample, None) if n else "none"
        if not isinstance(row, str):
            yield TrainRow(str(row["prompt"]), str(row["completion"]))
            n -= 1
