r"""Formats: rows as trainers read them, by name; one file a family.

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="No. Conclusion: wrong"))
    >>> FORMATS["trl"].row(sample, None)["completion"]
    'No. Conclusion: wrong'
    >>> FORMATS["sft"].row(sample, None)
    'no_right_solution'

Not covered: writing them (see `export`).
"""

from __future__ import annotations

from typing import Any

from cftdata.errors import ConfigError, suggest
from cftdata.formats.critiques import (
    Alpaca,
    Messages,
    PromptCompletion,
    describe_axolotl,
    describe_llama_factory,
    make_alpaca,
    make_messages,
    make_trl,
)
from cftdata.formats.form import Format, Made
from cftdata.formats.originals import WebInstruct, make_one_shot, make_webinstruct
from cftdata.formats.pairs import Preference, make_half
from cftdata.formats.processbench import ProcessBench, make_processbench
from cftdata.formats.twin import make_sft, make_sft_messages

__all__ = ["FORMATS", "REASONS", "Format", "Made", "choose_format"]


def _all_of(row: dict[str, Any]) -> str:
    return repr(row)


FORMATS: dict[str, Format] = {
    "trl": Format("TRL: prompt and completion as texts", PromptCompletion, make_trl, "critique"),
    "trl-messages": Format("TRL: messages", Messages, make_messages, "critique"),
    "llama-factory": Format("LLaMA-Factory: alpaca rows and dataset_info.json", Alpaca, make_alpaca,
                            "critique", beside=describe_llama_factory),
    "ms-swift": Format("ms-swift: messages", Messages, make_messages, "critique", file_types=("jsonl",)),
    "axolotl": Format("Axolotl: messages, and the datasets section of its configuration", Messages,
                      make_messages, "critique", beside=describe_axolotl),
    "webinstruct-cft": Format("the shape of WebInstruct-CFT", WebInstruct, make_webinstruct),
    "one-shot-cft": Format("the shape of One-Shot CFT", Messages, make_one_shot),
    "sft": Format("the SFT twin for TRL: prompt and a right solution as texts", PromptCompletion, make_sft,
                  "solution", key=_all_of),
    "sft-messages": Format("the SFT twin as messages", Messages, make_sft_messages, "solution", key=_all_of),
    "dpo": Format("TRL: preference pairs, a critique that passed against one that failed", Preference,
                  make_half, "critique", reads=("verifications",), key=_all_of, is_pair=True),
    "processbench": Format("ProcessBench: steps and the first wrong one", ProcessBench, make_processbench,
                           key=lambda row: str(row["id"])),
}
"""Name to format."""

REASONS = {
    "no_response": "it has no response",
    "no_critique": "it has no critique",
    "empty_critique": "its critique says nothing",
    "heading_in_query": 'its query has a line "Solution:", at which a reader of this shape would cut it',
    "no_right_solution": "it has no reference solution, and its response is wrong or not known to be right",
    "not_verified": "no counted verifier has said anything of it; audit the set first",
    "undecided": "its verifiers could not decide whether the critique is right",
    "no_partner": "no other critique of the same response is left to pair it with",
    "no_step_label": "no label says which step of its response is the first wrong one",
    "label_past_steps": "its label names a step that its response does not have",
    "final_answer_unknown": "its response is wrong, and whether the final answer is cannot be told",
    "dropped": "curating dropped it",
    "repeated": "the same row was written before",
}
"""Reason why a sample is in no row to a sentence for people."""


def choose_format(name: str) -> Format:
    """The format of that name. Raises ConfigError, with the nearest."""
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r} to export; {suggest(name, FORMATS)}")
    return FORMATS[name]
