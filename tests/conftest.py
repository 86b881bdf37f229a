"""One profile for every property: machines are slow at times, so that a deadline would test the machine.

The Hub of the tests that publish is started once for all of them: its clients take seconds to import.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from small_publish import World

settings.register_profile("cftdata", deadline=None)
settings.load_profile("cftdata")


@pytest.fixture(scope="session")
def started_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A loopback Hub, its clients, two small releases."""
    pytest.importorskip("datasets")
    from small_publish import opened

    with opened(tmp_path_factory.mktemp("hub")) as world:
        yield world


@pytest.fixture
def world(started_world: World) -> Iterator[World]:
    """The same without orders of an earlier test."""
    yield started_world
    started_world.hub.clear()
