from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
from cftdata.arrow import read_hub_dataset
from cftdata.errors import SourceNotFound
try:
    list(read_hub_dataset("acme/nothing", None, None))
except SourceNotFound as fault:
    print(fault)
"""


def test_without_a_network_the_end_comes_at_once_and_in_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))     # bound and not listening: whoever connects is refused
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-c", CODE], capture_output=True, text=True, check=True,
            env=os.environ | {"HF_ENDPOINT": address, "HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "0"})
    assert "the Hub cannot be reached" in done.stdout
    assert done.stderr == "", "no line for every try: there is one"
