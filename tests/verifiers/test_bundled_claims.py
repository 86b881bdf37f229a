"""The planted faults of the bundled set: what own_answer, consistency and form find of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cftdata.bundled import demo_path, truth_path
from cftdata.sample import Sample
from cftdata.sources import load
from cftdata.text import normalise
from cftdata.verifiers import VERIFIERS

Row = tuple[dict[str, Any], Sample]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """(truth, sample) of every row that can be read and whose reference is not suspect."""
    truths = [json.loads(line) for line in truth_path().read_text(encoding="utf-8").splitlines()]
    read = zip(truths, load(str(demo_path())), strict=True)
    return [(truth, normalise(row.sample)) for truth, row in read
            if row.sample and not truth["reference_suspect"]]


def flagged(rows: list[Row], verifier: str, reasons: set[str], kinds: set[str]) -> tuple[int, int, int]:
    """How many are flagged, planted, and both."""
    found = {n for n, (_, sample) in enumerate(rows)
             if (said := VERIFIERS[verifier](sample)).outcome == "fail" and said.reason in reasons}
    planted = {n for n, (truth, _) in enumerate(rows)
               if kinds & {fault["kind"] for fault in truth["faults"]}}
    return len(found), len(planted), len(found & planted)


def test_own_answer_finds_the_false_answers_and_nothing_else(rows: list[Row]) -> None:
    n_found, n_planted, n_both = flagged(
        rows, "own_answer", {"corrected_answer_wrong", "right_with_another_answer", "corrects_to_the_same"},
        {"wrong_corrected_answer", "endorsed_answer"})
    assert n_found == n_both
    assert n_both >= n_planted - 1  # the one without a reference cannot be told


def test_consistency_finds_the_contradictions_and_nothing_else(rows: list[Row]) -> None:
    n_found, n_planted, n_both = flagged(
        rows, "consistency", {"explanation_says_right", "explanation_says_wrong"}, {"contradiction"})
    assert n_found == n_both == n_planted


def test_form_finds_what_is_cut_off_or_goes_on(rows: list[Row]) -> None:
    for reason, wording in (("cut_off", "truncated"), ("after_end", "note_after")):
        found = [truth["wording"] for truth, sample in rows if VERIFIERS["form"](sample).reason == reason]
        assert found == [truth["wording"] for truth, _ in rows if truth["wording"] == wording]
