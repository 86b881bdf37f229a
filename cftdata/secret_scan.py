r"""Keys, tokens and paths of this machine, sought in what would be published.

Sought are: the forms in which well-known services write keys; every value of this process's own environment
whose variable is named like a secret, and the stored Hub token; passwords in addresses; the home folder, the
working folder and other folders that belong to the run; and, where no model or source wrote the text, any
path into someone's home. What is found is named with its file, row and column, and is never shown whole.

    >>> [found.kind for found in scan_text("README.md", "see hf_" + "aB3" * 12)]
    ['a Hugging Face token']
    >>> scan_text("README.md", "a sketch of sk-learn")
    []

Source of the forms: the services' own pages, as gitleaks and GitHub's secret scanning list them.
Not covered: secrets without a known form, such as a bare password, and what is inside pictures.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.endpoint import SECRET_NAME
from cftdata.errors import SecretFound
from cftdata.manifest import CARD

__all__ = ["Found", "known_secrets", "own_paths", "refuse_secrets", "scan", "scan_text"]

# RE2 and Python read these alike. A match must hold a digit and a letter, which words with hyphens do not.
FORMS = {
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}\b|\bapi_org_[A-Za-z0-9]{30,}\b",
    "an API key of the form sk-": r"\bsk-[A-Za-z0-9_-]{20,}",
    "a Google API key": r"\bAIza[0-9A-Za-z_-]{35}",
    "an AWS access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{60,}",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a key of xAI, Groq, Replicate or Perplexity": r"\bxai-[A-Za-z0-9]{40,}|\bgsk_[A-Za-z0-9]{40,}|"
                                                   r"\br8_[A-Za-z0-9]{37}|\bpplx-[A-Za-z0-9]{40,}",
    "a token of PyPI or npm": r"\bpypi-AgE[A-Za-z0-9_-]{50,}|\bnpm_[A-Za-z0-9]{36}",
    "a Stripe key": r"\b[sr]k_live_[0-9a-zA-Z]{20,}",
    "a signed token (JWT)": r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a bearer token": r"\b[Bb]earer\s+[A-Za-z0-9._~+/-]{24,}",
    "a password in an address": r"\b[a-z][a-z0-9+]{2,15}://[^\s/:@]+:[^\s/:@]*[0-9][^\s/:@]*@",
}
PRIVATE_KEY = r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
HOME = r"(?:/home/|/Users/|\b[A-Z]:\\+Users\\+)[^/\\\s\"']+[/\\]"
WRITTEN = frozenset({"query", "response", "critique", "steps", "reference_solution", "reference_answer",
                     "final_answer", "corrected_answer", "places", "detail"})
"""Columns whose text a source or a model wrote: a path there need not be one of this machine."""
N_SECRET = 10
"""Shortest value of a variable that is sought."""


class Found(NamedTuple):
    """A place that must not be published."""

    file: str
    """Path within the dataset."""
    row: int
    """0-based row of a table, or line of a text."""
    column: str | None
    """Column of a table."""
    kind: str
    """What it is."""
    shown: str
    """As much of it as may be shown."""
    fingerprint: str | None
    """12 hex digits that name this very text, to let it pass; None where it cannot pass."""

    @property
    def sentence(self) -> str:
        """Where and what, for people."""
        where = f"{self.file}, row {self.row}, column {self.column}" if self.column else (
            f"{self.file}, line {self.row + 1}")
        named = f"; fingerprint {self.fingerprint}" if self.fingerprint else ""
        return f"{where}: {self.kind} ({self.shown}{named})"


def known_secrets() -> dict[str, str]:
    """Secret values of this process to where each stands: they are sought, and never shown."""
    values = {value: f"the value of {name}" for name, value in os.environ.items() if SECRET_NAME.search(name)}
    try:
        from huggingface_hub import get_token

        values.setdefault(get_token() or "", "the stored Hub token")
    except ImportError:
        pass
    return {value: where for value, where in values.items() if len(value) >= N_SECRET}


def own_paths(*folders: Path) -> frozenset[str]:
    """Home and working folder, and those given; none that is so short that any text may hold it."""
    paths = [path.expanduser().absolute() for path in (Path.cwd(), *folders)]
    return frozenset({f"{path}/" for path in paths if len(path.parts) > 2} | {f"{Path.home()}/"}) - {"//"}


def scan(folder: Path, *, secrets: Mapping[str, str] | None = None, paths: frozenset[str] | None = None,
         names: Sequence[str] | None = None) -> list[Found]:
    """What must not be published, of the named files in the folder, or of all. Pictures are not looked into.

    secrets: value to where it stands; None takes those of this process. paths: None takes `own_paths`.
    """
    known = _Sought(known_secrets() if secrets is None else secrets, own_paths() if paths is None else paths)
    found: list[Found] = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if names is not None and name not in names:
            continue
        if path.suffix == ".parquet":
            found += _scan_table(name, path, known)
        elif path.suffix != ".png":
            text = path.read_text(encoding="utf-8", errors="replace")
            found += _scan_lines(name, text, known, is_ours=name != CARD)   # the card has a row as an example
    return found


def scan_text(name: str, text: str) -> list[Found]:
    """The same of one text, by the forms alone."""
    return list(_scan_lines(name, text, _Sought({}, frozenset()), is_ours=True))


def refuse_secrets(found: Sequence[Found], allowed: Sequence[str] = ()) -> None:
    """Raises SecretFound where there is any that nobody has allowed; it names the first ten."""
    left = [one for one in found if one.fingerprint not in allowed]
    if left:
        count = "1 place holds" if len(left) == 1 else f"{len(left):,} places hold"
        places = "".join(f"\n  {one.sentence}" for one in left[:10])
        more = f"\n  and {len(left) - 10:,} more" if len(left) > 10 else ""
        raise SecretFound(f"nothing is published: {count} what must not leave this machine; take the rows "
                          "out of the source, or name the fingerprint under allowed_findings if it is "
                          f"harmless:{places}{more}")


class _Sought:
    """What is sought, as patterns; those for texts that we wrote seek paths into any home too."""

    def __init__(self, secrets: Mapping[str, str], paths: frozenset[str]) -> None:
        kinds = {where: re.escape(value) for value, where in secrets.items()}
        kinds |= {"a path of this machine": "|".join(map(re.escape, sorted(paths))),
                  "a private key": PRIVATE_KEY, **FORMS}
        self.secret = frozenset(secrets.values())
        self.written = {kind: pattern for kind, pattern in kinds.items() if pattern}
        self.ours = self.written | {"a path of someone's home": HOME}

    def find(self, text: str, *, is_ours: bool) -> Iterator[tuple[str, str]]:
        """Kind and text of every match, of one place only the first kind."""
        places: set[int] = set()
        for kind, pattern in (self.ours if is_ours else self.written).items():
            for match in re.finditer(pattern, text):
                if match.start() not in places and (kind not in FORMS or _is_random(match[0])):
                    places.add(match.start())
                    yield kind, match[0]


def _is_random(text: str) -> bool:
    return re.search("[0-9]", text) is not None and re.search("[A-Za-z]", text) is not None


def _scan_lines(name: str, text: str, sought: _Sought, *, is_ours: bool) -> Iterator[Found]:
    for row, line in enumerate(text.splitlines()):
        for kind, match in sought.find(line, is_ours=is_ours):
            yield _found(name, row, None, kind, match, sought)


def _scan_table(name: str, path: Path, sought: _Sought) -> Iterator[Found]:
    """Column by column in RE2; only rows that match are looked at closely."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        first = 0
        for batch in file.iter_batches(batch_size=2_000):
            for column in batch.schema.names:
                is_ours = column not in WRITTEN
                for row, text in _matching(batch[column], sought.ours if is_ours else sought.written):
                    for kind, match in sought.find(text, is_ours=is_ours):
                        yield _found(name, first + row, column, kind, match, sought)
            first += batch.num_rows


def _matching(array: Any, patterns: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Row and text of the strings in the array, also in lists and structs, that may match."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = pa.array(range(len(array)))
    while pa.types.is_list(array.type):
        rows = rows.take(pc.list_parent_indices(array))
        array = pc.list_flatten(array)
    if pa.types.is_struct(array.type):
        for i in range(array.type.num_fields):
            yield from ((rows[row].as_py(), text)
                        for row, text in _matching(pc.struct_field(array, i), patterns))
    elif pa.types.is_string(array.type):
        mask = pc.fill_null(pc.match_substring_regex(array, "|".join(patterns.values())), False)
        yield from zip(rows.filter(mask).to_pylist(), array.filter(mask).to_pylist(), strict=True)


def _found(file: str, row: int, column: str | None, kind: str, match: str,  # noqa: PLR0913, PLR0917
           sought: _Sought) -> Found:
    """Of a path all is shown, of a key the four characters that tell its form, of a known secret nothing."""
    if kind in sought.secret:
        return Found(file, row, column, kind, f"{len(match)} characters", None)
    shown = f"{match[:4]}…, {len(match)} characters" if kind in FORMS else match
    return Found(file, row, column, kind, shown, hashlib.sha256(match.encode()).hexdigest()[:12])
