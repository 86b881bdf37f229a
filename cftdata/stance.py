"""Where a critique says right or wrong, and of what: of the whole solution, of a part, or of nothing told.

A `Mention` is one word that judges ("correct", "falsch", "an error"), with its negation, its hedge and
its subject. Words that judge nothing are left out: "the correct answer is 5", "right triangle",
`\\right)`, "whether it is right", "the student claims that the answer is correct".

Source: read from published critiques (One-Shot CFT, arXiv 2506.03295; MR-GSM8K, arXiv 2312.17080).

    >>> mentions = find_mentions("The setup is right, but the final answer is not correct.")
    >>> [(mention.verdict, mention.subject) for mention in mentions]
    [('right', 'part'), ('wrong', 'whole')]

Not covered: irony; anaphora over sentences ("it" stays `pronoun`); other languages but for the clear
words of Chinese, Spanish, French, German, Russian, Japanese and Portuguese.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from cftdata.reading import fold
from cftdata.sample import Verdict

Subject = Literal["whole", "part", "pronoun", "alone", "none"]


class Mention(NamedTuple):
    """One word that judges."""

    start: int
    """Offset where the words begin, negation included."""
    end: int
    """Offset after them."""
    verdict: Verdict
    """What they say, negation applied."""
    subject: Subject
    """Of what: all of the solution, a part, "this", nothing (a sentence of its own), or not told."""
    hedged: bool
    """Whether it is said with a reserve ("mostly", "may be", "except for")."""
    is_claim: bool
    """Whether words of error ("makes a mistake") say it rather than an adjective."""


_RIGHT = (r"right|correct|valid|accurate|true|sound|flawless|faultless|error-free|"
          r"correct[oa]s?|correctes?|korrekt|richtig|juste|exacte|corret[oa]s?|cert[oa]|"
          r"верн(?:о|ый|ая|ое|ые)|правил(?:ьно|ьный|ьная|ьное|ьные|ен)|верен|верна")
_WRONG = (r"wrong|incorrect|invalid|inaccurate|false|flawed|erroneous|mistaken|faulty|unsound|"
          r"incorrect[oa]s?|incorrectes?|err[óo]ne[oa]s?|equivocad[oa]s?|inkorrekt|falsch|fehlerhaft|"
          r"faux|fausse|inexacte|erroné?e?|incorret[oa]s?|errad[oa]s?|"
          r"неверн(?:о|ый|ая|ое|ые)|неправил(?:ьно|ьный|ьная|ьное|ен)|неверен|неверна|ошибочн(?:о|ый|ая|ое)")
_RIGHT_CJK = (r"正确|正確|无误|無誤|没有错误|沒有錯誤|正しい|正解|誤りはない|間違いはない|没有问题|"
              r"[✓✔✅]|对(?=[\s。.*\[]|$)")
_WRONG_CJK = (r"不正确|不正確|错误|錯誤|有误|有誤|不对|不對|正しくない|正しくありません|"
              r"不正解|間違(?:い|って)|誤り|誤って|[✗✘❌]|"
              r"错(?=[\s。.*\[的]|$)")
_ERROR = r"errors?|mistakes?|flaws?|miscalculations?"
_WORD = re.compile(
    rf"(?<![^\W_])(?:(?P<wrong>{_WRONG})|(?P<right>{_RIGHT})|(?P<error>{_ERROR}))(?![^\W_]|-|_\w)|"
    rf"(?=[^\x00-\x7f])(?:(?P<cjk_right>没有错误|沒有錯誤|誤りはない|間違いはない)|"
    rf"(?P<cjk_wrong>{_WRONG_CJK})|(?P<cjk>{_RIGHT_CJK}))")

ECHO = re.compile(
    r"\b(right|correct|true|valid|yes)\b[\s*\"'\])}>]{0,4}(?:/|\||,?\s*or\b)[\s*\"'\[({<]{0,4}"
    r"(?:wrong|incorrect|false|invalid|not (?:right|correct)|no)\b|"
    r"\b(wrong|incorrect|false|invalid|no)\b[\s*\"'\])}>]{0,4}(?:/|\||,?\s*or\b)[\s*\"'\[({<]{0,4}"
    r"(?:right|correct|true|valid|yes)\b|(?:正确|错误|正しい)\s?[/|或／]\s?(?:错误|正确|間違い|誤り)|"
    r"\b(?:correct[oa]|richtig|верно|corret[oa])\s?/\s?(?:incorrect[oa]|falsch|неверно|incorret[oa])\b", re.I)
"""The choice that the prompt offers, copied: no verdict."""

_NEGATION = re.compile(
    r"\b(?:not|never|nothing|neither|nor|none|cannot|without|hardly|no|far from|anything but|free (?:of|"
    r"from)|zero|"
    r"fail(?:s|ed)? to be|nicht|kein\w{0,2}|pas|aucune?|nunca|não|ningún|не|нет|nenhum)\b(?!\s+only\b)|"
    r"n['’]t\b(?!\s+only\b)|"
    r"不|没有|沒有|並非|并非", re.I)
_DEGREE = (r"(?:entirely|fully|completely|quite|totally|wholly|strictly|perfectly|necessarily|always|"
           r"100\s?%|altogether|exactly)")
_HEDGE = re.compile(
    rf"\b(?:partial(?:ly)?|partly|mostly|largely|almost|nearly|mainly|somewhat|technically|likely|"
    rf"probably|possibly|maybe|perhaps|may|"
    rf"might|could|neither|more or less|kind of|sort of|unclear|uncertain|not sure|unsure|"
    rf"substantially|broadly|"
    rf"in (?:principle|part)|"
    rf"not {_DEGREE}|n['’]t {_DEGREE}|potential(?:ly)?|parcialmente|partiellement|teilweise|"
    rf"частично|mayormente|weitgehend|em parte|en parte|quizás|vielleicht|peut-être|возможно)\b|"
    rf"部分|基本|大致|"
    rf"大体|概ね|可能|一部|多分|"
    # These reserve only the word they stand before: "both forms are right" is no hedge.
    rf"\b(?:half|approximately|roughly|generally|essentially|basically|conceptually|minor|small|"
    rf"slight(?:ly)?|both|can be|minor \w+|small \w+)[\s*_]{{1,4}}$", re.I)
_HEDGE_AFTER = re.compile(
    r"[\s*_,]{0,4}(?:except|apart from|aside from|up (?:to|until)|until|only (?:up|for|in)|so far|"
    r"in (?:part|principle|places|spirit)|"
    r"to (?:some|a certain|an) extent|for the most part|at first|initially|if\b|provided|assuming|"
    r"\(?(?:mostly|partially|partly|probably))\b", re.I)
_SO_FAR = re.compile(r"\b(?:up (?:to|until|till)|until|so far|to (?:this|that) point|before (?:that|this)|"
                     r"initially)\b", re.I)
_SUPPOSED = re.compile(
    r"\b(?:if|whether|would|should|unless|suppose|supposing|had it|were it|"
    r"(?:let['’]?s|let me|let us|to|will|must|need to|we can|please|i['’]ll) (?:\w+ ){0,2}?(?:check|"
    r"verify|determine|decide|see|assess|"
    r"evaluate|judge|ensure|make sure|confirm|analyze|critique)|"
    r"(?:student|they|he|she|it|solution|solver|author|you|user|question|problem) (?:\w+ )?(?:claim|think|"
    r"say|believe|state|assert|assume|argue|insist|"
    r"conclude)\w{0,2} (?:that\b|(?:the|their|this|it)\b))|"
    r"\b(?:si la|ob die|ob das|si elle)\b|是否|かどうか", re.I)
_TURN = re.compile(r"\b(?:but|however|yet)\b", re.I)
_ATTRIBUTE = re.compile(
    r"[*_ \t]{1,4}(?!(?:and|but|because|since|as|for|in|with|given|when|so|to|by|at|on|that|overall|due|"
    r"though|although|while|"
    r"until|up|except|if|of|or|nor|here|now|also|too|again|either|only|after|before|according|based|they|"
    r"it|the|this|there|he|"
    r"she|i|is|are|was|has|however|therefore|thus|apart|yet|which|from|under|throughout|mathematically|"
    r"both|regardless|without|"
    r"porque|pero|ya|y|e|mas|weil|da|und|car|et|mais|и|но|так|потому|despite|even|approximate|all|not|"
    r"rather|instead|initially|"
    r"provided|assuming|per|via|enough|END)\b)[^\W\d_]+|"
    r"的?(?:答案|解|结果|值|做法|方法|步骤|答え|値|解答)", re.I)
_WHOLE_NOUN = (r"solutions?|answers?|response|proof|work|student|conclusion|everything|nothing|submission|"
               r"attempt|solver|final result|"
               r"soluci[óo]n|respuesta|lösung|antwort|решение|ответ|решения|solução|resposta|réponse|"
               r"(?:all|every|each)(?: of)?(?: the| their| its| his| her)?(?: \w+)? (?:steps?|"
               r"calculations?|parts?)")
_PART_NOUN = (r"approach|method\w*|set-?up|equations?|formulas?|calculations?|computations?|steps?|"
              r"substitutions?|simplifications?|"
              r"reasoning|logic|parts?|derivations?|expressions?|values?|ideas?|identification|notation|"
              r"understanding|assumptions?|"
              r"claims?|statements?|arithmetic|algebra|process|procedures?|interpretation|conversions?|"
              r"factorizations?|first|"
              r"beginning|start|relationship|constants?|units?|lines?|paragraphs?|root|numbers?|"
              r"estimates?|approximations?|"
              r"manipulations?|operations?|theorem|definition|conditions?|results?|work up to|model|"
              r"problem|question|format\w*|"
              r"presentation|explanation|critique|analysis|verification|check|paso|schritt|étape|шаг|"
              r"passo|rest|remainder")
_NOUN = re.compile(rf"\b(?:(?P<whole>{_WHOLE_NOUN})|(?P<part>{_PART_NOUN})|(?P<pronoun>it|this|that|they|"
                   rf"these|which|all))\b(?!['’]s? )"
                   r"|(?P<cjk_whole>解答|答案|回答|解法|解题|解決|解)", re.I)
_OBJECT = re.compile(
    r"\b(?:of|in|for|to|from|with|by|on|at|into|within|about|de|del|des|du|von|der|do|da)\s+"
    r"(?:(?:the|this|that|their|his|her|its|a|an|student(?:['’]s)?|given|provided|proposed|final|first|"
    r"correct|la|el|le)\s+){0,4}$", re.I)
_COPULA = re.compile(
    r"\b(?:is|was|are|were|be|been|being|remains?|appears?|seems?|looks?|got|deemed|considered|judged|es|"
    r"est|ist|sind|está|"
    r"son|são|é|sont|war|fue|является)\b|['’](?:s|re)\b|isn['’]t|n['’]t\b|—|:|是|は|が|为|為", re.I)
_HAS = re.compile(
    r"\b(?:contain(?:s|ed|ing)?|ha(?:s|ve|d)|having|ma(?:kes?|de|king)|includ(?:es?|ed|ing)|there(?: is|"
    r" are|['’]s| was| were)|"
    r"commit(?:s|ted)?|introduc(?:es?|ed)|with|without|free (?:of|from)|find|found|see|detect(?:ed)?|is|"
    r"an?|the|no|any|zero)\b", re.I)
_ARRIVED = re.compile(
    r"\b(?:arriv\w+|reach\w*|get(?:s|ting)?|got|obtain\w*|giv\w+|gave|produc\w+|yield\w*|lead\w*|led|"
    r"conclud\w+|result\w*|provid\w+|submit\w*|"
    r"is|are|was) (?:\w+ ){0,4}?(?:an?|the|at the|to the|in an?|with (?:an?|"
    r"the))(?: \w+ly)?[\s*_]{1,4}$", re.I)
_ARRIVED_AT = re.compile(r"[*_\s]{1,4}(?:and \w+ )?(?:final |numerical )?(?:answer|result|solution|"
                        r"conclusion|response)\b", re.I)
_CLAUSE = re.compile(r"[;:。；\n]|[.!?](?=\s|$)|,?\s(?:but|however|because|since|so that|although|though|"
                     r"while|whereas|despite|pero|"
                     r"aber|mais|но|mas|where|when|after|even|which|leading|"
                     r"resulting)\s|,\s(?:and|so|yet|then|therefore|thus|hence)\s|"
                     r"\s(?:and)\s(?=the |their |its |his |her |thus |hence )|—|，但", re.I)
_SENTENCE = re.compile(r"[.!?](?=[\s*\"'”)\]]|$)|[。！？]|\n|\\\]|\[(?:END|end)\]")


def find_mentions(text: str, start: int = 0, end: int | None = None) -> list[Mention]:
    """All words that judge between these offsets, in order; at most the last 200 are looked at."""
    text = fold(text)
    end = len(text) if end is None else end
    words = [word for word in _WORD.finditer(text, start, end) if _is_word(text, word)][-200:]
    echoes = list(_find_echoes(text, words[0].start() if words else end, end))
    mentions = (_read_mention(text, word, start, end) for word in words
                if not any(first <= word.start() < last for first, last in echoes))
    return [mention for mention in mentions if mention is not None]


_OR = re.compile(r"[/|／]|or\b|或")


def _find_echoes(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The choices between these offsets, each looked for only around its "or"."""
    for choice in _OR.finditer(text, start, end):
        echo = ECHO.search(text, max(start, choice.start() - 40), min(end, choice.end() + 40))
        if echo:
            yield echo.span()


