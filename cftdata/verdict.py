"""What a critique says: its verdict, the first error step it names, and the answer it puts in place.

Steps are returned 0-based: "First Error Step: 3" is 2. Critics count steps from 1 unless their text has
a "Step 0"; paragraphs are counted from 0 as in ProcessBench (arXiv 2412.06559), but only where the text
shows it (a paragraph 0, `<paragraph_2>`, an index). -1 says that every step is right.

Source: MR-GSM8K (arXiv 2312.17080) for "First Error Step"; ProcessBench for the boxed index.

    >>> critique = "Step 1 is fine. Step 2 is incorrect. The correct answer is 12. Conclusion: wrong"
    >>> read_first_error_step(critique).value, read_corrected_answer(critique).value
    (1, '12')

Not covered: steps named by what they do ("the substitution"); "the last step"; answers in words only
where they are more than a few words; which of several own answers a critique means if it gives no box.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice

from cftdata.conclusion import read_verdict
from cftdata.reading import (
    Box,
    Reading,
    choose_box,
    find_boxes,
    fold,
    hide_thinking,
    is_value,
    read_value,
    remember,
    trim,
    unread,
)
from cftdata.sample import Verdict
from cftdata.stance import judge_words

__all__ = ["read_corrected_answer", "read_first_error_step", "read_verdict"]

_NUMBERS = {word: n for n, words in enumerate((
    (), ("one", "first", "1st"), ("two", "second", "2nd"), ("three", "third", "3rd"),
    ("four", "fourth", "4th"),
    ("five", "fifth", "5th"), ("six", "sixth", "6th"), ("seven", "seventh", "7th"),
    ("eight", "eighth", "8th"),
    ("nine", "ninth", "9th"), ("ten", "tenth", "10th"))) for word in words}
_N = rf"(?P<n>-?\d{{1,3}}(?![\d]|\.\d)|(?:{'|'.join(_NUMBERS)})\b)"
_WRONG = r"(?:incorrect|wrong|erroneous|mistaken|false|faulty|flawed|error|invalid)"
_UNIT = r"(?P<unit>steps?|paragraphs?|lines?)"
_NAMED = rf"{_UNIT}[\s_*#:]{{0,4}}(?:number |no\.? ?|index )?[*_(]{{0,3}}{_N}"
_STEP = rf"(?:the )?[*_`\"'(\[<]{{0,4}}{_NAMED}"
_ORDINAL = rf"(?:the )?(?P<n>{'|'.join(w for w in _NUMBERS if w[-2:] in ('st', 'nd', 'rd', 'th'))}) {_UNIT}"
_EXPLICIT = re.compile(
    r"(?:first|earliest)[ _-](?:error|mistake|incorrect|wrong|erroneous)[ _-]?(?P<unit>step|paragraph|"
    r"line)?(?: (?:number|index|location))?"
    r"[\s\"*_`]{0,6}[:=][\s\"*_`]{0,6}(?:(?:at |in )?(?:the )?[*_]{0,2}(?:step|paragraph|line)[ _]?)?#?"
    rf"(?:{_N}|(?P<none>n/?a|none|null|no error|not applicable|nil|-)(?!\w))")
_FAULT = rf"(?:{_WRONG}|errors?|mistakes?|flaws?|slips?|missteps?|blunders?|oversights?|problems?)"
_IN = r"(?:in|at|on|with|within|during|from)"
_PLACE = rf"(?:{_STEP}|{_ORDINAL.replace('?P<n>', '?P<nth>').replace('?P<unit>', '?P<kind>')})"
_FIRST = (
    re.compile(rf"first (?:\w+ )?(?:{_WRONG}|mistake)[\w' ]{{0,40}}? (?:in|at|on|with|within|during|from|"
               rf"is|:) {_STEP}"),
    re.compile(rf"first {_WRONG} step (?:is|was|occurs at|appears as) {_STEP}"),
    re.compile(rf"{_NAMED}[*_]{{0,3}},? (?:is|contains|has|was|makes|introduces) (?:where )?(?:the )?"
               rf"(?:student makes (?:the|their) )?first (?:\w+ )?(?:{_WRONG}|mistake)"),
    re.compile(rf"{_FAULT} (?:\w+ ){{0,3}}?first (?:appears?|occurs?|arises?|shows? up|made|happens?|enters?|"
               rf"comes?|emerges?) {_IN} {_PLACE}"),
    re.compile(rf"(?:goes|went|going|go) (?:wrong|astray|awry|off track|off the rails) (?:first )?{_IN} "
               rf"{_PLACE}"),
    re.compile(rf"(?:reasoning|argument|solution|logic|proof|derivation|work|student) (?:first )?"
               rf"(?:breaks down|fails|falls apart|derails) {_IN} {_PLACE}"),
    re.compile(rf"first (?:\w+ )?(?:{_WRONG}|mistake)[\w' ]{{0,40}}? (?:in|at|is) {_ORDINAL}"),
    re.compile(rf"(?:error|mistake|flaw|slip|misstep|blunder)s?[\w' ]{{0,30}}? "
               rf"(?:in|at|is in|with|during|from) {_PLACE}"),
)
_CALLED = re.compile(
    rf"{_NAMED}(?:[ ,-]|and|to|–){{0,6}}(?P<last>\d{{1,3}})?[*_\"'`)>\]]{{0,4}}(?:\s?\([^)\n]{{0,60}}\))?"
    rf"(?P<colon>[ \t]?[:.–—-])?[*_ \t]{{0,6}}(?=(?P<said>[^.\n]{{0,160}}))")
_MAKES = re.compile(
    rf"^(?:(?:it|this|which|student|the student|they|he|she|the solution|the model|also|then)\W+){{0,3}}"
    rf"(?:(?:is|are|was|were|seems|appears)(?: also| clearly| mathematically| completely| therefore|"
    rf" not)? (?:{_WRONG}|the (?:{_WRONG}|mistake)|an? (?:{_WRONG}|mistake)|(?P<neg>correct|right|valid|"
    rf"accurate))\b|"
    rf"(?:ma(?:kes?|de)|contains?|ha[sd]|introduces?|introduced|includes?|commits?|committed|uses?|"
    rf"used) (?:an?|the|some|several|two|another)? ?(?:\w+ )?(?:{_WRONG}|mistake|slip|misstep|blunder)|"
    rf"is where [^.\n]{{0,40}}?(?:wrong|{_WRONG}|mistake|astray|awry|off track)\b|"
    rf"(?:incorrectly|wrongly|mistakenly|erroneously|miscalculate[sd]?|misinterprets?|misread|misapplies|"
    rf"fails?\b|goes wrong|went wrong)|"
    rf"{_WRONG}\b)")
_ALL_RIGHT = re.compile(r"\b(?:all|each|every)(?: of)?(?: the| their| its|"
                        r" (?:\w+['’]s?))?(?: \w+){0,2} steps?[^.\n]{0,40}? (?:is|are|was|were|seems?|"
                        r"appears?) "
                        r"(?:\w+ )?(?:correct|right|valid|accurate|sound)\b|\bno steps? (?:is|are|was|were) "
                        r"(?:wrong|incorrect)\b|\bno (?:errors?|"
                        r"mistakes?) (?:(?:was|were|are|is) (?:found |made )?)?in any (?:of the )?steps?\b")
_SUPPOSED = re.compile(r"\b(?:if|whether|would|should|might|may|could|not|no|any|without)\b[^.;\n]{0,60}$")


@remember
def read_first_error_step(critique: str) -> Reading[int]:
    """The first wrong step a critique names, 0-based; -1 when it says that all are right; else None.

    Reasons for None: not_stated, unclear_base (steps counted from 0 or from 1?), steps_disagree,
    contradicts_verdict, and those of an unread text (empty, truncated_thinking).
    """
    if not critique.strip():
        return unread("empty")
    voice = hide_thinking(fold(critique))
    if voice.truncated:
        return unread("truncated_thinking")
    text, verdict = voice.text, read_verdict(critique).value
    explicit = list(_EXPLICIT.finditer(text))
    if explicit:
        return _read_explicit(text, explicit[-1], verdict)
    index = _read_boxed_index(text)
    if index:
        return index
    for pattern in _FIRST:
        named = pattern.search(text)
        if named and not _SUPPOSED.search(text[max(0, named.start() - 60):named.start()]):
            return _zero_based(text, named, "named_first")
    return _read_called_wrong(text, verdict)


def _read_explicit(text: str, named: re.Match[str], verdict: Verdict | None) -> Reading[int]:
    """A field "First Error Step: n"; none, N/A and 0 say that there is no wrong step."""
    span = named.span("n" if named["n"] else "none")
    if named["none"] or (named["n"] in ("-1", "0") and not _counts_from_zero(text, named["unit"] or "step")):
        if named["n"] == "0" and verdict != "right":
            return unread("unclear_base", *span)
        if verdict != "right":
            return unread("contradicts_verdict", *span)
        return Reading(-1, "explicit_none", *span)
    return Reading(-1, "explicit", *span) if named["n"] == "-1" else _zero_based(text, named, "explicit")


def _read_boxed_index(text: str) -> Reading[int] | None:
    """ProcessBench asks for the 0-based index of the paragraph in a box, -1 when there is none."""
    if not re.search(r"\bindex\b|paragraph[ _]\d|<paragraph", text):
        return None
    for box in find_boxes(text)[-1:]:
        number = re.fullmatch(r"(?:\\text\{)?(?:paragraph[ _])?(-1|\d{1,3})\}?", text[box.start:box.end])
        if number:
            return Reading(int(number[1]), "boxed_index", box.start, box.end)
    return None


def _counts_from_zero(text: str, unit: str) -> bool:
    unit = unit.rstrip("s")
    return bool(re.search(rf"(?<!error ){unit}[ _]0\b(?!\.)", text)) or (unit == "paragraph" and bool(
        re.search(r"paragraph_\d|\bindex\b", text)))


def _number(named: re.Match[str]) -> int:
    said = named["n"] or named["nth"]
    return _NUMBERS.get(said) or int(said)


def _unit(named: re.Match[str]) -> str:
    groups = named.groupdict()
    return str(groups.get("unit") or groups.get("kind") or "step")


def _zero_based(text: str, named: re.Match[str], reason: str) -> Reading[int]:
    """The step that a match names, counted from 0."""
    n = _number(named)
    unit, span = _unit(named), (named.start(), named.end())
    if _counts_from_zero(text, unit):
        return Reading(n, reason, *span) if n >= 0 else unread("unclear_base", *span)
    if n < 1 or unit.startswith("paragraph"):
        return unread("unclear_base", *span)
    return Reading(n - 1, reason, *span)


def _read_called_wrong(text: str, verdict: Verdict | None) -> Reading[int]:
    """The first step that is called wrong, where critics go through the steps one by one."""
    called = [named for named in islice(_CALLED.finditer(text), 400) if _is_called_wrong(text, named)]
    all_right = _ALL_RIGHT.search(text)
    if not called:
        if all_right and verdict == "right":
            return Reading(-1, "all_steps_right", *all_right.span())
        return unread("not_stated")
    if verdict == "right":
        return unread("contradicts_verdict", *called[0].span("n"))
    if min(_number(named) for named in called) < _number(called[0]):
        return unread("steps_disagree", *called[0].span())
    return _zero_based(text, called[0], "called_wrong")


def _is_called_wrong(text: str, named: re.Match[str]) -> bool:
    """Whether the words after a step's name call it wrong."""
    before = text[max(0, named.start() - 60):named.start()]
    if _SUPPOSED.search(before) or re.search(r"#+ *[*_]{0,2}$", before):
        return False  # a heading is the critique's own step as often as the response's
    said = named["said"].lstrip("*_ ,:")
    if named["colon"]:
        judged = judge_words(said, 0, len(said))
        if judged:
            return judged.verdict == "wrong" and not judged.hedged
    made = _MAKES.match(said)
    if made is None:
        return False
    return not made["neg"] or " not " in made[0]


