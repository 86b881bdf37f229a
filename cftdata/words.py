"""Words: how figures, rates and reasons are said to people, on a page, in Markdown and in a terminal.

    >>> percent(24 / 600), percent(0.0), percent(0.99996)
    ('4.0%', '0%', '99.996%')
    >>> reason_in_words("answer_several_answers"), reason_in_words("my_own_reason")
    ('its own answer could not be read: there are several', 'my own reason')

Not covered: other languages, and what is shown where (`report`, `terminal`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cftdata.mathml import INVISIBLE

if TYPE_CHECKING:
    from cftdata.figures import LabelAgreement, Overlap
    from cftdata.sample import Rate

HEADLINE, CLAIMS, BY_CONSENSUS = "verdict_error", "claim_error", "verdict_error_by_consensus"

# Rate -> what it is, and of what. Those behind a "…" are a closer look at the one above them.
RATES = {
    "verdict_error": ("wrong verdict", "critiques"),
    "verdict_error_unrounded": ("… rounded matches undecided", "critiques"),
    "verdict_error_suspects_included": ("… suspect references as they stand", "critiques"),
    "verdict_error_by_consensus": ("… against the consensus answer", "critiques"),
    "false_right": ("wrong responses called right", "wrong responses"),
    "false_wrong": ("right responses called wrong", "right responses"),
    "claim_error": ("false claim in the critique", "critiques"),
    "arithmetic_error": ("… false arithmetic", "critiques"),
    "own_answer_error": ("… its own answer does not fit", "critiques"),
    "consistency_error": ("… explanation against conclusion", "critiques"),
    "localisation_error": ("… wrong first error step", "critiques"),
    "quotation_error": ("… what the response does not say", "critiques"),
    "form_error": ("… malformed", "critiques"),
    "judge_error": ("… a claim that the judge calls false", "critiques"),
    "helped_error": ("… it misled the revision", "critiques"),
    "any_error": ("any of these errors", "critiques"),
}
REASONS = {
    # judge, helped
    "claim_false": "the judge calls a claim false",
    "claims_hold": "the judge finds every claim true",
    "misled": "a right response was revised into a wrong one",
    "helped": "the revision came out right",
    "not_asked": "not asked for",
    # verdict
    "verdict_agrees": "verdict agrees with the response",
    "wrong_called_right": "wrong response called right",
    "right_called_wrong": "right response called wrong",
    "no_critique": "no critique",
    "no_response": "no response",
    "no_reference": "no reference answer",
    "no_final_answer": "no final answer could be read",
    "answer_unknown": "answer could not be compared with the reference",
    # arithmetic
    "false_equation": "says a false equation",
    "endorsed_false_equation": "calls a false equation right",
    "rounding": "last digits of an approximation are wrong",
    "notation": "only the notation is off",
    "equations_hold": "its equations hold",
    "no_equations": "no equation to evaluate",
    # own_answer
    "corrected_answer_right": "its own answer is right",
    "corrected_answer_fits": "its own answer fits its verdict",
    "corrected_answer_wrong": "its own answer is wrong",
    "corrects_to_the_same": "calls the answer wrong, and gives the same",
    "right_with_another_answer": "calls the answer right, and gives another",
    "answer_of_a_step": "its answer may be that of a step",
    "several_answers": "gives several answers",
    "coarse": "answers are one, but for digits that were cut",
    "same_answer": "called wrong for its form, not for its value",
    # consistency
    "consistent": "explanation and conclusion agree",
    "explanation_says_right": "explanation says right, conclusion says wrong",
    "explanation_says_wrong": "explanation says wrong, conclusion says right",
    "verdict_unread": "no conclusion could be read",
    "nothing_whole_said": "explanation says nothing of the whole",
    "mixed": "explanation says both",
    # localisation
    "step_agrees": "names the first wrong step",
    "step_differs": "names another step than the label",
    "no_such_step": "names a step that does not exist",
    "earlier_step_false": "a step before the one it names is false",
    "false_step_passed": "calls all steps right, and one is false",
    "no_false_step": "no step could be shown to be false",
    "later_step_false": "false steps come after the one it names",
    "steps_not_numbered": "the response's steps have no numbers",
    # quotation
    "quotations_found": "the response says what is quoted",
    "not_said": "the response does not say what is quoted",
    "answer_is_given": "says there is no answer, and there is one",
    "steps_are_shown": "says there are no steps, and there are",
    "nothing_quoted": "nothing is quoted",
    "quotation_unclear": "may be a paraphrase",
    # form
    "well_formed": "well formed",
    "empty": "empty",
    "refused": "refuses to judge",
    "cut_off": "cut off",
    "language": "in another language than the query",
    "copied": "copies the response",
    "leak": "says that it saw a reference",
    "no_reasons": "gives no reasons",
    "after_end": "text after its end",
    # any
    "too_long": "too long to be looked at",
    "time_limit": "ran out of time",
    "crashed": "the verifier broke",
    "suspect_reference": "the reference is suspect",
}  # fmt: skip
READINGS = {"verdict": "verdict could not be read", "step": "the step it names could not be read",
            "answer": "its own answer could not be read", "match": "answers could not be compared"}
WHY = {
    "no_conclusion": "no conclusion", "echoed": "it repeats the task's words",
    "contradictory": "it says both", "hedged": "it is not sure",
    "truncated": "cut off", "truncated_thinking": "cut off while thinking",
    "no_value": "nothing stands there", "no_answer": "there is none", "not_stated": "none is named",
    "several_answers": "there are several", "two_values": "there are several",
    "unclear_base": "it may count from 0 or from 1", "contradicts_verdict": "it is at odds with the verdict",
    "steps_disagree": "it names several", "only_students_answer": "it gives the response's only",
    "unclosed_box": "its box is not closed", "unreadable": "not understood", "ambiguous": "it reads two ways",
    "kind": "they are of different kinds", "size": "they have different sizes", "text": "they are words",
    "undecided": "neither equal nor different could be shown", "time_limit": "ran out of time",
    "too_deep": "nested too deeply", "units": "their units differ",
}  # fmt: skip
METHODS = {
    "wilson": "Wilson",
    "wilson_clustered": "clustered by query: Wilson with the effective number of samples",
}
OUTCOMES = {"fail": "wrong", "error": "could not run", "abstain": "could not tell", "pass": "nothing wrong"}
OVERLAP = {"verdict_only": "wrong verdict only", "claim_only": "false claim only", "both": "both",
           "neither": "neither", "undecided": "undecided"}
SAYS = {HEADLINE: ("has a wrong verdict", "have a wrong verdict", "wrong verdicts", "no verdict"),
        CLAIMS: ("makes a false claim", "make a false claim", "false claims", "no claim")}
ON_AGREEMENT = ("A majority can be wrong together: this is no evidence against any critique, and counts in "
                "no other rate.")
ON_SCORECARD = ("Held against critiques that were read and labelled. Precision: of those that a verifier "
                "flags, how many are labelled with such a fault. Recall: of those so labelled, how many it "
                "flags.")


ON_LABELS = ("Labels of the first wrong step, held against the first step with an equation that is false by "
             "evaluation (plain numbers only; steps counted from 1). A step can be wrong for other reasons: "
             "only a false equation before the labelled step, or where every step is labelled right, makes a "
             "label suspect. No rate counts these.")
LABELS = {"same": "in that step", "earlier": "in an earlier step", "later": "in a later step",
          "unfound": "in none"}
RIGHT_LABELS = {"right_false": "in some step", "right_unfound": "in none"}


def percent(proportion: float) -> str:
    """A proportion as a percentage with one decimal, or as many as keep it from looking like 0% or 100%."""
    distance = min(proportion, 1 - proportion)
    if distance < 1e-9:  # what floating point leaves of 0 and 1
        return "0%" if proportion < 0.5 else "100%"
    n_decimals = max(1, -math.floor(math.log10(distance * 100) + 1e-9))
    return f"{proportion * 100:.{n_decimals}f}%"


def interval(rate: Rate | None) -> str:
    """`2.7%–5.9%`, or a dash when there is none."""
    if rate is None or rate.low is None or rate.high is None:
        return "—"
    return f"{percent(rate.low)}–{percent(rate.high)}"


def share(rate: Rate) -> str:
    """`24 of 600: 4.0% (95% interval 2.7%–5.9%)`; the percentage is left out where it is 0."""
    if rate.rate is None:
        return "nothing could be decided"
    told = f"{rate.level * 100:g}% interval {interval(rate)}" if rate.low is not None else "no interval"
    figure = f": {percent(rate.rate)}" if rate.n_hits else ""
    return f"{rate.n_hits:,} of {rate.n_decided:,}{figure} ({told})"


def headline(rate: Rate | None, name: str = HEADLINE) -> str:
    """The audit in one sentence; name: of the rate, `verdict_error` or `claim_error`."""
    one, many, plural, none = SAYS[name]
    if rate is None:
        return f"This protocol did not measure {plural}."
    if rate.n_total == 0:
        return "There was no critique to judge."
    if rate.rate is None:
        return f"Nothing could be decided: of {rate.n_total:,} critiques, {none} could be checked."
    counts = f"{rate.n_hits:,} of {rate.n_decided:,}"
    return f"{counts} critiques {one if rate.n_hits == 1 else many}{share(rate).removeprefix(counts)}."


def reason_in_words(slug: str) -> str:
    """A reason for people; one that has no words of its own is its slug with spaces."""
    if slug in REASONS:
        return REASONS[slug]
    start, _, why = slug.partition("_")
    if start in READINGS and why:
        return f"{READINGS[start]}: {WHY.get(why, why.replace('_', ' '))}"
    return slug.replace("_", " ")


def name_of(rate_name: str) -> str:
    """A rate's name for people."""
    return RATES[rate_name][0] if rate_name in RATES else rate_name.replace("_", " ")


