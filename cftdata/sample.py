"""The types: what a sample is, what is said of it, and what an audit says of many.

One row is one (query, response, critique); several critics of one response are several rows.
Every type is frozen and closed (an unknown field is an error), and holds no NaN. Wrong is
representable (a critique may name step 7 of 3), malformed is not.

Source: design of this project; first error step as in ProcessBench (arXiv 2412.06559).

    >>> sample = Sample.of(Query(text="2+2?"), Response(text="4"), Critique(text="Conclusion: right [END]"))
    >>> sample.id == Sample.of(sample.query, sample.response, sample.critique).id
    True

Not covered: conversations of several turns, images, several responses in one row.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["right", "wrong"]
Outcome = Literal["pass", "fail", "abstain", "error"]
Target = Literal["query", "response", "critique", "sample"]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Proportion = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]

SCHEMA_VERSION: Literal["1"] = "1"


class Record(BaseModel):
    """A frozen, closed record."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class Usage(Record):
    """What one call of a model consumed."""

    n_tokens: Count | None = None
    """Tokens in and out together; None when unknown."""
    cost_usd: Annotated[float, Field(ge=0)] | None = None
    """Price in US dollars; None when unknown, 0 only when it was free."""


class Provenance(Record):
    """Where a text comes from: the row it was read from, or the call that made it."""

    source: str | None = None
    """File, folder or Hub id it was read from."""
    revision: str | None = None
    """Revision of the source (a Hub commit)."""
    split: str | None = None
    """Split of the source."""
    row: Count | None = None
    """0-based position in the source."""
    licence: str | None = None
    """SPDX id of the licence, where the source states one."""
    model: str | None = None
    """Model that wrote the text, as provider/model or as the source names it."""
    prompt: str | None = None
    """Prompt it was asked with, as id@hash."""
    temperature: Annotated[float, Field(ge=0)] | None = None
    """Sampling temperature."""
    seed: int | None = None
    """Sampling seed."""
    usage: Usage | None = None
    """What the call consumed."""
    created: datetime | None = None
    """When the text was made."""


class Query(Record):
    """The problem."""

    text: str
    """The problem as the solver was given it."""
    reference_answer: str | None = None
    """Gold answer, itself fallible; None when there is none."""
    reference_solution: str | None = None
    """A worked solution that is held to be right."""
    domain: str | None = None
    """Field or subject, as the source names it."""
    provenance: Provenance = Provenance()
    """Where the query comes from."""


class InjectedError(Record):
    """The error that was planted in a response."""

    kind: Slug
    """What kind of error."""
    step: Count
    """0-based step at which it stands."""


class Response(Record):
    """The noisy response: what is critiqued. It may be right."""

    text: str
    """The whole response, unchanged."""
    steps: tuple[str, ...] = ()
    """Its steps as read or as the source gives them; each is a stretch of the text where it was read."""
    final_answer: str | None = None
    """The answer it ends with; None when none could be read."""
    injected_error: InjectedError | None = None
    """The planted error, if one was."""
    provenance: Provenance = Provenance()
    """Who wrote it (the student)."""


class Critique(Record):
    """What a critic says of a response."""

    text: str
    """The whole critique, unchanged."""
    verdict: Verdict | None = None
    """What it says of the response; None when it could not be read."""
    first_error_step: Annotated[int, Field(ge=-1)] | None = None
    """0-based first wrong step it names; -1 says that every step is right; None says nothing."""
    corrected_answer: str | None = None
    """What it says the answer should have been."""
    planted_fault: Slug | None = None
    """The fault that was planted in it, where one was; it is wrong by construction then."""
    provenance: Provenance = Provenance()
    """Who wrote it (the critic)."""


class Gold(Record):
    """Labels given by people or known by construction."""

    response_correct: bool | None = None
    """Whether response and reasoning are right; it outranks a matching answer."""
    first_error_step: Annotated[int, Field(ge=-1)] | None = None
    """0-based first wrong step; -1 when every step is right."""
    critique_correct: bool | None = None
    """Whether the critique is right."""


