"""The bundled critiques: what three made-up critics say of a response, with known faults.

A critique without a planted fault is true in every sentence: its values are those of the chain. A planted
fault is kept beside it, with the very words that are false.

    >>> sorted(WORDINGS)[:3]
    ['bold', 'bold_label', 'boxed']

Not covered: critiques in other languages, faults of style.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from cftdata.problems.chains import Line, Value, slip
from cftdata.problems.writing import Response, answers

Verdict = Literal["right", "wrong"]
CRITICS = ("critic-strict", "critic-lenient", "critic-terse")
LONG = {"right": "correct", "wrong": "incorrect"}
OTHER: dict[Verdict, Verdict] = {"right": "wrong", "wrong": "right"}
# {v} right or wrong, {V} with a capital, {c} correct or incorrect, {o} the opposite verdict.
WORDINGS = {
    "plain": "Conclusion: {v} [END]",
    "bold": "**Conclusion: {v} [END]**",
    "bold_label": "---\n\n**Conclusion:** {v} [END]",
    "boxed": "Conclusion: \\boxed{{{v}}} [END]",
    "heading": "### Conclusion: {v} [END]",
    "heading_newline": "### Conclusion\n\nThe student's solution is **{v}**. [END]",
    "newline": "Conclusion:\n{V} [END]",
    "correct_word": "Conclusion: {c} [END]",
    "sentence": "Overall, the student's solution is {c}.",
    "sentence_end": "All in all the solution is {v}. [END]",
    "judgement": "Final Judgement: {c}",
    "think": "Conclusion: {v} [END]",
    "wrong_inside": "I looked for a wrong sign or a wrong unit in the setup and found none there."
                    "\n\nConclusion: {v} [END]",
    "last_counts": "Conclusion: {o}\n\nOn second thoughts, having read it once more, I take that back."
                   "\n\nConclusion: {v} [END]",
    "note_after": "Conclusion: {v} [END]\n\nNote: nothing was marked wrong for its layout alone.",
    "echoed": "Conclusion: right/wrong [END]",
    "truncated": "The next thing to look at is whether the student uses the",
}
UNREAD = {"echoed", "truncated"}
"""Wordings from which nobody can tell the verdict."""
PRAISE = (
    "Step {n} is correct: {eq}.", "Step {n} finds {what}, and {eq} holds.",
    "In Step {n}, {what} is computed correctly: {eq}.",
    "For {what}, the student has {eq} in Step {n}, which is right.",
)
OPENINGS = {
    "critic-strict": ("Critique:\n\nI check the solution step by step.",
                      "Let me verify each step of this solution.",
                      "## Review\n\nThe problem asks for {goal}; I compare every step with my own work."),
    "critic-lenient": ("This is a clearly written attempt.", "The student works towards {goal} step by step.",
                       "I like the orderly way in which this solution is set out."),
    "critic-terse": ("Checked.", "Short check of the steps.", "I recomputed {goal}."),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Something false in a critique, with the words that are false."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Critique:
    """A critique and what is known of it."""

    critic: str
    text: str
    verdict: Verdict | None
    """The verdict its text gives; None when the text gives none."""
    wording: str
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """What to write: who, with which verdict, in which wording, with which planted fault."""

    critic: str
    verdict: Verdict
    wording: str
    fault: str | None


Part = tuple[str, tuple[Fault, ...]]


def write_critique(rng: Random, response: Response, order: Order) -> Critique:
    """The critique that was ordered."""
    opening = rng.choice(OPENINGS[order.critic]).format(goal=response.problem.steps[-1].what)
    if not response.lines:
        opening = "I read the response to its end."
    if order.wording in UNREAD:
        parts = _retell(rng, response)
    elif not response.lines:
        parts = [_true("The student never reaches an answer, so the problem is not solved.")]
    elif order.verdict == "right":
        parts = _approve(rng, response, order)
    elif response.is_correct:
        parts = _reject_rightly_solved(rng, response)
    else:
        parts = _reject(rng, response, order)
    words = {"v": order.verdict, "V": order.verdict.capitalize(), "c": LONG[order.verdict],
             "o": OTHER[order.verdict], "p": LONG[OTHER[order.verdict]]}
    end = WORDINGS[order.wording].format(**words)
    faults = [fault for _, found in parts for fault in found]
    verdict = None if order.wording in UNREAD else order.verdict
    if verdict and response.is_correct is not None and response.is_correct != (verdict == "right"):
        faults.insert(0, Fault("wrong_verdict", end))
    body = _lay_out(order.critic, [part for part, _ in parts])
    text = "\n\n".join([_think(order, words) + opening, body, end])
    return Critique(order.critic, text, verdict, order.wording, tuple(faults))


def _think(order: Order, words: dict[str, str]) -> str:
    if order.wording != "think":
        return ""
    return ("<think>\nAt first glance this looks {p}. Conclusion: {o}? No, let me go through it properly "
            "before I say so.\n</think>\n").format(**words)


def _lay_out(critic: str, parts: Sequence[str]) -> str:
    if critic == "critic-strict":
        return "\n".join(f"- {part}" for part in parts)
    return " ".join(parts) if critic == "critic-terse" else "\n\n".join(parts)


def _true(text: str) -> Part:
    return text, ()


def _false(text: str, *kinds: str) -> Part:
    return text, tuple(Fault(kind, text) for kind in kinds)


def _retell(rng: Random, response: Response) -> list[Part]:
    """Sentences that say what the response does, and nothing of whether it is right."""
    if not response.lines:
        return [_true("The response is short.")]
    count = rng.choice([1, 2])
    return [_true(f"Step {n} is about {line.what}; the student writes {response.notation.result(line)}.")
            for n, line in enumerate(response.lines[:count], 1)]


def _praise(rng: Random, response: Response, number: int) -> Part:
    """Approval of one step; a fault where the step is the wrong one."""
    line = response.lines[number]
    equation = response.notation.result(line)
    text = rng.choice(PRAISE).format(n=number + 1, what=line.what, eq=equation)
    if number != response.first_error_step:
        return _true(text)
    return _false(text, "endorsed_wrong_step" if line.is_true else "endorsed_false_equation")


def _covered(rng: Random, critic: str, numbers: Sequence[int]) -> list[int]:
    """The steps that a critic of this kind speaks of."""
    if critic == "critic-strict" or not numbers:
        return list(numbers)
    return sorted(rng.sample(list(numbers), min(len(numbers), 2 if critic == "critic-lenient" else 1)))


def _approve(rng: Random, response: Response, order: Order) -> list[Part]:
    """A critique that ends in `right`."""
    numbers = set(_covered(rng, order.critic, range(len(response.lines))))
    if response.first_error_step >= 0:
        numbers.add(response.first_error_step)
    parts = [_praise(rng, response, number) for number in sorted(numbers)]
    answer = _quote(response, response.answer)
    all_right = f"All {len(response.lines)} steps hold, and the final answer {answer} is correct."
    if response.is_correct:
        return [*parts, _planted_in_approval(rng, response, order) if order.fault else _true(all_right)]
    return [*parts, _false(all_right, "endorsed_answer")]


def _planted_in_approval(rng: Random, response: Response, order: Order) -> Part:
    """One false statement in an otherwise right approval of a right response."""
    number = rng.randrange(len(response.lines))
    line = response.lines[number]
    other = _another_answer(rng, response)
    match order.fault:
        case "false_equation":
            bad = response.notation.equation(line, slip(rng, line.value))
            return _false(f"As a check of my own: {bad}, so the result stands.", "false_equation")
        case "misquotation":
            return _false(f'The student ends with "{other}", as the problem asks.', "misquotation")
        case "wrong_corrected_answer":
            return _false(f"The correct answer is {other}.", "wrong_corrected_answer")
        case "contradiction":
            text = f"Step {number + 1} contains a mistake, so the solution cannot be accepted."
            return _false(text, "contradiction")
    raise ValueError(order.fault)


def _another_answer(rng: Random, response: Response) -> str:
    """An answer that is neither the right one nor the response's own."""
    problem, lines = response.problem, list(response.lines)
    avoid = {problem.result(problem.lines()), problem.result(lines)}
    while True:
        last = [replace(line, value=slip(rng, line.value)) for line in lines[-1:]]
        lines = lines[:-1] + last
        if problem.result(lines) not in avoid:
            return _quote(response, _form(rng, response, lines))


