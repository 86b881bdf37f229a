"""The model that every arm begins with: loaded for training and generation, on a GPU where there is one.

`local` is the embedded SmolLM2-135M-Instruct of `cftdata.local`: its GGUF file, of 4-bit numbers, is turned
once into a folder of 32-bit ones below the user's cache. It stands in for its id on the Hub where that cannot
be reached; `Loaded.name` says which it was.

    >>> loaded = load_model("local")        # doctest: +SKIP
    >>> loaded.name, loaded.device          # doctest: +SKIP
    ('local/SmolLM2-135M-Instruct', 'cpu, 2 threads')

Source: arXiv 2502.02737. Not covered: models that do not fit on one device; quantised training.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cftdata.calls import ModelUnusable
from cftdata.errors import ExtraMissing, ModelError
from cftdata.local import LOCAL_MODEL, WEIGHTS_SHA256, check_weights

__all__ = ["Loaded", "check_extra", "load_model", "telling_memory"]

LOCAL = "local"
HUB_NAME = "HuggingFaceTB/SmolLM2-135M-Instruct"
LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate", "gguf")
N_BYTES_TOKEN = 40_000
"""Memory of a token in training beyond weights and logits, in bytes, of a model of 30 layers by 576."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, ready."""

    model: Any
    """transformers.PreTrainedModel, in evaluation mode."""
    tokenizer: Any
    """Its tokenizer, with a padding token."""
    name: str
    """What it is called in reports."""
    device: str
    """Where it stands, in words."""
    precision: str
    """Number format of the weights: float32, bfloat16."""

    @property
    def n_parameters(self) -> int:
        """Parameters, adapters not counted."""
        return sum(one.numel() for name, one in self.model.named_parameters() if "lora_" not in name)


def check_extra() -> None:
    """Raises ExtraMissing where a library of the extra `train` is not installed."""
    if any(find_spec(name) is None for name in LIBRARIES):
        raise ExtraMissing("training", "train")


def load_model(name: str = LOCAL, n_threads: int | None = None, n_tokens: int = 0) -> Loaded:
    """The causal model of that name: an id of the Hub, a folder, or `local`.

    n_threads: on a CPU; None takes all cores. n_tokens: of a batch in training, to see whether memory is
    enough. Raises ExtraMissing, ModelError.
    """
    check_extra()
    device = _choose_device(n_threads)
    import torch

    folder, shown = _find(name)
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    _check_memory(folder, shown, dtype.itemsize, device, n_tokens)
    with _quiet(), telling_memory(shown):
        model, tokenizer = _read(folder, shown, dtype)
        model = model.to(device).eval()
    where = torch.cuda.get_device_name() if device == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    return Loaded(model, tokenizer, shown, where, str(dtype).removeprefix("torch."))


def _choose_device(n_threads: int | None) -> str:
    """cuda or cpu. Of several GPUs this process sees one only: that of its place among those launched with it
    (`accelerate launch`), which do not train one model together but each take other arms."""
    place = int(os.environ.pop("LOCAL_RANK", "0"))
    for name in ("WORLD_SIZE", "RANK", "MASTER_ADDR", "MASTER_PORT"):
        os.environ.pop(name, None)
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if place or visible is None or "," in visible:
        shown = visible.split(",") if visible else []
        os.environ["CUDA_VISIBLE_DEVICES"] = shown[place % len(shown)] if shown else str(place)
    import torch

    torch.set_num_threads(n_threads or len(os.sched_getaffinity(0)))
    return "cuda" if torch.cuda.is_available() else "cpu"


def _find(name: str) -> tuple[str, str]:
    """Where the model is loaded from, and what it is called."""
    if name in (LOCAL, LOCAL_MODEL):
        return str(_convert_embedded()), LOCAL_MODEL
    if name == HUB_NAME and not _is_reachable(name):
        return str(_convert_embedded()), LOCAL_MODEL
    return name, name


def _is_reachable(name: str) -> bool:
    """Whether the Hub's model can be had, from its cache or over the network."""
    from huggingface_hub import hf_hub_download

    try:
        hf_hub_download(name, "config.json")
    except Exception:  # offline, no network, no such file: whatever it is, the embedded one stands in
        return False
    return True


def _read(folder: str, name: str, dtype: Any) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
    except (OSError, ValueError, KeyError, AttributeError, ImportError) as fault:
        line = " ".join(str(fault).split())[:200]
        raise ModelError(f"the model {name} cannot be loaded: {line}; give the id or the folder of a causal "
                         "model with its tokenizer") from fault
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


# --- the embedded model


def _convert_embedded() -> Path:
    """The folder of the embedded model, made at its first use. Raises ModelError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cftdata"
    folder = cache / f"SmolLM2-135M-Instruct-{WEIGHTS_SHA256[:12]}"
    if folder.is_dir():
        return folder
    try:
        weights = check_weights()
    except ModelUnusable as fault:
        raise ModelError(str(fault)) from fault
    try:
        cache.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=cache))
    except OSError as fault:
        raise ModelError(f"the model needs a folder to be unpacked into, and {cache} cannot be written; "
                         "set XDG_CACHE_HOME to another one") from fault
    try:
        with _quiet():
            _unpack(weights, partial)
        partial.chmod(0o755)
        partial.replace(folder)
    except OSError as fault:
        if not folder.is_dir():  # else another process was faster
            raise ModelError(f"the model cannot be unpacked into {cache}: {fault.strerror or fault}; "
                             "it needs 600 MB there") from fault
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return folder


def _unpack(weights: Path, folder: Path) -> None:
    """The GGUF file as a folder that transformers loads without knowing that it was quantised."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    where = {"gguf_file": weights.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), **where)
    model = AutoModelForCausalLM.from_pretrained(str(weights.parent), dtype=torch.float32, **where)
    for name in ("hf_quantizer", "is_quantized", "quantization_method"):  # else it refuses to be saved
        if hasattr(model, name):
            delattr(model, name)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


# --- memory


def _check_memory(folder: str, name: str, n_bytes: int, device: str, n_tokens: int) -> None:
    """Raises ModelError where weights, logits and activations do not fit: on Linux, a process that asks for
    more memory than there is gets killed without a word."""
    from accelerate import init_empty_weights
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder)
        with _quiet(), init_empty_weights():
            empty = AutoModelForCausalLM.from_config(config)
    except Exception:  # whatever is wrong with it, loading it says so
        return
    n_parameters = sum(one.numel() for one in empty.parameters())
    vocabulary = getattr(config, "vocab_size", 0)
    n_layers = getattr(config, "num_hidden_layers", 30)
    width = getattr(config, "hidden_size", 576)
    of_token = N_BYTES_TOKEN * max(1.0, n_layers * width / (30 * 576)) + 3 * 4 * vocabulary
    needed = n_parameters * n_bytes + n_tokens * of_token
    free = _free_memory(device)
    if needed > free:
        raise ModelError(f"there is too little memory for {name}: it needs about {needed / 1e9:.1f} GB and "
                         f"{free / 1e9:.1f} GB are free; take a smaller model or a shorter max_length")


def _free_memory(device: str) -> int:
    if device == "cuda":
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    return int(psutil.virtual_memory().available)


@contextmanager
def telling_memory(name: str) -> Iterator[None]:
    """Turns a want of memory into a ModelError."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as fault:
        raise ModelError(f"there was too little memory for {name}; take a smaller model, a shorter "
                         "max_length or smaller batches") from fault


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars of transformers: what is being done is told by `progress`."""
    from transformers.utils import logging

    level, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if has_bars:
            logging.enable_progress_bar()
