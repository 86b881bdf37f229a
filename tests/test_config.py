from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cftdata.config import PROTOCOLS, Protocol, load_protocol
from cftdata.errors import ConfigError


def test_every_protocol_of_the_package_loads_under_its_own_name() -> None:
    paths = list(PROTOCOLS.glob("*.yaml"))
    assert paths
    for path in paths:
        assert load_protocol(path.stem).id == path.stem
        assert load_protocol(path) == load_protocol(path.stem)


def test_the_thresholds_of_the_default_file_are_those_of_the_code() -> None:
    default = load_protocol("default")
    bare = Protocol(id="default", verifiers=default.verifiers, claims=default.claims,
                    uncounted=default.uncounted)
    assert default == bare
    assert "verdict" in default.verifiers


def test_ref_changes_with_the_content_and_with_nothing_else(tmp_path: Path) -> None:
    protocol = load_protocol("default")
    name, digest = protocol.ref.split("@")
    assert (name, len(digest)) == ("default", 12)
    assert protocol.model_copy(update={"level": 0.9}).ref != protocol.ref
    shuffled = tmp_path / "other.yaml"
    content = yaml.safe_load((PROTOCOLS / "default.yaml").read_text())
    shuffled.write_text(yaml.safe_dump(dict(reversed(content.items())), sort_keys=False))
    assert load_protocol(shuffled).ref == protocol.ref


@pytest.mark.parametrize(("text", "said"), [
    ("id: mine\nverifiers: [verdict]\nlevle: 0.9\n", "did you mean 'level'"),
    ("id: mine\nverifiers: [verdict]\nlevel: 1.5\n", "wrong 'level'"),
    ("id: mine\nverifiers: []\n", "wrong 'verifiers'"),
    ("id: mine\n", "has no 'verifiers'"),
    ("id: Mine!\nverifiers: [verdict]\n", "wrong 'id'"),
    ("id: mine\nverifiers: [verdict]\ntimeout_s: .nan\n", "wrong 'timeout_s'"),
    ("- a\n- b\n", "mapping"),
    ("", "mapping"),
    ("id: [\n", "cannot be read as YAML"),
    ("1: 2\n", "unknown key '1'"),
    ("[" * 5_000, "cannot be read as YAML"),
])
def test_a_wrong_file_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=said) as caught:
        load_protocol(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [
    ("defualt", "did you mean 'default'"), ("mine.yaml", "no protocol file"), (".", "no protocol"),
    ("bytes.yaml", "cannot be read"),
])
def test_a_name_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str,
                                  said: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=said):
        load_protocol(name)


def test_audits_shows_the_same_protocols() -> None:
    shown = Path(__file__).parents[1] / "audits" / "protocols"
    assert _contents(shown) == _contents(PROTOCOLS)


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}
