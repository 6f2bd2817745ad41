"""Indicators of one timeframe: pure function of its newest closed candles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.types import Timeframe


@dataclass(frozen=True, slots=True)
class FrameFeatures:
    """Indicators at the close of the newest candle. Prices in USD; `as_of` is that candle's close."""

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