_STUDENT_SAYS = re.compile(
    r"\b(?:steps? \d{1,3}|student|solution|solver|response|model|author|they|he|"
    r"she)(?:['’]s?)?\b[^.\n]{0,80}?\b(?:answers?|result|conclud\w*|claim\w*|stat\w+|got|gets?|giv\w+|"
    r"wrote|writes?|box\w*|obtain\w*|arriv\w*|present\w*|provid\w*|found|finds?|calculat\w*|say\w*|"
    r"simplif\w*|boxed)\b|\b(?:instead of|rather than|not|given answer|claimed|"
    r"their (?:final )?answer)\b", re.I)
_STUDENTS = re.compile(r"\b(?:student|solution|solver|response|author)['’]s (?:[\w-]+ ){0,3}[\s$\\(*]*$",
                       re.I)
_OWN_WORDS = re.compile(r"\b(?:should|correct|actual|actually|right answer|proper|true|must|we (?:get|"
                        r"have|find|obtain)|therefore|thus|so,?)\b", re.I)
_IS_DENIED = re.compile(r"[\s$\\)\]*}.]{0,8}(?:[\w ]{0,30} )?(?:is|are|was|being) (?:not (?:correct|right|"
                        r"equal)|incorrect|wrong|false|inaccurate)|"
                        r"[\s$\\)\]*}]{0,8}instead of", re.I)
