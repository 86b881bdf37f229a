"""Texts of a model, many at a time: prompts in batches of like length, padded on the left.

What all prompts begin with (worked examples, an instruction) goes through the model once and is kept for
every batch. A text ends at the model's end mark, at a stop word, or at its most tokens.

    >>> generate(loaded, ["2 + 2 ="], Asking(max_tokens=4))[0][0].text        # doctest: +SKIP
    ' 4'

Greedy texts do not depend on what else is in the batch but for the rounding of sums; sampled ones depend on
the seed and on all of it. Not covered: beams, models that keep no cache of their own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from cftdata.effect.model import Loaded, telling_memory

__all__ = ["Asking", "Generated", "encode_prompt", "generate"]

MIN_SHARED = 16
"""Tokens that prompts must share for it to be worth keeping them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How texts are asked for."""

    max_tokens: int
    """Most tokens of a text."""
    n: int = 1
    """Texts of a prompt."""
    temperature: float | None = None
    """None is greedy."""
    top_p: float = 1.0
    """Share of the probability that is drawn from."""
    seed: int = 0
    """Seed of the drawing."""
    stop: str | None = None
    """A text ends before this word."""


class Generated(NamedTuple):
    """A text."""

    text: str
    n_tokens: int
    """Tokens generated, the end mark included."""


def encode_prompt(tokenizer: Any, prompt: str, is_chat: bool = False) -> list[int]:
    """The prompt's tokens, with what the tokenizer puts before a text; of a chat as the user's message."""
    if not is_chat:
        return list(tokenizer(prompt)["input_ids"])
    messages = [{"role": "user", "content": prompt}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def generate(loaded: Loaded, prompts: Sequence[str], asking: Asking, *,  # noqa: PLR0913
             is_chat: bool = False,
             batch_tokens: int = 16384, progress: Callable[[int], None] | None = None
             ) -> list[list[Generated]]:
    """`asking.n` texts of each prompt, in order. Raises ModelError where memory is too little.

    batch_tokens: most tokens of a batch, prompts and texts together. progress: called with the number of
    prompts that are done.
    """
    import torch

    encoded = [encode_prompt(loaded.tokenizer, prompt, is_chat) for prompt in prompts]
    made: list[list[Generated]] = [[] for _ in prompts]
    torch.manual_seed(asking.seed)
    with torch.inference_mode(), telling_memory(loaded.name):
        shared = _Shared.of(loaded, encoded)
        for places in _cut_batches(encoded, asking, batch_tokens):
            texts = _generate_batch(loaded, [encoded[place] for place in places], asking, shared)
            for number, place in enumerate(places):
                made[place] = texts[number * asking.n : (number + 1) * asking.n]
            if progress:
                progress(len(places))
    return made


def _cut_batches(encoded: Sequence[Sequence[int]], asking: Asking, batch_tokens: int) -> Iterator[list[int]]:
    """Places of prompts of like length, the longest first, so that too little memory shows at once."""
    batch: list[int] = []
    for place in sorted(range(len(encoded)), key=lambda place: -len(encoded[place])):
        longest = len(encoded[batch[0] if batch else place]) + asking.max_tokens
        if batch and (len(batch) + 1) * asking.n * longest > batch_tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class _Shared:
    """What all prompts begin with, and the model's cache of it."""

    n_tokens: int
    cache: Any

    @classmethod
    def of(cls, loaded: Loaded, encoded: Sequence[Sequence[int]]) -> _Shared | None:
        """None where it is too little, or the prompts are too few."""
        import torch

        n_tokens = _count_shared(encoded)
        if n_tokens < MIN_SHARED or len(encoded) < 2:
            return None
        ids = torch.tensor([encoded[0][:n_tokens]], device=loaded.model.device)
        return cls(n_tokens, loaded.model(ids, use_cache=True, logits_to_keep=1).past_key_values)

    def repeat(self, n: int) -> Any:
        """The cache for a batch of n."""
        cache = copy.deepcopy(self.cache)
        cache.batch_repeat_interleave(n)
        return cache


def _count_shared(encoded: Sequence[Sequence[int]]) -> int:
    """Tokens that all begin with, each left with one of its own at least."""
    if not encoded:
        return 0
    # what the first and the last by order share, all share
    low, high = min(map(list, encoded)), max(map(list, encoded))
    most = min(map(len, encoded)) - 1
    differing = (place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    return max(0, min(next(differing, most), most))


def _generate_batch(loaded: Loaded, encoded: Sequence[Sequence[int]], asking: Asking, shared: _Shared | None
                    ) -> list[Generated]:
    import torch
    from transformers import GenerationConfig

    ids, mask = _pad(loaded, encoded, shared.n_tokens if shared else 0)
    ids, mask = ids.repeat_interleave(asking.n, 0), mask.repeat_interleave(asking.n, 0)
    drawing = {} if asking.temperature is None else {
        "temperature": asking.temperature, "top_p": asking.top_p, "top_k": 0}
    config = GenerationConfig(
        max_new_tokens=asking.max_tokens, do_sample=asking.temperature is not None, use_cache=True,
        pad_token_id=loaded.tokenizer.pad_token_id, eos_token_id=_end_marks(loaded), **drawing)
    extra = {"past_key_values": shared.repeat(len(ids))} if shared else {}
    made = loaded.model.generate(
        input_ids=ids, attention_mask=mask, generation_config=config,
        stopping_criteria=_stop_at(loaded.tokenizer, asking.stop), **extra)
    return [_read(loaded, row, asking.stop) for row in torch.as_tensor(made)[:, ids.shape[1]:].tolist()]


def _pad(loaded: Loaded, encoded: Sequence[Sequence[int]], n_shared: int) -> tuple[Any, Any]:
    """Tokens and mask, shape (prompts, longest). The padding stands between what is shared and the rest."""
    import torch

    longest = max(map(len, encoded))
    rows, masks = [], []
    for ids in encoded:
        n_pad = longest - len(ids)
        rows.append([*ids[:n_shared], *[loaded.tokenizer.pad_token_id] * n_pad, *ids[n_shared:]])
        masks.append([1] * n_shared + [0] * n_pad + [1] * (len(ids) - n_shared))
    device = loaded.model.device
    return torch.tensor(rows, device=device), torch.tensor(masks, device=device)


def _end_marks(loaded: Loaded) -> list[int]:
    """The tokenizer's end mark, and those that the model was made with."""
    given = loaded.model.generation_config.eos_token_id
    marks = given if isinstance(given, list) else [given]
    return sorted({mark for mark in [*marks, loaded.tokenizer.eos_token_id] if mark is not None})


def _stop_at(tokenizer: Any, stop: str | None) -> Any:
    """Ends a text whose last tokens are the stop word's."""
    import torch
    from transformers import StoppingCriteria, StoppingCriteriaList

    if stop is None:
        return None
    ids = torch.tensor(tokenizer(stop, add_special_tokens=False)["input_ids"])

    class StopAt(StoppingCriteria):  # type: ignore[misc]
        def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
            return (input_ids[:, -len(ids):] == ids.to(input_ids.device)).all(dim=1)

    return StoppingCriteriaList([StopAt()])


def _read(loaded: Loaded, row: list[int], stop: str | None) -> Generated:
    """The text of a row up to its end mark and its stop word."""
    marks = set(_end_marks(loaded))
    end = next((place for place, token in enumerate(row) if token in marks), len(row))
    text = loaded.tokenizer.decode(row[:end], skip_special_tokens=True)
    n_tokens = min(end + 1, len(row))
    if stop is not None and stop in text:
        text = text[: text.index(stop)]
    return Generated(text, n_tokens)
