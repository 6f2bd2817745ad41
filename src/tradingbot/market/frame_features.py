"""Indicators of one timeframe: pure function of its newest closed candles.

At most the newest `window_bars` bars are seen, so the numbers do not depend on when the daemon was started. Every
exponential mean is the usual recursion seeded with the window's first value, written out as one weighted sum with
cached weights: x[0] (1-a)^(n-1) + sum over i > 0 of a (1-a)^(n-1-i) x[i].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

import numpy as np
from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Timeframe, utc_from_ms
from tradingbot.market.candles import Candles, FloatArray

BAND_SIGMAS: Final = 2.0
"""Half width of the Bollinger bands, in standard deviations."""


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Indicators at the close of the newest candle. Prices in USD; `as_of` is that candle's close.

    `atr` is Wilder's average true range, `rsi` 0..100, `zscore` the distance of the close from its mean in standard
    deviations, `band_width_pct` the whole width of the Bollinger bands in per cent of their middle. `donchian_high`
    and `donchian_low` are the extremes of the bars before the newest. `return_pct` and `efficiency` (Kaufman, 0..1)
    are over the same number of bars. `ema_slow_slope_pct` is per bar. `squeeze` is the band width of the bars before
    the newest over its mean in the window (below 1: narrower than usual); `range_atr` the newest true range over the
    ATR of the bars before.
    """

    timeframe: Timeframe
    as_of: datetime
    close: float
    ema_fast: float
    ema_slow: float
    ema_slow_slope_pct: float
    atr: float
    atr_pct: float
    rsi: float
    zscore: float
    band_width_pct: float
    donchian_high: float
    donchian_low: float
    return_pct: float
    efficiency: float
    bars: int
    squeeze: float = 1.0
    range_atr: float = 1.0


class FrameParams(Params):
    """Windows of the frame indicators, in bars of the timeframe."""

    window_bars: int = Field(default=150, ge=30, le=2000, description="Newest closed bars that are looked at.")
    min_bars: int = Field(default=60, ge=25, le=2000, description="Fewest bars that give indicators at all.")
    ema_fast_bars: int = Field(default=20, ge=2, le=500, description="Span of the fast EMA, bars.")
    ema_slow_bars: int = Field(default=50, ge=3, le=1000, description="Span of the slow EMA, bars.")
    slope_bars: int = Field(default=5, ge=1, le=20, description="Bars the slope of the slow EMA is taken over.")
    wilder_bars: int = Field(default=14, ge=2, le=200, description="Wilder's smoothing of ATR and RSI, bars.")
    channel_bars: int = Field(
        default=20, ge=5, le=200, description="Bars of z-score, bands, Donchian channel, return and efficiency."
    )

    @model_validator(mode="after")
    def _windows_fit(self) -> FrameParams:
        if self.ema_fast_bars >= self.ema_slow_bars:
            raise contradiction("the fast EMA must be shorter than the slow one", "ema_fast_bars", "ema_slow_bars")
        if self.min_bars > self.window_bars:
            raise contradiction("fewer bars are looked at than are needed", "min_bars", "window_bars")
        if self.min_bars < self.channel_bars + 2 or self.min_bars <= self.slope_bars + 1:
            raise contradiction(
                "the channel and the slope need more bars than min_bars", "min_bars", "channel_bars", "slope_bars"
            )
        return self


def frame_features(candles: Candles, params: FrameParams) -> FrameFeatures | None:
    """Indicators of the newest `window_bars` closed bars; None with fewer than `min_bars` or a price that is none.

    - EMA, alpha = 2 / (span + 1), seeded with the window's first close, USD.
    - ATR and RSI: J. W. Wilder, "New Concepts in Technical Trading Systems", 1978: alpha = 1 / bars; RSI is
      100 x mean gain / (mean gain + mean loss), 50 without any movement.
    - z-score and Bollinger bands (J. Bollinger, 2001): mean and population standard deviation of the closes.
    - Donchian channel: highest high and lowest low of the bars before the newest, USD.
    - Efficiency ratio (P. Kaufman, "Smarter Trading", 1995): |net move| / sum of |moves|, 0 without any movement.
    """
    count = min(len(candles), params.window_bars)
    if count < params.min_bars:
        return None
    high, low, close = candles.high[-count:], candles.low[-count:], candles.close[-count:]
    newest = float(close[-1])
    if not newest > 0:
        return None
    fast, slow, slow_before = ema_weights(count, params.ema_fast_bars, params.ema_slow_bars, params.slope_bars).dot(
        close
    )
    atr, rsi, range_atr = _wilder(high, low, close, params.wilder_bars)
    if not math.isfinite(atr):
        return None
    zscore, width_pct, squeeze = _bands(close, params.channel_bars)
    return_pct, efficiency = _travel(close, params.channel_bars)
    return FrameFeatures(
        timeframe=candles.timeframe,
        as_of=utc_from_ms(candles.last_close_ms or 0),
        close=newest,
        ema_fast=float(fast),
        ema_slow=float(slow),
        ema_slow_slope_pct=float(slow / slow_before - 1) / params.slope_bars * 100,
        atr=atr,
        atr_pct=atr / newest * 100,
        rsi=rsi,
        zscore=zscore,
        band_width_pct=width_pct,
        donchian_high=float(high[-params.channel_bars - 1 : -1].max()),
        donchian_low=float(low[-params.channel_bars - 1 : -1].min()),
        return_pct=return_pct,
        efficiency=efficiency,
        bars=count,
        squeeze=squeeze,
        range_atr=range_atr,
    )