def _is_word(text: str, word: re.Match[str]) -> bool:
    """Whether a word begins where it was found; `\\right)` and the end of "incorrect" are none."""
    before = text[max(0, word.start() - 2):word.start()].strip("*")
    before = before[:1] if before[1:] == "_" else before[-1:]
    return (word.lastgroup or "").startswith("cjk") or not (before.isalnum() or before in ("\\", "-"))


def _read_mention(text: str, word: re.Match[str], start: int, end: int) -> Mention | None:
    """The word in its sentence; None where it judges nothing."""
    low, high = _sentence(text, word, start, end)
    before, after = text[low:word.start()], text[word.end():high]
    if _SUPPOSED.search(_TURN.split(before)[-1]) or text[high:high + 1] == "?" or "?" in after[:60]:
        return None
    clause = before[_clause_start(before):]
    is_claim = word.lastgroup == "error"
    subject = _subject(text, word, clause, before, after)
    if subject is None:
        return None
    verdict: Verdict = "right" if word.lastgroup in ("right", "cjk", "cjk_right") else "wrong"
    negations = list(_NEGATION.finditer(_after_comma(clause)))
    if len(negations) % 2:
        verdict = "wrong" if verdict == "right" else "right"
    near = text[word.end():min(high, word.end() + 60)]
    hedged = bool(_HEDGE.search(clause[-60:]) or _SO_FAR.search(clause)
                  or (_HEDGE_AFTER.match(near) and not is_claim))
    first = word.start() - (len(_after_comma(clause)) - negations[-1].start() if negations else 0)
    return Mention(first, word.end(), verdict, subject, hedged, is_claim)


