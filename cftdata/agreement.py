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
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from cftdata.sample import Proportion, Rate, Record, Verdict
from cftdata.stats import wilson_clustered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

__all__ = ["Agreement", "CriticAgreement", "measure_agreement"]

MAX_ITERATIONS = 200
TOLERANCE = 1e-6
FEW_VOICES = 3
"""With two voices a response the model has more unknowns than the votes can tell apart."""
SIGN: dict[Verdict, int] = {"right": 1, "wrong": -1}

Vote = tuple[bytes, str | None, Verdict | None]


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


def measure_agreement(votes: Sequence[Vote], level: float = 0.95) -> Agreement | None:
    """How the critics agree; None when no response has two voices.

    A vote is a response's key (query and response), its critic and its verdict, None where that could not
    be read. Critics are told apart by name and each is one voice; a critique without a name is a voice of
    its own. A critic that judges a response twice has two votes, neither of which counts against the other.
    level: of the intervals. Time is linear in the votes. Raises ValueError unless 0 < level < 1.
    """
    n_voices = _count_voices(votes)
    shared = [(response, critic, verdict) for response, critic, verdict in votes
              if verdict and n_voices[response] > 1]
    if not shared:
        return None
    judged = _judge(votes)
    by_critic: dict[str | None, list[tuple[bytes, bool | None]]] = defaultdict(list)
    for (response, critic, _), differs in zip(votes, judged, strict=True):
        by_critic[critic].append((response, differs))
    n_votes = Counter(critic for _, critic, _ in shared)
    known = {critic for response, critic, _ in shared if n_voices[response] >= FEW_VOICES}
    errors = _estimate_error_rates(shared) if known else {}
    known -= {None}  # critics without a name are several
    critics = [CriticAgreement(critic=critic, n_votes=n_votes[critic],
                               disagreement=_rate(by_critic[critic], level),
                               estimated_error_rate=errors.get(critic) if critic in known else None)
               for critic in _sort(n_votes)]
    return Agreement(
        n_responses=len({response for response, _, _ in shared}), n_votes=len(shared),
        disagreement=_rate(zip((vote[0] for vote in votes), judged, strict=True), level),
        critics=tuple(critics))


def _sort(critics: Iterable[str | None]) -> list[str | None]:
    """By name, the unnamed last."""
    return sorted(critics, key=lambda critic: (critic is None, critic or ""))


def _count_voices(votes: Iterable[Vote]) -> Counter[bytes]:
    """Response to the number of its critics that gave a verdict; each unnamed critique is one."""
    said = [(response, critic) for response, critic, verdict in votes if verdict]
    named = {(response, critic) for response, critic in said if critic is not None}
    return Counter([*(response for response, _ in named),
                    *(response for response, critic in said if critic is None)])


def _judge(votes: Sequence[Vote]) -> list[bool | None]:
    """Of every vote, whether it differs from the majority of the others'; None when that is undecided."""
    balance, own = Counter[bytes](), Counter[tuple[bytes, str]]()
    for response, critic, verdict in votes:
        if verdict:
            balance[response] += SIGN[verdict]
            if critic is not None:
                own[response, critic] += SIGN[verdict]
    judged: list[bool | None] = []
    for response, critic, verdict in votes:
        own_votes = own[response, critic] if critic is not None else SIGN[verdict] if verdict else 0
        others = balance[response] - own_votes
        judged.append((others > 0) != (verdict == "right") if verdict and others else None)
    return judged


def _rate(judged: Iterable[tuple[bytes, bool | None]], level: float) -> Rate:
    """The votes on one response hang together (of two that differ both do): it is one cluster."""
    clusters: dict[bytes, Counter[bool | None]] = defaultdict(Counter)
    for response, differs in judged:
        clusters[response][differs] += 1
    sizes = [(counts[True], counts[True] + counts[False]) for counts in clusters.values()]
    return wilson_clustered(sizes, sum(counts.total() for counts in clusters.values()), level)


# --- The model of Dawid & Skene


def _estimate_error_rates(votes: Sequence[Vote]) -> dict[str | None, float]:
    """Critic to the probability that its verdict is not the response's class, by the fitted model.

    Empty where every response is split evenly: then nothing says which class is the right one.
    """
    import numpy as np
    from scipy.sparse import csr_array

    responses = {response: n for n, response in enumerate(dict.fromkeys(vote[0] for vote in votes))}
    critics = {critic: n for n, critic in enumerate(_sort({vote[1] for vote in votes}))}
    places = ([responses[response] for response, _, _ in votes],
              [2 * critics[critic] + (verdict == "right") for _, critic, verdict in votes])
    said = csr_array((np.ones(len(votes)), places), shape=(len(responses), 2 * len(critics)))
    balance = said @ np.tile([-1.0, 1.0], len(critics))
    if not balance.any():
        return {}
    prior, confusion = _fit((np.sign(balance) + 1) / 2, said)
    rates = prior[0] * confusion[:, 1, 0] + prior[1] * confusion[:, 0, 1]
    return {critic: float(np.clip(rates[n], 0, 1)) for critic, n in critics.items()}


def _fit(start: Numbers, said: Any) -> tuple[Numbers, Numbers]:
    """Prior of the classes (2) and confusion (critic, vote, class), by EM; 0 is wrong and 1 is right.

    start: of each response 1 where the majority votes `right`, 0 where it votes `wrong`, one half for a tie.
    (The shares of the votes, as start, would stand still where every response has the same votes.)
    said: sparse, the number of votes by response and, in turn, of each critic `wrong` and `right`.
    """
    import numpy as np

    posterior = np.stack([1 - start, start], axis=1)
    for _ in range(MAX_ITERATIONS):
        before, posterior = posterior, _expect(*_maximise(posterior, said), said)
        if np.abs(posterior - before).max() < TOLERANCE:
            break
    return _maximise(posterior, said)


def _maximise(posterior: Numbers, said: Any) -> tuple[Numbers, Numbers]:
    """The prior and the confusion that fit the classes of the responses (response, class) best."""
    # A critic may have no vote on a class: then it is even there, and its logarithm stays finite.
    counts: Numbers = (said.T @ posterior).reshape(-1, 2, 2) + 1e-10
    return posterior.mean(axis=0), counts / counts.sum(axis=1, keepdims=True)


def _expect(prior: Numbers, confusion: Numbers, said: Any) -> Numbers:
    """The classes of the responses (response, class), as probabilities."""
    import numpy as np

    logs = said @ np.log(confusion.reshape(-1, 2)) + np.log(prior + 1e-300)
    odds = np.exp(logs - logs.max(axis=1, keepdims=True))
    posterior: Numbers = odds / odds.sum(axis=1, keepdims=True)
    return posterior
