"""Critics: who writes critiques, of which responses, and how.

    symbolic        evaluates the response's steps, no model (`symbolic`)
    self            the model that wrote the response
    anything else   a model, asked through the driver with a prompt of `prompts`

An answer whose verdict cannot be read, or that is no JSON where JSON was asked for, is asked for again by the
driver; when none is usable there is no critique but a reason, never a guess. No critic sees the reference.

    >>> critics = (CriticSettings(model="a/x", share=3), CriticSettings(model="b/y"))
    >>> chosen = [assign(str(n), critics, "share", seed=0)[0].model for n in range(1000)]
    >>> 700 < chosen.count("a/x") < 800
    True

Source: CFT (arXiv 2501.17703); several teachers as in One-Shot CFT (arXiv 2506.03295).
Not covered: critics that talk to each other, tools.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from cftdata.calls import Completion, Request
from cftdata.errors import ConfigError, suggest
from cftdata.prompts import load_prompt, render
from cftdata.replies import describe_call, read_json
from cftdata.sample import Critique, Proportion, Record, Response, Sample
from cftdata.structured import StructuredCritique
from cftdata.text import read_corrected_answer, read_first_error_step, read_steps, read_verdict

if TYPE_CHECKING:
    from cftdata.driver import Ask

__all__ = ["CriticSettings", "Made", "assign", "critique"]

SYMBOLIC, SELF = "symbolic", "self"


class CriticSettings(Record):
    """One critic of a recipe."""

    model: str
    """provider/model as litellm names it; or `local`, `symbolic`, `self`, `scripted/NAME`."""
    prompt: str = "cft-short"
    """Prompt it is asked with: an id, or a YAML file. The symbolic critic needs none."""
    temperature: Annotated[float, Field(ge=0)] | None = None
    """Sampling temperature; None leaves the provider's default."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of a critique; None leaves the provider's default."""
    seed: int | None = None
    """Sampling seed, for providers that take one; for the symbolic critic, in place of the recipe's."""
    n: Annotated[int, Field(ge=1)] = 1
    """Critiques of each response."""
    share: Annotated[float, Field(ge=0)] = 1.0
    """Weight with which it is drawn where each response has one critic; shares need not sum to 1."""
    wrong_rate: Proportion = 0.0
    """Symbolic only: share of its critiques that are made wrong on purpose."""
    faults: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Symbolic only: kind of fault to its weight among these; none named stands for all kinds alike."""

    @model_validator(mode="after")
    def _can_write_critiques(self) -> Self:
        if self.model == SYMBOLIC:
            _check_faults(self.faults)
            return self
        if self.wrong_rate or self.faults:
            raise ValueError(f"wrong_rate and faults are for the critic {SYMBOLIC!r} only")
        if load_prompt(self.prompt).reply not in ("critique", "structured"):
            raise ValueError(f"the prompt {self.prompt!r} does not ask for a critique")
        return self


def _check_faults(faults: Mapping[str, float]) -> None:
    if not faults:
        return
    from cftdata.symbolic import FAULTS

    for name in faults:
        if name not in FAULTS:
            raise ValueError(f"there is no fault {name!r}; {suggest(name, FAULTS)}")


class Made(NamedTuple):
    """A critique, or the reason why there is none."""

    critique: Critique | None
    reason: str | None
    """Slug; None when there is a critique."""


async def critique(
    sample: Sample, critic: CriticSettings, ask: Ask, *, number: int = 0, seed: int = 0
) -> Made:
    """What this critic says of the sample's response.

    number: which of the critic's `n` critiques this is, from 0. seed: the recipe's, for the symbolic critic.
    Reasons: no_response, no_author (critic `self`, and nobody knows who wrote the response), those of the
    driver (unusable_verdict_<why it could not be read>, unusable_no_json, unusable_bad_json, budget_spent,
    ...), and those of the symbolic critic.
    """
    if sample.response is None:
        return Made(None, "no_response")
    if critic.model == SYMBOLIC:
        return _write(sample, critic, (seed if critic.seed is None else critic.seed) + number)
    model = sample.response.provenance.model if critic.model == SELF else critic.model
    if model is None:
        return Made(None, "no_author")
    request = _request(sample.query.text, sample.response, model, critic)
    request = request.model_copy(update={"sample": number})
    answer = await ask(request, _check_json if request.response_schema else _check_verdict)
    if answer.completion is None:
        return Made(None, answer.reason)
    return _read(request, answer.completion)


def _write(sample: Sample, critic: CriticSettings, seed: int) -> Made:
    from cftdata.symbolic import write_critique

    written = write_critique(sample, seed, critic.wrong_rate, critic.faults or None)
    return Made(None, written) if isinstance(written, str) else Made(written, None)


def _request(query: str, response: Response, model: str, critic: CriticSettings) -> Request:
    """The question; it has a response schema where the prompt asks for JSON."""
    steps = response.steps or tuple(step.value or "" for step in read_steps(response.text))
    messages, ref = render(critic.prompt, query=query, response=response.text, steps=steps)
    is_structured = load_prompt(critic.prompt).reply == "structured"
    return Request(
        model=model, messages=messages, prompt=ref, temperature=critic.temperature,
        max_tokens=critic.max_tokens, seed=critic.seed,
        response_schema=StructuredCritique.model_json_schema() if is_structured else None)


def _check_verdict(text: str) -> str | None:
    """Why a critique in words is of no use: its verdict cannot be read."""
    verdict = read_verdict(text)
    return None if verdict.value else f"verdict_{verdict.reason}"


def _check_json(text: str) -> str | None:
    """Why a structured critique is of no use."""
    said = read_json(StructuredCritique, text)
    return said if isinstance(said, str) else None


def _read(request: Request, completion: Completion) -> Made:
    provenance, text = describe_call(request, completion), completion.text
    if not request.response_schema:
        return Made(Critique(
            text=text, verdict=read_verdict(text).value, first_error_step=read_first_error_step(text).value,
            corrected_answer=read_corrected_answer(text).value, provenance=provenance), None)
    said = read_json(StructuredCritique, text)
    return Made(None, said) if isinstance(said, str) else Made(said.as_critique(provenance), None)


# --- Who writes of what


def assign(sample_id: str, critics: Sequence[CriticSettings], mode: Literal["all", "share"],
           seed: int) -> tuple[CriticSettings, ...]:
    """The critics of a response, always the same for the same id.

    `all`: every critic. `share`: one, drawn with the critics' shares as weights. A critic that is added only
    takes responses over, and none changes between the others, so that little is paid again.
    """
    if mode == "all":
        return tuple(critics)
    weighed = [(_luck(sample_id, critic, seed), critic) for critic in critics if critic.share > 0]
    if not weighed:
        raise ConfigError("no critic has a share; give at least one of them a share above 0")
    return (max(weighed, key=lambda one: one[0])[1],)


def _luck(sample_id: str, critic: CriticSettings, seed: int) -> float:
    """A critic's draw; the highest wins, with its share as probability (weighted rendezvous hashing)."""
    name = critic.model_dump_json(exclude={"share", "n"})
    uniform = (_draw(seed, sample_id, name) + 0.5) / 2**64
    return -critic.share / math.log(uniform)


def _draw(seed: int, *what: str) -> int:
    """64 bits that depend on nothing but this."""
    text = "\0".join([str(seed), *what])
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8])
