"""Fear & greed, contrarian. Value: the index, 0 (fear) to 100 (greed).

LONG below the low threshold, SHORT above the high one (SPEC 4.2). Confidence = 0.4 at the threshold, rising evenly to 1
at the end of the scale.
"""

from __future__ import annotations

from tradingbot.core.memo import by_identity
from tradingbot.core.records import reason
from tradingbot.core.types import Symbol
from tradingbot.market.intelligence import FearGreed, Feed
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading, blind, neutral, opinion
from tradingbot.signals.params import SignalParams, SignalThresholds

NAME = "fear_greed"


def fear_greed(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> ComponentReading:  # noqa: ARG001 - one index for all
    """LONG in extreme fear, SHORT in extreme greed."""
    index = snapshot.intel.fear_greed
    against = snapshot.intel.problems.get(Feed.FEAR_GREED, ())
    if against or index is None:
        return blind(NAME, *(against or (reason("no_index"),)), as_of=index.stamp.as_of if index else None)
    return _judged(index, params.thresholds)


@by_identity(8)
def _judged(index: FearGreed, thresholds: SignalThresholds) -> ComponentReading:
    """The same for all symbols until another index is told."""
    low, high = thresholds.fear_greed_low, thresholds.fear_greed_high
    seen = reason("fear_greed", value=index.value, low=low, high=high, source=index.stamp.said_by)
    if low <= index.value <= high:
        return neutral(NAME, seen, index.value, index.stamp.as_of)
    fear = index.value < low
    depth = (low - index.value) / low if fear else (index.value - high) / (100 - high)
    return opinion(NAME, 1.0 if fear else -1.0, 0.4 + 0.6 * depth, index.value, index.stamp.as_of, seen)
