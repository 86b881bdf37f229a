r"""In whose voice a place of a critique speaks: is it asserted, endorsed, refuted, quoted, supposed.

    >>> text = "The student writes 5 + 3 = 9, but that is wrong."
    >>> judge_voice(text, 19, 28, "wrong")
    'refuted'
    >>> judge_voice("The student correctly computes 5 + 3 = 9.", 31, 40, "right")
    'endorsed'

Judgement is looked for around the place: in its sentence, then in what follows up to the next heading or
equation of its own. What is only reported of the response is endorsed when the critique calls the whole
response right. Source: our own rules; words that judge come from `stance`. Not covered: irony.
"""

from __future__ import annotations

import re
from typing import Literal

from cftdata.sample import Verdict
from cftdata.stance import find_mentions

Voice = Literal["asserted", "endorsed", "refuted", "quoted", "supposed"]

MAX_BEFORE = 400
MAX_AFTER = 260

_SENTENCE_END = re.compile(r"[.!?](?=[\s*)\"\]])|\n[ \t]*\n|\n(?=\s*(?:#|[-*•]\s|\d+[.)]\s|step\b))", re.I)
_SECTION = re.compile(
    r"\n\s*(?:#{1,6}\s|-{3,}|\*{3,}|\*\*(?:step|\d)|(?:step|part)\s+\d|[*#\s]*(?:final\s+)?(?:conclusion|verdict|judge?ment)\b)|\b(?:conclusion|verdict|judge?ment)\s*:",
    re.I,
)
_REFUTING = re.compile(
    r"\b(?:incorrect(?:ly)?|wrong(?:ly)?|mistaken(?:ly)?|erroneous(?:ly)?|errors?|mistakes?|false(?:ly)?|invalid|"
    r"inaccurate|miscalculat\w+|misread\w*|instead of|rather than|should(?:n['’]t| not)? (?:be|have|equal)|"
    r"must be|"
    r"does(?:n['’]t| not)|do(?:n['’]t| not)|did(?:n['’]t| not)|is(?:n['’]t| not)|are(?:n['’]t| not)|"
    r"was(?:n['’]t| not)|cannot|can['’]t|not equal|not true|not exactly|contradict\w*|impossible|unless|"
    r"flaw\w*|fail\w*|unjustified|confus\w+|problem(?:atic)?\b(?! statement)|issue)\b|≠|\\\\neq?\b|[✗✘❌]",
    re.I,
)
_TURNING = re.compile(
    r"\b(?:but|however|actually|in fact|in reality|whereas|yet|though|unfortunately|wait|"
    r"hmm)\b",
    re.I,
)
# "... goes wrong: the value should be 14 / 2 = 8": what follows is the critic's own
_OWN = re.compile(
    r"\b(?:(?:should|must|would) (?:actually |instead |really )?(?:be|have been|equal|read|give)|"
    r"the (?:correct|right|true|actual) \w+ (?:is|are|gives?)|in fact|in truth)\b[:,\s$\\(*]{0,8}$",
    re.I,
)
_SPEAKS_ON = re.compile(
    r"[\s*_>\-•)\]\\$]{0,12}(?:this|that|it|which|these|but|however|actually|wait|no\b|not\b|yet|in fact|"
    r"in reality|"
    r"incorrect|wrong|false|error|mistake|(?:a )?contradiction|absurd|impossible|correct\b|"
    r"the (?:error|mistake|calculation|computation|"
    r"step|equation|"
    r"student|correct|value|actual|cube root|square root)|here|so\b|let|[-=≈\\\d(∛√✗✘❌])",
    re.I,
)
_CORRECTING = re.compile(
    r"\b(?:the )?correct (?:value|answer|calculation|result|computation|solution)\b", re.I
)
_ATTRIBUTED = re.compile(
    r"\b(?:student|(?<!correct )(?<!correct\*\* )solution|response|solver|author|they|he|she|"
    r"answer given|given answer|model)(?:['’]s)?\b|"
    r"\b(?:claim|state|write|wrote|conclud|assert|report)\w*\b",
    re.I,
)
# "2048 = 8^3?" asks; "= 161.29, times 12.7" goes on in words
_UNFINISHED = re.compile(r"[\s\\)\]$]{0,6}(?:\?|,?\s*(?:times|plus|minus|multiplied|divided)\b)", re.I)
_WHETHER = re.compile(
    r"\b(?:if|whether|suppose|supposing|assum\w+|would|could|try|trying|test|testing)\b[^.;:!?]{0,40}$", re.I
)
_SUPPOSED = re.compile(
    r"\b(?:if|suppose|supposing|assum\w+|were|would|let['’]?s|try|trying|testing|test|whether|when|"
    r"plug\w*|check|checking|verify|verifying|for example|e\.g\.|say)\b[^.;!?]{0,60}$",
    re.I,
)


