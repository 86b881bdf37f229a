"""The form of a critique: whether it is whole, in the language of the query, and the critic's own.

    pass      well_formed
    fail      empty, refused, cut_off (in a sentence, a formula or a thinking block), language (another than
              the query's), copied (the response again, and nothing else), leak (it says that it saw a
              reference), no_reasons (a verdict alone), after_end (words behind the last [END])
    abstain   no_critique

The first that applies is the reason; the others stand in `more`. Says nothing of what is true, and is counted
in no rate of claims.

    >>> from cftdata.sample import Critique, Query, Sample
    >>> said = FormVerifier()(Sample.of(Query(text="?"), None, Critique(text="Conclusion: wrong [END]")))
    >>> said.outcome, said.reason
    ('fail', 'no_reasons')

Not covered: languages in Latin script but for English, Spanish, French, German, Italian and Portuguese;
copies in other words; leaks that are not said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from cftdata.conclusion import read_verdict
from cftdata.reading import Reading, find_near, find_unclosed_box, fold, hide_thinking, remember
from cftdata.sample import Critique, Evidence, Query, Response, Sample, Verdict, Verification
from cftdata.stance import find_mentions

__all__ = ["FormVerifier"]

MAX_READ = 20_000  # characters of a text that are looked at
MIN_REASON_WORDS = 6
MIN_COPIED = 120  # characters that are the response's, and at least this share of all:
COPIED_RATE = 0.9
MAX_EVIDENCE = 300
MAX_LANGUAGE = 3_000  # characters from which a language is told
MAX_SILENT = 60  # words; what is longer has said something


@dataclass(frozen=True, slots=True)
class _Fault:
    reason: str
    start: int
    end: int
    note: str


@dataclass(frozen=True, slots=True)
class FormVerifier:
    """`(sample) -> Verification`; see the module."""

    name: str = "form"
    version: str = "1"

    def __call__(self, sample: Sample) -> Verification:
        critique = sample.critique
        faults = list(_find_faults(sample.query, sample.response, critique)) if critique else []
        quotes = [_quote(critique.text, fault) for fault in faults] if critique else []
        return Verification(
            verifier=self.name,
            version=self.version,
            target="critique",
            outcome="abstain" if critique is None else "fail" if faults else "pass",
            reason="no_critique" if critique is None else faults[0].reason if faults else "well_formed",
            evidence=quotes[0] if quotes else None,
            more=tuple(quotes[1:]),
            detail=faults[0].note if faults else None,
        )


def _find_faults(query: Query, response: Response | None, critique: Critique) -> Iterator[_Fault]:
    """The faults of form, the gravest first."""
    text = critique.text
    voice = hide_thinking(text)
    end = _last_end(voice.text)
    said = voice.text[:end]
    if voice.truncated:
        yield _Fault("cut_off", voice.hidden[-1].start, len(text), "the thinking block never ends")
        return
    if not re.search(r"[^\W_]", _END.sub("", voice.text)):
        note = "there is only thought" if voice.hidden else "there is no critique"
        yield _Fault("empty", 0, len(text), note)
        return
    reading = read_verdict(text)
    refusal = _find_refusal(said) if reading.value is None else None
    if refusal:
        yield refusal
        return
    for fault in (
        _find_cut(said, reading) if end == len(text) else None,
        _find_language(query.text, said),
        _find_copy(said, reading, response),
        _find_leak(query.text, said),
        _find_silence(said, reading),
        _find_addition(voice.text, end),
    ):
        if fault:
            yield fault


def _quote(text: str, fault: _Fault) -> Evidence:
    end = min(fault.end, fault.start + MAX_EVIDENCE)
    return Evidence(text=text[fault.start : end], start=fault.start, end=end, note=fault.note)


_END = re.compile(r"\[\s?/?END\s?\]|<\|?(?:END|endoftext|im_end|eot_id)\|?>|</s>", re.I)


def _last_end(text: str) -> int:
    """Where the last [END] begins; the length of the text where there is none."""
    ends = [end.start() for end in _END.finditer(text)]
    return ends[-1] if ends else len(text)


# --- nothing said, or not to the end


_REFUSAL = re.compile(
    r"\s*(?:[\w' ]{0,20}[,.]\s?)?(?:i['’]?m (?:very )?sorry|i am (?:very )?sorry|sorry,? |i apologi[sz]e|"
    r"as an ai|"
    r"unfortunately,? i (?:can|am|['’])|"
    r"i (?:can(?:['’]t|not| not)|am (?:unable|not able)|won['’]t|will not)|i['’]m (?:unable|not able))\b"
    r"(?P<rest>[^\n]{0,300})",
    re.I,
)
_UNABLE = re.compile(
    r"\b(?:can(?:['’]t|not| not)|unable|not able|won['’]t|will not|don['’]t|decline)\b|"
    r"as an ai",
    re.I,
)


def _find_refusal(said: str) -> _Fault | None:
    refusal = _REFUSAL.match(said)
    if refusal and _UNABLE.search(refusal[0]) and len(said.strip()) < 1500:
        start = refusal.start() + len(refusal[0]) - len(refusal[0].lstrip())
        return _Fault("refused", start, refusal.end(), "no critique is given")
    return None


_OPEN_END = re.compile(
    r"(?:[,:(\[{=+×·<≈*/\\^_&]|\s[-–]|\b(?:the|an?|of|to|and|or|is|are|was|were|that|which|with|in|on|by|"
    r"for|from|as|at|"
    r"this|these|their|its|his|her|because|since|if|so|we|then|when|where|but|should|would|will|be|has|"
    r"have|into|"
    r"student['’]s|correctly|incorrectly))$",
    re.I,
)
_FRAMES = (("\\(", "\\)"), ("\\[", "\\]"))


def _find_cut(said: str, reading: Reading[Verdict]) -> _Fault | None:
    """A text that stops within a sentence or a formula; one that ends in its verdict is whole."""
    text = said.rstrip()
    tail = text[-2000:]
    bare = _FRAYS.sub("", tail)
    if not bare or (reading.value is not None and reading.end >= len(text) - len(tail) + len(bare) - 40):
        return None
    last = tail[tail.rfind("\n") + 1 :][-200:]
    start = len(text) - len(last)
    opened = any(tail.rfind(left) > tail.rfind(right) for left, right in _FRAMES)
    box = find_unclosed_box(tail)
    if opened or (box is not None and "\n\n" not in tail[box:]):
        return _Fault("cut_off", start, len(text), "it stops within a formula")
    is_bold = last.endswith(("**", "__", "---"))
    if is_bold or not re.search(r"\w{2,}\W+\w{2,}", bare[-80:]):
        return None
    if _OPEN_END.search(bare[-40:]) or _is_unpunctuated(text):
        return _Fault("cut_off", start, len(text), "it stops within a sentence")
    return None


_FRAYS = re.compile(r"[\s*_`#]{0,40}(?:-{3,9})?[\s*_`#]{0,40}\Z")


def _is_unpunctuated(text: str) -> bool:
    """Whether the last line ends in the middle of words, where the lines before it have their full stops."""
    lines = [line.rstrip() for line in text[-MAX_READ:].splitlines() if len(_WORD.findall(line)) >= 5]
    if len(lines) < 3 or not text.endswith(lines[-1]) or not lines[-1][-1].isalpha() or lines[-1][0] == "#":
        return False
    n_stopped = sum(line[-1] in ".:!?;)*]。" for line in lines[:-1])
    return n_stopped >= 0.8 * (len(lines) - 1)


# --- language


_NOT_WORDS = re.compile(r"\\[a-zA-Z]+|https?://\S+|\[\s?/?END\s?\]", re.I)
_SCRIPTS = (
    ("latin", "a-zA-ZÀ-ɏ"),
    ("cyrillic", "Ѐ-ӿ"),
    ("arabic", "؀-ۿ"),
    ("hebrew", "֐-׿"),
    ("devanagari", "ऀ-ॿ"),
    ("thai", "฀-๿"),
    ("hangul", "가-힯"),
    ("kana", "぀-ヿ"),
    ("han", "一-鿿"),
)
_SCRIPT_LETTERS = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS}
_OTHER_LETTERS = re.compile(f"[{''.join(letters for name, letters in _SCRIPTS if name != 'latin')}]")
_STOP_WORDS = {
    "English": "the is are was of and in that this with which for not it have has be by from as we there how",
    "Spanish": "el la los las del en que una por con para es son está como más pero su al cada no se",
    "French": "le la les des du que dans une est sont par pour avec qui pas sur ce cette combien donc",
    "German": "der die das und in ist sind nicht ein eine mit von den dem zu auf für wie viele im es wird",
    "Italian": "il la gli in che di una per con è sono della nel del non più quanti ogni si alla ma",
    "Portuguese": "o os das do que em uma por com para é são não mais quantos cada então ao da na no um mas",
}
_LANGUAGE_OF = {name: frozenset(words.split()) for name, words in _STOP_WORDS.items()}
_WORD = re.compile(r"[^\W\d_]{2,}")


def _find_language(query: str, said: str) -> _Fault | None:
    """Another language than the query's, where both are clear."""
    asked = _query_language(query)
    answered = _language(said, 12, 60) if asked else None
    if asked is None or answered is None or asked == answered:
        return None
    first = re.search(r"\S", said)
    note = f"{answered}, the query is {asked}"
    return _Fault("language", first.start() if first else 0, len(said.rstrip()), note)


