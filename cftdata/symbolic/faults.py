"""Faults planted in true critiques: one false statement each, of a known kind.

    wrong_verdict             the conclusion, and the words that lead to it
    false_equation            an equation of the critic's own that does not hold
    endorsed_false_equation   a false equation of the response, called right
    wrong_first_error_step    another step than the first wrong one
    wrong_corrected_answer    an answer that is neither the right one nor the response's
    misquotation              an equation or answer that the response does not have
    contradiction             words that speak against the conclusion

Not covered: faults of style; several faults in one critique.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass

from cftdata.answers import match_answers
from cftdata.claims.spelling import Said, find_said
from cftdata.sample import Sample
from cftdata.symbolic.checks import Check
from cftdata.symbolic.knowledge import Known
from cftdata.symbolic.writing import Draft, Writer, approve, close, slips

__all__ = ["FAULTS", "plant"]


@dataclass(frozen=True, slots=True)
class _Case:
    """What a fault is planted into."""

    writer: Writer
    sample: Sample
    known: Known
    draft: Draft
    """A copy of the true critique, which the planter changes."""


def plant(
    writer: Writer, sample: Sample, known: Known, made: Draft, weights: Mapping[str, float]
) -> tuple[Draft, str]:
    """The critique with one fault, drawn by weight among those that have room, and its name."""
    for name in _order(writer, weights):
        case = _Case(writer, sample, known, deepcopy(made))
        if FAULTS[name](case):
            return case.draft, name
    raise AssertionError("a wrong verdict always has room")


def _order(writer: Writer, weights: Mapping[str, float]) -> list[str]:
    """The faults in random order, the likelier the earlier; those without weight come last."""
    left = {name: weight for name, weight in weights.items() if weight > 0}
    order = list[str]()
    while left:
        [name] = writer.rng.choices(list(left), list(left.values()))
        order.append(name)
        del left[name]
    others = [name for name in FAULTS if name not in order]
    return [*order, *writer.rng.sample(others, len(others)), "wrong_verdict"]


def _wrong_verdict(case: _Case) -> bool:
    draft, known, writer = case.draft, case.known, case.writer
    draft.blame, draft.corrected_answer = [], None
    if known.verdict == "wrong":
        draft.verdict, draft.first_error_step = "right", -1 if known.is_labelled else None
        draft.closing = [approve(writer, known)]
        return True
    step = writer.rng.randrange(len(known.steps))
    draft.verdict, draft.first_error_step = "wrong", step
    equations = [check.said for check in known.checks.found if check.step == step]
    kind = "planted_blame" if equations else "planted_blame_bare"
    draft.praise = []
    draft.blame = [writer.say(kind, eq=writer.show(equations[0] if equations else ""), **writer.name(step))]
    draft.closing = [writer.say("rejected_firmly")]
    return True


def _false_equation(case: _Case) -> bool:
    error = case.known.error
    if error and error.truth and error.check and (bad := _first_slip(case, [error.check])):
        where = case.writer.name(error.step)["step"]
        case.draft.blame = [case.writer.say("planted_truth", step=where, bad=bad)]
        return True
    bad = _first_slip(case, case.known.checks.found)
    if bad is None:
        return False
    case.draft.praise.append(case.writer.say("planted_check", bad=bad))
    return True


def _first_slip(case: _Case, checks: tuple[Check, ...] | list[Check]) -> str | None:
    """A false equation that nobody has written."""
    texts = [text for check in checks if check.holds or check.truth for text in slips(check)[:2]]
    return case.writer.show(case.writer.rng.choice(texts)) if texts else None


def _endorsed_false_equation(case: _Case) -> bool:
    error, draft = case.known.error, case.draft
    if error is None or not error.is_false or error.said is None:
        return False
    said, name = case.writer.show(error.said), case.writer.name(error.step)
    draft.praise.append(case.writer.say("planted_praise", eq=said, **name))
    draft.praise.append(case.writer.say("planted_turn"))
    draft.blame, draft.first_error_step = [], None
    draft.closing = close(case.writer, case.known, draft)
    return True


def _wrong_first_error_step(case: _Case) -> bool:
    known, draft, writer = case.known, case.draft, case.writer
    if known.verdict == "right" or known.error is None or known.unit is None:
        return False
    right = known.error.step
    earlier = range(right) if known.is_labelled else range(0)
    others = [*earlier, *range(right + 1, len(known.steps))]
    if not others:
        return False
    named = writer.rng.choice(others)
    draft.praise = draft.praise[: named if named < right else None]
    draft.blame = [writer.say("planted_step", **writer.name(named))]
    draft.first_error_step = named
    return True


def _wrong_corrected_answer(case: _Case) -> bool:
    known, draft, writer = case.known, case.draft, case.writer
    right = case.sample.query.reference_answer
    if known.answer_agrees is None or right is None or (known.verdict == "wrong" and known.answer is None):
        return False
    other = _another_answer(case, right)
    if other is None:
        return False
    shown = writer.show(other)
    draft.closing = [writer.say("planted_answer", answer=shown)]
    draft.corrected_answer = other
    return True


def _another_answer(case: _Case, right: str) -> str | None:
    """The right answer with another number in it; neither the right one nor the response's."""
    shown = case.known.answer or case.known.theirs or ""
    numbers = list(re.finditer(r"\d+", shown))
    for number in case.writer.rng.sample(numbers, len(numbers)):
        for away in case.writer.rng.sample([1, 2, 3, 10], 4):
            other = f"{shown[: number.start()]}{int(number[0]) + away}{shown[number.end() :]}"
            taken = [right, *([case.known.theirs] if case.known.theirs else [])]
            if all(match_answers(other, answer).outcome == "different" for answer in taken):
                return other
    return None


def _misquotation(case: _Case) -> bool:
    known, draft, writer = case.known, case.draft, case.writer
    assert case.sample.response is not None
    said = Said(case.sample.response.text, case.sample.query.text)
    found = [check for check in known.checks.found if check.step >= 0]
    for check in writer.rng.sample(found, len(found)):
        for bad in slips(check):
            if find_said(bad, said, is_exact=True) in ("absent", "differs"):
                text = writer.say("planted_quotation", bad=bad.replace('"', ""), **writer.name(check.step))
                if known.error and known.error.step == check.step:
                    draft.blame = [text, *_without_equation(case)]
                else:
                    draft.praise.insert(0, text)
                return True
    return False


def _without_equation(case: _Case) -> list[str]:
    truth = case.known.error and case.known.error.truth
    return [case.writer.say("planted_truth_kept", truth=case.writer.show(truth))] if truth else []


def _contradiction(case: _Case) -> bool:
    draft, writer, known = case.draft, case.writer, case.known
    if known.verdict == "wrong":
        draft.blame, draft.first_error_step, draft.corrected_answer = [], None, None
        draft.closing = [writer.say("planted_all_right")]
        return True
    step = writer.rng.randrange(len(known.steps))
    draft.closing = [writer.say("planted_rejection", **writer.name(step))]
    draft.first_error_step = None
    return True


FAULTS: dict[str, Callable[[_Case], bool]] = {
    "wrong_verdict": _wrong_verdict,
    "false_equation": _false_equation,
    "endorsed_false_equation": _endorsed_false_equation,
    "wrong_first_error_step": _wrong_first_error_step,
    "wrong_corrected_answer": _wrong_corrected_answer,
    "misquotation": _misquotation,
    "contradiction": _contradiction,
}
"""Name of each fault to what plants it; it says whether it had room."""
