"""The line of a build: queries, noisy responses, critiques, rows.

    read_units   problems of our own, or the rows of a source, in order
    respond      planted errors (`noise`), what a model answers, or what the rows carry
    critique     every critic that the recipe assigns (`critics`), then `refine` and `judge` where wanted

A unit is a query with what belongs to it; `make_rows` makes all its rows, and `make_all` keeps some hundreds
of units under way and hands their rows on in order, so that memory does not grow with the build. What did not
come to be is a row too (`Unmade`), with the reason.

Source: the order of CFT (arXiv 2501.17703): query, noisy response, critique.
Not covered: writing and going on after a crash (see `builds`), checking what was made (see `audit`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from cftdata.calls import Request
from cftdata.critics import CriticSettings, assign, critique
from cftdata.driver import Answer, Ask, Check
from cftdata.noise import respond, sample_responses
from cftdata.problems import Problem, draw_queries
from cftdata.recipe import OWN, FromModel, FromNoise, FromSource, Queries, Recipe
from cftdata.refine import refine
from cftdata.sample import Count, Gold, Query, Record, Response, Sample, Slug
from cftdata.sources import Reader, Row, read_references, tell_unknown_shape
from cftdata.tables import read_rows
from cftdata.text import normalise
from cftdata.verifiers.judge import judge

__all__ = ["Unit", "Unmade", "make_all", "make_rows", "read_units"]

N_UNDER_WAY = 256
"""Queries whose rows are being made at a time."""


UNASKED = frozenset({"budget_spent", "interrupted", "set_aside", "unavailable", "rejected"})
"""Reasons for which nothing was said because the call came to nothing."""

Stage = Literal["load", "respond", "critique", "refine", "judge"]


class Unmade(Record):
    """What did not come to be, and why: one row of unmade.parquet."""

    source_row: Count
    """0-based position of the query's row in its source."""
    stage: Stage
    """Where the line broke off."""
    model: str | None
    """Who should have made it; None where that is no model."""
    reason: Slug
    """Why: what the driver says (budget_spent, interrupted, set_aside ...), or what could not be told."""
    detail: str | None = None
    """The same for people."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A query, and what belongs to it before anything is made."""

    row: int
    """0-based position in the source."""
    query: Query
    problem: Problem | None = None
    """What it was drawn from, for a problem of our own."""
    given: tuple[Response, Gold] | None = None
    """The response that the source's row carries, with its labels."""
    is_first: bool = True
    """No row before it had the same query: only then are new responses made."""


Made = Sample | Unmade


def read_units(recipe: Recipe) -> Iterator[Unit | Unmade]:
    """The recipe's queries in order. Raises what `sources.load` raises."""
    queries = recipe.queries
    if queries.source == OWN:
        drawn = draw_queries(recipe.seed, queries.n or 0, queries.difficulties)
        yield from (Unit(place, one.query, one.problem) for place, one in enumerate(drawn))
        return
    seen: set[int] = set()
    for row in islice(_read_rows(queries), queries.n):
        if row.sample is None:
            yield _unmade(row.source_row, "load", None, row.reason or "bad_value", row.detail)
            continue
        query, response, key = row.sample.query, row.sample.response, hash(row.sample.query.text)
        given = (response, row.sample.gold) if response else None
        yield Unit(row.source_row, query, None, given, key not in seen)
        seen.add(key)


def _read_rows(queries: Queries) -> Iterator[Row]:
    """The source's rows; a row of no known shape is a table's, which needs no more than a query."""
    reader = Reader(queries.source, queries.format, queries.columns, split=queries.split,
                    references=read_references(queries.reference_answer, queries.references),
                    revision=queries.revision)
    as_table = replace(reader, format="table") if queries.format is None else reader
    n_read, columns = 0, dict[str, None]()
    for raw in read_rows(queries.source, split=queries.split, revision=queries.revision):
        if raw.columns is not None and not columns:
            reader.check_columns(raw.columns)
            columns = dict.fromkeys(raw.columns)
        row = reader.read(raw)
        row = as_table.read(raw) if row.reason == "unknown_shape" else row
        n_read += row.sample is not None
        yield row
    if not n_read:
        raise tell_unknown_shape(queries.source, columns)


async def make_all(units: Iterable[Unit | Unmade], recipe: Recipe, ask: Ask,
                   is_stopped: Callable[[], bool]) -> AsyncIterator[list[Made]]:
    """The rows of each unit, in order. After a stop what is under way is finished and nothing new begun."""
    ask = _add_parameters(recipe, ask)
    under_way: deque[asyncio.Future[list[Made]]] = deque()
    for unit in units:
        if is_stopped():
            break
        under_way.append(asyncio.ensure_future(make_rows(unit, recipe, ask)))
        if len(under_way) >= N_UNDER_WAY:
            yield await under_way.popleft()
    while under_way:
        yield await under_way.popleft()


