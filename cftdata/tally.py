"""Counting: from what is kept of each row to rates and groups.

Of a row only an `Entry` is kept. A row is counted once (`first`), however often it stands in the source.

What a row adds to a rate is one of four codes: HIT and MISS are decided; OPEN could not be decided; OUT is
no part of the rate (a right response in `false_right`). Its codes for all rates are some bytes (`Codes`),
and how many rows have which bytes is all that the rates need: such counts are added, and never the rows.

Not covered: weights, and samples drawn from a larger set.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cftdata.config import Protocol
from cftdata.figures import Group, OutcomeCounts, Overlap
from cftdata.sample import Rate, Verdict
from cftdata.stats import Clusters, wilson, wilson_clustered
from cftdata.verifiers.own_answer import RESTS_ON_REFERENCE

__all__ = ["Codes", "Entry", "FoundStep", "Suspect", "cluster", "code_entry", "code_rates", "count_outcomes",
           "count_overlap", "rate_clustered", "rate_groups", "rate_names", "rate_rows", "rests_on",
           "rests_on_suspect"]

OPEN, MISS, HIT, OUT = range(4)
MAX_GROUPS = 200

Codes = Mapping[bytes, int]
"""For every rate a code, in the order of `rate_names`, to the number of rows that have these."""
Values = tuple[str | None, ...]


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
    return entry.key in suspects and rests_on(verifier, reason, entry.on_answer)


def rests_on(verifier: str, reason: str, on_answer: bool) -> bool:
    """Whether what a verifier says of a row rests on the row's reference answer."""
    return reason in RESTS_ON_REFERENCE or (verifier == "verdict" and on_answer)


def rate_names(protocol: Protocol) -> tuple[str, ...]:
    """The rates of a protocol, in the order of a row's codes."""
    return tuple(_code_entry(NOTHING, None, protocol))


def code_entry(entry: Entry, suspects: Suspects, protocol: Protocol) -> bytes:
    """For every rate the code of this row, in the order of `rate_names`.

    A row that rests on a suspect reference is OPEN wherever it would count by that reference.
    """
    return bytes(_code_entry(entry, suspects.get(entry.key), protocol).values())


def code_rates(entries: Iterable[Entry], suspects: Suspects, protocol: Protocol) -> Counter[bytes]:
    """The codes of these rows to how many have them."""
    return Counter(code_entry(entry, suspects, protocol) for entry in entries)


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


def count_overlap(codes: Codes, protocol: Protocol) -> Overlap:
    """Verdict errors against claim errors."""
    names = rate_names(protocol)
    verdict, claim = names.index("verdict_error"), names.index("claim_error")
    pairs = Counter[tuple[int, int]]()
    for row, n in codes.items():
        pairs[row[verdict], row[claim]] += n
    n_both, n_open = pairs[HIT, HIT], pairs[OPEN, OPEN]
    n_verdict = sum(n for (said, _), n in pairs.items() if said == HIT) - n_both
    n_claim = sum(n for (_, said), n in pairs.items() if said == HIT) - n_both
    return Overlap(n_verdict_only=n_verdict, n_claim_only=n_claim, n_both=n_both, n_undecided=n_open,
                   n_neither=pairs.total() - n_verdict - n_claim - n_both - n_open)


def rate_rows(codes: Codes, protocol: Protocol) -> dict[str, Rate]:
    """Every rate, with Wilson's interval."""
    return {name: wilson(n[HIT], n[HIT] + n[MISS], n.total() - n[OUT], protocol.level)
            for name, n in _split(codes, protocol).items()}


def _split(codes: Codes, protocol: Protocol) -> dict[str, Counter[int]]:
    """Rate to code to the number of rows."""
    counts: dict[str, Counter[int]] = {name: Counter() for name in rate_names(protocol)}
    for row, n_rows in codes.items():
        for n, code in zip(counts.values(), row, strict=True):
            n[code] += n_rows
    return counts


def cluster(codes: Codes) -> list[tuple[int, int]]:
    """For every rate hits and decided rows of one cluster, in the order of `rate_names`."""
    columns = zip(*(row for row, n in codes.items() for _ in range(n)), strict=True)
    return [(column.count(HIT), column.count(HIT) + column.count(MISS)) for column in columns]


def rate_clustered(codes: Codes, clusters: Sequence[Clusters], n_clusters: int,
                   protocol: Protocol) -> dict[str, Rate]:
    """Every rate with the interval that is clustered by query.

    clusters: of every rate, over n_clusters queries. Where every row has its own query there are no clusters.
    """
    is_clustered = n_clusters < sum(codes.values())
    rates = {}
    for (name, n), sums in zip(_split(codes, protocol).items(), clusters, strict=True):
        rate = wilson_clustered(sums, n.total() - n[OUT], protocol.level)
        rates[name] = rate if is_clustered else rate.model_copy(update={"low": None, "high": None})
    return rates


def rate_groups(groups: Mapping[Values, Codes], names: Sequence[str],
                protocol: Protocol) -> tuple[list[Group], int]:
    """The rates of each group, largest group first, and how many groups were left out.

    groups: values of the columns in `names` to the codes of the rows that have them.
    """
    by_size = sorted(((sum(codes.values()), values, codes) for values, codes in groups.items()),
                     key=lambda one: (-one[0], [(str(value), value is None) for value in one[1]]))
    found = [Group(by=dict(zip(names, values, strict=True)), n_samples=n, rates=rate_rows(codes, protocol))
             for n, values, codes in by_size[:MAX_GROUPS]]
    return found, len(by_size) - len(found)


def count_outcomes(counts: Mapping[tuple[str, str, str], int], verifiers: Sequence[str]) -> tuple[
        dict[str, OutcomeCounts], dict[str, dict[str, dict[str, int]]]]:
    """Outcomes by verifier, and reasons by verifier and outcome, of (verifier, outcome, reason) to rows."""
    reasons: dict[str, dict[str, dict[str, int]]] = {name: {} for name in verifiers}
    for (verifier, outcome, reason), n in sorted(counts.items()):
        reasons[verifier].setdefault(outcome, {})[reason] = n
    sums = {name: {outcome: sum(by.values()) for outcome, by in said.items()}
            for name, said in reasons.items()}
    return {name: OutcomeCounts.model_validate(said) for name, said in sums.items()}, reasons
