"""Builders for the thinking parts: candles of a path, frame indicators, metrics, readings, views."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
from numpy.typing import ArrayLike

from tradingbot.core.types import Direction, Regime, Symbol, Timeframe
from tradingbot.market.candles import Candles
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.regime import RegimeReading
from tradingbot.market.regime_metrics import RegimeMetrics
from tradingbot.strategies.strategy import Held, StrategyView

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
BTC = Symbol("BTCUSDT")
ETH = Symbol("ETHUSDT")


def path(seed: int, count: int, sigma: float = 0.003, drift: float = 0.0, start: float = 100.0) -> np.ndarray:
    """A random walk of prices."""
    return start * np.exp(np.cumsum(np.random.default_rng(seed).normal(drift, sigma, count)))


def bars(
    closes: ArrayLike,
    frame: Timeframe = Timeframe.M15,
    end: datetime = NOW,
    symbol: Symbol = BTC,
    wick: float = 0.001,
) -> Candles:
    """Candles whose newest bar closed at `end`; opens are the closes before, wicks reach `wick` beyond both."""
    close = np.asarray(closes, dtype=np.float64)
    last_open = int(end.timestamp() * 1000) - frame.ms
    times = last_open - frame.ms * np.arange(close.size - 1, -1, -1, dtype=np.int64)
    opens = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opens, close) * (1 + wick), np.minimum(opens, close) * (1 - wick)
    return Candles(symbol, frame, times, opens, high, low, close, np.ones_like(close))


def a_frame(frame: Timeframe = Timeframe.M15, **changes: object) -> FrameFeatures:
    """A quiet frame at 100 USD with an ATR of 1 USD and no trend."""
    quiet = FrameFeatures(
        timeframe=frame,
        as_of=NOW,
        close=100.0,
        ema_fast=100.0,
        ema_slow=100.0,
        ema_slow_slope_pct=0.0,
        atr=1.0,
        atr_pct=1.0,
        rsi=50.0,
        zscore=0.0,
        band_width_pct=4.0,
        donchian_high=102.0,
        donchian_low=98.0,
        return_pct=0.0,
        efficiency=0.2,
        bars=150,
    )
    return replace(quiet, **changes)  # type: ignore[arg-type]


def trending(frame: Timeframe, sign: int, **changes: object) -> FrameFeatures:
    """A frame that clearly trends up (+1) or down (-1) and ends near its fast EMA."""
    shape = {
        "close": 100.0 + 0.2 * sign,
        "ema_fast": 100.0,
        "ema_slow": 100.0 - 1.5 * sign,
        "ema_slow_slope_pct": 0.08 * sign,
        "return_pct": 3.0 * sign,
        "rsi": 50.0 + 3 * sign,
    }
    return a_frame(frame, **{**shape, **changes})


def a_regime(regime: Regime = Regime.NEUTRAL, confidence: float = 0.8) -> RegimeReading:
    return RegimeReading(regime, confidence, NOW, NOW, {"volatility_index": 18.0}, ())


def a_view(
    frames: Iterable[FrameFeatures], regime: Regime = Regime.NEUTRAL, mark: float = 100.0, **changes: object
) -> StrategyView:
    """A view with these frames."""
    known: Mapping[Timeframe, FrameFeatures] = {features.timeframe: features for features in frames}
    view = StrategyView(ETH, NOW, mark, known, None, a_regime(regime))
    return replace(view, **changes)  # type: ignore[arg-type]


def held(
    direction: Direction = Direction.LONG, gain: float = 0.0, peak: float | None = None, entry_time: datetime = NOW
) -> Held:
    return Held(direction, 100.0, entry_time, gain, max(gain, 0.0) if peak is None else peak)


def metrics(
    index: float = 18.0,
    trend: float = 0.0,
    day_pct: float = 0.0,
    below_pct: float = 0.0,
    as_of: datetime = NOW,
) -> RegimeMetrics:
    """Metrics without anything missing."""
    return RegimeMetrics(index, trend, day_pct, below_pct, 0.6, as_of)
