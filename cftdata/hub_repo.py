"""One dataset repository on the Hub, through huggingface_hub: what is there, and what may be done.

Its calls raise what huggingface_hub raises: they are run within `hub_faults.retrying`.

    >>> check_repo_name("acme/critiques"), check_tag("v1.0.0")
    ('acme/critiques', 'v1.0.0')
    >>> check_repo_name("critiques")
    Traceback (most recent call last):
        ...
    cftdata.errors.RepoMalformed: 'critiques' is no name of a dataset; name it ORG/NAME

Not covered: models and spaces; branches but main; pull requests.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cftdata.errors import ExtraMissing, RepoMalformed, RightsMissing, TokenMissing

__all__ = ["Head", "HubRepo", "Remote", "check_repo_name", "check_tag"]

TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(?<!\.)(?<!\.lock)")


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on the Hub."""

    blob_id: str
    """Id that git gives its content, or that of the pointer to it."""
    sha256: str | None
    """Of the content; None for a small file that git itself keeps."""


@dataclass(frozen=True, slots=True)
class Head:
    """A commit."""

    sha: str
    is_private: bool


def check_repo_name(repo: str) -> str:
    """The same name. Raises RepoMalformed."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
    except HFValidationError as fault:
        raise RepoMalformed(f"{repo!r} is no name of a dataset: {str(fault).splitlines()[0]}") from fault
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise RepoMalformed(f"{repo!r} is no name of a dataset; name it ORG/NAME")
    return repo


def check_tag(tag: str) -> str:
    """The same tag. Raises RepoMalformed for one that git or the Hub would take for something else."""
    if not TAG.fullmatch(tag) or ".." in tag or tag == "main" or re.fullmatch("[0-9a-f]{7,40}", tag):
        raise RepoMalformed(f"{tag!r} cannot be a tag; name one such as v1.0.0, of letters, digits, '.', '-' "
                            "and '_'")
    return tag


@dataclass
class HubRepo:
    """The repository `name`, which may not be there yet. Raises RepoMalformed, ExtraMissing."""

    name: str
    token: str | None
    """None for what anyone may read."""
    _api: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            from huggingface_hub import HfApi
        except ImportError as fault:
            raise ExtraMissing("publishing", "hub") from fault
        check_repo_name(self.name)
        self._api = HfApi(token=self.token or False)

    @property
    def url(self) -> str:
        """Its page."""
        return f"{self._api.endpoint}/datasets/{self.name}"

    def check_rights(self) -> None:
        """Raises TokenMissing, RightsMissing where it is sure that the token may not write here."""
        if self.token is None:
            raise TokenMissing("there is no token for the Hub; set HF_TOKEN to one that may write, or log in "
                               "with: hf auth login")
        who = self._api.whoami()
        (space, name), user = self.name.split("/"), str(who.get("name"))
        orgs = {str(org.get("name")): org.get("roleInOrg") for org in who.get("orgs") or ()}
        access = (who.get("auth") or {}).get("accessToken") or {}
        if access.get("role") == "read":
            raise RightsMissing(f"the token of {user} may only read; make one that may write: "
                                f"{self._api.endpoint}/settings/tokens")
        if space != user and (space not in orgs or orgs[space] == "read"):
            raise RightsMissing(f"{user} may not write to {space}; publish to {user}/{name}, or ask {space} "
                                "for the right")
        if access.get("role") == "fineGrained" and not self._may_write(access):
            raise RightsMissing(f"the fine-grained token of {user} may not write to {space}; give it that "
                                f"right: {self._api.endpoint}/settings/tokens")

    def _may_write(self, access: Mapping[str, Any]) -> bool:
        """Whether a fine-grained token may write here; True where it does not tell."""
        scoped = (access.get("fineGrained") or {}).get("scoped")
        if not scoped:
            return True
        names = {self.name, self.name.split("/")[0]}
        return any((one.get("entity") or {}).get("name") in names
                   and any("write" in str(right) for right in one.get("permissions") or ()) for one in scoped)

    def create(self, *, private: bool) -> None:
        """Makes the repository; one that is there stays as it is."""
        self._api.create_repo(self.name, repo_type="dataset", private=private, exist_ok=True)

    def head(self, revision: str = "main") -> Head | None:
        """The commit that main, or a tag, stands on; None when there is none."""
        from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

        try:
            info = self._api.dataset_info(self.name, revision=revision)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None
        return Head(info.sha, bool(info.private)) if info.sha else None

    def files(self, revision: str) -> dict[str, Remote]:
        """Path to file at a commit."""
        entries = self._api.list_repo_tree(self.name, recursive=True, revision=revision, repo_type="dataset")
        return {entry.path: Remote(entry.blob_id, entry.lfs.sha256 if entry.lfs else None)
                for entry in entries if hasattr(entry, "blob_id")}

    def read(self, path: str, revision: str) -> str:
        """The text of a file that is there at a commit."""
        with tempfile.TemporaryDirectory() as folder:
            found = self._api.hf_hub_download(self.name, path, repo_type="dataset", revision=revision,
                                              cache_dir=folder)
            return Path(found).read_text(encoding="utf-8", errors="replace")

    def commit(self, folder: Path, parent: Head, *, add: Sequence[str], delete: Sequence[str],  # noqa: PLR0913
               title: str, description: str) -> str:
        """Commits files of the folder onto the parent, all or none; gives the commit."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        operations = [*(CommitOperationDelete(path_in_repo=path) for path in delete),
                      *(CommitOperationAdd(path_in_repo=path, path_or_fileobj=folder / path) for path in add)]
        made = self._api.create_commit(
            self.name, operations, repo_type="dataset", commit_message=title, commit_description=description,
            parent_commit=parent.sha)
        return str(made.oid)

    def find_commit(self, marks: set[str]) -> str | None:
        """The newest commit of main whose message holds one of these marks."""
        commits = self._api.list_repo_commits(self.name, repo_type="dataset")
        found = (one for one in commits if any(mark in one.message for mark in marks))
        return next((str(one.commit_id) for one in found), None)

    def tag(self, tag: str, revision: str) -> None:
        """Sets a tag on a commit."""
        self._api.create_tag(self.name, repo_type="dataset", tag=tag, revision=revision)
