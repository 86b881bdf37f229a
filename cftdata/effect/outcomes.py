"""What an effect study yields: one `Outcome` a generated text, one `TrainReport` a trained adapter.

The trainer writes them, the measures read them; neither knows the other. An unknown is None, never False.

    >>> outcome = Outcome(arm="cft", seed=0, task="answer", set="held_out", item_id="q1", text="It is 4.",
    ...                   answer="4", correct=True, n_tokens=5)
    >>> outcome.draw, outcome.verdict
    (0, None)

Not covered: how the texts are made (`study`) and what is computed of them (`measure`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cftdata.sample import Count, Proportion, Record, Verdict

Task = Literal["answer", "judge_others", "judge_self"]
SetName = Literal["held_out", "longer", "reworded", "gsm8k"]


class Outcome(Record):
    """One text that a model generated for one item, and what could be read from it."""

    arm: str
    """Name of the arm, as in `names`."""
    seed: int
    """Seed of the training run. An arm that is not trained (base) may stand with one seed only; it is then
    compared with every seed of the others."""
    task: Task
    """`answer`: answers the query; `judge_others`, `judge_self`: judges a response of another, of its own."""
    set: SetName
    """Which items: like those trained on, longer, worded otherwise, or GSM8K's test set."""
    item_id: str
    """What was asked, the same for every arm and seed: the id of the query where it answers or judges itself,
    of the judged response where it judges others. Pairs are made by it."""
    query_id: str | None = None
    """Id of the query that a judged response answers; several responses of one query are no independent
    evidence. None: the item is its own query."""
    draw: Count = 0
    """0 is greedy, k > 0 the k-th sampled text. Judging itself: the draw of the answer that is judged."""
    text: str
    """What the model wrote, unchanged."""
    answer: str | None = None
    """The answer read from it, where it was to answer; None when none could be read."""
    correct: bool | None = None
    """Whether the answer equals the reference; None: no readable answer, or it cannot be told."""
    truth_right: bool | None = None
    """Whether the judged response is right; None when it is not known."""
    verdict: Verdict | None = None
    """What it says of the judged response; None when no verdict could be read."""
    found_step: Annotated[int, Field(ge=-1)] | None = None
    """First wrong step that it names, 0-based; -1: every step is right; None: it names none."""
    true_step: Annotated[int, Field(ge=-1)] | None = None
    """First wrong step of the judged response, 0-based; -1: none; None: not known."""
    judged: str | None = None
    """Where the judged response comes from, as a word to group by: `injected`, or a model's name."""
    difficulty: Count | None = None
    """Steps that the query asks for; None when not known."""
    n_tokens: Count
    """Tokens generated."""


class TrainReport(Record):
    """How one adapter was trained."""

    arm: str
    """Name of the arm."""
    seed: int
    """Seed of data order and initial adapter."""
    n_rows: Count
    """Distinct rows it was trained on."""
    n_tokens: Count
    """Tokens that went through training, with repeats."""
    n_steps: Count
    """Steps of the optimiser."""
    n_cut: Count
    """Rows cut by the length limit."""
    first_loss: float
    """Mean loss over the first steps."""
    last_loss: float
    """Mean loss over the last steps."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time of the training."""
    device: str
    """Where it ran, in words: "cpu, 2 threads", "NVIDIA H100"."""
    adapter_hash: str
    """SHA-256 of the adapter's weights."""
    dose: Proportion | None = None
    """Share of critiques that were made wrong on purpose; None for an arm that is no dose."""
    data_hash: str | None = None
    """SHA-256 of the rows it was trained on, in order."""


class Conditions(Record):
    """Under which conditions a study was made: what a reader must know to repeat it."""

    source: str
    """What was trained on: folder, file or Hub id."""
    content_hash: str
    """SHA-256 over the ids of the samples in order."""
    model: str
    """The model that every arm begins with."""
    n_parameters: Count | None = None
    """Its parameters; None when not known."""
    settings: str
    """Settings of the study as id@hash."""
    arms: tuple[str, ...]
    """The arms, in the order to show."""
    seeds: tuple[int, ...]
    """Seeds of the trained arms."""
    device: str
    """The hardware, in words."""
    precision: str
    """Number format of the training: float32, bfloat16."""
    temperature: float | None = None
    """Temperature of the sampled texts; None where nothing was sampled."""
    budget: Literal["rows", "tokens"] | None = None
    """What the arms were given equally: rows, or tokens; None where neither."""
    is_complete: bool = True
    """False where arms or seeds that were asked for are missing."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time of the whole study, cut-off pieces included."""
    cftdata_version: str
    """Version that made the study."""
