"""The judge: claims of a critique judged by a model, with the critique's words as evidence."""

from __future__ import annotations

import asyncio
import json

import pytest
from pydantic import ValidationError
from scripted_ask import ScriptedAsk

from cftdata.sample import Critique, Query, Response, Sample, Verification
from cftdata.scorecard import Label, Labels, score
from cftdata.verifiers.judge import JudgeSettings, judge

SECRET = "98765"
TEXT = "Step 1 is right.\nBut 3 * 4\nis 13, so the answer is 15.\n\nConclusion: wrong [END]"
SAMPLE = Sample.of(Query(text="2 + 3 * 4?", reference_answer=SECRET), Response(text="3 * 4 = 12, so 14"),
                   Critique(text=TEXT, verdict="wrong"))


def reply(*claims: tuple[str, object]) -> str:
    return json.dumps({"claims": [{"quote": quote, "why": f"checked {n}", "truth": truth}
                                  for n, (quote, truth) in enumerate(claims)]})


def run(replies: list[str], sample: Sample = SAMPLE, reason: str | None = None) -> Verification:
    return asyncio.run(judge(sample, JudgeSettings(model="a/judge"), ScriptedAsk(replies, reason)))


def test_a_false_claim_is_a_finding_with_the_words_that_make_it() -> None:
    said = run([reply(("so the answer is 15", "false"), ("Step 1 is right.", "true"),
                      ("but 3 * 4 is 13", False))])
    assert (said.verifier, said.target) == ("judge", "critique")
    assert (said.outcome, said.reason) == ("fail", "claim_false")
    assert said.evidence
    places = [said.evidence, *said.more]
    assert [place.text for place in places] == ["But 3 * 4\nis 13", "so the answer is 15"]
    assert all(TEXT[place.start:place.end] == place.text for place in places)
    assert said.evidence.note == said.detail == "checked 2"
    assert said.version.startswith("1 a/judge judge@")


@pytest.mark.parametrize(("claims", "outcome", "reason"), [
    ([("Step 1 is right.", "true")], "pass", "claims_hold"),
    ([("Step 1 is right.", "true"), ("is 13", "unsure")], "abstain", "claims_unsure"),
    ([("Step 1 is right.", "true"), ("the sky is green", "false")], "abstain", "claim_not_found"),
    ([("", "false")], "abstain", "claim_not_found"),
    ([("the sky is green", "false"), ("is 13", "false")], "fail", "claim_false"),
    ([], "abstain", "no_claims")])
def test_what_the_claims_come_to(claims: list[tuple[str, object]], outcome: str, reason: str) -> None:
    said = run([reply(*claims)])
    assert (said.outcome, said.reason) == (outcome, reason)
    assert (said.evidence is not None) == (outcome == "fail")


def test_what_cannot_be_read_is_asked_again_and_then_unknown() -> None:
    ask = ScriptedAsk(["All fine.", reply(("Step 1 is right.", "true"))])
    assert asyncio.run(judge(SAMPLE, JudgeSettings(model="a/judge"), ask)).outcome == "pass"
    said = run(['{"claims": [{"quote": "Step 1"}]}'] * 3)
    assert (said.outcome, said.reason) == ("abstain", "unusable_bad_json")
    assert run(["All fine."] * 3).reason == "unusable_no_json"
    assert run([], reason="budget_spent").reason == "budget_spent"


def test_the_judge_is_shown_the_critique_as_data_and_no_reference() -> None:
    ask = ScriptedAsk([reply()])
    asyncio.run(judge(SAMPLE, JudgeSettings(model="a/judge", temperature=0, max_tokens=900), ask))
    [request] = ask.asked
    text = request.messages[-1].content
    assert "<review-" in text
    assert TEXT in text
    assert SECRET not in text
    assert (request.temperature, request.max_tokens) == (0, 900)
    assert request.response_schema


def test_there_is_nothing_to_judge_without_a_critique() -> None:
    ask = ScriptedAsk([])
    bare = Sample.of(SAMPLE.query, SAMPLE.response)
    assert asyncio.run(judge(bare, JudgeSettings(model="a/judge"), ask)).reason == "no_critique"
    assert ask.asked == []


def test_its_precision_is_on_the_scorecard() -> None:
    said = run([reply(("is 13", "false"))])
    labels = {SAMPLE.id: Labels(id=SAMPLE.id, items=(Label(kind="false_equation", start=20, end=35),)),
              "0" * 32: Labels(id="0" * 32, items=())}
    outcome = {"judge": (str(said.outcome), said.reason)}
    [card] = score({SAMPLE.id: outcome, "0" * 32: outcome}, labels)
    assert (card.verifier, card.precision.rate, card.recall.rate) == ("judge", 0.5, 1.0)


def test_a_prompt_that_asks_for_no_claims_is_refused() -> None:
    with pytest.raises(ValidationError, match="does not ask for claims"):
        JudgeSettings(model="a/judge", prompt="cft-short")