def _sentence(text: str, word: re.Match[str], start: int, end: int) -> tuple[int, int]:
    """The sentence around a word, at most 300 characters to the left and 200 to the right."""
    low = max(start, word.start() - 300)
    for stop in _SENTENCE.finditer(text, low, word.start()):
        low = stop.end()
    stop_after = _SENTENCE.search(text, word.end(), min(end, word.end() + 200))
    return low, stop_after.start() if stop_after else min(end, word.end() + 200)


def _clause_start(before: str) -> int:
    return max((stop.end() for stop in _CLAUSE.finditer(before)), default=0)


def _after_comma(clause: str) -> str:
    """The clause without an introduction ("No, ..."; "For x not 0, ...") unless that leaves no subject."""
    rest = clause[clause.rfind(", ") + 2:] if ", " in clause else clause
    return rest if _NOUN.search(rest) or not _NOUN.search(clause) else clause


def _subject(text: str, word: re.Match[str], clause: str, before: str, after: str) -> Subject | None:
    """What the word judges; None when it judges nothing."""
    if _is_alone(before, after):
        return "alone"
    if word.lastgroup == "error":
        return _subject_of_error(clause, after)
    tail = text[word.end():word.end() + 40]
    if _ARRIVED_AT.match(tail):
        names = re.search(r"\bthe[\s*_]*$", _copula_tail(clause))
        return "whole" if _ARRIVED.search(clause) and not names else None
    if _ATTRIBUTE.match(tail) or re.search(r"\b(?:the|his|their|its|all)[\s*_]{1,4}$", clause, re.I):
        return None
    if word.lastgroup and word.lastgroup.startswith("cjk"):
        return _nearest_noun(clause) or "none"
    has_verb = _COPULA.search(clause) or re.search("[а-я]", word[0], re.I) or re.search(r"[:：—]\W*$", before)
    return (_nearest_noun(clause) or "none") if has_verb else None


