"""Hurst exponent: does the trend persist or revert? Value: the exponent (0..1, 0.5 is a random walk).

High: follow the recent momentum; low: fade it (SPEC 4.3). The move is measured against its own expected spread, so a
flat market gives no opinion. The exponent's formula and source stand with `market.minute_features.hurst_of_sums`.
"""

from __future__ import annotations

import math

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "hurst"


def hurst(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """LONG or SHORT with the recent move when it persists, against it when it reverts."""
    mine, part = params.hurst, snapshot.symbols[symbol]
    against, seen_features = part.candle_problems, part.features
    if against or seen_features is None:
        return blind(NAME, *(against or (reason("no_candles"),)))
    features = seen_features
    if features.bars < mine.window_bars // 2:
        need = mine.window_bars // 2
        return blind(NAME, reason("too_few_candles", have=features.bars, need=need), as_of=features.as_of)
    if features.hurst is None or features.sigma is None or features.momentum is None:
        return neutral(NAME, reason("flat_prices"), as_of=features.as_of)
    exponent, move = features.hurst, features.momentum / (features.sigma * math.sqrt(mine.momentum_bars))
    seen = reason("hurst", exponent=exponent, move_sigma=move)
    if abs(move) < mine.min_move_sigma or mine.reverting_below <= exponent <= mine.trending_above:
        return neutral(NAME, seen, exponent, features.as_of)
    persists = exponent > mine.trending_above
    distance = exponent - mine.trending_above if persists else mine.reverting_below - exponent
    confidence = min(1.0, 0.3 + 4.0 * distance) * min(1.0, abs(move) / 1.5)
    return opinion(NAME, move if persists else -move, confidence, exponent, features.as_of, seen)