@remember
def _query_language(query: str) -> str | None:
    return _language(query, 5, 20)


def _language(text: str, n_words: int, n_letters: int) -> str | None:
    """The language, or the script, of most of a text's beginning; None where it is not clear."""
    text = _NOT_WORDS.sub(" ", text[:MAX_LANGUAGE])
    others = "".join(_OTHER_LETTERS.findall(text))
    if len(others) < n_letters // 3:
        return _latin_language(text, n_words)
    counts = {name: len(letters.findall(others)) for name, letters in _SCRIPT_LETTERS.items()}
    counts["latin"] = len(_SCRIPT_LETTERS["latin"].findall(text))
    if counts["kana"] * 10 > counts["han"] and counts["kana"] > 5:
        counts["kana"] += counts.pop("han")
    for dense in ("han", "kana", "hangul"):  # one letter says what three Latin ones do
        counts[dense] = 3 * counts.get(dense, 0)
    name = max(counts, key=lambda script: counts[script])
    if counts[name] < n_letters or counts[name] < 0.75 * sum(counts.values()):
        return None
    names = {"han": "Chinese", "kana": "Japanese", "hangul": "Korean"}
    return _latin_language(text, n_words) if name == "latin" else names.get(name, f"{name} script")


def _latin_language(text: str, n_words: int) -> str | None:
    words = Counter(_WORD.findall(text.lower()))
    counts = Counter({name: sum(words[word] for word in stops) for name, stops in _LANGUAGE_OF.items()})
    (name, most), (_, second) = counts.most_common(2)
    return name if most >= n_words and most >= 2.5 * second and most * 12 >= words.total() else None


