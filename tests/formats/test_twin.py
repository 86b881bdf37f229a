"""The SFT twin: only solutions that are known to be right."""

from __future__ import annotations

from cftdata.formats import FORMATS
from cftdata.sample import Gold, Sample

from .some import sample


def completion(one: Sample, prompt: str | None = None) -> object:
    made = FORMATS["sft"].row(one, prompt)
    return made if isinstance(made, str) else made["completion"]


def test_the_reference_solution_goes_first() -> None:
    one = sample(response="It is 4.", gold=Gold(response_correct=True), reference_solution="2+2 = 4\n#### 4")
    assert completion(one) == "2+2 = 4\n#### 4"


def test_a_response_must_be_known_to_be_right() -> None:
    four, five = "The answer is 4.", "The answer is 5."
    assert completion(sample(response=four, reference_answer="4")) == four
    assert completion(sample(response="Four.", gold=Gold(first_error_step=-1))) == "Four."
    for one in (sample(response=five, reference_answer="4"), sample(response=four), sample(response=None),
                sample(response="Who knows?", reference_answer="4"), sample(reference_solution=" "),
                sample(response=" ", gold=Gold(response_correct=True)),
                sample(response=four, reference_answer="4", gold=Gold(first_error_step=0))):
        assert completion(one) == "no_right_solution"


def test_no_critique_is_needed_and_none_is_shown() -> None:
    one = sample("THE CRITIQUE", "It is 4.", gold=Gold(response_correct=True))
    assert completion(sample(None, "It is 4.", gold=Gold(response_correct=True))) == "It is 4."
    for name in ("sft", "sft-messages"):
        assert "THE CRITIQUE" not in repr(FORMATS[name].row(one, None))


def test_the_query_is_asked_plainly_or_by_a_prompt() -> None:
    one = sample(reference_solution="Solution:\n4")
    assert FORMATS["sft"].row(one, None) == {"prompt": "Question:\n2+2?\n\nSolution:\n", "completion": "4"}
    asked = FORMATS["sft"].row(one, "solve")
    assert isinstance(asked, dict)
    assert asked["prompt"].startswith("2+2?\n\nWork this out")
    assert asked["prompt"].endswith("\n\nSolution:\n")
    assert FORMATS["sft-messages"].row(one, None) == {"messages": [
        {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Solution:\n4"}]}
