r"""Text with formulas in TeX -> HTML in which the formulas are MathML and nothing is markup.

Formulas are `$…$` (money is not one), `$$…$$`, `\(…\)`, `\[…\]`, the double-escaped `\\(…\\)` that
critiques hold, a bare `\boxed{…}`, and a bare `\begin{align}…\end{align}` or its like. A formula becomes
MathML by latex2mathml; its elements, attributes and values are checked one by one and written out anew, so
that nothing of its markup reaches the page. What is not allowed, not understood, too long or broken is shown
as its TeX. Beside each formula stands its source, so that the characters of the page without its <math> are
those of the text.

Source: MathML Core (https://www.w3.org/TR/mathml-core/); the rule that `$5 and $6` is money is Pandoc's
(tex_math_dollars), with prose after a number refused too.

    >>> render_text("<b> and $x$")
    '&lt;b&gt; and <span class="tex"><math><mi>x</mi></math><code>$x$</code></span>'

Not covered: macros (\newcommand), colours, links and sizes in TeX (shown as source); Markdown beyond
**bold** and # headings; code blocks.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MAX_TEX_CHARS = 2_000
MAX_DEPTH = 100  # a browser's parser flattens what is nested deeper than about 500


@dataclass(frozen=True, slots=True)
class Formula:
    """A stretch of text that is a formula: `[start, end)` with its delimiters, and the TeX between them."""

    start: int
    end: int
    tex: str
    block: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text to be marked: `[start, end)`, why (shown on hovering), an id to link to, and a note
    that stands behind it: an attribute (data-note), so that it is no character of the text."""

    start: int
    end: int
    title: str = ""
    id: str | None = None
    note: str = ""


# Each body excludes its own delimiters and is bounded and possessive, so a failed opener costs at most
# MAX_TEX_CHARS steps and nothing is tried twice.
_FORMULA = re.compile(
    r"""\\\$                                                                   # a dollar sign, escaped
      | (?P<double>\\)?\\\( (?P<round> (?:(?!\\[()])(?s:.)){1,2000}+ ) \\\)
      | (?P<double2>\\)?\\\[ (?P<square> (?:(?!\\[\[\]])(?s:.)|(?<=\\)\\\[){1,2000}+ ) \\\]
      | \$\$ (?P<dollars> (?:[^$\\]|\\(?s:.)|\$(?!\$)){1,2000}+ ) \$\$
      | \$ (?P<dollar> (?:[^$\\\n]|\\(?s:.)|\n(?!\n)){1,2000}+ ) \$ (?!\d)
      | (?P<boxed> \\boxed\{ (?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]{0,200}+\}){0,200}+\}){1,500}+ \} )
      | (?P<framed> \\begin\{(?P<frame>(?:align(?:ed)?|equation|gather(?:ed)?|eqnarray)\*?)\}
          (?:(?!\\end\{(?P=frame)\})[^$]){1,2000}+ \\end\{(?P=frame)\} )
    """,
    re.VERBOSE,
)
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}+")
_BRACES = re.compile(r"\{[^{}]*+\}")
_SPACED_FORMULA = re.compile(r"[\\^_=]|^\s+[A-Za-z]\s+$")
# NUL and its like, which HTML cannot hold, halves of surrogate pairs, which UTF-8 cannot, and the marks
# that turn the order of letters around.
INVISIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u202a-\u202e\u2060"
                        "\u2066-\u2069\ufeff\ufffe\uffff\ud800-\udfff]")
_BOLD = re.compile(r"\*\*(?![\s*])[^*\n]{1,300}+(?<!\s)\*\*")
_HEADING_OR_BOLD = re.compile(rf"^(?P<heading>#{{1,6}} )[^\n]++|{_BOLD.pattern}", re.MULTILINE)
Style = tuple[int, int, str]  # start, end, class


