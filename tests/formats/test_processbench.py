"""ProcessBench rows: labels are people's, and what is not known is not stated."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cftdata.formats import FORMATS
from cftdata.sample import Gold, Provenance, Query, Response, Sample, content_id
from cftdata.shapes import SHAPES, recognise

STEPS = ("First, add.", "The answer is 5.")


class Row(BaseModel):
    """As on the card of Qwen/ProcessBench: six fields, the label an index into the steps or -1."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: Annotated[str, Field(min_length=1)]
    generator: Annotated[str, Field(min_length=1)]
    problem: str
    steps: Annotated[list[str], Field(min_length=1)]
    final_answer_correct: bool
    label: Annotated[int, Field(ge=-1)]

    @model_validator(mode="after")
    def label_names_a_step(self) -> Row:
        if self.label >= len(self.steps) or (self.label == -1 and not self.final_answer_correct):
            raise ValueError("the label names no step, or a right process has a wrong answer")
        return self


def response(text: str = "First, add.\n\nThe answer is 5.", steps: tuple[str, ...] = STEPS,
             answer: str | None = None, model: str | None = "weak") -> Response:
    return Response(text=text, steps=steps, final_answer=answer, provenance=Provenance(model=model))


def make(gold: Gold, reference: str | None = "4", given: Response | None = None) -> Any:
    return FORMATS["processbench"].row(
        Sample.of(Query(text="2+2?", reference_answer=reference), given or response(), None, gold), None)


def test_a_row_is_as_the_card_shows_it_and_is_read_back() -> None:
    made = json.loads(json.dumps(make(Gold(first_error_step=1))))
    row = Row.model_validate(made)
    assert (row.generator, row.steps, row.final_answer_correct, row.label) == ("weak", list(STEPS), False, 1)
    assert row.id == content_id(Query(text="2+2?"), response(), None)
    assert recognise(made) == "processbench"
    read = SHAPES["processbench"].read(made, Provenance())
    assert (read.gold.first_error_step, read.gold.response_correct) == (1, False)
    assert read.response
    assert (read.response.text, read.response.steps) == ("First, add.\n\nThe answer is 5.", STEPS)


@pytest.mark.parametrize(("gold", "reference", "answer", "expected"), [
    (Gold(first_error_step=-1), None, None, (True, -1)),
    (Gold(response_correct=True), None, None, (True, -1)),
    (Gold(first_error_step=0), "4", "4", (True, 0)),       # a right answer by a wrong step
    (Gold(first_error_step=0), "5", None, (True, 0))])
def test_labels_and_answers(gold: Gold, reference: str | None, answer: str | None,
                            expected: tuple[bool, int]) -> None:
    row = make(gold, reference, response(answer=answer))
    assert (row["final_answer_correct"], row["label"]) == expected


@pytest.mark.parametrize(("gold", "reference", "reason"), [
    (Gold(), "4", "no_step_label"), (Gold(response_correct=False), "4", "no_step_label"),
    (Gold(first_error_step=2), "4", "label_past_steps"),
    (Gold(first_error_step=1), None, "final_answer_unknown")])
def test_what_cannot_be_stated_has_no_row(gold: Gold, reference: str | None, reason: str) -> None:
    assert make(gold, reference) == reason


def test_steps_are_read_where_none_are_given_and_no_generator_is_unknown() -> None:
    given = response("Step 1: add\nStep 2: The answer is 5", (), model=None)
    row = make(Gold(first_error_step=1), "4", given)
    assert row["steps"] == ["Step 1: add", "Step 2: The answer is 5"]
    assert row["generator"] == "unknown"
    assert FORMATS["processbench"].row(Sample.of(Query(text="2+2?"), None, None, Gold(first_error_step=0)),
                                       None) == "no_response"
