"""What every reader of text shares: the `Reading`, thinking blocks, boxes, stated values.

A reader hides what is not said in the author's own voice (`<think>` blocks) behind line breaks of the
same length, so that every span it returns points into the text as it was given.

Source: `\\boxed` as in Hendrycks MATH (arXiv 2103.03874); thinking tags as DeepSeek-R1 and Claude write them.

    >>> text = "<think>\\\\boxed{1}</think> So \\\\boxed{\\\\frac{1}{2}}."
    >>> box = find_boxes(hide_thinking(text).text)[-1]
    >>> text[box.start:box.end]
    '\\\\frac{1}{2}'

Not covered: tags other than the few named here; boxes whose braces close in a later paragraph.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")
R = TypeVar("R")

CACHED_TEXTS = 4096
NEAR_CHARACTERS = 140  # around a word, in which a sentence that it belongs to is looked for
SCANNED_CHARACTERS = 200_000  # boxes are looked for in this tail of a text
CACHED_CHARACTERS = 50_000  # longer texts are read anew, so that the cache stays under about 200 MB


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """What was read from a text, or why nothing was."""

    value: T | None
    """What was read; None when it could not be told."""
    reason: str
    """Slug: how it was read, or why not."""
    start: int
    """0-based offset, in the text that was read, of the words it rests on (0 when there are none)."""
    end: int
    """Offset after them."""


def unread(reason: str, start: int = 0, end: int = 0) -> Reading[T]:
    """A reading without a value."""
    return Reading(None, reason, start, end)


def remember(read: Callable[[str], R]) -> Callable[[str], R]:
    """The same reader, which keeps its last 4,096 answers: one response has several critiques."""
    cached = lru_cache(maxsize=CACHED_TEXTS)(read)

    @wraps(read)
    def remembered(text: str) -> R:
        return cached(text) if len(text) <= CACHED_CHARACTERS else read(text)

    return remembered


class Span(NamedTuple):
    """A stretch of a text, end exclusive."""

    start: int
    end: int


class Voice(NamedTuple):
    """A text of which only what its author says aloud is left."""

    text: str
    """As long as the original; what is hidden is line breaks."""
    hidden: tuple[Span, ...]
    """The thinking blocks."""
    truncated: bool
    """Whether a thinking block was never closed: the text ends in thought."""


_TAG = re.compile(r"<(/?)(?:think|thinking|thought|reasoning|scratchpad)>", re.I)


def hide_thinking(text: str) -> Voice:
    """Hide thinking blocks. A closing tag alone means that all before it was thought (the opening tag
    was in the prompt); an opening tag alone, that the text was cut off while thinking."""
    if "<" not in text or not _TAG.search(text):
        return Voice(text, (), False)
    spans: list[Span] = []
    opened: int | None = None
    for tag in _TAG.finditer(text):
        if not tag[1]:
            opened = tag.start() if opened is None else opened
        elif opened is None:
            spans = [Span(0, tag.end())]
        else:
            spans.append(Span(opened, tag.end()))
            opened = None
    if opened is not None:
        spans.append(Span(opened, len(text)))
    return Voice(hide(text, spans), tuple(spans), opened is not None)


def hide(text: str, spans: list[Span]) -> str:
    """The text with these stretches (in order, apart) as line breaks."""
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], "\n" * (end - start)]
        at = end
    return "".join([*parts, text[at:]])


def find_near(text: str, hints: re.Pattern[str], wanted: re.Pattern[str]) -> Iterator[re.Match[str]]:
    """What `wanted` finds, looked for only around words that it cannot be without: that is far faster."""
    at = 0
    for hint in hints.finditer(text):
        high = hint.end() + NEAR_CHARACTERS
        low = max(at, hint.start() - NEAR_CHARACTERS)
        found = wanted.search(text, low, high) if hint.end() > at else None
        while found:
            yield found
            at = found.end()
            found = wanted.search(text, at, high)


def fold(text: str) -> str:
    """The text in lower case at the same offsets; matching it without re.I is three times as fast."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


