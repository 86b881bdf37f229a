"""The report of an audit, for people: Markdown, and one HTML page that needs no network.

The page holds everything it needs. Its one script is named by its hash in the page's content security
policy, so that no text of the data can run; texts are escaped, and formulas become MathML (`mathml`). The
flagged rows are `cards`; how figures and reasons are said is `words`.

    >>> Path("report.html").write_text(render_html(report, flagged, len(flagged)))        # doctest: +SKIP

Not covered: plots as image files, and a page of every flagged row where there are thousands (the caller
passes some; the page says how many there are, and that findings.parquet holds them all).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from cftdata.cards import make_cards, show_gap
from cftdata.mathml import render_answer, render_said, render_text
from cftdata.words import (
    BY_CONSENSUS,
    CLAIMS,
    HEADLINE,
    METHODS,
    ON_AGREEMENT,
    ON_LABELS,
    ON_SCORECARD,
    OUTCOMES,
    RATES,
    code,
    escape_markdown,
    headline,
    interval,
    labels_in_words,
    name_of,
    overlap_in_words,
    percent,
    plain,
    reason_in_words,
    share,
    sort_rates,
    step_in_words,
)

if TYPE_CHECKING:
    import jinja2

    from cftdata.cards import Flagged
    from cftdata.figures import AuditReport, Group
    from cftdata.sample import Rate
    from cftdata.scorecard import Score

MAX_GROUPS = 60  # rows of one plot; the rest are counted
MAX_PLACES = 5  # of a finding in its list; the others are behind a button


def render_markdown(report: AuditReport) -> str:
    """The figures as Markdown, ending in a newline. It holds no text of the critiques."""
    text = _templates().get_template("report.md.j2").render(_figures(report))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_html(report: AuditReport, flagged: Sequence[Flagged], n_flagged: int) -> str:
    """The figures and the flagged rows as one page; `flagged` may be a part of the `n_flagged` there are."""
    folder = files("cftdata") / "templates"
    css, js = ((folder / name).read_text("utf-8") for name in ("report.css", "report.js"))
    cards = make_cards(flagged)
    return _templates().get_template("report.html.j2").render(
        _figures(report), cards=cards, n_flagged=n_flagged, critics=_tally(card.critic for card in cards),
        reasons=_tally(reason for card in cards for reason in card.reasons),
        css=Markup(css), js=Markup(js), js_hash=b64encode(sha256(js.encode()).digest()).decode())


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cftdata"), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is not None and name.endswith(".html.j2"))
    environment.filters |= {
        "n": lambda number: f"{number:,}", "percent": percent, "interval": interval, "share": share,
        "words": reason_in_words, "plain": plain, "text": _rendered, "answer": _answer, "said": _said,
        "cell": escape_markdown, "code": code, "step": step_in_words}
    return environment


# ---- what the templates show


class RateRow(NamedTuple):
    """One line of a plot: a rate with its name, its clustered twin and what stands in place of a figure."""

    name: str
    of: str
    rate: Rate
    clustered: Rate | None
    instead: str | None


def _figures(report: AuditReport) -> dict[str, object]:
    clustered = report.clustered_rates
    methods = dict.fromkeys(each.method for each in [*report.rates.values(), *clustered.values()]
                            if each.low is not None)
    return {
        "report": report, "rate": report.rates.get(HEADLINE), "headlines": _headlines(report),
        "has_clusters": any(each.low is not None for each in clustered.values()),
        "undecided": _undecided(report),
        "rate_rows": _rate_rows(report),
        "has_critiques": _has_critiques(report),
        "plots": _plots(report.groups, rate_of_groups(report)) if _has_critiques(report) else [],
        "grouped": rate_of_groups(report),
        "methods": [METHODS.get(method, method) for method in methods],
        "overlap": overlap_in_words(report.overlap) if is_measured(report, CLAIMS) else [],
        "n_distinct": report.n_samples - report.n_duplicates, "scorecard": _scorecard(report),
        "on_agreement": ON_AGREEMENT, "on_scorecard": ON_SCORECARD, "on_labels": ON_LABELS,
        "labels": labels_in_words(report.label_agreement) if report.label_agreement else [],
        "max_groups": MAX_GROUPS, "max_places": MAX_PLACES,
        "cost": _cost(report.cost_usd), "outcomes": OUTCOMES, "name_of": name_of,
        "verifiers": _verifiers(report),
    }  # fmt: skip


def is_measured(report: AuditReport, name: str) -> bool:
    """Whether anything was decided of a rate."""
    return name in report.rates and report.rates[name].n_decided > 0


def rate_of_groups(report: AuditReport) -> str:
    """Name of the rate to show by group: the headline's, or where it is not known that by the consensus."""
    if is_measured(report, BY_CONSENSUS) and not is_measured(report, HEADLINE):
        return BY_CONSENSUS
    return HEADLINE


class Headline(NamedTuple):
    """A rate that the page begins with."""

    name: str
    sentence: str
    rate: Rate | None
    clustered: Rate | None


