"""Balance: the fewest rows, always the same ones, and never one without a verdict."""

from hypothesis import given
from hypothesis import strategies as st

from cftdata.balance import Balance, Luck, choose_drops, draw, find_near
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


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["right", "wrong", None])), max_size=80),
       st.sampled_from([0.0, 0.2, 0.56, 1.0]), st.integers(1, 30))
def test_parts_choose_what_is_chosen_of_the_whole(
        drawn: list[tuple[int, Verdict | None]], target: float, n_rows: int) -> None:
    """Also where rows are there twice, so that their luck is the same."""
    rows = [(place, f"id{number}", verdict) for place, (number, verdict) in enumerate(drawn)]
    settings = Balance(right_rate=target, tolerance=0.05)
    parts = [rows[start:start + n_rows] for start in range(0, len(rows), n_rows)]
    whole = Luck()
    for part in parts:
        luck = Luck()
        for _, sample_id, verdict in part:
            if verdict:
                luck.add(draw(settings.seed, sample_id), verdict)
        whole.merge(luck)
    near = find_near(whole, settings)
    dropped = set()
    if near:
        cut = near.choose(one for part in parts for one in near.find(part))
        dropped = {place for part in parts for place, sample_id, verdict in part
                   if cut.takes(place, sample_id, verdict)}
    assert dropped == choose_drops(rows, settings)
