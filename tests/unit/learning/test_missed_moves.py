"""Large moves that no trade took, and what stopped us."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradingbot.learning.missed_moves import (
    HeldSpan,
    Move,
    SeenSignal,
    Sizes,
    by_stage,
    missed_moves,
    moves_of,
)

UP = [(60.0 * minute, price) for minute, price in enumerate((100, 100.2, 100.9, 101.5, 102.0, 101.0, 100.0, 100.4))]
SIZES = Sizes(usual_usd=1000, round_trip_bps=14)


def test_moves_run_from_turning_point_to_turning_point() -> None:
    """2 % up, then back; 0.4 % up again is no move, and no turning point."""
    up, down = moves_of("BTCUSDT", UP, least_bps=100, reversal_bps=50)
    assert (up.direction, up.start_s, up.end_s) == ("long", 0, 240)
    assert up.move_bps == pytest.approx(200)
    assert (down.direction, down.start_s, down.end_s) == ("short", 240, 360)
    assert moves_of("BTCUSDT", UP, least_bps=201, reversal_bps=50) == []


@pytest.mark.parametrize("closes", [[], [(0.0, 1.0)], [(0.0, 1.0), (60.0, 1.0)]])
def test_without_any_move_there_is_none(closes: list[tuple[float, float]]) -> None:
    assert moves_of("BTCUSDT", closes, 10, 5) == []


@given(st.lists(st.floats(min_value=-0.03, max_value=0.03), min_size=2, max_size=60))
def test_moves_alternate_and_follow_one_another(returns: list[float]) -> None:
    """Each begins where the one before ended, in the other direction, and is at least a reversal long."""
    price, closes = 100.0, [(0.0, 100.0)]
    for minute, change in enumerate(returns, 1):
        price *= 1 + change
        closes.append((60.0 * minute, price))
    moves = moves_of("BTCUSDT", closes, least_bps=0, reversal_bps=100)
    for one, two in itertools.pairwise(moves):
        assert one.end_s == two.start_s
        assert one.direction != two.direction
    assert all(one.move_bps >= 98 for one in moves[:-1])  # measured from either end
    known = dict(closes)
    for one in moves:
        inside = [price for at, price in closes if one.start_s <= at <= one.end_s]
        extreme = max(inside) if one.direction == "long" else min(inside)
        assert extreme == one.end_price == known[one.end_s]


def signal(minute: float, direction: str, stage: str, price: float, reason: str = "") -> SeenSignal:
    return SeenSignal(minute * 60, direction, stage, price, reason)


def test_the_first_signal_our_way_says_what_stopped_us_and_what_was_left() -> None:
    """Of 200 bps 110 were left when the fee gate first said no; at 1,000 USD that is 9.49 after costs."""
    (move,) = moves_of("BTCUSDT", UP[:5], 100, 50)
    signals = {
        "BTCUSDT": [
            signal(-1, "long", "policy", 99.0),
            signal(1, "short", "signal", 100.2),
            signal(2, "long", "fee", 100.9, "edge_too_small"),
            signal(3, "long", "correlation", 101.5),
            signal(9, "long", "entered", 100.0),
        ]
    }
    (row,) = missed_moves([move], signals, [], SIZES)
    assert (row["stopped_by"], row["stopped_because"], row["stopped_at_s"]) == ("fee", "edge_too_small", 120)
    assert (row["signals"], row["our_way"], row["against"]) == (3, 2, 1)
    assert row["stages"] == {"fee": 1, "correlation": 1}
    assert row["left_bps"] == pytest.approx((102.0 / 100.9 - 1) * 10_000, abs=0.01)
    assert row["left_usd"] == pytest.approx(1000 * (row["left_bps"] - 14) / 10_000, abs=1e-3)
    assert row["worth_usd"] == pytest.approx(1000 * (200 - 14) / 10_000)


def test_a_signal_at_a_better_price_than_the_end_leaves_nothing() -> None:
    (move,) = moves_of("BTCUSDT", UP[:5], 100, 50)
    (row,) = missed_moves([move], {"BTCUSDT": [signal(3, "long", "fee", 103.0)]}, [], SIZES)
    assert row["left_bps"] == 0
    assert row["left_usd"] < 0


def test_without_a_signal_our_way_nothing_was_left_to_win() -> None:
    (move,) = moves_of("BTCUSDT", UP[:5], 100, 50)
    (row,) = missed_moves([move], {"BTCUSDT": [signal(1, "neutral", "signal", 100.0)]}, [], SIZES)
    assert (row["stopped_by"], row["left_bps"], row["against"]) == ("no_signal", 0, 0)


@pytest.mark.parametrize(
    ("span", "missed"),
    [
        (HeldSpan("BTCUSDT", "long", 100, 200), False),
        (HeldSpan("BTCUSDT", "long", -50, 10), False),
        (HeldSpan("BTCUSDT", "short", 100, 200), True),
        (HeldSpan("ETHUSDT", "long", 100, 200), True),
        (HeldSpan("BTCUSDT", "long", 240, 300), True),
    ],
)
def test_a_position_of_its_direction_at_any_time_took_it(span: HeldSpan, missed: bool) -> None:
    (move,) = moves_of("BTCUSDT", UP[:5], 100, 50)
    assert bool(missed_moves([move], {}, [span], SIZES)) is missed


def test_the_most_expensive_comes_first_and_stages_are_summed() -> None:
    moves = [Move("A", "long", 0, 60, 100, 101), Move("B", "short", 0, 60, 100, 97)]
    rows = missed_moves(moves, {"A": [signal(0, "long", "fee", 100.0, "edge_too_small")]}, [], SIZES)
    assert [row["symbol"] for row in rows] == ["B", "A"]
    assert (by_stage(rows)["fee"]["moves"], by_stage(rows)["fee"]["because"]) == (1, {"edge_too_small": 1})
    assert list(by_stage(rows)) == ["fee", "no_signal"]
