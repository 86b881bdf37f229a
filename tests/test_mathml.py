"""Formulas are found, money is not; nothing of a text is lost; nothing of it is markup."""

from __future__ import annotations

import time
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.mathml import (
    MAX_TEX_CHARS,
    Mark,
    convert_tex,
    find_formulas,
    render_answer,
    render_said,
    render_text,
)

TAGS = {
    "math",
    "mi",
    "mn",
    "mo",
    "mtext",
    "mrow",
    "mstyle",
    "msqrt",
    "mroot",
    "mfrac",
    "msub",
    "msup",
    "msubsup",
    "munder",
    "mover",
    "munderover",
    "mtable",
    "mtr",
    "mtd",
    "mspace",
    "mpadded",
    "span",
    "code",
    "mark",
    "a",
}
ATTRIBUTES = {
    "class",
    "title",
    "id",
    "data-note",
    "display",
    "stretchy",
    "fence",
    "accent",
    "accentunder",
    "symmetric",
    "movablelimits",
    "largeop",
    "displaystyle",
    "separator",
    "width",
    "height",
    "lspace",
    "rspace",
    "rowspacing",
    "columnspacing",
    "columnalign",
    "columnlines",
    "rowlines",
    "minsize",
    "maxsize",
    "linethickness",
    "form",
    "scriptlevel",
    "mathvariant",
}
PIECES = [
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\\\(",
    "\\\\)",
    "\\[",
    "\\]",
    "\\$",
    "\\",
    "{",
    "}",
    "^",
    "_",
    "&",
    "x",
    "12",
    " ",
    "\n",
    "\r",
    "**",
    "**bold**",
    "# ",
    "<b>",
    "&lt;",
    '"',
    "\0",
    "\u202e",
    "\ud800",
    "\\frac",
    "\\frac12",
    "\\boxed{",
    "\\boxed{7}",
    "\\sqrt[3]{4}",
    "\\text{<i>}",
    "%",
    "\\href{javascript:f()}{x}",
    "\\unknown",
    "\\begin{aligned}",
    "\\end{aligned}",
    "\\\\",
    "\\left(",
    "\\right)",
    "word",
    "é",
    "∛",
    "\\color{red}",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=200)


class Reader(HTMLParser):
    """What a browser would read: the text outside <math>, and which of its characters are marked."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.marked: set[int] = set()
        self.ids: list[str] = []
        self.notes: list[str] = []
        self.open: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        assert tag in TAGS
        assert set(named) <= ATTRIBUTES
        self.ids += [named["id"] or ""] if "id" in named else []
        self.notes += (named["data-note"] or "").split("; ") if "data-note" in named else []
        self.open.append((tag, named.get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        if any(tag == "math" for tag, _ in self.open):
            return
        if ("span", "sign-of") in self.open:
            data = chr(int(data.removeprefix("U+"), 16))
        if ("mark", "") in self.open:
            self.marked.update(range(len(self.text), len(self.text) + len(data)))
        self.text += data


def formulas(text: str) -> list[str]:
    return [formula.tex.strip() for formula in find_formulas(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so $x = 3$ holds", ["x = 3"]),
        ("$$a+b$$ and \\[c\\] and \\(d\\)", ["a+b", "c", "d"]),
        ("the pressure \\\\( P \\\\) of \\\\( \\\\frac{1}{2} \\\\)", ["P", "\\frac{1}{2}"]),
        ("let $ P $ be, and $ k = 2 $", ["P", "k = 2"]),
        ("$5 and $6", []),
        ("costs $5 and $x$ more", ["x"]),
        ("pays $20. She then pays 30$ more", []),
        ("$3-$2=$1", []),
        ("$15*3=$<<15*3=45>>45", []),
        ("\\$5 and \\$6", []),
        ("$\\$5$ each", ["\\$5"]),
        ("the answer is \\boxed{12 \\text{ m}^{2}}.", ["\\boxed{12 \\text{ m}^{2}}"]),
        ("\\boxed{1{2", []),
        ("a lone $ and \\( and \\[", []),
        ("$a\n\nb$", []),
        ("$" + "x" * (MAX_TEX_CHARS + 1) + "$", []),
    ],
)
def test_formulas_are_found_and_money_is_not(text: str, expected: list[str]) -> None:
    assert formulas(text) == expected


@pytest.mark.parametrize(
    ("tex", "expected"),
    [
        ("x^2", "<math><msup><mi>x</mi><mn>2</mn></msup></math>"),
        ("\\frac{1}{2}", "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"),
        ("\\sqrt[3]{4}", "<math><mroot><mn>4</mn><mn>3</mn></mroot></math>"),
        ("50%", "<math><mn>50</mn><mi>%</mi></math>"),
        ("a < b", "<math><mi>a</mi><mo>&lt;</mo><mi>b</mi></math>"),
        ("\\boxed{7}", '<math><mrow class="box"><mn>7</mn></mrow></math>'),
        ("\\text{<script>}", "<math><mtext>&lt;script&gt;</mtext></math>"),
    ],
)
def test_tex_becomes_mathml(tex: str, expected: str) -> None:
    assert convert_tex(tex, False) == expected


@pytest.mark.parametrize(
    "tex",
    [
        "\\href{javascript:alert(1)}{x}",
        "\\style{x:y}{z}",
        "\\class{c}{x}",
        "\\color{white}{x}",
        "\\phantom{x}",
        "\\hspace{-9em}x",
        "\\llap{x}",
        "\\rule{9em}{9em}",
        "\\Huge x",
        "\\newcommand{\\a}{\\a\\a}\\a",
        "\\def\\a{\\b\\b}\\def\\b{x}\\a",
        "\\frac{a",
        "\\unknown{x}",
        "a & b",
        "&#x3c;",
        "\0",
        "x\u202ey",
        "{" * 1500,
        "^" * 1500,
        "\\sqrt{" * 180 + "}" * 180,
        "x" * (MAX_TEX_CHARS + 1),
        "",
        " ",
        "\\cancel{x}",
        "\\unicode{x202e}",
    ],
)
def test_what_is_not_allowed_or_broken_stays_source(tex: str) -> None:
    assert convert_tex(tex, False) is None
    assert Reader(render_text(f"${tex}$")).text == f"${tex}$"


def test_lines_of_a_display_stay_lines() -> None:
    for tex in ("a=1 \\\\ b=2", "\\begin{aligned} a&=1 \\\\ b&=2 \\end{aligned}"):
        assert (convert_tex(tex, True) or "").count("<mtr>") == 2


def test_an_answer_in_tex_is_a_formula() -> None:
    assert "<mroot>" in render_answer("8\\sqrt[3]{4}")
    assert render_answer("12 m") == "12 m"
    assert render_answer("\\oops") == "\\oops"


def test_markdown_signs_are_kept() -> None:
    html = render_text("# **A** $x**y$\nb **c**")
    assert Reader(html).text == "# **A** $x**y$\nb **c**"
    assert html.count('class="sign"') == 5
    assert '<span class="bold">c</span>' in html


def test_a_mark_across_a_formula_marks_the_whole_of_it_and_its_stretch_in_the_source() -> None:
    text = "so \\( 2+2=5 \\) holds"
    html = render_text(text, [Mark(11, text.index("holds") + 5, 'false "sum"', "e1")])
    assert html.count("<mark class=whole") == 1
    assert 'title="false &quot;sum&quot;"' in html
    reader = Reader(html)
    assert reader.ids == ["e1"]
    assert reader.marked == set(range(11, len(text)))


def test_a_note_stands_at_the_end_of_its_mark_and_is_no_character_of_the_text() -> None:
    text = "so **P = 32** and $x$ hold"
    marks = [Mark(0, 11, "false", "e0", '27, not "32"\u202e'), Mark(18, 19, "false", "e1", "x")]
    html = render_text(text, marks)
    assert html.count('data-note="27, not &quot;32&quot;U+202E"') == html.count("P = 32</span></mark>") == 1
    assert '<mark class=whole data-note="x"' in html
    assert html.count("data-note") == 2
    assert "\u202e" not in html
    assert Reader(html).text == text


@given(TEXTS, st.lists(st.tuples(st.integers(0, 60), st.integers(1, 60)), max_size=3))
def test_no_character_is_lost_doubled_or_wrongly_marked(text: str, spans: list[tuple[int, int]]) -> None:
    marks = [
        Mark(start, start + length, "why", f"e{i}", f"{i}, not {i}")
        for i, (start, length) in enumerate(spans)
        if start + length <= len(text)
    ]
    reader = Reader(render_text(text, marks))
    assert reader.text == text
    assert reader.marked == {at for mark in marks for at in range(mark.start, mark.end)}
    assert sorted(reader.ids) == sorted(mark.id or "" for mark in marks)
    assert sorted(reader.notes) == sorted(mark.note for mark in marks)
    assert not reader.open


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join) | st.text(max_size=80))
def test_any_tex_gives_allowed_elements_or_none(tex: str) -> None:
    mathml = convert_tex(tex, True)
    if mathml is not None:
        assert mathml.startswith('<math display="block">')
        Reader(mathml)


@pytest.mark.parametrize(
    "piece",
    [
        "$",
        "$a ",
        "$5 and ",
        "$$ a $ ",
        "\\(",
        "\\( a ",
        "\\[ a ",
        "\\boxed{",
        "\\boxed{a{b",
        "**a",
        "**",
        "#",
        "{",
        "\\",
    ],
)
def test_a_megabyte_of_openers_is_linear(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    assert all(formula.end > formula.start for formula in find_formulas(text))
    assert time.process_time() - started < 3  # a quadratic search would take hours


@pytest.mark.parametrize("frame", ["align*", "align", "equation", "gather*"])
def test_a_bare_environment_is_a_formula(frame: str) -> None:
    text = f"so \\begin{{{frame}}} x = 1 \\end{{{frame}}} holds"
    [formula] = find_formulas(text)
    assert (text[:formula.start], text[formula.end:], formula.block) == ("so ", " holds", True)
    assert "<mi>x</mi>" in render_text(text)
    assert not list(find_formulas("\\begin{align} never closed" + " \\begin{align}" * 500))


def test_bare_tex_in_a_sentence_of_ours_is_a_formula() -> None:
    html = render_said("the answer is 16, the reference is 8\\sqrt[3]{4} (different: exact); <b>")
    assert html.startswith("the answer is 16, the reference is <span")
    assert "<mroot>" in html
    assert html.endswith(" (different: exact); &lt;b&gt;")
    assert "<mfrac>" in render_said("-5/3, not \\frac{\\sqrt{5}}{3}")
    assert render_said("2048, not 8^3") == "2048, not 8^3"


@given(TEXTS)
def test_a_sentence_of_ours_loses_nothing_and_is_no_markup(text: str) -> None:
    reader = Reader(render_said(text))
    assert reader.text == text
    assert not reader.open
