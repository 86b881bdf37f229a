r"""Whether two answers are the same: `equal`, `different` or `unknown`, with the reason.

Sound by construction: `equal` rests on exact arithmetic, a proof, or the same words; numeric probing may
only refute. A decimal that rounds the other side's exact value at its own written digits, at least three
significant ones, is `equal` with reason `rounded`, so that a rate can be counted without those. What reads
two ways (50% and 50; 3:30 and 3:30 PM), what ends at its time limit and what cannot be read is `unknown`.

    >>> match_answers(r"12.7 \text{ mph}", r"8\sqrt[3]{4}")
    AnswerMatch(outcome='equal', reason='rounded')
    >>> match_answers("12.8", r"8\sqrt[3]{4}").outcome
    'different'

Reasons: equal: identical, exact, rounded, proved, same_word. different: exact, refuted, kind, size, word,
units. unknown: no_answer, unreadable, words, ambiguous, percent, units, kind, text, undecided, two_values,
infinite, undefined, too_long, too_big, too_deep, time_limit, crashed.

Not covered: answers in prose, temperatures across scales, assumptions on variables (sqrt(x^2) is not x).
"""

from __future__ import annotations

import math
import re
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from cftdata.answers.answer import Answer
from cftdata.answers.equality import (
    DIFFERENT,
    EXACT,
    IDENTICAL,
    MIN_SIGNIFICANT,
    ROUNDED,
    AnswerMatch,
    Budget,
    all_of,
    in_worker,
    match_expressions,
)
from cftdata.answers.exact import NotExact, evaluate, limit_time
from cftdata.answers.expression import Call, Expression
from cftdata.answers.quantities import (
    match_quantities,
    match_ratio_with_value,
    match_ratios,
    match_times,
    match_with_one_unit,
)
from cftdata.answers.relations import (
    as_equation,
    match_interval_with_relation,
    match_interval_with_tuple,
    match_intervals,
    match_relations,
)
from cftdata.answers.structure import read_answer
from cftdata.answers.tokens import Unreadable

_PLAIN = re.compile(r"\s*\$?\s*([-+]?)\s*\$?(\d{1,3}(?:,\d{3})+|\d{1,40})(?:\.(\d{1,40}))?\s*\.?\s*")


def match_answers(answer: str, reference: str, *, timeout_s: float = 3.0) -> AnswerMatch:
    """Compare an answer with a reference; symmetric; never raises for a text.

    timeout_s bounds the wait in seconds; only the first start of the prover in a process is extra. What a
    limit or a crash cut short is not remembered: the next call tries again.
    """
    left, right = _PLAIN.fullmatch(answer[:100]), _PLAIN.fullmatch(reference[:100])
    if left and right and max(len(answer), len(reference)) <= 100:
        plain = _match_plain(left, right)
        if plain.outcome == "equal" or ("$" in answer) == ("$" in reference):
            return plain  # $0.50 and 50 may still be the same in cents
    try:
        return _match_read(answer, reference, timeout_s)
    except _Interrupted as interrupted:
        return interrupted.match


def _match_plain(left: re.Match[str], right: re.Match[str]) -> AnswerMatch:
    """Two plain numbers: most of what there is to compare."""
    (a, places_a), (b, places_b) = map(_plain_number, (left, right))
    if a == b:
        return EXACT
    if places_a == places_b:
        return DIFFERENT
    places, digits = (places_a, left) if places_a < places_b else (places_b, right)
    n_significant = len((digits[2].replace(",", "") + (digits[3] or "")).lstrip("0"))
    is_rounding = places > 0 and n_significant >= MIN_SIGNIFICANT and 2 * abs(a - b) * 10**places <= 1
    return ROUNDED if is_rounding else DIFFERENT


def _plain_number(found: re.Match[str]) -> tuple[Fraction, int]:
    """The number and its written decimals."""
    decimals = found[3] or ""
    value = Fraction(int(found[2].replace(",", "") + decimals), 10 ** len(decimals))
    return -value if found[1] == "-" else value, len(decimals)


