"""Scorecard: how good the verifiers are, measured against critiques that somebody has labelled.

A label file says of each critique, by the id of its sample, whether its verdict is wrong and which faults
it has (audits/labels/README.md). A verifier is held against the kinds of fault that it looks for, one
sample at a time: where in the critique a fault stands is for people, and not compared.

    precision   of the labelled samples that the verifier fails, those with a label of its kinds; a label
                that is `unsure` is a hit too
    recall      of the labelled samples with a sure label of its kinds, those that the verifier fails; where
                it abstains or breaks, that is a miss. A sample with none but `unsure` labels is left out.

A wrong last digit of an approximation is no false claim: arithmetic's reason `rounding` is scored apart, as
"arithmetic:rounding". A sample has one reason a verifier, the gravest, so that a wrong rounding beside a
false equation is a miss there. own_answer's reasons `right_with_another_answer` and `corrects_to_the_same`
say that a critique is at odds with itself, so that a label `contradiction` is a hit for these too.

    >>> labels = {"0" * 32: Labels(id="0" * 32, items=(Label(kind="form", start=0, end=4),))}
    >>> [one] = score({"0" * 32: {"form": ("fail", "refused")}}, labels)
    >>> one.part, one.precision.rate, one.recall.rate
    ('all', 1.0, 1.0)

Not covered: faults that no verifier looks for (`notation`; `false_statement` but for judge), whether a
finding stands where the label does, and the likeness of labelled samples of one query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from cftdata.errors import ConfigError, SourceError
from cftdata.sample import Count, Rate, Record, Slug
from cftdata.stats import wilson
from cftdata.tables import RawRow, read_rows

__all__ = ["Label", "Labels", "Score", "read_labels", "score"]

Kind = Literal["false_equation", "endorsed_false_equation", "rounding", "notation", "false_statement",
               "wrong_corrected_answer", "contradiction", "wrong_step", "misquotation", "form"]
SampleId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]

KINDS: dict[str, tuple[str, ...]] = {
    "verdict": ("verdict_wrong",),
    "arithmetic": ("false_equation", "endorsed_false_equation"),
    "arithmetic:rounding": ("rounding",),
    "own_answer": ("wrong_corrected_answer",),
    "consistency": ("contradiction",),
    "localisation": ("wrong_step",),
    "quotation": ("misquotation",),
    "form": ("form",),
    "judge": ("verdict_wrong", "false_equation", "endorsed_false_equation", "false_statement",
              "wrong_corrected_answer", "contradiction", "wrong_step", "misquotation"),
}
"""Verifier to the kinds of label that it is held against."""
ALSO: dict[tuple[str, str], tuple[str, ...]] = {
    ("own_answer", "right_with_another_answer"): ("contradiction",),
    ("own_answer", "corrects_to_the_same"): ("contradiction",),
    ("own_answer", "corrected_answer_wrong"): ("verdict_wrong",),  # it restates a wrong answer as right
    ("localisation", "false_step_passed"): ("endorsed_false_equation", "verdict_wrong"),
}
"""Verifier and reason to the kinds that are a hit of precision too."""
BUNDLED: dict[str, Kind] = {"wrong_first_error_step": "wrong_step", "endorsed_wrong_step": "false_statement",
                            "endorsed_answer": "false_statement"}
"""Kinds of the bundled set's truth to those of label files, where the names differ."""


class Label(Record):
    """One fault of a critique."""

    kind: Kind
    """What kind of fault."""
    start: Count
    """0-based offset of its first character in the critique's text."""
    end: Count
    """Offset after its last character."""
    unsure: bool = False
    """The reader was not sure that it is one."""

    @model_validator(mode="after")
    def end_is_not_before_start(self) -> Label:
        if self.end < self.start:
            raise ValueError("end must not be less than start")
        return self


class Labels(Record):
    """What a reader says of one critique."""

    id: SampleId
    """Id of the sample."""
    part: Slug | None = None
    """Part of the label file (`work`, `held_out`); None when it has none."""
    verdict_wrong: bool | None = None
    """Whether the critique's verdict is wrong; None when that is not known."""
    items: tuple[Label, ...]
    """Its faults; none: the critique was read and has none."""

    @model_validator(mode="after")
    def part_is_not_all(self) -> Labels:
        if self.part == "all":
            raise ValueError("the part 'all' is that of every label; give it another name")
        return self


class Score(Record):
    """How one verifier did on one part of the labels."""

    part: str
    """Part of the label file, or `all`."""
    verifier: str
    """Name of the verifier; "arithmetic:rounding" for arithmetic's findings of that reason."""
    kinds: tuple[str, ...]
    """Kinds of label that it is held against."""
    n_labelled: Count
    """Labelled samples of the part that the verifier was run on, and whose label says whether it should
    fail them (of verdict: the verdict's label is not None)."""
    precision: Rate
    """Of those it fails, those with a label of its kinds, sure or not."""
    recall: Rate
    """Of those with a sure label of its kinds, those it fails."""


# --- Reading labels


