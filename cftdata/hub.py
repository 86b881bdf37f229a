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

Not covered: pull requests, branches but main, models and spaces; two publishes that mean different sets by
one name (the later one stands on main, both keep their tags). Tests speak to a server of ours: what that does
not prove is told at its head (`tests/loopback_hub.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cftdata.card import CardSettings
from cftdata.dataset import Laid, hold, lay_data, write_card
from cftdata.errors import ExtraMissing, HubRefused, HubUnreachable, PublishedDiffers, TagTaken
from cftdata.hub_faults import Moved, Patience, retrying
from cftdata.hub_repo import Head, HubRepo, Remote, check_repo_name, check_tag
from cftdata.manifest import CARD, MANIFEST, Manifest, hash_file, hash_git_blob
from cftdata.published import check as check_published
from cftdata.sample import Count, Record
from cftdata.secret_scan import own_paths, refuse_secrets, scan
from cftdata.shards import CONFIGS

__all__ = ["Changes", "Patience", "PublishReport", "publish"]

Say = Callable[[str], None]
N_CHECKS = 3
"""Tries of the check, each of which loads all there is."""


class Changes(Record):
    """What differs between what is laid out and what is on the Hub, by path within the dataset."""

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    """Files of ours from before that are no more; others' files are left alone."""
    unchanged: tuple[str, ...] = ()
    kept_sections: tuple[str, ...] = ()
    """Parts of the card that someone has edited on the Hub, and that stay as they are."""

    @property
    def differing(self) -> tuple[str, ...]:
        """All that is added, changed or removed."""
        return (*self.added, *self.changed, *self.removed)


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
    """Tag that stands on the revision, or would."""
    revision: str | None
    """Commit that holds the dataset (40 hex digits); None in a dry run."""
    head: str | None
    """Commit on the Hub that it was compared with; None when there was none, or it was not reached."""
    n_files: Count
    """Files of the dataset."""
    n_bytes: Count
    """Their size."""
    n_uploaded: Count
    """Files that were, or would be, sent: none when the same release is there already."""
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
            check: bool = True, patience: Patience | None = None,
            progress: Say | None = None) -> PublishReport:
    """Publishes a curated, built or audited folder as the dataset `repo` on the Hub.

    tag: of the release, as v1.2.0. private: of a repository that is made; a public one is refused then.
    dry_run: lays out and compares, and sends nothing. out: the staging folder; None is folder/dataset.
    check: load what was published from an empty cache, and compare. patience: how long a busy Hub is waited
    for. progress: called with what is being done.
    The Hub is that of HF_ENDPOINT, the token HF_TOKEN's or the stored login's; neither is ever shown.
    Raises HubError and its kinds, SourceError and its kinds, ExtraMissing, OutputError.
    """
    check_repo_name(repo)
    if tag is not None:
        check_tag(tag)
    chosen, staging = settings or CardSettings(), Path(out or Path(folder) / "dataset")
    hub = HubRepo(repo, _find_token())
    say = progress or (lambda _: None)
    patient = patience or Patience()
    if not dry_run:
        say("asking who we are")
        retrying("asking who we are", hub.check_rights, patient, say=say, is_first=True)
    with hold(staging):
        say("laying out")
        laid = lay_data(Path(folder), staging, chosen, say)
        paths = own_paths(Path(folder), staging)
        refuse_secrets(scan(staging, paths=paths), chosen.allowed_findings)
        run = _Publish(hub, laid, chosen, tag, private, paths, patient, say)
        return run.compare() if dry_run else run.publish(check)


def _find_token() -> str | None:
    try:
        from huggingface_hub import get_token
    except ImportError as fault:
        raise ExtraMissing("publishing", "hub") from fault
    token: str | None = get_token()
    return token


@dataclass
class _Publish:
    """One publish: a dataset laid out, and where it goes."""

    hub: HubRepo
    laid: Laid
    settings: CardSettings
    tag: str | None
    private: bool
    paths: frozenset[str]
    patience: Patience
    say: Say
    tried: set[str] = field(default_factory=set)
    """Marks in the messages of commits that were tried, and may have been applied."""
    n_tries: int = 0
    head: Head | None = None
    """What it was compared with: of a commit its parent."""
    changes: Changes | None = None
    is_short: bool = False
    """A commit went through, and not all was there."""

    def compare(self) -> PublishReport:
        """The dry run: what would change."""
        try:
            retrying("looking at the Hub", self.hub.head, self.patience, say=self.say, is_first=True)
        except HubUnreachable as fault:
            self.say(f"not compared: {fault}")
            return self._report(self._write_card(None)[0], None, is_checked=False)
        if released := self._find_release():
            return self._report(released[1], None, is_checked=False)
        self.head, manifest, self.changes = retrying("looking at the Hub", self._look, self.patience,
                                                     say=self.say)
        return self._report(manifest, None, is_checked=False)

    def publish(self, is_to_check: bool) -> PublishReport:
        """Commit, tag, check; each goes on where an earlier run stopped."""
        revision, manifest = self._find_release() or retrying("committing", self._commit, self.patience,
                                                              say=self.say)
        if self.tag is not None:
            retrying("setting the tag", lambda: self._set_tag(revision), self.patience, say=self.say)
        if is_to_check:
            self._check(self.tag or revision)
        return self._report(manifest, revision, is_checked=is_to_check)

    # --- Looking

    def _look(self, revision: str = "main") -> tuple[Head | None, Manifest, Changes]:
        """The head, the dataset with its card merged into the one there, and what differs."""
        head = self.hub.head(revision)
        files = self.hub.files(head.sha) if head else {}
        old = self.hub.read(CARD, head.sha) if head and CARD in files else None
        manifest, kept = self._write_card(old)
        return head, manifest, _compare(self.laid.staging, manifest, files, kept)

    def _write_card(self, old: str | None) -> tuple[Manifest, tuple[str, ...]]:
        written = write_card(self.laid, self.settings, repo=self.hub.name, tag=self.tag, old=old)
        found = scan(self.laid.staging, paths=self.paths, names=(CARD, MANIFEST))
        refuse_secrets(found, self.settings.allowed_findings)
        return written

    def _find_release(self) -> tuple[str, Manifest] | None:
        """The release, where the tag stands on it already. Raises TagTaken where it stands on another."""
        if self.tag is None:
            return None
        tag = self.tag
        head, manifest, changes = retrying("looking for the tag", lambda: self._look(tag), self.patience,
                                           say=self.say)
        if head is None:
            return None
        if changes.differing:
            raise TagTaken(f"the tag {tag} of {self.hub.name} stands on another release already, with other "
                           f"{', '.join(changes.differing[:3])}; a release is never moved: name another tag")
        self.head, self.changes = head, changes
        return head.sha, manifest

    # --- Writing

    def _commit(self) -> tuple[str, Manifest]:
        """One try: looks, and commits what differs. Whatever fails, all of it can be done again."""
        if landed := self._find_landed():
            return landed
        if self.hub.head() is None:
            self.say(f"making {self.hub.name}")
            self.hub.create(private=self.private)
        head, manifest, changes = self._look()
        if head is None:
            raise HubRefused(f"{self.hub.name} was made, and cannot be seen; look at {self.hub.url}")
        if self.private and not head.is_private:
            raise HubRefused(f"{self.hub.name} is public; make it private first: {self.hub.url}/settings")
        if changes.differing:
            self.head, self.changes = head, changes
            return self._send(head, manifest, changes), manifest
        if not self.tried:
            self.head, self.changes = head, changes
        return head.sha, manifest

    def _find_landed(self) -> tuple[str, Manifest] | None:
        """The commit of an earlier try that was applied, and wholly, though its answer was lost."""
        revision = self.hub.find_commit(self.tried) if self.tried else None
        if revision is None:
            return None
        _, manifest, changes = self._look(revision)     # someone else's may have come after it
        return None if changes.differing else (revision, manifest)

    def _send(self, head: Head, manifest: Manifest, changes: Changes) -> str:
        """Sends the commit. Raises Moved where, after it, not all of it is there."""
        n_rows = sum(split.n_rows for split in manifest.configs["cft"].values())
        mark = f"manifest {hash_file(self.laid.staging / MANIFEST).sha256}"
        add = (*changes.added, *changes.changed)
        self.say(f"committing {len(add):,} files")
        self.tried.add(mark)
        self.n_tries += 1
        revision = self.hub.commit(
            self.laid.staging, head, add=add, delete=changes.removed,
            title=f"{self.tag or 'Release'}: {n_rows:,} critiques",
            description=f"cftdata {manifest.cftdata_version}, {mark}")
        left = _compare(self.laid.staging, manifest, self.hub.files(revision), ()).differing
        if left and self.is_short:
            raise HubRefused(f"the commit {revision} went through without {', '.join(left[:3])}; a "
                             f".gitignore of the repository may leave it out: {self.hub.url}")
        if left:
            self.is_short = True
            raise Moved(f"after the commit not all of it is there: {left[0]}")
        return revision

    def _set_tag(self, revision: str) -> None:
        """Sets the tag, unless it stands there. Raises TagTaken where someone else was first."""
        assert self.tag is not None
        there = self.hub.head(self.tag)
        if there is None:
            self.say(f"setting the tag {self.tag}")
            self.hub.tag(self.tag, revision)
        elif there.sha != revision:
            raise TagTaken(f"the tag {self.tag} was set on another release meanwhile; this one was committed "
                           f"as {revision}, without a tag: publish it again under another")

    def _check(self, revision: str) -> None:
        self.say("loading it again from an empty cache")
        manifest, token = self.laid.staging / MANIFEST, self.hub.token
        patience = self.patience.model_copy(update={"n_tries": min(N_CHECKS, self.patience.n_tries)})
        found = retrying(f"{self.hub.name} is published at {revision}; loading it again",
                         lambda: check_published(self.hub.name, revision, manifest, token=token), patience,
                         say=self.say)
        if found:
            raise PublishedDiffers(f"{self.hub.name} at {revision} is not what was laid out: "
                                   f"{'; '.join(found[:5])}")

    def _report(self, manifest: Manifest, revision: str | None, *, is_checked: bool) -> PublishReport:
        at, changes, n_files = self.tag or revision, self.changes, len(manifest.files) + 1
        return PublishReport(
            repo=self.hub.name, url=f"{self.hub.url}/tree/{at}" if revision else self.hub.url,
            folder=str(self.laid.staging), is_dry_run=revision is None, tag=self.tag, revision=revision,
            head=self.head.sha if self.head else None, n_files=n_files,
            n_bytes=sum(file.n_bytes for file in manifest.files.values()), n_tries=self.n_tries,
            n_uploaded=len((*changes.added, *changes.changed)) if changes else n_files,
            n_unchanged=len(changes.unchanged) if changes else 0, changes=changes, is_checked=is_checked)


def _compare(staging: Path, manifest: Manifest, there: dict[str, Remote], kept: tuple[str, ...]) -> Changes:
    """What differs between the staging folder and the files of a commit."""
    ours = {**manifest.files, MANIFEST: hash_file(staging / MANIFEST)}
    same = {path for path, file in ours.items() if path in there and (
        there[path].sha256 == file.sha256 if there[path].sha256 else
        there[path].blob_id == hash_git_blob(staging / path))}
    stale = [path for path in there if path not in ours and _is_ours(path)]
    return Changes(
        added=tuple(sorted(ours.keys() - there.keys())), removed=tuple(sorted(stale)),
        changed=tuple(sorted(ours.keys() & there.keys() - same)), unchanged=tuple(sorted(same)),
        kept_sections=kept)


def _is_ours(path: str) -> bool:
    """Whether an earlier release may have left the file: a table in the folder of one of our configs."""
    return path.endswith(".parquet") and path.partition("/")[0] in CONFIGS