def _copula_tail(clause: str) -> str:
    """The clause if it says that something *is* the correct answer, which names it and judges nothing."""
    return clause if re.search(r"\b(?:is|are|was)\b[^,]{0,20}$", clause) else ""


_ALONE_BEFORE = re.compile(r"(?:[\W_]|\b(?:so|thus|hence|therefore|overall|it|this|that|is|not|the|"
                        r"completely|entirely|fully|"
                           r"absolutely|mathematically|text|textbf|boxed|mathrm|final|verdict|partially|"
                           r"mostly|mostly|partly|n't|"
                           r"no|es|ist|est)\b){0,12}$", re.I)
_ALONE_AFTER = re.compile(r"[\W_]*(?:END\W*)?$")


def _is_alone(before: str, after: str) -> bool:
    """Whether the sentence is only this word, with marks, a negation or an adverb around it."""
    return len(before) < 60 and len(after) < 30 and not re.search(r"\b(?:it|this|that|the)\b", before, re.I) \
        and bool(_ALONE_BEFORE.match(before)) and bool(_ALONE_AFTER.match(after))


def _subject_of_error(clause: str, after: str) -> Subject | None:
    """Words of error judge when someone has or makes the error, or when there is none."""
    if re.match(r"\s+(?:in|of|with)?\s*(?:the\s+)?(?:notation|presentation|wording|format)", after, re.I) or \
            re.search(r"\bnotational\s+$", clause, re.I):
        return None
    if not (_HAS.search(clause) or re.match(r"\s+(?:is|was|were|are|occurs?|lies|in)\b", after)):
        return None
    if re.match(r"\s+(?:in|with|at|on|of|about)\s+(?:\w+\s+){0,3}?(?:steps?|set-?up|first|part|"
                r"beginning)\b", after, re.I):
        return "part"
    return "part" if _nearest_noun(clause) == "part" else "whole"


