from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.bundled import truth_path
from cftdata.errors import ConfigError
from cftdata.sample import Rate
from cftdata.scorecard import KINDS, Label, Labels, Score, read_labels, score

PUBLISHED = Path(__file__).parents[1] / "audits" / "labels" / "published-240.jsonl"


def sample_id(number: int) -> str:
    return f"{number:032x}"


def label(number: int, *kinds: str, part: str | None = None, verdict_wrong: bool | None = False) -> Labels:
    """Labels of these kinds; one that ends in a question mark is unsure."""
    items = [{"kind": kind.rstrip("?"), "start": 0, "end": 1, "unsure": kind.endswith("?")} for kind in kinds]
    return Labels.model_validate({"id": sample_id(number), "part": part, "verdict_wrong": verdict_wrong,
                                  "items": items})


def score_all(verifier: str, *pairs: tuple[str, Labels]) -> dict[str, Score]:
    """The scores of `all` by verifier; an outcome is given as fail:reason."""
    outcomes = {}
    for said, labels in pairs:
        outcome, _, reason = said.partition(":")
        outcomes[labels.id] = {verifier: (outcome, reason or "said")}
    scores = score(outcomes, {labels.id: labels for _, labels in pairs})
    return {one.verifier: one for one in scores if one.part == "all"}


def counts(rate: Rate) -> tuple[int, int]:
    return rate.n_hits, rate.n_decided


def figures(one: Score) -> tuple[int, tuple[int, int], tuple[int, int]]:
    return one.n_labelled, counts(one.precision), counts(one.recall)


@pytest.mark.parametrize(("verifier", "kind"), [
    ("arithmetic", "false_equation"), ("arithmetic", "endorsed_false_equation"),
    ("own_answer", "wrong_corrected_answer"), ("consistency", "contradiction"),
    ("localisation", "wrong_step"), ("quotation", "misquotation"), ("form", "form")])
def test_a_verifier_is_held_against_the_labels_of_its_kinds(verifier: str, kind: str) -> None:
    scores = score_all(verifier, ("fail", label(1, kind)), ("pass", label(2, kind)),
                       ("fail", label(3)), ("pass", label(4)),
                       ("fail", label(5, "notation")), ("pass", label(6, "false_statement")))
    assert figures(scores[verifier]) == (6, (1, 3), (1, 2))
    assert kind in scores[verifier].kinds


def test_an_unsure_label_is_a_hit_of_precision_and_no_part_of_recall() -> None:
    scores = score_all("form", ("fail", label(1, "form?")), ("pass", label(2, "form?")),
                       ("fail", label(3, "form?", "form")))
    assert figures(scores["form"]) == (3, (2, 2), (1, 1))


@pytest.mark.parametrize("outcome", ["abstain", "error", "pass"])
def test_a_fault_of_which_nothing_is_said_is_a_miss(outcome: str) -> None:
    scores = score_all("form", (outcome, label(1, "form")))
    assert figures(scores["form"]) == (1, (0, 0), (0, 1))
    assert scores["form"].precision.rate is None


def test_the_verdict_is_held_against_the_verdicts_label_where_that_is_known() -> None:
    scores = score_all("verdict", ("fail", label(1, verdict_wrong=True)),
                       ("pass", label(2, verdict_wrong=True)),
                       ("fail", label(3, "false_equation")), ("fail", label(4, verdict_wrong=None)),
                       ("abstain", label(5, verdict_wrong=None)))
    assert figures(scores["verdict"]) == (3, (1, 2), (1, 2))


def test_a_verdict_of_which_no_label_is_known_is_scored_with_nothing_decided() -> None:
    scores = score_all("verdict", ("fail", label(1, verdict_wrong=None)))
    assert figures(scores["verdict"]) == (0, (0, 0), (0, 0))


def test_rounding_is_scored_apart_from_arithmetic() -> None:
    scores = score_all("arithmetic", ("fail:rounding", label(1, "rounding")),
                       ("fail:rounding", label(2, "false_equation")),
                       ("fail:false_equation", label(3, "rounding")),
                       ("fail:endorsed_false_equation", label(4, "false_equation?")))
    assert figures(scores["arithmetic"]) == (4, (1, 2), (0, 1))
    assert figures(scores["arithmetic:rounding"]) == (4, (1, 2), (1, 2))


