r"""Labels of the first error step, held against the response's own equations: which are suspect.

A label is suspect where it says that every step is right, or names a later step, and an earlier one holds an
equation that is false by evaluation. Only what leaves no room is taken: numbers, and single letters that
stand for numbers computed before; no units, no rounding, no arithmetic of another kind (modular, of other
bases, an operation that the query defines). Suspect labels are for people to read, and count in no rate.

    >>> find_false_step("What is 12 - 5 + 3?", ("12 - 5 = 7", "7 + 3 = 11"))
    FoundStep(step=1, equation='7 + 3 = 11', detail='10, not 11')

Source: first error step as in ProcessBench (arXiv 2412.06559) and BIG-Bench-Mistake (arXiv 2311.08516), whose
arithmetic chains hold such labels.
Not covered: steps that are wrong for another reason, and labels that name too early a step.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from functools import lru_cache

from cftdata.answers.exact import NotExact, evaluate, rational
from cftdata.answers.expression import Expression
from cftdata.claims.equations import find_equations
from cftdata.claims.pairs import Fault
from cftdata.figures import SuspectLabel
from cftdata.sample import Sample
from cftdata.tally import Entry, FoundStep
from cftdata.verifiers.localisation import MAX_CHARS, false_steps

__all__ = ["compare_label", "count_label_agreement", "find_false_step", "list_suspect_labels"]

NEAR = Fraction(1, 50)
"""Relative difference up to which two sides, one of them with decimals, may be a rounding."""

_OTHER_ARITHMETIC = re.compile(
    r"\\?\bp?mod(?:ulo|ular|ulus|\b|(?=\d))|Z_|\\mathbb|\bbase[- ]?(?:\d|two|three|five|eight|sixteen)|"
    r"\bbinary\b|hexadecimal|\boctal|\b(?:abelian|cyclic|finite|symmetric) (?:group|field|ring)|"
    r"identity element|\\[ob](?:plus|times)|[⊕⊗]|o['’]clock", re.I)
"""Words beside which 8 + 8 = 6 may be so."""
_NEW_OPERATION = re.compile(r"\bdefine[sd]?\b|\boperation\b|\\(?:star|ast|circ|diamond|nabla)\b|[★☆◇◆∇#@]",
                            re.I)
"""Signs that a query gives an operation of its own."""
_TEX = re.compile(r"\\(?:(?:[dt]?frac|times|cdot|div|left|right)(?![A-Za-z])|[ ,;!$%])|\\?sqrt(?![A-Za-z])")
_NOT_PLAIN = re.compile(r"[A-Za-z]{2}|[dei\[\]\\EIπ∫:<>≤≥≠]|%\s*\d|^\s*[A-Za-z]\s*=|=\s*[A-Za-z]\s*$")
"""Words, units, constants, inequalities, and x = 3: a name can be given another value."""
_AMBIGUOUS = re.compile(r"√\(.*?\)\s*[²³^]|/\s*[\d.]+\s*[/(]|(?<![\d)}])\s*-\s*[\d.]+\s*[²³^]")
"""√(2)² + 1, 24/2/3, 6/2(3), -3²: what people read in two ways."""
_BEFORE = re.compile(r"(?:(?:(?:dots|\.\.|…),?|\d\s+:|[%√⌊⌈\[|∗⋅•]|//)\s*[-+*×]?\s*|\d:)\Z")
_AFTER = re.compile(r"\s*(?:[ap]\.?m\b|[Rr]\b|rem|with\b|and a rem|[!^_|:⌋⌉\]]|/\s*\d|\.\.|"
                    r"(?:which )?is (?:not|wrong|incorrect|false)\b)")
"""What makes an equation another one than it seems: a sum with dots, a ratio, a remainder, a time of day."""


def compare_label(sample: Sample) -> FoundStep | None:
    """The first step that is false for certain, of a sample whose first wrong step is labelled; else None."""
    if sample.gold.first_error_step is None or sample.response is None:
        return None
    return find_false_step(sample.query.text, sample.response.steps)


@lru_cache(maxsize=4096)
def find_false_step(query: str, steps: tuple[str, ...]) -> FoundStep | None:
    """The first step with an equation that is false for certain; None where there is none, or much text."""
    text = "\n".join(steps)
    if len(text) > MAX_CHARS or _NEW_OPERATION.search(query) or _OTHER_ARITHMETIC.search(f"{query}\n{text}"):
        return None
    return next((FoundStep(step, " ".join(text[fault.start:fault.end].split()), fault.detail)
                 for step, fault in false_steps(steps) if _is_certain(fault, text)), None)


def _is_certain(fault: Fault, text: str) -> bool:
    pair = text[fault.start:fault.end]
    bare = _TEX.sub(" ", pair)
    return not (fault.is_put_in or _NOT_PLAIN.search(bare) or _AMBIGUOUS.search(bare)
                or _BEFORE.search(text[max(0, fault.start - 12):fault.start])
                or _AFTER.match(text, fault.end) or _may_be_rounded(pair))


def _may_be_rounded(pair: str) -> bool:
    """10/3 = 3, 0.8^2 = 0.6, 0.1 + 0.2 = 0.30000000000000004: digits are cut, or the two are near."""
    sides = [side for equation in find_equations(pair) for side in equation.sides]
    left, right = [_value(side.expression) for side in sides] if len(sides) == 2 else (None, None)
    if left is None or right is None:
        return False
    gap = abs(left - right)
    decimals = re.search(r"\.(\d+)", sides[1].text)
    unit = Fraction(1, 10 ** len(decimals[1]) if decimals else 1) / (100 if "%" in sides[1].text else 1)
    is_cut = left.denominator > 1 and gap < unit and (right / unit).denominator == 1
    return is_cut or ("." in pair and gap <= NEAR * max(abs(left), abs(right)))


def _value(expression: Expression) -> Fraction | None:
    try:
        return rational(evaluate(expression))
    except NotExact:
        return None


def list_suspect_labels(entries: Iterable[Entry]) -> tuple[SuspectLabel, ...]:
    """The labels against which an earlier step speaks, as in the source; of the same response the first."""
    return tuple(SuspectLabel(sample_id=entry.sample_id.hex(), source_row=entry.source_row,
                              labelled_step=labelled, found_step=found.step, equation=found.equation[:500],
                              detail=found.detail[:500])
                 for entry, labelled, found in _labelled(entries)
                 if found and (labelled == -1 or found.step < labelled))


def count_label_agreement(entries: Iterable[Entry]) -> Counter[str]:
    """Labelled steps against steps found, over distinct responses, as fields of `LabelAgreement`."""
    return Counter(_compare(labelled, found) for _, labelled, found in _labelled(entries))


def _compare(labelled: int, found: FoundStep | None) -> str:
    if labelled == -1:
        return "n_right_false" if found else "n_right_unfound"
    if found is None:
        return "n_unfound"
    return "n_same" if found.step == labelled else "n_earlier" if found.step < labelled else "n_later"


def _labelled(entries: Iterable[Entry]) -> list[tuple[Entry, int, FoundStep | None]]:
    """Of each response with a label the first entry, the label, and the step found."""
    firsts: dict[tuple[bytes, bytes | None, int], Entry] = {}
    for entry in entries:
        if entry.labelled_step is not None:
            firsts.setdefault((entry.query, entry.response, entry.labelled_step), entry)
    return [(entry, labelled, entry.found_step) for (_, _, labelled), entry in firsts.items()]
