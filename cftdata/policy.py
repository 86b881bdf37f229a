"""Policies: what curating does with a finding, by verifier and reason, as YAML read into a frozen record.

One for each audit protocol (`default`, `strict`, `no-reference`), and two that mend: `mend` corrects what the
evidence corrects, `regenerate` has the critique written again. A verifier or reason that does not exist is
refused: a slip of the pen would keep what was to be dropped.

    >>> load_policy("default").action_for("verdict", "wrong_called_right")
    'drop'

Not covered: what a row's columns say (curate the rows you want), weights in place of dropping.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from cftdata.balance import Balance
from cftdata.config import load_record, name_content
from cftdata.contamination import Contamination
from cftdata.critics import CriticSettings
from cftdata.driver import Budget, Limits
from cftdata.duplicates import Duplicates
from cftdata.errors import suggest
from cftdata.lengths import Lengths
from cftdata.providers import ProviderSettings
from cftdata.sample import Record
from cftdata.verifiers import VERIFIERS
from cftdata.words import REASONS

__all__ = ["Action", "Policy", "Regenerate", "load_policy"]

Action = Literal["keep", "relabel", "regenerate", "drop"]
"""From the mildest to the strongest."""
POLICIES = Path(__file__).parent / "policies"
ANY = "*"


class Regenerate(Record):
    """How a critique is written again."""

    critic: CriticSettings | None = None
    """Who writes it; None asks the model that wrote the old one."""
    n_tries: Annotated[int, Field(ge=1)] = 3
    """Most critiques of one response; the first that the verifiers pass is taken. At temperature 0 a model
    gives the same one again."""
    budget: Budget = Budget()
    """What is spent at most, over all runs."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Model to how it may be asked."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    """Model to where it is reached."""


class Policy(Record):
    """What curating does."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the policy."""
    protocol: str = "default"
    """Audit protocol by which the set is audited before and after."""
    actions: dict[str, dict[str, Action]] = Field(default_factory=dict)
    """Verifier to reason to what is done with a row it failed for that reason; `*` stands for all reasons
    that are not named. A verifier that is not named keeps. An abstention or an error never counts."""
    undecided: Literal["keep", "drop"] = "keep"
    """What is done with a row whose verdict could not be checked, where the protocol checks verdicts."""
    suspect_reference: Literal["consensus", "keep", "drop"] = "consensus"
    """What is done with a row that rests on a suspect reference, which judges nothing: `consensus` drops it
    where its verdict is against the answer that those judged right agree on, keeps it where it is with it,
    and takes it as undecided where that is not known; `keep` takes all as undecided, `drop` drops all."""
    no_reference: Literal["consensus", "undecided"] = "consensus"
    """How the verdict of a row with neither reference nor label is taken: by the answer that those judged
    right agree on, where as many do as for a suspect reference, and else as undecided; or always so."""
    regenerate: Regenerate = Regenerate()
    """How a critique is written again, where an action asks for it."""
    duplicates: Duplicates | None = Duplicates()
    """Which rows are duplicates; of these the first is kept. None looks for none."""
    contamination: Contamination = Contamination()
    """What counts as a passage of an evaluation set, where sets are named."""
    lengths: Lengths | None = None
    """How long rows may be; None sets no limit."""
    balance: Balance | None = None
    """Share of verdicts `right`; None leaves it as it is."""

    @field_validator("actions")
    @classmethod
    def _speaks_of_what_there_is(cls, actions: dict[str, dict[str, Action]]) -> dict[str, dict[str, Action]]:
        for verifier, by_reason in actions.items():
            if verifier not in VERIFIERS:
                raise ValueError(f"there is no verifier {verifier!r}; {suggest(verifier, VERIFIERS)}")
            for reason in by_reason.keys() - {ANY, *REASONS}:
                raise ValueError(f"no verifier has the reason {reason!r}; {suggest(reason, REASONS)}")
        return actions

    def action_for(self, verifier: str, reason: str) -> Action:
        """What is done with a row that this verifier failed for this reason."""
        named = self.actions.get(verifier, {})
        return named.get(reason, named.get(ANY, "keep"))

    @property
    def ref(self) -> str:
        """id@hash: the name and the first 12 hex digits of the SHA-256 of the content."""
        return name_content(self.id, self)


def load_policy(name_or_path: str | Path) -> Policy:
    """The policy of that name in the package, or of that YAML file. Raises ConfigError."""
    return load_record(Policy, name_or_path, POLICIES, "policy")
