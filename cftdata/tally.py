"""Counting: from what is kept of each row to rates and groups.

Of a row only an `Entry` is kept, so that a set of 100,000 rows is counted in a few dozen megabytes. A row
is counted once (`first`), however often it stands in the source.

What a row adds to a rate is one of four codes: HIT and MISS are decided; OPEN could not be decided; OUT is
no part of the rate (a right response in `false_right`).

Not covered: weights, and samples drawn from a larger set.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cftdata.config import Protocol
from cftdata.figures import Group, OutcomeCounts, Overlap
from cftdata.sample import Rate, Verdict
from cftdata.stats import wilson, wilson_clustered
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE

__all__ = ["Entry", "FoundStep", "Suspect", "code_rates", "count_outcomes", "count_overlap",
           "rate_clustered", "rate_groups", "rate_rows",
           "rests_on_suspect"]

OPEN, MISS, HIT, OUT = range(4)
MAX_GROUPS = 200


class FoundStep(NamedTuple):
    """A step with an equation that is false by evaluation."""

    step: int
    """0-based."""
    equation: str
    """The equation as it stands there, white space evened out."""
    detail: str
    """For people: "27, not 32"."""


class Entry(NamedTuple):
    """What is kept of a row."""

    source_row: int
    first: bool
    """No row before it had the same query, response and critique."""
    sample_id: bytes
    """16 bytes: the sample's id."""
    query: bytes
    """16 bytes: hash of the query's text."""
    response: bytes | None
    """16 bytes: hash of the response's text."""
    critic: str | None
    verdict: Verdict | None
    right: bool | None
    """Whether the response is right; None when it is not known."""
    on_answer: bool
    """`right` rests on matching the final answer with the reference, not on a label."""
    rounded: bool
    """That match was of a rounded decimal."""
    final_answer: str | None
    reference: str | None
    outcomes: tuple[tuple[str, str, str], ...]
    """(verifier, outcome, reason) of each verifier."""
    values: tuple[str | None, ...]
    """Values of the columns that rates are grouped by."""
    labelled_step: int | None = None
    """The first wrong step as people labelled it, where they did."""
    found_step: FoundStep | None = None
    """The first step that is false for certain, of a row with such a label (see `step_labels`)."""

    @property
    def key(self) -> tuple[bytes, str | None]:
        """What a suspect reference is known by."""
        return self.query, self.reference


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reference that those judged right agree against."""

    consensus: str
    """The answer they agree on."""
    n_for: int
    n_against: int
    right: Mapping[str, bool | None]
    """Final answer to whether it equals the consensus; None when that is not known."""


Suspects = Mapping[tuple[bytes, str | None], Suspect]


def rests_on_suspect(entry: Entry, verifier: str, reason: str, suspects: Suspects) -> bool:
    """Whether what a verifier says of a row rests on a reference answer that is suspect."""
    if entry.key not in suspects:
        return False
    return reason in RESTS_ON_REFERENCE or (verifier == "verdict" and entry.on_answer)


def code_rates(entries: Sequence[Entry], suspects: Suspects, protocol: Protocol) -> dict[str, bytes]:
    """For every rate, the code of every entry, in order.

    A row that rests on a suspect reference is OPEN wherever it would count by that reference.
    """
    codes = [_code_entry(entry, suspects.get(entry.key), protocol) for entry in entries]
    return {name: bytes(code[name] for code in codes) for name in _code_entry(NOTHING, None, protocol)}


def _code_entry(entry: Entry, suspected: Suspect | None, protocol: Protocol) -> dict[str, int]:
    suspect = suspected if entry.on_answer else None
    hits = {verifier: _hit(outcome, reason in protocol.uncounted.get(verifier, ()))
            for verifier, outcome, reason in entry.outcomes
            if not (suspected and reason in RESTS_ON_REFERENCE)}
    stated = hits.get("verdict")
    known = None if suspect else stated
    right = None if suspect else entry.right
    claims = {verifier: hits.get(verifier) for verifier in protocol.claims}
    claim = _any_hit(claims.values())
    return {
        "verdict_error": _code(known),
        "false_right": OUT if right is True else _code(known),
        "false_wrong": OUT if right is False else _code(known),
        "claim_error": _code(claim),
        **{f"{verifier}_error": _code(hit) for verifier, hit in claims.items()},
        "any_error": _code(_any_hit([known, claim])),
        "verdict_error_unrounded": _code(None if entry.rounded else known),
        "verdict_error_suspects_included": _code(stated),
        "verdict_error_by_consensus": _code(_judge_by(suspect, entry) if suspect else stated),
    }


NOTHING = Entry(0, True, b"", b"", None, None, None, None, False, False, None, None, (), ())


def _hit(outcome: str, is_uncounted: bool) -> bool | None:
    return {"fail": not is_uncounted, "pass": False}.get(outcome)


def _any_hit(hits: Iterable[bool | None]) -> bool | None:
    decided = [hit for hit in hits if hit is not None]
    return any(decided) if decided else None


def _code(hit: bool | None) -> int:
    return OPEN if hit is None else HIT if hit else MISS


def _judge_by(suspect: Suspect, entry: Entry) -> bool | None:
    """Whether the verdict errs when the consensus is the reference."""
    right = suspect.right.get(entry.final_answer or "")
    return None if right is None or entry.verdict is None else right != (entry.verdict == "right")


def count_overlap(codes: Mapping[str, bytes], rows: Sequence[int]) -> Overlap:
    """Verdict errors against claim errors over the rows at these positions."""
    pairs = Counter((codes["verdict_error"][row], codes["claim_error"][row]) for row in rows)
    n_both, n_open = pairs[HIT, HIT], pairs[OPEN, OPEN]
    n_verdict = sum(n for (verdict, _), n in pairs.items() if verdict == HIT) - n_both
    n_claim = sum(n for (_, claim), n in pairs.items() if claim == HIT) - n_both
    return Overlap(n_verdict_only=n_verdict, n_claim_only=n_claim, n_both=n_both, n_undecided=n_open,
                   n_neither=len(rows) - n_verdict - n_claim - n_both - n_open)


def rate_rows(codes: Mapping[str, bytes], rows: Sequence[int], level: float) -> dict[str, Rate]:
    """Every rate over the rows at these positions, with Wilson's interval."""
    return {name: _rate(bytes(code[row] for row in rows), level) for name, code in codes.items()}


