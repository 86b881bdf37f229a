"""The first error step that a critique names: is it the first wrong one, and does it exist at all?

Held against the gold step where there is one; without gold, against the response's own steps where one
of them is false by evaluation.

    pass      step_agrees
    fail      step_differs (from gold), no_such_step (step 7 of 3),
              earlier_step_false (a step before the one named is), false_step_passed (all called right)
    abstain   no_critique, no_response, step_<why none could be read>, no_false_step, later_step_false,
              steps_not_numbered (the response's steps have no numbers that the critique could mean),
              too_long

    >>> from cftdata.sample import Critique, Gold, Query, Response, Sample
    >>> critique = Critique(text="First Error Step: 3", verdict="wrong", first_error_step=2)
    >>> LocalisationVerifier()(Sample.of(Query(text="?"), Response(text="..."), critique,
    ...                                  Gold(first_error_step=1))).reason
    'step_differs'
    >>> first_false_step(["A = 2 + 3 = 5", "B = 2 * 4 = 8", "A + B = 5 + 7 = 12"])
    2

Source: first error step as in ProcessBench (arXiv 2412.06559) and MR-GSM8K (arXiv 2312.17080).
Not covered: steps that are wrong for another reason than a false equation; steps named by what they do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from cftdata.claims.equations import find_equations
from cftdata.claims.pairs import Fault
from cftdata.claims.values import find_faults
from cftdata.sample import Critique, Evidence, Outcome, Response, Sample, Verification
from cftdata.text import read_steps
from cftdata.verdict import read_first_error_step

__all__ = ["LocalisationVerifier", "false_steps", "first_false_step"]

MAX_CHARS = 60_000
"""Responses longer than this are not evaluated."""
NUMBERED = ("heading", "numbered")
"""Ways to read steps that give them the numbers by which a critique calls them."""

_REFUTED = re.compile(
    r"\b(?:(?:is|are|was|does|do|did)(?:n['’]t| not)|not (?:equal|possible|true|\d)|but not|so not|no\b|"
    r"wait\b|impossible|contradict|false|actually)|\A.{0,24}\?|\A.{0,40}?(?:times|multiplied by) \d",
    re.I,
)
"""What follows an equation that was asked, tried and given up, or goes on in words."""


@dataclass(frozen=True, slots=True)
class LocalisationVerifier:
    """`(sample) -> Verification`; see the module."""

    name: str = "localisation"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        critique, response = sample.critique, sample.response
        if critique is None or response is None:
            return self._say("abstain", "no_critique" if critique is None else "no_response")
        named, gold = critique.first_error_step, sample.gold.first_error_step
        if named is None:
            return self._say("abstain", f"step_{read_first_error_step(critique.text).reason}"[:60])
        if gold == named:
            return self._say("pass", "step_agrees", critique, f"{_say_named(named)}, as the label does")
        if named >= len(response.steps) > 1 and is_numbered(response):
            return self._say(
                "fail", "no_such_step", critique, f"names step {named + 1} of {len(response.steps)}"
            )
        if gold is not None:
            return self._say("fail", "step_differs", critique, f"{_say_named(named)}, {_say_first(gold)}")
        return self._compare(critique, response, named)

    def _compare(self, critique: Critique, response: Response, named: int) -> Verification:
        """The named step against what is false of the response's own equations."""
        if named > 0 and not is_numbered(response):
            return self._say("abstain", "steps_not_numbered")
        if sum(map(len, response.steps)) > MAX_CHARS:
            return self._say("abstain", "too_long")
        step, fault = next(false_steps(response.steps), (None, None))
        if step is None or fault is None:
            if not any(map(find_equations, response.steps)):
                return self._say("abstain", "no_equations")
            note = f"{_say_named(named)}; no equation speaks against it"
            return self._say("pass", "no_false_step", critique, note)
        note = f"{_say_named(named)}, {_say_first(step)} ({fault.detail})"
        if named == -1:
            return self._say("fail", "false_step_passed", critique, note)
        if step < named:
            return self._say("fail", "earlier_step_false", critique, note)
        return (
            self._say("pass", "step_agrees", critique, note)
            if step == named
            else (self._say("pass", "later_step_false", critique, note))
        )

    def _say(
        self, outcome: Outcome, reason: str, critique: Critique | None = None, note: str | None = None
    ) -> Verification:
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=outcome,
            reason=reason,
            evidence=_find_evidence(critique, note) if critique else None,
            detail=note,
        )


def first_false_step(steps: Sequence[str]) -> int | None:
    """The 0-based first step with an equation that is false by evaluation; None where none is.

    Values are carried by name from step to step: after "A = 2 + 3 = 5" the step "A + 1 = 7" is false. Wrong
    rounding and loose notation do not count. A false equation over two steps is the later one's.
    """
    return next((step for step, _ in false_steps(steps)), None)


def false_steps(steps: Sequence[str]) -> Iterator[tuple[int, Fault]]:
    """Steps with a false equation, in order, with what is false at which offsets of the joined lines."""
    text = "\n".join(steps)
    ends = list(accumulate(len(step) + 1 for step in steps))
    for fault in find_faults(text):
        step = next(index for index, end in enumerate(ends) if fault.end <= end)
        if fault.kind == "false" and not _REFUTED.search(text[fault.end : min(ends[step], fault.end + 80)]):
            yield step, fault


def is_numbered(response: Response) -> bool:
    """Whether the steps are given by the source, or stand in the text with the numbers 1, 2, 3, ..."""
    read = read_steps(response.text)
    given = response.steps != tuple(step.value for step in read)
    return given or all(step.reason in NUMBERED for step in read)


def _find_evidence(critique: Critique, note: str | None) -> Evidence | None:
    """Where the critique names the step; None where it was given beside the text, or not read."""
    reading = read_first_error_step(critique.text)
    if reading.value != critique.first_error_step or reading.start == reading.end:
        return None
    return Evidence(
        text=critique.text[reading.start : reading.end], start=reading.start, end=reading.end, note=note
    )


def _say_named(step: int) -> str:
    return "calls every step right" if step == -1 else f"names step {step + 1}"


def _say_first(step: int) -> str:
    return "every step is right" if step == -1 else f"the first error is in step {step + 1}"
