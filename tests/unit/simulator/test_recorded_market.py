"""A recording is played as it is, and what it lacks is derived without a look ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradingbot.simulator.recorded_market import RecordedColumns, RecordedMarket, expand

MINUTE_MS = 60_000
T0 = 1_767_600_000_000


def columns(closes: list[float], step: int = 1, skip: tuple[int, ...] = ()) -> RecordedColumns:
    close = np.array(closes, dtype=float)
    open_ = np.concatenate([close[:1], close[:-1]])
    keep = [row for row in range(len(close)) if row not in skip]
    times = T0 + np.arange(len(close), dtype=np.int64) * step * MINUTE_MS
    high, low = np.maximum(open_, close) * 1.001, np.minimum(open_, close) * 0.999
    volume = np.full(len(close), 10.0)
    parts = (part[keep] for part in (times, open_, high, low, close, volume))
    return RecordedColumns(*parts, step_ms=step * MINUTE_MS)


def test_one_minute_bars_are_played_as_they_are() -> None:
    market = RecordedMarket({"BTC": columns([100, 101, 102, 101])}, warmup_minutes=1)
    bar = market.minute(T0 + 2 * MINUTE_MS)["BTC"]
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume_base) == (101, 102 * 1.001, 101 * 0.999, 102, 10)
    assert bar.regime == "recorded"


def test_after_the_last_bar_the_market_has_ended() -> None:
    market = RecordedMarket({"BTC": columns([100, 101]), "ETH": columns([10, 11, 12])})
    assert set(market.minute(T0 + 2 * MINUTE_MS)) == {"ETH"}
    assert market.minute(T0 + 3 * MINUTE_MS) is None
    assert market.end_ms == T0 + 3 * MINUTE_MS


def test_a_gap_is_an_absent_asset() -> None:
    market = RecordedMarket({"BTC": columns([100, 101, 102, 103], skip=(2,)), "ETH": columns([10, 11, 12, 13])})
    seen = [set(market.minute(T0 + minute * MINUTE_MS)) for minute in range(4)]
    assert seen == [{"BTC", "ETH"}, {"BTC", "ETH"}, {"ETH"}, {"BTC", "ETH"}]
    assert [bar.close for bar in market.history("BTC", T0 + 4 * MINUTE_MS, 3)] == [100, 101, 103]


def test_minutes_may_be_asked_for_in_any_order() -> None:
    market = RecordedMarket({"BTC": columns(list(range(100, 200)), skip=(5, 6, 50))})
    ordered = {minute: market.minute(T0 + minute * MINUTE_MS) for minute in range(100)}
    for minute in np.random.default_rng(1).permutation(100).tolist():
        assert market.minute(T0 + minute * MINUTE_MS) == ordered[minute]


def test_playing_starts_after_the_warm_up_or_in_the_middle_of_a_short_recording() -> None:
    long, short = columns(list(range(100, 4000))), columns(list(range(100, 200)))
    assert RecordedMarket({"BTC": long}).start_ms == T0 + 1500 * MINUTE_MS
    assert RecordedMarket({"BTC": short}).start_ms == T0 + 50 * MINUTE_MS
    assert RecordedMarket({"BTC": long}, warmup_minutes=60).start_ms == T0 + 60 * MINUTE_MS


bars = st.tuples(*[st.floats(1, 1e5) for _ in range(4)], st.floats(0, 1e6)).map(
    lambda five: (five[0], max(five[:4]), min(five[:4]), five[1], five[4])
)


@settings(deadline=None)
@given(rows=st.lists(bars, min_size=1, max_size=5), step=st.sampled_from([5, 15, 60, 240]), seed=st.integers(0, 99))
def test_longer_bars_become_minutes_that_add_up_to_them(rows: list[tuple[float, ...]], step: int, seed: int) -> None:
    times = T0 + np.arange(len(rows), dtype=np.int64) * step * MINUTE_MS
    coarse = RecordedColumns(times, *np.array(rows).T, step_ms=step * MINUTE_MS)
    fine = expand(coarse, np.random.default_rng(seed))
    by_bar = {name: getattr(fine, name).reshape(len(rows), step) for name in ("open", "high", "low", "close", "volume")}
    assert (by_bar["open"][:, 0] == coarse.open).all()
    assert (by_bar["close"][:, -1] == coarse.close).all()
    assert (by_bar["high"].max(axis=1) == coarse.high).all()
    assert (by_bar["low"].min(axis=1) == coarse.low).all()
    assert np.allclose(by_bar["volume"].sum(axis=1), coarse.volume)
    assert (fine.high >= np.maximum(fine.open, fine.close)).all()
    assert (fine.low <= np.minimum(fine.open, fine.close)).all()
    assert (np.diff(fine.open_ms) == MINUTE_MS).all()


def test_the_path_through_longer_bars_is_always_the_same() -> None:
    first, second = (RecordedMarket({"BTC": columns([100, 110, 105], step=60)}) for _ in range(2))
    assert first.history("BTC", T0 + 10**9, 500) == second.history("BTC", T0 + 10**9, 500)
    assert len(first.history("BTC", T0 + 10**9, 500)) == 180


def test_what_is_derived_has_the_right_sign() -> None:
    rising = RecordedMarket({"BTC": columns([100 * 1.003**step for step in range(200)])})
    falling = RecordedMarket({"BTC": columns([100 * 0.997**step for step in range(200)])})
    at_ms = T0 + 150 * MINUTE_MS
    up, down = rising.minute(at_ms)["BTC"], falling.minute(at_ms)["BTC"]
    assert up.buy_fraction > 0.5 > down.buy_fraction
    assert up.premium > 0 > down.premium
    assert up.short_liquidations_usd > 0 == up.long_liquidations_usd
    assert down.long_liquidations_usd > 0 == down.short_liquidations_usd
    assert up.open_interest_base > 0
    assert up.spread_bps >= 1
    assert up.depth_usd > 0


def test_nothing_that_is_derived_knows_the_future() -> None:
    """Premium, spread, flow, open interest, depth, liquidations: the rest of the recording changes none of them."""
    closes = [100 + step % 7 for step in range(100)]
    whole = RecordedMarket({"BTC": columns([*closes, *(1000 + 90 * (step % 5) for step in range(200))])})
    part = RecordedMarket({"BTC": columns(closes)})
    at_ms = T0 + 100 * MINUTE_MS
    assert whole.history("BTC", at_ms, 100) == part.history("BTC", at_ms, 100)


def test_an_empty_recording_and_an_unknown_asset_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one bar"):
        RecordedMarket({})
    with pytest.raises(ValueError, match="ETH is not in this recording: BTC"):
        RecordedMarket({"BTC": columns([1, 2])}).history("ETH", T0, 1)
