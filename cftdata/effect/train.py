"""Training one adapter: LoRA by peft, TRL's SFTTrainer, loss on completions only, a fixed number of tokens.

Rows are repeated, each pass in an order of its own, until the tokens are reached, so that arms are compared
at equal tokens. They are packed only where packed rows cannot see each other (FlashAttention); else each
stands alone. A broken-off training begins again (`Training.n_saved` 0) or at its last checkpoint.

    >>> rows = [TrainRow("Q", "A"), TrainRow("R", "B")]
    >>> [row.prompt for row in repeat(rows, [3, 3], n_tokens=9, seed=0)][:2] in (["Q", "R"], ["R", "Q"])
    True

Source: LoRA (arXiv 2106.09685). Not covered: training all weights, several devices at one adapter.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from cftdata.effect.generate import encode_prompt
from cftdata.effect.model import Loaded, telling_memory
from cftdata.effect.names import read_dose
from cftdata.effect.outcomes import TrainReport
from cftdata.effect.rows import TrainRow
from cftdata.effect.settings import Training
from cftdata.errors import TrainingError

__all__ = ["count_tokens", "hash_rows", "repeat", "train", "unload"]

MAX_CUT_RATE = 0.01
N_ENDS = 0.1
"""Share of the steps whose mean is the first, and the last, loss."""


def count_tokens(loaded: Loaded, rows: Sequence[TrainRow]) -> list[int]:
    """Tokens of every row, with the end mark."""
    return [len(encode_prompt(loaded.tokenizer, row.prompt + row.completion)) + 1 for row in rows]


def hash_rows(rows: Sequence[TrainRow]) -> str:
    """SHA-256 over the rows in order."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def repeat(rows: Sequence[TrainRow], sizes: Sequence[int], n_tokens: int, seed: int) -> list[TrainRow]:
    """The rows in passes, each in an order drawn by the seed, until the next one would pass n_tokens.

    sizes: tokens of each row. One row at least is there.
    """
    made: list[TrainRow] = []
    n_left, n_pass = n_tokens, 0
    while True:
        order = list(range(len(rows)))
        Random(f"{seed} {n_pass}").shuffle(order)
        for place in order:
            if made and sizes[place] > n_left:
                return made
            made.append(rows[place])
            n_left -= sizes[place]
        n_pass += 1


def train(loaded: Loaded, rows: Sequence[TrainRow], settings: Training, out: Path, *,  # noqa: PLR0913
          arm: str, seed: int, n_tokens: int,
          progress: Callable[[float], None] | None = None) -> tuple[TrainReport, Loaded]:
    """Trains an adapter; gives what came of it, and the model with it. `unload` takes it off again.

    n_tokens: as many are trained on. out: receives the adapter and train.json. progress: called with the
    share of steps that is done. Raises TrainingError (more than 1% of rows cut, a loss that is no number),
    ModelError where memory is too little.
    """
    started = time.monotonic()
    sizes = count_tokens(loaded, rows)
    n_cut = sum(size > settings.max_length for size in sizes)
    if n_cut > MAX_CUT_RATE * len(rows):
        raise TrainingError(f"{n_cut:,} of the {len(rows):,} rows of {arm} are longer than max_length "
                            f"{settings.max_length}; raise it to {max(sizes):,}, or leave long rows out")
    sizes = [min(size, settings.max_length) for size in sizes]
    repeated = repeat(rows, sizes, n_tokens, seed)
    with telling_memory(loaded.name):
        losses, trained = _run(loaded, repeated, settings, out, seed, progress)
    n_ends = max(1, round(len(losses) * N_ENDS))
    size_of = dict(zip(rows, sizes, strict=True))
    report = TrainReport(
        arm=arm, seed=seed, n_rows=len(set(repeated)), n_tokens=sum(size_of[row] for row in repeated),
        n_steps=len(losses), n_cut=n_cut, first_loss=sum(losses[:n_ends]) / n_ends,
        last_loss=sum(losses[-n_ends:]) / n_ends, seconds=round(time.monotonic() - started, 3),
        device=loaded.device, adapter_hash=_hash_adapter(trained), dose=read_dose(arm),
        data_hash=hash_rows(repeated))
    (out / "train.json").write_text(report.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return report, replace(loaded, model=trained)


def unload(trained: Loaded) -> None:
    """Takes the adapter off, so that the next arm begins with the model itself."""
    trained.model.unload()


def _run(loaded: Loaded, rows: Sequence[TrainRow], settings: Training, out: Path,  # noqa: PLR0913, PLR0917
         seed: int, progress: Callable[[float], None] | None) -> tuple[list[float], Any]:
    """Trains and saves the adapter; the loss of every step, and the model with the adapter."""
    from datasets import Dataset, disable_progress_bars
    from transformers import PrinterCallback, set_seed
    from trl import SFTTrainer

    disable_progress_bars()
    set_seed(seed)
    data = Dataset.from_list([row._asdict() for row in rows])
    trainer = SFTTrainer(model=loaded.model, args=_arguments(settings, out, seed, loaded),
                         train_dataset=data, processing_class=loaded.tokenizer,
                         peft_config=_lora(settings), callbacks=_watch(progress))
    trainer.remove_callback(PrinterCallback)
    is_broken_off = settings.n_saved and any(out.glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=True if is_broken_off else None)
    losses = [float(one["loss"]) for one in trainer.state.log_history if "loss" in one]
    if not losses or not all(map(math.isfinite, losses)):
        raise TrainingError("the loss is no number any more; take a lower learning_rate")
    trainer.model.save_pretrained(out)
    return losses, trainer.model.eval()


def _arguments(settings: Training, out: Path, seed: int, loaded: Loaded) -> Any:
    from trl import SFTConfig

    is_gpu = loaded.precision == "bfloat16"
    return SFTConfig(
        output_dir=str(out), seed=seed, data_seed=seed, max_length=settings.max_length,
        per_device_train_batch_size=settings.n_sequences,
        gradient_accumulation_steps=settings.n_accumulated, num_train_epochs=1,
        learning_rate=settings.learning_rate, lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_rate, train_sampling_strategy="sequential",
        packing=settings.is_packed and can_pack(is_gpu), completion_only_loss=True, bf16=is_gpu,
        use_cpu=not is_gpu, gradient_checkpointing=is_gpu, logging_steps=1,
        logging_nan_inf_filter=False, report_to="none",
        disable_tqdm=True, save_strategy="steps" if settings.n_saved else "no",
        save_steps=settings.n_saved or 500, save_total_limit=1, dataloader_pin_memory=is_gpu)


def can_pack(is_gpu: bool) -> bool:
    """Whether packed rows cannot see each other: only FlashAttention keeps them apart."""
    return is_gpu and find_spec("flash_attn") is not None


def _lora(settings: Training) -> Any:
    from peft import LoraConfig

    return LoraConfig(r=settings.rank, lora_alpha=settings.alpha, lora_dropout=settings.dropout,
                      target_modules="all-linear", task_type="CAUSAL_LM")


def _watch(progress: Callable[[float], None] | None) -> list[Any]:
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if progress:
                progress(state.global_step / max(1, state.max_steps))

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            """Stops at once where the loss is no number: nothing good comes after it."""
            if logs and "loss" in logs and not math.isfinite(float(logs["loss"])):
                control.should_training_stop = True

    return [Watch()]


def _hash_adapter(model: Any) -> str:
    """SHA-256 over the adapter's weights by name."""
    digest = hashlib.sha256()
    for name, weight in sorted(model.named_parameters()):
        if "lora_" in name:
            digest.update(name.encode())
            digest.update(weight.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