def sort_rates(names: Iterable[str]) -> list[str]:
    """Names of rates in the order to show them in; those that have no words come last."""
    order = {name: position for position, name in enumerate(RATES)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def overlap_in_words(overlap: Overlap) -> list[tuple[str, str, int]]:
    """(key, words, number of samples) of each way verdict errors and false claims fall together."""
    return [(key, words, getattr(overlap, f"n_{key}")) for key, words in OVERLAP.items()]


def labels_in_words(agreement: LabelAgreement) -> list[tuple[str, list[tuple[str, int]]]]:
    """Of each kind of label what it says, and in how many responses the first false equation stands where."""
    kinds = (("a step is wrong", LABELS), ("every step is right", RIGHT_LABELS))
    tables = [(said, [(words, getattr(agreement, f"n_{key}")) for key, words in names.items()])
              for said, names in kinds]
    return [(said, rows) for said, rows in tables if any(n for _, n in rows)]


def step_in_words(labelled_step: int) -> str:
    """What a label says of the first wrong step; steps count from 1 for people."""
    return "every step is right" if labelled_step == -1 else f"step {labelled_step + 1} is wrong"


def plain(text: object) -> str:
    """The first 1,000 characters, with those that cannot be seen, or turn the order around, as U+202E."""
    line = INVISIBLE.sub(lambda match: f"U+{ord(match[0]):04X}", str(text)[:1_000])
    return line + "…" if len(str(text)) > 1_000 else line


def escape_markdown(text: object) -> str:
    """A value as plain text in a Markdown table or paragraph: one line, and nothing of it is markup."""
    line = " ".join(plain(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#$~])", r"\\\1", line)


def code(text: str, limit: int = 300) -> str:
    """A value as a code span in a Markdown table or paragraph, cut after `limit` characters."""
    line = " ".join(plain(text[:limit]).split()) + ("…" if len(text) > limit else "")
    if not line:
        return "(empty)"
    ticks = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " if "`" in (line[0], line[-1]) else ""
    return f"{ticks}{pad}{line}{pad}{ticks}".replace("|", r"\|")
