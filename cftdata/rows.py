"""Rows as they are published: flat, one type a config, each field with the sentence that the card shows.

`CftRow` holds all of a sample but its verifications, which `AuditRow` has one by one; `shapes.read_published`
restores from it a sample with the same id. A local path never leaves: of a source that is a file its name is
kept, of a Hub dataset its id.

    >>> from cftdata.sample import Critique, Query, Response
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="Wrong.", verdict="wrong"))
    >>> row = make_cft(sample)
    >>> row.verdict, row.response_correct, row.critic
    ('wrong', None, None)
    >>> public_name("/home/me/rows.jsonl"), public_name("org/name")
    ('rows.jsonl', 'org/name')

Not covered: prices and token counts by row (the manifest has their sums).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal

from cftdata.formats.twin import find_solution
from cftdata.sample import (
    Count,
    Evidence,
    Outcome,
    Provenance,
    Record,
    Response,
    Sample,
    Slug,
    Target,
    Verdict,
    Verification,
    content_id,
)
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE
from cftdata.verifiers.verdict import Correctness, response_correctness

__all__ = ["AuditRow", "CftRow", "DroppedRow", "SftRow", "make_audit", "make_cft", "make_dropped", "make_sft",
           "public_name"]

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
DATA_FILE = re.compile(r"\.(jsonl|ndjson|json|csv|tsv|parquet|gz)$", re.I)
URL = re.compile(r"https?://[^/\s]+/")
OF_CRITIQUE = ("verdict", "first_error_step", "corrected_answer", "planted_fault")


class CftRow(Record):
    """One critique of one response to one query."""

    id: str
    """Hash of query, response and critique: the same texts have the same id in every release."""
    query: str
    """The problem."""
    response: str | None
    """The noisy response that is critiqued; it may be right."""
    critique: str | None
    """The critique."""
    verdict: Verdict | None
    """What the critique says of the response: `right` or `wrong`; null when it says neither."""
    first_error_step: int | None
    """0-based first wrong step that the critique names; -1: it says that all are right; null: not stated."""
    corrected_answer: str | None
    """What the critique says that the answer should have been."""
    response_correct: bool | None
    """Whether the response is right; null when that is not known."""
    response_correct_by: Literal["label", "reference_answer"] | None
    """How that is known: a label of people or of construction, or the final answer against the reference."""
    verdict_check: Outcome | None
    """The verdict against that: `pass`, `fail`, `abstain` (cannot be told) or `error` (the check broke)."""
    failed_checks: tuple[str, ...]
    """Verifiers that found something wrong; the config `audit` says what."""
    decision: Literal["keep", "drop", "relabel", "regenerate"] | None
    """What curating did with the row; null when it was not curated."""
    reason: str | None
    """Why, as a slug."""
    reference_answer: str | None
    """Reference answer of the query, itself fallible."""
    suspect_reference: bool
    """Those judged right agree against the reference answer, so that nothing is decided by it."""
    reference_solution: str | None
    """Worked solution that is held to be right."""
    domain: str | None
    """Field or subject, as the source names it."""
    steps: tuple[str, ...]
    """Steps of the response."""
    final_answer: str | None
    """Final answer of the response, as read."""
    injected_error: str | None
    """Kind of the error that was planted in the response, if one was."""
    injected_error_step: int | None
    """0-based step at which it stands."""
    planted_fault: str | None
    """Fault that was planted in the critique, which is wrong by construction then."""
    labelled_first_error_step: int | None
    """0-based first wrong step by label; -1: all are right; null: no label."""
    labelled_critique_correct: bool | None
    """Whether the critique is right, by label."""
    critic: str | None
    """Model that wrote the critique."""
    critic_prompt: str | None
    """Prompt it was asked with, as id@hash."""
    critic_temperature: float | None
    """Sampling temperature of the critic."""
    critic_created: str | None
    """When the critique was written (ISO 8601)."""
    student: str | None
    """Model that wrote the response."""
    student_prompt: str | None
    """Prompt it was asked with."""
    source: str | None
    """File or Hub dataset that the query comes from."""
    source_split: str | None
    """Split of that source."""
    source_row: Count | None
    """0-based row of that source."""
    source_licence: str | None
    """Licence of that source, where the row states it."""


class DroppedRow(CftRow):
    """A row that curating took out, with why."""

    detail: str | None
    """The evidence, in a sentence."""


class SftRow(Record):
    """A right response to a query of the set."""

    id: str
    """Hash of query and response."""
    query: str
    """The problem."""
    response: str
    """A right response: the reference solution, else a noisy response that is known to be right."""
    response_from: Literal["reference_solution", "student"]
    """Which of the two it is."""
    student: str | None
    """Model that wrote it, of a student's response."""
    reference_answer: str | None
    """Reference answer of the query."""
    domain: str | None
    """Field or subject."""


class Place(Record):
    """A stretch of the text that a verification points into."""

    text: str
    """The stretch."""
    start: Count
    """0-based offset of its first character."""
    end: Count
    """Offset after its last character."""
    note: str | None
    """What is wrong there."""


