"""Volatility skew: does the market move harder down than up? Value: (down - up) / (down + up), -1..1.

No option source with a skew is configured, so the realised one is used and the reason says so: realised semivariances
are the sums of squared negative and positive one-minute log returns of the window (Barndorff-Nielsen, Kinnebrock,
Shephard, "Measuring downside risk: realised semivariance", 2010). Bad volatility tends to go on, so a skew to the
downside is SHORT and one to the upside LONG. Confidence = tanh(|skew| / (2 thresholds)).
"""

from __future__ import annotations

import math

from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams

NAME = "volatility_skew"


def volatility_skew(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:
    """SHORT when falls are the larger moves, LONG when rises are."""
    part, mine = snapshot.symbols[symbol], params.skew
    features = part.features
    if part.candle_problems or features is None:
        return blind(NAME, *(part.candle_problems or (reason("no_candles"),)))
    down, up = features.down_semivariance, features.up_semivariance
    if down is None or up is None:
        need = mine.window_bars // 2
        return blind(NAME, reason("too_few_candles", have=features.bars, need=need), as_of=features.as_of)
    if down + up <= 0:
        return neutral(NAME, reason("flat_prices"), as_of=features.as_of)
    skew = (down - up) / (down + up)
    seen = reason("semivariance_skew", skew=skew, threshold=mine.min_skew, source="realised")
    if abs(skew) < mine.min_skew:
        return neutral(NAME, seen, skew, features.as_of)
    return opinion(NAME, -skew, math.tanh(abs(skew) / (2 * mine.min_skew)), skew, features.as_of, seen)