_CORRECTED = re.compile(
    r"\bcorrect(?:ed)? (?:final |numerical |exact )?(?:answer|result|solution|choice|"
    r"option)[*_]{0,3}(?: for [^.\n:]{1,60}?| to [^.\n:]{1,60}?)? ?"
    r"(?:(?:should be|would be|must be|is|was|:|=|≈)[*_]{0,3})(?!n['’]t| (?:in|not|that|incorrect|correct|"
    r"wrong|right)\b)|"
    r"\b(?:final )?answer(?: to the problem| here)? (?:should|must|ought to) (?:actually |instead |"
    r"have )?(?:be(?:en)?|equal|read)\b"
    r"(?! (?:written|expressed|given|in|left|rounded|simplified)\b)")
_CONFIRMED = re.compile(r"\banswer(?: of)?,? (?P<value>\$[^$\n]{1,80}\$|[({\[][^(){}\n]{1,60}[)}\]]|"
                        r"[^\n,;]{1,80}?),? "
                        r"(?:is|was) (?:\w+ )?(?:correct|"
                        r"right|accurate|exact|valid)\b")
_STATED = re.compile(r"\b(?:final )?answer (?:is|=)(?!n['’]t| (?:in|not|correct|wrong|right|also|indeed|"
                     r"therefore|thus)\b)|\bfinal answer[*_]{0,3}[ \t]?:|"
                     r"^[ \t#*_>]{0,8}(?:\d\.\s)?(?:correct(?:ed)? |"
                     r"final )answer[*_ \t]{0,4}:?[*_ \t]{0,4}\n|\banswer:", re.M)


