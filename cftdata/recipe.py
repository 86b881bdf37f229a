"""Recipes: what a build makes, as short YAML read into a frozen record.

A recipe's `ref` names its content, so that a finished build is known again and a changed one is not mistaken
for it. Unknown keys are refused with the nearest known one.

    >>> load_recipe("error-injection").critics[0].model
    'symbolic'

Not covered: recipes that include others (copy one and edit it); keys, which come from the environment only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from cftdata.config import load_record, name_content
from cftdata.critics import CriticSettings
from cftdata.driver import Budget, Limits
from cftdata.noise import Noise, Sampling
from cftdata.providers import ProviderSettings
from cftdata.refine import RefineSettings
from cftdata.sample import Record
from cftdata.verifiers.judge import JudgeSettings

__all__ = ["FromModel", "FromNoise", "FromSource", "Queries", "Recipe", "list_recipes", "load_recipe"]

RECIPES = Path(__file__).parent / "recipes"
OWN = "problems"
"""Source of queries that stands for the generator of problems of our own."""


class Queries(Record):
    """Where the queries come from."""

    source: str = OWN
    """`problems`, the seeded generator; else a file, folder or Hub id, read as `cftdata audit` reads it."""
    n: Annotated[int, Field(ge=1)] | None = None
    """Most rows that are taken; None takes all there are (the generator must be given one)."""
    difficulties: tuple[Annotated[int, Field(ge=1, le=3)], ...] = (1, 2, 3)
    """Difficulties that the generator draws from."""
    format: str | None = None
    """Shape of the source's rows; None recognises it."""
    columns: dict[str, str] | None = None
    """Field to column, for any table."""
    reference_answer: str | None = None
    """Reference answer of every query."""
    references: str | None = None
    """File of reference answers by query or id."""
    split: str | None = None
    """Split of a Hub dataset."""
    revision: str | None = None
    """Revision of a Hub dataset."""

    @model_validator(mode="after")
    def the_generator_has_an_end(self) -> Queries:
        if self.source == OWN and self.n is None:
            raise ValueError("the generator of problems has no end; say how many with n")
        return self


class FromSource(Record):
    """The responses that the source's rows carry."""

    kind: Literal["source"] = "source"


class FromNoise(Noise):
    """Right solutions, and such with one planted error, of problems of our own."""

    kind: Literal["noise"] = "noise"


class FromModel(Sampling):
    """Responses that a model is asked for."""

    kind: Literal["model"] = "model"


ResponseSource = Annotated[FromSource | FromNoise | FromModel, Field(discriminator="kind")]


class Recipe(Record):
    """What a build makes."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    """Name of the recipe."""
    about: str = ""
    """What it is for, in a sentence."""
    seed: int = 0
    """Everything that is drawn is drawn by it."""
    queries: Queries
    """Where the queries come from."""
    responses: Annotated[tuple[ResponseSource, ...], Field(min_length=1)]
    """Where the noisy responses come from; all of them are critiqued."""
    critics: Annotated[tuple[CriticSettings, ...], Field(min_length=1)]
    """Who writes the critiques; the model `self` is the one that wrote the response."""
    assign: Literal["all", "share"] = "all"
    """Whether every critic writes of every response, or one does, drawn by the critics' shares."""
    refine: RefineSettings | None = None
    """Critique, revise, check: which critiques lead to a right answer. None leaves it out."""
    judge: JudgeSettings | None = None
    """A model that judges the critiques' claims. None leaves it out."""
    out: str | None = None
    """Folder that is built into; None is build/ID. `--out` goes before it."""
    protocol: str = "default"
    """Audit protocol for what was built: a name or a YAML file."""
    budget: Budget = Budget()
    """What is spent at most, over all runs of the build."""
    limits: dict[str, Limits] = Field(default_factory=dict)
    """Model to how it may be asked; `default` stands for all that are not named."""
    providers: dict[str, ProviderSettings] = Field(default_factory=dict)
    """Model to where it is reached, where that is not the provider's usual address."""

    @property
    def ref(self) -> str:
        """id@hash: the name and the first 12 hex digits of the SHA-256 of all that the rows depend on."""
        plain: dict[str, object] = {"about": "", "out": None, "protocol": "", "budget": Budget(),
                                    "limits": {}, "providers": {}}
        return name_content(self.id, self.model_copy(update=plain))


def list_recipes() -> dict[str, str]:
    """Name of each recipe in the package to what it is for."""
    return {path.stem: load_recipe(path.stem).about for path in sorted(RECIPES.glob("*.yaml"))}


def load_recipe(name_or_path: str | Path) -> Recipe:
    """The recipe of that name in the package, or of that YAML file. Raises ConfigError."""
    return load_record(Recipe, name_or_path, RECIPES, "recipe")
