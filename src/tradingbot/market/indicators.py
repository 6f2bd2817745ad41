"""Indicators over numpy columns, oldest first. Sources stand with each formula."""

from __future__ import annotations

import numpy as np

from tradingbot.market.candles import FloatArray


def log_returns(prices: FloatArray) -> FloatArray:
    """Logarithmic returns; one fewer than prices."""
    return np.asarray(np.diff(np.log(prices)), dtype=np.float64)


def hurst_exponent(prices: FloatArray, max_lag: int = 20) -> float | None:
    """Hurst exponent by the scaling of the spread of lagged differences of log price: std(lag) ~ lag^H.

    Generalised Hurst exponent of order 2 (Di Matteo, Aste, Dacorogna, "Scaling behaviors in differently developed
    markets", Physica A 324, 2003). 0.5 for a random walk; clipped to [0, 1]. None with fewer than 4 x max_lag prices
    or a constant series.
    """
    if prices.shape[0] < 4 * max_lag:
        return None
    logs = np.log(prices)
    lags = np.arange(1, max_lag + 1)
    moments = np.array([np.mean(np.square(logs[lag:] - logs[:-lag])) for lag in lags])
    if not np.all(moments > 0):
        return None
    x = np.log(lags) - np.mean(np.log(lags))
    slope = float(np.dot(x, np.log(moments)) / np.dot(x, x))
    return float(np.clip(slope / 2, 0.0, 1.0))


def order_flow_imbalance(bid: FloatArray, bid_size: FloatArray, ask: FloatArray, ask_size: FloatArray) -> FloatArray:
    """Order-flow imbalance of each step between consecutive best quotes, in contracts; one fewer than quotes.

    e_n of Cont, Kukanov, Stoikov, "The price impact of order book events", J. Financial Econometrics 12(1), 2014:
    size added at or above the old bid counts as buying, size added at or below the old ask as selling.
    """
    gained_bid = np.where(bid[1:] >= bid[:-1], bid_size[1:], 0.0) - np.where(bid[1:] <= bid[:-1], bid_size[:-1], 0.0)
    gained_ask = np.where(ask[1:] <= ask[:-1], ask_size[1:], 0.0) - np.where(ask[1:] >= ask[:-1], ask_size[:-1], 0.0)
    return np.asarray(gained_bid - gained_ask, dtype=np.float64)


def lagged_correlations(leader: FloatArray, follower: FloatArray, max_lag: int) -> FloatArray:
    """Pearson correlation of leader[t - lag] with follower[t] for lags 1..max_lag; NaN where a side is constant."""
    values = np.full(max_lag, np.nan)
    for lag in range(1, max_lag + 1):
        past, present = leader[:-lag], follower[lag:]
        past_spread, present_spread = past - past.mean(), present - present.mean()
        scale = float(np.sqrt(np.dot(past_spread, past_spread) * np.dot(present_spread, present_spread)))
        if scale > 0:
            values[lag - 1] = float(np.dot(past_spread, present_spread)) / scale
    return values
