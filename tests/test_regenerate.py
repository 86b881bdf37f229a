"""Regenerating: who is asked, what is shown, and what is taken."""

import asyncio

import pytest
from scripted_ask import ScriptedAsk

from cftdata.critics import CriticSettings
from cftdata.policy import Regenerate
from cftdata.regenerate import Again, choose_critic, regenerate
from cftdata.sample import Critique, Gold, Provenance, Query, Response, Sample

SAMPLE = Sample.of(Query(text="What is 2 + 2?", reference_answer="777", reference_solution="It is 777."),
                   Response(text="The answer is 4."),
                   Critique(text="No. Conclusion: wrong [END]", verdict="wrong", provenance=Provenance(
                       model="a/x", prompt="structured@0123456789ab", temperature=0.5)),
                   Gold(response_correct=True, first_error_step=-1, critique_correct=False))
ONE = Regenerate(critic=CriticSettings(model="b/y"), n_tries=2)


async def take(sample: Sample) -> Sample | None:
    """All but those that say 777."""
    return None if sample.critique is None or "777" in sample.critique.text else sample


def ask_for(replies: list[str], reason: str | None = None) -> tuple[Again, ScriptedAsk]:
    ask = ScriptedAsk(replies, reason)
    return asyncio.run(regenerate(SAMPLE, ONE, ask, take)), ask


def test_the_first_that_passes_is_taken_and_stands_in_the_same_row() -> None:
    again, ask = ask_for(["It is 777. Conclusion: wrong [END]", "It is 4. Conclusion: right [END]"])
    assert (again.reason, again.n_tries) == ("accepted", 2)
    assert again.sample
    assert again.sample.critique
    assert again.sample.critique.verdict == "right"
    assert again.sample.critique.provenance.model == "b/y"
    assert again.sample.query == SAMPLE.query
    assert again.sample.gold == Gold(response_correct=True, first_error_step=-1), "the rest was of the old"
    assert [request.sample for request in ask.asked] == [0, 1]


def test_nothing_of_reference_labels_or_the_old_critique_is_shown() -> None:
    _, ask = ask_for(["It is 4. Conclusion: right [END]"])
    [request] = ask.asked
    shown = request.model_dump_json()
    assert "The answer is 4." in shown
    assert "777" not in shown
    assert "No." not in shown


def test_the_same_critique_again_is_none_that_passes() -> None:
    again, _ = ask_for([SAMPLE.critique.text if SAMPLE.critique else ""] * 2)
    assert again == Again(None, "none_passed", 2)


def test_why_nothing_was_written_is_told() -> None:
    assert ask_for([], reason="budget_spent")[0] == Again(None, "budget_spent", 0)
    again, _ = ask_for(["The sum was looked at."] * 3)
    assert (again.sample, again.reason) == (None, "unusable_verdict_no_conclusion")


def test_the_author_is_asked_as_it_was_then() -> None:
    critic = choose_critic(SAMPLE, Regenerate())
    assert critic
    assert (critic.model, critic.prompt, critic.temperature) == ("a/x", "structured", 0.5)
    assert choose_critic(SAMPLE, ONE) == ONE.critic


@pytest.mark.parametrize("prompt", [None, "gone@0123", "judge@0123456789ab"])
def test_a_prompt_that_is_not_known_or_asks_for_no_critique_gives_way(prompt: str | None) -> None:
    assert SAMPLE.critique
    critique = SAMPLE.critique.model_copy(update={"provenance": Provenance(model="a/x", prompt=prompt)})
    critic = choose_critic(SAMPLE.model_copy(update={"critique": critique}), Regenerate())
    assert critic == CriticSettings(model="a/x")


def test_where_nobody_knows_who_wrote_it_nobody_is_asked() -> None:
    nameless = Sample.of(SAMPLE.query, SAMPLE.response, Critique(text="No."))
    ask = ScriptedAsk([])
    assert asyncio.run(regenerate(nameless, Regenerate(), ask, take)) == Again(None, "no_author", 0)
    assert not ask.asked
