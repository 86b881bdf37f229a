"""Agreement: where one response has verdicts of several critics, how often each stands against the others.

Two figures of each critic, both without any reference answer: how often its verdict differs from the
majority of the others' (leave one out), and the error rate that Dawid & Skene's model gives it (1979,
J. R. Stat. Soc. C 28:20), in which a response is right or wrong, unseen, and critics err independently of
each other given that.

A majority can be wrong together: critics that share a blind spot agree, and then the one that is right
stands out. So these figures are no evidence against any row, and are never mixed with rates that rest on
evidence.

    >>> said = measure_agreement([(b"r", "a", "right"), (b"r", "b", "right"), (b"r", "c", "wrong")])
    >>> said.disagreement.n_hits, said.disagreement.n_decided, said.disagreement.n_total
    (1, 1, 3)

There only c is decided: the others of a are split, and so are those of b.

Not covered: agreement by chance (kappa), the likeness of responses to one query, votes of several classes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cftdata.sample import Proportion, Rate, Record, Verdict
from cftdata.stats import Clusters, wilson_clustered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Agreement", "Ballot", "CriticAgreement", "count_ballots", "measure_agreement", "measure_ballots"]

MAX_ITERATIONS = 200
TOLERANCE = 1e-6
FEW_VOICES = 3
"""With two voices a response the model has more unknowns than the votes can tell apart."""
SIGN: dict[Verdict, int] = {"right": 1, "wrong": -1}

Vote = tuple[bytes, str | None, Verdict | None]
Ballot = tuple[tuple[str | None, Verdict | None, int], ...]
"""All that was said of one response: critic, verdict and how often, sorted. Responses with the same ballot
are alike to every figure here, so that the number of responses of each ballot is all that is needed; such
counts of two sets without a common response are the counts of both together when they are added."""


class CriticAgreement(Record):
    """How one critic stands to the others."""

    critic: str | None
    """The critic; None: those that are not named, together."""
    n_votes: Annotated[int, Field(ge=1)]
    """Its verdicts on responses that have two voices or more."""
    disagreement: Rate
    """Of its critiques, those whose verdict differs from the majority of the others' on the same response;
    undecided without a verdict, without others, and where these are split evenly."""
    estimated_error_rate: Proportion | None
    """Error rate by the model of Dawid & Skene; None when it judged no response that has
    three voices, or every response is split evenly. It has no interval: with few votes it says little."""


class Agreement(Record):
    """How the critics of the same responses agree."""

    n_responses: Annotated[int, Field(ge=1)]
    """Responses that have two voices or more."""
    n_votes: Annotated[int, Field(ge=2)]
    """Verdicts on these."""
    disagreement: Rate
    """The critics' disagreement, over all critiques; the interval is clustered by response."""
    critics: tuple[CriticAgreement, ...]
    """Every critic with a vote on these, by name; the unnamed last."""


def measure_agreement(votes: Iterable[Vote], level: float = 0.95) -> Agreement | None:
    """How the critics agree; None when no response has two voices.

    A vote is a response's key (query and response), its critic and its verdict, None where that could not
    be read. Critics are told apart by name and each is one voice; a critique without a name is a voice of
    its own. A critic that judges a response twice has two votes, neither of which counts against the other.
    level: of the intervals. Time is linear in the votes. Raises ValueError unless 0 < level < 1.
    """
    return measure_ballots(count_ballots(votes), level)


def count_ballots(votes: Iterable[Vote]) -> Counter[Ballot]:
    """Ballot to the number of responses that have it."""
    by_response: dict[bytes, Counter[tuple[str | None, Verdict | None]]] = defaultdict(Counter)
    for response, critic, verdict in votes:
        by_response[response][critic, verdict] += 1
    return Counter(tuple(sorted(((*said, n) for said, n in counts.items()), key=_order))
                   for counts in by_response.values())


def _order(said: tuple[str | None, Verdict | None, int]) -> tuple[bool, str, str]:
    critic, verdict, _ = said
    return critic is None, critic or "", verdict or ""


def measure_ballots(ballots: Mapping[Ballot, int], level: float = 0.95) -> Agreement | None:
    """As `measure_agreement`, of ballots that are counted: the order in which they were is of no weight."""
    counted = sorted(ballots.items(), key=lambda one: [(*_order(said), said[2]) for said in one[0]])
    shared = [(ballot, n) for ballot, n in counted if _count_voices(ballot) > 1]
    if not shared:
        return None
    n_votes = _count_votes(shared)
    known = {critic for ballot, _ in shared if _count_voices(ballot) >= FEW_VOICES
             for critic, verdict, _ in ballot if verdict}
    errors = _estimate_error_rates(shared) if known else {}
    known -= {None}  # critics without a name are several
    overall, by_critic = _rate(counted, level)
    critics = [CriticAgreement(critic=critic, n_votes=n_votes[critic], disagreement=by_critic[critic],
                               estimated_error_rate=errors.get(critic) if critic in known else None)
               for critic in _sort(n_votes)]
    return Agreement(n_responses=sum(n for _, n in shared), n_votes=n_votes.total(), disagreement=overall,
                     critics=tuple(critics))


def _sort(critics: Iterable[str | None]) -> list[str | None]:
    """By name, the unnamed last."""
    return sorted(critics, key=lambda critic: (critic is None, critic or ""))


