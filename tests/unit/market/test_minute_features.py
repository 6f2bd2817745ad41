"""Incremental features are the batch formula, bit by bit, and the batch formula is what independent libraries say."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import BTC, ETH
from tradingbot.core.types import Symbol, Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.minute_features import SPANS, FeatureWindows, MinuteFeatures, minute_features
from tradingbot.market.minute_tracker import MinuteTracker

MINUTE_MS = 60_000
SMALL = FeatureWindows(40, 5, 8, 36, 3, 24, "BTCUSDT")


def series(symbol: Symbol, seed: int, count: int, gap: float = 0.0, flat: float = 0.0) -> Candles:
    """A seeded walk; some minutes are missing, in some the price stands still."""
    rng = np.random.default_rng(seed)
    steps = rng.standard_t(4, count) * 0.001 * (rng.random(count) >= flat)
    close = 2000 * np.exp(np.cumsum(steps))
    times = np.arange(count, dtype=np.int64) * MINUTE_MS
    keep = rng.random(count) >= gap
    close, times = close[keep], times[keep]
    return Candles(symbol, Timeframe.M1, times, close, close, close, close, np.arange(len(close), dtype=float))


def same(one: MinuteFeatures | None, other: MinuteFeatures | None) -> bool:
    """Equal in every bit; NaN equals NaN."""
    return repr(one) == repr(other)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    gap=st.sampled_from([0.0, 0.05, 0.4]),
    flat=st.sampled_from([0.0, 0.5, 1.0]),
    window=st.sampled_from([60, 200]),
)
def test_carried_features_equal_those_made_anew(seed: int, gap: float, flat: float, window: int) -> None:
    """At every minute, over gaps, standing prices and windows that slide, with the leader sometimes a minute late."""
    btc, eth = series(BTC, seed, 260, gap, flat), series(ETH, seed + 1, 260, gap, flat)
    tracker = MinuteTracker(SMALL)
    late = np.random.default_rng(seed).random(300) < 0.1
    for minute in range(2, 260):
        eth_now = eth.until(minute * MINUTE_MS).tail(window)
        btc_now = btc.until((minute - int(late[minute])) * MINUTE_MS).tail(window)
        assert same(tracker.update(eth_now, btc_now), minute_features(eth_now, btc_now, SMALL)), minute


def test_a_corrected_candle_starts_the_features_anew() -> None:
    """A tracker never keeps what its candles no longer say."""
    eth = series(ETH, 3, 100)
    tracker = MinuteTracker(SMALL)
    tracker.update(eth.until(90 * MINUTE_MS), None)
    close = eth.close.copy()
    close[89] *= 1.01
    corrected = replace(eth, close=close)
    assert same(tracker.update(corrected, None), minute_features(corrected, None, SMALL))
    assert tracker.rebuilt == 2


def test_one_new_minute_is_not_a_new_beginning() -> None:
    """The point of carrying sums: a thousand minutes, one rebuild."""
    btc, eth = series(BTC, 1, 1200), series(ETH, 2, 1200)
    tracker = MinuteTracker(SMALL)
    for minute in range(100, 1100):
        tracker.update(eth.until(minute * MINUTE_MS).tail(300), btc.until(minute * MINUTE_MS).tail(300))
    assert tracker.rebuilt == 1


def test_batch_features_agree_with_pandas() -> None:
    """Standard deviation, correlations, semivariances and returns, by an independent library."""
    btc, eth = series(BTC, 5, 300), series(ETH, 6, 300)
    found = minute_features(eth, btc, SMALL)
    assert found is not None
    assert found.lead_lag is not None
    logs = pd.Series(np.log(eth.close))
    steps = logs.diff()
    assert found.sigma == pytest.approx(steps.tail(39).std(ddof=0), rel=1e-5)
    assert found.momentum == pytest.approx(logs.iloc[-1] - logs.iloc[-9], abs=2e-8)
    window = steps.tail(24)
    assert found.down_semivariance == pytest.approx((window[window < 0] ** 2).sum(), rel=1e-4)
    assert found.up_semivariance == pytest.approx((window[window > 0] ** 2).sum(), rel=1e-4)
    lead, follow = pd.Series(np.diff(np.log(btc.close[-36:]))), pd.Series(np.diff(np.log(eth.close[-36:])))
    expected = [lead.shift(lag).corr(follow) for lag in (1, 2, 3)]
    assert found.lead_lag.correlations == pytest.approx(expected, abs=1e-5)
    for span, value in zip(SPANS, found.returns, strict=True):
        assert value == pytest.approx(logs.iloc[-1] - logs.iloc[-1 - span] if len(logs) > span else None, abs=2e-8)


def test_hurst_agrees_with_a_regression_by_another_library() -> None:
    """Slope of log mean square against log lag by numpy's least squares, halved."""
    eth = series(ETH, 8, 400)
    found = minute_features(eth, None, replace(SMALL, hurst_bars=360, hurst_max_lag=20))
    logs = pd.Series(np.log(eth.close[-360:]))
    moments = [float((logs.diff(lag).dropna() ** 2).mean()) for lag in range(1, 21)]
    slope = np.polyfit(np.log(np.arange(1, 21)), np.log(moments), 1)[0]
    assert found is not None
    assert found.hurst == pytest.approx(slope / 2, abs=1e-5)


def test_a_market_that_stands_still_has_no_features_to_offer() -> None:
    """No exponent, no spread, NaN correlations; never a division by zero."""
    btc, eth = series(BTC, 1, 100, flat=1.0), series(ETH, 2, 100, flat=1.0)
    found = minute_features(eth, btc, SMALL)
    assert found is not None
    assert (found.sigma, found.hurst) == (None, None)
    assert found.lead_lag is not None
    assert all(math.isnan(r) for r in found.lead_lag.correlations)
