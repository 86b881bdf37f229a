"""A true critique of what is known: sentences drawn from `wordings.yaml`, and their layout.

    >>> from random import Random
    >>> Writer(Random(0), is_latex=False).fill("<It|The answer> should be {answer}.", answer="12")
    'The answer should be 12.'

Not covered: other languages than English.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from random import Random
from typing import Literal

import yaml

from cftdata.sample import Verdict
from cftdata.symbolic.checks import Check
from cftdata.symbolic.knowledge import Error, Known

__all__ = ["Draft", "Form", "Writer", "draft", "lay_out"]

_LATEX = (("*", r"\times"), ("×", r"\times"), ("·", r"\cdot"), (" / ", r" \div "), ("%", r"\%"),
          (" of ", r" \cdot "), (" mod ", r" \bmod "))
Form = Literal["list", "paragraph", "paragraphs", "short"]
FORMS: tuple[Form, ...] = ("list", "paragraph", "paragraphs", "short")
MAX_LISTED = 12
"""Steps that a critique speaks of one by one; of more it names the last ones."""


@dataclass(slots=True)
class Draft:
    """A critique before it is laid out."""

    verdict: Verdict
    first_error_step: int | None
    corrected_answer: str | None = None
    opening: str = ""
    praise: list[str] = field(default_factory=list)
    blame: list[str] = field(default_factory=list)
    closing: list[str] = field(default_factory=list)


@cache
def read_wordings() -> dict[str, list[str]]:
    """Name of a kind of sentence to its patterns."""
    data = yaml.safe_load((files("cftdata.symbolic") / "wordings.yaml").read_text(encoding="utf-8"))
    return {str(kind): list(patterns) for kind, patterns in data.items()}


@dataclass(frozen=True, slots=True)
class Writer:
    """Draws sentences."""

    rng: Random
    is_latex: bool
    unit: str | None = "step"

    def say(self, kind: str, **words: str) -> str:
        """One sentence of this kind, a capital at its head."""
        text = self.fill(self.rng.choice(read_wordings()[kind]), **words)
        return text[:1].upper() + text[1:] if re.match(r"[a-z]{2}", text) else text

    def fill(self, pattern: str, **words: str) -> str:
        """The pattern with its alternatives drawn and its gaps filled."""
        drawn = re.sub(r"<([^<>]*)>", lambda found: self.rng.choice(found[1].split("|")), pattern)
        return drawn.format_map(words)

    def name(self, step: int) -> dict[str, str]:
        """{step} and {Step}: how a step is called."""
        [pattern] = read_wordings()[f"name_{self.unit or 'whole'}"]
        name = self.fill(pattern, n=str(step + 1))
        return {"step": name, "Step": name[0].upper() + name[1:]}

    def show(self, formula: str) -> str:
        """An equation or an answer, between dollar signs where it is LaTeX or stands in such a text."""
        if "$" in formula.replace(r"\$", ""):
            return formula
        is_formula = self.is_latex and re.fullmatch(r"(?:[\d\s.,+\-*/×÷·()=√∛^%]| of | mod )+", formula)
        if is_formula or re.search(r"\\[A-Za-z%$]|\^\{", formula):
            return f"${as_latex(formula)}$"
        return formula


def as_latex(formula: str) -> str:
    """A plain formula in LaTeX; what has a command in it already is left as it is."""
    if "\\" in formula:
        return formula
    for plain, latex in _LATEX:
        formula = formula.replace(plain, latex)
    formula = re.sub(r"\^(\d+)", r"^{\1}", formula)
    formula = re.sub(r"√(\d+)", r"\\sqrt{\1}", re.sub(r"∛(\d+)", r"\\sqrt[3]{\1}", formula))
    return re.sub(r"(?<![\d.)])(\d+)/(\d+)(?![\d.])", r"\\frac{\1}{\2}", formula)


def lay_out(writer: Writer, form: Form, draft: Draft) -> str:
    """The text of a critique."""
    sentences = [*draft.praise, *draft.blame, *draft.closing]
    match form:
        case "list":
            mark = writer.rng.choice(["- ", "* ", "number"])
            body = "\n".join(
                (f"{n}. " if mark == "number" else mark) + sentence for n, sentence in enumerate(sentences, 1)
            )
        case "paragraphs":
            groups = (draft.praise, draft.blame, draft.closing)
            body = "\n\n".join(" ".join(group) for group in groups if group)
        case _:
            body = " ".join(sentences)
    gap = " " if form in ("paragraph", "short") and writer.rng.random() < 0.5 else "\n\n"
    head = f"{draft.opening}{gap}" if draft.opening else ""
    return f"{head}{body}\n\nConclusion: {draft.verdict} [END]"


def draft(writer: Writer, known: Known, form: Form) -> Draft:
    """What a true critique says."""
    made = Draft(known.verdict, known.first_error_step)
    made.opening = writer.say("short_openings" if form == "short" else "openings")
    made.praise = praise_steps(writer, known, form)
    if known.verdict == "right":
        made.closing = [approve(writer, known)]
        return made
    made.blame = [blame(writer, known, known.error)] if known.error else []
    carried = carry_on(writer, known) if known.error and form != "short" else None
    made.blame += [carried] if carried else []
    made.closing = [*close(writer, known, made), *_rejection(writer)]
    return made


# --- praise


def praise_steps(writer: Writer, known: Known, form: Form, passes_over: Iterable[int] = ()) -> list[str]:
    """What is right of the steps before the error, or of all of them."""
    last = len(known.steps) if known.error is None else known.error.step + (known.unit is None)
    steps = [step for step in range(last) if step not in passes_over]
    said = {step: text for step in steps if (text := _praise(writer, known, step))}
    if form == "short":
        n_said = writer.rng.choice([0, 1]) if known.error else 1
        said = {step: text for step, text in said.items() if "=" in text} or said
        said = {step: said[step] for step in sorted(writer.rng.sample(list(said), min(n_said, len(said))))}
    if form == "paragraphs" and len(said) > 2 and writer.rng.random() < 0.4:
        said = {step: said[step] for step in sorted(writer.rng.sample(list(said), 2))}
    texts = list(said.values())[-MAX_LISTED:]
    if not known.is_labelled and known.checks.all_hold and (not texts or writer.rng.random() < 0.6):
        texts.append(writer.say("all_held"))
    return texts if texts or known.error or known.is_labelled else [writer.say("nothing_checked")]


def _praise(writer: Writer, known: Known, step: int) -> str | None:
    equations = [check for check in known.checks.found if check.step == step and check.holds]
    name = writer.name(step)
    if equations:
        kind = "right_step" if known.is_right(step) else "held"
        return writer.say(kind, eq=writer.show(writer.rng.choice(equations).said), **name)
    is_ending = step == len(known.steps) - 1 > 0
    return writer.say("right_step_bare", **name) if known.is_right(step) and not is_ending else None


def approve(writer: Writer, known: Known) -> str:
    """The sentence that calls it right."""
    kind = "all_right" if known.is_labelled else "answer_right"
    return _with_answer(writer, kind, known.theirs)


def _with_answer(writer: Writer, kind: str, theirs: str | None) -> str:
    return writer.say(kind, theirs=writer.show(theirs)) if theirs else writer.say(f"{kind}_bare")


# --- blame


def blame(writer: Writer, known: Known, error: Error) -> str:
    """Which step is wrong, what it says, and what it should be."""
    where = writer.say(_place(known, error), **writer.name(error.step))
    kind = _reason(error)
    words = {"did": _did(writer, error), "truth": writer.show(error.truth or ""), "what": error.what or "",
             "missing": error.missing or ""}
    return f"{where}: {writer.fill(writer.rng.choice(read_wordings()[f'reason_{kind}']), **words)}"


def _place(known: Known, error: Error) -> str:
    if known.is_labelled:
        return "first_mistake" if known.unit else "mistake"
    is_first = known.unit and error.check and error.check.is_first
    return "first_false" if is_first else "some_false"


def _reason(error: Error) -> str:
    """The kind of reason that can be given."""
    if error.said is None:
        return "bare"
    suffix = "" if error.truth else "_bare"
    if error.is_quote:
        return f"quote_{error.kind}" if _is_worded(f"quote_{error.kind}", error) else f"quote{suffix}"
    if _is_worded(error.kind, error):
        return str(error.kind)
    return "false_equation" if error.is_false and error.truth else f"other{suffix}"


def _is_worded(kind: str | None, error: Error) -> bool:
    """Whether there are words for this kind of error, and all that they need is known."""
    needs = error.missing if kind and kind.endswith("skipped_step") else error.what
    return f"reason_{kind}" in read_wordings() and bool(error.truth and needs)


def _did(writer: Writer, error: Error) -> str:
    said = error.said or ""
    return f'"{said}"' if error.is_quote else writer.show(said)


def carry_on(writer: Writer, known: Known) -> str | None:
    """That a later step works with the wrong value: where its number stands nowhere before."""
    error = known.error
    if error is None or not error.is_false or error.check is None or error.check.written is None:
        return None
    value = error.check.said.rpartition("=")[2].strip()
    token = re.compile(rf"(?<![\d.,]){re.escape(value)}(?![\d%]|[.,]\d)")
    users = [step for step in range(error.step + 1, len(known.steps)) if _works_with(known, step, token)]
    before = (known.query, *known.steps[: error.step])
    is_new = len(value) > 1 and not any(token.search(text) for text in before)
    if not users or not is_new or known.unit is None or writer.rng.random() < 0.4:
        return None
    return writer.say("carried", value=writer.show(value), **writer.name(users[0]))


def _works_with(known: Known, step: int, token: re.Pattern[str]) -> bool:
    return any(token.search(check.left) for check in known.checks.found if check.step == step)


def close(writer: Writer, known: Known, made: Draft) -> list[str]:
    """What is said of the answer."""
    if known.answer_agrees:
        return [_with_answer(writer, "agrees_anyway", known.theirs)]
    if known.answer_agrees is None:
        is_false = known.error is not None and known.error.is_false
        return [writer.say("unfinished" if is_false else "rejected_firmly")]
    if known.answer is None:
        return [_with_answer(writer, "answer_wrong", known.theirs)]
    answer = writer.show(known.answer)
    is_framed = answer.startswith("$") and answer.endswith("$")
    made.corrected_answer = answer[1:-1] if is_framed else known.answer
    if known.theirs and writer.rng.random() < 0.35:
        return [writer.say("both", theirs=writer.show(known.theirs), answer=answer)]
    is_worked_out = known.is_labelled and known.error and known.error.truth
    correction = writer.say("carried_correction" if is_worked_out else "correction", answer=answer)
    needs_ground = known.error is None or writer.rng.random() < 0.4
    return [_with_answer(writer, "answer_wrong", known.theirs), correction] if needs_ground else [correction]


def _rejection(writer: Writer) -> Sequence[str]:
    said = writer.say("rejected")
    return [said] if said else []


def slips(check: Check) -> list[str]:
    """The equation with values that it has not, nearest first."""
    if check.value is None:
        return []
    taken = {check.value, check.written}
    near = [check.value + away for away in (1, -1, 2, 10, -2, 3)]
    return [text for value in near if value not in taken and (text := check.with_value(value))]
