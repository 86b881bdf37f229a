"""Audit protocols: what is counted and with which thresholds, as YAML read into a frozen record.

A protocol's `ref` names its content and not only its file, so that a figure quoted with it can be traced.

    >>> load_protocol("default").verifiers
    ('verdict', 'arithmetic', 'own_answer', 'consistency', 'localisation', 'quotation', 'form')

Not covered: recipes that build a dataset, and inheritance between protocols (copy one and edit it).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, ValidationError

from cftdata.errors import ConfigError, suggest
from cftdata.sample import Count, Proportion, Record

__all__ = ["Protocol", "load_protocol"]

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
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return f"{self.id}@{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def load_protocol(name_or_path: str | Path) -> Protocol:
    """The protocol of that name in the package, or of that YAML file.

    Raises ConfigError with one sentence: no such protocol, no YAML, an unknown key, a value out of range.
    """
    path = _find(str(name_or_path))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as fault:
        line = " ".join(str(fault).split())[:200]
        raise ConfigError(f"the protocol {path} cannot be read as YAML: {line}") from fault
    if not isinstance(content, dict):
        raise ConfigError(f"the protocol {path} must be a YAML mapping of names to values")
    for key in map(str, content):
        if key not in Protocol.model_fields:
            raise ConfigError(f"the protocol {path} has an unknown key {key!r}; "
                              + suggest(key, Protocol.model_fields))
    try:
        return Protocol.model_validate(content)
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"the protocol {path} has a wrong {where!r}: {first['msg']}") from fault


def _find(name: str) -> Path:
    """The file of a protocol: one of the package's own names, else a path."""
    known = {path.stem: path for path in PROTOCOLS.glob("*.yaml")}
    if name in known:
        return known[name]
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise ConfigError(f"there is no protocol file {name}; check the path")
    raise ConfigError(f"there is no protocol {name!r}; {suggest(name, known)}")
