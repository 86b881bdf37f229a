"""Noisy responses: right solutions, solutions with one planted error, and what a model answers.

`respond` writes them to a problem of our own; `sample_responses` asks a model for them. Both are drawn from
the seed and the places of query and response alone, so that a build goes on anywhere.

    >>> from cftdata.problems import draw_query
    >>> noise = Noise(n_per_query=2, right_rate=0, kinds={"arithmetic_slip": 1})
    >>> first, second = respond(draw_query(1, 0).problem, noise, seed=1, query_place=0)
    >>> first.response.injected_error.kind, first.gold.response_correct
    ('arithmetic_slip', False)

Source: the kinds of errors follow those that ProcessBench (arXiv 2412.06559) and MR-GSM8K (arXiv 2312.17080)
find in models' solutions; the writing is ours. Not covered: errors planted in solutions of other sources.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from cftdata.calls import Message, Request
from cftdata.errors import ConfigError, suggest
from cftdata.problems import writing
from cftdata.problems.chains import Line
from cftdata.problems.planting import KINDS, plant
from cftdata.problems.problem import Problem
from cftdata.sample import (
    Gold,
    InjectedError,
    Proportion,
    Provenance,
    Query,
    Record,
    Response,
    Sample,
    Slug,
    Usage,
)
from cftdata.text import normalise

if TYPE_CHECKING:
    from cftdata.driver import Answer, Ask

__all__ = ["KINDS", "STUDENT", "Noise", "Noisy", "Sampled", "Sampling", "inject", "respond",
           "sample_responses", "write_right"]

STUDENT = "injected"
"""Name of the student who writes the responses to problems of our own."""
VERSION = "1"
"""Version of the writing; it changes when a seed gives other responses than before."""

Render = Callable[..., tuple[tuple[Message, ...], str]]


class Noise(Record):
    """How many responses are written to each query, what share is right, and what is wrong with others."""

    n_per_query: Annotated[int, Field(ge=1)] = 1
    """Responses to each query."""
    right_rate: Proportion = 0.5
    """Chance that a response is right."""
    kinds: dict[Slug, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: dict.fromkeys(KINDS, 1.0))
    """Kind of error to its weight among the wrong responses (see `problems.planting.KINDS`).

    A problem may have no room for the kind that is drawn; the response then has another, and says which.
    """

    @model_validator(mode="after")
    def kinds_are_known(self) -> Self:
        """Raises ConfigError with the nearest known kind."""
        for kind in self.kinds:
            if kind not in KINDS:
                raise ConfigError(f"there is no kind of error {kind!r}; {suggest(kind, KINDS)}")
        if self.right_rate < 1 and not any(self.kinds.values()):
            raise ConfigError("noise that is not all right needs a kind of error with a weight above 0")
        return self


class Noisy(NamedTuple):
    """A response, what is known of it, and the chain behind it."""

    response: Response
    gold: Gold
    written: writing.Response
    """The lines as they were worked out, the planted one with its `error` and `why`."""


def respond(problem: Problem, noise: Noise, seed: int, query_place: int) -> list[Noisy]:
    """The responses to a problem, drawn from the seed, the query's place and the response's own alone."""
    return [_respond_once(problem, noise, Random(f"noise {VERSION} {seed} {query_place} {number}"))
            for number in range(noise.n_per_query)]


def _respond_once(problem: Problem, noise: Noise, rng: Random) -> Noisy:
    if rng.random() < noise.right_rate:
        return write_right(problem, rng)
    kinds = _shuffle(noise.kinds, rng)
    return inject(problem, kinds[0], rng, instead=kinds[1:])


def _shuffle(weights: Mapping[str, float], rng: Random) -> list[str]:
    """The kinds of weight above 0 in random order, each place drawn by weight among those that are left."""
    keys = {kind: rng.random() ** (1 / weight) for kind, weight in weights.items() if weight > 0}
    return sorted(keys, key=keys.__getitem__, reverse=True)


def write_right(problem: Problem, rng: Random) -> Noisy:
    """The right solution, written out by a student."""
    return _write(problem, problem.lines(), rng)


def inject(problem: Problem, kind: str, rng: Random, instead: Iterable[str] = ()) -> Noisy:
    """A solution with one error of this kind, else of the first of `instead` that the problem has room for.

    Where it has room for none of them, the error is of any kind that it has room for; `injected_error` says
    which. Raises ConfigError for an unknown kind.
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no kind of error {kind!r}; {suggest(kind, KINDS)}")
    for name in dict.fromkeys([kind, *instead, *KINDS]):
        lines = plant(problem, name, rng)
        if lines is not None:
            return _write(problem, lines, rng)
    raise AssertionError(f"no error fits into: {problem.query}")   # a slip in the last step always does