def find_formulas(text: str) -> Iterator[Formula]:
    """The formulas of a text in order; they do not overlap."""
    position = 0
    while match := _FORMULA.search(text, position):
        kind = match.lastgroup
        if kind == "dollar" and _is_money(match[kind]):
            position = match.start() + 1  # its closing dollar may open a formula
            continue
        position = match.end()
        if kind is None:
            continue
        tex = match[kind]
        if (len(tex) - len(tex.rstrip("\\"))) % 2:  # the first half of a double-escaped closer
            tex = tex[:-1]
        if match["double"] or match["double2"]:
            tex = tex.replace("\\\\", "\\")
        yield Formula(match.start(), match.end(), tex, block=kind in ("square", "dollars", "framed"))


def _is_money(body: str) -> bool:
    """Whether what stands between two dollar signs is text between two sums of money."""
    spaced = body[0].isspace()
    if spaced != body[-1].isspace() or (spaced and not _SPACED_FORMULA.search(body)):
        return True
    n_words = len(_WORD.findall(_BRACES.sub("", body)))
    return body.rstrip()[-1:] in tuple("=+-*/<>,(") or n_words >= (1 if body.lstrip()[:1].isdigit() else 3)


@dataclass(frozen=True, slots=True)
class _Text:
    """A text on its way to HTML."""

    text: str
    marks: Sequence[Mark]
    styles: Sequence[Style] = ()  # disjoint, in order
    ids: set[str] = field(default_factory=set)  # of the marks that have not begun yet


def render_text(text: str, marks: Sequence[Mark] = ()) -> str:
    """HTML of a text. A mark that touches a formula marks the whole of it, and its stretch in the source."""
    formulas = list(find_formulas(text))
    whole = _Text(text, marks, _find_styles(text, formulas), {mark.id for mark in marks if mark.id})
    parts = []
    position = 0
    for formula in formulas:
        mathml = convert_tex(formula.tex, formula.block)
        if mathml is None:
            continue
        parts += [_render_plain(whole, position, formula.start), _render_formula(whole, formula, mathml)]
        position = formula.end
    return "".join([*parts, _render_plain(whole, position, len(text))])


def _render_formula(whole: _Text, formula: Formula, mathml: str) -> str:
    touching = [mark for mark in whole.marks if mark.start < formula.end and mark.end > formula.start]
    opening = _open_mark(touching, whole.ids, formula.end, " class=whole") if touching else ""
    inside = [replace(mark, note="") for mark in touching]
    source = _render_plain(_Text(whole.text, inside), formula.start, formula.end)
    kind = "tex block" if formula.block else "tex"
    html = f'<span class="{kind}">{mathml}<code>{source}</code></span>'
    return f"{opening}{html}</mark>" if touching else html


def _render_plain(whole: _Text, start: int, end: int) -> str:
    """HTML of `text[start:end]`, cut where a mark or a style begins or ends."""
    touching = [mark for mark in whole.marks if mark.start < end and mark.end > start]
    first = max(0, bisect_left(whole.styles, (start,)) - 1)
    near = whole.styles[first:bisect_left(whole.styles, (end,))]
    edges = {start, end, *(edge for mark in touching for edge in (mark.start, mark.end)),
             *(edge for style in near for edge in style[:2])}
    parts = []
    for left, right in pairwise(sorted(edge for edge in edges if start <= edge <= end)):
        html = escape_text(whole.text[left:right])
        before = bisect_left(near, (right,)) - 1
        if before >= 0 and near[before][1] > left:
            html = f'<span class="{near[before][2]}">{html}</span>'
        covering = [mark for mark in touching if mark.start <= left and right <= mark.end]
        parts.append(f"{_open_mark(covering, whole.ids, right)}{html}</mark>" if covering else html)
    return "".join(parts)


def _open_mark(marks: Sequence[Mark], unused: set[str], end: int, attributes: str = "") -> str:
    """The opening tag of a piece that ends at `end`, with the titles of its marks; the first piece of a mark
    holds its id, the last one its note."""
    titles = _join(mark.title for mark in marks)
    notes = _join(mark.note for mark in marks if mark.end <= end)
    attributes += f' data-note="{notes}"' if notes else ""
    ids = dict.fromkeys(mark.id for mark in marks if mark.id in unused)
    unused.difference_update(ids)
    anchors = "".join(f'<a id="{escape(mark_id or "")}"></a>' for mark_id in ids)
    return f'<mark{attributes} title="{titles}">{anchors}'