_WORKED_OUT = re.compile(
    r"\banswer (?:then |now |therefore |thus |actually |instead |really )?(?:becomes|comes (?:out )?(?:to|"
    r"as|at)|"
    r"works out (?:to|as|at)|turns out to be|ought to have been|would (?:then |therefore |instead |"
    r"actually )?"
    r"(?:be|have been|become))\b(?! (?:written|expressed|given|in|left|rounded|simplified|wrong|incorrect|"
    r"not)\b)|"
    r"\b(?:carr(?:ied|ying)|follow(?:ed|ing)|work(?:ed|ing)|continu(?:ed|ing)|tak(?:en|ing)) "
    r"[^.\n\d=]{0,30}?(?:\bthrough\b|\bto the end\b|\bforward\b)[^.\n\d=]{0,40}?\b(?:gives?|yields?|"
    r"leads? to|"
    r"results? in|arrives? at|gets?|obtains?|produces?|makes?)\b|"
    r"\bshould (?:instead |therefore |actually )?have (?:ended (?:up )?with|answered|concluded with|boxed)\b")
_UNREAL = re.compile(r"\b(?:if|had|assum\w+|suppos\w+|under|were|even|without)\b", re.I)
_IN_PLACE = re.compile(r"\b(?:using|taking|with|by|for)\b.{0,60}\b(?:in place of|instead of|rather than)\b",
                       re.I)