def _headlines(report: AuditReport) -> list[Headline]:
    """The verdict rate, and the claim rate where something was decided of it."""
    if not _has_critiques(report):
        n = len(report.suspect_labels)
        said = ["No row has a critique to judge."]
        said += [f"{n:,} {'label' if n == 1 else 'labels'} of the first wrong step "
                 f"{'is' if n == 1 else 'are'} suspect."] if n else []
        return [Headline(name_of(HEADLINE), sentence, None, None) for sentence in said]
    names = [HEADLINE, *([CLAIMS] if is_measured(report, CLAIMS) else [])]
    rates = {name: report.rates.get(name) for name in names}
    if not _asked(report)[HEADLINE]:
        rates[HEADLINE] = None
    return [Headline(name_of(name), headline(rate, name), rate, report.clustered_rates.get(name))
            for name, rate in rates.items()]


def _rate_rows(report: AuditReport) -> list[RateRow]:
    """The rates in order; where verdicts were not judged, one line says so."""
    is_judged = _asked(report)[HEADLINE]
    names = [name for name in sort_rates(report.rates)
             if is_judged or name == HEADLINE or not name.startswith(("verdict_error", "false_"))]
    unmeasured = {name for name, is_asked in _asked(report).items() if not is_asked}
    return [_rate_row(name, report.rates[name], report.clustered_rates.get(name),
                      "not measured by this protocol" if name in unmeasured else "nothing could be decided")
            for name in names]


def _has_critiques(report: AuditReport) -> bool:
    """False where every row lacks one, as in a set of labelled responses."""
    n_without = report.reasons.get("verdict", {}).get("abstain", {}).get("no_critique", 0)
    return n_without < report.n_samples or not report.n_samples


def _asked(report: AuditReport) -> dict[str, bool]:
    """Whether the protocol asks for verdicts, and for claims."""
    return {HEADLINE: "verdict" in report.verifiers,
            CLAIMS: any(f"{name}_error" in report.rates for name in report.verifiers if name != "verdict")}


def _rate_row(name: str, rate: Rate, clustered: Rate | None = None,
              instead: str = "nothing could be decided") -> RateRow:
    of = RATES[name][1] if name in RATES else "rows"
    return RateRow(name_of(name), of, rate, clustered, instead if rate.rate is None else None)


def _cost(cost_usd: float | None) -> str:
    if cost_usd is None:
        return "unknown"
    return "none: no paid call was made" if cost_usd == 0 else f"{cost_usd:,.2f} US dollars"


def _undecided(report: AuditReport) -> list[tuple[str, int]]:
    """Why the verdict verifier could not tell, most frequent first; counted over all samples."""
    reasons = report.reasons.get("verdict", {})
    return (Counter(reasons.get("abstain", {})) + Counter(reasons.get("error", {}))).most_common()


class Plot(NamedTuple):
    """The groups of one choice of columns, worst first."""

    columns: str
    rows: list[tuple[str, Group, RateRow]]
    n_more: int
    names: list[str]  # of the rates that its groups have


def _plots(groups: Iterable[Group], rate_name: str) -> list[Plot]:
    by_columns: dict[tuple[str, ...], list[Group]] = {}
    for group in groups:
        by_columns.setdefault(tuple(group.by), []).append(group)
    return [_plot(columns, members, rate_name) for columns, members in by_columns.items()]


def _plot(columns: tuple[str, ...], groups: list[Group], rate_name: str) -> Plot:
    def badness(group: Group) -> tuple[float, int]:
        rate = group.rates.get(rate_name)
        return (-1.0 if rate is None or rate.rate is None else rate.rate, group.n_samples)

    # Where there are too many to show, the largest groups are the ones to see.
    shown = sorted(sorted(groups, key=lambda group: -group.n_samples)[:MAX_GROUPS], key=badness, reverse=True)
    names = sort_rates({name for group in shown for name in group.rates})
    rows = [(" · ".join("(none)" if value is None else value for value in group.by.values()), group,
             _rate_row(rate_name, group.rates[rate_name])) for group in shown if rate_name in group.rates]
    return Plot(" × ".join(columns), rows, len(groups) - len(rows), names)


def _verifiers(report: AuditReport) -> list[dict[str, object]]:
    views: list[dict[str, object]] = []
    for name, n in report.verifiers.items():
        numbers = {"fail": n.fail, "error": n.error, "abstain": n.abstain, "pass": n.pass_}
        reasons = report.reasons.get(name, {})
        rows = [(outcome, reason, n) for outcome in OUTCOMES
                for reason, n in sorted(reasons.get(outcome, {}).items(), key=lambda item: -item[1])]
        views.append({"name": name.replace("_", " "), "counts": numbers, "n": sum(numbers.values()),
                      "reasons": rows})
    return views


def _scorecard(report: AuditReport) -> list[tuple[str, list[Score]]]:
    """Verifier to its scores, of all labels first; of parts only those that tell something."""
    scores: dict[str, list[Score]] = {}
    for score in report.scorecard:
        if score.part == "all" or score.precision.n_decided or score.recall.n_decided:
            name = score.verifier.replace("_", " ").replace(":", ": ")
            scores.setdefault(name, []).append(score)
    return list(scores.items())


def _tally(values: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(values).items(), key=lambda item: (-item[1], item[0]))


# ---- filters of the templates


def _said(text: str) -> Markup:
    return Markup(render_said(text)) if len(text) <= 1_000 else _rendered(text, 1_000)


def _rendered(text: str, limit: int = 300) -> Markup:
    return Markup(render_text(text[:limit]) + (show_gap(len(text) - limit) if len(text) > limit else ""))


def _answer(text: str) -> Markup:
    return Markup(render_answer(text)) if len(text) <= 300 else _rendered(text)