def read_labels(path: str | Path) -> Mapping[str, Labels]:
    """Sample id to labels, of a label file or of the bundled set's truth.jsonl.

    A label file has one JSON object a line: `id` of the sample, `items` (`kind`, `start`, `end`, perhaps
    `unsure`), perhaps `part` and `verdict_wrong`; other fields are for people. Rows of the truth that could
    not be read have no sample and no labels. Raises ConfigError with one sentence.
    """
    if not Path(path).exists():
        raise ConfigError(f"there is no label file {path}; check the path")
    labels: dict[str, Labels] = {}
    try:
        for raw in read_rows(str(path)):
            said = _read_row(raw, str(path))
            if said and labels.setdefault(said.id, said) != said:
                raise ConfigError(f"the label file {path} labels {said.id} twice and differently; keep one")
    except SourceError as fault:
        raise ConfigError(f"the label file cannot be read: {fault}") from fault
    return labels


def _read_row(raw: RawRow, path: str) -> Labels | None:
    """The labels of one row; None for a row of the truth that has no sample."""
    where = f"row {raw.row} of the label file {path}"
    columns = raw.columns
    if columns is None:
        raise ConfigError(f"{where} cannot be read ({raw.reason}); it must be a JSON object")
    if "sample_id" in columns and columns.get("unread") is True:
        return None
    try:
        if "sample_id" in columns:
            columns = _translate(columns)
        known = {name: columns[name] for name in Labels.model_fields if name in columns}
        return Labels.model_validate(known)
    except ValidationError as fault:
        first = fault.errors()[0]
        field = ".".join(map(str, first["loc"])) or "row"
        raise ConfigError(f"{where} has a wrong {field!r}: {first['msg']}") from fault


def _translate(truth: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the bundled set's truth, as one of a label file."""
    faults = truth.get("faults")
    if not isinstance(faults, list) or not all(isinstance(fault, dict) for fault in faults):
        return {"id": truth["sample_id"], "items": faults}
    is_known = truth.get("verdict") is not None and truth.get("response_correct") is not None
    kinds = [fault.get("kind") for fault in faults]
    items = [{"kind": BUNDLED.get(str(kind), kind), "start": fault.get("start"), "end": fault.get("end")}
             for kind, fault in zip(kinds, faults, strict=True) if kind != "wrong_verdict"]
    return {"id": truth["sample_id"], "items": items,
            "verdict_wrong": "wrong_verdict" in kinds if is_known else None}


# --- Scoring


Outcomes = Mapping[str, Mapping[str, tuple[str, str]]]


def score(outcomes: Outcomes, labels: Mapping[str, Labels], level: float = 0.95) -> tuple[Score, ...]:
    """The scores of every verifier that was run on a labelled sample: of `all`, then of each part by name.

    outcomes: sample id to verifier to (outcome, reason). Samples without labels, labels whose sample is not
    there, and verifiers without a kind of their own are left out; empty when nothing is left.
    level: of Wilson's intervals. Raises ValueError unless 0 < level < 1.
    """
    both = [said for said in labels.values() if said.id in outcomes]
    parts = {"all": both}
    for part in sorted({said.part for said in both if said.part}):
        parts[part] = [said for said in both if said.part == part]
    return tuple(one for part, members in parts.items() for verifier in KINDS
                 for one in _score_verifier(part, verifier, members, outcomes, level))


def _score_verifier(part: str, verifier: str, members: Sequence[Labels], outcomes: Outcomes,
                    level: float) -> Iterator[Score]:
    """The score of one verifier on these; nothing when it was run on none of them."""
    name = verifier.partition(":")[0]
    run = [(said, *outcomes[said.id][name]) for said in members if name in outcomes[said.id]]
    if not run:
        return
    if verifier == "verdict":
        run = [one for one in run if one[0].verdict_wrong is not None]
    kinds = KINDS[verifier]
    failed = [(said, reason) for said, outcome, reason in run if _fails(verifier, outcome, reason)]
    hits = [_has(said, (*kinds, *ALSO.get((verifier, reason), ()))) for said, reason in failed]
    found = [_fails(verifier, outcome, reason) for said, outcome, reason in run
             if _has(said, kinds, is_sure=True)]
    yield Score(part=part, verifier=verifier, kinds=kinds, n_labelled=len(run),
                precision=wilson(sum(hits), len(hits), len(hits), level),
                recall=wilson(sum(found), len(found), len(found), level))


def _fails(verifier: str, outcome: str, reason: str) -> bool:
    """Whether it is a finding that counts for this verifier."""
    if verifier.startswith("arithmetic") and (reason == "rounding") != (verifier == "arithmetic:rounding"):
        return False
    return outcome == "fail"


def _has(said: Labels, kinds: Sequence[str], *, is_sure: bool = False) -> bool:
    """Whether the critique has a label of one of the kinds; with is_sure, one that is sure."""
    if "verdict_wrong" in kinds and said.verdict_wrong:
        return True
    return any(item.kind in kinds and not (is_sure and item.unsure) for item in said.items)
