"""Raw rows to samples: `load` reads a source of any known shape, one `Row` for each row of it.

No row is lost: what cannot be read is a Row without a sample, with a reason and a sentence. The shape is told
row by row (a folder may mix shapes) and named in `Row.format`.

    >>> for row in load("rows.jsonl", reference_answer="4"):        # doctest: +SKIP
    ...     print(row.source_row, row.format, row.sample.id if row.sample else row.reason)
    0 one-shot-cft 6f0d…
    1 None unknown_shape

Reasons of an unread row: those of `tables`, and
    unknown_shape   its columns are no shape's           missing_field   a column that it must have is missing
    not_text        a column is not text                 bad_label       a label is neither right nor wrong
    not_messages, not_one_turn    messages are no list of them, or no single turn
    several_critics MR-GSM8K outputs of several models   bad_value       it breaks a rule of `Sample`

Not covered: writing sources, mending rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from cftdata.columns import Columns, UnreadError, is_text, take_answer
from cftdata.errors import ColumnUnknown, ConfigError, ShapeUnknown, SourceError, SourceUnreadable, suggest
from cftdata.injection import find_injection
from cftdata.reading import remember
from cftdata.sample import Provenance, Sample
from cftdata.shapes import SHAPES, TABLE_FIELDS, read_table, recognise
from cftdata.tables import RawRow, read_rows

ID_COLUMNS = ("id", "uuid", "idx", "Question_UUID")
N_COLUMNS_TOLD = 30
DETAILS = {
    "bad_json": "the line is no JSON", "bad_encoding": "it holds bytes that are no UTF-8",
    "not_an_object": "it is JSON, but no object", "not_text": "a string in it is no Unicode text",
    "repeated_key": "an object in it names a key twice", "too_deep": "it is nested too deep",
    "bad_csv": "its quotes are broken", "n_fields": "it has not as many fields as the header",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the source, read or not."""

    source_row: int
    """0-based position in the source."""
    file: str
    """File of the source, or `org/name/split`."""
    format: str | None
    """Name of its shape; None when it has none that is known."""
    sample: Sample | None
    """The sample, its texts not yet read (see `text.normalise`); None when the row could not be read."""
    reason: str | None
    """Why it could not be read (a slug), when sample is None."""
    detail: str | None
    """The same as a sentence for people."""
    columns: Columns
    """The columns as they stand in the source; empty when they could not be read."""