_PROPER = re.compile(r"\b(?:correct(?:ly|ed)?|right|proper(?:ly)?|true|actual)\b", re.I)
_LIST_ITEM = re.compile(r"[-*•+]\s+[^\W\d]{2}|\d{1,2}\.\s")
_LISTED = re.compile(r"\n[ \t>]*(?:[-*•+]|\d{1,2}[.)])[ \t]")
_SUM = re.compile(r"[\d\s.,+*/×·÷()$€£%−-]*[+*/×·÷−-][\d\s.,+*/×·÷()$€£%−-]*=\s*(?=\S)")


@remember
def read_corrected_answer(critique: str) -> Reading[str]:
    """What a critique says the answer is: its last box that does not quote the response, else "the
    correct answer is X". A critique that finds the response right restates its answer.

    Reasons for None: not_stated, only_students_answer, several_answers, empty, truncated_thinking.
    """
    if not critique.strip():
        return unread("empty")
    voice = hide_thinking(critique)
    if voice.truncated:
        return unread("truncated_thinking")
    text, verdict = voice.text, read_verdict(critique).value
    boxes = [box for box in find_boxes(text)[-50:] if not judge_words(text, box.start, box.end)]
    own = boxes if verdict == "right" else [box for box in boxes if not _quotes_student(text, box)]
    if own:
        return choose_box(text, own, "boxed")
    low = fold(text)
    for pattern in (_CORRECTED, _WORKED_OUT, _STATED):
        for stated in reversed(list(pattern.finditer(low))[-20:]):
            if not _is_own_statement(text, stated, pattern, verdict):
                continue
            reading = read_value(text, stated.end(), "worked_out" if pattern is _WORKED_OUT else "stated")
            if reading.value is not None and re.search(r"[\d\\]|^[A-J]$|^\([A-J]\)$", reading.value) and \
                    not _LIST_ITEM.match(reading.value) and \
                    not _LISTED.search(text, stated.end(), reading.start + 2):
                return _take_result(text, reading)
    confirmed = list(_CONFIRMED.finditer(low)) if verdict == "right" else []
    if confirmed:
        start, end = trim(text, *confirmed[-1].span("value"))
        if re.search(r"\d", text[start:end]) and is_value(text[start:end]):
            return Reading(text[start:end], "confirmed", start, end)
    return unread("only_students_answer", boxes[-1].start, boxes[-1].end) if boxes else unread("not_stated")


def _take_result(text: str, reading: Reading[str]) -> Reading[str]:
    """Of "22 + 2 = 24" the 24."""
    worked = _SUM.match(reading.value or "")
    if worked is None:
        return reading
    start, end = trim(text, reading.start + worked.end(), reading.end)
    return replace(reading, value=text[start:end], start=start) if start < end else reading


def _is_own_statement(text: str, stated: re.Match[str], pattern: re.Pattern[str],
                      verdict: Verdict | None) -> bool:
    """Whether an answer is stated in the critique's own name, and not of a case it only supposes."""
    if pattern is _CORRECTED:
        return True
    if pattern is _STATED:
        return verdict == "right" or not _says_student(text, stated.end())
    before = re.split(r"[.!?](?=\s)|\n", text[max(0, stated.start() - 160):stated.end()])[-1]
    is_supposed = (_UNREAL.search(before) or _IN_PLACE.search(before)) and not _PROPER.search(before)
    return not is_supposed and not ("should" not in stated[0] and _says_student(text, stated.end()))


def _quotes_student(text: str, box: Box) -> bool:
    """Whether a box repeats what the response answers, which a critique calls wrong."""
    return bool(_IS_DENIED.match(text, box.outer_end, min(len(text), box.outer_end + 80))) or \
        _says_student(text, box.outer_start)


def _says_student(text: str, at: int) -> bool:
    """Whether the words just before put what follows in the student's mouth."""
    before = re.split(r"[.!?;](?=\s)|\n[ \t]*\n|\n[ \t]*[-*#•]", text[max(0, at - 160):at])
    said = next((part for part in reversed(before) if re.search(r"\w", part)), "")
    quoted = list(_STUDENT_SAYS.finditer(said))
    own = re.search(r"\bshould\b", said) or (quoted and _OWN_WORDS.search(said, quoted[-1].end()))
    return bool(_STUDENTS.search(said)) or (bool(quoted) and not own)