def _form(rng: Random, response: Response, lines: Sequence[Line]) -> str:
    plain_forms, latex_forms = answers(response.problem, lines)
    return rng.choice(latex_forms) if response.notation.is_latex else rng.choice(plain_forms)


def _quote(response: Response, answer: str | None) -> str:
    assert answer is not None
    return f"${answer}$" if "\\" in answer else answer


def _correction(rng: Random, response: Response) -> Part:
    answer = _quote(response, _form(rng, response, response.problem.lines()))
    return _true(rng.choice([
        f"The correct answer is {answer}.", f"Carried through to the end, this gives {answer}.",
        f"With the right value the answer becomes {answer}."]))


def _reject(rng: Random, response: Response, order: Order) -> list[Part]:
    """A critique of a wrong response that ends in `wrong`."""
    first = response.first_error_step
    before = [_praise(rng, response, number) for number in _covered(rng, order.critic, range(first))]
    correction = _correction(rng, response)
    match order.fault:
        case None:
            return [*before, _blame(rng, response), correction]
        case "false_equation":
            return [*before, _blame_with(rng, response, order.fault), correction]
        case "misquotation":
            return [*before, _blame_with(rng, response, order.fault), correction]
        case "wrong_corrected_answer":
            false = _false(f"The correct answer is {_another_answer(rng, response)}.", order.fault)
            return [*before, _blame(rng, response), false]
        case "contradiction":
            text = "Every step of the solution is correct, and so is its result."
            return [*before, _false(text, order.fault)]
        case "wrong_first_error_step":
            named = rng.choice([n for n in range(len(response.lines)) if n != first])
            approval = [_praise(rng, response, n) for n in range(named)]
            text = f"The first mistake is in Step {named + 1}, where {response.lines[named].what} is found."
            return [*approval[-2:], _false(text, order.fault), correction]
    raise ValueError(order.fault)


