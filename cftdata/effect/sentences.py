"""Sentences: what the numbers of a study allow to say, and no more.

    >>> points(-0.019), say_interval(-0.019, 0.025), say_p(0.0002)
    ('−1.9', 'interval −1.9 to 2.5', 'p < 0.001')

A difference is said only where its corrected p value is below 1 - level; otherwise the sentence says that
there is none beyond noise, and gives the numbers all the same.

Not covered: other languages.
"""

from __future__ import annotations

from cftdata.effect.figures import Asymmetry, Comparison, Dose, Estimate, Figure
from cftdata.words import percent

__all__ = ["ASKED", "SETS", "capital", "points", "say_asymmetry", "say_comparison", "say_dose",
           "say_interval", "say_p", "say_seeds", "say_value", "say_what"]

SETS = {"held_out": "held-out queries", "longer": "longer queries", "reworded": "queries in other words",
        "gsm8k": "GSM8K's test set"}
ASKED = {"answer": "answering {}", "judge_others": "judging others' responses to {}",
         "judge_self": "judging its own responses to {}"}
MEASURED = {
    "accuracy": "", "right_of_all": "share of all with a readable right answer",
    "balanced_accuracy": "balanced accuracy", "processbench_f1": "ProcessBench F1",
    "distinct_answers": "distinct answers a query",
}  # fmt: skip
MINUS = "−"


def points(value: float) -> str:
    """A difference of proportions in percentage points: `−1.9`."""
    said = f"{abs(value) * 100:.1f}"
    return f"{MINUS}{said}" if value < 0 and float(said) else said


def say_value(value: float | None, metric: str = "accuracy") -> str:
    """A value of that measure: a percentage, a mean, or a dash."""
    if value is None:
        return "—"
    return f"{value:.2f}" if metric == "distinct_answers" else percent(value)


def say_interval(low: float | None, high: float | None, metric: str = "accuracy") -> str:
    """The interval of a difference, in percentage points, or for means as they are."""
    if low is None or high is None:
        return "no interval"
    said = _hundredths if metric == "distinct_answers" else points
    return f"interval {said(low)} to {said(high)}"


def say_p(p_value: float | None) -> str:
    """`p = 0.04`, or `p < 0.001`."""
    if p_value is None:
        return "no test"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.2g}"


def say_seeds(n_seeds: int) -> str:
    """`5 seeds`; of one seed, what that means."""
    return f"{n_seeds} seeds" if n_seeds != 1 else "1 seed, so the interval is over queries alone"


def say_what(of: Comparison | Dose | Figure) -> str:
    """What is measured: `answering held-out queries, sampled`."""
    measured = MEASURED.get(of.metric, of.metric.replace("_", " "))
    parts = [ASKED[of.task].format(SETS[of.set]), *(["sampled"] if of.is_sampled else []),
             *([measured] if measured else [])]
    return ", ".join(parts)


def say_comparison(of: Comparison, level: float, n_compared: int) -> str:
    """What a comparison allows to say; n_compared: tests of its family."""
    what = capital(say_what(of))
    figures = f"{say_value(of.value, of.metric)} against {say_value(of.other_value, of.metric)}"
    interval = f"{say_interval(of.low, of.high, of.metric)}, {say_seeds(of.n_seeds)}"
    if of.p_value is None or of.p_holm is None:
        return f"{what}: {of.arm} {figures} for {of.other}; too few queries to tell noise from a difference."
    if of.p_holm < 1 - level:
        more = "more" if of.difference > 0 else "less"
        size = f"{abs(of.difference):.2f}" if of.metric == "distinct_answers" else points(abs(of.difference))
        unit = "" if of.metric == "distinct_answers" else " points"
        return (f"{what}: {of.arm} reaches {size}{unit} {more} than {of.other}: {figures}, {interval} "
                f"({say_p(of.p_holm)}).")
    if of.p_value < 1 - level:
        return (f"{what}: no difference established between {of.arm} and {of.other}: {figures}, {interval}; "
                f"alone it would be one ({say_p(of.p_value)}), among {n_compared} comparisons it is not "
                f"({say_p(of.p_holm)}).")
    return f"{what}: no difference beyond noise between {of.arm} and {of.other}: {figures}, {interval}."


def say_dose(of: Dose, level: float) -> str:
    """What a dose response allows to say: the cost of a percentage point of wrong critiques."""
    cost, (low, high) = of.slope.value, (of.slope.low, of.slope.high)
    doses = ", ".join(f"{point.dose * 100:g}" for point in of.points)
    basis = f"planted {doses}%, {say_seeds(of.n_seeds)}"
    what = capital(say_what(of))
    if cost is None or low is None or high is None:
        return f"{what}: what wrong critiques cost cannot be told: there are too few queries ({basis})."
    interval = f"interval {_hundredths(-high)} to {_hundredths(-low)}"
    if not of.is_told:
        return (f"{what}: what wrong critiques cost cannot be told: for each percentage point of them the "
                f"line gives {_hundredths(-cost)} percentage points, {interval} ({basis}).{_why_not(of)}")
    verb = "costs" if cost < 0 else "brings"
    ends = interval if cost < 0 else f"interval {_hundredths(low)} to {_hundredths(high)}"
    bend = ("" if of.p_bend is None or of.p_bend >= 1 - level else
            f" The points do not lie on a line ({say_p(of.p_bend)}), so this is an average.")
    return (f"{what}: each percentage point of wrong critiques {verb} {_hundredths(abs(cost))} percentage "
            f"points, {ends} ({basis}).{bend}")


def _hundredths(value: float) -> str:
    said = f"{abs(value):.2f}"
    return f"{MINUS}{said}" if value < 0 and float(said) else said


def _why_not(of: Dose) -> str:
    values = [point.value for point in of.points if point.value is not None]
    if values and max(values) < 0.05 and of.task == "answer":
        return " Hardly any answer is right at any dose, so there is little to lose."
    return ""


def say_asymmetry(of: Asymmetry, level: float) -> str:
    """Whether an arm judges others better than itself, and whether it trusts itself more."""
    where = f"on {SETS[of.set]}"
    if of.difference.value is None:
        return (f"Whether {of.arm} judges others better than itself cannot be told {where}: no difficulty "
                "has enough right and wrong responses of both.")
    figures = (f"{say_value(of.others.value)} against {say_value(of.itself.value)} at equal difficulty and "
               f"base rate, {say_interval(of.difference.low, of.difference.high)}, {say_seeds(of.n_seeds)}")
    word = "better" if of.difference.value > 0 else "worse"
    said = (f"{of.arm} judges others {word} than itself {where}" if _excludes_0(of.difference) else
            f"No difference beyond noise between {of.arm} judging others and itself {where}")
    return f"{said}: {figures}. {_say_trust(of)}"


def _say_trust(of: Asymmetry) -> str:
    trust = of.self_trust
    interval = say_interval(trust.low, trust.high)
    if not _excludes_0(trust) or trust.value is None:
        return f"No self-trust beyond noise ({points(trust.value or 0)}, {interval})."
    size = f"{points(abs(trust.value))} points {'more' if trust.value > 0 else 'less'} often"
    return f"At equal truth it says `right` of itself {size} ({interval})."


def _excludes_0(of: Estimate) -> bool:
    return of.low is not None and of.high is not None and not of.low <= 0 <= of.high


def capital(text: str) -> str:
    """The text with its first letter large; the rest stays as it is."""
    return text[:1].upper() + text[1:]
