"""Planted errors are where they are said to be, as the verifiers of claims see it; failures keep a reason."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime
from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.answers import match_answers
from cftdata.calls import Completion, Message, Request
from cftdata.driver import Answer, Check
from cftdata.errors import ConfigError
from cftdata.noise import KINDS, Noise, Noisy, Sampling, inject, respond, sample_responses, write_right
from cftdata.problems import Drawn, draw_problem, draw_queries, draw_query, plant, read_templates
from cftdata.problems.planting import FALSE_EQUATION
from cftdata.sample import Critique, Query, Sample
from cftdata.text import normalise, read_final_answer, read_steps
from cftdata.verifiers.localisation import LocalisationVerifier, first_false_step

N_DRAWS = 300


@cache
def _drawn(kind: str) -> list[tuple[Drawn, Noisy]]:
    """Responses whose error is of this kind, to problems that have room for it."""
    found = list[tuple[Drawn, Noisy]]()
    for place, drawn in enumerate(draw_queries(23, 5000)):
        made = inject(drawn.problem, kind, Random(f"{kind} {place}"))
        assert made.response.injected_error is not None
        if made.response.injected_error.kind == kind:
            found.append((drawn, made))
        if len(found) == N_DRAWS:
            return found
    raise AssertionError(f"too few problems have room for {kind}")


def _localise(drawn: Drawn, made: Noisy, step: int) -> str:
    critique = Critique(text=f"First Error Step: {step + 1}\n\nConclusion: wrong [END]")
    sample = normalise(Sample.of(drawn.query, made.response, critique, made.gold))
    assert sample.critique is not None
    assert sample.critique.first_error_step == step
    return LocalisationVerifier()(sample).outcome


def _match(drawn: Drawn, made: Noisy) -> str:
    assert made.response.final_answer is not None
    assert drawn.query.reference_answer is not None
    return match_answers(made.response.final_answer, drawn.query.reference_answer).outcome


@pytest.mark.parametrize("kind", sorted(FALSE_EQUATION))
def test_a_false_equation_is_found_at_the_planted_step(kind: str) -> None:
    found = [first_false_step(made.response.steps) == made.gold.first_error_step for _, made in _drawn(kind)]
    assert sum(found) >= 0.99 * N_DRAWS


@pytest.mark.parametrize("kind", sorted(set(KINDS) - FALSE_EQUATION))
def test_the_other_kinds_leave_no_false_equation(kind: str) -> None:
    found = [first_false_step(made.response.steps) is None for _, made in _drawn(kind)]
    assert sum(found) >= 0.99 * N_DRAWS


def test_right_responses_have_no_false_equation() -> None:
    for place, drawn in enumerate(draw_queries(29, N_DRAWS)):
        made = write_right(drawn.problem, Random(place))
        assert first_false_step(made.response.steps) is None, made.response.text
        assert _match(drawn, made) == "equal"
        assert (made.gold.response_correct, made.gold.first_error_step) == (True, -1)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_localisation_passes_the_planted_step_and_fails_another(kind: str) -> None:
    for drawn, made in _drawn(kind)[:60]:
        planted = made.gold.first_error_step
        assert planted is not None
        assert _localise(drawn, made, planted) == "pass"
        assert _localise(drawn, made, planted + 1) == "fail"


@pytest.mark.parametrize("kind", sorted(FALSE_EQUATION))
def test_localisation_finds_a_false_equation_without_a_label(kind: str) -> None:
    for drawn, made in _drawn(kind)[:60]:
        bare = made._replace(gold=type(made.gold)())
        planted = made.gold.first_error_step
        assert planted is not None
        if all(step.reason in ("heading", "numbered") for step in read_steps(made.response.text)):
            assert _localise(drawn, bare, planted) == "pass"
            assert _localise(drawn, bare, planted + 1) == "fail"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_answer_is_wrong_but_for_wrong_reasoning(kind: str) -> None:
    due = "equal" if kind == "right_answer_wrong_reasoning" else "different"
    for drawn, made in _drawn(kind):
        assert made.gold.response_correct is False
        assert _match(drawn, made) == due, (drawn.query.text, made.response.text)


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.sampled_from(sorted(KINDS)))
@settings(max_examples=150)
def test_a_response_is_what_it_says(seed: int, place: int, kind: str) -> None:
    problem = draw_query(seed, place).problem
    [made] = respond(problem, Noise(right_rate=0, kinds={kind: 1}), seed, place)
    response, error = made.response, made.response.injected_error
    assert error is not None
    assert error.kind == kind or plant(problem, kind, Random(seed)) is None
    assert error.step == made.gold.first_error_step == made.written.first_error_step
    assert tuple(step.value for step in read_steps(response.text)) == response.steps
    assert response.final_answer is not None
    read = read_final_answer(response.text).value or ""
    assert match_answers(read, response.final_answer, timeout_s=30).outcome == "equal"
    planted, right = made.written.lines, problem.worked
    assert all(line in right for line in planted[: error.step])
    assert len(planted) == len(right) - (error.kind == "skipped_step")
    assert planted[error.step].error == error.kind
    assert planted[error.step].value != right[error.step].value or error.kind in ("unit", "skipped_step")
    assert made.written.notation.result(planted[error.step]) in response.steps[error.step]
    assert sum(line.error is not None for line in planted) == 1


@given(st.integers(0, 2**40), st.integers(0, 10**6), st.integers(1, 4))
@settings(max_examples=30)
def test_a_response_depends_on_its_place_alone(seed: int, place: int, n: int) -> None:
    problem = draw_query(seed, place).problem
    all_of_them = respond(problem, Noise(n_per_query=5), seed, place)
    assert respond(problem, Noise(n_per_query=n), seed, place) == all_of_them[:n]


def _kinds(noise: Noise, n: int) -> Counter[str | None]:
    problem = draw_problem(Random(1), read_templates()["path"])
    made = (respond(problem, noise, 5, place)[0].response.injected_error for place in range(n))
    return Counter(None if error is None else error.kind for error in made)


def test_rates_are_those_of_the_recipe() -> None:
    noise = Noise(right_rate=0.4, kinds={"arithmetic_slip": 3, "wrong_operator": 1, "off_by_one": 0})
    counts = _kinds(noise, 2000)
    assert set(counts) == {None, "arithmetic_slip", "wrong_operator"}
    assert counts[None] / 2000 == pytest.approx(0.4, abs=0.04)   # 3.6 standard errors
    assert counts["arithmetic_slip"] / (2000 - counts[None]) == pytest.approx(0.75, abs=0.045)
    assert set(_kinds(Noise(right_rate=1, kinds={}), 50)) == {None}


def test_a_kind_without_room_gives_way_to_another_of_the_recipe_and_says_so() -> None:
    problem = draw_problem(Random(1), read_templates()["path"])
    assert plant(problem, "sign_error", Random(1)) is None
    both = Noise(right_rate=0, kinds={"sign_error": 99, "wrong_formula": 1})
    only = Noise(right_rate=0, kinds={"sign_error": 1})
    for place in range(20):
        error = respond(problem, both, 1, place)[0].response.injected_error
        assert error is not None
        assert error.kind == "wrong_formula"
        error = respond(problem, only, 1, place)[0].response.injected_error
        assert error is not None
        assert error.kind != "sign_error"


def test_unknown_kinds_are_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'arithmetic_slip'"):
        Noise(kinds={"aritmetic_slip": 1})
    with pytest.raises(ConfigError, match="did you mean 'unit'"):
        inject(draw_query(1, 0).problem, "units", Random(1))
    for kinds in ({}, {"unit": 0.0}):
        with pytest.raises(ConfigError, match="weight above 0"):
            Noise(kinds=kinds)


# --- sampled


QUERY = Query(text="What is 2 + 3?")


def _render(name: str, **fields: str) -> tuple[tuple[Message, ...], str]:
    return (Message(role="user", content=f"{name}: {fields['query']}"),), f"{name}@0"


class Scripted:
    """Answers as it is told to, and keeps what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), list[Request]()

    async def __call__(self, request: Request, check: Check | None = None) -> Answer:
        self.asked.append(request)
        return self.answers[request.sample]


