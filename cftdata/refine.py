"""Refine: critique, revised response, answer checked; and again for as many rounds as the recipe says.

A model revises the response with the critique at hand; whether that came out right is the verification
`helped` of the critique (`verifiers/helped`). In a further round the revision is critiqued by the same
critic, which gives a new row. Nothing of the reference is shown to a model; it only checks what came back.
No revision is asked for where it could tell nothing: the critique calls the response right, or there is no
reference.

Source: AutoMathCritique (arXiv 2411.16579): critiques are kept by the share of their revisions that are
right.
Not covered: training on the revisions, and searching among several of them.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from cftdata.calls import Request
from cftdata.critics import SELF, CriticSettings, critique
from cftdata.prompts import load_prompt, render
from cftdata.replies import describe_call
from cftdata.sample import Record, Response, Sample, Verification
from cftdata.text import normalise, read_final_answer
from cftdata.verifiers.helped import judge_revisions, why_not_revised
from cftdata.verifiers.verdict import TIMEOUT_S

if TYPE_CHECKING:
    from cftdata.driver import Ask

__all__ = ["RefineSettings", "Refined", "refine"]


class RefineSettings(Record):
    """Who revises, and how often."""

    model: str
    """The model that revises: provider/model, or `self` for the one that wrote the response."""
    prompt: str = "revise"
    """Prompt it is asked with."""
    n: Annotated[int, Field(ge=1)] = 1
    """Revisions asked for with each critique; with more, the share that is right grades the critique."""
    rounds: Annotated[int, Field(ge=1)] = 1
    """Most times a response is revised; each round after the first critiques the revision before it."""
    temperature: Annotated[float, Field(ge=0)] | None = None
    """Sampling temperature; None leaves the provider's default."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of a revision; None leaves the provider's default."""
    seed: int | None = None
    """Sampling seed, for providers that take one."""
    timeout_s: Annotated[float, Field(gt=0)] = TIMEOUT_S
    """Time limit for matching one pair of answers, in seconds."""

    @model_validator(mode="after")
    def _asks_for_a_solution(self) -> Self:
        if load_prompt(self.prompt).reply != "solution":
            raise ValueError(f"the prompt {self.prompt!r} does not ask for a solution")
        return self


class Refined(NamedTuple):
    """What refining a row brought."""

    samples: tuple[Sample, ...]
    """The row itself, then one row a further round (the revision and its critique); each says whether its
    critique helped."""
    revisions: tuple[Response, ...]
    """All revisions, in order of the rounds."""
    ended: str
    """Slug: rounds_done, why the last row was not revised, or why its revision was not critiqued."""


async def refine(sample: Sample, settings: RefineSettings, ask: Ask, critic: CriticSettings, *,
                 seed: int = 0) -> Refined:
    """The sample with its critique put to use, and what followed.

    critic: who wrote the sample's critique and writes those of further rounds. seed: of a symbolic critic.
    """
    samples: list[Sample] = []
    revisions: list[Response] = []
    while True:
        new, reason = await _revise(sample, settings, ask)
        revisions += new
        helped = await asyncio.to_thread(  # matching answers may take seconds, and others wait for answers
            judge_revisions, sample, new, reason, timeout_s=settings.timeout_s)
        samples.append(_add(sample, helped))
        if reason or len(samples) == settings.rounds:
            return Refined(tuple(samples), tuple(revisions), reason or "rounds_done")
        made = await critique(Sample.of(sample.query, new[0]), critic, ask, seed=seed)
        if made.critique is None:
            return Refined(tuple(samples), tuple(revisions), made.reason or "no_critique")
        sample = normalise(Sample.of(sample.query, new[0], made.critique))


async def _revise(sample: Sample, settings: RefineSettings, ask: Ask) -> tuple[list[Response], str | None]:
    """The revisions, or why there is none."""
    reason = await asyncio.to_thread(why_not_revised, sample, timeout_s=settings.timeout_s)
    if reason or sample.response is None or sample.critique is None:
        return [], reason
    author = sample.response.provenance.model
    model = author if settings.model == SELF else settings.model
    if model is None:
        return [], "no_author"
    messages, ref = render(settings.prompt, query=sample.query.text, response=sample.response.text,
                           critique=sample.critique.text)
    request = Request(model=model, messages=messages, prompt=ref, temperature=settings.temperature,
                      max_tokens=settings.max_tokens, seed=settings.seed)
    asked = [request.model_copy(update={"sample": number}) for number in range(settings.n)]
    answers = await asyncio.gather(*(ask(one, _check_answer) for one in asked))
    new = [Response(text=answer.completion.text, final_answer=read_final_answer(answer.completion.text).value,
                    provenance=describe_call(one, answer.completion))
           for one, answer in zip(asked, answers, strict=True) if answer.completion]
    return new, None if new else answers[0].reason


def _check_answer(text: str) -> str | None:
    """Why a revision is of no use: its answer cannot be read."""
    return None if read_final_answer(text).value is not None else "no_answer"


def _add(sample: Sample, helped: Verification) -> Sample:
    others = (said for said in sample.verifications if said.verifier != helped.verifier)
    return sample.model_copy(update={"verifications": (*others, helped)})
