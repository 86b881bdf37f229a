"""What a format is: a row of a trainer's, made from a sample.

    >>> class Line(Record):
    ...     text: str
    >>> lines = Format("the query alone", Line, lambda sample, prompt: {"text": sample.query.text})
    >>> from cftdata.sample import Query
    >>> lines.row(Sample.of(Query(text="2+2?")), None)
    {'text': '2+2?'}

Not covered: rows of several samples (`dpo` makes halves, which `export` joins).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from cftdata.prompts import Reply
from cftdata.sample import Record, Sample

__all__ = ["FileType", "Format", "Made", "Turn"]

Made = dict[str, Any] | str
"""A row, else the reason (a slug) why the sample has none in this format."""

FileType = Literal["jsonl", "parquet"]


class Turn(Record):
    """One message of a conversation."""

    role: str
    """`system`, `user` or `assistant`."""
    content: str
    """Its text."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a trainer wants its rows."""

    about: str
    """What it is, in one line."""
    record: type[Record]
    """The columns of a row, with their types."""
    row: Callable[[Sample, str | None], Made]
    """A sample and the prompt that it is asked with (see `asking`) to its row, or why it has none."""
    reply: Reply | None = None
    """What a prompt for it must ask for; None: the form is the format's own, and no prompt can be named."""
    reads: tuple[str, ...] = ()
    """Fields of a sample that it reads besides query, response, critique and gold: `verifications`."""
    key: Callable[[dict[str, Any]], str] | None = None
    """Of rows with the same key only the first is written; None writes all."""
    is_pair: bool = False
    """Whether the row is half of one: `chosen` and `rejected` of the same prompt are joined to a row."""
    beside: Callable[[str], Mapping[str, str]] | None = None
    """Name of the data file to the files that its trainer wants beside it, name to text."""
    file_types: tuple[FileType, ...] = ("jsonl", "parquet")
    """Kinds of file that its trainer reads."""
