"""Publishing: a dataset laid out, and put on the Hub in one commit, then a tag, then loaded again to see.

    look      name, token, rights; the repository is made where there is none; its head, and what is there
    lay out   into the staging folder (see `dataset`), the card merged with that on the Hub; scanned for keys
    commit    what differs, in one commit on that head; where the head has moved meanwhile, all again
    tag       on that commit; a tag is never moved
    check     in a process of its own with an empty cache: everything loaded by the tag, and compared

A release is whole or not there: whatever ends the process, a reader sees the old head or the new one, and the
same command goes on. A commit that was applied although its answer was lost is known by its manifest.

    >>> publish("curated", "acme/critiques", tag="v1.0.0").revision        # doctest: +SKIP
    '3f0c…'

Not covered: pull requests, branches but main, models and spaces; quotas of the Hub; two publishes by
different people that mean different sets by one name (the later one stands on main, both keep their tags).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cftdata.card import CardSettings
from cftdata.sample import Count, Record

__all__ = ["Changes", "PublishReport", "publish"]


class Changes(Record):
    """What differs between what is laid out and what is on the Hub, by path within the dataset."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Files of ours from before that are no more; others' files are left alone."""
    unchanged: tuple[str, ...] = ()
    kept_sections: tuple[str, ...] = ()
    """Parts of the card that someone has edited on the Hub, and that stay as they are."""


class PublishReport(Record):
    """What a publish did."""

    repo: str
    """org/name."""
    url: str
    """Of the dataset on the Hub, at the tag where there is one."""
    folder: str
    """Staging folder: exactly what was, or would be, uploaded."""
    is_dry_run: bool
    """Nothing was sent."""
    tag: str | None
    """Tag that stands on the revision."""
    revision: str | None
    """Commit that holds the dataset (40 hex digits); None in a dry run."""
    head: str | None
    """Commit on the Hub that it was compared with; None when there is no repository, or it was not reached."""
    n_files: Count
    """Files of the dataset."""
    n_bytes: Count
    """Their size."""
    n_uploaded: Count
    """Files that were, or would be, sent."""
    n_unchanged: Count
    """Files that were there already."""
    n_tries: Count
    """Commits that were tried: 0 when nothing differed, 1 when the first went through."""
    changes: Changes | None
    """Against the Hub; None when it could not be reached (dry run only)."""
    is_checked: bool
    """Everything was loaded again from an empty cache, and is the same."""


def publish(folder: str | Path, repo: str, *, tag: str | None = None, private: bool = False,  # noqa: PLR0913
            dry_run: bool = False, out: str | Path | None = None, settings: CardSettings | None = None,
            check: bool = True, progress: Callable[[str], None] | None = None) -> PublishReport:
    """Publishes a curated, built or audited folder as the dataset `repo` on the Hub.

    tag: of the release, as v1.2.0. private: of a repository that is made; one that is there stays as it is.
    dry_run: lays out and compares, and sends nothing. out: the staging folder; None is folder/dataset.
    check: load what was published from an empty cache, and compare. progress: called with what is being done.
    The Hub is that of HF_ENDPOINT, the token HF_TOKEN's or the stored login's; neither is ever shown.
    Raises HubError and its kinds, SourceError and its kinds, ConfigError, ExtraMissing, OutputError.
    """
    raise NotImplementedError
