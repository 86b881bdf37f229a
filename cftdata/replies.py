r"""Replies of models: JSON read from them, and where a text that a model wrote comes from.

    >>> class Sum(Record):
    ...     total: int
    ...     formula: str
    >>> read_json(Sum, r'```json {"total": 3, "formula": "\frac{6}{2}", "sure": true} ```')
    Sum(total=3, formula='\\frac{6}{2}')
    >>> read_json(Sum, "It is 3.")
    'no_json'

What models get wrong in JSON and can be put right without a guess is put right: a code fence or words around
it, backslashes of LaTeX that are not doubled, keys nobody asked for. Not covered: single quotes, lost commas.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import ValidationError

from cftdata.calls import Completion, Request
from cftdata.reading import hide_thinking
from cftdata.sample import Provenance, Record, Usage

__all__ = ["describe_call", "read_json"]

R = TypeVar("R", bound=Record)

MAX_BRACES = 1000
"""Places at which an object is looked for; no reply has as many."""

_ESCAPE = re.compile(r"\\(?:(?P<pair>[\"\\/]|u[0-9a-fA-F]{4})|"
                     r"(?P<latex>[bf][a-zA-Z]|t(?:ext|imes|heta|an|au|o\b|riangle|frac)|r(?:ight|ho|angle|floor|ceil)|"
                     r"n(?:eq?|u|abla|ot|otin|eg|mid)\b)|(?P<plain>[bfnrt])|)")


def read_json(kind: type[R], text: str) -> R | str:
    """The last JSON object of the text that is such a record; else `no_json`, or `bad_json` if none is."""
    fault = "no_json"
    for content in reversed(list(_find_objects(_double_backslashes(hide_thinking(text).text)))):
        try:
            return kind.model_validate({name: content[name] for name in kind.model_fields if name in content})
        except ValidationError:
            fault = "bad_json"
    return fault


def _double_backslashes(text: str) -> str:
    r"""The text with `\frac` as `\\frac`: form feeds and backspaces do not occur in answers, LaTeX does."""
    return _ESCAPE.sub(lambda found: found[0] if found["pair"] or found["plain"] else "\\" + found[0], text)


def _find_objects(text: str) -> Iterator[dict[str, Any]]:
    """The outermost JSON objects, in order. Numbers with a point stay as they are written."""
    decoder, at = json.JSONDecoder(parse_float=str, strict=False), text.find("{")
    for _ in range(MAX_BRACES):
        if at < 0:
            return
        try:
            content, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield content
        at = text.find("{", end)


def describe_call(request: Request, completion: Completion) -> Provenance:
    """Where the text of a completion comes from. Tokens are None unless both counts are known."""
    counts = (completion.n_prompt_tokens, completion.n_completion_tokens)
    n_tokens = None if None in counts else sum(count or 0 for count in counts)
    return Provenance(
        model=request.model, prompt=request.prompt, temperature=request.temperature, seed=request.seed,
        usage=Usage(n_tokens=n_tokens, cost_usd=completion.cost_usd), created=completion.created)
