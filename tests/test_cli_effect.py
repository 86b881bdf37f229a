"""The verb `effect` where torch is not installed, and where its input is wrong."""

from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cftdata.cli import app


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed")
def test_without_the_extra_it_is_one_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["effect", "sums", "--out", str(tmp_path / "effect")])
    assert ran.exit_code == 2
    assert "pip install 'cftdata[train]'" in ran.output
    assert not (tmp_path / "effect").exists()