@dataclass(frozen=True, slots=True)
class References:
    """Where reference answers come from: one for all rows, else a file, else the rows themselves."""

    answer: str | None = None
    """One answer for all rows."""
    file: str | None = None
    """Name of a file of answers."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """The file's answers by query (white space evened out) or id."""

    def find(self, query: str, columns: Columns) -> str | None:
        """The answer for a row, by its query, else by its own id; None leaves the row's own."""
        if self.answer is not None or not self.answers:
            return self.answer
        ids = (str(columns[name]) for name in ID_COLUMNS if columns.get(name) is not None)
        keys = (_even(key) for key in (query, *ids))
        return next((self.answers[key] for key in keys if key in self.answers), None)

    def describe(self, *, is_any: bool = True) -> str:
        """Where they come from, for the report; `is_any` says whether any sample has one."""
        if self.answer is not None:
            return "--reference-answer"
        if self.file is not None:
            return f"file {self.file}"
        return "the rows' own column" if is_any else "none"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads raw rows of one source. It can be pickled, and reads each row by itself, in any process.

    Raises ConfigError where the format or a field that `columns` names is unknown.
    """

    source: str
    """What is read, for the provenance."""
    format: str | None = None
    """Name of the shape that all rows are read as; None recognises each."""
    columns: Mapping[str, str] | None = None
    """Field of a table (see `shapes.TABLE_FIELDS`) to the column that holds it; then the format is table."""
    references: References = References()
    """Reference answers that go before the rows' own."""
    split: str | None = None
    """Split that is read."""
    revision: str | None = None
    """Revision that is read."""

    def __post_init__(self) -> None:
        if self.format is not None and self.format not in SHAPES:
            raise ConfigError(f"there is no format {self.format!r}; {suggest(self.format, SHAPES)}")
        if not self.columns:
            return
        if self.format not in (None, "table"):
            raise ConfigError(f"columns can be named for the format table only, not for {self.format}")
        for name in self.columns:
            if name not in TABLE_FIELDS:
                raise ConfigError(f"columns cannot name the field {name!r}; {suggest(name, TABLE_FIELDS)}")
        if "query" not in self.columns:
            raise ConfigError("the columns that are named must name the query too: query=COLUMN")

    def check_columns(self, columns: Columns) -> None:
        """Raises ColumnUnknown where a named column is not among these, the first readable row's."""
        for column in (self.columns or {}).values():
            if column not in columns:
                raise ColumnUnknown(column, columns)

    def read(self, raw: RawRow) -> Row:
        """The row as a sample, or with the reason why not. Never raises."""
        if raw.columns is None:
            return _unread(raw, None, raw.reason or "bad_value", _tell(raw))
        name = self.format or ("table" if self.columns else recognise(raw.columns))
        if name is None:
            return _unread(raw, None, "unknown_shape", f"no shape has its columns: {_list(raw.columns)}")
        try:
            sample = self._sample(name, raw.row, raw.columns)
        except UnreadError as fault:
            return _unread(raw, name, fault.reason, fault.detail)
        except ValidationError as fault:
            error = fault.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, error["loc"])) or "the row"
            return _unread(raw, name, "bad_value", f"{where}: {error['msg']}")
        return Row(raw.row, raw.file, name, sample, None, None, raw.columns)

    def _sample(self, name: str, row: int, columns: Columns) -> Sample:
        origin = Provenance(source=self.source, revision=self.revision, split=self.split, row=row)
        if self.columns:
            named = {field: columns.get(column) for field, column in self.columns.items()}
            sample = read_table(named, origin)
        else:
            sample = SHAPES[name].read(columns, origin)
        reference = self.references.find(sample.query.text, columns)
        if reference is None:
            return sample
        query = sample.query.model_copy(update={"reference_answer": reference})
        return sample.model_copy(update={"query": query})   # the id does not depend on the reference


def load(source: str, *, format: str | None = None,  # noqa: PLR0913  # the options of the command
         columns: Mapping[str, str] | None = None, reference_answer: str | None = None,
         references: str | None = None, split: str | None = None,
         revision: str | None = None) -> Iterator[Row]:
    """The rows of a file, folder or Hub dataset, in order, read as they are asked for.

    `format` forces a shape, `columns` names a table's columns (field to column), `reference_answer` is the
    answer of all rows, `references` a file of answers by query or id. Raises SourceError and its kinds,
    ColumnUnknown at the first readable row, ConfigError, and, at the end, where not one row could be read,
    ShapeUnknown or SourceUnreadable.
    """
    reader = Reader(source, format, columns, read_references(reference_answer, references), split, revision)
    is_read, shape, detail, seen = False, None, None, dict[str, None]()
    for raw in read_rows(source, split=split, revision=revision):
        if raw.columns is not None and not seen:
            reader.check_columns(raw.columns)
        if raw.columns and len(seen) < N_COLUMNS_TOLD:
            seen |= dict.fromkeys(raw.columns)
        row = reader.read(raw)
        is_read, shape, detail = is_read or row.sample is not None, shape or row.format, detail or row.detail
        yield row
    if not is_read:
        raise tell_unknown_shape(source, seen, shape, detail)


def tell_unknown_shape(source: str, columns: Iterable[str], shape: str | None = None,
                       detail: str | None = None) -> SourceError:
    """The fault of a source of which no row could be read.

    columns: those seen, if any. shape: of the rows, where any had one. detail: why not, of the first row.
    """
    names = list(columns)
    if shape or not names:
        what = f" as {shape}" if shape else ""
        why = f"; of the first: {' '.join(detail.split())}" if detail else ", for want of columns"
        return SourceUnreadable(f"not one row of {source} could be read{what}{why}")
    return ShapeUnknown(f"the rows of {source} have no known shape (columns: {_list(names)}); "
                        "name their columns: --columns query=…,response=…,critique=…")


# --- Reference answers


