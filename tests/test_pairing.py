"""Halves joined one to one, whatever order they come in."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cftdata.errors import OutputError
from cftdata.pairing import Half, open_pairs

SEEN = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30)


def half(place: int, prompt: str, passed: bool) -> Half:
    text = {"chosen" if passed else "rejected": f"{place}"}
    return Half(place, "rows.jsonl", f"id{place}", prompt.encode(), {"prompt": prompt} | text)


@given(SEEN)
def test_every_half_is_in_one_pair_or_is_told(seen: list[tuple[str, bool]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder, open_pairs(Path(folder)) as pairs:
        for place, (prompt, passed) in enumerate(seen):
            pairs.put([half(place, prompt, passed)])
        joined, rest = list(pairs.join()), list(pairs.rest())
    used = [int(row[name]) for _, row in joined for name in ("chosen", "rejected")]
    left = [place for place, _, _ in rest]
    assert sorted(used + left) == list(range(len(seen)))
    for query, row in joined:
        assert (query.decode(), row["prompt"]) == (row["prompt"], seen[int(row["chosen"])][0])
        assert seen[int(row["chosen"])] == (row["prompt"], True)
        assert seen[int(row["rejected"])] == (row["prompt"], False)
    for prompt in "abc":    # as many pairs as there can be
        counts = [seen.count((prompt, passed)) for passed in (True, False)]
        assert sum(row["prompt"] == prompt for _, row in joined) == min(counts)
    assert [int(row["chosen"]) for _, row in joined] == sorted(int(row["chosen"]) for _, row in joined)
    assert left == sorted(left)


def test_its_file_is_gone_at_the_end(tmp_path: Path) -> None:
    with open_pairs(tmp_path) as pairs:
        pairs.put([half(0, "a", passed=True)])
        assert [path.name for path in tmp_path.iterdir()] == ["pairs.sqlite"]
    assert not list(tmp_path.iterdir())
    with pytest.raises(OutputError, match="make room"), open_pairs(tmp_path / "none"):
        pass
