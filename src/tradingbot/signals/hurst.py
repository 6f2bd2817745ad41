"""Hurst exponent: does the trend persist or revert? Value: the exponent (0..1, 0.5 is a random walk).

High: follow the recent momentum; low: fade it (SPEC 4.3). The move is measured against its own expected spread, so a
flat market gives no opinion.
"""

from __future__ import annotations

import math

import numpy as np

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.market.indicators import hurst_exponent, log_returns
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, neutral, opinion
from tradingbot.signals.params import HurstParams

NAME = "hurst"


def hurst(snapshot: MarketSnapshot, symbol: Symbol, params: HurstParams) -> ComponentReading:
    """LONG or SHORT with the recent move when it persists, against it when it reverts."""
    candles = snapshot.symbols[symbol].candles.tail(params.window_bars)
    if len(candles) < params.window_bars // 2:
        return neutral(NAME, reason("too_few_candles", have=len(candles), need=params.window_bars // 2))
    as_of = utc_from_ms(candles.last_close_ms or 0)
    exponent = hurst_exponent(candles.close, params.max_lag_bars)
    if exponent is None:
        return neutral(NAME, reason("flat_prices"), as_of=as_of)
    steps = log_returns(candles.close)
    bars = min(params.momentum_bars, steps.shape[0])
    sigma = float(np.std(steps)) * math.sqrt(bars)
    move = float(steps[-bars:].sum()) / sigma if sigma > 0 else 0.0
    seen = reason("hurst", exponent=exponent, move_sigma=move)
    if abs(move) < params.min_move_sigma or params.reverting_below <= exponent <= params.trending_above:
        return neutral(NAME, seen, exponent, as_of)
    persists = exponent > params.trending_above
    distance = exponent - params.trending_above if persists else params.reverting_below - exponent
    confidence = min(1.0, 0.3 + 4.0 * distance) * min(1.0, abs(move) / 1.5)
    return opinion(NAME, move if persists else -move, confidence, exponent, as_of, seen)
