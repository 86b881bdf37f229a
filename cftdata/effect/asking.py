"""An arm is asked: it answers queries, judges others' responses and its own, and what it says is read.

    >>> outcomes = list(ask(loaded, items, settings, arm="cft", seed=0))        # doctest: +SKIP

Unreadable is None, never wrong. Not covered: answers in several turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cftdata.answers import match_answers
from cftdata.effect.generate import Asking, Generated, generate
from cftdata.effect.items import Items, Judged, ToAnswer
from cftdata.effect.model import Loaded
from cftdata.effect.outcomes import Outcome
from cftdata.effect.settings import EffectSettings
from cftdata.formats.asking import CRITIQUE, SOLUTION, as_text, ask_critique, ask_solution
from cftdata.sample import Response, Sample
from cftdata.text import normalise, read_final_answer, read_first_error_step, read_verdict

__all__ = ["ask"]

NEXT_QUESTION = "\n\nQuestion:"
"""A model that is shown worked examples goes on with questions of its own; an answer ends before them."""
CORRECT = {"equal": True, "different": False, "unknown": None}


def ask(loaded: Loaded, items: Items, settings: EffectSettings, *, arm: str, seed: int,  # noqa: PLR0913
        progress: Callable[[int], None] | None = None) -> Iterator[Outcome]:
    """Every outcome of an arm: greedy and sampled answers, then judgements of others, then of its own."""
    answered: dict[int, list[tuple[ToAnswer, Outcome]]] = {}
    for draw, item, made in _answer(loaded, items, settings, seed, progress):
        outcome = _read_answer(item, made, arm, seed, draw)
        answered.setdefault(draw, []).append((item, outcome))
        yield outcome
    yield from _judge(loaded, items.judge, settings, arm, seed, progress)
    for draw in sorted(answered)[:settings.judging.n_draws]:
        own = [_own(item, outcome) for item, outcome in answered[draw] if outcome.correct is not None]
        per_set = {name: wanted.n_judged for name, wanted in settings.items.items()}
        chosen = [one for name, n in per_set.items() for one in [o for o in own if o.set == name][:n]]
        for outcome in _judge(loaded, chosen, settings, arm, seed, progress):
            yield outcome.model_copy(update={"task": "judge_self", "item_id": outcome.query_id,
                                             "query_id": None, "draw": draw, "judged": None,
                                             "true_step": None})


def _answer(loaded: Loaded, items: Items, settings: EffectSettings, seed: int,
            progress: Callable[[int], None] | None) -> Iterator[tuple[int, ToAnswer, Generated]]:
    how = settings.answering
    prompts = {item.item_id: _ask_solution(item, items) for item in items.answer}
    greedy = Asking(how.max_tokens, seed=seed, stop=NEXT_QUESTION)
    made = generate(loaded, [prompts[item.item_id] for item in items.answer], greedy,
                    is_chat=settings.is_chat, batch_tokens=settings.batch_tokens, progress=progress)
    yield from ((0, item, texts[0]) for item, texts in zip(items.answer, made, strict=True))
    sampled = [item for item in items.answer if item.set == "held_out"] if how.n_samples else []
    drawn = Asking(how.max_tokens, how.n_samples or 1, how.temperature, how.top_p, seed, NEXT_QUESTION)
    made = generate(loaded, [prompts[item.item_id] for item in sampled], drawn,
                    is_chat=settings.is_chat, batch_tokens=settings.batch_tokens, progress=progress)
    for item, texts in zip(sampled, made, strict=True):
        yield from ((draw, item, text) for draw, text in enumerate(texts, 1))


def _ask_solution(item: ToAnswer, items: Items) -> str:
    """The worked examples, then the query, in the words of the SFT rows."""
    shots = [f"{row.prompt}{row.completion}\n\n" for row in items.shots]
    return "".join(shots) + as_text(ask_solution(Sample.of(item.query), None), SOLUTION)


def _read_answer(item: ToAnswer, made: Generated, arm: str, seed: int, draw: int) -> Outcome:
    answer = read_final_answer(made.text).value
    reference = item.query.reference_answer
    correct = (CORRECT[match_answers(answer, reference).outcome]
               if answer is not None and reference is not None else None)
    return Outcome(arm=arm, seed=seed, task="answer", set=item.set, item_id=item.item_id, draw=draw,
                   text=made.text, answer=answer, correct=correct, difficulty=item.difficulty,
                   n_tokens=made.n_tokens)


def _own(item: ToAnswer, outcome: Outcome) -> Judged:
    """Its own answer, to be judged."""
    sample = normalise(Sample.of(item.query, Response(text=outcome.text)))
    return Judged(item.set, sample, item.difficulty, bool(outcome.correct), None, "self")


def _judge(loaded: Loaded, judged: Sequence[Judged], settings: EffectSettings,  # noqa: PLR0913, PLR0917
           arm: str, seed: int, progress: Callable[[int], None] | None) -> Iterator[Outcome]:
    how = settings.judging
    prompts = [as_text(ask_critique(one.sample, how.prompt), CRITIQUE) for one in judged]
    made = generate(loaded, prompts, Asking(how.max_tokens, seed=seed), is_chat=settings.is_chat,
                    batch_tokens=settings.batch_tokens, progress=progress)
    for one, [text] in zip(judged, made, strict=True):
        yield Outcome(
            arm=arm, seed=seed, task="judge_others", set=one.set, item_id=one.sample.id,
            query_id=Sample.of(one.sample.query).id, text=text.text, truth_right=one.truth_right,
            verdict=read_verdict(text.text).value, found_step=read_first_error_step(text.text).value,
            true_step=one.true_step, judged=one.author, difficulty=one.difficulty, n_tokens=text.n_tokens)