def _rate(codes: bytes, level: float) -> Rate:
    n_hits, n_missed = codes.count(HIT), codes.count(MISS)
    return wilson(n_hits, n_hits + n_missed, len(codes) - codes.count(OUT), level)


def rate_clustered(codes: Mapping[str, bytes], rows: Sequence[int], entries: Sequence[Entry],
                   level: float) -> dict[str, Rate]:
    """Every rate over the rows at these positions, with the interval that is clustered by query."""
    return {name: _rate_clusters(code, rows, entries, level) for name, code in codes.items()}


def _rate_clusters(code: bytes, rows: Sequence[int], entries: Sequence[Entry], level: float) -> Rate:
    clusters: dict[bytes, Counter[int]] = defaultdict(Counter)
    for row in rows:
        clusters[entries[row].query][code[row]] += 1
    sizes = [(counts[HIT], counts[HIT] + counts[MISS]) for counts in clusters.values()]
    rate = wilson_clustered(sizes, sum(code[row] != OUT for row in rows), level)
    if len(clusters) < len(rows):
        return rate
    return rate.model_copy(update={"low": None, "high": None})  # every row has its own query: no clusters


def rate_groups(codes: Mapping[str, bytes], rows: Sequence[int], keys: Mapping[int, tuple[str | None, ...]],
                names: Sequence[str], level: float) -> tuple[list[Group], int]:
    """The rates of the rows that share a key, largest group first, and how many groups were left out.

    `keys` gives each row's values of the columns in `names`.
    """
    members: dict[tuple[str | None, ...], list[int]] = defaultdict(list)
    for row in rows:
        members[keys[row]].append(row)
    by_size = sorted(members.items(), key=lambda item: (-len(item[1]), [str(value) for value in item[0]]))
    groups = [Group(by=dict(zip(names, key, strict=True)), n_samples=len(group),
                    rates=rate_rows(codes, group, level)) for key, group in by_size[:MAX_GROUPS]]
    return groups, len(by_size) - len(groups)


def count_outcomes(entries: Iterable[Entry], verifiers: Sequence[str]) -> tuple[
        dict[str, OutcomeCounts], dict[str, dict[str, dict[str, int]]]]:
    """Outcomes by verifier, and reasons by verifier and outcome, over all entries, duplicates included."""
    counts = Counter(said for entry in entries for said in entry.outcomes)
    reasons: dict[str, dict[str, dict[str, int]]] = {name: {} for name in verifiers}
    for (verifier, outcome, reason), n in sorted(counts.items()):
        reasons[verifier].setdefault(outcome, {})[reason] = n
    sums = {name: {outcome: sum(by.values()) for outcome, by in said.items()}
            for name, said in reasons.items()}
    return {name: OutcomeCounts.model_validate(said) for name, said in sums.items()}, reasons
