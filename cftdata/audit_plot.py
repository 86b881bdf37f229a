"""The audit as a picture: every measured rate as a point with its interval, before curating and after.

    >>> draw_rates(report, None, Path("audit.png"))        # doctest: +SKIP

Not covered: rates by group (the HTML report has them).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cftdata.errors import ExtraMissing
from cftdata.figures import AuditReport
from cftdata.words import HEADLINE, RATES, interval, percent

if TYPE_CHECKING:
    from cftdata.sample import Rate

__all__ = ["draw_rates", "shown_rates"]

INK, PALE, ACCENT = "#1f2328", "#8c959f", "#0969da"


def shown_rates(report: AuditReport, before: AuditReport | None) -> list[str]:
    """The rates of which anything was decided in either audit, in the order of the report; at least one.

    A closer look at wrong verdicts that says the same as the rate itself is left out.
    """
    def figures(name: str) -> list[tuple[int, int] | None]:
        rates = [one.rates.get(name) for one in (report, before) if one]
        return [(rate.n_hits, rate.n_decided) if rate else None for rate in rates]

    names = [name for name in RATES if any(found and found[1] for found in figures(name))]
    told = [name for name in names
            if not name.startswith("verdict_error_") or figures(name) != figures(HEADLINE)]
    return told or [HEADLINE]


def draw_rates(report: AuditReport, before: AuditReport | None, path: Path) -> None:
    """Writes the picture as PNG. Raises ExtraMissing; OSError where it cannot be written."""
    try:
        from matplotlib.figure import Figure
    except ImportError as fault:
        raise ExtraMissing("the picture of the audit", "hub") from fault
    names = shown_rates(report, before)
    figure = Figure(figsize=(8, 0.9 + 0.42 * len(names)), dpi=130, layout="constrained")
    axes = figure.subplots()
    series = [(before, PALE, "before curating", 0.14)] if before else []
    series.append((report, ACCENT, "as published", -0.14 if before else 0.0))
    for one, colour, label, shift in series:
        _draw_series(axes, [one.rates.get(name) for name in names], colour, label, shift)
    axes.set_yticks([-i for i in range(len(names))], [RATES[name][0] for name in names], color=INK)
    axes.set_ylim(-len(names) + 0.4, 0.6)
    axes.xaxis.set_major_formatter(lambda value, _: percent(value))
    axes.set_xlim(left=0)
    axes.grid(axis="x", color="#d0d7de", linewidth=0.6)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(length=0, labelsize=9)
    levels = {f"{rate.level:.0%} " for rate in report.rates.values()}
    axes.set_xlabel(f"share of what could be decided, with {''.join(levels)}intervals", fontsize=9, color=INK)
    if before:
        axes.legend(loc="best", fontsize=8, frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})   # the same figures give the same bytes


def _draw_series(axes: Any, rates: list[Rate | None], colour: str, label: str, shift: float) -> None:
    """Points with intervals and their figures; what nothing was decided of has none."""
    for place, rate in enumerate(rates):
        if rate is None or rate.rate is None or rate.low is None or rate.high is None:
            continue
        y = shift - place
        axes.plot([rate.low, rate.high], [y, y], color=colour, linewidth=2, solid_capstyle="round")
        axes.plot([rate.rate], [y], "o", color=colour, markersize=5, label=label)
        axes.annotate(f"{percent(rate.rate)} ({interval(rate)})", (rate.high, y), xytext=(5, 0), fontsize=7,
                      textcoords="offset points", va="center", color=INK)
        label = "_"
