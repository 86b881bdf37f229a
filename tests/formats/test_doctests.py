"""The examples in the modules' docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cftdata.formats

MODULES = ["cftdata.formats", *(f"cftdata.formats.{module.name}" for module in pkgutil.iter_modules(
    cftdata.formats.__path__)), "cftdata.pairing", "cftdata.export_files"]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed
