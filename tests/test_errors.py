from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import cftdata
from cftdata import errors
from cftdata.errors import CftDataError, ColumnUnknown, ExtraMissing, suggest


def fault_classes() -> list[type[CftDataError]]:
    """Every class of the tree, parents before children, as the source defines them."""
    return [value for value in vars(errors).values()
            if isinstance(value, type) and issubclass(value, CftDataError)]


def test_the_tree_that_is_drawn_is_the_tree_of_classes() -> None:
    drawn: dict[str, str] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^ {4}([│ ├└─]*)([A-Z]\w+)", line)
        if found:
            depth = len(found[1]) // 4
            above[depth:] = [found[2]]
            drawn[found[2]] = above[depth - 1] if depth else "Exception"
    assert drawn == {fault.__name__: fault.__bases__[0].__name__ for fault in fault_classes()}


def test_all_of_errors_is_sorted_and_complete() -> None:
    assert errors.__all__ == sorted(fault.__name__ for fault in fault_classes())


def test_all_of_the_package_is_sorted_and_every_name_is_there() -> None:
    assert cftdata.__all__ == sorted(cftdata.__all__)
    assert [name for name in cftdata.__all__ if not hasattr(cftdata, name)] == []
    assert set(cftdata.__all__) <= set(dir(cftdata))


def test_all_of_the_package_is_complete() -> None:
    """Every name that is imported for the type checker is public, and every fault and type is among them."""
    tree = ast.parse(Path(cftdata.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    imported = [alias.name for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    assert sorted(imported) == cftdata.__all__
    records = [name for name, value in vars(cftdata.sample).items()
               if isinstance(value, type) and issubclass(value, cftdata.Record)]
    assert set(errors.__all__) | set(records) <= set(cftdata.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'audti'"):
        cftdata.audti  # noqa: B018


def test_messages_say_what_to_do() -> None:
    message = str(ColumnUnknown("critc", ["critic", "query"]))
    assert message == "there is no column 'critc'; did you mean 'critic'?"
    assert suggest("zzz", ["b", "a"]) == "known: a, b"
    assert suggest("zzz", []) == "known: none"
    assert "pip install 'cftdata[hub]'" in str(ExtraMissing("reading the Hub", "hub"))
