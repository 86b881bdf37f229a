r"""Critiques as trainers read them: the model is asked for a critique and learns to write it.

    trl, trl-messages   TRL's dataset types "prompt-completion" (standard) and "language modeling"
                        (conversational); loaded by TRL's own code in a test
    llama-factory       alpaca rows, with the dataset_info.json that names their columns
    ms-swift            the standard `messages`
    axolotl             `messages` for `type: chat_template`, with the datasets section of its configuration

As messages the words are the same in every format, so that a set trains alike whichever trainer reads it: in
alpaca rows the whole question stands in `instruction`, since LLaMA-Factory joins `input` to it by one line
break where the published rows have two.

Checked against: huggingface/trl docs/source/dataset_formats.md @0087e4f and TRL 1.16 itself;
hiyouga/LLaMA-Factory data/README.md @2ad9871 and src/llamafactory/data/parser.py @01d3ac6;
modelscope/ms-swift docs/source_en/Customization/Custom-dataset.md @025fc6b; axolotl-ai-cloud/axolotl
docs/dataset-formats/conversation.qmd @08d99fe and src/axolotl/utils/schemas/datasets.py @07e83ab.

    >>> from cftdata.sample import Critique, Query, Response
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="No. Conclusion: wrong"))
    >>> make_trl(sample, None)["completion"]
    'No. Conclusion: wrong'
    >>> [turn["role"] for turn in make_messages(sample, None)["messages"]]
    ['user', 'assistant']

Reasons for no row: no_response, no_critique, empty_critique.
Not covered: packing, truncation, weights of rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from cftdata.formats.asking import CRITIQUE, after, as_text, ask_critique
from cftdata.formats.form import Made, Turn
from cftdata.sample import Record, Sample

__all__ = ["Alpaca", "Messages", "PromptCompletion", "describe_axolotl", "describe_llama_factory",
           "find_lack", "make_alpaca", "make_messages", "make_trl"]


class PromptCompletion(Record):
    """A row of TRL's "prompt-completion"."""

    prompt: str
    """What is asked; the loss does not count it."""
    completion: str
    """What is learnt."""


class Messages(Record):
    """A row that is one conversation."""

    messages: tuple[Turn, ...]
    """A system message where the prompt has one, then the user's, then the assistant's."""


class Alpaca(Record):
    """A row of LLaMA-Factory's alpaca format."""

    instruction: str
    """What is asked."""
    input: str
    """Always empty: see the module."""
    output: str
    """What is learnt."""
    system: str
    """The prompt's system message; empty where it has none."""


def find_lack(sample: Sample) -> str | None:
    """Why the sample teaches no critique; None when it does."""
    if sample.response is None:
        return "no_response"
    if sample.critique is None:
        return "no_critique"
    return None if after(CRITIQUE, sample.critique.text).strip() else "empty_critique"


def make_trl(sample: Sample, prompt: str | None) -> Made:
    """Prompt and completion as texts; prompt + completion is what the model sees, but for its end mark."""
    if (lack := find_lack(sample)) or sample.critique is None:
        return lack or "no_critique"
    return {"prompt": as_text(ask_critique(sample, prompt), CRITIQUE),
            "completion": after(CRITIQUE, sample.critique.text)}


def make_messages(sample: Sample, prompt: str | None) -> Made:
    """The conversation in which the critique is asked for and given."""
    if (lack := find_lack(sample)) or sample.critique is None:
        return lack or "no_critique"
    asked = [{"role": message.role, "content": message.content} for message in ask_critique(sample, prompt)]
    return {"messages": [*asked, {"role": "assistant", "content": sample.critique.text}]}


def make_alpaca(sample: Sample, prompt: str | None) -> Made:
    """The same conversation as columns."""
    made = make_messages(sample, prompt)
    if isinstance(made, str):
        return made
    said = {turn["role"]: turn["content"] for turn in made["messages"]}
    return {"instruction": said["user"], "input": "", "output": said["assistant"],
            "system": said.get("system", "")}


def describe_llama_factory(file: str) -> Mapping[str, str]:
    """The dataset_info.json by which LLaMA-Factory finds the file: `dataset_dir: DIR`, `dataset: cftdata`."""
    columns = {"prompt": "instruction", "query": "input", "response": "output", "system": "system"}
    described = {"cftdata": {"file_name": file, "formatting": "alpaca", "columns": columns}}
    return {"dataset_info.json": json.dumps(described, indent=2) + "\n"}


def describe_axolotl(file: str) -> Mapping[str, str]:
    """The datasets section of an Axolotl configuration; the path is relative to the export's folder."""
    kind = "parquet" if file.endswith(".parquet") else "json"
    return {"axolotl.yaml": f"datasets:\n  - path: {file}\n    ds_type: {kind}\n    type: chat_template\n"
                            "    field_messages: messages\n    roles_to_train: [assistant]\n"
                            "    train_on_eos: turn\n"}
