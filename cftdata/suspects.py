"""Suspect references: where the responses that critics judge right agree against the reference answer.

Per query and reference: of the distinct responses whose answer could be read, those that most of their
critics call right; the answer that most of these give; suspect when that answer differs from the reference
and enough responses stand behind it (the protocol's `suspect_min_responses`, `suspect_min_rate`). A match
that is unknown counts neither as agreement nor as difference.

Not covered: queries that few critics judged, critics who all share the reference's own error, and responses
with people's labels (these need no reference).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cftdata.answers import match_answers
from cftdata.config import Protocol
from cftdata.figures import SuspectReference
from cftdata.tally import Entry, Suspect, Suspects

__all__ = ["describe_suspects", "find_agreement", "find_suspects"]

MAX_ANSWERS = 50
"""Distinct answers to one query that are compared with each other, most common first."""
MAX_TIME_LIMITS = 5

Key = tuple[bytes, str | None]


def find_suspects(entries: Iterable[Entry], protocol: Protocol,
                  suspected: Iterable[SuspectReference] = ()) -> dict[Key, Suspect]:
    """Query and reference to what is suspected of it, for the suspect references only.

    suspected: those found in a larger set that these rows are taken from; they stay suspect here, though too
    few rows may be left to show it.
    """
    by_key: dict[Key, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.on_answer and entry.first:
            by_key[entry.key].append(entry)
    found = {key: _judge_reference(rows, protocol) for key, rows in by_key.items()}
    earlier: dict[Key, SuspectReference] = {
        (bytes.fromhex(one.query_id), one.reference_answer): one for one in suspected}
    kept = {key: _carry_over(earlier[key], by_key[key], protocol) for key in by_key if key in earlier}
    return kept | {key: suspect for key, suspect in found.items() if suspect}


def _carry_over(one: SuspectReference, rows: Sequence[Entry], protocol: Protocol) -> Suspect:
    """What was suspected of a reference, of these rows."""
    matcher = _Matcher(protocol.timeout_s)
    texts = {entry.final_answer or "" for entry in rows}
    return Suspect(consensus=one.consensus_answer, n_for=one.n_for, n_against=one.n_against,
                   right={text: matcher.equal(text, one.consensus_answer) for text in texts})


def find_agreement(entries: Iterable[Entry], protocol: Protocol) -> dict[bytes, str]:
    """Query to what the responses that critics judge right agree on, where enough of them do.

    For queries without reference: `on_answer` and `right` of the entries are not looked at.
    """
    by_query: dict[bytes, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.final_answer is not None and entry.response is not None:
            by_query[entry.query].append(entry)
    found = {query: _agree(_judged_right(rows), protocol) for query, rows in by_query.items()}
    return {query: answer for query, answer in found.items() if answer is not None}


def _agree(judged: Sequence[Entry], protocol: Protocol) -> str | None:
    if not _is_enough(len(judged), len(judged), protocol):
        return None
    answers = Counter(entry.final_answer or "" for entry in judged)
    consensus, n_for = _find_consensus(answers, _Matcher(protocol.timeout_s))
    return consensus if _is_enough(n_for, len(judged), protocol) else None


def _judge_reference(rows: Sequence[Entry], protocol: Protocol) -> Suspect | None:
    """What the responses to one query say of its reference; None when it is not suspect."""
    judged = _judged_right(rows)
    n_judged = len(judged)
    # At most these can stand against it: most references are cleared without comparing a single answer.
    n_against_reference = sum(entry.right is not True for entry in judged)
    if not _is_enough(n_against_reference, n_judged, protocol):
        return None
    answers = Counter(entry.final_answer or "" for entry in judged)
    matcher = _Matcher(protocol.timeout_s)
    consensus, n_for = _find_consensus(answers, matcher)
    differs = any(entry.right is False for entry in judged if entry.final_answer == consensus)
    if not differs or not _is_enough(n_for, n_judged, protocol):
        return None
    texts = {entry.final_answer or "" for entry in rows}
    return Suspect(consensus=consensus, n_for=n_for, n_against=n_judged - n_for,
                   right={text: matcher.equal(text, consensus) for text in texts})


def _is_enough(n: int, n_judged: int, protocol: Protocol) -> bool:
    return n >= protocol.suspect_min_responses and n >= protocol.suspect_min_rate * n_judged


def _judged_right(rows: Sequence[Entry]) -> list[Entry]:
    """One entry for every distinct response that most of those who decided call right."""
    votes: dict[bytes | None, int] = Counter()
    for entry in rows:
        votes[entry.response] += {"right": 1, "wrong": -1, None: 0}[entry.verdict]
    firsts = {entry.response: entry for entry in reversed(rows)}
    return [entry for response, entry in firsts.items() if votes[response] > 0]


def _find_consensus(answers: Counter[str], matcher: _Matcher) -> tuple[str, int]:
    """The answer to which most responses' answers are equal, and how many those are.

    Every answer is tried as the centre: an exact form gathers its roundings, which differ from each other.
    Of equal ones an answer without a decimal point goes first, then the most common.
    """
    common = answers.most_common(MAX_ANSWERS)
    sizes = {centre: sum(n for text, n in common if matcher.equal(text, centre)) for centre, _ in common}
    return max(sizes.items(), key=lambda item: (item[1], "." not in item[0]))


@dataclass
class _Matcher:
    """Matches answers to one query, and gives up when MAX_TIME_LIMITS of them took all their time.

    What is then left is unknown, so that hostile answers cost some time limits and not thousands.
    """

    timeout_s: float
    n_time_limits: int = 0

    def equal(self, answer: str, other: str) -> bool | None:
        """Whether the two are equal; None when that is not known."""
        if answer == other:
            return True
        if self.n_time_limits >= MAX_TIME_LIMITS:
            return None
        match = match_answers(answer, other, timeout_s=self.timeout_s)
        self.n_time_limits += match.reason in ("time_limit", "crashed")
        return {"equal": True, "different": False, "unknown": None}[match.outcome]


def describe_suspects(suspects: Suspects, entries: Iterable[Entry],
                      queries: Mapping[bytes, str]) -> tuple[SuspectReference, ...]:
    """The suspect references for the report, those with most rows first."""
    n_rows = Counter(entry.key for entry in entries if entry.on_answer and entry.first)
    found = [SuspectReference(query_id=key[0].hex(), query=queries[key[0]], reference_answer=key[1] or "",
                              consensus_answer=suspect.consensus, n_for=suspect.n_for,
                              n_against=suspect.n_against, n_samples=n_rows[key])
             for key, suspect in suspects.items()]
    return tuple(sorted(found, key=lambda one: (-one.n_samples, one.query_id)))
