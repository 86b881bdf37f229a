"""Report: a study's outcomes made into an `EffectReport`, and that into JSON, Markdown and one HTML page.

The page is one file that needs no network and holds no script; it has the house style of the audit's. What
the dataset card takes is `for_card`.

    >>> report = make_report(outcomes, trained, conditions)                               # doctest: +SKIP
    >>> write_report(report, Path("effect"))                                              # doctest: +SKIP

Not covered: the texts themselves (they stay beside the report, one file an arm and seed).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from markupsafe import Markup

from cftdata.effect.asymmetry import compare_sources
from cftdata.effect.cautions import warn
from cftdata.effect.cells import Table, read_table
from cftdata.effect.compare import PLANNED, compare
from cftdata.effect.dose import find_doses
from cftdata.effect.figures import Asymmetry, Comparison, Dose, EffectReport, Estimate, Gaps
from cftdata.effect.gaps import find_gaps
from cftdata.effect.measure import measure_table
from cftdata.effect.outcomes import Conditions, Outcome, SetName, TrainReport
from cftdata.effect.sentences import (
    capital,
    points,
    say_asymmetry,
    say_interval,
    say_p,
    say_seeds,
    say_value,
    say_what,
)
from cftdata.effect.views import (
    find_figure,
    list_answers,
    list_comparisons,
    list_judging,
    list_runs,
    list_sampled,
    plot_dose,
)
from cftdata.parquet import open_output
from cftdata.words import escape_markdown, percent, plain

if TYPE_CHECKING:
    import jinja2

__all__ = ["EffectReport", "for_card", "make_report", "render_html", "render_markdown", "write_report"]

T = TypeVar("T", Asymmetry, Gaps)
METHOD = (
    "Intervals and tests are over queries and seeds crossed: components of variance of the two-way layout, t "
    "with Satterthwaite's degrees of freedom; proportions by Wilson's formula with the effective number of "
    "outcomes. Arms are compared on the same queries and seeds. p is corrected by Holm's procedure: over the "
    "comparisons of greedy accuracy on held-out queries, and over all others together.")


def make_report(outcomes: Iterable[Outcome], trained: Sequence[TrainReport], conditions: Conditions,
                level: float = 0.95) -> EffectReport:
    """Everything that the outcomes come to. They are gone through once, and need not fit into memory.

    Raises ValueError where an outcome is there twice.
    """
    counted = _Counted(outcomes)
    table = read_table(counted, {each.arm for each in trained})
    figures = sorted(measure_table(table, level), key=lambda figure: _place(conditions, figure.arm))
    comparisons = compare(table, _arms(conditions, table), level)
    asymmetries = list(_of_every_arm(compare_sources, table, conditions, level))
    doses = find_doses(table, _doses(trained), level)
    return EffectReport(
        conditions=conditions, level=level, method=METHOD, trained=tuple(trained), figures=tuple(figures),
        comparisons=tuple(comparisons), asymmetries=tuple(asymmetries), doses=tuple(doses),
        gaps=tuple(_of_every_arm(find_gaps, table, conditions, level)), n_outcomes=counted.n_outcomes,
        n_generated=counted.n_tokens, sentences=tuple(_say(comparisons, doses, asymmetries, level)),
        warnings=tuple(warn(conditions, trained, figures)))


class _Counted:
    """The outcomes as they go by, counted."""

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._outcomes, self.n_outcomes, self.n_tokens = outcomes, 0, 0

    def __iter__(self) -> Iterator[Outcome]:
        for outcome in self._outcomes:
            self.n_outcomes += 1
            self.n_tokens += outcome.n_tokens
            yield outcome


def _arms(conditions: Conditions, table: Table) -> list[str]:
    """The arms that there are outcomes of, in the order to show."""
    return sorted({key.arm for key in table.blocks}, key=lambda arm: _place(conditions, arm))


def _place(conditions: Conditions, arm: str) -> tuple[int, str]:
    return (conditions.arms.index(arm) if arm in conditions.arms else len(conditions.arms), arm)


def _doses(trained: Sequence[TrainReport]) -> dict[str, float]:
    return {each.arm: each.dose for each in trained if each.dose is not None}


def _of_every_arm(find: Callable[[Table, str, SetName, float], T | None], table: Table,
                  conditions: Conditions, level: float) -> Iterator[T]:
    for arm in _arms(conditions, table):
        for name in get_args(SetName):
            if found := find(table, arm, name, level):
                yield found


def _say(comparisons: Sequence[Comparison], doses: Sequence[Dose], asymmetries: Sequence[Asymmetry],
         level: float) -> Iterator[str]:
    """The sentences of a study: its question first, then the cost of errors, then judging, all held out."""
    asked = [each for each in comparisons if (each.arm, each.other) in PLANNED and each.set == "held_out"]
    primary = [each for each in comparisons if each.family == "primary"]
    yield from (each.sentence for each in [each for each in primary if each in asked] or primary)
    yield from (each.sentence for each in doses if each.set == "held_out" and not each.is_sampled)
    yield from (each.sentence for each in asked if each.arm.startswith("cft")
                and (each.task, each.metric) == ("judge_others", "balanced_accuracy"))
    yield from (say_asymmetry(each, level) for each in asymmetries
                if each.set == "held_out" and each.arm in ("cft", "cft-curated"))


# ---- showing it


def write_report(report: EffectReport, folder: Path) -> None:
    """Writes effect.json, effect.md and effect.html, all or none. Raises OutputError."""
    with open_output(folder) as partial:
        (partial / "effect.json").write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
        (partial / "effect.md").write_text(render_markdown(report), encoding="utf-8")
        (partial / "effect.html").write_text(render_html(report), encoding="utf-8")


def render_markdown(report: EffectReport) -> str:
    """The report as Markdown, ending in a newline."""
    return _render("effect.md.j2", report)


def for_card(report: EffectReport) -> str:
    """What the dataset card says of the effect: sentences, table, conditions; Markdown without a heading."""
    return _render("effect_card.md.j2", report)


def _render(name: str, report: EffectReport) -> str:
    text = _templates().get_template(name).render(_shown(report))
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def render_html(report: EffectReport) -> str:
    """The report as one page."""
    folder = files("cftdata") / "templates"
    css = "".join((folder / name).read_text("utf-8") for name in ("report.css", "effect.css"))
    return _templates().get_template("effect.html.j2").render(_shown(report), css=Markup(css))


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("cftdata"), undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, autoescape=lambda name: name is not None and name.endswith(".html.j2"))
    environment.filters |= {
        "n": lambda number: f"{number:,}", "percent": percent, "plain": plain, "cell": escape_markdown,
        "points": points, "capital": capital, "value": say_value, "p": say_p, "span": _span, "size": _size,
        "minutes": _minutes}
    return environment


def _shown(report: EffectReport) -> dict[str, object]:
    primary, limit = list_comparisons(report, "primary")
    secondary, wide_limit = list_comparisons(report, "secondary")
    return {
        "report": report, "told": report.conditions, "level": f"{report.level * 100:g}%",
        "answers": list_answers(report), "judging": list_judging(report), "sampled": list_sampled(report),
        "families": [("primary", primary, limit), ("secondary", secondary, wide_limit)],
        "plots": [plot_dose(dose) for dose in report.doses], "runs": list_runs(report.trained),
        "n_trained": sum(each.n_tokens for each in report.trained), "what": say_what, "seeds": say_seeds,
        "find": lambda *names: find_figure(report, *names), "say_interval": say_interval,
    }  # fmt: skip


def _span(of: Estimate | None) -> str:
    """`57.4%–66.6%`, or a dash."""
    if of is None or of.low is None or of.high is None:
        return "—"
    return f"{percent(of.low)}–{percent(of.high)}"


def _size(n_parameters: int) -> str:
    """`135M`: parameters in short."""
    billions = n_parameters / 1e9
    return f"{billions:.2g}B" if billions >= 1 else f"{n_parameters / 1e6:.0f}M"


def _minutes(seconds: float) -> str:
    """`42 s` or `26 min`."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
