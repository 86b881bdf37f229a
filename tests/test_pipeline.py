"""The line of a build, with scripted models in the providers' place."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

from cftdata.calls import Completion, Request
from cftdata.driver import Answer, Check
from cftdata.pipeline import Made, Unmade, make_all, read_units
from cftdata.recipe import Recipe
from cftdata.sample import Sample

RIGHT = "Every step holds. Conclusion: right [END]"


def recipe(**changes: object) -> Recipe:
    plain: dict[str, object] = {
        "id": "test", "queries": {"source": "problems", "n": 4}, "critics": [{"model": "symbolic"}],
        "responses": [{"kind": "noise", "n_per_query": 2}]}
    return Recipe.model_validate(plain | changes)


class Models:
    """Answers for every model by a function of the request; keeps what was asked."""

    def __init__(self, answer: Callable[[Request], str]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    async def ask(self, request: Request, check: Check | None = None) -> Answer:
        self.asked.append(request)
        text = self.answer(request)
        if text.startswith("!"):
            return Answer(None, text[1:])
        fault = check(text) if check else None
        return Answer(None, f"unusable_{fault}") if fault else Answer(
            Completion(text=text, finish_reason="stop", n_prompt_tokens=7, n_completion_tokens=5), None)


def make(recipe: Recipe,
         answer: Callable[[Request], str] = lambda request: RIGHT) -> tuple[list[Made], Models]:
    models = Models(answer)

    async def run() -> list[Made]:
        return [row async for rows in make_all(read_units(recipe), recipe, models.ask, lambda: False)
                for row in rows]

    return asyncio.run(run()), models


def samples_of(made: list[Made]) -> list[Sample]:
    return [row for row in made if isinstance(row, Sample)]


def reasons_of(made: list[Made]) -> list[str]:
    return [f"{row.stage}:{row.reason}" for row in made if isinstance(row, Unmade)]


def table(folder: Path, rows: list[dict[str, object]]) -> str:
    path = folder / "queries.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_problems_of_our_own_need_no_model() -> None:
    made, models = make(recipe())
    assert len(made) == 8
    assert not models.asked
    samples = samples_of(made)
    assert {sample.query.provenance.row for sample in samples} == {0, 1, 2, 3}
    assert all(sample.critique and sample.gold.first_error_step is not None for sample in samples)


def test_the_same_seed_makes_the_same_rows_and_another_does_not() -> None:
    ids = [[sample.id for sample in samples_of(make(recipe(seed=seed))[0])] for seed in (1, 1, 2)]
    assert ids[0] == ids[1] != ids[2]


def test_models_respond_and_all_critics_write_of_every_response() -> None:
    wanted = recipe(
        queries={"source": "problems", "n": 2}, responses=[{"kind": "model", "model": "a/student", "n": 2}],
        critics=[{"model": "a/x"}, {"model": "b/y"}])
    made, models = make(wanted, lambda request: f"Student {request.sample}. The answer is 4."
                        if request.model == "a/student" else RIGHT)
    samples = samples_of(made)
    assert len(samples) == 2 * 2 * 2
    assert len(models.asked) == 2 * 2 + 8
    by = {(sample.response.provenance.model, sample.critique.provenance.model)
          for sample in samples if sample.response and sample.critique}
    assert by == {("a/student", "a/x"), ("a/student", "b/y")}
    usage = samples[0].critique.provenance.usage if samples[0].critique else None
    assert usage is not None
    assert usage.n_tokens == 12


def test_a_share_of_the_responses_goes_to_each_critic() -> None:
    made, _ = make(recipe(queries={"source": "problems", "n": 100}, assign="share", critics=[
        {"model": "a/x", "share": 0.8}, {"model": "b/y", "share": 0.2}]))
    models = [sample.critique.provenance.model for sample in samples_of(made) if sample.critique]
    assert len(models) == 200
    assert 20 < models.count("b/y") < 62  # five standard deviations around 40


def test_who_is_self() -> None:
    made, models = make(recipe(responses=[{"kind": "model", "model": "a/student"}], critics=[
        {"model": "self", "prompt": "self-critique"}]), lambda request: f"The answer is 4. {RIGHT}")
    assert {request.model for request in models.asked} == {"a/student"}
    assert len(samples_of(made)) == 4


def test_rows_of_a_source_keep_their_responses_and_labels(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"query": "2+2?", "response": "2 + 2 = 5", "reference_answer": "4"},
        {"query": "2+2?", "response": "2 + 2 = 4", "reference_answer": "4"},
        {"query": "3+3?", "reference_answer": "6"}, {"colour": "red"}]
    made, models = make(recipe(queries={"source": table(tmp_path, rows)}, responses=[
        {"kind": "source"}, {"kind": "model", "model": "a/student"}], critics=[{"model": "a/x"}]))
    assert reasons_of(made) == ["respond:no_response_in_row", "load:missing_field"]
    texts = [sample.response.text for sample in samples_of(made) if sample.response]
    assert sorted(texts) == ["2 + 2 = 4", "2 + 2 = 5", RIGHT, RIGHT]
    asked = [request for request in models.asked if request.model == "a/student"]
    assert len(asked) == 2  # once for each query, not once for each row


def test_errors_are_planted_in_problems_of_our_own_only(tmp_path: Path) -> None:
    made, _ = make(recipe(queries={"source": table(tmp_path, [{"query": "2+2?"}])}))
    assert reasons_of(made) == ["respond:no_program"]


def test_what_a_model_does_not_bring_is_there_with_the_reason() -> None:
    critics = [{"model": "a/x"}, {"model": "b/y"}]
    made, _ = make(recipe(queries={"source": "problems", "n": 1}, critics=critics, responses=[
        {"kind": "noise"}, {"kind": "model", "model": "c/z"}]),
        lambda request: {"a/x": "I cannot say.", "b/y": "!set_aside", "c/z": "!budget_spent"}[request.model])
    assert len(made) == 3
    assert reasons_of(made)[0] == "respond:budget_spent"
    assert reasons_of(made)[2] == "critique:set_aside"
    assert reasons_of(made)[1].startswith("critique:unusable_verdict_")


def test_refining_and_judging_add_what_they_say() -> None:
    claims = {"claims": [{"quote": "It is off", "why": "it is not", "truth": "false"}]}
    said_by = {"a/x": "It is off. Conclusion: wrong [END]", "j/judge": json.dumps(claims),
               "r/reviser": "No. The answer is 0."}
    wanted = recipe(critics=[{"model": "a/x"}], judge={"model": "j/judge"}, refine={"model": "r/reviser"})
    made, _ = make(wanted, lambda request: said_by[request.model])
    said = {verification.verifier for sample in samples_of(made) for verification in sample.verifications}
    assert said == {"helped", "judge"}


def test_what_is_added_to_each_call_is_part_of_its_key() -> None:
    plain, added = (make(recipe(critics=[{"model": "a/x"}], providers={"a/x": {"extra": extra}}))[1].asked
                    for extra in ({}, {"reasoning_effort": "high"}))
    assert {request.extra.get("reasoning_effort") for request in added} == {"high"}
    assert not {request.key for request in plain} & {request.key for request in added}


def test_after_a_stop_nothing_new_is_begun() -> None:
    wanted, models = recipe(queries={"source": "problems", "n": 10_000}), Models(lambda request: RIGHT)
    seen: list[Made] = []

    async def run() -> None:
        async for rows in make_all(read_units(wanted), wanted, models.ask, lambda: bool(seen)):
            seen.extend(rows)

    asyncio.run(run())
    assert 0 < len(seen) < 1_000
