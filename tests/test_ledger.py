from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cftdata.calls import Completion, Message, Request
from cftdata.errors import OutputError, SourceNotFound, SourceUnreadable
from cftdata.ledger import Batch, Ledger, ModelTotals
from cftdata.spending import Dearest, Spending, count_booked


def ask(text: str = "2+2?", **fields: Any) -> Request:
    return Request(model=fields.pop("model", "scripted/a"), messages=(Message(role="user", content=text),),
                   **fields)


def said(text: str = "4", **fields: Any) -> Completion:
    return Completion(text=text, finish_reason=fields.pop("finish_reason", "stop"), **fields)


def test_a_completion_comes_back_as_it_was(tmp_path: Path) -> None:
    request = ask(temperature=0.5, seed=3, max_tokens=9, prompt="short@0123", sample=2,
                  response_schema={"type": "object", "default": None})
    completion = said(model="a-2026", n_prompt_tokens=5, n_completion_tokens=7, cost_usd=0.25, seconds=0.1,
                      created=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    with Ledger(tmp_path / "new" / "ledger.sqlite") as ledger:
        assert ledger.find(request.key) is None
        ledger.add(request, completion, None)
        assert ledger.find(request.key) == completion
    with Ledger(tmp_path / "new" / "ledger.sqlite") as ledger:
        assert list(ledger.completions()) == [(request, completion)]


def join_pairs(text: str) -> str:
    """As JSON reads it: two halves beside each other are one character."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


ANY_TEXT = st.text(st.characters(exclude_categories=[]))


@settings(max_examples=30)
@given(ANY_TEXT, ANY_TEXT)
def test_any_text_survives_half_a_surrogate_pair_too(asked: str, answered: str) -> None:
    asked, answered = join_pairs(asked), join_pairs(answered)
    with TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger.sqlite") as ledger:
        ledger.add(ask(asked), said(answered), None)
        ledger.add_failure(ask(asked), "rejected", answered)
        assert list(ledger.completions()) == [(ask(asked), said(answered))]


def test_what_comes_together_is_on_disk_before_anyone_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"

    async def add(ledger: Ledger, n: int) -> None:
        await ledger.add_soon(ask(f"{n}").key, ask(f"{n}"), said(f"{n}"), None)
        with Ledger(path, read_only=True) as reader:
            assert reader.find(ask(f"{n}").key) == said(f"{n}")

    async def add_all(ledger: Ledger) -> None:
        adding = [asyncio.create_task(add(ledger, n)) for n in range(20)]
        await asyncio.sleep(0)
        adding[3].cancel()  # its completion is booked all the same
        ledger.add_failure(ask("20"), "rejected", "no")  # a transaction of its own, in between
        done = await asyncio.gather(*adding, return_exceptions=True)
        assert [type(each) for each in done if each is not None] == [asyncio.CancelledError]

    with Ledger(path) as ledger:
        asyncio.run(add_all(ledger))
        assert ledger.booked.n_calls == len(list(ledger.completions())) == 20


def test_what_cannot_be_written_is_told_to_all_who_wait(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"

    async def add_all(ledger: Ledger) -> list[int | BaseException]:
        return await asyncio.gather(*(ledger.add_soon(ask(f"{n}").key, ask(f"{n}"), said(), None)
                                      for n in range(3)), return_exceptions=True)

    with Ledger(path), Ledger(path, read_only=True) as reader:
        assert [type(each) for each in asyncio.run(add_all(reader))] == [OutputError] * 3


def test_what_cannot_be_used_is_kept_and_booked_but_not_found(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(ask(), said("4 becau", finish_reason="length"), "cut_off")
        assert ledger.find(ask().key) is None
        ledger.add(ask(), said("four"), None)
        ledger.add(ask(), said("quatre"), None)
        assert ledger.find(ask().key) == said("four")
        assert [kept.fault for kept in ledger.kept(ask().key)] == ["cut_off", None, None]
        assert list(ledger.completions()) == [(ask(), said("four"))]
        assert ledger.booked.n_calls == 3


def test_a_completion_can_be_judged_anew(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        id_ = ledger.add(ask(), said(), "unparsed")
        ledger.amend(id_, None)
        assert ledger.find(ask().key) == said()
        ledger.amend(id_, "no_json")
        assert ledger.find(ask().key) is None


def test_totals_by_model(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(ask(), said(n_prompt_tokens=10, n_completion_tokens=2, cost_usd=0.25), None)
        ledger.add(ask(), said(n_prompt_tokens=10, n_completion_tokens=5, cost_usd=0.5), "unparsed")
        ledger.add(ask(sample=1), said(), None)
        ledger.add_failure(ask(), "unavailable", "gone")
        ledger.add_failure(ask(model="scripted/b"), "rejected", "no")
        totals = [
            ModelTotals(model="scripted/a", n_calls=3, n_usable=2, faults={"unparsed": 1},
                        n_failures={"unavailable": 1}, n_prompt_tokens=20, n_completion_tokens=7,
                        cost_usd=0.75, n_cost_unknown=1),
            ModelTotals(model="scripted/b", n_calls=0, n_usable=0, faults={}, n_failures={"rejected": 1},
                        n_prompt_tokens=0, n_completion_tokens=0, cost_usd=None, n_cost_unknown=0)]
        assert ledger.totals() == totals
        assert ledger.failures(ask().key) == [("unavailable", "gone")]
        assert ledger.dearest("scripted/a") == Dearest(15, 0.5)
        assert ledger.dearest("scripted/c") == Dearest(None, None)


def test_what_was_booked_is_the_same_after_a_restart(tmp_path: Path) -> None:
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add(ask(), said(n_prompt_tokens=10, n_completion_tokens=2, cost_usd=0.25), None)
        ledger.add(ask("2+2=?"), said("viér"), "unparsed")
        ledger.add_failure(ask(), "unavailable", "gone")
        booked = ledger.booked
    assert booked == Spending(2, 12 + 5 + 5, 0.25)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert ledger.booked == booked


def test_tokens_that_are_not_stated_count_as_no_fewer_than_they_were() -> None:
    assert count_booked(ask("abc"), said("four")) == 7
    assert count_booked(ask("abc", max_tokens=2), said("four")) == 5
    assert count_booked(ask("abc", response_schema={"a": 1}), said("four")) == 7 + len('{"a": 1}')
    assert count_booked(ask("abc"), said(n_prompt_tokens=1)) == 4


def test_a_second_writer_is_refused_in_a_sentence_and_a_reader_is_not(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.add(ask(), said(), None)
        with pytest.raises(OutputError, match="in use by another build; wait for it or stop it"):
            Ledger(path)
        with Ledger(path, read_only=True) as reader:
            assert reader.find(ask().key) == said()
            with pytest.raises(OutputError, match="cannot be written"):
                reader.add(ask(), said(), None)
    with Ledger(path) as ledger:
        assert ledger.find(ask().key) == said()


HOLD = """
import os, sys, time
from pathlib import Path
from cftdata.calls import Completion, Message, Request
from cftdata.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
ledger.add(Request(model="scripted/a", messages=(Message(role="user", content="2+2?"),)),
           Completion(text="4", finish_reason="stop"), None)
print("added", flush=True)
time.sleep(300)
"""


def test_what_was_added_outlives_kill_9_and_so_does_not_the_lock(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "added\n"
        with pytest.raises(OutputError, match="another build"):
            Ledger(path)
        holder.send_signal(signal.SIGKILL)
    with Ledger(path) as ledger:
        assert ledger.find(ask().key) == said()


def test_what_is_no_ledger_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a ledger " * 100)
    with pytest.raises(SourceUnreadable, match="no ledger of cftdata"):
        Ledger(text)
    assert text.read_text() == "not a ledger " * 100
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE calls (id)")
    db.close()
    with pytest.raises(SourceUnreadable, match="no ledger of this version"):
        Ledger(other)


def test_a_ledger_that_is_not_there_or_cannot_be_made(tmp_path: Path) -> None:
    with pytest.raises(SourceNotFound, match="there is no ledger"):
        Ledger(tmp_path / "ledger.sqlite", read_only=True)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        Ledger(tmp_path / "file" / "ledger.sqlite")


def test_merging_takes_over_what_is_not_there_and_merging_again_nothing(tmp_path: Path) -> None:
    with Ledger(tmp_path / "b.sqlite") as theirs:
        theirs.add(ask("b"), said("B", cost_usd=0.5), None)
        theirs.add(ask("both"), said("theirs"), None)
        theirs.add(ask("bad"), said(""), "empty")
        theirs.add_failure(ask("b"), "unavailable", "gone")
    with Ledger(tmp_path / "a.sqlite") as ledger:
        ledger.add(ask("both"), said("ours"), None)
        assert ledger.merge(tmp_path / "b.sqlite") == 3
        assert ledger.merge(tmp_path / "b.sqlite") == 0
        assert ledger.find(ask("b").key) == said("B", cost_usd=0.5)
        assert ledger.find(ask("both").key) == said("ours")
        assert ledger.booked == Spending(4, ledger.booked.n_tokens, 0.5)
        assert ledger.failures(ask("b").key) == [("unavailable", "gone")]
        assert len(list(ledger.completions())) == 2
        totals, booked = ledger.totals(), ledger.booked
    with Ledger(tmp_path / "a.sqlite") as ledger:
        assert (ledger.totals(), ledger.booked) == (totals, booked)


def test_no_key_of_the_environment_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "planted-key-0123456789")
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add_failure(ask(), "rejected", "the key planted-key-0123456789 is unknown")
        assert ledger.failures(ask().key) == [("rejected", "the key [key] is unknown")]
    assert all(b"planted-key" not in file.read_bytes() for file in tmp_path.iterdir())


def test_a_batch_is_known_before_it_is_submitted(tmp_path: Path) -> None:
    requests = [ask(f"{n}") for n in range(3)]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.add_batch("one", "openai/a", requests)
        with pytest.raises(OutputError, match="cannot be written"):
            ledger.add_batch("one", "openai/a", requests)
        assert ledger.batches() == [Batch(name="one", model="openai/a", state="planned", provider_id=None)]
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.amend_batch("one", "submitted", "batch_123")
        ledger.amend_batch("one", "collected")
        assert ledger.batches() == [Batch(name="one", model="openai/a", state="collected",
                                          provider_id="batch_123")]
        assert list(ledger.batch_requests("one")) == requests
