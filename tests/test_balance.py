"""Balance: the fewest rows, always the same ones, and never one without a verdict."""

from hypothesis import given
from hypothesis import strategies as st

from cftdata.balance import Balance, choose_drops
from cftdata.sample import Verdict


@given(st.lists(st.sampled_from(["right", "wrong", None]), max_size=80), st.sampled_from([0.2, 0.5, 0.56]))
def test_the_share_is_within_the_tolerance_afterwards(verdicts: list[Verdict | None], target: float) -> None:
    rows = [(place, f"id{place}", verdict) for place, verdict in enumerate(verdicts)]
    settings = Balance(right_rate=target, tolerance=0.05)
    dropped = choose_drops(rows, settings)
    kept = [verdict for place, _, verdict in rows if place not in dropped and verdict]
    assert all(verdicts[place] for place in dropped)
    assert len({verdicts[place] for place in dropped}) <= 1, "only of one side are there too many"
    both = {"right", "wrong"} <= set(verdicts)
    if both and kept and dropped:
        rate = kept.count("right") / len(kept)
        worst = 1 / len(kept)   # one row more or less
        assert target - 0.05 - worst <= rate <= target + 0.05 + worst


def test_the_same_rows_whatever_their_order() -> None:
    rows: list[tuple[int, str, Verdict | None]] = [(n, f"id{n}", "right" if n % 3 else "wrong")
                                                   for n in range(60)]
    assert choose_drops(rows, Balance(right_rate=0.5)) == choose_drops(rows[::-1], Balance(right_rate=0.5))
    assert choose_drops(rows, Balance(right_rate=0.5)) != choose_drops(rows, Balance(right_rate=0.5, seed=1))


def test_within_the_tolerance_nothing_is_dropped() -> None:
    rows: list[tuple[int, str, Verdict | None]] = [(n, str(n), "right" if n < 56 else "wrong")
                                                   for n in range(100)]
    assert choose_drops(rows, Balance()) == set()
