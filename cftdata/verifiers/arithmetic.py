"""False equations that a critique asserts in its own voice, or endorses in the response.

Fail: `false_equation` (asserted), `endorsed_false_equation` (the response's, called right), `rounding` (the
digits of an approximation are wrong). Pass: `equations_hold`, `notation` (= for ≈, a running total).
Abstain: `no_critique`, `no_equations`. What is quoted in order to refute it, or supposed, is no finding.

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> critique = Critique(text="P = (1728*4)/256\\nP = 32\\nConclusion: right [END]", verdict="right")
    >>> ArithmeticVerifier()(Sample.of(Query(text="?"), Response(text="12"), critique)).reason
    'false_equation'

Not covered: statements in words but for the plainest, identities with free names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cftdata.claims.equations import find_equations
from cftdata.claims.pairs import Fault
from cftdata.claims.spelling import Said, find_said, plain
from cftdata.claims.values import find_faults
from cftdata.claims.voice import is_supposed, judge_voice, speaks_for_itself
from cftdata.reading import hide_thinking, remember
from cftdata.sample import Evidence, Outcome, Sample, Verdict, Verification

MAX_CHARS = 60_000
MAX_EVIDENCE = 40
LIMIT_S = 3.0
GRAVITY = ("false_equation", "endorsed_false_equation", "rounding", "notation")


@dataclass(frozen=True, slots=True)
class ArithmeticVerifier:
    """Judges the equations of a critique."""

    name: str = "arithmetic"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        if sample.critique is None:
            return self._say("abstain", "no_critique")
        text = own_words(sample.critique.text)
        if len(text) > MAX_CHARS:
            return self._say("abstain", "too_long")
        try:
            found = _judge(text, sample)
        except TimeoutError:
            return self._say("error", "time_limit")
        if not found:
            return (
                self._say("pass", "equations_hold")
                if find_equations(text)
                else self._say("abstain", "no_equations")
            )
        reason = min((reason for reason, _ in found), key=GRAVITY.index)
        places = [place for said, place in found if said == reason][:MAX_EVIDENCE]
        return self._say("pass" if reason == "notation" else "fail", reason, places)

    def _say(self, outcome: Outcome, reason: str, places: Sequence[Evidence] = ()) -> Verification:
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=outcome,
            reason=reason,
            evidence=places[0] if places else None,
            more=tuple(places[1:]),
            detail=places[0].note if places else None,
        )


def own_words(critique: str) -> str:
    """The critique at the same offsets, without its thinking and without what stands after the last [END]."""
    text = hide_thinking(critique).text
    end = text.rfind("[END]")
    return text if end < 0 else text[:end]


def _judge(text: str, sample: Sample) -> list[tuple[str, Evidence]]:
    """(reason, place) of every fault that is the critique's own."""
    assert sample.critique is not None
    said = Said(sample.response.text[:MAX_CHARS] if sample.response else "")
    found = []
    for fault in find_faults(text, follows_names=False, limit_s=LIMIT_S):
        reason = _reason(text, fault, sample.critique.verdict, said)
        if reason and not _is_redefined(text, fault, sample.query.text):
            evidence = Evidence(
                text=sample.critique.text[fault.start : fault.end],
                start=fault.start,
                end=fault.end,
                note=fault.detail,
            )
            found.append((reason, evidence))
    return found


def _reason(text: str, fault: Fault, verdict: Verdict | None, said: Said) -> str | None:
    if fault.is_put_in and is_supposed(text, fault.start):
        return None
    theirs = _compare(text[fault.start : fault.end], said)
    voice = judge_voice(text, fault.start, fault.end, verdict, is_theirs=theirs == "same")
    if theirs == "other" and fault.kind == "false" and speaks_for_itself(text, fault.start, fault.end):
        voice = "asserted"  # the response has another result, so that no denial around is of this one
    if voice not in ("asserted", "endorsed"):
        return None
    if fault.kind != "false":
        return fault.kind
    return "false_equation" if voice == "asserted" else "endorsed_false_equation"


def _compare(equation: str, said: Said) -> Literal["same", "other"] | None:
    """Whether the response says the same equation, or gives its left side another result; else None."""
    form = plain(equation)
    left, sign, right = form.rpartition(" = ")
    if not sign or not re.search(r"\d", right):
        return None
    if not re.search(r"\d", left):  # x = 3
        return "same" if right in re.findall(rf"(?:^|\s){re.escape(left)} = (\S+)", said.plain) else None
    if find_said(equation, said) == "said":
        return "same"
    return "other" if said.holds(f"{left} =") else None


_REDEFINED = re.compile(
    r"\b([A-Za-z])\s?(?:\\?\*|∗|\\ast)\s?([A-Za-z])[\s$]*(?:=|\bis\b|\bas\b|\bto be\b)"
    r"(?=[^.\n]{0,200}\b\1)(?=[^.\n]{0,200}\b\2)[^.\n]{0,200}[-+^²³/]"
)


def _is_redefined(text: str, fault: Fault, query: str) -> bool:
    """Whether the equation has a star, which query or critique let stand for an operation of their own."""
    if not re.search(r"[*∗]|\\ast", text[fault.start : fault.end]):
        return False
    return any(map(_redefines, (query[:MAX_CHARS], text)))


@remember
def _redefines(text: str) -> bool:
    return _REDEFINED.search(text) is not None
