"""Faults of a run. A fault of a sample is data (a `Verification` or an unread row), never one of these.

    CftDataError                 every fault that cftdata raises on purpose; the command exits 2
    ├── SourceError              the source cannot be read at all
    │   ├── SourceNotFound       no such file, folder or Hub dataset
    │   ├── SourceEmpty          it holds no row
    │   ├── SourceUnreadable     its bytes are not what its name says (JSON that is no JSON)
    │   └── ShapeUnknown         its rows have no shape that cftdata knows, nor one that was named
    ├── ColumnUnknown            a column was named that the rows do not have
    ├── ConfigError              a protocol, a reference file or an option is wrong
    ├── ExtraMissing             the call needs an optional dependency that is not installed
    ├── OutputError              the results cannot be written
    ├── ModelError               a model cannot be loaded, or there is too little memory for it
    ├── TrainingError            a training cannot be made as it was asked for, or came to nothing
    └── HubError                 a dataset cannot be published
        ├── RepoMalformed        the repository's or the tag's name is none that the Hub takes
        ├── TokenMissing         there is no token, or the Hub does not know it
        ├── RightsMissing        the token may not write there
        ├── TagTaken             the tag stands on something else already; a release is never moved
        ├── SecretFound          what would be published holds a key, a token or a path of this machine
        ├── HubUnreachable       the Hub cannot be reached at all
        ├── HubRefused           the Hub refuses what was sent, and would again
        ├── HubGaveUp            the Hub stayed busy for as many tries as are made
        └── PublishedDiffers     what can be loaded from the Hub is not what was laid out

Every message is one sentence or two: what is wrong, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = [
    "CftDataError",
    "ColumnUnknown",
    "ConfigError",
    "ExtraMissing",
    "HubError",
    "HubGaveUp",
    "HubRefused",
    "HubUnreachable",
    "ModelError",
    "OutputError",
    "PublishedDiffers",
    "RepoMalformed",
    "RightsMissing",
    "SecretFound",
    "ShapeUnknown",
    "SourceEmpty",
    "SourceError",
    "SourceNotFound",
    "SourceUnreadable",
    "TagTaken",
    "TokenMissing",
    "TrainingError",
]


class CftDataError(Exception):
    """A fault of the run, with a sentence that says what to do."""


class SourceError(CftDataError):
    """The source cannot be read at all."""


class SourceNotFound(SourceError):
    """There is no such file, folder or Hub dataset."""


class SourceEmpty(SourceError):
    """The source holds no row."""


class SourceUnreadable(SourceError):
    """The bytes of the source are not what its name says."""


class ShapeUnknown(SourceError):
    """The rows have no known shape, and none was named."""


class ColumnUnknown(CftDataError):
    """A column was named that the rows do not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"there is no column {name!r}; {suggest(name, known)}")


class ConfigError(CftDataError):
    """A protocol, a reference file or an option is wrong."""


class ExtraMissing(CftDataError):
    """The call needs an optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs an extra that is not installed: pip install 'cftdata[{extra}]'")


class OutputError(CftDataError):
    """The results cannot be written."""


class ModelError(CftDataError):
    """A model cannot be loaded, or there is too little memory for it."""


class TrainingError(CftDataError):
    """A training cannot be made as it was asked for, or came to nothing."""


class HubError(CftDataError):
    """A dataset cannot be published."""


class RepoMalformed(HubError):
    """The repository's or the tag's name is none that the Hub takes."""


class TokenMissing(HubError):
    """There is no token, or the Hub does not know it."""


class RightsMissing(HubError):
    """The token may not write there."""


class TagTaken(HubError):
    """The tag stands on something else already."""


class SecretFound(HubError):
    """What would be published holds a key, a token or a path of this machine."""


class HubUnreachable(HubError):
    """The Hub cannot be reached at all."""


class HubRefused(HubError):
    """The Hub refuses what was sent, and would again."""


class HubGaveUp(HubError):
    """The Hub stayed busy for as many tries as are made."""


class PublishedDiffers(HubError):
    """What can be loaded from the Hub is not what was laid out."""


def suggest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the nearest known one, or all of them."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names) or 'none'}"