def _nearest_noun(clause: str) -> Subject | None:
    """The noun that the verb belongs to: the last that is not the object of a preposition."""
    found: Subject | None = None
    for noun in _NOUN.finditer(clause):
        kind = noun.lastgroup or ""
        if found and _OBJECT.search(clause[max(0, noun.start() - 60):noun.start()]):
            continue
        if kind == "pronoun" and found in ("whole", "part"):
            continue
        found = "whole" if kind.endswith("whole") else "part" if kind == "part" else "pronoun"
    return found


_ADVERB = (r"completely|entirely|fully|totally|absolutely|mathematically|definitely|clearly|indeed|"
           r"overall|therefore|thus|so|is|"
           r"it is|it['’]s|simply|also|really|still|actually|again|technically|partially|partly|mostly|"
           r"largely|almost|nearly|"
           r"essentially|basically|generally|somewhat|probably|likely|possibly|maybe|perhaps|may be|"
           r"might be|not|never|neither|"
           r"definitively|perfectly|both|half|text|textbf|textit|boxed|mathrm|mathbf|appears|seems|to be|"
           r"the|100%|quite|entirely|necessarily|"
           r"es|est|ist|no|nicht|pas|não|не|n['’]est|parcialmente|partiellement|teilweise|weitgehend|"
           r"mayormente|частично|"
           r"solución|la|les|der|die|das")
