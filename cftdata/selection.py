"""Rows on their way through a policy: of each a small `Row`, whatever it holds; the texts stay on disk.

First the findings decide (`decisions`), then passages of evaluation sets and lengths, then duplicates, of
which the first is kept that nothing is wrong with; all that before anything is paid for. In the end the
verdicts are balanced.

    >>> Row(0, "6f0d", "right", NO_FINDING).is_kept
    True

Not covered: changing rows (`changes`), writing them (`curate`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from cftdata.balance import choose_drops
from cftdata.config import Protocol, load_protocol
from cftdata.contamination import Index, index_evaluation, tell_match
from cftdata.decisions import NO_FINDING, Choice, Consensus, decide
from cftdata.duplicates import find_duplicates
from cftdata.figures import AuditReport
from cftdata.grams import Part, Texts
from cftdata.lengths import CountTokens, check, count, make_counter
from cftdata.material import read_samples
from cftdata.policy import Policy
from cftdata.sample import Sample, Verdict
from cftdata.suspects import find_agreement
from cftdata.tally import NOTHING, Entry

__all__ = ["NO_FINDING", "Row", "Screen", "Selection", "open_screen"]


@dataclass(slots=True)
class Row:
    """What is known of a row that was read; its place is its position among the audited samples."""

    source_row: int
    sample_id: str
    verdict: Verdict | None
    choice: Choice
    other: str | None = None
    """Id of the row that it duplicates, or evaluation set:row of the item it holds."""
    new_id: str | None = None
    """Id of what stands in its place, where it was changed."""

    @property
    def is_kept(self) -> bool:
        """Whether it, or what stands in its place, is kept."""
        return self.choice.action != "drop"

    @property
    def is_to_change(self) -> bool:
        """Whether it is to be mended or written again, and is not yet."""
        return self.choice.action in ("relabel", "regenerate") and self.new_id is None

    def drop(self, reason: str, detail: str | None = None, other: str | None = None) -> None:
        """Takes it out, with what stands in its place."""
        self.choice, self.other, self.new_id = Choice("drop", reason, detail), other, None


@dataclass(frozen=True)
class Screen:
    """What a single row is held against."""

    policy: Policy
    protocol: Protocol
    index: Index | None
    """The evaluation sets; None when none is named."""
    count_tokens: CountTokens | None
    """None where the policy sets no limit."""

    def refuse(self, sample: Sample) -> tuple[str, str, str | None] | None:
        """Reason, evidence and place of an evaluation item, where the sample holds one or breaks a limit."""
        found = self.index.find(sample) if self.index else ()
        if found:
            return "contaminated", tell_match(found[0]), found[0].place
        if self.count_tokens is None or self.policy.lengths is None:
            return None
        broken = check(count(sample, self.count_tokens), self.policy.lengths)
        return (broken.reason, broken.detail, None) if broken else None


def open_screen(policy: Policy, against: Sequence[str]) -> Screen:
    """Reads what rows are held against. Raises ConfigError, SourceError and its kinds, ExtraMissing."""
    return Screen(policy, load_protocol(policy.protocol),
                  index_evaluation(list(against), policy.contamination) if against else None,
                  make_counter(policy.lengths.tokenizer) if policy.lengths else None)


@dataclass
class Selection:
    """The rows of one audited set."""

    screen: Screen
    samples: Path
    """Parquet of the audited samples."""
    agreed: Consensus
    rows: list[Row] = field(default_factory=list)

    @classmethod
    def of(cls, screen: Screen, audited: Path, report: AuditReport) -> Selection:
        """The rows, decided as far as nothing need be asked."""
        samples = audited / "samples.parquet"
        agreed: Consensus = {(one.query, one.reference_answer): one.consensus_answer
                             for one in report.suspect_references}
        selection = cls(screen, samples, {**agreed, **_agree_without_reference(screen, samples)})
        selection._decide()
        selection._drop_duplicates()
        return selection

    @property
    def n_kept(self) -> int:
        """Rows that are kept, changed ones included."""
        return sum(row.is_kept for row in self.rows)

    def count(self) -> Counter[str]:
        """action:reason to rows."""
        return Counter(f"{row.choice.action}:{row.choice.reason}" for row in self.rows)

    def read(self) -> Iterator[tuple[Row, Sample]]:
        """The rows with their samples, in order."""
        for row, (sample, _, _) in zip(self.rows, read_samples(self.samples), strict=True):
            yield row, sample

    def _decide(self) -> None:
        for sample, source_row, _ in read_samples(self.samples):
            verdict = sample.critique.verdict if sample.critique else None
            row = Row(source_row, sample.id, verdict, decide(sample, self.screen.policy, self.agreed))
            refused = self.screen.refuse(sample) if row.is_kept else None
            if refused:
                row.drop(*refused)
            self.rows.append(row)

    def _drop_duplicates(self) -> None:
        settings = self.screen.policy.duplicates
        if settings is None:
            return
        found = find_duplicates(partial(self._read_kept_texts, settings.parts), settings)
        for place, duplicate in found.items():
            first = self.rows[duplicate.of]
            kind = "exact_duplicate" if duplicate.is_exact else "near_duplicate"
            self.rows[place].drop(kind, f"{duplicate.similarity:.0%} of its word runs are those of row "
                                        f"{first.source_row}", first.sample_id)

    def _read_kept_texts(self, parts: Sequence[Part]) -> Iterator[tuple[int, Texts]]:
        """Texts of the rows that are kept, by place; those to be changed last: they may come to nothing."""
        yield from self._read_texts(parts, lambda row: row.is_kept and not row.is_to_change)
        if any(row.is_to_change for row in self.rows):
            yield from self._read_texts(parts, lambda row: row.is_to_change)

    def _read_texts(self, parts: Sequence[Part],
                    is_wanted: Callable[[Row], bool]) -> Iterator[tuple[int, Texts]]:
        import pyarrow.parquet as pq

        place = 0
        with pq.ParquetFile(self.samples) as file:
            for batch in file.iter_batches(batch_size=500, columns=[f"{part}.text" for part in parts]):
                for columns in batch.to_pylist():
                    if is_wanted(self.rows[place]):
                        yield place, tuple((columns[part] or {}).get("text") for part in parts)
                    place += 1

    def balance(self) -> None:
        """Drops what a change made the same as another row, and the fewest rows for the wanted share."""
        seen = {row.sample_id for row in self.rows if row.is_kept and row.new_id is None}
        for row in self.rows:
            if row.new_id in seen:
                row.drop("exact_duplicate", "as it was changed, it is another row", row.new_id)
            elif row.new_id:
                seen.add(row.new_id)
        if self.screen.policy.balance is None:
            return
        kept = ((place, row.sample_id, row.verdict) for place, row in enumerate(self.rows) if row.is_kept)
        for place in choose_drops(kept, self.screen.policy.balance):
            self.rows[place].drop("balance")


def _agree_without_reference(screen: Screen, samples: Path) -> Consensus:
    """What those judged right agree on, of the queries with neither reference nor label."""
    if screen.policy.no_reference != "consensus" or "verdict" not in screen.protocol.verifiers:
        return {}
    texts = dict[bytes, str]()
    found = find_agreement(_read_unreferenced(samples, texts), screen.protocol)
    return {(texts[query], None): answer for query, answer in found.items()}


def _read_unreferenced(samples: Path, texts: dict[bytes, str]) -> Iterator[Entry]:
    """Entries of the rows that have neither reference nor label; `texts` takes the texts of their queries."""
    for sample, source_row, _ in read_samples(samples):
        query, response, critique, gold = sample.query, sample.response, sample.critique, sample.gold
        is_labelled = gold.response_correct is not None or gold.first_error_step is not None
        if query.reference_answer is not None or is_labelled or response is None or critique is None:
            continue
        digest = _hash(query.text)
        texts.setdefault(digest, query.text)
        yield NOTHING._replace(source_row=source_row, query=digest, response=_hash(response.text),
                               verdict=critique.verdict, final_answer=response.final_answer)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:16]
