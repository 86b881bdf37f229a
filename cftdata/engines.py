"""Engines by name, as a command names them.

    >>> with choose_engine("local", n_processes=1) as engine:
    ...     list(engine.map(sum, [[1, 2], [3]]))
    [3, 3]

Not covered: what an engine is (`engine`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from cftdata.engine import Engine
from cftdata.errors import ConfigError, suggest
from cftdata.local_engine import Local

__all__ = ["ENGINES", "choose_engine"]

ENGINES = ("local", "ray")


@contextmanager
def choose_engine(name: str, *, address: str | None = None, n_processes: int | None = None,
                  progress: Callable[[int], None] | None = None) -> Iterator[Engine]:
    """The engine, for as long as the block runs.

    address: of a cluster; None takes RAY_ADDRESS, else this machine. n_processes: of the local one; None
    takes all cores. progress: called with the number of rows done, again and again.
    Raises ConfigError, ExtraMissing.
    """
    if name not in ENGINES:
        raise ConfigError(f"there is no engine {name!r}; {suggest(name, ENGINES)}")
    if name == "local":
        if address is not None:
            raise ConfigError("--address is a cluster's; give --engine ray with it")
        yield Local(n_processes, progress)
        return
    from cftdata.scale import OnRay
    from cftdata.scale.on_ray import connect

    with connect(address):
        yield OnRay(progress)
