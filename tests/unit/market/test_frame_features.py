"""Indicators of one timeframe against their textbook recursions, and what must hold for any prices."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_thinking import NOW, bars, path
from tradingbot.core.types import Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.frame_features import FrameFeatures, FrameParams, frame_features

PARAMS = FrameParams()


def features_of(candles: Candles, params: FrameParams = PARAMS) -> FrameFeatures:
    found = frame_features(candles, params)
    assert found is not None
    return found


def textbook(candles: Candles) -> dict[str, float]:
    """The same indicators by pandas over the newest 150 bars."""
    table = pd.DataFrame({name: getattr(candles, name)[-150:] for name in ("high", "low", "close")})
    close, before = table.close, table.close.shift()
    slow = close.ewm(span=50, adjust=False).mean()
    ranges = (np.maximum(table.high, before) - np.minimum(table.low, before)).iloc[1:]
    atr = ranges.ewm(alpha=1 / 14, adjust=False).mean()
    moves = close.diff().iloc[1:]
    gain = moves.clip(lower=0).ewm(alpha=1 / 14, adjust=False).mean().iloc[-1]
    loss = (-moves.clip(upper=0)).ewm(alpha=1 / 14, adjust=False).mean().iloc[-1]
    mean, sigma = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    width = (4 * sigma / mean).dropna()
    return {
        "ema_fast": close.ewm(span=20, adjust=False).mean().iloc[-1],
        "ema_slow": slow.iloc[-1],
        "ema_slow_slope_pct": (slow.iloc[-1] / slow.iloc[-6] - 1) / 5 * 100,
        "atr": atr.iloc[-1],
        "atr_pct": atr.iloc[-1] / close.iloc[-1] * 100,
        "rsi": 100 - 100 / (1 + gain / loss),
        "zscore": (close.iloc[-1] - mean.iloc[-1]) / sigma.iloc[-1],
        "band_width_pct": width.iloc[-1] * 100,
        "donchian_high": table.high.iloc[-21:-1].max(),
        "donchian_low": table.low.iloc[-21:-1].min(),
        "return_pct": (close.iloc[-1] / close.iloc[-21] - 1) * 100,
        "efficiency": abs(close.iloc[-1] - close.iloc[-21]) / close.diff().iloc[-20:].abs().sum(),
        "squeeze": width.iloc[-2] / width.mean(),
        "range_atr": ranges.iloc[-1] / atr.iloc[-2],
    }


@pytest.mark.parametrize(("seed", "start"), [(1, 100.0), (2, 60_000.0), (3, 0.00002)])
def test_every_indicator_equals_its_textbook_recursion(seed: int, start: float) -> None:
    """Weighted sums give what pandas gives by recursion over the same window."""
    candles = bars(path(seed, 400, start=start), wick=0.002)
    found = features_of(candles)
    for name, value in textbook(candles).items():
        assert getattr(found, name) == pytest.approx(value, rel=1e-9, abs=1e-12), name


def test_bars_before_the_window_change_nothing() -> None:
    """A daemon that started a year ago and one that started yesterday see the same."""
    closes = path(4, 1000)
    assert features_of(bars(closes)) == features_of(bars(closes[-150:]))


def test_too_few_bars_give_nothing() -> None:
    assert frame_features(bars(path(5, PARAMS.min_bars - 1)), PARAMS) is None
    assert features_of(bars(path(5, PARAMS.min_bars))).bars == PARAMS.min_bars


@pytest.mark.parametrize(("at", "price"), [(-1, 0.0), (-1, float("nan")), (-70, float("nan"))])
def test_a_price_that_is_none_gives_nothing(at: int, price: float) -> None:
    closes = path(5, 150)
    closes[at] = price
    assert frame_features(bars(closes), PARAMS) is None


def test_as_of_is_the_close_of_the_newest_bar() -> None:
    found = features_of(bars(path(6, 100), Timeframe.H4))
    assert (found.as_of, found.timeframe) == (NOW, Timeframe.H4)


def test_a_flat_market_has_no_range_no_trend_and_no_division_by_zero() -> None:
    """Constant prices: RSI 50, z-score 0, efficiency 0, squeeze 1."""
    found = features_of(bars(np.full(150, 100.0), wick=0.0))
    assert (found.atr, found.rsi, found.zscore, found.efficiency) == (0.0, 50.0, 0.0, 0.0)
    assert (found.band_width_pct, found.squeeze, found.range_atr) == (0.0, 1.0, 1.0)


def test_the_newest_bar_is_not_part_of_its_own_channel() -> None:
    """A break can be seen because the channel is of the bars before."""
    closes = np.concatenate((np.full(149, 100.0), [110.0]))
    found = features_of(bars(closes))
    assert found.close > found.donchian_high


def test_a_wide_bar_after_a_quiet_time_shows_squeeze_and_range() -> None:
    rng = np.random.default_rng(7)
    steps = np.concatenate((rng.normal(0, 0.004, 120), rng.normal(0, 0.0005, 29), [0.01]))
    found = features_of(bars(100 * np.exp(np.cumsum(steps)), wick=0.0))
    assert found.squeeze < 0.5
    assert found.range_atr > 3


prices = st.lists(st.floats(-0.05, 0.05), min_size=PARAMS.min_bars, max_size=200).map(
    lambda steps: 100 * np.exp(np.cumsum(np.array(steps)))
)


@settings(max_examples=60, deadline=None)
@given(closes=prices)
def test_any_prices_keep_indicators_in_their_ranges(closes: np.ndarray) -> None:
    """Averages lie within the window's prices, ratios within their bounds."""
    candles = bars(closes)
    found, seen = features_of(candles), closes[-PARAMS.window_bars :]
    slack = 1e-9 * seen.max()
    assert seen.min() - slack <= found.ema_fast <= seen.max() + slack
    assert seen.min() - slack <= found.ema_slow <= seen.max() + slack
    assert 0 <= found.rsi <= 100 + 1e-9
    assert 0 <= found.efficiency <= 1
    assert found.donchian_low <= found.donchian_high
    assert found.atr >= 0
    assert abs(found.zscore) <= np.sqrt(19) + 1e-6


@settings(max_examples=30, deadline=None)
@given(closes=prices, factor=st.floats(0.001, 1000))
def test_the_unit_of_the_price_does_not_matter(closes: np.ndarray, factor: float) -> None:
    """Ratios are the same in any currency."""
    one, other = features_of(bars(closes)), features_of(bars(closes * factor))
    for name in ("atr_pct", "rsi", "return_pct", "efficiency", "ema_slow_slope_pct"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize(
    "wrong",
    [
        {"ema_fast_bars": 50},
        {"min_bars": 151},
        {"channel_bars": 60},
        {"slope_bars": 20, "min_bars": 25, "window_bars": 30, "channel_bars": 24},
    ],
)
def test_windows_that_cannot_hold_together_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"bars|EMA|channel"):
        FrameParams(**wrong)