class Box(NamedTuple):
    """One complete `\\boxed{...}`: its content, and the command around it."""

    start: int
    end: int
    outer_start: int
    outer_end: int


_BRACE = re.compile(r"\\(?:boxed|fbox)[ \t]{0,4}\{|\\[{}\\]|[{}]|\n[ \t]*\n\s*")
_BARE_BOX = re.compile(r"\\boxed[ \t]{1,4}([^\s{}$\\]{1,40})")


def find_boxes(text: str) -> list[Box]:
    """The complete boxes that hold something, in order of where they begin; of nested ones the inner.

    Only the last 200,000 characters are looked at.
    """
    boxes, _ = _scan_boxes(text)
    inner = [box for box, after in itertools.pairwise(boxes) if after.outer_start >= box.outer_end]
    return [*inner, *boxes[-1:]]


def find_unclosed_box(text: str) -> int | None:
    """Where the last box begins that never closes; None when all do."""
    _, unclosed = _scan_boxes(text)
    return max(unclosed, default=None)


def _scan_boxes(text: str) -> tuple[list[Box], list[int]]:
    if "\\boxed" not in text and "\\fbox" not in text:
        return [], []
    boxes: list[Box] = []
    unclosed: list[int] = []
    stack: list[tuple[int, int]] = []  # (start of the command or -1, start of the content)
    first = min(at for at in (text.find("\\boxed"), text.find("\\fbox")) if at >= 0)
    low = max(first, len(text) - SCANNED_CHARACTERS)
    for brace in _BRACE.finditer(text, low):
        token = brace[0]
        if token[0] == "\n":  # LaTeX boxes hold no blank line: whatever is open was cut off
            unclosed += [command for command, _ in stack if command >= 0]
            stack.clear()
        elif token == "{" or token[1:5] in ("boxe", "fbox"):
            stack.append((brace.start() if token != "{" else -1, brace.end()))
        elif token == "}" and stack:
            command, start = stack.pop()
            content = trim(text, start, brace.start())
            if command >= 0 and content.start < content.end:
                boxes.append(Box(*content, command, brace.end()))
    unclosed += [command for command, _ in stack if command >= 0]
    boxes += [Box(*m.span(1), *m.span()) for m in _BARE_BOX.finditer(text, low)]
    return sorted(boxes, key=lambda box: box.outer_start), unclosed


_PAIRS = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("**", "**"), ("$", "$"), ("__", "__"), ("`", "`"),
          ("*", "*"), ('"', '"'), ("“", "”"))
_LEFT, _RIGHT = " \t\r\n\f\v:=≈\u00a0", " \t\r\n\f\v.,;:?。，；\u00a0"


def trim(text: str, start: int, end: int) -> Span:
    """The stretch without surrounding white space, `$`, `\\( \\)`, `\\[ \\]`, bold, quotes and end marks."""
    for _ in range(12):  # each round takes off one layer; no real value has as many
        before = start, end
        while start < end and text[start] in _LEFT:
            start += 1
        while end > start and text[end - 1] in _RIGHT:
            end -= 1
        is_open = text.count("**", start, end) == 1  # bold that began or ends outside the stretch
        if text.endswith("\\\\", start, end) or (is_open and text.endswith("**", start, end)):
            end -= 2
        elif is_open and text.startswith("**", start, end):
            start += 2
        for left, right in _PAIRS:
            inside = end - start - len(left) - len(right)
            if inside > 0 and text.startswith(left, start) and text.endswith(right, start, end) \
                    and left not in text[start + len(left):end - len(right)]:
                start, end = start + len(left), end - len(right)
                break
        if before == (start, end):
            break
    return Span(start, end)


_APPROXIMATELY = re.compile(
    r"\b(?:or|and|as|i\.e\.|which|that is|with)\b[^.!?\d]{0,40}?"
    r"(?:approx|about|roughly|around|equivalent|alternative|decimal|exact|simplified|numerical|nearly)|≈|"
    r"\\approx", re.I)
