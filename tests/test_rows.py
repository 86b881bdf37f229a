from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parquet import sample as samples

from cftdata.parquet import arrow_schema
from cftdata.rows import AuditRow, CftRow, DroppedRow, SftRow, make_cft, make_dropped, make_sft, public_name
from cftdata.sample import (
    Critique,
    Decision,
    Gold,
    InjectedError,
    Provenance,
    Query,
    Response,
    Sample,
    content_id,
)
from cftdata.shapes import SHAPES, recognise

WRONG = Sample.of(Query(text="2+2?", reference_answer="4"), Response(text="It is 5.", final_answer="5"),
                  Critique(text="No.", verdict="wrong"))


def back(row: CftRow) -> Sample:
    """The sample that is read from a published row."""
    columns = row.model_dump(mode="json")
    assert recognise(columns) == "published"
    return SHAPES["published"].read(columns, Provenance(source="org/name", row=0))


@given(samples)
def test_a_published_row_is_read_back_with_its_id_and_texts(sample: Sample) -> None:
    again = back(make_cft(sample))
    assert again.id == sample.id
    for name in ("query", "response", "critique"):
        here, there = getattr(sample, name), getattr(again, name)
        assert (here is None) == (there is None)
        assert here is None or here.model_copy(update={"provenance": Provenance()}) == there.model_copy(
            update={"provenance": Provenance()})
    assert again.gold.first_error_step == sample.gold.first_error_step
    assert again.gold.critique_correct == sample.gold.critique_correct


def test_labels_come_back_as_labels_and_matches_do_not() -> None:
    assert back(make_cft(WRONG)).gold == Gold()
    row = make_cft(WRONG)
    assert (row.response_correct, row.response_correct_by) == (False, "reference_answer")
    labelled = WRONG.model_copy(update={"gold": Gold(response_correct=True, critique_correct=False)})
    row = make_cft(labelled)
    assert (row.response_correct, row.response_correct_by) == (True, "label")
    assert back(row).gold == labelled.gold


def test_who_wrote_what_and_from_where_comes_back() -> None:
    origin = Provenance(source="org/name", split="test", row=7, licence="mit")
    sample = Sample.of(
        Query(text="q", domain="algebra", provenance=origin),
        Response(text="r", injected_error=InjectedError(kind="sign", step=2),
                 provenance=Provenance(model="weak", prompt="solve@1")),
        Critique(text="c", planted_fault="wrong_step", provenance=Provenance(
            model="strong", prompt="cft@2", temperature=0.5, created="2026-01-02T03:04:05+00:00")))
    assert back(make_cft(sample)) == sample


@pytest.mark.parametrize(("split", "file", "expected"), [
    ("test", "anything", "test"), (None, "org/name/validation", "validation"), (None, "rows.jsonl", None)])
def test_the_split_of_the_source_is_kept(split: str | None, file: str, expected: str | None) -> None:
    query = Query(text="q", provenance=Provenance(source="org/name", split=split))
    assert make_cft(Sample.of(query), file).source_split == expected


@pytest.mark.parametrize(("source", "expected"), [
    ("org/name", "org/name"), ("https://example.org/a/b.jsonl", "https://example.org/a/b.jsonl"),
    ("/home/me/sets/rows.jsonl", "rows.jsonl"), ("../sets/rows.jsonl", "rows.jsonl"),
    ("sets/rows.jsonl", "rows.jsonl"), (r"C:\Users\me\rows.csv", "rows.csv"), ("/home/me/folder/", "folder"),
    ("problems", "problems"), (None, None)])
def test_of_a_path_only_its_last_part_is_public(source: str | None, expected: str | None) -> None:
    assert public_name(source) == expected


@given(st.text())
def test_no_folder_is_public(name: str) -> None:
    assert "private" not in (public_name(f"/home/private/{name}.jsonl") or "")


def test_a_suspect_reference_decides_nothing_but_a_label_does() -> None:
    row = make_cft(WRONG, is_suspect=True)
    assert (row.response_correct, row.suspect_reference) == (None, True)
    labelled = WRONG.model_copy(update={"gold": Gold(response_correct=False)})
    row = make_cft(labelled, is_suspect=True)
    assert (row.response_correct, row.suspect_reference) == (False, False)


def test_right_responses_are_the_reference_solution_else_the_students() -> None:
    assert make_sft(WRONG) is None
    solved = WRONG.query.model_copy(update={"reference_solution": "It is 4."})
    given = WRONG.model_copy(update={"query": solved})
    row = make_sft(given)
    assert row is not None
    assert (row.response, row.response_from, row.student) == ("It is 4.", "reference_solution", None)
    assert row.id == content_id(given.query, Response(text="It is 4."), None)


def test_a_dropped_row_says_why() -> None:
    decided = WRONG.model_copy(update={"decision": Decision(action="drop", reason="contaminated")})
    row = make_dropped(decided, None, "it is in gsm8k", is_suspect=False)
    assert (row.decision, row.reason, row.detail) == ("drop", "contaminated", "it is in gsm8k")
    assert back(row).id == WRONG.id


@pytest.mark.parametrize("kind", [CftRow, SftRow, AuditRow, DroppedRow])
def test_every_column_has_a_type_and_a_meaning(kind: type[CftRow]) -> None:
    assert arrow_schema(kind).names == list(kind.model_fields)
    assert all(field.description for field in kind.model_fields.values())
