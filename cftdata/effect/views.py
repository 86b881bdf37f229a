"""Views: the tables and plots of an effect report, as the templates show them.

Positions are shares of the width of a plot, in percent; those of the dose response are in units of its box.

    >>> list_ticks(0.0, 0.31)
    [0.0, 0.1, 0.2, 0.3, 0.4]

Not covered: colours and text (the templates).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil, floor, log10
from typing import NamedTuple, get_args

from cftdata.effect.figures import Asymmetry, Comparison, Dose, EffectReport, Figure
from cftdata.effect.outcomes import SetName, Task, TrainReport
from cftdata.effect.sentences import SETS

__all__ = ["Answers", "DosePlot", "Judging", "Run", "find_figure", "list_answers", "list_comparisons",
           "list_judging", "list_runs", "list_sampled", "list_ticks", "plot_dose"]

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 400, 220, 44, 40, 10, 14  # of the plot of a dose response


def find_figure(report: EffectReport, arm: str, name: SetName, task: Task, metric: str,  # noqa: PLR0913, PLR0917
                is_sampled: bool = False) -> Figure | None:
    """The figure of that name; None where it was not measured."""
    for figure in report.figures:
        if ((figure.arm, figure.set, figure.task, figure.metric, figure.is_sampled, figure.judged)
                == (arm, name, task, metric, is_sampled, None)):
            return figure
    return None


class AnswerRow(NamedTuple):
    """What one arm answers."""

    arm: str
    accuracy: Figure
    sampled: Figure | None
    right_of_all: Figure | None
    unreadable: Figure | None


class Answers(NamedTuple):
    """What the arms answer on one set."""

    words: str
    rows: list[AnswerRow]
    base: float | None  # greedy accuracy of the model as it is


def list_answers(report: EffectReport) -> list[Answers]:
    """The sets that were answered, each with its arms."""
    found = []
    for name in get_args(SetName):
        rows = [AnswerRow(arm, accuracy, find_figure(report, arm, name, "answer", "accuracy", True),
                          find_figure(report, arm, name, "answer", "right_of_all"),
                          find_figure(report, arm, name, "answer", "unreadable_rate"))
                for arm in _arms(report)
                if (accuracy := find_figure(report, arm, name, "answer", "accuracy"))]
        base = next((row.accuracy.value for row in rows if row.arm == "base"), None)
        if rows:
            found.append(Answers(SETS[name], rows, base))
    return found


def _arms(report: EffectReport) -> list[str]:
    return list(dict.fromkeys(figure.arm for figure in report.figures))


class JudgeRow(NamedTuple):
    """How one arm judges."""

    arm: str
    others: dict[str, Figure]  # by measure
    itself: dict[str, Figure]
    parts: list[tuple[str, dict[str, Figure]]]  # the two, and others' by kind where there are several kinds
    asymmetry: Asymmetry | None


class Judging(NamedTuple):
    """How the arms judge on one set."""

    words: str
    rows: list[JudgeRow]


def list_judging(report: EffectReport) -> list[Judging]:
    """The sets on which responses were judged, each with its arms."""
    tables = []
    for name in get_args(SetName):
        rows = [_judge_row(report, arm, name) for arm in _arms(report)]
        if shown := [row for row in rows if row.others or row.itself]:
            tables.append(Judging(SETS[name], shown))
    return tables


def _judge_row(report: EffectReport, arm: str, name: SetName) -> JudgeRow:
    others, itself = (_measures(report, arm, name, task) for task in ("judge_others", "judge_self"))
    kinds = sorted(kind for kind in others if kind is not None)
    parts = [("others", others.get(None, {})), *((f"others: {kind}", others[kind]) for kind in kinds),
             ("itself", itself.get(None, {}))]
    asymmetry = next((each for each in report.asymmetries if (each.arm, each.set) == (arm, name)), None)
    return JudgeRow(arm, parts[0][1], parts[-1][1], [part for part in parts if part[1]], asymmetry)


def _measures(report: EffectReport, arm: str, name: SetName,
              task: str) -> dict[str | None, dict[str, Figure]]:
    """Kind of what is judged (None: all) to its figures by measure."""
    found: dict[str | None, dict[str, Figure]] = {}
    for figure in report.figures:
        if (figure.arm, figure.set, figure.task) == (arm, name, task):
            found.setdefault(figure.judged, {})[figure.metric] = figure
    return found


class SampledRow(NamedTuple):
    """What one arm answers in several draws on one set."""

    arm: str
    words: str
    distinct: Figure | None
    passes: list[tuple[int, Figure]]  # k, and how often right at least once in k


def list_sampled(report: EffectReport) -> list[SampledRow]:
    """Diversity of sampled answers, where there are any."""
    rows = []
    for name in get_args(SetName):
        for arm in _arms(report):
            passes = [(int(figure.metric.removeprefix("pass_at_")), figure) for figure in report.figures
                      if (figure.arm, figure.set) == (arm, name) and figure.metric.startswith("pass_at_")]
            distinct = find_figure(report, arm, name, "answer", "distinct_answers", True)
            if passes or distinct:
                rows.append(SampledRow(arm, SETS[name], distinct, sorted(passes)))
    return rows


class CompareRow(NamedTuple):
    """A comparison with its place in the plot of differences."""

    comparison: Comparison
    low: float | None
    at: float
    high: float | None


def list_comparisons(report: EffectReport, family: str) -> tuple[list[CompareRow], float]:
    """The comparisons of a family, and the difference at the ends of their plot; 0 is in its middle.

    Means that are no proportions have no place in it, and stand in the last rows.
    """
    members = [each for each in report.comparisons if each.family == family]
    scaled = [each for each in members if each.metric != "distinct_answers"]
    ends = [abs(end) for each in scaled for end in (each.low, each.difference, each.high) if end is not None]
    limit = min(1.0, ceil(max([0.05, *ends]) * 20) / 20)
    rows = [CompareRow(each, _place(each.low, limit), _place(each.difference, limit) or 0.0,
                       _place(each.high, limit)) for each in scaled]
    rest = [CompareRow(each, None, -1.0, None) for each in members if each not in scaled]
    return rows + rest, limit


def _place(value: float | None, limit: float) -> float | None:
    return None if value is None else round(50 + 50 * min(1.0, max(-1.0, value / limit)), 2)


class Tick(NamedTuple):
    """A mark of an axis."""

    at: float
    value: float


class DosePlot(NamedTuple):
    """A dose response as a plot."""

    dose: Dose
    width: int
    height: int
    left: int
    right: int
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    points: list[tuple[float, float, float, float]]  # x, y, top and bottom of the interval
    line: tuple[float, float, float, float]  # x, y of both ends
    wedge: str  # corners of the area of the slopes inside the interval


def plot_dose(dose: Dose) -> DosePlot:
    """The plot of a dose response, in a box of WIDTH by HEIGHT."""
    shown = [point for point in dose.points if point.value is not None]
    highest = max(point.dose for point in shown)
    ends = [end for point in shown for end in (point.value, point.low, point.high) if end is not None]
    y_ticks = list_ticks(min(ends), max(ends))
    low, high = y_ticks[0], y_ticks[-1]

    def x(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * value / highest, 1)

    def y(value: float) -> float:
        inside = min(high, max(low, value))
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (high - inside) / (high - low), 1)

    mean_x = sum(point.dose for point in shown) / len(shown)
    mean_y = sum(point.value or 0.0 for point in shown) / len(shown)

    def ends_at(slope: float) -> list[tuple[float, float]]:
        return [(x(at), y(mean_y + slope * (at - mean_x))) for at in (shown[0].dose, highest)]

    (x0, y0), (x1, y1) = ends_at(dose.slope.value or 0.0)
    return DosePlot(
        dose, WIDTH, HEIGHT, LEFT, WIDTH - RIGHT,
        x_ticks=[Tick(x(point.dose), point.dose) for point in shown],
        y_ticks=[Tick(y(value), value) for value in y_ticks], line=(x0, y0, x1, y1),
        points=[(x(point.dose), y(point.value or 0.0), y(point.high or 0.0), y(point.low or 0.0))
                for point in shown], wedge=_wedge(dose, ends_at, (x(mean_x), y(mean_y))))


def _wedge(dose: Dose, ends_at: Callable[[float], list[tuple[float, float]]],
           middle: tuple[float, float]) -> str:
    """Two triangles that meet in the middle of the points."""
    if dose.slope.low is None or dose.slope.high is None:
        return ""
    flat, steep = ends_at(dose.slope.high), ends_at(dose.slope.low)
    corners = [flat[0], steep[0], middle, steep[1], flat[1], middle]
    return " ".join(f"{a},{b}" for a, b in corners)


def list_ticks(low: float, high: float) -> list[float]:
    """Round values around low and high, at most about six of them."""
    size = max(high - low, 0.02) / 5
    step = next(step for each in (1, 2, 5, 10, 20) if (step := each * 10 ** floor(log10(size))) >= size)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(i * step, 6) for i in range(first, max(last, first + 1) + 1)]


class Run(NamedTuple):
    """How an arm was trained, over its seeds."""

    arm: str
    dose: float | None
    seeds: list[int]
    n_rows: str
    n_tokens: str
    n_steps: str
    n_cut: int
    first_loss: float
    last_loss: float
    seconds: float


def list_runs(trained: Iterable[TrainReport]) -> list[Run]:
    """The arms with means over their seeds; counts that differ are shown from least to most."""
    by_arm: dict[str, list[TrainReport]] = {}
    for each in trained:
        by_arm.setdefault(each.arm, []).append(each)
    return [Run(arm, runs[0].dose, [each.seed for each in runs], _span(each.n_rows for each in runs),
                _span(each.n_tokens for each in runs), _span(each.n_steps for each in runs),
                sum(each.n_cut for each in runs), _mean(each.first_loss for each in runs),
                _mean(each.last_loss for each in runs), _mean(each.seconds for each in runs))
            for arm, runs in by_arm.items()]


def _span(counts: Iterable[int]) -> str:
    ends = sorted(counts)
    return f"{ends[0]:,}" if ends[0] == ends[-1] else f"{ends[0]:,} to {ends[-1]:,}"


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)
