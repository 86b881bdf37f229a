"""The examples in the docstrings of the measures hold."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = ("asymmetry", "cautions", "cells", "compare", "crossed", "dose", "figures", "gaps", "measure",
           "outcomes", "sentences", "views")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"cftdata.effect.{name}"))
    assert found.attempted > 0, "a module shows one example"
    assert found.failed == 0
