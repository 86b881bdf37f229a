"""What a critique says of a response: its verdict, read in the forms critics really use.

In order, what speaks first decides: the last labelled conclusion ("Conclusion: wrong [END]", "Final
Judgement: incorrect", "结论:错误"), a boxed verdict, a question answered ("Is it correct? No"), other labels
("Assessment: correct"), and the closing statement about the whole solution. Praise of parts is no
verdict; a hedge, a contradiction, an echo of the prompt or a cut text is None with that reason.

Source: the form is that of Critique Fine-Tuning (arXiv 2501.17703); the variants were read in the
critiques of One-Shot CFT (arXiv 2506.03295) and MR-GSM8K (arXiv 2312.17080).

    >>> reading = read_verdict("Step 1 is right.\\n\\nConclusion: not right [END] (right is the other word)")
    >>> reading.value, reading.reason
    ('wrong', 'conclusion')

Reasons for None: empty, truncated_thinking, truncated, no_conclusion, echoed, hedged, contradictory, refused.
Not covered: grades ("7/10"), verdicts on single steps, languages but for the clear words of a few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cftdata.reading import Reading, find_boxes, fold, hide_thinking, remember, unread
from cftdata.sample import Verdict
from cftdata.stance import ECHO, Mention, find_contradiction, find_mentions, judge_words

__all__ = ["read_verdict"]

_SILENT = ("no_conclusion", "echoed")
_SECTION = 1500  # characters after a label in which its sentence is looked for
_TAIL = 20_000  # characters at the end in which an unlabelled conclusion is looked for

_END = re.compile(r"\[\s?/?END\s?\]|<\|?(?:END|endoftext|im_end|eot_id)\|?>|</s>", re.I)
_LABEL = re.compile(
    r"(?:conclusi(?:ons?|ón)|verdi(?:ct|kt)|judge?ment|assessment|evaluation|decision|result|opinion|"
    r"rating|determination|"
    r"answer[ _-]correctness|veredic?to|juicio final|dictamen final|conclusion finale|jugement|fazit|"
    r"urteil|schlussfolgerung|"
    r"вывод|заключение|вердикт|итог|conclusão|julgamento final)"
    r"(?:[\"'*_`\])）】\s]{0,6}(?:[:：=>|–—-]|is\b|es\b|est\b|ist\b|是)|"
    r"[^\S\n]{0,6}[*_`#】\]]{0,4}[^\S\n]{0,6}(?:\n|$)|,|"
    r"[ \t]{1,4}[*_`]{0,3}(?=right\b|wrong\b|correct\b|incorrect\b))|"
    r"(?:结论|結論|判断|判定|评判|まとめ|总结)(?:[\"'*_`\])）】\s]{0,6}[:：=–—-]|[^\S\n]{0,6}[*_#】]{0,4}\n|是|は|为|為)")
_NEEDS_FINAL = re.compile(r"judge?ment|assessment|evaluation|decision|result|opinion|rating|determination|"
                        r"answer")
_FINAL = re.compile(r"(?<![\w\\])(?:final|overall)[ _-]\Z", re.I)
_NO_LABEL = re.compile(r"(?:[^\W_]|\\|(?:student|solution|author)['’]s |\b(?:their|his|her|this|a) )\Z", re.I)
_WEAK_LABEL = re.compile(
    r"^[ \t#>*_\-\d.()]{0,12}(?:the )?(?:overall |final )?"
    r"(?:student['’]s )?(?:judge?ment|assessment|evaluation|decision|"
    r"correctness|result|status|label|grade|"
    r"solution|answer|response|final answer|answer correctness|solution correctness|critique)"
    r"(?: correctness| status)?[*_ \t]{0,4}[:：=\-–—]", re.I | re.M)
_ASKED = re.compile(
    r"\b(?:is|are|was)\b[^?\n]{3,80}\b(?:correct|right|valid|"
    r"accurate)\b[^?\n]{0,20}\?[\s*_)A:]{0,12}(?P<asked>yes|no)\b|"
    r"\b(?:is_?)?correct[\"'*_]{0,3}[ \t]{0,3}[:=][ \t\"'*_]{0,4}(?P<flag>true|false|yes|no)\b", re.I)
_REFUSED = re.compile(r"\s*(?:i['’]?m sorry|i am sorry|sorry|i apologi[sz]e|i can(?:['’]t|not)|"
                      r"i am unable|i['’]m unable|as an ai)\b", re.I)
_CONCLUDING = re.compile(r"(?:^|[.!?\n])[\s*_#>-]{0,8}(?:therefore|thus|hence|overall|so|in (?:conclusion|"
                        r"summary|short)|to (?:conclude|sum up)|"
                         r"finally|ultimately|consequently|in the end)\b[^.!?\n]{0,200}$", re.I)
_FORMULA = re.compile(r"\\\[.{0,300}?\\\]|\\\(.{0,300}?\\\)|\$[^$\n]{0,300}\$|\\boxed[^\n]{0,300}", re.S)


@remember
def read_verdict(critique: str) -> Reading[Verdict]:
    """The verdict of a critique; the span covers the words that say it, a negation included."""
    if not critique.strip():
        return unread("empty")
    voice = hide_thinking(fold(critique))
    ends = list(_END.finditer(voice.text))
    for n in range(len(ends) - 1, max(-1, len(ends) - 20), -1):
        # A critique ends at its last "Conclusion: ... [END]"; what follows is a note.
        reading = _read_labels(voice.text, ends[n - 1].end() if n else 0, ends[n].start())
        if reading.reason not in _SILENT:
            return reading
    if voice.truncated and not ends:
        return unread("truncated_thinking")
    reading = _read_part(voice.text, ends[0].start(), ended=True) if ends else unread("no_conclusion")
    if reading.reason in _SILENT:
        whole = _read_part(voice.text, len(voice.text), ended=False)
        reading = whole if whole.reason != "no_conclusion" else reading
    if reading.reason == "no_conclusion" and _REFUSED.match(voice.text):
        return unread("refused")
    return reading


def _read_part(text: str, end: int, ended: bool) -> Reading[Verdict]:
    """The verdict said before `end`, by whichever form speaks first."""
    echoed: Reading[Verdict] | None = None
    for read in (_read_labels, _read_box, _read_question, _read_weak_labels):
        reading = read(text, 0, end)
        if reading.reason not in _SILENT:
            return reading
        echoed = reading if reading.reason == "echoed" else echoed
    reading = _read_closing(text, end, ended)
    return echoed if echoed and reading.reason in ("no_conclusion", "truncated") else reading


def _read_labels(text: str, start: int, end: int) -> Reading[Verdict]:
    """The last labelled conclusion that says something."""
    silent: Reading[Verdict] = unread("no_conclusion")
    stop = end
    for label in _labels_from_the_end(text, start, end):
        reading = _read_label(text, label, min(stop, label.end() + _SECTION), end)
        if reading.reason not in _SILENT:
            return reading
        silent = reading if reading.reason == "echoed" else silent
        stop = label.start()
    return silent


def _labels_from_the_end(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """The labels, last first, at most 40 of a window: most critiques are decided in the first window."""
    high = end
    while high > start:
        low = max(start, high - _SECTION) if high == end else start
        for label in reversed(list(_LABEL.finditer(text, low, end))[-40:]):
            if label.start() < high and _is_label(text, label, start):
                yield label
        high = low


def _is_label(text: str, label: re.Match[str], start: int) -> bool:
    before = text[max(start, label.start() - 12):label.start()]
    if _NEEDS_FINAL.match(label[0]):
        return bool(_FINAL.search(before))
    return not _NO_LABEL.search(before) or (label.start() > start and "\u4e00" <= label[0][0] <= "\u9fff")


def _read_label(text: str, label: re.Match[str], stop: int, end: int) -> Reading[Verdict]:
    """What one label says: the word right after it, else the sentences of its section."""
    start = label.end()
    echo = ECHO.search(text, start, min(stop, start + 40))
    if echo and not re.search(r"\w", re.sub(r"\\?(?:boxed|text|textbf)\b", "", text[start:echo.start()])):
        start = echo.end()
        mention = judge_words(text, start, stop)
        return _settle(text, mention, end) if mention else unread("echoed", *echo.span())
    mention = judge_words(text, start, stop)
    if mention:
        return _settle(text, mention, end)
    # The label itself is handed on, so that "Conclusion is wrong" has its verb.
    return _weigh([m for m in find_mentions(text, label.start(), stop) if m.start >= start])


def _settle(text: str, mention: Mention, end: int) -> Reading[Verdict]:
    """The word after a label, unless the same breath or a later sentence says the opposite."""
    said = [m for m in find_mentions(text, mention.start, min(end, mention.end + _SECTION))
            if m.start >= mention.end and not m.hedged and m.verdict != mention.verdict
            and m.subject in ("whole", "alone") and not (
                # A right answer does not speak for a solution that was called wrong.
                mention.verdict == "wrong" and "answer" in text[m.start - 60:m.end + 20])]
    span = mention.start, mention.end
    breath = find_contradiction(text, mention, end)
    if breath:
        return unread("contradictory", mention.start, breath)
    if mention.hedged:
        return unread("hedged", *span)
    return unread("contradictory", mention.start, said[0].end) if said else \
        Reading(mention.verdict, "conclusion", *span)


def _weigh(mentions: list[Mention]) -> Reading[Verdict]:
    """What the sentences of a conclusion say together.

    A word alone in its sentence outranks the rest; then what is said of the whole. Praise of a part
    says nothing; blame of a part speaks against praise of the whole.
    """
    alone = [m for m in mentions if m.subject == "alone"]
    whole = [m for m in mentions if m.subject in ("whole", "none")] or \
        [m for m in mentions if m.subject == "pronoun"]
    blame = [m for m in mentions if m.subject == "part" and m.verdict == "wrong"]
    said = alone[-1:] or whole or blame
    if not said:
        return unread("no_conclusion")
    last = said[-1]
    firm = {m.verdict for m in said if not m.hedged}
    if len(firm) == 2 or (firm == {"right"} and not alone and any(not m.hedged for m in blame)):
        return unread("contradictory", said[0].start, max(last.end, *(m.end for m in blame), 0))
    if not firm or (firm == {"right"} and any(m.hedged for m in said)):
        hedge = next(m for m in said if m.hedged)
        return unread("hedged", hedge.start, hedge.end)
    spoken = next(m for m in reversed(said) if not m.hedged)
    return Reading(spoken.verdict, "conclusion_sentence", spoken.start, spoken.end)


def _read_box(text: str, start: int, end: int) -> Reading[Verdict]:
    """A boxed verdict; a boxed number says nothing here."""
    for box in reversed(find_boxes(text[:end])[-5:]):
        if ECHO.search(text, box.start, box.end):
            return unread("echoed", box.start, box.end)
        mention = judge_words(text, box.start, box.end)
        if mention and not re.search(r"\w", text[mention.end:box.end]):
            return unread("hedged", box.start, box.end) if mention.hedged else \
                Reading(mention.verdict, "boxed", mention.start, mention.end)
    return unread("no_conclusion")


def _read_question(text: str, start: int, end: int) -> Reading[Verdict]:
    """A question about correctness that the critique asks and answers, or a flag."""
    asked = list(_ASKED.finditer(text, max(start, end - _TAIL), end))
    if not asked:
        return unread("no_conclusion")
    last = asked[-1]
    name = last.lastgroup or ""
    if ECHO.match(text, last.start(name)):
        return unread("echoed", *last.span(name))
    verdict: Verdict = "right" if last[name].lower() in ("yes", "true") else "wrong"
    return Reading(verdict, "question", *last.span(name))


def _read_weak_labels(text: str, start: int, end: int) -> Reading[Verdict]:
    """Labels that may also stand at single steps: they count when all say the same."""
    said = []
    for label in list(_WEAK_LABEL.finditer(text, max(start, end - _TAIL), end))[-20:]:
        echo = ECHO.search(text, label.end(), min(end, label.end() + 12))
        mention = None if echo else judge_words(text, label.end(), end)
        if mention and re.match(r"[^\w\n]{0,8}(?:[.!;(\n]|$)", text[mention.end:mention.end + 12]):
            said.append(mention)
    if not said:
        return unread("no_conclusion")
    if any(m.hedged for m in said):
        return unread("hedged", said[-1].start, said[-1].end)
    if len({m.verdict for m in said}) == 2:
        return unread("contradictory", said[0].start, said[-1].end)
    return Reading(said[-1].verdict, "label", said[-1].start, said[-1].end)


def _read_closing(text: str, end: int, ended: bool) -> Reading[Verdict]:
    """The last statement about the whole solution, where no label says anything."""
    low = max(0, end - _TAIL)
    mentions = find_mentions(text, low, end)
    rest = [m for m in mentions if m.subject == "alone" and not re.search(r"\w", text[m.end:end])]
    whole = [m for m in mentions if m.subject == "whole"]
    if rest:
        return _weigh(rest)
    if not ended and _is_cut(text[low:end].rstrip(), mentions[-1].end - low if mentions else 0):
        return unread("truncated")
    if not whole:
        return unread("no_conclusion")
    last = whole[-1]
    near = [m for m in mentions if m.start <= last.start and _is_one_sentence(text[m.end:last.start])]
    near += [m for m in mentions if m.start > last.start and _is_one_sentence(text[last.end:m.start])]
    reading = _weigh([m for m in near if m.subject in ("whole", "part")])
    if reading.value == "right" and not _closes(text, last, end):
        return unread("no_conclusion")  # praise on the way, before the critique is over
    others = mentions if reading.value == "right" else whole
    against = any(not m.hedged and m.verdict != reading.value for m in others)
    if reading.value and against and (reading.value == "right" or not _closes(text, last, end)):
        return unread("contradictory", last.start, last.end)
    return replace(reading, reason="closing_sentence") if reading.value else reading


def _is_one_sentence(between: str) -> bool:
    return len(between) < 200 and not re.search(r"[.!?](?=\s|$)|\n", between)


def _closes(text: str, mention: Mention, end: int) -> bool:
    """Whether a statement stands in the last paragraph, before formulas only, or says that it concludes."""
    rest = _FORMULA.sub(" ", text[mention.end:end])
    return "\n\n" not in rest.strip() or len(re.findall(r"[^\W\d_]{2,}", rest)) < 12 or \
        bool(_CONCLUDING.search(text[max(0, mention.start - 240):mention.start]))


def _is_cut(text: str, mentioned: int) -> bool:
    """Whether a text stops in the middle of a sentence, after the last word that judges."""
    bare = text.rstrip("*_ \n-—#")
    if not bare or mentioned >= len(bare):
        return False
    return bare[-1] in ",=+-/(\\{&<" or (bare[-1].isalpha() and not re.search(r"[\d}$)]", bare[-25:]))
