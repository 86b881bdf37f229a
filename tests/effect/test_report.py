from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from made_study import Made, make_conditions, make_outcomes, make_trained
from outcome_rows import answered

from cftdata.effect.figures import EffectReport
from cftdata.effect.report import for_card, make_report, render_html, render_markdown, write_report

DOSED = Made(skill={"base": -1.0, "sft": 0.2, "cft": 0.3, "cft-curated": 0.4, "cft@0": 0.3, "cft@20": -0.1},
             n_queries=20, seeds=(0, 1, 2))


def make(made: Made) -> EffectReport:
    return make_report(make_outcomes(made), make_trained(made), make_conditions(made))


@pytest.fixture(scope="module")
def report() -> EffectReport:
    return make(DOSED)


def test_the_same_outcomes_make_the_same_report(report: EffectReport) -> None:
    assert make(DOSED) == report
    assert EffectReport.model_validate_json(report.model_dump_json()) == report


def test_everything_that_was_measured_is_in_it(report: EffectReport) -> None:
    assert report.figures[0].arm == "base"
    assert {each.arm for each in report.figures} == set(DOSED.skill)
    assert {dose.set for dose in report.doses} == {"held_out", "longer"}
    assert {each.arm for each in report.asymmetries} == set(DOSED.judging)
    assert report.n_outcomes == len(list(make_outcomes(DOSED)))
    assert report.n_generated == sum(each.n_tokens for each in make_outcomes(DOSED))
    primary = [each for each in report.comparisons if each.family == "primary"]
    assert report.sentences[0] == primary[0].sentence
    assert (primary[0].arm, primary[0].other) == ("cft", "sft")
    assert any("wrong critiques" in sentence for sentence in report.sentences)
    assert any("judges others" in sentence or "judging others and itself" in sentence
               for sentence in report.sentences)


def test_every_figure_of_the_question_is_in_every_form(report: EffectReport) -> None:
    shown = [render_markdown(report), render_html(report), for_card(report)]
    from cftdata.words import percent

    for figure in report.figures:
        named = (figure.set, figure.task, figure.metric, figure.is_sampled)
        if named == ("held_out", "answer", "accuracy", False):
            assert figure.value is not None
            assert figure.low is not None
            assert figure.high is not None
            for text in shown:
                assert percent(figure.value) in text
                assert f"{percent(figure.low)}–{percent(figure.high)}" in text


class Reader(HTMLParser):
    """Checks that tags close in order, and collects what would be loaded."""

    void = frozenset({"meta", "br", "link", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.loads += [tag] if tag in {"script", "link", "img", "iframe"} or "src" in names else []
        self.ids += [names["id"] or ""] if "id" in names else []
        self.links += [names["href"] or ""] if "href" in names else []
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(report: EffectReport) -> None:
    page = render_html(report)
    reader = Reader()
    reader.feed(page)
    assert (reader.open, reader.loads) == ([], [])
    assert not re.search(r"https?:|url\(|@import", page)
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)
    assert "NaN" not in page
    assert ">None<" not in page


@pytest.mark.parametrize("render", [render_markdown, render_html, for_card])
def test_names_from_outside_are_text(report: EffectReport, render: object) -> None:
    hostile = '<script>alert("x")</script>|\n# x'
    conditions = report.conditions.model_copy(update={"source": hostile, "model": hostile})
    text = render(report.model_copy(update={"conditions": conditions, "warnings": (hostile,)}))  # type: ignore[operator]
    assert "<script>" not in text
    assert render is render_html or "\n# x" not in text


def test_tables_in_markdown_have_as_many_cells_as_heads(report: EffectReport) -> None:
    for text in (render_markdown(report), for_card(report)):
        for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
            assert len({line.count("|") for line in table.strip().splitlines()}) == 1, table[:200]


def test_the_card_names_model_tokens_seeds_hardware_and_seconds(report: EffectReport) -> None:
    card = for_card(report)
    for said in ("SmolLM2-135M-Instruct (135M parameters)", "seeds 0, 1, 2", "3,000,000 tokens trained",
                 f"{report.n_generated:,} generated", "cpu, 2 threads", "801 s", report.sentences[0]):
        assert said in card


def test_three_files_are_written_together(report: EffectReport, tmp_path: Path) -> None:
    write_report(report, tmp_path / "effect")
    written = sorted(path.name for path in (tmp_path / "effect").iterdir())
    assert written == ["effect.html", "effect.json", "effect.md"]
    told = json.loads((tmp_path / "effect" / "effect.json").read_text("utf-8"))
    assert told["sentences"] == list(report.sentences)


@pytest.mark.parametrize("skill", [{"base": 0.0}, {"cft": 0.0}, {"base": 0.0, "leak": 3.0},
                                   {"cft@0": 0.0, "cft@10": 0.0}])
def test_a_study_of_few_arms_has_a_report(skill: dict[str, float]) -> None:
    made = make(Made(skill=skill, n_queries=5, seeds=(0,), judging={}, sets=("held_out",)))
    for text in (render_markdown(made), render_html(made), for_card(made)):
        assert all(arm in text for arm in skill)
    assert ("leak" in skill) == any("leak" in sentence for sentence in made.sentences)


def test_a_study_of_unreadable_answers_has_a_report() -> None:
    made = make_report([answered(i, None) for i in range(3)], [], make_conditions(DOSED))
    assert all(figure.value is None for figure in made.figures if figure.metric == "accuracy")
    for text in (render_markdown(made), render_html(made), for_card(made)):
        assert "100%" in text  # without a readable answer
    empty = make_report([], [], make_conditions(DOSED))
    assert (empty.figures, empty.sentences) == ((), ())
    assert "No two arms could be compared." in render_html(empty)
    assert render_markdown(empty)
    assert for_card(empty)
