"""Whether a critique's explanation says the same as its conclusion. It abstains rather than guess.

Read are the critique's own words before its last [END], its conclusion and its thinking left out. Praise
of a part never stands against `wrong`; a slip called minor, a first impression and a word taken back never
stand against anything; words on both sides are `mixed`.

    pass      consistent
    fail      explanation_says_right (the conclusion is wrong; the whole, or every step, is called right and
              nothing is blamed), explanation_says_wrong (the conclusion is right; an error is named, or the
              whole called wrong, and the whole is nowhere called right)
    abstain   no_critique, verdict_unread, too_long, nothing_whole_said, mixed

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> critique = Critique(text="The error is in step 3: 2+2 is not 5.\\nConclusion: right", verdict="right")
    >>> said = ConsistencyVerifier()(Sample.of(Query(text="?"), Response(text="5"), critique))
    >>> said.reason, said.evidence.text
    ('explanation_says_wrong', 'The error is in step 3: 2+2 is not 5')

Not covered: contradictions within the explanation, and languages but English.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from cftdata.conclusion import read_verdict
from cftdata.reading import fold, hide_thinking
from cftdata.sample import Critique, Evidence, Outcome, Response, Sample, Verdict, Verification
from cftdata.stance import Mention, find_mentions
from cftdata.text import read_steps

__all__ = ["ConsistencyVerifier"]

MAX_CHARS = 100_000
MAX_MORE = 10

_END = re.compile(r"\[\s?/?END\s?\]", re.I)


@dataclass(frozen=True, slots=True)
class ConsistencyVerifier:
    """`(sample) -> Verification`; see the module."""

    name: str = "consistency"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        outcome, reason, places = _judge(sample.critique, sample.response)
        quotes = [_quote(sample.critique, place) for place in places[:MAX_MORE]] if sample.critique else []
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome=outcome,
            reason=reason,
            evidence=quotes[0] if quotes else None,
            more=tuple(quotes[1:]),
            detail=quotes[0].note if quotes else None,
        )


def _judge(critique: Critique | None, response: Response | None) -> tuple[Outcome, str, list[Mention]]:
    if critique is None:
        return "abstain", "no_critique", []
    if critique.verdict is None:
        return "abstain", "verdict_unread", []
    if len(critique.text) > MAX_CHARS:
        return "abstain", "too_long", []
    text = read_explanation(critique.text)
    mentions = [mention for mention in find_mentions(text) if not _is_set_aside(text, mention)]
    if critique.verdict == "right":
        return _judge_approval(text, mentions)
    return _judge_rejection(text, mentions, response)


def read_explanation(critique: str) -> str:
    """The critique at the same offsets, in lower case, with line breaks for its thinking, its conclusion and
    what stands after its last [END]."""
    text = fold(hide_thinking(critique).text)
    ends = [end.start() for end in _END.finditer(text)]
    last = ends[-1] if ends else len(text)
    reading = read_verdict(critique)
    label = text.rfind("\n", 0, reading.start) + 1
    is_label = reading.reason in ("conclusion", "boxed", "label", "question")
    stop = text.find("\n", reading.end) if is_label else reading.end
    stop = len(text) if stop < 0 else stop
    if reading.value is not None and _LABEL.match(text, label):
        text = text[:label] + "\n" * (stop - label) + text[stop:]
    elif reading.value is not None and reading.end > reading.start:
        start = _sentence(text, reading.start, reading.end)[0]
        text = text[:start] + "\n" * (reading.end - start) + text[reading.end :]
    return text[:last] + "\n" * (len(text) - last)


_LABEL = re.compile(
    r"[\s#*_>\-\d.()\"'{]{0,12}(?:the )?(?:final |overall )?(?:conclusion|verdict|"
    r"judge?ment|assessment|"
    r"evaluation|decision|result|answer correctness)"
)


def _judge_approval(text: str, mentions: list[Mention]) -> tuple[Outcome, str, list[Mention]]:
    """What is said where the conclusion is `right`."""
    praise = [m for m in mentions if m.verdict == "right" and not m.hedged and m.subject == "whole"]
    blame = [m for m in mentions if m.verdict == "wrong" and not m.hedged and m.subject in ("whole", "part")]
    blame += _find_adverbs(text)
    if not blame:
        is_said = any(not _PARTS.search(_lead(text, m)) for m in praise)
        return ("pass", "consistent", []) if is_said else ("abstain", "nothing_whole_said", [])
    firm = [m for m in blame if _is_named(text, m) and not _takes_back(text, m.start)]
    if any(not _PARTS.search(_lead(text, m)) for m in praise) or not firm:
        return "abstain", "mixed", []
    return "fail", "explanation_says_wrong", sorted(firm)


_PARTS = re.compile(r"\b(?:calculations?|parts?|steps? \d|so far)\b")
_HINTS_OF_ADVERB = ("incorrectly", "wrongly", "mistakenly", "erroneously", "miscalculate")
_HINTS_OF_THING = ("the wrong", "a wrong", "an incorrect", "the incorrect", "an invalid", "the invalid")
_WRONG_THING = re.compile(
    r"\b(?:student|solution|response|solver|they|he|she|step \d{1,3})\b(?: (?:has|then|also|here))?"
    r" (?:uses?|used|applies|applied|chooses?|chose|picks?|picked|takes?|took|sets? up|gives?|gave|gets?|got|"
    r"computes?|computed|obtains?|obtained|reaches|reached|arrives? at|arrived at) "
    r"(?:the|an?) (?:wrong|incorrect|invalid) \w+"
)
_ADVERB = re.compile(
    r"\b(?:student|solution|response|solver|they|he|she|step \d{1,3})\b(?: (?:has|then|"
    r"also|claims?|here))?"
    r" (?:incorrectly|wrongly|mistakenly|erroneously|miscalculate[sd]?)\b"
)


def _find_adverbs(text: str) -> list[Mention]:
    """Blame told by the way: "the student incorrectly adds 3", "uses the wrong formula"."""
    found = [
        Mention(*blame.span(), "wrong", "part", False, True)
        for words, hints in ((_ADVERB, _HINTS_OF_ADVERB), (_WRONG_THING, _HINTS_OF_THING))
        if any(hint in text for hint in hints)
        for blame in islice(words.finditer(text), 100)
    ]
    return [mention for mention in found if not _is_set_aside(text, mention)]


def _lead(text: str, mention: Mention) -> str:
    return text[_sentence(text, mention.start, mention.end)[0] : mention.start]


def _judge_rejection(
    text: str, mentions: list[Mention], response: Response | None
) -> tuple[Outcome, str, list[Mention]]:
    """What is said where the conclusion is `wrong`."""
    blame = any(m.verdict == "wrong" for m in mentions) or bool(_find_adverbs(text))
    whole = [m for m in mentions if m.verdict == "right" and not m.hedged and _is_of_the_whole(text, m)]
    praise = whole or _praise_of_every_step(text, mentions, response)
    if not praise:
        return ("pass", "consistent", []) if blame else ("abstain", "nothing_whole_said", [])
    if blame or _BLAMING.search(text) or _takes_back(text, praise[0].start):
        return "abstain", "mixed", []
    return "fail", "explanation_says_right", praise


_BLAMING = re.compile(
    r"\b(?:however|but|unfortunately|although|should|instead|rather|missing|misses|missed|fail(?:s|ed)?|"
    r"incorrectly|wrongly|mistakenly|errs?|erred|miscalculat\w+|misread\w*|overlook\w*|forg[eo]t\w*|omit\w*|"
    r"not|cannot|never|n['’]t|unnecessar\w+|incomplete|issue|problematic|confus\w+|contradict\w*|"
    r"the (?:correct|actual|right) (?:answer|value|result|solution))\b|[✗✘❌≠]|n['’]t\b"
)
"""Words in which a rejection may give its ground: with one of them no praise is a contradiction."""
_WHOLE = re.compile(
    r"\b(?:(?:solution|response|work|proof|submission|attempt|everything)\b(?!['’]s)|"
    r"(?:all|every|each)(?: of)?(?: (?:the|their|these|its|his|her))?(?: \w+['’]?s?)? steps?\b(?! \d))"
    r"[^.!?\n]{0,60}$"
)
_IN_ALL = re.compile(
    r"[*_]{0,3} (?:(?:was|were) found |made )?in (?:(?:the|this|their|his|her) )?"
    r"(?:student['’]s |entire |whole |provided |given )*(?:solution|response|work|proof)\b(?!['’]s)"
)
_NOT_WHOLE = re.compile(
    r"\b(?:steps? \d|first|set-?up|start|beginning|part of|so far|up to|until|"
    r"approach|method|"
    r"formula|equation|answer|result|if|most|many|some|in terms|format|before|"
    r"previous|above)\b"
)
_ONLY_THERE = re.compile(
    r"[*_]{0,3}\s*(?:,\s*)?(?:in|for|at|through|until|till|up|to|when|that|about|"
    r"as far|except|but|"
    r"only|apart|with|regarding|from)\b(?! (?:every|all))"
)


def _is_of_the_whole(text: str, mention: Mention) -> bool:
    """Whether a word of praise is said of all of the solution, and of more than its answer."""
    start, end = _sentence(text, mention.start, mention.end)
    before = text[start : mention.start]
    if mention.is_claim and _IN_ALL.match(text, mention.end, mention.end + 60):  # no errors in this solution
        return not _NOT_WHOLE.search(before)
    return (
        mention.subject == "whole"
        and bool(_WHOLE.search(before))
        and not _NOT_WHOLE.search(before)
        and not _ONLY_THERE.match(text, mention.end, min(len(text), mention.end + 60))
        and not re.search(r"\?", text[start : end + 1])
    )


def _praise_of_every_step(text: str, mentions: list[Mention], response: Response | None) -> list[Mention]:
    """The praise of the steps one by one, where no step of the response is left out."""
    n_steps = 0 if response is None else len(response.steps or read_steps(response.text))
    if n_steps < 2 or any(m.hedged for m in mentions):
        return []
    praise: dict[int, Mention] = {}
    for mention in mentions:
        line = text.rfind("\n", 0, mention.start) + 1
        named = re.findall(r"\bstep[ _#*]{1,3}(\d{1,3})\b", text[line : mention.start])
        if mention.verdict == "right" and named:
            praise.setdefault(int(named[-1]), mention)
    return list(praise.values()) if set(praise) >= set(range(1, n_steps + 1)) else []


_NAMED = re.compile(
    r"\b(?:steps?|solution|response|student|work|proof|calculations?|errors?|mistakes?|"
    r"answer|"
    r"paragraph|line|simplification|computation|equation|reasoning|conclusion)\b"
)


def _is_named(text: str, mention: Mention) -> bool:
    """Whether the sentence says what is wrong."""
    start, end = _sentence(text, mention.start, mention.end)
    return bool(_NAMED.search(text[start:end]))


_SET_ASIDE = re.compile(
    r"\b(?:minor|small|slight(?:ly)?|tiny|trivial|notation\w*|typo\w*|typographical|cosmetic|formatting|"
    r"stylistic|"
    r"at first|initial(?:ly)?|first glance|might|may|could|would|seems?|appears?|looks?|potential|"
    r"possible|possibly|"
    r"does(?:n['’]t| not) (?:affect|change|matter)|harmless|corrected|self-correct\w*|fixed|despite|"
    r"common (?:error|mistake)|claims? to have|"
    r"own (?:first |earlier |initial )?(?:attempt|try|error|mistake)|"
    r"avoid\w*|check\w* for|look\w* for|rounding|approximat\w*|i (?:made|was|had|"
    r"thought)|"
    r"any|whether|if|unless|even though|my)\b|\?|[\"“][^\"”\n]{0,200}$"
)
_TAKEN_BACK = re.compile(
    r"\b(?:wait|hmm|actually|on (?:second|closer|further)|upon (?:re\w*|closer|"
    r"further|second)|"
    r"let me (?:re|double|check)\w*|i take (?:that|it) back|i was (?:wrong|mistaken)|"
    r"re-?examin\w+|"
    r"re-?check\w*|reconsider\w*|however|nevertheless|nonetheless|still,|but|in fact|"
    r"after all|corrects? (?:this|it|that)|corrected|does(?:n['’]t| not) affect|"
    r"overall)\b"
)


def _is_set_aside(text: str, mention: Mention) -> bool:
    """Whether it is called small, supposed, a first impression, quoted, or of the critic's own doing."""
    start, end = _sentence(text, mention.start, mention.end)
    if mention.verdict == "wrong" and _SET_ASIDE.search(text[start : mention.start]):
        return True
    return bool(
        re.match(
            r"[^.\n]{0,80}\b(?:at first|minor|does(?:n['’]t| not) (?:affect|change|matter))\b",
            text[mention.end : end],
        )
    )


def _takes_back(text: str, start: int) -> bool:
    """Whether something later may take back what is said from here on."""
    return bool(_TAKEN_BACK.search(text, start))


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a stretch, at most 200 characters to either side, without its white space."""
    low, high = max(0, start - 200), min(len(text), end + 200)
    before = [stop.end() for stop in re.finditer(r"[.!?](?=\s)|\n", text[low:start])]
    first = low + before[-1] if before else low
    after = re.search(r"[.!?](?=\s|$)|\n", text[end:high])
    last = end + after.start() if after else high
    bare = text[first:last]
    return first + len(bare) - len(bare.lstrip(" \t-*#>•✓")), last


def _quote(critique: Critique, mention: Mention) -> Evidence:
    start, end = _sentence(critique.text, mention.start, mention.end)
    other: Verdict = "right" if critique.verdict == "right" else "wrong"
    return Evidence(text=critique.text[start:end], start=start, end=end, note=f"the conclusion is {other}")
