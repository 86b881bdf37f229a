"""Reading responses: their steps and their final answer; and `normalise`, which fills in what can be read.

Steps are stretches of the text, and together they hold every character that is not white space. What
stands before the first heading belongs to the first step, so that the "step 3" which a critique names
is always `steps[2]`.

Source: the forms of GSM8K (`#### 18`, `A: 18`, one step a line), MATH (`\\boxed{}`), Mr-Ben
("Solution: Choice_B"), ProcessBench (paragraphs) and chat models ("### Step 2", "**Final Answer**").

    >>> response = "Step 1: 2 + 3 = 5\\nStep 2: 5 * 2 = 10\\nThe answer is 10 miles."
    >>> [step.value for step in read_steps(response)]
    ['Step 1: 2 + 3 = 5', 'Step 2: 5 * 2 = 10\\nThe answer is 10 miles.']
    >>> read_final_answer(response).value
    '10 miles'

Reasons for no answer: empty, no_answer, unclosed_box, several_answers, truncated_thinking.
Not covered: sub-steps ("Step 2.1" belongs to step 2); answers given in whole sentences; tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import islice, pairwise

from cftdata.reading import (
    Box,
    Reading,
    Span,
    choose_box,
    find_boxes,
    find_unclosed_box,
    fold,
    hide_thinking,
    is_value,
    read_value,
    remember,
    trim,
    unread,
)
from cftdata.sample import Critique, Response, Sample
from cftdata.verdict import read_corrected_answer, read_first_error_step, read_verdict

__all__ = ["Reading", "normalise", "read_corrected_answer", "read_final_answer", "read_first_error_step",
           "read_steps", "read_verdict"]

STEPS = 1000  # no response has more; what is longer is no list of steps
_TAIL = 4000  # characters at the end in which an unboxed answer is looked for
_OPTION = r"(?:choice|option)[\\]?[ _]{0,2}[*(]{0,3}(?P<letter>[a-j])(?![^\W_]|['’])"


def normalise(sample: Sample) -> Sample:
    """The sample with what its texts say filled in where it says nothing itself.

    Fills steps and final answer of the response; verdict, first error step and corrected answer of the
    critique. Changes no text, overwrites no given value, and leaves None what cannot be told.
    """
    changes: dict[str, Response | Critique] = {}
    if sample.response is not None:
        changes["response"] = _normalise_response(sample.response)
    if sample.critique is not None:
        changes["critique"] = _normalise_critique(sample.critique)
    return sample.model_copy(update=changes)


def _normalise_response(response: Response) -> Response:
    changes: dict[str, object] = {}
    if not response.steps:
        changes["steps"] = tuple(step.value for step in read_steps(response.text))
    if response.final_answer is None:
        changes["final_answer"] = read_final_answer(response.text).value
    return response.model_copy(update=changes)


def _normalise_critique(critique: Critique) -> Critique:
    readers: dict[str, Callable[[str], Reading[object]]] = {
        "verdict": read_verdict, "first_error_step": read_first_error_step,  # type: ignore[dict-item]
        "corrected_answer": read_corrected_answer}  # type: ignore[dict-item]
    return critique.model_copy(update={name: read(critique.text).value for name, read in readers.items()
                                       if getattr(critique, name) is None})


# --- steps


_HEADING = re.compile(r"(?:^[ \t#>*_\-]{0,8}|(?<=[.!?;)] ))[*_]{0,3}step[ _]{1,2}(?P<n>\d{1,3})(?![\d]|"
                      r"\.\d)[*_]{0,3}"
                      r"[ \t]{0,2}(?:[:.)—–-]|[*_]|$|(?=\())", re.M | re.I)
_NUMBERED = re.compile(r"^(?P<indent>[ \t]{0,3})[#*_]{0,6} {0,1}\(?(?P<n>\d{1,3})[.)][*_]{0,3}[ \t]", re.M)
_BLANK = re.compile(r"\n[ \t\r\f\v]*\n[\s]*")


@remember
def read_steps(response: str) -> tuple[Reading[str], ...]:
    """The steps of a response, in order; empty for a text of white space only.

    "Step n" headings, else numbered lines, else paragraphs, else lines; the reason says which. Headings
    count only in order (1, 2, 3, ...), and not inside a thinking block. After 1,000 the rest is one step.
    """
    if not response.strip():
        return ()
    voice = hide_thinking(response)
    text = voice.text if voice.text.strip() else response
    for reason, find in (("heading", _find_headings), ("numbered", _find_numbers),
                         ("paragraph", _find_paragraphs), ("line", _find_lines)):
        starts = find(text)
        if len(starts) > 1:
            return _cut(response, starts, reason)
    return _cut(response, [0], "whole")


def _cut(text: str, starts: list[int], reason: str) -> tuple[Reading[str], ...]:
    """The stretches between these offsets, without the white space around them."""
    bounds = [0, *starts[1:], len(text)]
    steps = []
    for start, end in pairwise(bounds):
        piece = text[start:end]
        if piece.strip():
            first = start + len(piece) - len(piece.lstrip())
            last = start + len(piece.rstrip())
            steps.append(Reading(text[first:last], reason, first, last))
    return tuple(steps)


def _in_order(matches: Iterable[re.Match[str]], lowest: int) -> list[int]:
    """Where the headings 1, 2, 3, ... stand (0 may come first); others belong to the step around them."""
    starts: list[int] = []
    due: int | None = None
    for match in matches:
        n = int(match["n"])
        if (due is None and lowest <= n <= 1) or n == due:
            starts.append(match.start())
            due = n + 1
    return starts


def _find_headings(text: str) -> list[int]:
    return _in_order(islice(_HEADING.finditer(text), STEPS), 0) if "tep" in text or "TEP" in text else []


def _find_numbers(text: str) -> list[int]:
    """Numbered lines, where the list is the text and not a part of it: at most a paragraph before it."""
    starts = _in_order(islice(_NUMBERED.finditer(text), STEPS), 1)
    return starts if starts and not _BLANK.search(text[:starts[0]].strip()) else []


def _find_paragraphs(text: str) -> list[int]:
    gaps = list(islice(_BLANK.finditer(text), STEPS))
    if gaps and not text[:gaps[0].start()].strip():  # blank lines, or a thinking block, before the text
        gaps = gaps[1:]
    return [0, *(gap.end() for gap in gaps)]


def _find_lines(text: str) -> list[int]:
    breaks = islice(re.finditer("\n", text), STEPS) if "\n" in text.strip() else ()
    return [0, *(line.end() for line in breaks)]


# --- final answers


_HASHES = re.compile(r"####[ \t]{0,4}(?P<value>[^\n]{1,80})")
_A_LINE = re.compile(r"^[ \t]{0,4}A:[ \t]{0,4}(?P<value>[^\n]{1,80})", re.M)
_STATED = re.compile(
    r"(?:\b(?:final |correct |required |numerical |desired )?(?:answer|result)(?: to (?:the|"
    r"this) (?:problem|question))?(?: here)?[*_]{0,3} ?"
    r"(?:(?:is|are|was|will be|would be|should be|equals)\b|[:=≈])|"
    r"^[ \t#>*_\d.]{0,10}(?:final |the )?(?:answer|solution|result)[*_ \t]{0,4}(?::[*_]{0,3}|\n|$))", re.M)
_NOT_STATED = re.compile(r"[\s*]{0,4}(?:the (?:correct |right )?(?:answer|solution|choice) )?(?:is )?"
                         r"(?:not (?:among|available|given|listed|provided|possible|determin)|cannot|"
                         r"can't|unknown|undetermined)")
_LETTER = re.compile(rf"{_OPTION}|\b(?:answer|solution|choice|option)(?: is|"
                     rf" are)?[: ]{{1,3}}[*(]{{0,3}}(?P<bare>[a-hj]|i(?! [a-z]))(?=[).:,*\s]|$)")
_LETTERS = re.compile(rf"{_OPTION}(?P<more>[ ,]{{0,2}}(?:/|,|or|and|&)[ ]?(?:(?:choice|"
                      rf"option)[\\]?[ _]?)?[a-j]\b)?")
_FORMULA_LINE = re.compile(r"[^\n]{0,60}[=≈] ?(?P<value>[^=≈\n]{1,60})|[-−]?\$? ?\d[\d,./ ]*(?: ?%|"
                        r" [a-z]{1,12}){0,3}", re.I)


@remember
def read_final_answer(response: str) -> Reading[str]:
    """The answer a response ends with: `value == text[start:end]`, without `$`, bold and end marks.

    The last complete box, else `####`, else "A:", else what is stated last, else an option, else a last
    line that is only a formula (its last side) or a number. A box cut off hides what came before it.
    """
    if not response.strip():
        return unread("empty")
    voice = hide_thinking(response)
    if voice.truncated:
        return unread("truncated_thinking")
    text = voice.text
    boxes, unclosed = find_boxes(text), find_unclosed_box(text)
    if unclosed is not None and all(box.outer_start < unclosed for box in boxes):
        after = _read_unboxed(text, unclosed, cut=True)
        return after if after.value is not None else unread("unclosed_box", unclosed, len(text))
    if boxes:
        option = _read_option(text, fold(text), max(boxes[-1].outer_end, len(text) - _TAIL))
        return option if option.reason == "option" else choose_box(text, boxes, "boxed")
    reading = _read_unboxed(text, 0, cut=False)
    thought: list[Box] = find_boxes(response) if reading.value is None and voice.hidden else []
    return choose_box(response, thought, "boxed_in_thinking") if thought else reading


def _read_unboxed(text: str, start: int, cut: bool) -> Reading[str]:
    """The answer stated from `start` on without a box; what ends in a cut box is not read."""
    low = max(start, len(text) - _TAIL)
    folded = fold(text)
    for read in (_read_hashes, _read_a_line, _read_option, _read_stated):
        reading = read(text, folded, low)
        is_cut_box = "\\boxed" in (reading.value or "")
        if reading.reason == "several_answers" or (reading.value is not None and not is_cut_box):
            return reading
    return unread("no_answer") if cut else _read_last_line(text)


def _read_hashes(text: str, folded: str, low: int) -> Reading[str]:
    for match in reversed(list(_HASHES.finditer(text, low))):
        value = match["value"].strip()
        is_heading = re.match(r"\d+[.)]\s|(?i:step|final|conclusion)\b", value) or not re.search(r"\d|"
                        r"^[A-J]$", value)
        if not is_heading and is_value(value):
            return _quote(text, match.span("value"), "hashes")
    return unread("no_answer")


def _read_a_line(text: str, folded: str, low: int) -> Reading[str]:
    """`A: 18` on one of the last three lines."""
    lines = text.rstrip().rsplit("\n", 3)
    first = max(low, len(text.rstrip()) - sum(map(len, lines[-3:])) - 2)
    found = list(_A_LINE.finditer(text, first))
    return _quote(text, found[-1].span("value"), "a_line") if found else unread("no_answer")


def _read_option(text: str, folded: str, low: int) -> Reading[str]:
    """"Solution: Choice_B", "the answer is (C)" in the last two lines; the letter alone is the value."""
    end = len(text.rstrip())
    for _ in range(2):
        first = max(low, text.rfind("\n", 0, end) + 1)
        found = list(_LETTER.finditer(folded, first, end))
        choices = list(_LETTERS.finditer(folded, first, end))
        none = re.search(r"\bnone of (?:the |these )?(?:[a-z]+ )?(?:choices|options|above|"
                        r"answers)?", folded[first:end])
        letters = {m["letter"] or m["bare"] for m in found}
        if none and (found or "solution" in folded[first:end] or "answer" in folded[first:end]):
            return Reading(text[first + none.start():first + none.end()].strip(), "none_of_the_options",
                           first + none.start(), first + len(folded[:first + none.end()].rstrip()) - first)
        if len(letters) > 1 or any(m["more"] for m in choices):
            return unread("several_answers", first, end)
        if found:
            name = "letter" if found[-1]["letter"] else "bare"
            at = found[-1].span(name)
            if name == "letter" or text[at[0]].isupper():
                return Reading(text[at[0]:at[1]], "option", *at)
        end = max(first - 1, 0)
    return unread("no_answer")


def _read_stated(text: str, folded: str, low: int) -> Reading[str]:
    """The last "the answer is x", which may go on in the next line."""
    for stated in reversed(list(_STATED.finditer(folded, low))[-20:]):
        if _NOT_STATED.match(folded, stated.end()):
            return unread("no_answer")
        reading = read_value(text, stated.end(), "stated")
        if reading.value is not None:
            return reading
    return unread("no_answer")


def _read_last_line(text: str) -> Reading[str]:
    """A last line that is only a formula or a number."""
    end = len(text.rstrip())
    start = text.rfind("\n", 0, end) + 1
    if text[start:end].strip() in ("\\]", "$$", "\\)") and start:  # a displayed formula over three lines
        end = len(text[:start].rstrip())
        start = text.rfind("\n", 0, end) + 1
    first, last = trim(text, start, end)
    match = _FORMULA_LINE.fullmatch(text, first, last) if last - first <= 120 else None
    if match is None or len(re.findall(r"(?<!\\)\b[^\W\d_]{3,}", text[first:last])) > 4:
        return unread("no_answer")
    span: tuple[int, int] = match.span("value") if match["value"] else (first, last)
    return _quote(text, span, "last_line") if re.search(r"\d", text[span[0]:span[1]]) else unread("no_answer")


def _quote(text: str, span: tuple[int, int], reason: str) -> Reading[str]:
    value = Span(*trim(text, *span))
    if value.start == value.end:
        return unread("no_answer")
    return Reading(text[value.start:value.end], reason, value.start, value.end)
