"""Audit protocols: what is counted and with which thresholds, as YAML read into a frozen record.

A protocol's `ref` names its content and not only its file, so that a figure quoted with it can be traced.

    >>> load_protocol("default").verifiers
    ('verdict', 'arithmetic', 'own_answer', 'consistency', 'localisation', 'quotation', 'form')

Not covered: recipes (see `recipe`), and inheritance between protocols (copy one and edit it).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError

from cftdata.errors import ConfigError, suggest
from cftdata.sample import Count, Proportion, Record

__all__ = ["Protocol", "load_protocol", "load_record"]

R = TypeVar("R", bound=Record)

PROTOCOLS = Path(__file__).parent / "protocols"


class Protocol(Record):
    """What an audit counts."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the protocol."""
    verifiers: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of the verifiers that are run."""
    claims: tuple[str, ...] = ()
    """Verifiers of what a critique claims: a fail of any of them is a claim error."""
    uncounted: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Verifier to reasons of its findings that are shown but are no error in any rate."""
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    """Confidence level of the intervals."""
    suspect_min_responses: Annotated[int, Field(ge=1)] = 5
    """Fewest responses judged right that must agree against a reference for it to be suspect."""
    suspect_min_rate: Proportion = 0.8
    """Least share of the responses judged right that these must be."""
    few_queries: Count = 30
    """With fewer distinct queries a warning is given."""
    timeout_s: Annotated[float, Field(gt=0)] = 3.0
    """Time limit for matching one pair of answers, in seconds; past it the pair is unknown."""
    flagged_rows_shown: Count = 500
    """Most rows with a finding that the HTML report shows."""

    def counts(self, verifier: str, reason: str) -> bool:
        """Whether a finding of this verifier with this reason is an error in some rate."""
        is_named = verifier == "verdict" or verifier in self.claims
        return is_named and reason not in self.uncounted.get(verifier, ())

    @property
    def ref(self) -> str:
        """id@hash: the name and the first 12 hex digits of the SHA-256 of the content."""
        return name_content(self.id, self)


def name_content(name: str, record: Record) -> str:
    """name@hash: the first 12 hex digits of the SHA-256 of the record's content."""
    content = json.dumps(record.model_dump(mode="json"), sort_keys=True)
    return f"{name}@{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def load_protocol(name_or_path: str | Path) -> Protocol:
    """The protocol of that name in the package, or of that YAML file. Raises ConfigError."""
    return load_record(Protocol, name_or_path, PROTOCOLS, "protocol")


def load_record(kind: type[R], name_or_path: str | Path, folder: Path, what: str) -> R:
    """The record in that YAML file, or in the file of that name in the package's folder.

    Raises ConfigError with one sentence: no such file, no YAML, an unknown key, a value out of range.
    """
    path = _find(str(name_or_path), folder, what)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
        line = " ".join(str(fault).split())[:200]
        raise ConfigError(f"the {what} {path} cannot be read as YAML: {line}") from fault
    if not isinstance(content, dict):
        raise ConfigError(f"the {what} {path} must be a YAML mapping of names to values")
    try:
        return kind.model_validate({str(name): value for name, value in content.items()})
    except ValidationError as fault:
        raise ConfigError(f"the {what} {path} {_tell(fault, kind)}") from fault


def _find(name: str, folder: Path, what: str) -> Path:
    """The file: a path, else one of the package's own names."""
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise ConfigError(f"there is no {what} file {name}; check the path")
    known = {path.stem: path for path in folder.glob("*.yaml")}
    if name not in known:
        raise ConfigError(f"there is no {what} {name!r}; {suggest(name, known)}")
    return known[name]


def _tell(fault: ValidationError, kind: type[Record]) -> str:
    """What is wrong, in words: an unknown key first, with the nearest known one."""
    errors = fault.errors(include_input=False, include_url=False)
    error = next((one for one in errors if one["type"] == "extra_forbidden"), errors[0])
    where = [str(part) for part in error["loc"]]
    place = f" in {'.'.join(where[:-1])}" if where[1:] else ""
    if error["type"] == "extra_forbidden":
        return f"has an unknown key {where[-1]!r}{place}; {suggest(where[-1], _keys(kind, where[:-1]))}"
    if error["type"] == "missing":
        return f"has no {where[-1]!r}{place}, which it needs"
    return f"has a wrong {'.'.join(where)!r}: {error['msg'].removeprefix('Value error, ')}"


def _keys(kind: type[Record], where: Sequence[str]) -> set[str]:
    """The keys that the record at this place may have. Of a union the tag tells which record it is."""
    kinds: list[type[BaseModel]] = [kind]
    for part in where:
        inside = [found for one in kinds if part in one.model_fields
                  for found in _records(one.model_fields[part].annotation)]
        tags = [(one, one.model_fields.get("kind")) for one in kinds]
        tagged = [one for one, tag in tags if tag and tag.default == part]
        kinds = inside or tagged or kinds
    return {name for one in kinds for name in one.model_fields}


def _records(annotation: Any) -> list[type[BaseModel]]:
    """The records that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [kind for part in get_args(annotation) for kind in _records(part)]