def _answer(text: str, **more: float | int) -> Answer:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    fields = {"text": text, "finish_reason": "stop", "created": created} | more
    return Answer(Completion.model_validate(fields), None)


def test_sampled_responses_are_read_and_failures_keep_their_reason() -> None:
    ask = Scripted(
        _answer("Step 1: 2 + 3 = 5\nStep 2: Done.\nThe answer is 5.",
                n_prompt_tokens=9, n_completion_tokens=4, cost_usd=0.5),
        Answer(None, "budget_spent"), _answer("No idea."))
    sampling = Sampling(model="scripted/weak", n=3, temperature=0.5, max_tokens=64, seed=7)
    first, second, third = asyncio.run(sample_responses(QUERY, sampling, ask, _render))
    assert second == (None, "budget_spent")
    assert first.response is not None
    assert (len(first.response.steps), first.response.final_answer) == (2, "5")
    origin = first.response.provenance
    assert (origin.model, origin.prompt) == ("scripted/weak", "solve@0")
    assert (origin.temperature, origin.seed) == (0.5, 7)
    assert origin.usage is not None
    assert (origin.usage.n_tokens, origin.usage.cost_usd) == (13, 0.5)
    assert third.response is not None
    assert third.response.final_answer is None
    assert third.response.provenance.usage is not None
    assert third.response.provenance.usage.n_tokens is None
    assert [(one.sample, one.seed) for one in ask.asked] == [(0, 7), (1, 8), (2, 9)]
    assert {one.max_tokens for one in ask.asked} == {64}
    assert len({one.key for one in ask.asked}) == 3


def test_the_prompt_is_one_of_the_package() -> None:
    ask = Scripted(_answer("5"))
    [made] = asyncio.run(sample_responses(QUERY, Sampling(model="scripted/weak"), ask))
    assert made.response is not None
    assert (made.response.provenance.prompt or "").startswith("solve@")
    assert QUERY.text in ask.asked[0].messages[-1].content
    with pytest.raises(ConfigError, match="did you mean 'solve'"):
        asyncio.run(sample_responses(QUERY, Sampling(model="scripted/weak", prompt="slove"), ask))
