"""Refine: what a critique leads to, and what that says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from pydantic import ValidationError
from scripted_ask import ScriptedAsk

from cftdata.calls import Request
from cftdata.critics import CriticSettings
from cftdata.refine import Refined, RefineSettings, refine
from cftdata.sample import Critique, Gold, Provenance, Query, Response, Sample, Verdict
from cftdata.text import normalise

SECRET = "98765"
QUERY = Query(text="What is asked?", reference_answer=SECRET)
WRONG, RIGHT = "Step 1: so it is\n\\boxed{9}", f"Step 1: so it is\n\\boxed{{{SECRET}}}"
CRITIC = CriticSettings(model="a/critic")
SETTINGS = RefineSettings(model="a/x")


def sample(response: str = WRONG, verdict: Verdict = "wrong", query: Query = QUERY,
           gold: Gold | None = None) -> Sample:
    return normalise(Sample.of(
        query, Response(text=response, provenance=Provenance(model="a/student")),
        Critique(text=f"Step 1 is off. Conclusion: {verdict} [END]", verdict=verdict), gold))


def run(row: Sample, replies: list[str] | Callable[[Request], str], settings: RefineSettings = SETTINGS,
        reason: str | None = None) -> tuple[Refined, ScriptedAsk]:
    ask = ScriptedAsk(replies, reason)
    return asyncio.run(refine(row, settings, ask, CRITIC)), ask


def said(refined: Refined) -> list[tuple[str, str]]:
    return [(one.outcome, one.reason) for row in refined.samples for one in row.verifications
            if one.verifier == "helped"]


def test_a_critique_that_leads_to_the_right_answer_helped() -> None:
    row = sample()
    refined, ask = run(row, [RIGHT])
    assert said(refined) == [("pass", "helped")]
    assert refined.ended == "rounds_done"
    assert refined.samples[0].model_copy(update={"verifications": ()}) == row
    [revision] = refined.revisions
    assert (revision.text, revision.final_answer, revision.provenance.model) == (RIGHT, SECRET, "a/x")
    asked = "".join(message.content for message in ask.asked[0].messages)
    assert "Step 1 is off." in asked
    assert "\\boxed{9}" in asked
    assert SECRET not in asked


@pytest.mark.parametrize(("row", "replies", "expected"), [
    (sample(), [WRONG], ("abstain", "revision_wrong")),
    (sample(), ["\\boxed{the banana}"], ("abstain", "revision_unknown")),
    (sample(RIGHT), [WRONG], ("fail", "misled")),
    (sample(RIGHT), [RIGHT], ("abstain", "stayed_right")),
    (sample(), ["I do not know."] * 3, ("abstain", "unusable_no_answer")),
])
def test_only_a_right_response_made_wrong_speaks_against_a_critique(
        row: Sample, replies: list[str], expected: tuple[str, str]) -> None:
    assert said(run(row, replies)[0]) == [expected]


@pytest.mark.parametrize(("row", "reason"), [
    (sample(verdict="right"), "said_right"),
    (sample(query=Query(text="?")), "no_reference"),
    (sample("I see."), "no_final_answer"),
    (sample("\\boxed{the banana}"), "answer_unknown"),
    (sample(RIGHT, gold=Gold(response_correct=False)), "answer_was_right"),
    (sample(WRONG, gold=Gold(response_correct=True)), "reference_disputed"),
    (Sample.of(QUERY, Response(text=WRONG)), "no_critique"),
    (Sample.of(QUERY, Response(text=WRONG), Critique(text="Hm.")), "verdict_unread"),
])
def test_nothing_is_paid_for_a_revision_that_could_tell_nothing(row: Sample, reason: str) -> None:
    refined, ask = run(row, [])
    assert ask.asked == []
    assert said(refined) == [("abstain", reason)]
    assert refined.ended == reason


def test_no_answer_of_the_provider_is_a_reason() -> None:
    refined, _ = run(sample(), [], reason="budget_spent")
    assert said(refined) == [("abstain", "budget_spent")]
    assert (refined.revisions, refined.ended) == ((), "budget_spent")


def test_several_revisions_grade_the_critique() -> None:
    replies = [RIGHT, WRONG, RIGHT, "\\boxed{the banana}"]
    refined, ask = run(sample(), replies, RefineSettings(model="a/x", n=4))
    [row] = refined.samples
    assert row.verifications[0].score == pytest.approx(2 / 3)
    assert row.verifications[0].reason == "helped"
    assert [request.sample for request in ask.asked] == [0, 1, 2, 3]
    assert len({request.key for request in ask.asked}) == 4


def test_a_further_round_critiques_the_revision_and_is_a_row_of_its_own() -> None:
    replies = [WRONG + " ", "Still off. Conclusion: wrong [END]", RIGHT]
    refined, ask = run(sample(), replies, RefineSettings(model="a/x", rounds=2))
    assert [request.model for request in ask.asked] == ["a/x", "a/critic", "a/x"]
    assert said(refined) == [("abstain", "revision_wrong"), ("pass", "helped")]
    second = refined.samples[1]
    assert second.response
    assert second.critique
    assert second.response.text == WRONG + " "
    assert second.critique.provenance.model == "a/critic"
    assert len(refined.revisions) == 2


def test_rounds_end_when_the_critic_is_content() -> None:
    replies = [RIGHT, "It holds. Conclusion: right [END]"]
    refined, ask = run(sample(), replies, RefineSettings(model="a/x", rounds=5))
    assert len(ask.asked) == 2
    assert said(refined) == [("pass", "helped"), ("abstain", "said_right")]
    assert refined.ended == "said_right"


def test_a_round_without_a_critique_says_why() -> None:
    refined, _ = run(sample(), [RIGHT, "Hm.", "Hm.", "Hm."], RefineSettings(model="a/x", rounds=2))
    assert len(refined.samples) == 1
    assert refined.ended == "unusable_verdict_no_conclusion"


def test_the_author_itself_may_revise() -> None:
    _, ask = run(sample(), [RIGHT], RefineSettings(model="self"))
    assert ask.asked[0].model == "a/student"


def test_a_prompt_that_asks_for_no_solution_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not ask for a solution"):
        RefineSettings(model="a/x", prompt="cft-short")
