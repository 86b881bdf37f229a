"""Rows by the project's own generator, as many as are wanted, every text another; some critiques are wrong.

    >>> len(make_rows(0, 2))
    8

Four responses a query, each with one critique of the symbolic critic. Not covered: sets as real models write.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from cftdata.noise import Noise, respond
from cftdata.pool import run_batches
from cftdata.problems import draw_query
from cftdata.sample import Critique, Sample
from cftdata.symbolic import write_critique
from cftdata.text import normalise

__all__ = ["make_rows", "write_many"]

N_RESPONSES = 4
N_QUERIES = 50
NOISE = Noise(n_per_query=N_RESPONSES, right_rate=0.44)


def make_rows(start: int, n_queries: int) -> list[str]:
    """The rows of these queries of the stream, as JSON."""
    rows = []
    for place in range(start, start + n_queries):
        drawn = draw_query(1, place)
        for number, noisy in enumerate(respond(drawn.problem, NOISE, 1, place)):
            sample = normalise(Sample.of(drawn.query, noisy.response, None, noisy.gold))
            critique = write_critique(sample, seed=number, wrong_rate=0.25)
            if isinstance(critique, Critique):
                rows.append(json.dumps({
                    "query": drawn.query.text, "response": noisy.response.text, "critique": critique.text,
                    "reference_answer": drawn.query.reference_answer, "critic": f"symbolic-{number}"}))
    return rows


def write_many(path: Path, n_rows: int, n_processes: int | None = None) -> Path:
    """A JSON Lines file of so many rows; the path."""
    def starts() -> Iterator[int]:
        place = 0
        while True:
            yield place
            place += N_QUERIES

    n = 0
    with path.open("w", encoding="utf-8") as stream:
        for rows in run_batches(_make, starts(), n_processes):
            some = rows[:n_rows - n]
            stream.writelines(row + "\n" for row in some)
            n += len(some)
            if n == n_rows:
                return path
    raise AssertionError("the stream has no end")


def _make(start: int) -> list[str]:
    return make_rows(start, N_QUERIES)
