"""The dataset card: what a dataset is, how it was made and how wrong it is, as the Hub shows it.

Not covered: cards of models and spaces.
"""

from __future__ import annotations

from cftdata.sample import Proportion, Record

__all__ = ["CardSettings"]


class CardSettings(Record):
    """What a card says that the data does not tell. All of it may be left out."""

    title: str | None = None
    """Name for people; None takes the repository's."""
    about: str | None = None
    """What the set is and is for, in Markdown."""
    licence: str | None = None
    """Licence of the set, as the Hub spells it (`apache-2.0`); None says that none is stated."""
    language: tuple[str, ...] = ("en",)
    """ISO 639-1 codes."""
    tags: tuple[str, ...] = ()
    """Tags beside our own."""
    authors: tuple[str, ...] = ()
    """Who made it."""
    homepage: str | None = None
    """Where more is said of it."""
    citation: str | None = None
    """BibTeX; None makes an entry of authors and title."""
    changelog: str | None = None
    """What is new in this release, in a sentence or some lines of Markdown."""
    source_datasets: tuple[str, ...] = ()
    """Hub ids of the sets it comes from."""
    source_licences: dict[str, str] = {}
    """Source to its licence, where the rows do not state it."""
    model_terms: dict[str, str] = {}
    """Model or provider to what its terms say of training on its outputs, with a link; goes before ours."""
    allowed_findings: tuple[str, ...] = ()
    """Fingerprints of findings of the secret scan that someone has looked at and let pass."""
    test_rate: Proportion = 0.0
    """Share of the queries, drawn by their content, whose rows become the split `test`; 0 makes none."""
