"""A dry run: what a build would ask, of whom, at what price, with nothing sent.

The plan runs the build's own line with a `Planner` in the driver's place. What the ledger holds is not
counted; for what it does not hold there is a stand-in answer, so that the calls that would follow from it are
counted too (a critique of a response that is yet to be sampled). Their tokens are estimates.

    >>> plan(load_recipe("error-injection"), "built").n_calls        # doctest: +SKIP
    0

Not covered: calls that are asked again because an answer was of no use; revisions of structured critiques.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import Field

from cftdata.calls import Completion, Message, Request
from cftdata.driver import Answer, Check
from cftdata.ledger import Ledger
from cftdata.pipeline import Unmade, make_all, read_units
from cftdata.providers import count_tokens, estimate_cost
from cftdata.recipe import Recipe
from cftdata.sample import Count, Record

__all__ = ["ModelPlan", "Plan", "plan"]

N_ANSWER_TOKENS = 300
"""Length of an answer where the recipe sets no max_tokens: about that of a published critique."""
STAND_IN = "The answer is 0. Conclusion: wrong [END]"


class ModelPlan(Record):
    """What would be asked of one model."""

    model: str
    n_calls: Count
    """Calls that the ledger does not hold yet."""
    n_paid: Count
    """Calls that it holds: they cost nothing more."""
    n_prompt_tokens: Count
    """Estimate, by length of the texts."""
    n_completion_tokens: Count
    """Estimate: max_tokens where the recipe sets it, else 300 a call; an upper end in the first case."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Estimate by the price list that litellm ships; None where a model has no price there."""


class Plan(Record):
    """What a build would do."""

    recipe: str
    """The recipe as id@hash."""
    n_queries: Count
    n_rows: Count
    """Critiques that there would be, those of stand-in answers included."""
    n_calls: Count
    """Calls to be made, over all models."""
    models: tuple[ModelPlan, ...]
    unmade: dict[str, Count]
    """stage:reason to the number of rows that would not come to be."""
    cost_usd: Annotated[float, Field(ge=0)] | None
    """Sum over the models; None when a price is not known."""
    first_prompt: tuple[Message, ...]
    """The first messages that would be sent, in full; empty when none would."""


class Planner:
    """Stands in the driver's place: counts what it is asked."""

    def __init__(self, ledger: Ledger | None) -> None:
        self.ledger = ledger
        self.first: Request | None = None
        self.counts: dict[str, Counter[str]] = {}
        self.costs: dict[str, float | None] = {}

    async def ask(self, request: Request, check: Check | None = None) -> Answer:
        """What the ledger holds, else a stand-in."""
        counts = self.counts.setdefault(request.model, Counter())
        found = self.ledger.find(request.key) if self.ledger else None
        if found is not None:
            counts["n_paid"] += 1
            return Answer(found, None)
        self.first = self.first or request
        n_answered = request.max_tokens or N_ANSWER_TOKENS
        counts.update(n_calls=1, n_prompt_tokens=count_tokens(request), n_completion_tokens=n_answered)
        cost, so_far = estimate_cost(request, n_answered), self.costs.get(request.model, 0.0)
        self.costs[request.model] = None if cost is None or so_far is None else so_far + cost
        text = STAND_IN.ljust(int(n_answered * 3.5), ".")
        return Answer(Completion(text=text, finish_reason="stop", model=request.model), None)

    def models(self) -> tuple[ModelPlan, ...]:
        """What was counted, by model, most calls first."""
        names = ("n_calls", "n_paid", "n_prompt_tokens", "n_completion_tokens")
        plans = [ModelPlan(model=model, cost_usd=self.costs.get(model, 0.0),
                           **{name: counts[name] for name in names}) for model, counts in self.counts.items()]
        return tuple(sorted(plans, key=lambda one: -one.n_calls))


def plan(recipe: Recipe, out: str | Path) -> Plan:
    """What `build` would do with the recipe in the folder. Raises what `build` raises; writes nothing."""
    path = Path(out) / "ledger.sqlite"
    ledger = Ledger(path, read_only=True) if path.exists() else None
    try:
        return asyncio.run(_plan(recipe, Planner(ledger)))
    finally:
        if ledger:
            ledger.close()


async def _plan(recipe: Recipe, planner: Planner) -> Plan:
    n_queries, n_rows, unmade = 0, 0, Counter[str]()
    async for made in make_all(read_units(recipe), recipe, planner.ask, lambda: False):
        n_queries += 1
        for row in made:
            if isinstance(row, Unmade):
                unmade[f"{row.stage}:{row.reason}"] += 1
            else:
                n_rows += 1
    models = planner.models()
    costs = [one.cost_usd for one in models]
    return Plan(recipe=recipe.ref, n_queries=n_queries, n_rows=n_rows, models=models, unmade=dict(unmade),
                n_calls=sum(one.n_calls for one in models),
                cost_usd=None if None in costs else sum(cost or 0.0 for cost in costs),
                first_prompt=planner.first.messages if planner.first else ())
