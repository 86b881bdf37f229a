"""Policies: what the package's own say, and what a file may."""

from pathlib import Path

import pytest

from cftdata.config import PROTOCOLS, load_protocol
from cftdata.errors import ConfigError
from cftdata.policy import POLICIES, load_policy
from cftdata.verifiers import VERIFIERS

NAMES = sorted(path.stem for path in POLICIES.glob("*.yaml"))


def test_every_audit_protocol_has_a_policy_of_its_name() -> None:
    protocols = {path.stem for path in PROTOCOLS.glob("*.yaml")}
    assert protocols <= set(NAMES)
    assert all(load_policy(name).protocol == name for name in protocols)


@pytest.mark.parametrize("name", NAMES)
def test_a_policy_speaks_of_verifiers_that_its_protocol_runs(name: str) -> None:
    policy = load_policy(name)
    assert policy.id == name
    assert set(policy.actions) <= set(load_protocol(policy.protocol).verifiers) <= set(VERIFIERS)


def test_a_named_reason_goes_before_all_others() -> None:
    policy = load_policy("default")
    assert policy.action_for("arithmetic", "rounding") == "keep"
    assert policy.action_for("arithmetic", "false_equation") == "drop"
    assert policy.action_for("helped", "anything") == "keep"


def test_an_unknown_action_is_refused_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("id: mine\nactions: {verdict: {'*': burn}}\n")
    with pytest.raises(ConfigError, match=r"actions\.verdict"):
        load_policy(path)


@pytest.mark.parametrize(("line", "said"), [
    ("artihmetic: {'*': drop}", "did you mean 'arithmetic'"),
    ("arithmetic: {false_equations: drop}", "did you mean 'false_equation'")])
def test_a_slip_of_the_pen_is_refused_and_not_taken_for_keep(tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(f"id: mine\nactions: {{{line}}}\n")
    with pytest.raises(ConfigError, match=said):
        load_policy(path)


def test_the_default_drops_what_a_rate_counts_and_keeps_what_none_does() -> None:
    policy, protocol = load_policy("default"), load_protocol("default")
    assert all(policy.action_for(name, "some") == "drop" for name in ("verdict", *protocol.claims))
    for verifier, reasons in protocol.uncounted.items():
        assert all(policy.action_for(verifier, reason) == "keep" for reason in reasons)


def test_what_a_policy_is_called_changes_with_what_it_says() -> None:
    policy = load_policy("default")
    assert policy.ref.startswith("default@")
    assert policy.model_copy(update={"undecided": "drop"}).ref != policy.ref
