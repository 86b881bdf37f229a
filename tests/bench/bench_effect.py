"""Batched generation against plain `model.generate`: `python tests/bench/bench_effect.py`; extra `train`.

The embedded model, prompts as a study asks them (worked examples, then a problem), greedy, the same prompts
and most tokens for both, by turns in one process; some minutes on a CPU. Plain is what a user would write:
prompts in their order, batches of 16, padded on the left, no cache of what they share.

    python tests/bench/bench_effect.py [--prompts 48] [--tokens 48] [--rounds 2]      # prints Markdown

Not covered: GPUs, sampling.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from typing import Any

from cftdata.effect.generate import Asking, generate
from cftdata.effect.model import Loaded, load_model
from cftdata.problems import draw_queries

Way = Callable[[Loaded, Sequence[str], int], tuple[int, list[str]]]

N_BATCH = 16
N_SHOTS = 3


def make_prompts(n: int) -> list[str]:
    """Problems after worked examples that all share."""
    drawn = [one.query for one in draw_queries(5, n + N_SHOTS, (1,))]
    shots = "".join(f"Question: {one.text}\nAnswer: {one.reference_answer}\n\n" for one in drawn[:N_SHOTS])
    return [f"{shots}Question: {one.text}\nAnswer:" for one in drawn[N_SHOTS:]]


def generate_plainly(loaded: Loaded, prompts: Sequence[str], n_tokens: int) -> tuple[int, list[str]]:
    """Tokens generated, and the texts."""
    import torch

    tokenizer: Any = loaded.tokenizer
    tokenizer.padding_side = "left"
    n_made, texts = 0, list[str]()
    for at in range(0, len(prompts), N_BATCH):
        asked = tokenizer(prompts[at:at + N_BATCH], return_tensors="pt", padding=True)
        with torch.inference_mode():
            made = loaded.model.generate(**asked, max_new_tokens=n_tokens, do_sample=False,
                                         pad_token_id=tokenizer.pad_token_id)
        new = made[:, asked["input_ids"].shape[1]:]
        n_made += int((new != tokenizer.pad_token_id).sum())
        texts += tokenizer.batch_decode(new, skip_special_tokens=True)
    return n_made, texts


def generate_ours(loaded: Loaded, prompts: Sequence[str], n_tokens: int) -> tuple[int, list[str]]:
    """The same by `generate`."""
    made = [texts[0] for texts in generate(loaded, prompts, Asking(max_tokens=n_tokens))]
    return sum(one.n_tokens for one in made), [one.text for one in made]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    for name, value in (("prompts", 48), ("tokens", 48), ("rounds", 2)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    loaded, prompts = load_model(), make_prompts(asked.prompts)
    ways: dict[str, Way] = {"plain": generate_plainly, "cftdata": generate_ours}
    seconds, tokens, texts = dict.fromkeys(ways, 0.0), dict.fromkeys(ways, 0), dict[str, list[str]]()
    for way in ways.values():
        way(loaded, prompts[:2], 4)     # so that neither pays for the first use
    for _ in range(asked.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            n_made, texts[name] = way(loaded, prompts, asked.tokens)
            seconds[name] += time.perf_counter() - began
            tokens[name] += n_made
    print("| way | tokens | seconds | tokens/s |\n|---|---|---|---|")
    for name in ways:
        print(f"| {name} | {tokens[name]:,} | {seconds[name]:.1f} | {tokens[name] / seconds[name]:.0f} |")
    rate = {name: tokens[name] / seconds[name] for name in ways}
    n_same = sum(a.strip() == b.strip() for a, b in zip(texts["plain"], texts["cftdata"], strict=True))
    print(f"\ncftdata : plain = {rate['cftdata'] / rate['plain']:.2f} (tokens/s); "
          f"same texts: {n_same} of {len(prompts)}")


if __name__ == "__main__":
    main()