class AuditRow(Record):
    """What one verifier says of one row of `cft` or `dropped`."""

    sample_id: str
    """`id` of that row."""
    config: Literal["cft", "dropped"]
    """Config in which it stands."""
    verifier: Slug
    """Name of the verifier."""
    version: str
    """Its version."""
    target: Target
    """Text that is judged, and that the places point into."""
    outcome: Outcome
    """`pass`, `fail` (a finding), `abstain` (it cannot tell) or `error` (it broke or ran out of time)."""
    reason: Slug
    """Why, as a slug."""
    detail: str | None
    """The same as a sentence."""
    score: float | None
    """Strength of the outcome, where the verifier has one."""
    places: tuple[Place, ...]
    """What it rests on; the first is the one that decides."""


def make_cft(sample: Sample, file: str | None = None, *, is_suspect: bool = False) -> CftRow:
    """The row of a sample.

    file: what it was read from, of which a split is taken where it names one. is_suspect: its reference is
    suspect, so that nothing is said by it.
    """
    return CftRow(**_flatten(sample, file, is_suspect))


def make_dropped(sample: Sample, file: str | None, detail: str | None, *, is_suspect: bool) -> DroppedRow:
    """The row of a dropped sample; detail: the evidence in a sentence."""
    return DroppedRow(**_flatten(sample, file, is_suspect), detail=detail)


def make_sft(sample: Sample) -> SftRow | None:
    """The right response to the sample's query; None when none is known."""
    solution = find_solution(sample)
    if solution is None:
        return None
    response = sample.response
    is_students = solution != sample.query.reference_solution and response is not None
    return SftRow(
        id=content_id(sample.query, Response(text=solution), None), query=sample.query.text,
        response=solution, response_from="student" if is_students else "reference_solution",
        student=response.provenance.model if is_students and response else None,
        reference_answer=sample.query.reference_answer, domain=sample.query.domain)


def make_audit(sample: Sample, config: Literal["cft", "dropped"]) -> Iterator[AuditRow]:
    """One row for every verification of the sample."""
    for said in sample.verifications:
        places = [_place(one) for one in (said.evidence, *said.more) if one]
        yield AuditRow(sample_id=sample.id, config=config, verifier=said.verifier, version=said.version,
                       target=said.target, outcome=said.outcome, reason=said.reason, detail=said.detail,
                       score=said.score, places=tuple(places))


def public_name(source: str | None) -> str | None:
    """A source as it may be published: a Hub id or an address as it is, of a path the last part."""
    if source is None or URL.match(source):
        return source
    last = re.split(r"[\\/]", source.rstrip("\\/"))[-1]
    return source if HUB_ID.fullmatch(source) and not DATA_FILE.search(source) else last


def _place(one: Evidence) -> Place:
    return Place(text=one.text, start=one.start, end=one.end, note=one.note)


def _flatten(sample: Sample, file: str | None, is_suspect: bool) -> dict[str, Any]:
    query, response, critique = sample.query, sample.response, sample.critique
    student = response.provenance if response else Provenance()
    critic = critique.provenance if critique else Provenance()
    planted, decision = response.injected_error if response else None, sample.decision
    truth = _truth(sample, is_suspect)
    return {
        "id": sample.id, "query": query.text, "response": response.text if response else None,
        "critique": critique.text if critique else None,
        **{name: getattr(critique, name, None) for name in OF_CRITIQUE},
        **truth, **_checks(sample, truth["suspect_reference"]),
        "decision": decision.action if decision else None, "reason": decision.reason if decision else None,
        **{name: getattr(query, name) for name in ("reference_answer", "reference_solution", "domain")},
        "steps": response.steps if response else (),
        "final_answer": response.final_answer if response else None,
        "injected_error": planted.kind if planted else None,
        "injected_error_step": planted.step if planted else None,
        "labelled_first_error_step": sample.gold.first_error_step,
        "labelled_critique_correct": sample.gold.critique_correct,
        "critic": critic.model, "critic_prompt": critic.prompt, "critic_temperature": critic.temperature,
        "critic_created": critic.created.isoformat() if critic.created else None,
        "student": student.model, "student_prompt": student.prompt, **_origin(query.provenance, file)}


def _truth(sample: Sample, is_suspect: bool) -> dict[str, Any]:
    """Whether the response is right, by what, and whether that is open because the reference is suspect."""
    try:
        correct = response_correctness(sample)
    except Exception:  # the verifier met it too, and has said so
        correct = Correctness(None, "crashed")
    is_open = is_suspect and correct.match is not None
    value = None if is_open else correct.value
    by = None if value is None else "label" if correct.match is None else "reference_answer"
    return {"response_correct": value, "response_correct_by": by, "suspect_reference": is_open}


def _checks(sample: Sample, is_open: bool) -> dict[str, Any]:
    """What the verifiers say; what rests on a suspect reference is undecided."""
    said = {one.verifier: "abstain" if is_open and _rests_on_reference(one) else one.outcome
            for one in sample.verifications}
    return {"verdict_check": said.get("verdict"),
            "failed_checks": tuple(name for name, outcome in said.items() if outcome == "fail")}


def _rests_on_reference(said: Verification) -> bool:
    return said.verifier == "verdict" or said.reason in RESTS_ON_REFERENCE


def _origin(origin: Provenance, file: str | None) -> dict[str, Any]:
    """Where the query comes from. Of a Hub dataset read whole, the file is `org/name/split`."""
    split = origin.split
    if split is None and origin.source and (file or "").startswith(f"{origin.source}/"):
        split = (file or "").removeprefix(f"{origin.source}/")
    return {"source": public_name(origin.source), "source_split": split, "source_row": origin.row,
            "source_licence": origin.licence}