def _count_voices(ballot: Ballot) -> int:
    """Critics that gave a verdict; each unnamed critique is one."""
    named = {critic for critic, verdict, _ in ballot if verdict and critic is not None}
    return len(named) + sum(n for critic, verdict, n in ballot if verdict and critic is None)


def _count_votes(ballots: Iterable[tuple[Ballot, int]]) -> Counter[str | None]:
    """Critic to the number of its verdicts."""
    n_votes = Counter[str | None]()
    for ballot, n in ballots:
        for critic, verdict, n_times in ballot:
            if verdict:
                n_votes[critic] += n_times * n
    return n_votes


def _judge(ballot: Ballot) -> Iterator[tuple[str | None, bool | None, int]]:
    """Critic, whether its verdict differs from the majority of the others' (None: undecided), how often."""
    balance, own = 0, Counter[str]()
    for critic, verdict, n in ballot:
        if verdict:
            balance += SIGN[verdict] * n
            if critic is not None:
                own[critic] += SIGN[verdict] * n
    for critic, verdict, n in ballot:
        own_votes = own[critic] if critic is not None else SIGN[verdict] if verdict else 0
        others = balance - own_votes
        yield critic, (others > 0) != (verdict == "right") if verdict and others else None, n


def _rate(ballots: Sequence[tuple[Ballot, int]], level: float) -> tuple[Rate, dict[str | None, Rate]]:
    """Of all, and of each critic, how often they differ from the others.

    The votes on one response hang together (of two that differ both do): it is one cluster.
    """
    overall, n_said = Clusters(), 0
    each: dict[str | None, Clusters] = defaultdict(Clusters)
    n_each = Counter[str | None]()
    for ballot, n_responses in ballots:
        differing, decided = Counter[str | None](), Counter[str | None]()
        for critic, differs, n in _judge(ballot):
            n_each[critic] += n * n_responses
            n_said += n * n_responses
            differing[critic] += n * bool(differs)
            decided[critic] += n * (differs is not None)
        overall.add_many(differing.total(), decided.total(), n_responses)
        for critic, n_decided in decided.items():
            each[critic].add_many(differing[critic], n_decided, n_responses)
    return (wilson_clustered(overall, n_said, level),
            {critic: wilson_clustered(each[critic], n, level) for critic, n in n_each.items()})


# --- The model of Dawid & Skene


def _estimate_error_rates(ballots: Sequence[tuple[Ballot, int]]) -> dict[str | None, float]:
    """Critic to the probability that its verdict is not the response's class, by the fitted model.

    Empty where every response is split evenly: then nothing says which class is the right one.
    """
    import numpy as np
    from scipy.sparse import csr_array

    cells = [(row, critic, verdict, n) for row, (ballot, _) in enumerate(ballots)
             for critic, verdict, n in ballot if verdict]
    critics = {critic: n for n, critic in enumerate(_sort({critic for _, critic, _, _ in cells}))}
    places = ([row for row, _, _, _ in cells],
              [2 * critics[critic] + (verdict == "right") for _, critic, verdict, _ in cells])
    said = csr_array((np.array([n for *_, n in cells], float), places),
                     shape=(len(ballots), 2 * len(critics)))
    balance = said @ np.tile([-1.0, 1.0], len(critics))
    if not balance.any():
        return {}
    prior, confusion = _fit((np.sign(balance) + 1) / 2, said, np.array([n for _, n in ballots], float))
    rates = prior[0] * confusion[:, 1, 0] + prior[1] * confusion[:, 0, 1]
    return {critic: float(np.clip(rates[n], 0, 1)) for critic, n in critics.items()}


def _fit(start: Numbers, said: Any, n_responses: Numbers) -> tuple[Numbers, Numbers]:
    """Prior of the classes (2) and confusion (critic, vote, class), by EM; 0 is wrong and 1 is right.

    start: of each ballot 1 where the majority votes `right`, 0 where it votes `wrong`, one half for a tie.
    (The shares of the votes, as start, would stand still where every response has the same votes.)
    said: sparse, the number of votes by ballot and, in turn, of each critic `wrong` and `right`.
    n_responses: of each ballot.
    """
    import numpy as np

    posterior = np.stack([1 - start, start], axis=1)
    for _ in range(MAX_ITERATIONS):
        before = posterior
        posterior = _expect(*_maximise(posterior, said, n_responses), said)
        if np.abs(posterior - before).max() < TOLERANCE:
            break
    return _maximise(posterior, said, n_responses)


def _maximise(posterior: Numbers, said: Any, n_responses: Numbers) -> tuple[Numbers, Numbers]:
    """The prior and the confusion that fit the classes of the ballots (ballot, class) best."""
    weighted = posterior * n_responses[:, None]
    # A critic may have no vote on a class: then it is even there, and its logarithm stays finite.
    counts: Numbers = (said.T @ weighted).reshape(-1, 2, 2) + 1e-10
    return weighted.sum(axis=0) / n_responses.sum(), counts / counts.sum(axis=1, keepdims=True)


def _expect(prior: Numbers, confusion: Numbers, said: Any) -> Numbers:
    """The classes of the ballots (ballot, class), as probabilities."""
    import numpy as np

    logs = said @ np.log(confusion.reshape(-1, 2)) + np.log(prior + 1e-300)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    posterior: Numbers = odds / odds.sum(axis=1, keepdims=True)
    return posterior
