"""The bundled set is what its truth says: read here by ways of its own, with sympy, not by the generator."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from cftdata.answers import match_answers
from cftdata.bundled import demo_path, truth_path, truth_summary
from cftdata.bundled.critiques import WORDINGS
from cftdata.bundled.make import ERRORS, SEED, make_rows, write_files
from cftdata.problems.chains import Root, take_root
from cftdata.sources import load
from cftdata.verdict import read_verdict

Row = dict[str, Any]
FILES = ("demo.jsonl", "truth.jsonl", "truth_summary.json")
FALSE_EQUATIONS = {"arithmetic_slip", "sign_error"}
NUMBER = r"(?:-?\d+(?:\.\d+)?)"
PLAIN_EQUATION = re.compile(
    r"(?<![\w.^])((?:[(√∛-]*\d[\d./^()√∛]*%?(?: (?:[-+*/×·^]|mod|of) )?)+) = (-?[\d√∛][\d√∛./]*)(?<!\.)")
LATEX_EQUATION = re.compile(r"\$(?!x )([^$=\n]+) = ([^$=\n]+)\$")


def _read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def _pairs() -> list[tuple[Row, Row]]:
    return list(zip(_read(demo_path()), _read(truth_path()), strict=True))


def _readable() -> list[tuple[Row, Row]]:
    return [(row, truth) for row, truth in _pairs() if not truth["unread"]]


def _responses() -> list[tuple[Row, Row]]:
    """One pair for each distinct response that gives an answer."""
    found = {(row["query"], row["response"]): (row, truth) for row, truth in _readable()}
    return [(row, truth) for row, truth in found.values() if truth["response_answer"] is not None]


def _evaluate(text: str) -> sympy.Expr:
    """The exact value of a calculation or answer as these rows write them."""
    text = re.sub(r"\\text\{[^}]*\}|\\[$]|[$]|\\left|\\right", "", text)
    text = re.sub(r"km/h|m\^2|\b(?:dollars|years|hours|cm)\b", "", text)
    text = re.sub(r"\\frac\{(\d+)\}\{(\d+)\}", r"(\1/\2)", text)
    text = re.sub(r"\\sqrt\[3\]\{(\d+)\}|∛(\d+)", r"cbrt(\1\2)", text)
    text = re.sub(r"\\sqrt\{(\d+)\}|√(\d+)", r"sqrt(\1\2)", text)
    text = re.sub(r"(\d)(?=sqrt|cbrt|x)", r"\1*", text)
    text = re.sub(rf"({NUMBER})\\?%(?: of| \\cdot)", r"\1/100 *", text)
    text = re.sub(rf"({NUMBER})(?:\\?%| percent)", r"\1/100", text)
    text = re.sub(r"×|·|\\times|\\cdot", "*", text).replace("\\div", "/")
    text = re.sub(r"(\d+) (?:\\b)?mod (\d+)|(\d+) \\bmod (\d+)", r"Mod(\1\3, \2\4)", text)
    text = re.sub(r"^(\d+) (\d+/\d+)$", r"\1 + \2", text.strip())
    text = re.sub(r"\^\{(\d+)\}", r"**\1", text).replace("^", "**")
    return sympy.sympify(text, rational=True)


def _values(text: str) -> object:
    """An answer as a set, a pair or one value."""
    inner = text.replace("\\left", "").replace("\\right", "").replace("\\{", "{").replace("\\}", "}").strip()
    if inner.startswith("{"):
        return frozenset(_evaluate(part) for part in inner.strip("{}").split(","))
    if " or " in inner:
        return frozenset(_evaluate(part.replace("x =", "")) for part in inner.split(" or "))
    if inner.startswith("(") and "," in inner:
        return tuple(_evaluate(part) for part in inner.strip("()").split(","))
    return _evaluate(re.sub(r"^x = ", "", inner))


def _equations(text: str) -> list[tuple[str, bool]]:
    """The equations of a text that can be evaluated, as they stand there, with whether they hold."""
    spans = [*LATEX_EQUATION.finditer(text), *PLAIN_EQUATION.finditer(LATEX_EQUATION.sub(" ", text))]
    sides = [(span[0].rstrip("."), span[1], span[2].rstrip(".")) for span in spans]
    return [(whole, bool(_evaluate(left) == _evaluate(right))) for whole, left, right in sides]


def _step_texts(response: str) -> list[str]:
    """The steps of a response: every step of these is one line."""
    return [line for line in response.split("\n") if line]


def test_files_come_out_byte_for_byte_the_same(tmp_path: Path) -> None:
    write_files(tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == demo_path().with_name(name).read_bytes(), name


def test_another_seed_gives_other_rows() -> None:
    assert make_rows(SEED + 1) != make_rows(SEED)


def test_size_and_columns() -> None:
    rows = [row for row, _ in _pairs()]
    assert len(rows) >= 240
    assert len({(row["query"], row["response"], row["critique"]) for row in rows}) >= 200
    assert len({row["query"] for row in rows if row["query"]}) == 40
    assert sum(demo_path().with_name(name).stat().st_size for name in FILES) < 600_000
    columns = ["id", "query", "response", "critique", "reference_answer", "critic", "student"]
    assert all(list(row) == columns for row in rows)


def test_each_row_has_one_truth() -> None:
    assert [row["id"] for row, _ in _pairs()] == [truth["id"] for _, truth in _pairs()]
    assert len({truth["id"] for _, truth in _pairs()}) == len(_pairs())


def test_duplicates_and_only_these_repeat_a_row() -> None:
    first, by_id = dict[tuple[str, str, str], str](), {row["id"]: row for row, _ in _pairs()}
    for row, truth in _readable():
        texts = (row["query"], row["response"], row["critique"])
        assert truth["duplicate_of"] == first.get(texts)
        first.setdefault(texts, row["id"])
        if truth["duplicate_of"]:
            assert row | {"id": ""} == by_id[truth["duplicate_of"]] | {"id": ""}
    assert sum(truth["duplicate_of"] is not None for _, truth in _pairs()) == 3


@pytest.mark.parametrize(("row", "truth"), [pytest.param(*pair, id=pair[0]["id"]) for pair in _responses()])
def test_answers_are_right_where_truth_says_so(row: Row, truth: Row) -> None:
    assert truth["response_answer"] in row["response"].splitlines()[-1]
    value, right = _values(truth["response_answer"]), _values(truth["true_answer"])
    if truth["rounded"]:
        assert isinstance(right, sympy.Expr)
        assert truth["response_answer"] == f"{sympy.N(right, 30):.3f}"
    else:
        assert (value == right) is truth["response_correct"]
    if row["reference_answer"] is not None:
        assert (_values(row["reference_answer"]) == right) is not truth["reference_suspect"]


@pytest.mark.parametrize(("row", "truth"), [pytest.param(*pair, id=pair[0]["id"]) for pair in _responses()])
def test_first_false_equation_stands_at_the_planted_step(row: Row, truth: Row) -> None:
    steps = _step_texts(row["response"])
    false = [n for n, step in enumerate(steps) if any(not holds for _, holds in _equations(step))]
    assert sum(len(_equations(step)) for step in steps) >= 1
    assert false == ([truth["first_error_step"]] if truth["error_kind"] in FALSE_EQUATIONS else [])


def test_steps_before_the_planted_error_are_those_of_a_right_response() -> None:
    right = {truth["problem"]: row["response"] for row, truth in _responses() if truth["response_correct"]}
    compared = 0
    for row, truth in _responses():
        first, known = truth["first_error_step"], right.get(truth["problem"])
        if known is None or truth["response_correct"]:
            continue
        own, model = _numbers(row["response"]), _numbers(known)
        assert own[:first] == model[:first]
        assert own[first] != model[first], row["id"]
        compared += 1
    assert compared >= 20


def _numbers(response: str) -> list[list[str]]:
    """The numbers of each step, without its own number and the index of a root."""
    bare = [re.sub(r"^(?:\*\*)?(?:Step )?\d+[:.](?:\*\*)?|\[3\]", "", step) for step in _step_texts(response)]
    return [re.findall(r"-?\d+(?:\.\d+)?", step.replace("\\frac{", "")) for step in bare]


def test_critiques_say_nothing_false_but_what_truth_lists() -> None:
    n_equations = 0
    for row, truth in _readable():
        faults = [fault["text"] for fault in truth["faults"]]
        for equation, holds in _equations(row["critique"]):
            n_equations += 1
            quoted = re.search(rf"the student (?:writes|has) {re.escape(equation)}", row["critique"], re.I)
            assert holds or quoted or any(equation in fault for fault in faults), (row["id"], equation)
            if quoted:
                assert equation in row["response"]
    assert n_equations > 400


def test_corrected_answers_are_right_but_where_truth_says_not() -> None:
    pattern = re.compile(
        r"(?:The correct answer is|this gives|the answer becomes|should have been) (.+)\.(?=\s)")
    n_found = 0
    for row, truth in _readable():
        found = pattern.search(row["critique"])
        if not found:
            continue
        is_fault = any(fault["kind"] == "wrong_corrected_answer" for fault in truth["faults"])
        n_found += 1
        assert (_values(found[1].strip("$")) == _values(truth["true_answer"])) is not is_fault, row["id"]
    assert n_found > 50


def test_faults_stand_in_the_critique() -> None:
    for row, truth in _readable():
        for fault in truth["faults"]:
            assert row["critique"][fault["start"] : fault["end"]] == fault["text"]
            is_end = fault["kind"] == "wrong_verdict" and row["critique"].endswith(fault["text"])
            assert is_end or row["critique"].count(fault["text"]) == 1


def test_verdict_errors_follow_from_verdict_and_response() -> None:
    for row, truth in _readable():
        is_decided = (truth["verdict"] is not None and truth["response_correct"] is not None
                      and row["reference_answer"] is not None and not truth["reference_suspect"])
        assert (truth["verdict_error"] is not None) is is_decided
        assert (truth["undecided_reason"] is None) is is_decided
        if is_decided:
            kinds = {fault["kind"] for fault in truth["faults"]}
            assert truth["verdict_error"] is ((truth["verdict"] == "right") != truth["response_correct"])
            assert truth["verdict_error"] is ("wrong_verdict" in kinds)


def test_no_kind_is_missing() -> None:
    truths = [truth for _, truth in _readable()]
    assert {truth["wording"] for truth in truths} == set(WORDINGS)
    assert {truth["error_kind"] for truth in truths} == {*ERRORS, None}
    assert {truth["undecided_reason"] for truth in truths} == {
        None, "verdict_unread", "no_reference", "no_final_answer", "suspect_reference"}
    kinds = Counter(fault["kind"] for truth in truths for fault in truth["faults"])
    planned = {
        "wrong_verdict", "false_equation", "endorsed_false_equation", "wrong_corrected_answer",
        "contradiction",
        "wrong_first_error_step", "misquotation",
    }
    assert planned <= set(kinds)
    assert min(kinds[kind] for kind in planned) >= 5


def test_suspect_reference_is_planted_as_described() -> None:
    right, students = set[str](), set[str]()
    for row, truth in _readable():
        if truth["reference_suspect"] and truth["response_correct"]:
            right.add(row["response"])
            students.add(row["student"])
            assert _values(truth["response_answer"]) == _values(truth["true_answer"])
            assert truth["verdict"] == "right"
            assert truth["verdict_error_if_reference_true"] is True
    assert len(right) >= 8
    assert len(students) >= 2
    assert len({truth["problem"] for _, truth in _readable() if truth["reference_suspect"]}) == 1


def test_critics_err_as_described() -> None:
    waved, refused = defaultdict[str, list[bool]](list), defaultdict[str, list[bool]](list)
    for row, truth in _readable():
        if truth["verdict_error"] is not None:
            side = refused if truth["response_correct"] else waved
            side[row["critic"]].append(truth["verdict_error"])
    share = {critic: sum(errors) / len(errors) for critic, errors in waved.items()}
    assert 0.28 < share["critic-lenient"] < 0.42
    assert share["critic-strict"] < 0.08
    assert share["critic-terse"] == 0
    assert not any(refused["critic-lenient"])
    assert sum(refused["critic-terse"]) >= 3


def test_summary_counts_the_truth() -> None:
    summary = truth_summary()
    distinct = [(row, truth) for row, truth in _readable() if truth["duplicate_of"] is None]
    decided = [(row, truth) for row, truth in distinct if truth["verdict_error"] is not None]
    assert summary["n_rows"] == len(_pairs())
    assert summary["n_samples"] == len(_readable())
    assert summary["n_unread"] == 1
    assert summary["n_duplicates"] == len(_readable()) - len(distinct)
    hits = sum(truth["verdict_error"] for _, truth in decided)
    assert summary["verdict_error"] == {"n_hits": hits, "n_decided": len(decided)}
    by: Any = summary["verdict_error_by"]
    for column in ("critic", "student"):
        assert sum(count["n_hits"] for count in by[column].values()) == hits
        assert sum(count["n_decided"] for count in by[column].values()) == len(decided)
    right: Any = summary["false_right"]
    wrong: Any = summary["false_wrong"]
    assert right["n_hits"] + wrong["n_hits"] == hits
    undecided: Any = summary["undecided"]
    assert sum(undecided.values()) == len(distinct) - len(decided)


def test_sources_read_it_as_a_table() -> None:
    rows = list(load(str(demo_path())))
    assert {row.format for row in rows if row.sample} == {"table"}
    unread = [row.columns["id"] for row in rows if row.sample is None]
    assert unread == [truth["id"] for _, truth in _pairs() if truth["unread"]]
    ids = [row.sample and row.sample.id for row in rows]
    assert ids == [truth["sample_id"] for _, truth in _pairs()]


def test_readers_agree_with_the_truth() -> None:
    for row, truth in _readable():
        assert read_verdict(row["critique"]).value == truth["verdict"], row["id"]
    for row, truth in _responses():
        if row["reference_answer"] is not None:
            matched = match_answers(truth["response_answer"], row["reference_answer"])
            is_equal = truth["response_correct"] and not truth["reference_suspect"]
            assert matched.outcome == ("equal" if is_equal else "different"), row["id"]
            assert (matched.reason == "rounded") is truth["rounded"], row["id"]


@given(st.integers(1, 10**6), st.sampled_from([2, 3]))
def test_a_root_taken_comes_back(number: int, index: int) -> None:
    root = take_root(Fraction(number), index)
    assert root is not None
    if isinstance(root, Root):
        assert root.coefficient**root.index * root.radicand == number
        assert take_root(Fraction(root.radicand), index) == Root(Fraction(1), root.radicand, index)
    else:
        assert root**index == number
