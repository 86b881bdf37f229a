"""The report says the figures honestly, and hostile texts in it stay texts."""

from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.agreement import Agreement, CriticAgreement
from cftdata.cards import MAX_CHARS, MAX_CHARS_OF_PAGE, MAX_MARKS, MIN_CHARS, Flagged, fit_page, windows
from cftdata.figures import AuditReport, Group, OutcomeCounts, Overlap, SuspectReference
from cftdata.mathml import Mark
from cftdata.report import rate_of_groups, render_html, render_markdown
from cftdata.sample import (
    Critique,
    Evidence,
    Outcome,
    Provenance,
    Query,
    Rate,
    Response,
    Sample,
    Target,
    Verification,
)
from cftdata.scorecard import Score

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = ("</textarea></script><script>document.title='owned'</script>"
           "<img src=x onerror=\"document.title='owned'\"><a href='javascript:alert(1)'>x</a> "
           "$\\href{javascript:alert(1)}{y}$ $\\text{<script>owned</script>}$ "
           "\\(\\frac{a\\) }}{{ 7*7 }}{% raw %} \0 \u202e &lt;b&gt; ]]> <!-- ")


def rate(n_hits: int, n_decided: int, n_total: int | None = None, low: float | None = 0.1,
         high: float | None = 0.3) -> Rate:
    bounds = (low, high) if n_decided else (None, None)
    return Rate(n_hits=n_hits, n_decided=n_decided, n_total=n_decided if n_total is None else n_total,
                rate=n_hits / n_decided if n_decided else None, low=bounds[0], high=bounds[1],
                method="wilson", level=0.95)


def audit(**changes: Any) -> AuditReport:
    values: dict[str, Any] = {
        "source": "set.jsonl", "revision": None, "split": None, "content_hash": "0f" * 32,
        "formats": {"one_shot_cft": 40}, "references": "column", "protocol": "verdict@0a1b2c",
        "cftdata_version": "0.1.0", "n_rows": 41, "n_unread": 1, "n_samples": 40, "n_duplicates": 0,
        "n_queries": 8, "rates": {"verdict_error": rate(6, 30, 40), "claim_error": rate(0, 0, 40)},
        "clustered_rates": {"verdict_error": rate(6, 30, 40, 0.05, 0.45)}, "groups": (),
        "verifiers": {"verdict": OutcomeCounts(pass_=24, fail=6, abstain=9, error=1)},
        "reasons": {"verdict": {"pass": {"verdict_agrees": 24}, "fail": {"wrong_called_right": 6},
                                "abstain": {"verdict_truncated": 9}, "error": {"timed_out": 1}}},
        "overlap": Overlap(n_verdict_only=6, n_claim_only=0, n_both=0, n_neither=24, n_undecided=10),
        "agreement": None, "scorecard": (), "suspect_references": (), "warnings": (),
        "cost_usd": 0.0, "seconds": 1.25}
    return AuditReport(**(values | changes))


def said(text: str, start: int, end: int, *, outcome: Outcome = "fail", reason: str = "wrong_called_right",
         target: Target = "critique", detail: str | None = "It says right.") -> Verification:
    return Verification(verifier="verdict", version="1", target=target, outcome=outcome, reason=reason,
                        detail=detail, evidence=Evidence(text=text[start:end], start=start, end=end))


def flagged(critique: str = "All steps hold. Conclusion: right [END]", *verifications: Verification,
            row: int = 3, critic: str | None = "critic/a", query: str = "2+2?",
            response: str = "5") -> Flagged:
    sample = Sample.of(Query(text=query, reference_answer="4"), Response(text=response),
                       Critique(text=critique, verdict="right", provenance=Provenance(model=critic)))
    found = verifications or (said(critique, 0, min(5, len(critique))),)
    return Flagged(row, "set.jsonl", sample.model_copy(update={"verifications": found}))