def read_references(answer: str | None = None, file: str | None = None) -> References:
    """Reference answers of one answer for all rows, else of a file, else none (the rows' own).

    The file is a JSON object of query or id to answer, or any table with a column `answer` or
    `reference_answer` and a column `query`, `question`, `problem`, `id`, `uuid` or `idx`. Raises ConfigError.
    """
    if answer is not None:
        if not answer.strip() or not is_text(answer):
            raise ConfigError("the reference answer is empty or no text; give the answer of all rows")
        return References(answer=answer)
    if file is None:
        return References()
    answers: dict[str, str] = {}
    try:
        for raw in read_rows(file):
            for key, value in _answers_of(raw, file):
                if answers.setdefault(key, value) != value:
                    raise ConfigError(f"{file} gives two answers for {key[:80]!r}; keep one")
    except SourceError as fault:
        raise ConfigError(f"the references cannot be read: {fault}") from fault
    if not answers:
        raise ConfigError(f"{file} holds no answer; give a JSON object of query or id to answer")
    return References(file=Path(file).name, answers=answers)


def _answers_of(raw: RawRow, file: str) -> Iterator[tuple[str, str]]:
    """Keys and answers of one row of a references file."""
    if raw.columns is None:
        raise ConfigError(f"row {raw.row} of {file} cannot be read: {_tell(raw)}")
    columns = raw.columns
    name = next((name for name in ("reference_answer", "answer") if name in columns), None)
    keys = [key for key in (*TABLE_FIELDS["query"], *ID_COLUMNS) if name and columns.get(key) is not None]
    if name and not keys:
        raise ConfigError(f"row {raw.row} of {file} has an answer, but no query or id beside it")
    if not name and (raw.row or not file.lower().removesuffix(".gz").endswith(".json")):
        raise ConfigError(f"row {raw.row} of {file} has no column answer or reference_answer")
    for key, column in [(str(columns[key]), name) for key in keys] or [(key, key) for key in columns]:
        try:
            answer = take_answer(columns, column or key)
        except UnreadError as fault:
            raise ConfigError(f"row {raw.row} of {file} gives no answer: {fault.detail}") from fault
        if answer is not None:
            yield _even(key), answer


def _even(text: str) -> str:
    return " ".join(text.split())


# --- Values of a row, for groups


def column_value(row: Row, name: str) -> str | None:
    """A row's value to group by: of its sample for the names in `BUILT_IN`, else of its raw columns.

    Nested values are JSON text. None where the row has none, or could not be read. The verdict is the
    sample's: for what `normalise` reads, give a row that holds the normalised sample.
    """
    if name in ("format", "file"):
        return row.format if name == "format" else row.file
    if name in BUILT_IN:
        return _sample_value(row.sample, name) if row.sample else None
    value = row.columns.get(name)
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


BUILT_IN = ("critic", "domain", "file", "format", "injection", "source", "student", "verdict")
"""Names that `column_value` takes from the sample; they go before raw columns of the same name."""


def _sample_value(sample: Sample, name: str) -> str | None:
    if name == "critic":
        return sample.critique.provenance.model if sample.critique else None
    if name == "student":
        return sample.response.provenance.model if sample.response else None
    if name == "verdict":
        return sample.critique.verdict if sample.critique else None
    if name == "injection":
        return "yes" if sample.response and _gives_orders(sample.response.text) else None
    return sample.query.domain if name == "domain" else sample.query.provenance.source


@remember
def _gives_orders(response: str) -> bool:
    """Whether the response gives orders to whoever judges it."""
    return find_injection(response) is not None


def known_columns(row: Row) -> list[str]:
    """The names that `column_value` knows for this row, sorted."""
    return sorted({*BUILT_IN, *row.columns})


# --- Telling


def _unread(raw: RawRow, name: str | None, reason: str, detail: str) -> Row:
    return Row(raw.row, raw.file, name, None, reason, detail, raw.columns or {})


def _tell(raw: RawRow) -> str:
    detail = DETAILS.get(raw.reason or "", "it could not be read")
    return f"{detail}: {raw.text[:200]}" if raw.text else detail


def _list(names: Iterable[str]) -> str:
    shown = [str(name) for name in names]
    return ", ".join(shown[:N_COLUMNS_TOLD]) + (", …" if len(shown) > N_COLUMNS_TOLD else "")