def _blame(rng: Random, response: Response) -> Part:
    """A true account of the planted error."""
    number = response.first_error_step
    line, right = response.lines[number], response.problem.lines()[number]
    note = response.notation
    should, did = note.equation(right), note.result(line)
    where = rng.choice([f"The first mistake is in Step {number + 1}", f"Step {number + 1} goes wrong"])
    match line.error:
        case "arithmetic_slip":
            return _true(f"{where}: the student writes {did}, but {should}.")
        case "sign_error":
            return _true(f"{where}: the sign is lost. The student has {did}, but {should}.")
        case "dropped_quantity":
            return _true(f"{where}: a quantity is left out of {line.what}, which should be {should}.")
        case "off_by_one":
            return _true(f"{where}: the second number is off by one in {did}. It should be {should}.")
        case "wrong_operator":
            return _true(f"{where}: {did} is the wrong operation for {line.what}; it should be {should}.")
    return _true(f"{where}: {line.why}. Instead of {did} it should be {should}.")


def _blame_with(rng: Random, response: Response, kind: str) -> Part:
    """An account of the planted error with a false correction, or with words the student did not write."""
    number = response.first_error_step
    line, right = response.lines[number], response.problem.lines()[number]
    note, wrong = response.notation, _third_value(rng, line.value, right.value)
    if kind == "false_equation":
        text = f"Step {number + 1} is where it goes wrong: the value should be {note.equation(right, wrong)}."
    else:
        quoted = note.equation(replace(line, error=None), wrong)
        text = (f'Step {number + 1} is where it goes wrong: the student writes "{quoted}", '
                f"but {note.equation(right)}.")
    return _false(text, kind)


def _third_value(rng: Random, *taken: Value) -> Value:
    value = taken[-1]
    while value in taken:
        value = slip(rng, value)
    return value


def _reject_rightly_solved(rng: Random, response: Response) -> list[Part]:
    """A critique of a right response that ends in `wrong`: a false equation, an error that is none."""
    number = rng.randrange(len(response.lines))
    line = response.lines[number]
    note = response.notation
    bad = note.equation(line, slip(rng, line.value))
    blame = _false(f"Step {number + 1} is not right: {bad}.", "false_equation", "wrong_first_error_step")
    answer = _another_answer(rng, response)
    return [blame, _false(f"The answer should have been {answer}.", "wrong_corrected_answer")]