def judge_voice(
    text: str, start: int, end: int, verdict: Verdict | None, *, is_theirs: bool = False
) -> Voice:
    """The voice of text[start:end]; verdict is what the critique says of the whole response.

    is_theirs: whether the response says the same, so that the critique may only repeat it.
    """
    sentence, before, after = _around(text, start, end)
    lead = text[sentence:start]
    if _WHETHER.search(lead) or _UNFINISHED.match(text, end):
        return "supposed"
    if _is_quoted(text, sentence, start):
        return "endorsed" if verdict == "right" else "quoted"
    if _OWN.search(lead):
        return "asserted"
    near = _near(after)
    if _REFUTING.search(lead) or _REFUTING.search(near) or _TURNING.search(near):
        return "refuted"
    if verdict != "right" and _CORRECTING.search(near):
        return "refuted"
    judged = _judgement(lead, after)
    if judged == "wrong":
        return "refuted"
    reported = is_theirs or _ATTRIBUTED.search(lead) or _ATTRIBUTED.search(before)
    if judged == "right":
        return "endorsed" if reported else "asserted"
    if reported:
        return "endorsed" if verdict == "right" else "quoted"
    return "asserted"


_CLAUSE = re.compile(
    r"[,;:](?=\s)|\b(?:because|since|as|so|but|while|whereas|however|and|hence|thus|therefore)\b", re.I
)
_ACCORDING = re.compile(
    r"\b(?:according to|per|in|by|for|following|with|on|from) (?:the |their |his |her )?(?:student|solution|"
    r"response|solver|author|work|answer|calculation)\w*|"
    r"\b(?:student|solution|response|solver)(?:['’]s \w+)?\s*:",
    re.I,
)


def speaks_for_itself(text: str, start: int, end: int) -> bool:
    """Whether the clause around text[start:end], taken alone, is the critique's own: nothing in it denies
    what it says, or has it from the response."""
    sentence = _sentence_start(text, start)
    lead = text[sentence:start]
    if _is_quoted(text, sentence, start) or _WHETHER.search(lead) or _ACCORDING.search(lead):
        return False
    clause = lead[max((stop.end() for stop in _CLAUSE.finditer(lead)), default=0) :]
    stop = _CLAUSE_END.search(text, end)
    rest = text[end : min(end + 80, stop.start()) if stop else end + 80]
    return not any(
        words.search(part) for words in (_ATTRIBUTED, _REFUTING) for part in (clause, rest)
    ) and not (_UNFINISHED.match(text, end) or _TAKEN_BACK.search(text, end, end + 120))


_TAKEN_BACK = re.compile(
    r"\b(?:wait|hmm|actually|scratch (?:that|this)|oops|let me (?:re|double|try|check|correct)|correction|"
    r"no,|sorry|i (?:mis|was wrong|made))|\?",
    re.I,
)
_CLAUSE_END = re.compile(r"[,;.!?:](?=\s|$)|\n|\s[(\[–—]|\b(?:but|while|whereas|so|and|not)\b", re.I)


def _is_quoted(text: str, sentence: int, start: int) -> bool:
    """Whether it stands in quotation marks that opened in its sentence, or in a quoted block."""
    line = text.rfind("\n", 0, start) + 1
    lead = text[max(sentence, line) : start]
    return (
        text[line:start].lstrip().startswith(">")
        or lead.count('"') % 2 == 1
        or lead.count("“") > lead.count("”")
    )


def _near(after: str) -> str:
    """What is still said of the equation: its sentence, and what goes on to speak of it."""
    end = _SENTENCE_END.search(after)
    if end is None:
        return after
    rest = after[end.end() :]
    return after if _SPEAKS_ON.match(rest) else after[: end.start()]


def is_supposed(text: str, start: int) -> bool:
    """Whether the sentence up to here puts a case ("if V = 12", "checking x = 3")."""
    return _SUPPOSED.search(text[_sentence_start(text, start) : start]) is not None


def _sentence_start(text: str, start: int) -> int:
    low = max(0, start - MAX_BEFORE)
    ends = [found.end() for found in _SENTENCE_END.finditer(text, low, start)]
    return ends[-1] if ends else low


def _around(text: str, start: int, end: int) -> tuple[int, str, str]:
    """Where the sentence begins; the paragraph before it; what follows, up to where another thing begins."""
    sentence = _sentence_start(text, start)
    low = max(0, start - MAX_BEFORE)
    sections = [found.end() for found in _SECTION.finditer(text, low, sentence)]
    before = text[sections[-1] if sections else low : sentence]
    section = _SECTION.search(text, end, end + MAX_AFTER)
    return sentence, before, text[end : section.start() if section else end + MAX_AFTER]


def _judgement(lead: str, after: str) -> Verdict | None:
    """What the words around say of it: those before in its sentence, else the first behind it."""
    mentions = find_mentions(lead)
    if mentions:
        return mentions[-1].verdict
    if re.search(r"\b(?:correctly|rightly|accurately|properly|successfully|validly)\b|[✓✔✅]", lead, re.I):
        return "right"
    following = find_mentions(after)
    return following[0].verdict if following else None
