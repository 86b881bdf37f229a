"""Rows on their way through a policy: of each a small `Row`, whatever it holds; the texts stay on disk.

First the findings decide (`decisions`), then passages of evaluation sets and lengths, all row by row
(`deciding`); then duplicates, of which the first is kept that nothing is wrong with (`duplicate_parts`); all
that before anything is paid for. In the end the verdicts are balanced.

An engine does it in stretches, and what needs all rows by partitions. What is known of rows lies in files;
this process keeps what is counted of each stretch, the rows that are changed (about 1 kB each), pairs that
may be near duplicates (16 bytes each, thrice while they are sorted, and some 200 for each row in one), and,
of queries that have neither reference nor label, what enough responses agree on; workers read that too.

    >>> selection = Selection.of(asked, Path("audit"), report, engine, folder)      # doctest: +SKIP
    >>> [row.choice.action for row in read_rows(selection.stretches[0])]            # doctest: +SKIP
    ['keep', 'keep', 'drop']

Not covered: changing rows (`changes`), writing them (`curated`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from cftdata.balance import Cut, Luck, Near, draw, find_near
from cftdata.consensus import find_consensus
from cftdata.deciding import (
    Asked,
    Decided,
    Row,
    Rule,
    Screen,
    decide_batch,
    keep_decided,
    read_decided,
    spoil_decision,
)
from cftdata.decisions import Consensus
from cftdata.duplicate_parts import Signed, find_duplicates, read_found
from cftdata.engine import Engine, Job, Part, Source
from cftdata.figures import AuditReport
from cftdata.material import as_sample
from cftdata.paths import is_remote
from cftdata.sample import Sample
from cftdata.slices import Slice, cut_slices, read_slice, take_slices

__all__ = ["Selection", "Stretch", "read_rows"]


class Stretch(NamedTuple):
    """A stretch of the samples, and all that decides of it."""

    part: Part
    """Where its files lie."""
    places: range
    """Its rows among all samples."""
    slices: Sequence[Slice]
    """Where its samples lie."""
    duplicates: Sequence[Path] = ()
    """Files of the duplicates of all stretches."""
    changed: Mapping[int, Row] = {}
    """Rows that were to be changed, by place: what came of them."""
    cut: Cut | None = None
    """Which rows balance takes out."""


def read_rows(stretch: Stretch) -> Iterator[Row]:
    """The rows of a stretch, in order, with all that is decided of them."""
    found = read_found(stretch.duplicates, stretch.places)
    for row in read_decided(stretch.part):
        duplicate = found.get(row.place)
        if duplicate:
            kind = "exact_duplicate" if duplicate.is_exact else "near_duplicate"
            row.drop(kind, f"{duplicate.similarity:.0%} of its word runs are those of row "
                           f"{duplicate.of_source_row}", duplicate.of_sample_id)
        now = stretch.changed.get(row.place, row)
        if stretch.cut and now.is_kept and stretch.cut.takes(now.place, now.sample_id, now.verdict):
            now.drop("balance")
        yield now


@dataclass
class Selection:
    """The rows of one audited set."""

    screen: Screen
    agreed: Consensus
    engine: Engine
    slices: Sequence[Slice]
    """Where the audited samples lie."""
    _stretches: list[Stretch] = field(default_factory=list)
    _reasons: Counter[str] = field(default_factory=Counter)
    """action:reason to rows, as each was decided by itself."""
    _changed: dict[int, Row] = field(default_factory=dict)
    _cut: Cut | None = None

    @classmethod
    def of(cls, asked: Asked, audited: Path, report: AuditReport, engine: Engine, folder: Path) -> Selection:
        """The rows, decided as far as nothing need be asked. folder: to work in, of the engine."""
        samples = audited / "samples.parquet"
        table = samples if is_remote(samples) else samples.absolute()
        slices = cut_slices(table)
        rule = Rule(asked, find_consensus(engine, asked.open().policy, report, slices, folder))
        selection = cls(*rule.open(), engine, slices)   # before there are other processes: they have it then
        selection._decide(rule, table, folder / "work" / "rows")
        return selection

    def _decide(self, rule: Rule, table: Path, folder: Path) -> None:
        job = Job(Source(str(table)), partial(decide_batch, rule), partial(spoil_decision, rule),
                  keep_decided, Decided, rule.asked.mark, ("verifications",))
        n_rows, signed = 0, []
        for part, decided in self.engine.fold(job, folder):
            places = range(n_rows, n_rows + decided.n_rows)
            slices = take_slices(self.slices, places)
            signed.append(Signed(part, places, slices, decided.exact, decided.bands))
            self._reasons += decided.reasons
            n_rows = places.stop
        settings = self.screen.policy.duplicates
        found = find_duplicates(self.engine, settings, signed, folder / "work") if settings else []
        self._stretches = [Stretch(one.part, one.places, one.slices, found) for one in signed]

    @property
    def stretches(self) -> list[Stretch]:
        """The stretches, with all that is decided so far."""
        changed = sorted(self._changed)
        return [one._replace(cut=self._cut, changed={place: self._changed[place] for place in _between(
            changed, one.places)}) for one in self._stretches]

    @property
    def is_changing(self) -> set[str]:
        """The actions by which rows are to be changed; some of the rows may be duplicates."""
        return {key.partition(":")[0] for key in self._reasons} & {"relabel", "regenerate"}

    def read_to_change(self) -> Iterator[tuple[Row, Sample]]:
        """The rows that are to be changed with their samples, in order. What is done to a row holds."""
        for stretch in self._stretches if self.is_changing else ():
            samples = _read_samples(stretch.slices)
            for row, columns in zip(read_rows(stretch), samples, strict=True):
                if row.is_to_change:
                    self._changed[row.place] = row
                    yield row, as_sample(columns)

    def balance(self) -> None:
        """Drops what a change made the same as another row, and the fewest rows for the wanted share."""
        self._drop_remade()
        settings = self.screen.policy.balance
        if settings is None:
            return
        luck = Luck()
        for one in self.engine.map(partial(_count_luck, settings.seed), self.stretches):
            luck.merge(one)
        near = find_near(luck, settings)
        if near is not None:
            found = self.engine.map(partial(_find_near, near), self.stretches)
            self._cut = near.choose(one for some in found for one in some)

    def _drop_remade(self) -> None:
        remade = [row for _, row in sorted(self._changed.items()) if row.new_id]
        if not remade:
            return
        wanted = frozenset(row.new_id for row in remade if row.new_id)
        seen = {one for some in self.engine.map(partial(_find_ids, wanted), self.stretches) for one in some}
        for row in remade:
            if row.new_id in seen:
                row.drop("exact_duplicate", "as it was changed, it is another row", row.new_id)
            elif row.new_id:
                seen.add(row.new_id)


def _between(places: Sequence[int], wanted: range) -> Sequence[int]:
    """Those of the sorted places that are among the wanted ones."""
    return places[bisect_left(places, wanted.start):bisect_left(places, wanted.stop)]


def _read_samples(slices: Iterable[Slice]) -> Iterator[dict[str, Any]]:
    return (columns for one in slices for batch in read_slice(one) for columns in batch.to_pylist())


def _find_ids(wanted: frozenset[str], stretch: Stretch) -> set[str]:
    """Those of the ids that rows have which are kept as they are."""
    return {row.sample_id for row in read_rows(stretch)
            if row.is_kept and row.new_id is None and row.sample_id in wanted}


def _count_luck(seed: int, stretch: Stretch) -> Luck:
    luck = Luck()
    for row in read_rows(stretch):
        if row.is_kept and row.verdict is not None:
            luck.add(draw(seed, row.sample_id), row.verdict)
    return luck


def _find_near(near: Near, stretch: Stretch) -> list[tuple[bytes, int]]:
    return near.find((row.place, row.sample_id, row.verdict) for row in read_rows(stretch) if row.is_kept)
