"""Critiques in the formats of trainers, against the schemas that their documentation gives.

LLaMA-Factory, ms-swift and Axolotl are not loaded here: their documented schemas stand below as types (the
files they were taken from are named in `cftdata.formats.critiques`). TRL is loaded in test_trl.py.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from cftdata.errors import ConfigError
from cftdata.formats import FORMATS, choose_format
from cftdata.sample import Sample

from .some import RIGHT, WRONG, sample

SAMPLES = [sample(), sample(RIGHT), sample(response="\\boxed{4}\u2028 — ≠"),
           sample("Critique:\nCritique:\nNo.")]
Filled = Annotated[str, Field(min_length=1)]


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class AlpacaRow(Closed):
    """LLaMA-Factory: instruction and output are required; input, system and history are optional."""

    instruction: Filled
    input: str = ""
    output: Filled
    system: str = ""
    history: list[tuple[str, str]] = []


class AlpacaColumns(Closed):
    prompt: str = "instruction"
    query: str = "input"
    response: str = "output"
    system: str | None = None
    history: str | None = None


class AlpacaDataset(Closed):
    """One entry of LLaMA-Factory's dataset_info.json."""

    file_name: str
    formatting: Literal["alpaca", "sharegpt"] = "alpaca"
    ranking: bool = False
    columns: AlpacaColumns = AlpacaColumns()


class Said(Closed):
    role: Literal["system", "user", "assistant"]
    content: str


class Conversation(Closed):
    """ms-swift's standard format and Axolotl's chat_template: a system message may come first, then turns."""

    messages: list[Said]

    @model_validator(mode="after")
    def turns_alternate(self) -> Conversation:
        roles = [said.role for said in self.messages]
        turns = roles[1:] if roles[:1] == ["system"] else roles
        if not turns or turns != ["user", "assistant"] * (len(turns) // 2):
            raise ValueError("a conversation is of a user and an assistant in turn")
        return self


class AxolotlDataset(Closed):
    """An entry of `datasets` in an Axolotl configuration, as far as chat_template uses it."""

    path: str
    ds_type: Literal["json", "arrow", "parquet", "text", "csv"]
    type: Literal["chat_template"]
    field_messages: str = "messages"
    message_property_mappings: dict[str, str] = {"role": "role", "content": "content"}
    roles_to_train: list[str] = ["assistant"]
    train_on_eos: Literal["all", "turn", "last"] = "turn"


def rows(name: str, prompt: str | None = None) -> list[dict[str, Any]]:
    made = [FORMATS[name].row(one, prompt) for one in SAMPLES]
    assert not [one for one in made if isinstance(one, str)]
    return [json.loads(json.dumps(one)) for one in made]


@pytest.mark.parametrize("prompt", [None, "cft-short", "processbench-paragraph", "self-critique"])
def test_rows_are_as_their_trainers_document_them(prompt: str | None) -> None:
    TypeAdapter(list[AlpacaRow]).validate_python(rows("llama-factory", prompt))
    for name in ("ms-swift", "axolotl", "trl-messages"):
        TypeAdapter(list[Conversation]).validate_python(rows(name, prompt))
    has_system = [said["messages"][0]["role"] == "system" for said in rows("ms-swift", prompt)]
    assert set(has_system) == {prompt in ("cft-short", "processbench-paragraph")}


@pytest.mark.parametrize("broken", [
    {"messages": []}, {"messages": [{"role": "user", "content": "a"}]},
    {"messages": [{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]},
    {"conversations": [{"from": "human", "value": "a"}]}])
def test_the_schema_refuses_what_the_trainers_could_not_read(broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Conversation.model_validate(broken)


def test_every_trainer_shows_the_model_the_same_words() -> None:
    """LLaMA-Factory joins instruction and input by a line break where there is an input."""
    for prompt in (None, "cft-short"):
        for alpaca, chat in zip(rows("llama-factory", prompt), rows("trl-messages", prompt), strict=True):
            said = {turn["role"]: turn["content"] for turn in chat["messages"]}
            asked = "\n".join(text for text in (alpaca["instruction"], alpaca["input"]) if text)
            assert (alpaca["system"], asked, alpaca["output"]) == (
                said.get("system", ""), said["user"], said["assistant"])


def test_dataset_info_names_the_file_and_columns_that_are_there() -> None:
    beside = choose_format("llama-factory").beside
    assert beside
    described = json.loads(beside("train.parquet")["dataset_info.json"])
    entry = TypeAdapter(dict[str, AlpacaDataset]).validate_python(described)["cftdata"]
    assert entry.file_name == "train.parquet"
    named = {name for name in entry.columns.model_dump().values() if name}
    assert named == set(rows("llama-factory")[0])


def test_the_axolotl_section_names_the_file_and_field_that_are_there() -> None:
    beside = choose_format("axolotl").beside
    assert beside
    for file, kind in (("train.jsonl", "json"), ("train.parquet", "parquet")):
        [entry] = TypeAdapter(list[AxolotlDataset]).validate_python(
            yaml.safe_load(beside(file)["axolotl.yaml"])["datasets"])
        assert (entry.path, entry.ds_type, entry.field_messages) == (file, kind, "messages")


def test_messages_hold_the_critique_as_it_is_and_texts_without_a_second_heading() -> None:
    assert [row["messages"][-1]["content"] for row in rows("trl-messages")] == [
        one.critique.text for one in SAMPLES if one.critique]
    assert [row["completion"] for row in rows("trl")] == [
        WRONG, RIGHT.removeprefix("Critique:\n"), WRONG, "Critique:\nNo."]
    assert all(row["prompt"].endswith("\n\nCritique:\n") for row in rows("trl"))


@pytest.mark.parametrize(("one", "reason"), [
    (sample(None), "no_critique"), (sample(response=None), "no_response"),
    (sample(" \n"), "empty_critique"), (sample("Critique:\n \n"), "empty_critique")])
def test_what_teaches_nothing_has_no_row(one: Sample, reason: str) -> None:
    for name in ("trl", "trl-messages", "llama-factory", "ms-swift", "axolotl", "webinstruct-cft",
                 "one-shot-cft", "dpo"):
        assert FORMATS[name].row(one, None) == reason


def test_an_unknown_format_lists_the_known() -> None:
    with pytest.raises(ConfigError, match="did you mean 'llama-factory'"):
        choose_format("llama-factry")