class Evidence(Record):
    """The stretch of text that a verification rests on."""

    text: str
    """The stretch itself."""
    start: Count
    """0-based offset of its first character in the target's text."""
    end: Count
    """Offset after its last character."""
    note: str | None = None
    """What is wrong there, in a few words: "27, not 32"."""

    @model_validator(mode="after")
    def span_has_the_length_of_its_text(self) -> Self:
        if self.end - self.start != len(self.text):
            raise ValueError("end - start must be the length of text")
        return self


class Verification(Record):
    """What one verifier says of one sample."""

    verifier: Slug
    """Name of the verifier."""
    version: str
    """Its version; it changes when its outcomes may."""
    target: Target
    """Which text is judged, and the one that evidence points into."""
    outcome: Outcome
    """`pass`, `fail` (a finding), `abstain` (it cannot tell) or `error` (it broke or ran out of time)."""
    reason: Slug
    """Why."""
    evidence: Evidence | None = None
    """What it rests on; of several places the one that decides."""
    more: tuple[Evidence, ...] = ()
    """The other places, in order."""
    detail: str | None = None
    """A sentence for people: what was expected and what was found."""
    score: float | None = None
    """Strength of the outcome, where the verifier has one."""


class Decision(Record):
    """What curating did with a row."""

    action: Literal["keep", "drop", "relabel", "regenerate"]
    """What was done."""
    reason: Slug
    """Why."""


class Sample(Record):
    """One row: a query, a response to it, a critique of that, and all that is said of them."""

    schema_version: Literal["1"] = SCHEMA_VERSION
    """Version of this schema."""
    id: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    """Content hash: 32 hex digits of the SHA-256 of query, response and critique in UTF-8, each behind its
    length in bytes and a colon; a missing one is "-"."""
    query: Query
    """The problem."""
    response: Response | None = None
    """What is critiqued."""
    critique: Critique | None = None
    """The critique."""
    gold: Gold = Gold()
    """Labels of people or of construction."""
    verifications: tuple[Verification, ...] = ()
    """What the verifiers say."""
    decision: Decision | None = None
    """What curating did."""

    @classmethod
    def of(
        cls,
        query: Query,
        response: Response | None = None,
        critique: Critique | None = None,
        gold: Gold | None = None,
    ) -> Self:
        """A sample with the id of its content."""
        return cls(
            id=content_id(query, response, critique),
            query=query,
            response=response,
            critique=critique,
            gold=gold or Gold(),
        )

    @model_validator(mode="after")
    def id_is_of_the_content(self) -> Self:
        if self.id != content_id(self.query, self.response, self.critique):
            raise ValueError("id must be the content hash of query, response and critique")
        return self


def content_id(query: Query, response: Response | None, critique: Critique | None) -> str:
    """The id of a row: 32 hex digits, the same for the same three texts and for nothing else."""
    digest = hashlib.sha256()
    for part in (query, response, critique):
        text = b"" if part is None else part.text.encode("utf-8", "surrogatepass")
        digest.update(b"-" if part is None else b"%d:" % len(text))
        digest.update(text)
    return digest.hexdigest()[:32]


class Rate(Record):
    """A proportion of decided rows, with its interval."""

    n_hits: Count
    """Decided rows of which it is true."""
    n_decided: Count
    """Rows that could be decided; the denominator."""
    n_total: Count
    """Rows there were: n_total - n_decided could not be decided."""
    rate: Proportion | None
    """n_hits / n_decided; None when nothing was decided."""
    low: Proportion | None
    """Lower end of the interval; None when there is none."""
    high: Proportion | None
    """Upper end of the interval; None when there is none."""
    method: str
    """How the interval was made."""
    level: Annotated[float, Field(gt=0, lt=1)]
    """Confidence level."""