def _join(values: Iterable[str]) -> str:
    """Different values as that of one attribute."""
    joined = escape("; ".join(dict.fromkeys(value for value in values if value)))
    return INVISIBLE.sub(lambda match: f"U+{ord(match[0]):04X}", joined)


def _find_styles(text: str, formulas: Sequence[Formula]) -> list[Style]:
    """Stretches in bold and headings, and the signs that made them (`sign`), disjoint and in order."""
    parts = []
    position = 0
    for formula in formulas:  # what stands in a formula is no Markdown
        parts += [text[position:formula.start], "x" * (formula.end - formula.start)]
        position = formula.end
    hidden = "".join([*parts, text[position:]])
    styles: list[Style] = []
    for match in _HEADING_OR_BOLD.finditer(hidden):
        start, end = match.span()
        if heading := match["heading"]:
            signs = [(start, start + len(heading))]
            for bold in _BOLD.finditer(hidden, start + len(heading), end):
                signs += [(bold.start(), bold.start() + 2), (bold.end() - 2, bold.end())]
        else:
            signs = [(start, start + 2), (end - 2, end)]
        for sign, following in pairwise([*signs, (end, end)]):
            styles += [(*sign, "sign"), (sign[1], following[0], "bold")]
    return [style for style in styles if style[0] < style[1]]


def render_answer(text: str) -> str:
    """HTML of an answer, which is often TeX without dollar signs."""
    mathml = convert_tex(text, False) if "\\" in text and not any(find_formulas(text)) else None
    if mathml is None:
        return render_text(text)
    return f'<span class="tex">{mathml}<code>{escape_text(text)}</code></span>'


_BARE_TEX = re.compile(
    r"[^\s\\,;]{0,200}+\\[A-Za-z]+(?:\{(?:[^{}]|\{[^{}]{0,200}+\}){0,200}+\}|\[[^\[\]]{0,50}+\]|[^\s,;{}\[\]]){0,200}+")


def render_said(text: str) -> str:
    """HTML of a sentence of ours, in which answers and equations may stand as bare TeX."""
    if "\\" not in text or any(find_formulas(text)):
        return render_text(text)
    parts, position = [], 0
    for match in _BARE_TEX.finditer(text):
        parts += [escape_text(text[position:match.start()]), render_answer(match[0])]
        position = match.end()
    return "".join([*parts, escape_text(text[position:])])


def escape_text(text: str) -> str:
    """HTML of plain text: markup escaped, and characters that cannot be seen shown as `U+202E`."""
    shown = escape(text, quote=False)
    if "\r" in shown:
        shown = shown.replace("\r", "&#13;")  # a bare one would be read back as a line feed
    return INVISIBLE.sub(lambda match: f'<span class="sign-of">U+{ord(match[0]):04X}</span>', shown)


# ---- TeX -> MathML

_SIGNS = frozenset(["mi", "mn", "mo", "mtext"])
_ROWS = frozenset(["mrow", "mstyle", "msqrt", "mtd", "mtr", "mtable", "mpadded", "menclose"])
_N_CHILDREN = {"mfrac": 2, "mroot": 2, "msub": 2, "msup": 2, "munder": 2, "mover": 2,
               "msubsup": 3, "munderover": 3, "mspace": 0}
_BOOLEAN = re.compile(r"true|false")
_LENGTH = re.compile(r"0|\+?\d?\.?\d{1,3}(em|ex|mu|pt)|negativethinmathspace")
_ALIGN = re.compile(r"left|right|center")
_LINES = re.compile(r"(none|solid|dashed)( (none|solid|dashed)){0,20}")
# No href, style, class, colour, background or size: a formula may neither act nor hide.
_ATTRIBUTES = {
    **dict.fromkeys(["stretchy", "fence", "accent", "accentunder", "movablelimits", "largeop", "displaystyle",
                     "symmetric", "separator"], _BOOLEAN),
    **dict.fromkeys(["width", "height", "lspace", "rspace", "rowspacing", "minsize", "maxsize",
                     "linethickness"], _LENGTH),
    "columnspacing": re.compile(r"(\d(\.\d)?em ?){0,20}"),
    "columnalign": _ALIGN, "columnlines": _LINES, "rowlines": _LINES,
    "form": re.compile(r"prefix|infix|postfix"), "scriptlevel": re.compile(r"[+-]?[0-3]"),
    "mathvariant": re.compile(
        r"normal|bold|(bold-)?(italic|fraktur|script|sans-serif)|double-struck|monospace"
    ),
}  # fmt: skip
_UNUSED = frozenset({"voffset", "depth"})  # of arrows with text; browsers do not read them
_REFERENCE = re.compile(r"&#x([0-9A-Fa-f]{1,5});")
_MACRO = re.compile(r"\\(re|provide)?(newcommand|newenvironment|def|let|gdef|edef)(?![a-zA-Z])|&#")
_PERCENT = re.compile(r"\\(?s:.)|%")
_ALIGNED = re.compile(r"\\(begin|end)\{(aligned|gathered|gather\*?|eqnarray\*?|align|equation\*?)\}")