# --- not the critic's own


def _find_copy(said: str, reading: Reading[Verdict], response: Response | None) -> _Fault | None:
    """The response again: nearly every line and sentence of the critique stands in it."""
    if response is None or len(said) > MAX_READ or not response.text.strip():
        return None
    body = said[: reading.start] if reading.value is not None and reading.start > len(said) // 2 else said
    theirs, n_own, n_copied = _squeeze(response.text[:MAX_READ]), 0, 0
    allowed = (1 - COPIED_RATE) * len(_squeeze(body))
    for piece in _PIECE.split(body):
        squeezed = _squeeze(piece)
        if len(squeezed) > 3 and squeezed in theirs:
            n_copied += len(squeezed)
        elif not _TITLE.match(squeezed):
            n_own += len(squeezed)
        if n_own > allowed:
            return None
    if n_copied < MIN_COPIED:
        return None
    first = re.search(r"\S", body)
    return _Fault("copied", first.start() if first else 0, len(body.rstrip()), "the words of the response")


_PIECE = re.compile(r"\n+|(?<=[.!?])\s")
_TITLE = re.compile(r"(?:conclusion|verdict|critique|final)\w*:?$")


def _squeeze(text: str) -> str:
    return re.sub(r"[\s*#_>]+", "", text).lower()


