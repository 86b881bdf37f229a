"""What the terms of models say of training other models on their outputs, as far as it is known here.

A reader of a card must look for themselves: terms change, depend on the contract and on the place, and what
is said here is a pointer and no advice. A model that is not known is listed with nothing said of it.

    >>> find_terms("openai/gpt-4.1").provider
    'OpenAI'
    >>> find_terms("Qwen2.5-Math-7B-Instruct").provider, find_terms("symbolic").link, find_terms("other/x")
    ('Qwen (Alibaba Cloud)', None, None)

Source: the pages that are linked, as quoted up to 2026.
Not covered: contracts of one's own, and terms of those who only host a model.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Terms", "find_terms"]


class Terms(NamedTuple):
    """What is known of one provider's terms."""

    provider: str
    said: str
    """In a sentence of ours."""
    link: str | None
    """Where they stand; None where there are none."""


OWN = Terms("cftdata", "Written by rule, from templates of this project: no model's terms apply.", None)
KNOWN: tuple[tuple[str, Terms], ...] = (
    (r"^(symbolic|injected|scripted)\b", OWN),
    (r"gpt-oss", Terms("OpenAI (open weights)", "Apache 2.0, with a usage policy.",
                       "https://huggingface.co/openai/gpt-oss-20b")),
    (r"gemma", Terms(
        "Google (Gemma)", "A model trained on outputs so as to perform like Gemma counts as a derivative, to "
        "which the same terms and use restrictions pass on.", "https://ai.google.dev/gemma/terms")),
    (r"llama-?\d|meta[-.]llama", Terms(
        "Meta (Llama)", "From Llama 3.1 on outputs may improve other models, whose name must then begin with "
        "Llama; the licences before forbid it.", "https://www.llama.com/llama3_1/license/")),
    (r"\b(qwen|qwq)", Terms(
        "Qwen (Alibaba Cloud)", "Most sizes are under Apache 2.0; under the Qwen licence a model that is "
        'trained on outputs and distributed must show "Built with Qwen" or "Improved using Qwen".',
        "https://huggingface.co/Qwen")),
    (r"deepseek", Terms(
        "DeepSeek", "The open weights from R1 on are under the MIT licence, and distillation is expressly "
        "allowed.", "https://huggingface.co/deepseek-ai/DeepSeek-R1")),
    (r"\bphi-?\d", Terms("Microsoft (Phi)", "MIT licence.", "https://huggingface.co/microsoft/phi-4")),
    (r"smollm|^local$", Terms("Hugging Face (SmolLM2)", "Apache 2.0.",
                              "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct")),
    (r"anthropic|claude", Terms(
        "Anthropic", "The services may not be used to build a competing product, nor to train competing AI "
        "models, without approval.", "https://www.anthropic.com/legal/commercial-terms")),
    (r"gemini", Terms("Google (Gemini)", "The services may not be used to develop models that compete with "
                      "them.", "https://ai.google.dev/gemini-api/terms")),
    (r"\b(gpt-?[2-9]|chatgpt|o[1-9](-mini|-pro|-preview)?\b)|^openai$", Terms(
        "OpenAI", "Output may not be used to develop models that compete with OpenAI.",
        "https://openai.com/policies/row-terms-of-use/")),
)
"""Pattern in a model's name to what is known; the first that fits goes. Who hosts a model does not count."""


def find_terms(model: str) -> Terms | None:
    """What is known of the model's terms, by its name; None when nothing is."""
    return next((terms for pattern, terms in KNOWN if re.search(pattern, model, re.IGNORECASE)), None)
