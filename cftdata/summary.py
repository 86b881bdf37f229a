"""The summary of an audit: all that its report needs of the rows, counted query by query, merged by addition.

`count_queries` is a pure function of some queries with all their rows. Of two sets without a common query the
summaries, merged, are the summary of both, whichever comes first. So the rows can lie anywhere, and a
summary stays small however many there are.

    >>> from cftdata.config import load_protocol
    >>> count_queries([], Counting(load_protocol("default"))).n_samples
    0

What grows with the data all the same is what the report lists one by one (suspect references and labels), the
groups of a column with many values, and the ballots of many critics.
Not covered: what the figures are made of these counts (`tally`, `agreement`, `audit`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

from cftdata.agreement import Ballot, count_ballots
from cftdata.config import Protocol
from cftdata.figures import SuspectLabel, SuspectReference
from cftdata.stats import Clusters
from cftdata.step_labels import count_label_agreement, list_suspect_labels
from cftdata.suspects import describe_suspects, find_suspects
from cftdata.tally import Entry, Suspects, Values, cluster, code_entry, rate_names, rests_on_suspect

__all__ = ["Counting", "Flags", "Summary", "count_queries", "open_summary"]

Said = tuple[tuple[str, str, str], ...]
"""(verifier, outcome, reason) of several verifiers."""


@dataclass(frozen=True, slots=True)
class Counting:
    """How entries are counted."""

    protocol: Protocol
    groupings: tuple[tuple[int, ...], ...] = ()
    """Of each grouping the positions of its columns in an entry's values."""
    labelled: frozenset[bytes] = frozenset()
    """Ids of the samples of which the outcomes are kept."""
    suspected: Mapping[bytes, tuple[SuspectReference, ...]] = field(default_factory=dict)
    """Query to the references of it that were found suspect in a larger set."""


@dataclass(slots=True)
class Flags:
    """How many rows are flagged for one reason, and some of them: those of the least lot.

    A row's lot is the id of its sample, a hash of its texts: whatever parts the rows come in, the same are
    drawn, and each as likely as any other. Of rows that could not be read it is their place.
    """

    n_rows: int = 0
    rows: list[tuple[int, int]] = field(default_factory=list)
    """(lot, place in the source)."""

    def add(self, rows: Sequence[tuple[int, int]], n_rows: int, n_kept: int) -> None:
        """Adds rows, of which at least those n_kept of the least lot are given."""
        self.n_rows += n_rows
        self.rows += rows
        if len(self.rows) > 2 * n_kept:
            self.rows = sorted(self.rows)[:n_kept]


@dataclass(slots=True)
class Summary:
    """Counts over queries; those of `distinct` rows leave out rows that came before."""

    n_samples: int = 0
    n_distinct: int = 0
    n_queries: int = 0
    n_erred: int = 0
    """Samples on which a verifier broke."""
    n_unreferenced: int = 0
    """Distinct rows with neither reference nor label."""
    n_rounded: int = 0
    """Distinct rows that rest on a rounded decimal."""
    n_checkable: int = 0
    """Distinct rows with a verdict on a response that is known to be right or wrong."""
    n_critiqued: int = 0
    """Distinct rows of which some verifier says more than that there is no critique."""
    codes: Counter[bytes] = field(default_factory=Counter)
    """Codes of all rates (see `tally`) to distinct rows."""
    clusters: list[Clusters] = field(default_factory=list)
    """Of each rate."""
    groups: list[dict[Values, Counter[bytes]]] = field(default_factory=list)
    """Of each grouping the values to the codes of distinct rows."""
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """(verifier, outcome, reason) to samples."""
    ballots: Counter[Ballot] = field(default_factory=Counter)
    """Votes of the critics on one response to responses."""
    suspects: list[SuspectReference] = field(default_factory=list)
    suspect_labels: list[SuspectLabel] = field(default_factory=list)
    label_agreement: Counter[str] = field(default_factory=Counter)
    labelled: dict[str, Said] = field(default_factory=dict)
    """Id of a labelled sample to what the verifiers say of its last row."""
    flagged: dict[tuple[str, ...], Flags] = field(default_factory=lambda: defaultdict(Flags))
    """Reasons of what is flagged to the rows with just these."""

    def merge(self, other: Summary, counting: Counting) -> None:
        """Adds a summary of other queries."""
        for name in (one.name for one in fields(self)):
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, int):
                setattr(self, name, mine + theirs)
            elif isinstance(mine, Counter):
                mine.update(theirs)
        for sums, more in zip(self.clusters, other.clusters, strict=True):
            sums.merge(more)
        for mine, theirs in zip(self.groups, other.groups, strict=True):
            for values, codes in theirs.items():
                mine.setdefault(values, Counter()).update(codes)
        self.suspects += other.suspects
        self.suspect_labels += other.suspect_labels
        self.labelled |= other.labelled
        for reasons, flags in other.flagged.items():
            self.flagged[reasons].add(flags.rows, flags.n_rows, counting.protocol.flagged_rows_shown)


