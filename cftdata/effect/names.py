"""Names of arms: what is trained on.

    base          nothing: the model as it is
    sft           right solutions to the queries
    sft-noisy     the noisy responses themselves
    cft           the dataset's critiques
    cft-curated   those that are left or mended when the dataset is curated
    sft+cft       critiques, and a share of right solutions so that the form of answers is kept
    cft@P         the symbolic critic's critiques of the same responses, P percent of them made wrong

    >>> read_dose("cft@20"), read_dose("cft")
    (0.2, None)

Source: the SFT and CFT arms of Critique Fine-Tuning (arXiv 2501.17703).
"""

from __future__ import annotations

import re

from cftdata.errors import ConfigError, suggest

__all__ = ["ARMS", "BASE", "check_arm", "read_dose"]

BASE = "base"
ARMS = (BASE, "sft", "sft-noisy", "cft", "cft-curated", "sft+cft")
"""Arms that have no dose."""
_DOSE = re.compile(r"cft@(\d{1,2}(?:\.\d+)?)")
MAX_PERCENT = 50


def check_arm(name: str) -> None:
    """Raises ConfigError for an arm that there is not, or a dose above 50 percent."""
    if name in ARMS:
        return
    dose = read_dose(name)
    if dose is None:
        raise ConfigError(f"there is no arm {name!r}; {suggest(name, [*ARMS, 'cft@20'])}")
    if dose * 100 > MAX_PERCENT:
        raise ConfigError(f"the arm {name} makes more than {MAX_PERCENT}% of the critiques wrong; take less")


def read_dose(name: str) -> float | None:
    """Share of critiques that the arm makes wrong; None for an arm without a dose."""
    found = _DOSE.fullmatch(name)
    return float(found[1]) / 100 if found else None
