"""How a model is asked: the published form, the prompts of the package, and where an answer begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.errors import ConfigError
from cftdata.formats.asking import CRITIQUE, after, as_text, ask_critique, ask_solution, check_prompt
from cftdata.prompts import list_prompts, render
from cftdata.sample import Critique, Query, Response, Sample

from .some import sample


def test_a_prompt_asks_in_the_words_in_which_a_critic_is_asked() -> None:
    one = sample(response="First, 2 and 2.\n\nIt is 5.")
    for name, prompt in list_prompts().items():
        if prompt.reply == "critique":
            steps = ("First, 2 and 2.", "It is 5.")
            asked, _ = render(name, query="2+2?", response="First, 2 and 2.\n\nIt is 5.", steps=steps)
            assert ask_critique(one, name) == asked


def test_without_a_prompt_a_solution_is_asked_for_by_the_query_alone() -> None:
    assert [message.content for message in ask_solution(sample(), None)] == ["2+2?"]
    assert "2+2?" in ask_solution(sample(), "solve")[-1].content


@given(st.text(), st.sampled_from(["", CRITIQUE, "Critique: ", "critique:\n"]))
def test_question_and_answer_together_hold_the_whole_critique(text: str, head: str) -> None:
    critique = head + text
    one = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text=critique))
    whole = as_text(ask_critique(one, None), CRITIQUE) + after(CRITIQUE, critique)
    assert whole.endswith(critique)
    assert whole.count(CRITIQUE) == (CRITIQUE + after(CRITIQUE, critique)).count(CRITIQUE)


@pytest.mark.parametrize(("prompt", "reply"), [
    ("solve", "critique"), ("cft-short", "solution"), ("structured", "critique"), ("revise", "solution"),
    ("judge", "critique"), ("cft-short", None)])
def test_a_prompt_that_asks_for_something_else_is_refused(prompt: str, reply: str | None) -> None:
    with pytest.raises(ConfigError):
        check_prompt(prompt, reply, "trl")  # type: ignore[arg-type]


def test_what_asks_for_what_the_rows_hold_is_taken() -> None:
    check_prompt(None, None, "processbench")
    check_prompt("one-shot-numbered", "critique", "trl")
    check_prompt("solve", "solution", "sft")
    with pytest.raises(ConfigError, match="did you mean 'solve'"):
        check_prompt("solv", "solution", "sft")


def test_a_prompt_of_ones_own_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("about: a\nsource: ours\nreply: critique\n"
                    "user: 'Judge {{ fence(\"q\", query) }} {{ fence(\"r\", response) }}'\n")
    assert ask_critique(sample(), str(path))[0].content.startswith("Judge <q-")
