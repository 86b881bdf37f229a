r"""How a model is asked, in training rows: as messages, and as one text.

Without a prompt the published form stands: one sentence, "Question:", "Solution:". With one, the prompt of
that id (see `prompts`) is rendered, so that rows ask in the words in which a critic was asked.

As one text the question ends in a heading line ("Critique:", "Solution:"), where the answer begins; an answer
that begins with this very heading (the published critiques do) hands it over to the question, so that
question + answer holds it once. A tokenizer splits at the end of a line, and nowhere in it.

Source: rows of TIGER-Lab/WebInstruct-CFT (arXiv 2501.17703) and One-Shot-CFT (arXiv 2506.03295).

    >>> from cftdata.sample import Critique, Query, Response
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="Critique:\nNo, 4."))
    >>> print(as_text(ask_critique(sample, None), CRITIQUE))
    Please critique whether the following solution to the question is correct.
    <BLANKLINE>
    Question:
    2+2?
    <BLANKLINE>
    Solution:
    5
    <BLANKLINE>
    Critique:
    <BLANKLINE>
    >>> after(CRITIQUE, sample.critique.text)
    'No, 4.'

Not covered: chat templates (the trainer's tokenizer has one), prompts of several turns.
"""

from __future__ import annotations

from collections.abc import Sequence

from cftdata.calls import Message
from cftdata.errors import ConfigError
from cftdata.prompts import Reply, load_prompt, render
from cftdata.sample import Sample
from cftdata.text import read_steps

__all__ = ["CRITIQUE", "INSTRUCTION", "SOLUTION", "after", "as_text", "ask_critique", "ask_solution",
           "check_prompt", "pack"]

INSTRUCTION = "Please critique whether the following solution to the question is correct."
CRITIQUE, SOLUTION = "Critique:\n", "Solution:\n"
"""Headings under which an answer begins."""


def pack(query: str, response: str) -> str:
    """Query and response as the published rows hold them."""
    return f"Question:\n{query}\n\nSolution:\n{response}"


def ask_critique(sample: Sample, prompt: str | None) -> tuple[Message, ...]:
    """The messages that ask for a critique of the sample's response, which must be there."""
    response = sample.response
    if response is None:
        raise ValueError("a sample without a response asks for no critique")
    if prompt is None:
        return (Message(role="user", content=f"{INSTRUCTION}\n\n{pack(sample.query.text, response.text)}"),)
    steps = response.steps or tuple(step.value or "" for step in read_steps(response.text))
    return render(prompt, query=sample.query.text, response=response.text, steps=steps)[0]


def ask_solution(sample: Sample, prompt: str | None) -> tuple[Message, ...]:
    """The messages that ask for a solution; without a prompt the query alone."""
    if prompt is None:
        return (Message(role="user", content=sample.query.text),)
    return render(prompt, query=sample.query.text)[0]


def as_text(messages: Sequence[Message], heading: str) -> str:
    """The messages as one text that ends in the heading."""
    return "\n\n".join([*(message.content for message in messages), heading])


def after(heading: str, answer: str) -> str:
    """The answer as it stands after the heading."""
    return answer.removeprefix(heading)


def check_prompt(prompt: str | None, reply: Reply | None, name: str) -> None:
    """Raises ConfigError where the prompt asks for something else than what the format's rows answer."""
    if prompt is None:
        return
    if reply is None:
        raise ConfigError(f"the format {name} has a form of its own; leave out the prompt")
    found = load_prompt(prompt)
    if found.reply != reply or (reply == "solution" and "critique" in found.user):
        raise ConfigError(f"the prompt {prompt!r} does not ask for a {reply}, which is what rows "
                          f"of the format {name} hold; name one that does, or none")