class _NotAllowedError(Exception):
    """The formula holds what may not reach the page."""


@lru_cache(maxsize=50_000)
def convert_tex(tex: str, block: bool) -> str | None:
    """MathML of a formula, or None where it is to be shown as its source."""
    if not tex.strip() or len(tex) > MAX_TEX_CHARS or _MACRO.search(tex) or INVISIBLE.search(tex):
        return None
    from latex2mathml.converter import Converter

    # TeX would drop what follows a bare %; people mean the sign.
    tex = _PERCENT.sub(lambda match: r"\%" if match[0] == "%" else match[0], tex)
    tex = _ALIGNED.sub(r"\\\1{align*}", tex)
    if "\\\\" in tex and r"\begin" not in tex:
        frame = (r"\begin{align*}", r"\end{align*}") if "&" in tex else (r"\begin{array}{l}", r"\end{array}")
        tex = tex.join(frame)
    try:
        root = Converter(xmlns="").convert_to_element(tex)
        body = "".join(_write(child, 0) for child in root[0])
    except Exception:  # latex2mathml raises KeyError, StopIteration, RecursionError and 12 kinds of its own
        return None
    return f'<math display="block">{body}</math>' if block else f"<math>{body}</math>"


def _write(element: Element, depth: int) -> str:
    """One element, checked and written out anew."""
    tag = element.tag
    if depth > MAX_DEPTH or not (tag in _SIGNS or tag in _ROWS or _N_CHILDREN.get(tag) == len(element)):
        raise _NotAllowedError(tag)
    if tag in _SIGNS:
        return f"<{tag}{_write_attributes(element)}>{_write_sign(element)}</{tag}>"
    if element.text:
        raise _NotAllowedError(tag)
    children = "".join(_write(child, depth + 1) for child in element)
    if tag == "menclose":  # browsers do not draw it; a box is all that critiques use
        if element.attrib != {"notation": "box"}:
            raise _NotAllowedError("menclose")
        return f'<mrow class="box">{children}</mrow>'
    if tag == "mpadded" and element.get("width") == "0" and "".join(element.itertext()) != "&#x029F8;":
        raise _NotAllowedError("no width")  # it would lie over its neighbours; only the stroke of \not may
    if tag == "mrow" and not element.attrib and len(element) == 1:
        return children
    return f"<{tag}{_write_attributes(element)}>{children}</{tag}>"


def _write_attributes(element: Element) -> str:
    parts = []
    for name, value in element.attrib.items():
        if name in _UNUSED:
            continue
        pattern = _ATTRIBUTES.get(name)
        if pattern is None or not pattern.fullmatch(value):
            raise _NotAllowedError(name)
        parts.append(f' {name}="{escape(value)}"')
    return "".join(parts)


def _write_sign(element: Element) -> str:
    if len(element):
        raise _NotAllowedError(element.tag)
    sign = _REFERENCE.sub(lambda match: chr(int(match[1], 16)), element.text or "")
    # A command that latex2mathml does not know, or an & outside a table, is no formula to read.
    if INVISIBLE.search(sign) or (element.tag != "mtext" and (sign == "&" or sign[:1] == "\\" != sign)):
        raise _NotAllowedError(sign)
    return escape(sign, quote=False)