_LEAK = re.compile(
    r"\b(?:reference|gold(?:en)?|ground[ -]truth|official|model|canonical)[ -]+(?:final |"
    r"correct )?(?:answers?|"
    r"solutions?|value|results?)\b|\bground[ -]truth\b|\banswer[ -]key\b|"
    r"\b(?:according to|given|based on|compared? (?:to|with)|match\w*|per|from|"
    r"as stated in) the (?:provided|supplied|"
    r"expected|known|official|stated) (?:correct |final |right )*(?:answer|solution)\b|"
    r"\bthe (?:provided|supplied|known|given) (?:correct|right) (?:final )?(?:answer|solution)\b|"
    r"参考答案|标准答案|標準答案"
)
_LEAK_HINTS = re.compile(
    r"reference|gold|ground|official|model[ -]|canonical|answer[ -]key|provided|supplied|expected|known|"
    r"stated|given (?:correct|right)|参考答案|标准答案|標準答案"
)
_OF_STUDENT = re.compile(r" (?:of|by|from) the (?:student|response)")
_NO_LEAK = re.compile(
    r"\b(?:no|without|not|n['’]t|lack\w*|absen\w+|any|a|if|student['’]s|their|his|her|"
    r"response['’]s)"
    r"(?: \w+){0,3}\s*$"
)


def _find_leak(query: str, said: str) -> _Fault | None:
    """Words that say that a reference was seen; not what the query itself speaks of."""
    low = fold(said[:MAX_READ])
    for leak in islice(find_near(low, _LEAK_HINTS, _LEAK), 20):
        is_studied = re.search(r"\bstudent|\bresponse", leak[0]) or _OF_STUDENT.match(low, leak.end())
        if (
            not _NO_LEAK.search(low[max(0, leak.start() - 40) : leak.start()])
            and not is_studied
            and leak[0] not in query.lower()
        ):
            return _Fault("leak", leak.start(), leak.end(), "a reference was seen")
    return None


# --- too little, or too much


def _find_silence(said: str, reading: Reading[Verdict]) -> _Fault | None:
    """A verdict without a reason: no formula, and hardly a word that is not the verdict."""
    if len(said) > 2000 or len(_WORD.findall(said)) > MAX_SILENT:
        return None
    taken = [
        _sentence(said, m.start, m.end)
        for m in find_mentions(said)
        if m.subject in ("whole", "alone", "pronoun") and not m.is_claim
    ]
    if reading.value is not None and reading.end <= len(said):
        taken.append(_sentence(said, reading.start, reading.end))
    rest = said
    for start, end in taken:
        rest = rest[:start] + " " * (end - start) + rest[end:]
    n_words = len(re.findall(r"[^\W\d_]{2,}", _HEADINGS.sub(" ", rest)))
    if n_words >= MIN_REASON_WORDS or _FORMULA.search(rest):
        return None
    first = re.search(r"\S", said)
    start = first.start() if first else 0
    return _Fault("no_reasons", start, len(said.rstrip()), "a verdict without a reason")


_FORMULA = re.compile(r"\d\s*[-+*/×·=^]|\\[a-zA-Z]{3,}|=\s*\S|[一-鿿぀-ヿ]{6}")  # six signs say a clause
_HEADINGS = re.compile(
    r"^\W*(?:critique|conclusion|verdict|analysis|evaluation|final judge?ment|judge?ment|"
    r"first error step|answer)\W*(?:$|:)",
    re.I | re.M,
)


_STOP = re.compile(r"[.!?](?=\s|$)|[。！？\n]")


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a stretch, of which at most 100 characters before it and 40 behind it."""
    low = max(0, start - 100)
    stops = [low + stop.end() for stop in _STOP.finditer(text[low:start])]
    after = _STOP.search(text, end, min(len(text), end + 40))
    return stops[-1] if stops else low, after.end() if after else min(len(text), end + 40)


def _find_addition(text: str, end: int) -> _Fault | None:
    """Words behind the last [END]."""
    mark = _END.match(text, end)
    first = re.search(r"[^\W_]", text[mark.end() :]) if mark else None
    if mark is None or first is None:
        return None
    return _Fault("after_end", mark.end() + first.start(), len(text.rstrip()), "words behind the end")