_LEAD = re.compile(rf"(?:[^\w\n.;]{{1,12}}|_|(?:{_ADVERB})\b(?!['’]))", re.I)
_OPPOSITE_NEAR = re.compile(
    rf"[\s,*_\"')\]]{{0,6}}(?:(?:and|but|yet|&|/|or|y|und|et|и|e)\s{{1,3}})?(?:also |at the same time |"
    rf"simultaneously )?(?P<not>not )?(?:(?P<wrong>{_WRONG})|(?P<right>{_RIGHT}))\b",
    re.I)


def judge_words(text: str, start: int, end: int) -> Mention | None:
    """The judging word that stands right at `start`, behind marks, line breaks and adverbs only."""
    text = fold(text)
    at = _skip_lead(text, start, min(end, start + 120))
    word = _WORD.match(text, at, end)
    if word is None or not _is_word(text, word) or _is_attribute(text, word, end):
        return None
    if word.lastgroup == "error" and not re.search(r"\bno\b", text[start:at], re.I):
        return None
    lead = text[start:at]
    negations = list(_NEGATION.finditer(lead))
    verdict: Verdict = "right" if word.lastgroup in ("right", "cjk", "cjk_right") else "wrong"
    if len(negations) % 2:
        verdict = "wrong" if verdict == "right" else "right"
    hedged = bool(_HEDGE.search(lead)) or bool(_HEDGE_AFTER.match(text[word.end():min(end, word.end() + 60)]))
    first = start + negations[-1].start() if negations else word.start()
    return Mention(first, word.end(), verdict, "alone", hedged, word.lastgroup == "error")


def find_contradiction(text: str, mention: Mention, end: int) -> int | None:
    """Where the opposite ends that is said in the same breath ("right and wrong"); None if it is not."""
    other = _OPPOSITE_NEAR.match(text, mention.end, min(end, mention.end + 60))
    if other is None or _is_attribute(text, other, end):
        return None
    verdict = "right" if bool(other["right"]) != bool(other["not"]) else "wrong"
    return None if verdict == mention.verdict else other.end()


def _skip_lead(text: str, start: int, end: int) -> int:
    """Past marks, at most two line breaks, and words that may stand before a judging one."""
    at, n_breaks = start, 0
    while at < end:
        if text[at] == "\n" and n_breaks < 3:
            at, n_breaks = at + 1, n_breaks + 1
            continue
        if _WORD.match(text, at, end):
            return at
        lead = _LEAD.match(text, at, end)
        if lead is None:
            return at
        at = lead.end()
    return at


def _is_attribute(text: str, word: re.Match[str], end: int) -> bool:
    """Whether the word only describes the noun after it ("right triangle"), which is not the solution."""
    tail = text[word.end():min(end, word.end() + 40)]
    if re.match(r"[*_\s]{1,4}(?:answer|solution|response|proof)[\s*_]{0,4}(?:[.!,;\n\[]|$)", tail, re.I):
        return False
    return bool(_ATTRIBUTE.match(tail)) and not tail.startswith("\n")