def _write(problem: Problem, lines: Sequence[Line], rng: Random) -> Noisy:
    written = writing.write_response(rng, problem, lines, STUDENT)
    step = written.first_error_step
    kind = written.error_kind
    response = Response(
        text=written.text,
        steps=written.steps,
        final_answer=written.answer,
        injected_error=None if kind is None else InjectedError(kind=kind, step=step),
        provenance=Provenance(source="noise", revision=VERSION, model=STUDENT),
    )
    return Noisy(response, Gold(response_correct=kind is None, first_error_step=step), written)


class Sampling(Record):
    """How a model is asked for responses."""

    model: str
    """provider/model, as litellm names it; or `local`."""
    n: Annotated[int, Field(ge=1)] = 1
    """Responses to each query."""
    prompt: str = "solve"
    """Id of the prompt, or a YAML file (see `prompts`)."""
    temperature: Annotated[float, Field(ge=0)] | None = 0.7
    """Sampling temperature; None leaves the provider's default."""
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = 1024
    """Most tokens of a response; None leaves the provider's default."""
    seed: int | None = None
    """Sampling seed of the first response, counted up for those after it; None sends none."""


class Sampled(NamedTuple):
    """What came of asking once."""

    response: Response | None
    """None when no usable completion came."""
    reason: str | None
    """Why there is none, as a slug; None when there is one."""


async def sample_responses(
    query: Query, sampling: Sampling, ask: Ask, render: Render | None = None
) -> list[Sampled]:
    """Asks for `sampling.n` responses at once, in order; a failed one is there with its reason.

    ask: `Driver.ask`. render: prompt id and fields to (messages, id@hash); None takes `prompts.render`.
    Raises ConfigError for a prompt that does not exist.
    """
    requests = _make_requests(query, sampling, render)
    answers = await asyncio.gather(*(ask(request) for request in requests))
    return [_take(query, request, answer) for request, answer in zip(requests, answers, strict=True)]


def _make_requests(query: Query, sampling: Sampling, render: Render | None) -> list[Request]:
    from cftdata import prompts

    messages, prompt = (render or prompts.render)(sampling.prompt, query=query.text)
    return [
        Request(
            model=sampling.model, messages=messages, prompt=prompt, temperature=sampling.temperature,
            top_p=sampling.top_p, max_tokens=sampling.max_tokens, sample=number,
            seed=None if sampling.seed is None else sampling.seed + number,
        )
        for number in range(sampling.n)
    ]


def _take(query: Query, request: Request, answer: Answer) -> Sampled:
    """The response with its steps and final answer read."""
    completion = answer.completion
    if completion is None:
        return Sampled(None, answer.reason or "unknown")
    tokens = (completion.n_prompt_tokens, completion.n_completion_tokens)
    n_tokens = None if None in tokens else sum(count or 0 for count in tokens)
    provenance = Provenance(
        model=request.model, prompt=request.prompt, temperature=request.temperature, seed=request.seed,
        usage=Usage(n_tokens=n_tokens, cost_usd=completion.cost_usd), created=completion.created,
    )
    read = normalise(Sample.of(query, Response(text=completion.text, provenance=provenance)))
    return Sampled(read.response, None)
