r"""Formats: rows as trainers read them, by name.

    >>> from cftdata.sample import Critique, Query, Response, Sample
    >>> sample = Sample.of(Query(text="2+2?"), Response(text="5"), Critique(text="No. Conclusion: wrong"))
    >>> FORMATS["trl"].row(sample, None)["completion"]
    'No. Conclusion: wrong'
    >>> FORMATS["sft"].row(sample, None)
    'no_right_solution'

Not covered: writing them (see `export`).
"""

from __future__ import annotations

from cftdata.errors import ConfigError, suggest
from cftdata.formats.critiques import PromptCompletion, make_trl
from cftdata.formats.form import Format, Made
from cftdata.formats.twin import make_sft

__all__ = ["FORMATS", "Format", "Made", "choose_format"]

FORMATS: dict[str, Format] = {
    "trl": Format("TRL: prompt and completion as texts", PromptCompletion, make_trl, "critique"),
    "sft": Format("the SFT twin: prompt and a right solution as texts", PromptCompletion, make_sft,
                  "solution", key=lambda row: f"{row['prompt']}{row['completion']}"),
}
"""Name to format."""


def choose_format(name: str) -> Format:
    """The format of that name. Raises ConfigError, with the nearest."""
    if name not in FORMATS:
        raise ConfigError(f"there is no format {name!r} to export; {suggest(name, FORMATS)}")
    return FORMATS[name]
