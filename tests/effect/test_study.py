"""What of a study needs no model: who takes which arms, and in which order."""

import pytest

from cftdata.effect.study import take_share


def test_processes_share_the_arms_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [(arm, seed) for seed in range(2) for arm in ("base", "sft", "cft")]
    assert take_share(runs) == runs
    taken = []
    for rank in range(4):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "4")
        taken += take_share(runs)
    assert sorted(taken) == sorted(runs)