@pytest.mark.parametrize(("reason", "n_hits"), [
    ("right_with_another_answer", 1), ("corrects_to_the_same", 1), ("corrected_answer_wrong", 0)])
def test_a_contradiction_is_a_hit_for_an_own_answer_at_odds_with_itself(reason: str, n_hits: int) -> None:
    scores = score_all("own_answer", (f"fail:{reason}", label(1, "contradiction")))
    assert figures(scores["own_answer"]) == (1, (n_hits, 1), (0, 0))


def test_parts_are_scored_apart_and_together() -> None:
    labels = [label(1, "form", part="work"), label(2, "form", part="held_out"), label(3, "form")]
    outcomes = {sample_id(1): {"form": ("fail", "refused")}, sample_id(2): {"form": ("pass", "whole")},
                sample_id(3): {"form": ("fail", "refused")}}
    scores = score(outcomes, {said.id: said for said in labels})
    assert [(one.part, *figures(one)) for one in scores] == [
        ("all", 3, (2, 2), (2, 3)), ("held_out", 1, (0, 0), (0, 1)), ("work", 1, (1, 1), (1, 1))]


def test_what_was_not_run_or_not_labelled_is_left_out() -> None:
    outcomes = {sample_id(1): {"form": ("fail", "refused"), "of_ones_own": ("fail", "said")},
                sample_id(2): {"form": ("fail", "refused")}}
    scores = score(outcomes, {said.id: said for said in (label(1, "form"), label(3, "form", "misquotation"))})
    assert [(one.verifier, *figures(one)) for one in scores] == [("form", 1, (1, 1), (1, 1))]
    assert score({}, {sample_id(1): label(1)}) == ()


def test_the_level_is_that_of_the_intervals() -> None:
    said = label(1, "form")
    [one] = score({said.id: {"form": ("fail", "refused")}}, {said.id: said}, 0.8)
    assert one.precision.level == one.recall.level == 0.8


kinds = st.lists(st.sampled_from(["form", "form?", "misquotation", "rounding", "false_equation"]), max_size=3)
sayings = st.sampled_from(["pass", "fail", "fail:rounding", "abstain", "error"])


@given(st.lists(st.tuples(sayings, kinds), min_size=1, max_size=30), st.sampled_from(["form", "arithmetic"]))
def test_figures_hold_together(said: list[tuple[str, list[str]]], verifier: str) -> None:
    pairs = [(outcome, label(number, *kinds)) for number, (outcome, kinds) in enumerate(said)]
    scores = score_all(verifier, *pairs)
    n_failed = sum(outcome.startswith("fail") for outcome, _ in said)
    assert sum(one.precision.n_decided for one in scores.values()) == n_failed
    for one in scores.values():
        assert one.n_labelled == len(said)
        assert one.recall.n_hits <= one.precision.n_hits


# --- Label files


def write(folder: Path, *rows: object) -> Path:
    path = folder / "labels.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def row(**more: object) -> dict[str, Any]:
    return {"id": sample_id(1), "verdict_wrong": False, "items": []} | more


def test_a_label_file_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, row(part="work", verdict_wrong=True, file="set.jsonl", source_row=4, items=[
        {"kind": "wrong_step", "start": 3, "end": 9, "unsure": True}]), {"id": sample_id(2), "items": []})
    assert read_labels(path) == {
        sample_id(1): Labels(id=sample_id(1), part="work", verdict_wrong=True,
                             items=(Label(kind="wrong_step", start=3, end=9, unsure=True),)),
        sample_id(2): Labels(id=sample_id(2), items=())}


def test_a_compressed_label_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(row()).encode()))
    assert list(read_labels(path)) == [sample_id(1)]


