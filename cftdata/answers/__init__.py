r"""Whether two answers are the same: the heart of what is counted later.

The floors, lowest first: `expression` (text -> tree), `exact` (tree -> exact value), `proof` (sympy, in the
killable worker), `units`; `answer`, `value` and `structure` (text -> answer); `equality`, `quantities`,
`relations` and `match` (two answers -> `AnswerMatch`).

    >>> match_answers("2^{11/3}", r"8\sqrt[3]{4}")
    AnswerMatch(outcome='equal', reason='exact')
"""

from cftdata.answers.equality import AnswerMatch
from cftdata.answers.match import match_answers

__all__ = ["AnswerMatch", "match_answers"]