class _Interrupted(Exception):
    """Undecided for want of time or luck; raised, so that the cache does not keep it."""

    def __init__(self, match: AnswerMatch) -> None:
        super().__init__(match.reason)
        self.match = match


@lru_cache(maxsize=65536)
def _match_read(answer: str, reference: str, timeout_s: float) -> AnswerMatch:
    budget = Budget(timeout_s)
    try:
        match = _match_within(answer, reference, budget)
    finally:
        limit_time(math.inf)
    if match.outcome == "unknown" and (budget.interrupted or match.reason == "time_limit"):
        raise _Interrupted(match)
    return match


def _match_within(answer: str, reference: str, budget: Budget) -> AnswerMatch:
    try:
        left, right = read_answer(answer), read_answer(reference)
        if "text" not in (left.kind, right.kind) and _squeezed(left.text) == _squeezed(right.text):
            return IDENTICAL
        return _match(left, right, budget)
    except (Unreadable, NotExact) as refusal:
        return AnswerMatch("unknown", refusal.reason)
    except RecursionError:
        return AnswerMatch("unknown", "too_deep")


def _match(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    for side in (left, right):
        if side.kind == "text" and side.mark in ("no_answer", "too_long", "too_deep", "too_big"):
            return AnswerMatch("unknown", side.mark)
    if "text" in (left.kind, right.kind):
        return _match_text(left, right, budget)
    for one, other in ((left, right), (right, left)):
        special = _SPECIAL.get((one.kind, other.kind))
        if special:
            return special(one, other, budget)
    if left.kind == right.kind:
        return _SAME_KIND[left.kind](left, right, budget)
    if {left.kind, right.kind} & {"option", "time", "ratio", "relation"}:
        return AnswerMatch("unknown", "kind")
    return AnswerMatch("different", "kind")


def _squeezed(text: str) -> str:
    """Without the white space that separates nothing: 1, 234 is not 1,234."""
    return re.sub(r"(?<![\w,])\s+|\s+(?!\w)", "", re.sub(r"[«»]", " ", text).strip())


def _match_text(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """Text that is no mathematics of ours: the same words, or mathematics for math-verify's reader."""
    words = [
        re.sub(r"^(?:the|a|an) ", "", re.sub(r"[^\w+-]+", " ", side.text.casefold()).strip())
        for side in (left, right)
    ]
    if (
        words[0] == words[1]
        and re.search(r"[^\W\d_]", words[0])
        and not re.search(r"[\\^/*=<>]", left.text + right.text)
    ):
        return AnswerMatch("equal", "same_word")
    if {left.mark, right.mark} & {"unknown_command"}:
        return in_worker("prove_latex", left.text, right.text, budget=budget)
    return AnswerMatch("unknown", left.mark if left.kind == "text" else right.mark or "text")


def _match_values(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    spread = _two_signs(left), _two_signs(right)
    if spread != (None, None):
        return _match_collections(spread[0] or left, spread[1] or right, budget)
    if left.name and right.name and left.name.casefold() != right.name.casefold():
        bare = _match_values(replace(left, name=None), replace(right, name=None), budget)
        if bare.outcome != "different":
            return AnswerMatch("unknown", "ambiguous")  # x = 5 and t = 5: one quantity by two names, or two
        return match_relations(as_equation(left), as_equation(right), budget)
    if left.unit and right.unit:
        return match_quantities(left, right, budget)
    if left.unit or right.unit:
        return match_with_one_unit(*((left, right) if left.unit else (right, left)), budget)
    return match_expressions(left, right, Fraction(1), budget)


def _two_signs(answer: Answer) -> Answer | None:
    """±a as a list of two; None without a sign that is both."""
    if answer.expression is None or not _has_two_signs(answer.expression):
        return None
    both = tuple(
        Answer("value", "", _with_sign(answer.expression, sign), unit=answer.unit) for sign in ("", "neg")
    )
    return Answer("list", answer.text, parts=both)


def _has_two_signs(expression: Expression) -> bool:
    return isinstance(expression, Call) and (
        expression.op == "pm" or any(map(_has_two_signs, expression.args))
    )


def _with_sign(expression: Expression, sign: str) -> Expression:
    if not isinstance(expression, Call):
        return expression
    args = tuple(_with_sign(arg, sign) for arg in expression.args)
    if expression.op == "pm":
        return Call("neg", args) if sign else args[0]
    return Call(expression.op, args)


def _match_collections(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """Lists and sets: the same elements in any order; doubles count in lists only."""
    sides = [_elements(side) for side in (left, right)]
    if "set" in (left.kind, right.kind):
        sides = [_distinct(side, budget) for side in sides]
    rest, results = list(sides[1]), []
    for part in sides[0]:
        matches = [(_match_elements(part, other, budget), other) for other in rest]
        best = min(
            matches, key=lambda pair: ["equal", "unknown", "different"].index(pair[0].outcome), default=None
        )
        if best is None or best[0].outcome == "different":
            results.append(DIFFERENT)
            continue
        rest.remove(best[1])
        results.append(best[0])
    if len(sides[0]) != len(sides[1]):
        certain = all(result.outcome != "unknown" for result in results)
        return AnswerMatch("different" if certain else "unknown", "size")
    return all_of(results)


def _match_elements(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    """As anywhere, but 2 is not {2} where both are elements."""
    if {left.kind, right.kind} in ({"value", "set"}, {"value", "list"}):
        return AnswerMatch("different", "kind")
    return _match(left, right, budget)


def _elements(answer: Answer) -> list[Answer]:
    """The elements, ± written out."""
    parts = answer.parts if answer.kind in ("list", "set") else (answer,)
    spread: list[Answer] = []
    for part in parts:
        two = _two_signs(part)
        spread.extend(two.parts if two else [part])
    return spread


def _distinct(parts: list[Answer], budget: Budget) -> list[Answer]:
    kept: list[Answer] = []
    for part in parts:
        if not any(_match(part, other, budget).outcome == "equal" for other in kept):
            kept.append(part)
    return kept


def _match_tuples(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    if len(left.parts) != len(right.parts):
        return AnswerMatch("different", "size")
    parts = all_of([_match(a, b, budget) for a, b in zip(left.parts, right.parts, strict=True)])
    if left.mark != right.mark and parts.outcome == "equal":
        is_span = len(left.parts) == 2 and {left.mark, right.mark} == {"()", "[]"}
        return AnswerMatch("different" if is_span else "unknown", "kind")
    return parts


def _match_list_with_tuple(listed: Answer, ordered: Answer, budget: Budget) -> AnswerMatch:
    """1, 2 against (1, 2): the same in that order; in another order nobody can say."""
    parts = listed.parts
    if all(part.name for part in parts):
        parts = tuple(sorted(parts, key=lambda part: part.name or ""))
    in_order = _match_tuples(Answer("tuple", "", parts=parts, mark=ordered.mark), ordered, budget)
    if in_order.outcome != "different":
        return in_order
    any_order = _match_collections(listed, Answer("list", "", parts=ordered.parts), budget)
    return in_order if any_order.outcome == "different" else AnswerMatch("unknown", "kind")


def _match_one_with_collection(value: Answer, collection: Answer, budget: Budget) -> AnswerMatch:
    return _match_collections(value, collection, budget)


def _match_lists(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    names = [sorted(part.name or "" for part in side.parts) for side in (left, right)]
    if names[0] == names[1] and "" not in names[0] and len(set(names[0])) == len(names[0]):  # x = 2, y = 3
        sides = [sorted(side.parts, key=lambda part: part.name or "") for side in (left, right)]
        return all_of([_match(a, b, budget) for a, b in zip(sides[0], sides[1], strict=True)])
    found = _match_collections(left, right, budget)
    if found.outcome == "different" and {left.kind, right.kind} == {"list"}:
        as_sets = [Answer("set", "", parts=side.parts) for side in (left, right)]
        if _match_collections(as_sets[0], as_sets[1], budget).outcome == "equal":
            return AnswerMatch("unknown", "ambiguous")  # 1, 1, 2 and 1, 2: roots with or without multiplicity
    return found


def _match_relation_with_value(relation: Answer, value: Answer, budget: Budget) -> AnswerMatch:
    """3+2=5 against 5: the value a true chain of numbers ends in; y = 2x+1 against y - 2x = 1."""
    if value.name:
        return match_relations(relation, as_equation(value), budget)
    assert relation.expression is not None
    if relation.mark == "=" and not evaluate(relation.expression)[0] and relation.parts:
        return _match(relation.parts[0], value, budget)
    return AnswerMatch("unknown", "kind")


def _match_matrices(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    if len(left.parts) != len(right.parts):
        return AnswerMatch("different", "size")
    rows = [Answer("tuple", "", parts=row.parts, mark="") for side in (left, right) for row in side.parts]
    half = len(left.parts)
    return all_of([_match_tuples(*pair, budget) for pair in zip(rows[:half], rows[half:], strict=True)])


def _match_options(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    letters = left.mark == right.mark
    if left.parts and right.parts:
        content = _match(left.parts[0], right.parts[0], budget)
        if content.outcome != "unknown" and (content.outcome == "equal") != letters:
            return AnswerMatch("unknown", "ambiguous")
    return EXACT if letters else DIFFERENT


def _match_option_with_content(option: Answer, other: Answer, budget: Budget) -> AnswerMatch:
    """(C) 12 against 12; C alone against 12 needs the list of choices, which nobody gave."""
    return _match(option.parts[0], other, budget) if option.parts else AnswerMatch("unknown", "kind")


def _match_option_with_list(option: Answer, listed: Answer, budget: Budget) -> AnswerMatch:
    """A against A, B: of the same letters there are not as many."""
    letters = all(re.fullmatch(r"\(?[A-J]\)?", part.text) for part in listed.parts)
    return AnswerMatch("different", "size") if letters else _match_option_with_content(option, listed, budget)


def _match_word_with_set(word: Answer, collection: Answer, budget: Budget) -> AnswerMatch:
    """∅ is {}."""
    if word.mark == "empty" and not collection.parts:
        return EXACT
    return AnswerMatch("different", "kind")


def _match_words(left: Answer, right: Answer, budget: Budget) -> AnswerMatch:
    return AnswerMatch("equal", "same_word") if left.mark == right.mark else AnswerMatch("different", "word")


_SAME_KIND = {
    "value": _match_values,
    "list": _match_lists,
    "set": _match_collections,
    "tuple": _match_tuples,
    "interval": match_intervals,
    "relation": match_relations,
    "matrix": _match_matrices,
    "option": _match_options,
    "word": _match_words,
    "time": match_times,
    "ratio": match_ratios,
}
_SPECIAL = {
    ("value", "list"): _match_one_with_collection,
    ("value", "set"): _match_one_with_collection,
    ("list", "set"): _match_lists,
    ("list", "tuple"): _match_list_with_tuple,
    ("interval", "tuple"): match_interval_with_tuple,
    ("relation", "value"): _match_relation_with_value,
    ("option", "value"): _match_option_with_content,
    ("option", "word"): _match_option_with_content,
    ("ratio", "value"): match_ratio_with_value,
    ("interval", "relation"): match_interval_with_relation,
    ("word", "set"): _match_word_with_set,
    ("option", "list"): _match_option_with_list,
    ("set", "tuple"): lambda *_: AnswerMatch("unknown", "kind"),
    ("tuple", "matrix"): lambda *_: AnswerMatch("unknown", "kind"),
}
