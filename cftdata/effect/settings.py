"""Settings of a study: what is trained, on how much, and what it is asked afterwards, as YAML.

    >>> load_settings("quick").arms[0]
    'base'

Not covered: several models in one study (run one for each and put the reports beside each other).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cftdata.config import load_record, name_content
from cftdata.effect.names import check_arm
from cftdata.sample import Count, Proportion, Record

__all__ = ["Answering", "EffectSettings", "ItemSet", "Judging", "OwnRows", "SetName", "Training",
           "list_settings", "load_settings"]

EFFECTS = Path(__file__).parent.parent / "effects"
Positive = Annotated[int, Field(ge=1)]
Above0 = Annotated[float, Field(gt=0)]
Steps = Annotated[tuple[Annotated[int, Field(ge=1, le=3)], ...], Field(min_length=1)]
SetName = Literal["held_out", "longer", "reworded", "gsm8k"]


class OwnRows(Record):
    """Rows of our own, for the dataset `sums`: short problems, noisy responses, symbolic critiques."""

    n: Positive = 1000
    """Rows, one a query."""
    n_steps: Steps = (1, 2)
    """Numbers of steps that are drawn from, evenly."""
    right_rate: Proportion = 0.5
    """Share of responses that are right."""
    wrong_rate: Proportion = 0.0
    """Share of critiques that are made wrong in known ways."""
    seed: int = 1
    """Seed of the rows; items have seeds of their own."""


class Training(Record):
    """How an adapter is trained."""

    rank: Positive = 16
    """Rank of LoRA, on all linear layers but the last."""
    alpha: Positive = 32
    """LoRA's scale is alpha / rank."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Dropout inside LoRA."""
    learning_rate: Above0 = 2e-4
    """Highest learning rate."""
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    """How it falls after the warm-up."""
    warmup_rate: Proportion = 0.1
    """Share of the steps in which it rises."""
    max_length: Positive = 1024
    """Most tokens of a row, prompt and completion; longer ones are cut, and counted."""
    is_packed: bool = True
    """Whether rows are packed to sequences of up to `max_length`; they do not see each other."""
    n_sequences: Positive = 1
    """Sequences of a step on the device at once: packed ones, or single rows."""
    n_accumulated: Positive = 1
    """Such batches of one step of the optimizer."""
    n_saved: Count = 0
    """Steps between two checkpoints from which a broken-off run goes on; 0 starts the arm again."""


class ItemSet(Record):
    """A set of held-out items."""

    source: str = "dataset"
    """`dataset`: queries held out from it; `sums`: short problems of ours; else a file, folder or Hub id."""
    n: Positive = 100
    """Most items to answer."""
    n_judged: Count = 100
    """Most responses to judge: of others, and as many of its own."""
    n_steps: Steps = (1, 2)
    """Of `sums`: numbers of steps that are drawn from."""
    is_reworded: bool = False
    """Of `sums`: told in words that no training row has."""


class Answering(Record):
    """How an answer is asked for."""

    n_shots: Count = 2
    """Worked examples before the question, the same for every arm; of other queries than items and rows."""
    max_tokens: Positive = 256
    """Most tokens of an answer."""
    n_samples: Count = 4
    """Sampled answers to each item of the set `held_out`, besides the greedy one."""
    temperature: Above0 = 0.7
    """Of the sampled answers."""
    top_p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Of the sampled answers."""


class Judging(Record):
    """How a critique is asked for, in training and afterwards alike."""

    prompt: str | None = None
    """Id of the prompt, or a YAML file; None takes the published form, which states no verdict."""
    max_tokens: Positive = 512
    """Most tokens of a critique."""
    n_draws: Positive = 1
    """Of its own answers to a query, how many it judges: the greedy one, then sampled ones."""


_HELD_OUT: dict[SetName, ItemSet] = {"held_out": ItemSet()}


class EffectSettings(Record):
    """A study."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the settings."""
    about: str = ""
    """What they are for, in a sentence."""
    model: str = "local"
    """A causal model: an id of the Hub or a folder; `local` is the embedded SmolLM2-135M-Instruct."""
    is_chat: bool = False
    """Whether questions are put through the model's chat template; else they are plain text."""
    arms: Annotated[tuple[str, ...], Field(min_length=1)] = ("base", "sft", "cft")
    """Arms (see `names`); cft@20 has a fifth of its critiques made wrong."""
    n_seeds: Positive = 1
    """Runs of each arm that is trained."""
    seed: int = 0
    """Seed of the first run, counted up for the others: rows, their order, LoRA's start, sampling."""
    n_rows: Positive = 1000
    """Distinct rows of every arm."""
    n_passes: Positive = 1
    """Passes of the arm whose rows have the most tokens; every arm is trained on as many tokens as these are,
    its rows repeated until they are reached."""
    sft_rate: Proportion = 0.1
    """Share of SFT rows in the arm sft+cft."""
    held_out_rate: Annotated[float, Field(gt=0, lt=1)] = 0.2
    """Share of the dataset's queries that is held out, where a set of items takes its items there."""
    own: OwnRows = OwnRows()
    """The dataset `sums`."""
    training: Training = Training()
    """How adapters are trained."""
    items: Annotated[dict[SetName, ItemSet], Field(min_length=1)] = Field(
        default_factory=lambda: _HELD_OUT)
    """Sets of items by name."""
    answering: Answering = Answering()
    """How answers are asked for."""
    judging: Judging = Judging()
    """How critiques are asked for."""
    batch_tokens: Positive = 16384
    """Most tokens of a batch that is generated, prompts and answers together."""
    n_threads: Positive | None = None
    """Threads on a CPU; None takes all cores. The figures of a CPU depend on it in the last digits."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the intervals."""

    @model_validator(mode="after")
    def _arms_are_known(self) -> EffectSettings:
        for arm in self.arms:
            check_arm(arm)
        if len(set(self.arms)) != len(self.arms):
            raise ValueError("an arm is named twice")
        return self

    @property
    def ref(self) -> str:
        """id@hash: the name and the first 12 hex digits of the SHA-256 of the content."""
        return name_content(self.id, self.model_copy(update={"about": ""}))


def list_settings() -> dict[str, str]:
    """Name of each settings file in the package to what it is for."""
    return {path.stem: load_settings(path.stem).about for path in sorted(EFFECTS.glob("*.yaml"))}


def load_settings(name_or_path: str | Path) -> EffectSettings:
    """The settings of that name in the package, or of that YAML file. Raises ConfigError."""
    return load_record(EffectSettings, name_or_path, EFFECTS, "effect settings")