def _add_parameters(recipe: Recipe, ask: Ask) -> Ask:
    """Asks with what the recipe adds to each call of a model; it becomes part of the call's key."""
    extras = {model: settings.extra for model, settings in recipe.providers.items() if settings.extra}

    async def ask_with(request: Request, check: Check | None = None) -> Answer:
        extra = extras.get(request.model)
        return await ask(request.model_copy(update={"extra": extra}) if extra else request, check)

    return ask_with if extras else ask


async def make_rows(unit: Unit | Unmade, recipe: Recipe, ask: Ask) -> list[Made]:
    """Every critique of every response to the unit's query, or why there is none."""
    if isinstance(unit, Unmade):
        return [unit]
    responses = await _respond(unit, recipe, ask)
    bare = [made if isinstance(made, Unmade) else normalise(Sample.of(unit.query, made[0], None, made[1]))
            for made in responses]
    rows = await asyncio.gather(*(_critique_all(sample, unit.row, recipe, ask) for sample in bare
                                  if isinstance(sample, Sample)))
    return [made for made in bare if isinstance(made, Unmade)] + [row for part in rows for row in part]


async def _respond(unit: Unit, recipe: Recipe, ask: Ask) -> list[tuple[Response, Gold] | Unmade]:
    """The unit's responses, from everywhere the recipe takes them."""
    made: list[tuple[Response, Gold] | Unmade] = []
    for place, wanted in enumerate(recipe.responses):
        if isinstance(wanted, FromSource):
            made.append(unit.given or _unmade(unit.row, "respond", None, "no_response_in_row"))
        elif not unit.is_first:
            continue
        elif isinstance(wanted, FromNoise):
            made += _inject(unit, wanted, recipe.seed + place)
        else:
            made += await _sample(unit, wanted, ask)
    return made


def _inject(unit: Unit, noise: FromNoise, seed: int) -> list[tuple[Response, Gold] | Unmade]:
    if unit.problem is None:
        why = "errors are planted in problems of our own only"
        return [_unmade(unit.row, "respond", None, "no_program", why)]
    return [(made.response, made.gold) for made in respond(unit.problem, noise, seed, unit.row)]


async def _sample(unit: Unit, wanted: FromModel, ask: Ask) -> list[tuple[Response, Gold] | Unmade]:
    answers = await sample_responses(unit.query, wanted, ask)
    return [(made.response, Gold()) if made.response
            else _unmade(unit.row, "respond", wanted.model, made.reason or "unknown") for made in answers]


async def _critique_all(sample: Sample, row: int, recipe: Recipe, ask: Ask) -> list[Made]:
    """One row for every critique of a response by the critics that are assigned to it."""
    critics = assign(sample.id, recipe.critics, recipe.assign, recipe.seed)
    parts = await asyncio.gather(*(_critique(sample, row, critic, recipe, ask) for critic in critics))
    return [made for part in parts for made in part]


async def _critique(sample: Sample, row: int, critic: CriticSettings, recipe: Recipe,
                    ask: Ask) -> list[Made]:
    """The critic's n critiques of a response, each with what refining and judging it brought."""
    said = await asyncio.gather(*(critique(sample, critic, ask, number=number, seed=recipe.seed)
                                  for number in range(critic.n)))
    made: list[Made] = []
    for critique_or_reason in said:
        if critique_or_reason.critique is None:
            made.append(_unmade(row, "critique", critic.model, critique_or_reason.reason or "unknown"))
            continue
        new = Sample.of(sample.query, sample.response, critique_or_reason.critique, sample.gold)
        made += await _examine(new, row, critic, recipe, ask)
    return made


async def _examine(sample: Sample, row: int, critic: CriticSettings, recipe: Recipe, ask: Ask) -> list[Made]:
    """The row with what refining and judging say of it; refining in several rounds adds rows."""
    samples: tuple[Sample, ...] = (sample,)
    left: list[Made] = []
    if recipe.refine:
        samples, _, ended = await refine(sample, recipe.refine, ask, critic, seed=recipe.seed)
        is_told = any(said.reason == ended for said in samples[-1].verifications)  # it stands in the row
        if ended in UNASKED or not (is_told or ended == "rounds_done"):
            left.append(_unmade(row, "refine", recipe.refine.model, ended))
    if recipe.judge is None:
        return [*samples, *left]
    said = await asyncio.gather(*(judge(one, recipe.judge, ask) for one in samples))
    left += [_unmade(row, "judge", recipe.judge.model, one.reason) for one in said if one.reason in UNASKED]
    return [*(one.model_copy(update={"verifications": (*one.verifications, new)})
              for one, new in zip(samples, said, strict=True)), *left]


def _unmade(row: int, stage: Stage, model: str | None, reason: str, detail: str | None = None) -> Unmade:
    return Unmade(source_row=row, stage=stage, model=model, reason=reason, detail=detail)
