from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cftdata.schema import RECORDS, make_schemas, stale_schemas, write_schemas

SCHEMAS = Path(__file__).parents[1] / "schemas" / "v1"


def golden(name: str) -> list[Any]:
    """The golden rows of a file, each with its reason as the test's id."""
    lines = (SCHEMAS / "golden" / name).read_text(encoding="utf-8").splitlines()
    return [pytest.param(row["schema"], row["row"], id=row["why"]) for row in map(json.loads, lines)]


def test_the_schemas_in_the_repository_are_those_of_the_types() -> None:
    assert stale_schemas(SCHEMAS) == []


def test_files_are_written_only_when_they_change(tmp_path: Path) -> None:
    assert write_schemas(tmp_path / "v1") == sorted(make_schemas())
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "v1").iterdir()}
    (tmp_path / "v1" / "sample.json").write_text("{}")
    assert stale_schemas(tmp_path / "v1") == ["sample.json"]
    assert write_schemas(tmp_path / "v1") == ["sample.json"]
    unchanged = [path for path in before if path.name != "sample.json"]
    assert [path.stat().st_mtime_ns for path in unchanged] == [before[path] for path in unchanged]
    assert stale_schemas(tmp_path / "v1") == []


def test_a_schema_file_without_a_type_is_stale(tmp_path: Path) -> None:
    write_schemas(tmp_path)
    (tmp_path / "sampel.json").write_text("{}")
    assert stale_schemas(tmp_path) == ["sampel.json"]


@pytest.mark.parametrize("text", make_schemas().values(), ids=make_schemas())
def test_a_schema_is_closed_and_says_what_each_field_is(text: str) -> None:
    schema = json.loads(text)
    for record in (schema, *schema.get("$defs", {}).values()):
        if record.get("type") == "object":
            assert record["additionalProperties"] is False
            assert [name for name, field in record["properties"].items()
                    if not {"description", "$ref"} & set(field) and name != "schema_version"] == []


@pytest.mark.parametrize(("schema", "row"), golden("valid.jsonl"))
def test_a_valid_row_is_taken_and_given_back(schema: str, row: dict[str, Any]) -> None:
    record = RECORDS[schema].model_validate_json(json.dumps(row))
    assert RECORDS[schema].model_validate_json(record.model_dump_json(by_alias=True)) == record
    assert contains(json.loads(record.model_dump_json(by_alias=True)), row)


@pytest.mark.parametrize(("schema", "row"), golden("invalid.jsonl"))
def test_an_invalid_row_is_refused(schema: str, row: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RECORDS[schema].model_validate_json(json.dumps(row))


def contains(whole: Any, part: Any) -> bool:
    """Whether all that the part says stands in the whole as well."""
    if isinstance(part, dict):
        return set(part) <= set(whole) and all(contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)
