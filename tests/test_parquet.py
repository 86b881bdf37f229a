from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.errors import OutputError
from cftdata.findings import Finding
from cftdata.parquet import arrow_schema, open_output, printable, writing
from cftdata.sample import (
    Critique,
    Decision,
    Evidence,
    Gold,
    InjectedError,
    Provenance,
    Query,
    Record,
    Response,
    Sample,
    Usage,
    Verification,
)

text = st.text(max_size=20)
slug = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
step = st.none() | st.integers(-1, 2**40)
# Whole minutes: JSON has no offset of seconds, which local times had before 1912.
zone = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
usage = st.builds(Usage, n_tokens=st.none() | st.integers(0, 2**62),
                  cost_usd=st.none() | st.floats(0, 1e9))
provenance = st.builds(
    Provenance, source=st.none() | text, row=st.none() | st.integers(0, 2**40), model=st.none() | text,
    temperature=st.none() | st.floats(0, 2), seed=st.none() | st.integers(-2**63, 2**63 - 1),
    usage=st.none() | usage, created=st.none() | st.datetimes(timezones=st.none() | zone))
evidence = st.builds(lambda said, start: Evidence(text=said, start=start, end=start + len(said)),
                     text, st.integers(0, 10**6))
verification = st.builds(
    Verification, verifier=slug, version=text, target=st.sampled_from(["query", "critique"]),
    outcome=st.sampled_from(["pass", "fail", "abstain", "error"]), reason=slug,
    evidence=st.none() | evidence, detail=st.none() | text,
    score=st.none() | st.floats(allow_nan=False, allow_infinity=False))
sample = st.builds(
    Sample.of, st.builds(Query, text=text, reference_answer=st.none() | text, provenance=provenance),
    st.none() | st.builds(Response, text=text, steps=st.lists(text, max_size=3).map(tuple),
                          injected_error=st.none() | st.builds(InjectedError, kind=slug, step=st.just(3))),
    st.none() | st.builds(Critique, text=text, verdict=st.sampled_from(["right", "wrong", None]),
                          first_error_step=step, provenance=provenance),
    st.builds(Gold, response_correct=st.none() | st.booleans(), first_error_step=step))
decision = st.none() | st.builds(Decision, action=st.sampled_from(["keep", "drop"]), reason=slug)


@given(sample, st.lists(verification, max_size=2).map(tuple), decision)
def test_a_sample_comes_back_from_arrow_to_the_last_field(
        bare: Sample, said: tuple[Verification, ...], decided: Decision | None) -> None:
    full = bare.model_copy(update={"verifications": said, "decision": decided})
    table = pa.RecordBatch.from_pylist([full.model_dump(mode="json")], schema=arrow_schema(Sample))
    (row,) = table.to_pylist()
    assert Sample.model_validate(row) == full


def test_a_schema_has_the_fields_of_the_record() -> None:
    assert arrow_schema(Finding).names == list(Finding.model_fields)
    assert arrow_schema(Usage) == pa.schema([("n_tokens", pa.int64()), ("cost_usd", pa.float64())])


def test_a_type_without_an_arrow_type_is_refused() -> None:
    class Bag(Record):
        content: dict[str, int]

    with pytest.raises(TypeError, match="no Arrow type for dict"):
        arrow_schema(Bag)


def test_files_move_into_place_together(tmp_path: Path) -> None:
    with open_output(tmp_path / "a" / "b") as folder:
        (folder / "one").write_text("1")
        (folder / "two").write_text("2")
        assert [path.name for path in (tmp_path / "a" / "b").iterdir() if path.is_file()] == []
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["one", "two"]


def test_a_block_that_breaks_leaves_what_was_there(tmp_path: Path) -> None:
    def write(folder: Path, text: str, fault: Exception | None) -> None:
        with open_output(folder) as partial:
            (partial / "one").write_text(text)
            if fault:
                raise fault

    with pytest.raises(RuntimeError):
        write(tmp_path / "out", "half", RuntimeError())
    assert not (tmp_path / "out").exists()
    write(tmp_path / "out", "whole", None)
    with pytest.raises(RuntimeError):
        write(tmp_path / "out", "half", RuntimeError())
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {"one": "whole"}


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write into .*choose another folder"), open_output(
            tmp_path / "file" / "out"):
        raise AssertionError("never reached")
    with pytest.raises(OutputError, match="make room"), writing(tmp_path):
        raise OSError(28, "No space left on device")


@given(st.text(st.characters(exclude_categories=[])))
def test_printable_text_can_be_written_and_keeps_what_could_be(said: str) -> None:
    shown = printable(said)
    shown.encode()
    if not any("\ud800" <= char <= "\udfff" for char in said):
        assert shown == said
