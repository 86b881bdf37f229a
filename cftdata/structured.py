r"""Structured critiques: a critic's JSON, and the same as natural text in the form of published rows.

The stored critique is text, since that is what a model is trained on: the step, the reason and the answer in
words, and the closing line "Conclusion: right/wrong [END]". Nothing is added that the JSON does not say; the
JSON itself stays in the ledger. Critics count steps from 1, a `Critique` from 0.

    >>> said = StructuredCritique(reason="3 * 4 is 12, not 7.", first_error_step=2, corrected_answer="12",
    ...                           verdict="wrong")
    >>> print(said.as_text())
    The first error is in step 2.
    <BLANKLINE>
    3 * 4 is 12, not 7.
    <BLANKLINE>
    The correct answer is \boxed{12}.
    <BLANKLINE>
    Conclusion: wrong [END]
    >>> said.as_critique().first_error_step
    1

A contradiction ("right", and a wrong step) is the critic's own fault and is kept. Not covered: solutions that
count their steps from 0; the text then names a step by a number that is one higher than the solution's.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import field_validator, model_validator

from cftdata.reading import find_unclosed_box, trim
from cftdata.sample import Critique, Provenance, Record, Verdict

__all__ = ["StructuredCritique"]

_VERDICTS = {"correct": "right", "true": "right", "incorrect": "wrong", "false": "wrong"}
_NOTHING = ("", "null", "none", "n/a")


class StructuredCritique(Record):
    """What the prompt `structured` asks for. The reason comes first, so that the verdict follows from it."""

    reason: str
    """A short account of the check."""
    first_error_step: int | None
    """Number of the first wrong step, counted from 1; null if no step is wrong."""
    corrected_answer: str | None
    """The correct final answer by itself; null if it was not found."""
    verdict: Verdict
    """`right` or `wrong`."""

    @field_validator("verdict", mode="before")
    @classmethod
    def _take_synonym(cls, value: Any) -> Any:
        word = str(value).strip().lower()
        return _VERDICTS.get(word, word)

    @field_validator("corrected_answer", "first_error_step", mode="before")
    @classmethod
    def _take_nothing(cls, value: Any) -> Any:
        """Null in other words is null; a number as answer is its digits."""
        if isinstance(value, bool):
            raise ValueError("true and false are neither a step nor an answer")
        text = str(value).strip() if isinstance(value, str | int) else value
        return None if isinstance(text, str) and text.lower() in _NOTHING else text

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.reason.strip():
            raise ValueError("a critique without a reason is no critique")
        is_none = self.first_error_step in (0, -1) and self.verdict == "right"
        if self.first_error_step is not None and self.first_error_step < 1 and not is_none:
            raise ValueError("steps are counted from 1")
        return self

    def as_text(self) -> str:
        """The critique in words."""
        parts = [f"The first error is in step {self.first_error_step}."] if self._names_a_step() else []
        parts.append(self.reason.strip())
        if self.corrected_answer is not None:
            name = "correct" if self.verdict == "wrong" else "final"
            parts.append(f"The {name} answer is {_box(self.corrected_answer)}.")
        return "\n\n".join([*parts, f"Conclusion: {self.verdict} [END]"])

    def as_critique(self, provenance: Provenance | None = None) -> Critique:
        """The critique; its step is 0-based, and -1 where it calls the response right and names none."""
        none = -1 if self.verdict == "right" else None
        return Critique(
            text=self.as_text(), verdict=self.verdict, corrected_answer=self.corrected_answer,
            first_error_step=(self.first_error_step or 0) - 1 if self._names_a_step() else none,
            provenance=provenance or Provenance())

    def _names_a_step(self) -> bool:
        return self.first_error_step is not None and self.first_error_step >= 1


def _box(answer: str) -> str:
    """The answer in a box, where a box can hold it."""
    bare = answer[slice(*trim(answer, 0, len(answer)))]
    boxed = f"\\boxed{{{bare}}}"
    can = bare.count("{") == bare.count("}") and "\n" not in bare and "\\boxed" not in bare
    return boxed if can and find_unclosed_box(boxed) is None else answer