class Page(HTMLParser):
    """What stands in a page: its elements, its text, its scripts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.script = ""
        self.inside = ""
        self.feed(html)
        self.close()
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.inside = tag

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside == "script":
            self.script += data
        elif self.inside != "style":
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def with_class(self, name: str) -> int:
        return sum(name in (attributes.get("class") or "").split() for _, attributes in self.elements)


def page(report: AuditReport | None = None, rows: list[Flagged] | None = None, n_flagged: int = -1) -> Page:
    shown = rows or []
    return Page(render_html(report or audit(), shown, len(shown) if n_flagged < 0 else n_flagged))


# ---- Markdown


def test_markdown_holds_every_figure_and_no_flagged_text() -> None:
    group = Group(by={"critic": "a|b\nc"}, n_samples=9, rates={"verdict_error": rate(2, 8, 9)})
    unknown = Group(by={"critic": None}, n_samples=4, rates={"verdict_error": rate(0, 0, 4)})
    suspect = SuspectReference(query_id="0" * 32, query="How | many?\n`x`", reference_answer="12.8",
                               consensus_answer="8\\sqrt[3]{4}", n_for=7, n_against=1, n_samples=8)
    text = render_markdown(audit(groups=(group, unknown), suspect_references=(suspect,),
                                 warnings=("Too few | queries.",)))
    assert "**6 of 30 critiques have a wrong verdict: 20.0% (95% interval 10.0%–30.0%).**" in text
    assert "10 of 40 verdicts could not be checked" in text
    assert "| wrong verdict | 6 of 30 | 20.0% | 10.0%–30.0% | 5.0%–45.0% | 10 |" in text
    assert "| false claim in the critique | not measured by this protocol |" in text
    assert "| a\\|b c | 9 | 2 of 8 | 25.0% | 10.0%–30.0% |" in text
    assert "| (none) | 4 | nothing could be decided |" in text
    assert "| `` How \\| many? `x` `` | `12.8` | `8\\sqrt[3]{4}` | 7 | 1 | 8 |" in text
    assert "- Too few \\| queries." in text
    assert "verdict could not be read: cut off | 9 |" in text
    assert "findings.parquet" in text
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head() -> None:
    group = Group(by={"critic": "a|b"}, n_samples=9,
                  rates={"verdict_error": rate(2, 8), "false_right": rate(0, 3), "false_wrong": rate(2, 5)})
    tables = re.findall(r"(?:^\|.*\n)+", render_markdown(audit(groups=(group,))), re.MULTILINE)
    assert len(tables) == 5
    for table in tables:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1, table


# ---- the page


def test_the_page_says_the_headline_the_undecided_and_the_warnings() -> None:
    found = page(audit(warnings=("All rows share one query.",)))
    assert "6 of 30 critiques have a wrong verdict: 20.0% (95% interval 10.0%–30.0%)." in found.text
    assert "10 of 40 verdicts could not be checked; over all samples: verdict could not" in found.text
    assert "All rows share one query." in found.text
    assert "not measured by this protocol" in found.text
    assert "No row was flagged." in found.text
    assert found.with_class("warning") == 1
    assert page().with_class("warning") == 0


def test_the_page_reaches_for_nothing_and_names_its_one_script() -> None:
    found = page(rows=[flagged(HOSTILE)])
    policy = next(a["content"] or "" for _, a in found.elements if "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    assert f"'sha256-{b64encode(sha256(found.script.encode()).digest()).decode()}'" in policy
    assert found.count("script") == 1
    for _, attributes in found.elements:
        assert not {"src", "srcset", "data", "action"} & set(attributes)
        assert re.fullmatch(r"(flex-grow:\d+)?", attributes.get("style") or "")
        assert (attributes.get("href") or "#").startswith("#")
        assert not any(name.startswith("on") for name in attributes)


def test_hostile_text_shows_as_text_everywhere() -> None:
    verification = said(HOSTILE, 0, 30, detail=HOSTILE)
    row = flagged(HOSTILE, verification, critic=HOSTILE, query=HOSTILE, response=HOSTILE)
    group = Group(by={HOSTILE: HOSTILE}, n_samples=1, rates={"verdict_error": rate(1, 2)})
    suspect = SuspectReference(query_id="0" * 32, query=HOSTILE, reference_answer=HOSTILE,
                               consensus_answer=HOSTILE, n_for=1, n_against=0, n_samples=1)
    html = render_html(audit(source=HOSTILE, references=HOSTILE, warnings=(HOSTILE,), protocol=HOSTILE,
                             formats={HOSTILE: 1}, groups=(group,), suspect_references=(suspect,)), [row], 1)
    found = Page(html)
    assert found.count("script") == 1
    assert found.count("img") == 0
    assert found.text.count("<script>document.title='owned'</script>") >= 8
    assert "\0" not in html
    assert "\u202e" not in html
    html.encode()


def test_evidence_is_marked_where_it_stands_and_linked() -> None:
    text = "I find that $2+2=5$ holds. Conclusion: right [END]"
    at = text.index("Conclusion")
    html = render_html(audit(), [flagged(text, said(text, at, at + 17))], 1)
    assert ('<mark data-note="wrong response called right" title="verdict: wrong response called right">'
            '<a id="e0-0-0"></a>Conclusion: right</mark>') in html
    assert 'href="#e0-0-0"' in html
    assert "It says right." in html


def test_evidence_that_does_not_stand_where_it_says_is_told_and_not_marked() -> None:
    wrong = said("xxxxxxxx", 2, 6)
    found = page(rows=[flagged("a critique of another text", wrong)])
    assert found.count("mark") == 0
    assert "does not stand at the place it names" in found.text


def test_errors_and_unread_rows_appear() -> None:
    unread = Flagged(17, "set.jsonl", None, "bad_json", "Line 18 is no JSON.")
    broken = flagged("text", said("text", 0, 4, outcome="error", reason="timed_out"), row=5)
    found = page(rows=[unread, broken])
    assert "Row 17" in found.text
    assert "Line 18 is no JSON." in found.text
    assert "bad json" in found.text
    assert "could not run" in found.text
    assert "All 2 flagged rows are shown here" in found.text


def test_a_part_of_the_flagged_rows_says_so() -> None:
    found = page(rows=[flagged(row=row) for row in range(3)], n_flagged=15_000)
    assert "This page shows 3 of 15,000 flagged rows; all are in findings.parquet." in found.text
    assert found.count("article") == 3
    assert "The one flagged row is shown here" in page(rows=[flagged()]).text


def test_a_sample_without_response_or_critique_is_a_card() -> None:
    sample = Sample.of(Query(text="2+2?"))
    broken = Verification(verifier="verdict", version="1", target="sample", outcome="error", reason="crashed")
    row = Flagged(0, "set.jsonl", sample.model_copy(update={"verifications": (broken,)}))
    assert "There is no critique." in page(rows=[row]).text


def test_a_long_text_is_cut_around_its_evidence() -> None:
    text = "a" * 600_000 + "Conclusion: right" + "b" * 400_000
    html = render_html(audit(), [flagged(text, said(text, 600_000, 600_017))], 1)
    assert len(html) < 100_000
    assert "Conclusion: right</mark>" in html
    told = re.findall(r"… ([\d,]+) more characters in samples.parquet", html)
    gaps = [int(number.replace(",", "")) for number in told]
    assert len(gaps) == 2
    shown = max(len(run) for run in re.findall("a+", html)), max(len(run) for run in re.findall("b+", html))
    assert sum(gaps) > 1_000_000 - 25_000
    assert min(shown) > 1_000


@given(st.integers(0, 5_000), st.integers(10, 2_000), st.lists(st.integers(0, 4_999), max_size=4))
def test_windows_are_disjoint_and_hold_the_start_of_each_mark(n: int, limit: int, starts: list[int]) -> None:
    marks = [Mark(start, start + 1) for start in starts if start < n]
    found = windows(n, limit, marks)
    edges = [edge for window in found for edge in window]
    assert edges == sorted(edges)
    assert edges[0] == 0
    assert edges[-1] <= n
    assert sum(end - start for start, end in found) <= max(limit + len(marks), n if n <= limit else 0)
    if limit >= 4 * 4:
        assert all(any(start <= mark.start < end for start, end in found) for mark in marks)


def test_many_long_texts_are_cut_so_that_the_page_stays_small() -> None:
    assert fit_page([]) == fit_page([10, 20_000, 900_000]) == MAX_CHARS
    assert fit_page([20_000] * 1_000) == MAX_CHARS_OF_PAGE // 1_000
    assert fit_page([10] * 1_000 + [20_000] * 1_000) == MAX_CHARS_OF_PAGE // 1_000 - 10
    assert fit_page([20_000] * 1_000_000) == MIN_CHARS


def test_groups_are_plotted_worst_first_with_long_names_kept_in_a_title() -> None:
    names = ["good", "bad" * 60, "unknown"]
    rates = [rate(1, 10), rate(9, 10), rate(0, 0, 10)]
    groups = tuple(Group(by={"critic": name}, n_samples=10, rates={"verdict_error": each})
                   for name, each in zip(names, rates, strict=True))
    found = page(audit(groups=groups))
    rows = [a["title"] for tag, a in found.elements if tag == "th" and a.get("title") in names]
    assert rows == [names[1], "good", "unknown"]
    assert "nothing could be decided" in found.text


def test_too_many_groups_are_counted() -> None:
    groups = tuple(Group(by={"task": f"t{i}"}, n_samples=i, rates={"verdict_error": rate(1, 10)})
                   for i in range(200))
    assert "The 60 largest groups; 140 more are in report.json." in page(audit(groups=groups)).text
    assert "140 more groups are in report.json" in render_markdown(audit(groups=groups))


def test_the_clustered_interval_stands_beside_or_is_left_out() -> None:
    assert "5.0%–45.0%" in page().text
    alone = audit(clustered_rates={"verdict_error": rate(6, 30, 40, None, None)})
    assert "Clustered" not in page(alone).text
    assert "Whiskers" not in page(alone).text


def test_nothing_decided_is_said() -> None:
    found = page(audit(rates={"verdict_error": rate(0, 0, 40)}, clustered_rates={}))
    assert "Nothing could be decided" in found.text
    assert "0%" not in found.text.split("Rates, and what they rest on")[0]
    assert "did not measure wrong verdicts" in page(audit(rates={}, clustered_rates={})).text


def test_the_page_begins_with_both_rates_and_how_they_fall_together() -> None:
    report = claims()
    found = page(report)
    assert "9 of 39 critiques make a false claim: 23.1% (95% interval 10.0%–30.0%)." in found.text
    assert found.with_class("gauge") == 2
    assert page().with_class("gauge") == 1
    assert "How the two fall together" not in page().text
    assert re.findall(r'<td data-name="([^"]+)">.*?<b>([\d,]+)</b>', render_html(report, [], 0)) == [
        ("wrong verdict only", "2"), ("false claim only", "5"), ("both", "4"), ("neither", "28"),
        ("undecided", "1")]
    markdown = render_markdown(report)
    names = "| wrong verdict only | false claim only | both | neither | undecided | distinct samples |"
    assert names in markdown
    assert "| 2 | 5 | 4 | 28 | 1 | 40 |" in markdown
    assert "**9 of 39 critiques make a false claim" in markdown


def claims(**changes: Any) -> AuditReport:
    return audit(**{
        "rates": {"verdict_error": rate(6, 30, 40), "any_error": rate(11, 39, 40),
                  "arithmetic_error": rate(9, 39, 40), "claim_error": rate(9, 39, 40)},
        "verifiers": {"verdict": OutcomeCounts(pass_=24, fail=6, abstain=10),
                      "arithmetic": OutcomeCounts(pass_=30, fail=9, abstain=1)},
        "overlap": Overlap(n_verdict_only=2, n_claim_only=5, n_both=4, n_neither=28, n_undecided=1),
    } | changes)


def test_rates_of_single_claims_stand_under_that_of_claims() -> None:
    text = page(claims()).text
    assert re.search("false claim in the critique.*… false arithmetic.*any of these errors", text)
    assert page(claims()).with_class("variant") == 1
    assert "not measured by this protocol" not in text


def test_a_protocol_without_verdicts_says_so_once() -> None:
    unjudged = rate(0, 0, 40)
    report = claims(verifiers={"arithmetic": OutcomeCounts(pass_=30, fail=9, abstain=1)}, clustered_rates={},
                    rates={"verdict_error": unjudged, "false_right": unjudged, "claim_error": rate(9, 39, 40),
                           "verdict_error_unrounded": unjudged, "arithmetic_error": rate(9, 39, 40)})
    found = page(report)
    assert "This protocol did not measure wrong verdicts." in found.text
    assert found.text.count("not measured by this protocol") == 1
    assert "verdicts could not be checked" not in found.text
    assert "called right" not in found.text
    assert found.with_class("gauge") == 1


def test_where_only_the_consensus_is_known_groups_are_shown_against_it() -> None:
    rates = {"verdict_error": rate(0, 0, 9), "verdict_error_by_consensus": rate(2, 8, 9)}
    group = Group(by={"critic": "a"}, n_samples=9, rates=rates)
    report = audit(rates=rates, clustered_rates={}, groups=(group,))
    assert rate_of_groups(report) == "verdict_error_by_consensus"
    assert rate_of_groups(audit()) == "verdict_error"
    assert "Wrong verdicts by group, against the consensus answer" in page(report).text
    assert "## By critic, against the consensus answer" in render_markdown(report)
    assert "| a | 9 | 2 of 8 | 25.0% |" in render_markdown(report)


def test_agreement_is_shown_and_called_no_evidence() -> None:
    critics = (
        CriticAgreement(critic="critic|a", n_votes=9, disagreement=rate(2, 8, 9), estimated_error_rate=0.125),
        CriticAgreement(critic=None, n_votes=5, disagreement=rate(0, 0, 5), estimated_error_rate=None))
    agreement = Agreement(n_responses=7, n_votes=14, disagreement=rate(2, 8, 14), critics=critics)
    report = audit(agreement=agreement)
    for text in (page(report).text, render_markdown(report).replace("\\", "")):
        assert "A majority can be wrong together: this is no evidence" in text
        assert "2 of 8: 25.0% (95% interval 10.0%–30.0%)" in text
        assert "critic|a" in text
        assert "12.5%" in text
        assert "(not named)" in text
    assert "| critic\\|a | 9 | 2 of 8 | 25.0% | 10.0%–30.0% | 12.5% |" in render_markdown(report)
    assert "wrong together" not in page().text + render_markdown(audit())


def test_the_scorecard_is_shown_by_verifier_and_part() -> None:
    def score(part: str, verifier: str, hits: int, n: int) -> Score:
        return Score(part=part, verifier=verifier, kinds=("rounding",), n_labelled=20,
                     precision=rate(hits, n), recall=rate(0, 0))

    report = audit(scorecard=(score("all", "own_answer", 7, 8), score("all", "arithmetic:rounding", 1, 2),
                              score("held_out", "own_answer", 3, 4), score("work", "own_answer", 0, 0)))
    found = page(report)
    assert found.text.index("7/8") < found.text.index("3/4") < found.text.index("1/2")
    assert "arithmetic: rounding" in found.text
    assert "held out" in found.text
    assert "work" not in found.text
    assert "| own answer | held out | 20 | 3/4 | 10.0%–30.0% | 0/0 | — |" in render_markdown(report)
    assert "How good the verifiers are" not in page().text


# ---- places of findings


def places(text: str, spots: list[tuple[int, int, str | None]], target: Target = "critique") -> Verification:
    first, *more = [Evidence(text=text[start:end], start=start, end=end, note=note)
                    for start, end, note in spots]
    return Verification(verifier="arithmetic", version="1", target=target, outcome="fail", detail=first.note,
                        reason="false_equation", evidence=first, more=tuple(more))


def test_every_place_is_marked_with_its_note_and_listed() -> None:
    text = "P = 32, so V = 16 & Q = 5. Conclusion: right [END]"
    html = render_html(audit(), [flagged(text, places(text, [(0, 6, "27, not 32"), (11, 17, None),
                                                             (20, 25, '<b>"6"')]))], 1)
    found = Page(html)
    assert found.count("mark") == 3
    assert [a["data-note"] for tag, a in found.elements if tag == "mark"] == [
        "27, not 32", "says a false equation", '<b>"6"']
    links = [a["href"] or "" for tag, a in found.elements if tag == "a" and "#e0" in (a.get("href") or "")]
    assert links == ["#e0-0-0", "#e0-0-1", "#e0-0-2"]
    assert {a["id"] for tag, a in found.elements if tag == "a" and "id" in a} == {link[1:] for link in links}
    assert found.text.count("27, not 32") == 1  # in the list; the mark's is an attribute
    assert '<b>"6"' in found.text


@pytest.mark.parametrize("target", ["query", "response"])
def test_places_of_the_other_texts_are_marked_there(target: Target) -> None:
    row = flagged("It holds.", places("2+2=5", [(0, 5, "4, not 5")], target), query="2+2=5", response="2+2=5")
    html = render_html(audit(), [row], 1)
    assert html.count("<mark") == 1
    pane = html.index(f'class="pane {target}"')
    assert pane < html.index('data-note="4, not 5"') < html.index("</section>", pane)


def test_what_passed_is_not_marked() -> None:
    passed = places("P = 32", [(0, 6, "a running total")]).model_copy(update={"outcome": "pass"})
    assert page(rows=[flagged("P = 32", passed, said("P = 32", 4, 6))]).count("mark") == 1


def test_more_places_than_fit_are_counted() -> None:
    text = "1=2 " * 200
    many = places(text, [(4 * i, 4 * i + 3, f"note {i}") for i in range(200)])
    found = page(rows=[flagged(text, many)])
    assert found.count("mark") == MAX_MARKS
    assert f"{200 - MAX_MARKS} more are in findings.parquet." in found.text
    assert f"{MAX_MARKS - 5} more places" in found.text
    both = page(rows=[flagged(text, many, said(text, 0, 3))])
    assert both.count("mark") <= MAX_MARKS
    assert "wrong response called right" in both.text


def test_a_mark_across_a_cut_has_its_id_and_note_once() -> None:
    text = "x" * 300_000
    html = render_html(audit(), [flagged(text, places(text, [(5, 299_990, "all of it")]),
                                         said(text, 150_000, 150_010))], 1)
    assert html.count("<mark") > 2
    assert html.count('id="e0-0-0"') == html.count('id="e0-1-0"') == 1
    assert html.count('data-note="all of it"') == 1


# ---- in a browser


def browse(path: Path, html: str, fragment: str = "") -> str:
    """The page's document after its script ran."""
    assert CHROMIUM is not None
    (path / "report.html").write_text(html, encoding="utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
               "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
               f"--user-data-dir={path / 'profile'}", "--dump-dom",
               f"{(path / 'report.html').as_uri()}{fragment}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_hostile_text_does_not_run_and_formulas_are_formulas(tmp_path: Path) -> None:
    text = HOSTILE + " and $\\frac{1}{2}$"
    dom = browse(tmp_path, render_html(audit(), [flagged(text, query=HOSTILE)], 1))
    assert "<title>Audit of set.jsonl</title>" in dom
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in dom
    assert "1 of 1 shown" in dom


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_in_a_browser_the_filters_of_the_address_are_applied(tmp_path: Path) -> None:
    rows = [flagged("the apple is round", row=1, critic="critic/a"),
            flagged("the pear is round", row=2, critic="critic/a"),
            flagged("the pear is not round", said("the pear is not round", 4, 8, reason="right_called_wrong"),
                    row=3, critic="critic/b"),
            Flagged(4, "set.jsonl", None, "bad_json", "No JSON.")]
    html = render_html(audit(), rows, 4)
    for fragment, expected in [
        ("#q=PEAR&critic=critic%2Fa", ["2"]),
        ("#reason=verdict%3A+right+response+called+wrong", ["3"]),
        ("#q=nowhere", []),
    ]:
        dom = browse(tmp_path, html, fragment)
        cards = re.findall(r"<article ([^>]*)>", dom)
        shown = [re.findall(r'id="row-(\d+)', card)[0] for card in cards if " hidden" not in card]
        assert shown == expected
        assert f"{len(expected)} of 4 shown" in dom