@lru_cache(maxsize=256)
def decay_weights(count: int, alpha: float) -> FloatArray:
    """Weights of the recursion over `count` values, oldest first; they add up to 1."""
    weights = alpha * (1 - alpha) ** np.arange(count - 1, -1, -1, dtype=np.float64)
    weights[0] = (1 - alpha) ** (count - 1)
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=256)
def ema_weights(count: int, fast_bars: int, slow_bars: int, lag: int) -> FloatArray:
    """Rows: fast EMA, slow EMA, slow EMA `lag` bars ago."""
    rows = np.zeros((3, count))
    rows[0] = decay_weights(count, 2 / (fast_bars + 1))
    rows[1] = decay_weights(count, 2 / (slow_bars + 1))
    rows[2, : count - lag] = decay_weights(count - lag, 2 / (slow_bars + 1))
    rows.setflags(write=False)
    return rows


def _wilder(high: FloatArray, low: FloatArray, close: FloatArray, bars: int) -> tuple[float, float, float]:
    """(ATR in USD, RSI, newest true range over the ATR of the bar before); the last is 1 for a flat past."""
    before = close[:-1]
    ranges = np.maximum(high[1:], before)
    ranges -= np.minimum(low[1:], before)
    moves = close[1:] - before
    weights = decay_weights(moves.shape[0], 1 / bars)
    net, path = float(weights.dot(moves)), float(weights.dot(np.abs(moves)))
    return wilder_values(net, path, float(weights.dot(ranges)), float(ranges[-1]), bars, float(close[-1]))


def wilder_values(
    net: float, path: float, atr: float, newest: float, bars: int, close: float
) -> tuple[float, float, float]:
    """(ATR, RSI, newest true range over the ATR of the bar before) of the smoothed moves, their sizes and ranges."""
    atr_before = (atr - newest / bars) / (1 - 1 / bars)
    flat = atr_before <= 1e-12 * close
    return atr, 50 * (1 + net / path) if path > 0 else 50.0, 1.0 if flat else newest / atr_before


def _bands(close: FloatArray, bars: int) -> tuple[float, float, float]:
    """(z-score of the newest close, band width in per cent of the middle, band width before over its mean)."""
    scaled = close / close[-1]
    scaled -= 1.0
    sums = np.add.accumulate(scaled)
    squares = np.add.accumulate(scaled * scaled)
    mean = sums[bars - 1 :].copy()
    mean[1:] -= sums[:-bars]
    mean /= bars
    spread = squares[bars - 1 :].copy()
    spread[1:] -= squares[:-bars]
    spread /= bars
    spread -= mean * mean
    np.maximum(spread, 0.0, out=spread)
    np.sqrt(spread, out=spread)
    widths = spread / (mean + 1.0)
    usual = float(np.add.reduce(widths)) / widths.shape[0]
    sigma, middle = _sigma_and_mean(scaled[-bars:])
    if sigma <= 1e-9:
        return 0.0, 0.0, float(widths[-2]) / usual if usual > 1e-9 else 1.0
    squeeze = float(widths[-2]) / usual if usual > 0 else 1.0
    return -middle / sigma, 2 * BAND_SIGMAS * sigma / (1 + middle) * 100, squeeze


def _sigma_and_mean(values: FloatArray) -> tuple[float, float]:
    """(population standard deviation, mean), in two passes for accuracy."""
    mean = float(np.add.reduce(values)) / values.shape[0]
    apart = values - mean
    return math.sqrt(float(apart.dot(apart)) / values.shape[0]), mean


def _travel(close: FloatArray, bars: int) -> tuple[float, float]:
    """(return over `bars` in per cent, efficiency 0..1)."""
    part = close[-bars - 1 :]
    first, last = float(part[0]), float(part[-1])
    path = float(np.add.reduce(np.abs(part[1:] - part[:-1])))
    return (last / first - 1) * 100, min(1.0, abs(last - first) / path) if path > 0 else 0.0
