"""The examples in the docstrings of the package hold."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import cftdata.answers

MODULES = [found.name for found in pkgutil.walk_packages(cftdata.answers.__path__, "cftdata.answers.")]


@pytest.mark.parametrize("name", ["cftdata.answers", *MODULES])
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted > 0, "a module shows one example"
    assert found.failed == 0
