r"""The judge: a model that splits a critique into atomic claims and says of each whether it is true.

It costs calls and is itself a model that errs, so that it is off unless a recipe asks for it, and its
precision is measured like any other verifier's (`scorecard`). It sees query, response and critique, no
reference.

    pass      claims_hold (every claim is judged true)
    fail      claim_false (at least one is judged false, and the critique does make it)
    abstain   no_critique, no_response, no_claims, claims_unsure, claim_not_found (what is judged false are no
              words of the critique), or why there is no usable answer (unusable_no_json, budget_spent, ...)

Its version names the model and the prompt, since its outcomes change with them.
Source: atomic claims as in FActScore (arXiv 2305.14251), of critiques as in MetaCritique (arXiv 2402.15089).
Not covered: what a critique fails to say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from cftdata.calls import Request
from cftdata.parquet import printable
from cftdata.prompts import load_prompt, render
from cftdata.replies import read_json
from cftdata.sample import Evidence, Outcome, Record, Sample, Verification

if TYPE_CHECKING:
    from cftdata.driver import Ask

__all__ = ["JudgeSettings", "judge"]

NAME, VERSION = "judge", "1"


class JudgeSettings(Record):
    """Who judges."""

    model: str
    """provider/model as litellm names it."""
    prompt: str = "judge"
    """Prompt it is asked with."""
    temperature: Annotated[float, Field(ge=0)] | None = None
    """Sampling temperature; None leaves the provider's default."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Most tokens of the answer; None leaves the provider's default."""
    seed: int | None = None
    """Sampling seed, for providers that take one."""

    @model_validator(mode="after")
    def _asks_for_claims(self) -> Self:
        if load_prompt(self.prompt).reply != "claims":
            raise ValueError(f"the prompt {self.prompt!r} does not ask for claims")
        return self


class Claim(Record):
    """One claim, as the model is asked for it."""

    quote: str
    """Words of the critique that make the claim."""
    why: str
    """How the judge knows."""
    truth: Literal["true", "false", "unsure"]
    """Whether it is true."""

    @field_validator("truth", mode="before")
    @classmethod
    def _take_boolean(cls, value: Any) -> Any:
        return str(value).strip().lower()


class Claims(Record):
    """What the judge answers."""

    claims: tuple[Claim, ...]
    """The critique's claims, in order."""


async def judge(sample: Sample, settings: JudgeSettings, ask: Ask) -> Verification:
    """What the judge says of the sample's critique; a fail always has words of the critique as evidence."""
    if sample.critique is None or sample.response is None:
        return _say("abstain", "no_critique" if sample.critique is None else "no_response", settings.model)
    messages, ref = render(settings.prompt, query=sample.query.text, response=sample.response.text,
                           critique=sample.critique.text)
    version = f"{settings.model} {ref}"
    answer = await ask(
        Request(model=settings.model, messages=messages, prompt=ref, temperature=settings.temperature,
                max_tokens=settings.max_tokens, seed=settings.seed,
                response_schema=Claims.model_json_schema()), _check)
    if answer.completion is None:
        return _say("abstain", answer.reason or "no_answer", version)
    said = read_json(Claims, answer.completion.text)
    if isinstance(said, str):
        return _say("abstain", said, version)
    return _weigh(said.claims, sample.critique.text, version)


def _check(text: str) -> str | None:
    """Why an answer is of no use."""
    said = read_json(Claims, text)
    return said if isinstance(said, str) else None


def _weigh(claims: Sequence[Claim], text: str, version: str) -> Verification:
    """The claims together: the false ones decide, where the critique makes them."""
    false = [claim for claim in claims if claim.truth == "false"]
    found = [place for claim in false if (place := _locate(claim, text))]
    if found:
        return _say("fail", "claim_false", version, sorted(found, key=lambda place: place.start))
    if false:
        return _say("abstain", "claim_not_found", version)
    if not claims:
        return _say("abstain", "no_claims", version)
    is_sure = all(claim.truth == "true" for claim in claims)
    return _say("pass", "claims_hold", version) if is_sure else _say("abstain", "claims_unsure", version)


def _locate(claim: Claim, text: str) -> Evidence | None:
    """The claim's words in the critique; white space and case may differ, nothing else."""
    words = claim.quote.strip(" \t\n\"'“”").split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text, re.I)
    note = printable(" ".join(claim.why.split()))[:300] or None
    return Evidence(text=found[0], start=found.start(), end=found.end(), note=note) if found else None


def _say(outcome: Outcome, reason: str, version: str, places: Sequence[Evidence] = ()) -> Verification:
    first = places[0] if places else None
    return Verification(verifier=NAME, version=f"{VERSION} {version}", target="critique", outcome=outcome,
                        reason=reason, evidence=first, more=tuple(places[1:]),
                        detail=first.note if first else None)
