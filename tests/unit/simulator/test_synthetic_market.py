"""The synthetic market: any minute is a function of seed and minute, and it behaves like a market."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradingbot.simulator.scan import decay, recursion
from tradingbot.simulator.synthetic_block import FIELDS
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.simulator.synthetic_profiles import PROFILES, REGIMES

MINUTE_MS = 60_000
DAY_MS = 86_400_000
SMALL = ("BTC", "ETH", "DOGE")


def market(seed: int = 3, **changes: object) -> SyntheticMarket:
    return SyntheticMarket(seed, SMALL, history_minutes=1440, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def month() -> np.ndarray:
    """Thirty days of BTC, ETH and DOGE."""
    one = market(11, cached_days=3)
    return np.concatenate([one.day(DEFAULT_START_MS + day * DAY_MS) for day in range(30)])


def column(month: np.ndarray, asset: str, field: str) -> np.ndarray:
    return month[:, SMALL.index(asset), FIELDS.index(field)]


def returns(month: np.ndarray, asset: str) -> np.ndarray:
    return np.diff(np.log(column(month, asset, "close")))


def test_the_default_market_starts_on_a_monday_morning_with_twelve_assets() -> None:
    one = SyntheticMarket()
    assert datetime.fromtimestamp(one.start_ms / 1000, UTC) == datetime(2026, 1, 5, 8, tzinfo=UTC)
    assert len(one.assets) == 12
    assert set(one.minute(one.start_ms) or {}) == set(one.assets)


@settings(max_examples=15, deadline=None)
@given(minutes=st.lists(st.integers(-1000, 12_000), min_size=2, max_size=5), seed=st.integers(0, 2**40))
def test_a_minute_does_not_depend_on_what_was_asked_before(minutes: list[int], seed: int) -> None:
    wandering = SyntheticMarket(seed, SMALL, history_minutes=1440, cached_days=2)
    for minute in minutes:
        at_ms = DEFAULT_START_MS + minute * MINUTE_MS
        fresh = SyntheticMarket(seed, SMALL, history_minutes=1440)
        assert wandering.minute(at_ms) == fresh.minute(at_ms)


def test_other_seeds_are_other_markets() -> None:
    assert market(1).minute(DEFAULT_START_MS) != market(2).minute(DEFAULT_START_MS)


def test_an_asset_alone_is_not_required_to_have_btc_beside_it() -> None:
    alone = SyntheticMarket(1, ("DOGE",))
    assert set(alone.minute(alone.start_ms) or {}) == {"DOGE"}


def test_history_is_the_minutes_before_across_midnight() -> None:
    one = market()
    until_ms = DEFAULT_START_MS + 20 * 60 * MINUTE_MS
    past = one.history("ETH", until_ms, 1500)
    assert [bar.open_ms for bar in past] == list(range(until_ms - 1500 * MINUTE_MS, until_ms, MINUTE_MS))
    assert past[-1] == one.minute(until_ms - MINUTE_MS)["ETH"]
    assert past[0] == one.minute(until_ms - 1500 * MINUTE_MS)["ETH"]


def test_history_ends_where_the_market_began() -> None:
    one = market()
    first_ms = one.history("BTC", DEFAULT_START_MS, 10**6)[0].open_ms
    assert DEFAULT_START_MS - first_ms >= 1440 * MINUTE_MS
    assert one.minute(first_ms - MINUTE_MS) == {}
    assert one.history("BTC", first_ms, 5) == []


def test_history_until_the_middle_of_a_minute_includes_the_bar_that_opened_before_it() -> None:
    one = market()
    assert one.history("BTC", DEFAULT_START_MS + 1, 1)[0].open_ms == DEFAULT_START_MS


def test_every_bar_is_possible(month: np.ndarray) -> None:
    for asset in SMALL:
        open_, high, low, close = (column(month, asset, name) for name in ("open", "high", "low", "close"))
        assert (high >= np.maximum(open_, close)).all()
        assert (low <= np.minimum(open_, close)).all()
        assert (low > 0).all()
        assert (open_[1:] == close[:-1]).all()
        assert (np.abs(column(month, asset, "buy_fraction") - 0.5) < 0.5).all()
        for name in ("volume_base", "open_interest_base", "spread_bps", "depth_usd"):
            assert (column(month, asset, name) > 0).all()
        for name in ("long_liquidations_usd", "short_liquidations_usd"):
            assert (column(month, asset, name) >= 0).all()
    assert np.isfinite(month).all()


def test_volatility_is_of_the_size_it_was_asked_for() -> None:
    bars = [market(5, volatility=size).history("BTC", DEFAULT_START_MS, 1900) for size in (1.0, 3.0)]
    calm, wild = (np.std([math.log(bar.close / bar.open) for bar in some]) for some in bars)
    assert 2.5 < wild / calm < 3.5


def test_tails_are_fat_and_volatility_clusters_for_hours(month: np.ndarray) -> None:
    for asset in SMALL:
        moves = returns(month, asset)
        assert ((moves - moves.mean()) ** 4).mean() / moves.var() ** 2 > 10
        size = np.abs(moves)
        assert np.corrcoef(size[1:], size[:-1])[0, 1] > 0.2
        assert np.corrcoef(size[60:], size[:-60])[0, 1] > 0.05
        assert abs(np.corrcoef(moves[1:], moves[:-1])[0, 1]) < 0.15


def test_coins_move_together(month: np.ndarray) -> None:
    assert np.corrcoef(returns(month, "BTC"), returns(month, "ETH"))[0, 1] > 0.6
    assert np.corrcoef(returns(month, "BTC"), returns(month, "DOGE"))[0, 1] > 0.35


def test_volume_and_spread_rise_with_volatility_and_depth_falls(month: np.ndarray) -> None:
    size = np.abs(returns(month, "BTC"))
    assert np.corrcoef(column(month, "BTC", "volume_base")[1:], size)[0, 1] > 0.5
    assert np.corrcoef(column(month, "BTC", "spread_bps")[1:], size)[0, 1] > 0.3
    assert np.corrcoef(column(month, "BTC", "depth_usd")[1:], size)[0, 1] < -0.1


def test_falls_liquidate_longs_and_rises_shorts(month: np.ndarray) -> None:
    moves = returns(month, "BTC")
    hard = 5 * moves.std()
    longs, shorts = (column(month, "BTC", f"{side}_liquidations_usd")[1:] for side in ("long", "short"))
    assert longs[moves < -hard].sum() > 20 * longs[moves > 0].sum()
    assert shorts[moves > hard].sum() > 20 * shorts[moves < 0].sum()
    assert 0 < (longs + shorts).sum() < 30 * PROFILES["BTC"].open_interest_usd


def test_order_flow_is_a_little_ahead_of_the_price(month: np.ndarray) -> None:
    ahead = [
        np.corrcoef(column(month, asset, "buy_fraction")[:-1], np.sign(returns(month, asset)))[0, 1] for asset in SMALL
    ]
    later = [
        np.corrcoef(column(month, asset, "buy_fraction")[:-2], np.sign(returns(month, asset))[1:])[0, 1]
        for asset in SMALL
    ]
    assert 0.0 < np.mean(ahead) < 0.2
    assert np.mean(later) > -0.03


def test_the_premium_follows_the_trend(month: np.ndarray) -> None:
    log_price = np.log(column(month, "BTC", "close"))
    half_day = log_price[720:] - log_price[:-720]
    assert np.corrcoef(column(month, "BTC", "premium")[720:], half_day)[0, 1] > 0.3


def test_all_regimes_come_up_and_last(month: np.ndarray) -> None:
    one = market(11)
    names = [bar.regime for bar in one.history("BTC", DEFAULT_START_MS + 30 * DAY_MS, 30 * 1440)]
    changes = sum(first != second for first, second in pairwise(names))
    assert set(names) == set(REGIMES)
    assert 30 * 1440 / 1000 < changes < 30 * 1440 / 60


def test_regime_chances_add_up() -> None:
    for regime in REGIMES.values():
        assert math.isclose(sum(chance for _, chance in regime.next), 1.0)


def test_memory_is_bounded_by_the_number_of_cached_days() -> None:
    one = market(1, cached_days=3)
    for day in range(12):
        one.minute(DEFAULT_START_MS + day * DAY_MS)
    assert len(one._blocks) == 3


@pytest.mark.parametrize(
    "wrong", [{"assets": ("BTC", "NOPE")}, {"assets": ()}, {"start_ms": 5}, {"seed": -1}, {"history_minutes": 0}]
)
def test_impossible_arguments_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"profile|whole minute"):
        SyntheticMarket(**wrong)  # type: ignore[arg-type]


def test_history_of_an_unknown_asset_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match="BTC, ETH, DOGE"):
        market().history("XRP", DEFAULT_START_MS, 1)


@given(keep=st.floats(0.0, 0.9999), before=st.floats(-5, 5))
def test_the_chunked_recursion_is_the_plain_loop(keep: float, before: float) -> None:
    inputs = np.random.default_rng(1).standard_normal((120, 2))
    expected, last = np.empty_like(inputs), np.full(2, before)
    for row, values in enumerate(inputs):
        last = keep * last + values
        expected[row] = last
    assert np.allclose(recursion(inputs, keep, np.full(2, before)), expected)
    assert 0.0 < decay(5.0) < 1.0


def test_a_table_to_any_moment_ends() -> None:
    """Bars, rows and table tell the same minutes, also when the end lies within a minute and beyond midnight."""
    one = market(3)
    until_ms = one.start_ms + 1_000 * 60_000 + 31_000
    bars = one.history(one.assets[0], until_ms, 2_000)
    times, fields, regimes = one.table(one.assets[0], until_ms - 2_000 * 60_000, until_ms)
    rows = one.rows(one.assets[0], until_ms, 2_000)
    assert [bar.open_ms for bar in bars] == times[-len(bars) :].tolist() == rows[:, 0].astype(int).tolist()
    assert [bar.close for bar in bars] == fields[-len(bars) :, 3].tolist() == rows[:, 4].tolist()
    assert [bar.regime for bar in bars] == regimes[-len(bars) :]


def test_what_goes_over_midnight_keeps_nothing_else_of_the_day_in_memory() -> None:
    """A market that runs for a year has a state for each day."""
    market = SyntheticMarket(seed=3, cached_days=2)
    market.minute(market.start_ms + 3 * 1_440 * 60_000)
    states = market._states
    assert len(states) > 5
    for state in states:
        for one in (state, state.moods):
            for name in one.__dataclass_fields__:
                value = getattr(one, name)
                if isinstance(value, np.ndarray):
                    assert value.base is None or value.base.nbytes <= 1_000, name
