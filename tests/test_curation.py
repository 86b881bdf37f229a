"""The report of curating, for people."""

import pytest

from cftdata.contamination import EvaluationSet
from cftdata.curation import DECISIONS, ContaminationCheck, CurateReport, decision_in_words, render_markdown
from cftdata.ledger import ModelTotals
from cftdata.stats import wilson
from cftdata.words import REASONS

RATES = {"verdict_error": wilson(24, 600, 600), "any_error": wilson(30, 600, 600),
         "quotation_error": wilson(0, 0, 600)}
REPORT = CurateReport(
    source="set|1.jsonl", mark="0", policy="default@0", protocol="default@1", cftdata_version="0.1.0",
    is_complete=True, content_hash_before="a", content_hash_after="b", n_rows=601, n_unread=1, n_samples=600,
    n_kept=571, n_dropped=29, n_undecided=3, actions={"keep": 570, "drop": 29, "relabel": 1},
    reasons={"keep:no_finding": 570, "drop:verdict_wrong_called_right": 29,
             "relabel:verdict_right_called_wrong": 1},
    first_rows={"drop:verdict_wrong_called_right": (7, 9)}, rates_before=RATES,
    rates_after={"verdict_error": wilson(0, 571, 571), "any_error": wilson(0, 571, 571)},
    right_rate_before=0.9, right_rate_after=None, n_suspect_references=0, contamination=None, models=(),
    cost_usd=0, seconds=1)


def test_the_summary_says_what_was_done_why_and_to_which_rows() -> None:
    text = render_markdown(REPORT)
    assert "# Curation of set\\|1.jsonl" in text
    assert "**601 rows: 571 kept, 29 dropped, 1 could not be read.** Of those kept, 1 put right." in text
    assert ("| drop | verdict: wrong response called right | `verdict_wrong_called_right` | 29 | 7, 9 |"
            in text)
    assert "| wrong verdict | 24 of 600: 4.0% (2.7%–5.9%) | 0 of 571: 0% (0%–0.7%) |" in text
    assert "| verdicts that say right | 90.0% | — |" in text
    assert "what the response does not say" not in text, "what was not decided is no row"
    assert "contamination: not checked" in text
    assert "Not complete" not in text


def test_what_was_paid_checked_and_left_is_told() -> None:
    total = ModelTotals(model="a/x", n_calls=7, n_usable=6, faults={}, n_failures={}, n_prompt_tokens=1,
                        n_completion_tokens=1, cost_usd=0.25, n_cost_unknown=0)
    sets = (EvaluationSet(source="gsm8k", n_items=1319, n_unread=0, n_whole=0),)
    text = render_markdown(REPORT.model_copy(update={
        "is_complete": False, "models": (total,), "cost_usd": 0.25,
        "contamination": ContaminationCheck(n_words=13, sets=sets, n_hits=2)}))
    assert "**Not complete:**" in text
    assert "contamination: 2 rows hold 13 words in a row of `gsm8k` (1,319)" in text
    assert "asked again: 7 calls of `a/x`; cost 0.2500 USD" in text


@pytest.mark.parametrize(("reason", "words"), [
    ("own_answer_corrects_to_the_same", "own answer: calls the answer wrong, and gives the same"),
    ("verdict_some_new", "verdict: some new"), ("regenerate_unusable_empty", "regenerate unusable empty")])
def test_a_reason_is_said_in_words(reason: str, words: str) -> None:
    assert decision_in_words(reason) == words


def test_no_reason_of_a_decision_is_taken_for_a_verifiers() -> None:
    assert not DECISIONS.keys() & {f"{name}_{reason}" for name in ("form", "judge") for reason in REASONS}
    assert all(decision_in_words(reason) == words for reason, words in DECISIONS.items())