def open_summary(counting: Counting) -> Summary:
    """The summary of no row."""
    n_rates = len(rate_names(counting.protocol))
    return Summary(clusters=[Clusters() for _ in range(n_rates)], groups=[{} for _ in counting.groupings])


def count_queries(queries: Iterable[tuple[list[Entry], str | None]], counting: Counting) -> Summary:
    """The summary of queries, each with all its entries in the order of the source, and its text."""
    summary = open_summary(counting)
    for entries, text in queries:
        _count_query(summary, _mark_first(entries), text or "", counting)
    return summary


def _mark_first(entries: Iterable[Entry]) -> list[Entry]:
    """The entries, those not `first` whose query, response and critique came before."""
    seen = set[bytes]()
    marked = []
    for entry in entries:
        marked.append(entry if entry.sample_id not in seen else entry._replace(first=False))
        seen.add(entry.sample_id)
    return marked


def _count_query(summary: Summary, entries: list[Entry], text: str, counting: Counting) -> None:
    protocol, query = counting.protocol, entries[0].query
    suspects = find_suspects(entries, protocol, counting.suspected.get(query, ()))
    distinct = [entry for entry in entries if entry.first]
    summary.n_queries += 1
    summary.n_samples += len(entries)
    _count_traits(summary, entries, distinct)
    _count_rates(summary, distinct, suspects, counting)
    summary.outcomes.update(said for entry in entries for said in entry.outcomes)
    summary.ballots.update(count_ballots((entry.response, entry.critic, entry.verdict)
                                         for entry in distinct if entry.response is not None))
    summary.suspects += describe_suspects(suspects, entries, {query: text})
    summary.suspect_labels += list_suspect_labels(entries)
    summary.label_agreement.update(count_label_agreement(entries))
    for entry in entries:
        if entry.sample_id in counting.labelled:
            known = tuple(said for said in entry.outcomes
                          if not rests_on_suspect(entry, said[0], said[2], suspects))
            summary.labelled[entry.sample_id.hex()] = known
    _flag(summary, distinct, suspects, protocol)


def _count_traits(summary: Summary, entries: Iterable[Entry], distinct: Sequence[Entry]) -> None:
    """What caveats speak of."""
    summary.n_distinct += len(distinct)
    summary.n_erred += sum(any(outcome == "error" for _, outcome, _ in entry.outcomes) for entry in entries)
    for entry in distinct:
        summary.n_unreferenced += entry.reference is None and entry.right is None
        summary.n_rounded += entry.rounded
        summary.n_checkable += entry.right is not None and entry.verdict is not None
        summary.n_critiqued += any(reason != "no_critique" for _, _, reason in entry.outcomes)


def _count_rates(summary: Summary, distinct: Iterable[Entry], suspects: Suspects, counting: Counting) -> None:
    of_query = Counter[bytes]()
    for entry in distinct:
        codes = code_entry(entry, suspects, counting.protocol)
        of_query[codes] += 1
        for groups, positions in zip(summary.groups, counting.groupings, strict=True):
            groups.setdefault(tuple(entry.values[i] for i in positions), Counter())[codes] += 1
    summary.codes.update(of_query)
    for sums, (n_hits, n_decided) in zip(summary.clusters, cluster(of_query), strict=True):
        sums.add(n_hits, n_decided)


def _flag(summary: Summary, distinct: Iterable[Entry], suspects: Suspects, protocol: Protocol) -> None:
    """Flagged is what the protocol counts as an error, and what broke; not what rests on a suspect reference:
    the fault is most likely the reference's."""
    for entry in distinct:
        reasons = [reason for verifier, outcome, reason in entry.outcomes
                   if outcome == "error" or (outcome == "fail" and protocol.counts(verifier, reason)
                                             and not rests_on_suspect(entry, verifier, reason, suspects))]
        if reasons:
            summary.flagged[tuple(reasons)].add([(int.from_bytes(entry.sample_id), entry.source_row)], 1,
                                                protocol.flagged_rows_shown)