_JOINED = re.compile(r"\b(?:and|or|y|et|und|и|e|ou|oder|o)\b|^[\s$\\()\[\],;]*$")


def choose_box(text: str, boxes: list[Box], reason: str) -> Reading[str]:
    """The last box; the first of those joined by "or approximately"; none of two joined by "and"."""
    chosen = len(boxes) - 1
    while chosen > 0:
        between = text[boxes[chosen - 1].outer_end:boxes[chosen].outer_start]
        if len(between) > 120 or re.search(r"[.!?]\s+[A-Z]", between):
            break
        if not _APPROXIMATELY.search(between):
            if _JOINED.search(between) and _content(text, boxes[chosen - 1]) != _content(text, boxes[chosen]):
                return unread("several_answers", boxes[chosen - 1].start, boxes[chosen].end)
            break
        chosen -= 1
    box = boxes[chosen]
    return Reading(text[box.start:box.end], reason, box.start, box.end)


def _content(text: str, box: Box) -> str:
    return re.sub(r"\s+", "", text[box.start:box.end])


_VALUE = re.compile(r"""
    \\\((?P<round>.{1,300}?)\\\) | \\\[(?P<square>.{1,300}?)\\\] | \$\$(?P<double>.{1,300}?)\$\$
  | \$(?![\s$])(?P<dollar>[^$\n]{1,200}?)(?<!\s)\$(?!\d) | \*\*(?P<bold>[^*\n]{1,200})\*\*
  | (?P<plain>[^\n]{1,200})""", re.X | re.S)
_GAP = re.compile(r"[ \t]{0,20}(?:[*_]{1,3}(?=[\s:]))?[:=]?(?:[*_]{1,3}(?=\s))?[ \t]{0,20}"
                  r"(?:\r?\n[ \t>]{0,8}){0,2}"
                  r"(?:(?:approximately|about|roughly|around|exactly|simply|indeed|therefore|"
                  r"thus)[ \t]{1,4})?"
                  r"(?:(?:equal to|given by)[ \t]{1,4})?(?:≈|\\approx)?[ \t]{0,4}", re.I)
_END_OF_VALUE = re.compile(
    r"[.!?](?=[\s*\"')\]]|$)|;|,?\s(?:because|since|which|as|so|when|where|but|while|instead|rather|if|"
    r"not|for|assuming|after|due|hence|therefore)\b|,\s(?!(?:and\s)?[-−+]?[\d$\\({]|[a-z]\s*=)|"
    r"\s[(\[](?=[a-z]{3})|[。，；]")


def read_value(text: str, start: int, reason: str) -> Reading[str]:
    """The value stated from this place on, which may begin on the next line; formulas lose their frame.

    Words are a value only when they are few: "The answer is that we cannot know it ..." states none.
    """
    gap = _GAP.match(text, start)
    found = _VALUE.match(text, gap.end() if gap else start)
    if found is None:
        return unread("no_value", start, start)
    first, last = found.span(found.lastgroup or 0)
    if found.lastgroup == "plain":
        end = _END_OF_VALUE.search(text, first, last)
        last = end.start() if end else last
    first, last = trim(text, first, last)
    value = text[first:last]
    if not is_value(value):
        return unread("no_value", first, last)
    return Reading(value, reason, first, last)


_NO_VALUE_START = re.compile(r"(?:that|the|this|not|correct|incorrect|wrong|right|given|found|as|obtained|in|"
                             r"then|therefore|unfortunately|there|since|because|also|clearly|still|below|"
                             r"above|it|they|what|we)\b", re.I)


def is_value(value: str) -> bool:
    """Whether a stretch can be an answer: a number or formula with few words, or few words that do not
    begin a sentence."""
    n_words = len(re.findall(r"[^\W\d_]{2,}", re.sub(r"\\[a-zA-Z]+", " ", value)))
    if _NO_VALUE_START.match(value):
        return False
    if re.search(r"\d|\\|=", value):
        return n_words <= 10
    return any(c.isalnum() for c in value) and n_words <= 6