@pytest.mark.parametrize(("bad", "part"), [
    (row(id="demo-0001"), "'id'"), ({"items": []}, "'id'"), ({"id": sample_id(1)}, "'items'"),
    (row(items=None), "'items'"), (row(part="all"), "give it another name"), (row(part="Held out"), "'part'"),
    (row(verdict_wrong="perhaps"), "'verdict_wrong'"),
    (row(items=[{"kind": "false_equations", "start": 0, "end": 1}]), "'items.0.kind'"),
    (row(items=[{"kind": ["form"], "start": 0, "end": 1}]), "'items.0.kind'"),
    (row(items=[{"kind": "form", "start": -1, "end": 1}]), "'items.0.start'"),
    (row(items=[{"kind": "form", "start": 5, "end": 1}]), "end must not be less"),
    (row(items=[{"kind": "form"}]), "'items.0.start'"),
    (row(items=[{"kind": "form", "start": 0, "end": 1, "quote": "text"}]), "'items.0.quote'"),
    ({"sample_id": sample_id(1)}, "'items'"),
    ({"sample_id": sample_id(1), "faults": [{"kind": ["form"]}]}, "'items.0.kind'"),
    ({"sample_id": None, "faults": []}, "'id'"), ([], "not_an_object")])
def test_a_bad_row_is_told_in_one_sentence(tmp_path: Path, bad: object, part: str) -> None:
    with pytest.raises(ConfigError, match="row 1 of the label file") as told:
        read_labels(write(tmp_path, row(id=sample_id(9)), bad))
    assert part in str(told.value)
    assert "\n" not in str(told.value)


def test_two_readings_of_one_sample_must_agree(tmp_path: Path) -> None:
    assert len(read_labels(write(tmp_path, row(), row()))) == 1
    with pytest.raises(ConfigError, match="twice and differently"):
        read_labels(write(tmp_path, row(), row(verdict_wrong=True)))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"not json\n"])
def test_a_file_that_is_none_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="label file"):
        read_labels(path)


@pytest.mark.parametrize("name", ["labels.jsonl", "org/name"])
def test_a_missing_file_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="there is no label file"):
        read_labels(tmp_path / name)


def test_the_published_labels_are_read_whole() -> None:
    labels = read_labels(PUBLISHED)
    assert Counter(said.part for said in labels.values()) == {"work": 120, "held_out": 120}
    written = [json.loads(line) for line in PUBLISHED.read_text(encoding="utf-8").splitlines()]
    assert sum(len(said.items) for said in labels.values()) == sum(len(said["items"]) for said in written)
    assert not any(isinstance(value, str) and len(value) > 60 for said in written for value in said.values())


def test_the_bundled_truth_serves_as_labels() -> None:
    labels = read_labels(truth_path())
    truths = [json.loads(line) for line in truth_path().read_text(encoding="utf-8").splitlines()]
    distinct = {truth["sample_id"]: truth for truth in truths if not truth["unread"]}
    assert set(labels) == set(distinct)
    kinds = Counter(fault["kind"] for truth in distinct.values() for fault in truth["faults"])
    assert sum(said.verdict_wrong is True for said in labels.values()) == kinds["wrong_verdict"]
    assert {item.kind for said in labels.values() for item in said.items} == {
        "false_equation", "endorsed_false_equation", "false_statement", "wrong_corrected_answer",
        "wrong_step", "misquotation", "contradiction"}
    undecided = {truth["sample_id"] for truth in distinct.values()
                 if truth["verdict"] is None or truth["response_correct"] is None}
    assert {said.id for said in labels.values() if said.verdict_wrong is None} == undecided


def test_a_verifier_that_knows_the_truth_scores_one() -> None:
    labels = read_labels(PUBLISHED)
    outcomes = {key: {name: ("fail" if any(item.kind in of for item in said.items)
                             or ("verdict_wrong" in of and said.verdict_wrong) else "pass", "said")
                      for name, of in KINDS.items() if ":" not in name} for key, said in labels.items()}
    for one in score(outcomes, labels):
        if one.verifier != "arithmetic:rounding":
            assert one.precision.rate in (1, None)
            assert one.recall.rate in (1, None)
            assert one.n_labelled == (240 if one.part == "all" else 120)
