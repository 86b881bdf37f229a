"""Halves of preference pairs: which critique passed, which failed, and which is neither."""

from __future__ import annotations

import pytest

from cftdata.formats import FORMATS
from cftdata.formats.pairs import has_passed
from cftdata.sample import Outcome

from .some import RIGHT, sample, verified

PASS: tuple[str, Outcome, str] = ("verdict", "pass", "verdict_agrees")


@pytest.mark.parametrize(("said", "passed"), [
    ([PASS], True),
    ([PASS, ("arithmetic", "abstain", "no_equation")], True),
    ([PASS, ("arithmetic", "fail", "false_equation")], False),
    ([("verdict", "fail", "wrong_called_right")], False),
    ([("verdict", "abstain", "no_reference"), ("arithmetic", "fail", "false_equation")], False),
    ([("verdict", "abstain", "no_reference"), ("arithmetic", "pass", "holds")], None),
    ([("verdict", "error", "time_limit")], None),
    ([PASS, ("arithmetic", "error", "crashed")], None),   # unknown is not passed
    ([("arithmetic", "error", "crashed"), ("verdict", "fail", "wrong_called_right")], False),
    ([], None)])
def test_passed_failed_or_neither(said: list[tuple[str, Outcome, str]], passed: bool | None) -> None:
    assert has_passed(verified(sample(), *said)) is passed


def test_halves_of_one_response_share_their_prompt() -> None:
    good = FORMATS["dpo"].row(verified(sample(), PASS), None)
    bad = FORMATS["dpo"].row(verified(sample(RIGHT), ("verdict", "fail", "wrong_called_right")), None)
    assert isinstance(good, dict)
    assert isinstance(bad, dict)
    assert good.keys() == {"prompt", "chosen"}
    assert bad == {"prompt": good["prompt"], "rejected": "All holds. Conclusion: right [END]"}


def test_what_nobody_judged_is_told_from_what_could_not_be_decided() -> None:
    assert FORMATS["dpo"].row(sample(), None) == "not_verified"
    assert FORMATS["dpo"].row(verified(sample(), ("verdict", "abstain", "no_reference")), None) == "undecided"
