"""Rows of the arms: the same samples for all, wrong ones in known shares, queries never on both sides."""

import json
from pathlib import Path

import pytest

from cftdata.effect.rows import draw_pool, hold_out, make_rows, read_pool
from cftdata.effect.settings import OwnRows
from cftdata.errors import ConfigError
from cftdata.sample import Critique, Query, Response, Sample

POOL = draw_pool(OwnRows(n=120, n_steps=(1, 2)))


def test_every_query_stands_in_the_pool_once_with_a_critique() -> None:
    queries = [sample.query.text for sample in POOL]
    assert len(queries) == len(set(queries)) > 80
    assert all(sample.critique and sample.query.reference_solution for sample in POOL)


def test_arms_have_the_same_queries_in_the_same_order() -> None:
    def queries(arm: str) -> list[str]:
        rows = make_rows(arm, POOL, n=20, seed=3)
        return [row.prompt.split("Question:\n")[1].split("\n\nSolution:")[0] for row in rows]

    assert queries("sft") == queries("cft") == queries("sft-noisy") == queries("cft@20")
    assert queries("cft") != queries("cft")[::-1]
    assert make_rows("cft", POOL, n=20, seed=3) != make_rows("cft", POOL, n=20, seed=4)
    assert make_rows("base", POOL, n=20, seed=3) == []


def test_a_dose_changes_that_share_of_critiques_and_no_prompt() -> None:
    clean, half = make_rows("cft@0", POOL, n=80, seed=1), make_rows("cft@50", POOL, n=80, seed=1)
    assert [row.prompt for row in clean] == [row.prompt for row in half]
    n_changed = sum(one != other for one, other in zip(clean, half, strict=True))
    assert 25 <= n_changed <= 55


def test_noisy_rows_imitate_the_response_and_right_ones_the_solution() -> None:
    noisy, right = make_rows("sft-noisy", POOL, n=5, seed=1), make_rows("sft", POOL, n=5, seed=1)
    texts = {sample.response.text for sample in POOL if sample.response}
    assert all(row.completion in texts for row in noisy)
    assert all(row.completion not in texts for row in right)


def test_curated_rows_leave_out_what_the_policy_drops() -> None:
    pool = draw_pool(OwnRows(n=80, wrong_rate=0.8))
    clean = make_rows("cft-curated", POOL, n=40, seed=1)
    assert len(clean) == 40
    with pytest.raises(ConfigError, match="cft-curated"):
        make_rows("cft-curated", pool, n=40, seed=1, curated={})
    assert len(make_rows("cft-curated", pool, n=80, seed=1)) < len(make_rows("cft", pool, n=80, seed=1)) / 2


def test_a_query_is_held_out_with_all_its_rows() -> None:
    rows = [Sample.of(Query(text=f"q{n // 2}"), Response(text=str(n)), Critique(text="c"))
            for n in range(400)]
    trained, held_out = hold_out(rows, 0.25)
    assert not {one.query.text for one in trained} & {one.query.text for one in held_out}
    assert 0.15 < len(held_out) / len(rows) < 0.35


def test_a_set_without_critiques_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({"query": "2+2?", "response": "4", "reference_answer": "4"}) + "\n")
    with pytest.raises(ConfigError, match="no critique to train on"):
        read_pool(path, columns={"query": "query", "response": "response"})
