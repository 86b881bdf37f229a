"""Evaluation items that stand in a training set, each shown with the stretch that is the same.

A sample is contaminated when 13 words in a row of one of its texts stand in the query or the reference
solution of an evaluation item. A query shorter than that must stand in our query as a whole, word by word.

Source: 13-grams of words in lower case without punctuation, GPT-3 (arXiv 2005.14165, appendix C).

    >>> Contamination().n
    13
    >>> index = index_evaluation(["test.jsonl"], Contamination())       # doctest: +SKIP
    >>> index.find(sample)[0].text                                      # doctest: +SKIP
    'lays two brown eggs on every single day of the week'

Not covered: translations and paraphrases. Wording that two sets took from one place is found too; the
stretch is shown so that a reader can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from pydantic import Field

from cftdata.errors import ConfigError
from cftdata.grams import PARTS, Part, Word, hash_runs, read_words, texts_of
from cftdata.sample import Count, Proportion, Record, Sample
from cftdata.sources import Reader
from cftdata.tables import read_rows

__all__ = ["Contamination", "EvaluationSet", "Index", "Match", "index_evaluation", "tell_match"]


class Contamination(Record):
    """What counts as contamination."""

    n: Annotated[int, Field(ge=1)] = 13
    """Words in a row that must be the same."""
    parts: tuple[Part, ...] = PARTS
    """Texts of a sample that are searched."""
    solutions: bool = True
    """Whether the reference solutions of the evaluation sets are searched for too, besides their queries."""


class EvaluationSet(Record):
    """An evaluation set that was checked against."""

    source: str
    n_items: Count
    """Rows whose query was read."""
    n_unread: Count
    """Rows that could not be read, so that nothing was checked against them."""
    n_whole: Count
    """Queries that are compared as a whole, for they are shorter than n words."""


class Match(Record):
    """An evaluation item found in a text of ours."""

    source: str
    """Evaluation set, as it was named."""
    file: str
    row: Count
    """0-based row in that set."""
    of: Literal["query", "solution"]
    """Which text of the item was found."""
    part: Part
    """The text of ours in which it was found."""
    text: str
    """The longest stretch of ours that stands in the item."""
    start: Count
    """0-based offset of its first character in our text."""
    end: Count
    n_words: Count
    """Words of that stretch."""
    rate: Proportion
    """Share of the item's words that stand in our text, in stretches of n words or more."""

    @property
    def place(self) -> str:
        """source:row, for `other` in decisions."""
        return f"{self.source}:{self.row}"


@dataclass(frozen=True)
class Index:
    """The evaluation sets, ready to be searched for. It can be pickled."""

    settings: Contamination
    sets: tuple[EvaluationSet, ...]

    runs: dict[int, list[tuple[int, int]]]
    """Run of n words to (place in `items`, words of the item)."""
    items: list[tuple[int, str, int, Literal["query", "solution"]]]
    """(set, file, row, which text)."""
    whole: dict[str, int]
    """Short query, as words, to its place in `items`."""

    def find(self, sample: Sample) -> list[Match]:
        """The evaluation items that stand in the sample, the one with the highest rate first. Pure."""
        found: list[Match] = []
        for part, text in zip(self.settings.parts, texts_of(sample, self.settings.parts), strict=True):
            words = read_words(text or "")
            spans: dict[tuple[int, int], list[int]] = {}
            for place, run in enumerate(hash_runs(words, self.settings.n)):
                for item in self.runs.get(run, ()):
                    spans.setdefault(item, []).append(place)
            found += [self._match(text or "", words, part, item, places) for item, places in spans.items()]
            short = self.whole.get(_join(words)) if part == "query" else None
            if short is not None:
                found.append(self._tell(text or "", part, short, words, 1.0))
        return sorted(found, key=lambda match: (-match.rate, match.source, match.row, match.part, match.of))

    def _match(self, text: str, words: Sequence[Word], part: Part, item: tuple[int, int],
               places: Sequence[int]) -> Match:
        """The item with its longest stretch. places: where runs of ours begin that stand in it, in order."""
        place, n_item = item
        stretches = [[places[0], places[0]]]
        for at in places[1:]:
            if at == stretches[-1][1] + 1:
                stretches[-1][1] = at
            else:
                stretches.append([at, at])
        n = self.settings.n
        first, last = max(stretches, key=lambda stretch: stretch[1] - stretch[0])
        covered = {at + more for at in places for more in range(n)}
        return self._tell(text, part, place, words[first:last + n], min(1.0, len(covered) / n_item))

    def _tell(self, text: str, part: Part, place: int, words: Sequence[Word], rate: float) -> Match:
        number, file, row, of = self.items[place]
        start, end = words[0].start, words[-1].end
        return Match(source=self.sets[number].source, file=file, row=row, of=of, part=part,
                     text=text[start:end], start=start, end=end, n_words=len(words), rate=rate)


def _join(words: Iterable[Word]) -> str:
    return " ".join(word.text for word in words)


def index_evaluation(sources: Sequence[str], settings: Contamination) -> Index:
    """Reads the evaluation sets. Raises SourceError and its kinds; ConfigError where none has a query."""
    index = Index(settings, (), {}, [], {})
    sets = []
    for number, source in enumerate(sources):
        n_items, n_unread, n_before = 0, 0, len(index.whole)
        for row in _read(source):
            if row is None:
                n_unread += 1
                continue
            n_items += 1
            _add(index, number, *row)
        if not n_items:
            raise ConfigError(f"not one query of {source} could be read; name a set with a column query, "
                              "question or problem")
        sets.append(EvaluationSet(source=source, n_items=n_items, n_unread=n_unread,
                                  n_whole=len(index.whole) - n_before))
    return replace(index, sets=tuple(sets))


def _read(source: str) -> Iterator[tuple[str, int, str, str | None] | None]:
    """File, row, query and reference solution of every row; None for one that cannot be read."""
    reader = Reader(source)
    as_table = Reader(source, format="table")
    for raw in read_rows(source):
        row = reader.read(raw)
        sample = row.sample or as_table.read(raw).sample
        if sample is None:
            yield None
            continue
        solution = sample.query.reference_solution or _text(raw.columns or {}, "answer")
        yield raw.file, raw.row, sample.query.text, solution


def _text(columns: Mapping[str, object], name: str) -> str | None:
    """The column where it is a text: of GSM8K the answer is a worked solution."""
    value = columns.get(name)
    return value if isinstance(value, str) else None


def _add(index: Index, number: int, file: str, row: int, query: str,  # noqa: PLR0913, PLR0917
         solution: str | None) -> None:
    """Adds an item's texts to the index."""
    texts: list[tuple[Literal["query", "solution"], str]] = [("query", query)]
    if solution and index.settings.solutions:
        texts.append(("solution", solution))
    for of, text in texts:
        words = read_words(text)
        place = len(index.items)
        index.items.append((number, file, row, of))
        for run in set(hash_runs(words, index.settings.n)):
            index.runs.setdefault(run, []).append((place, len(words)))
        if words and of == "query" and len(words) < index.settings.n:
            index.whole.setdefault(_join(words), place)


def tell_match(match: Match) -> str:
    """The evidence in one sentence, for `detail` in decisions."""
    shown = " ".join(match.text.split())
    return (f"{match.n_words} words in a row of the {match.part} stand in the {match.of} of {match.place} "
            f"({match.rate:.0%} of it): {shown[:300]}")
