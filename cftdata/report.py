"""The report of an audit, for people: Markdown, and one HTML page that needs no network.

The page holds everything it needs. Its one script is named by its hash in the page's content security
policy, so that no text of the data can run; texts are escaped, and formulas become MathML (`mathml`).

A finding is marked in the text where it stands, at every place it has, with a note beside the mark ("27, not
32") that is no character of the text. How figures and reasons are said is `words`.

    >>> Path("report.html").write_text(render_html(report, flagged, len(flagged)))        # doctest: +SKIP

Not covered: plots as image files, and a page of every flagged row where there are thousands (the caller
passes some; the page says how many there are, and that findings.parquet holds them all).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from markupsafe import Markup

from cftdata.mathml import Mark, render_answer, render_text
from cftdata.words import (
    BY_CONSENSUS,
    CLAIMS,
    HEADLINE,
    METHODS,
    ON_AGREEMENT,
    ON_SCORECARD,
    OUTCOMES,
    RATES,
    code,
    escape_markdown,
    headline,
    interval,
    name_of,
    overlap_in_words,
    percent,
    plain,
    reason_in_words,
    share,
    sort_rates,
)

if TYPE_CHECKING:
    import jinja2

    from cftdata.figures import AuditReport, Group
    from cftdata.sample import Evidence, Rate, Sample, Verification
    from cftdata.scorecard import Score

MAX_GROUPS = 60  # rows of one plot; the rest are counted
MAX_MARKS = 60  # of one row, shared by its findings; the rest are counted
MAX_PLACES = 5  # of a finding in its list; the others are behind a button
MAX_NOTE_CHARS = 120  # of a note beside a mark; the list of findings has the whole
MAX_CHARS, MIN_CHARS = 20_000, 2_000  # of one text in the page, where it must be cut
MAX_CHARS_OF_PAGE = 4_000_000  # of all texts together, beyond which the longest ones are cut shorter


@dataclass(frozen=True, slots=True)
class Flagged:
    """A row to look at: a sample with a verification that failed or erred, or a row that was not read."""

    source_row: int
    """0-based position in the source."""
    file: str
    """File or Hub id it stands in."""
    sample: Sample | None
    """The sample; None when the row could not be read."""
    reason: str | None = None
    """Why it could not be read (a slug), where sample is None."""
    detail: str | None = None
    """The same in a sentence."""


def render_markdown(report: AuditReport) -> str:
    """The figures as Markdown, ending in a newline. It holds no text of the critiques."""
    text = _templates().get_template("report.md.j2").render(_figures(report))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_html(report: AuditReport, flagged: Sequence[Flagged], n_flagged: int) -> str:
    """The figures and the flagged rows as one page; `flagged` may be a part of the `n_flagged` there are."""
    folder = files("cftdata") / "templates"
    css, js = ((folder / name).read_text("utf-8") for name in ("report.css", "report.js"))
    limit = fit_page([len(text) for row in flagged for text in _texts(row.sample).values() if text])
    cards = [_card(index, row, limit) for index, row in enumerate(flagged)]
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
        "words": reason_in_words, "plain": plain, "text": _rendered, "answer": _answer,
        "cell": escape_markdown, "code": code}
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
        "plots": _plots(report.groups, rate_of_groups(report)), "grouped": rate_of_groups(report),
        "methods": [METHODS.get(method, method) for method in methods],
        "overlap": overlap_in_words(report.overlap) if is_measured(report, CLAIMS) else [],
        "n_distinct": report.n_samples - report.n_duplicates, "scorecard": _scorecard(report),
        "on_agreement": ON_AGREEMENT, "on_scorecard": ON_SCORECARD,
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


# ---- flagged rows


class Place(NamedTuple):
    """A stretch of text that a finding rests on."""

    evidence: Evidence
    anchor: str | None  # id of its mark; None where it does not stand where it says


class Finding(NamedTuple):
    """A verification that failed or erred, and where in the page its places are marked."""

    verification: Verification
    places: tuple[Place, ...]
    n_more: int  # places that the page does not show


class Card(NamedTuple):
    """A flagged row as the page shows it."""

    row: Flagged
    critic: str = ""
    student: str | None = None
    reasons: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    panes: tuple[tuple[str, Markup | None], ...] = ()


def _card(index: int, row: Flagged, limit: int) -> Card:
    sample = row.sample
    if sample is None:
        return Card(row, reasons=(f"unread: {reason_in_words(row.reason or 'unknown')}",))
    texts = _texts(sample)
    said = [one for one in sample.verifications if one.outcome in ("fail", "error")]
    n_marks = max(1, MAX_MARKS // max(1, len(said)))
    findings = tuple(_finding(f"e{index}-{position}", verification, texts.get(verification.target), n_marks)
                     for position, verification in enumerate(said))
    panes = tuple((name, None if text is None else _pane(name, text, findings, limit))
                  for name, text in texts.items())
    reasons = tuple(dict.fromkeys(_label(found.verification) for found in findings))
    critic, student = (text.provenance.model if text else None for text in (sample.critique, sample.response))
    return Card(row, (critic or "")[:200], student, reasons, findings, panes)


def _texts(sample: Sample | None) -> dict[str, str | None]:
    if sample is None:
        return {}
    return {"query": sample.query.text, "response": sample.response.text if sample.response else None,
            "critique": sample.critique.text if sample.critique else None}


def fit_page(lengths: Sequence[int]) -> int:
    """How many characters of a text to show at most, so that all together fit the page."""
    left = MAX_CHARS_OF_PAGE
    for position, length in enumerate(sorted(lengths)):
        share_of_each = left // (len(lengths) - position)
        if length > share_of_each:
            return max(MIN_CHARS, min(MAX_CHARS, share_of_each))
        left -= length
    return MAX_CHARS


def _label(verification: Verification) -> str:
    return f"{verification.verifier}: {reason_in_words(verification.reason)}"


def _finding(anchor: str, verification: Verification, text: str | None, n_marks: int) -> Finding:
    first = () if verification.evidence is None else (verification.evidence,)
    places = [evidence for evidence in (*first, *verification.more) if evidence.text and text is not None]
    shown = (Place(one, f"{anchor}-{number}" if (text or "")[one.start:one.end] == one.text else None)
             for number, one in enumerate(places[:n_marks]))
    return Finding(verification, tuple(shown), max(0, len(places) - n_marks))


def _mark(place: Place, verification: Verification) -> Mark:
    """The mark of a place; beside it stands its note, or why it was found where it has none."""
    note = plain(place.evidence.note or reason_in_words(verification.reason))
    short = note if len(note) <= MAX_NOTE_CHARS else note[:MAX_NOTE_CHARS - 1] + "…"
    return Mark(place.evidence.start, place.evidence.end, _label(verification), place.anchor, short)


def _pane(name: str, text: str, findings: Sequence[Finding], limit: int) -> Markup:
    """A text with its marks; of a long one the beginning and what surrounds the evidence."""
    marks = [_mark(place, found.verification) for found in findings if found.verification.target == name
             for place in found.places if place.anchor]
    parts = []
    position = 0
    for start, end in windows(len(text), limit, marks):
        if start > position:
            parts.append(_gap(start - position))
        inside = [_clip(mark, start, end) for mark in marks if mark.start < end and mark.end > start]
        parts.append(render_text(text[start:end], inside))
        position = end
    if position < len(text):
        parts.append(_gap(len(text) - position))
    return Markup("".join(parts))


def _clip(mark: Mark, start: int, end: int) -> Mark:
    """The part of a mark in `[start, end)`, counted from there; its id and note go with its beginning."""
    begins = mark.start >= start
    return Mark(max(mark.start, start) - start, min(mark.end, end) - start, mark.title,
                mark.id if begins else None, mark.note if begins else "")


def _gap(n_chars: int) -> str:
    return f'<span class="gap">… {n_chars:,} more characters in samples.parquet</span>'


def windows(n_chars: int, limit: int, marks: Sequence[Mark]) -> list[tuple[int, int]]:
    """Which stretches of a text to show: all, or about `limit` characters with the start of each mark."""
    if n_chars <= limit:
        return [(0, n_chars)]
    around = limit // (4 * max(1, len(marks)))
    wanted = [(0, limit // 2 if marks else limit)]
    wanted += [(max(0, mark.start - around), min(n_chars, mark.start + around)) for mark in marks]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(wanted):
        joined = merged.pop() if merged and start <= merged[-1][1] else (start, end)
        merged.append((joined[0], max(end, joined[1])))
    return merged


def _rendered(text: str, limit: int = 300) -> Markup:
    return Markup(render_text(text[:limit]) + (_gap(len(text) - limit) if len(text) > limit else ""))


def _answer(text: str) -> Markup:
    return Markup(render_answer(text)) if len(text) <= 300 else _rendered(text)
