"""What both open-interest components look at: change of open interest and of price over the same window.

All venues' open interest where it is told, else the traded venue's own, which is known once the daemon has watched it
for the window. A change told in USD contains the price's own move, so that is taken out:
(1 + change) / (1 + price move) - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.records import Reason, reason
from tradingbot.market.intelligence import Feed
from tradingbot.market.minute_features import SPANS
from tradingbot.market.snapshot import SymbolSnapshot

_MINUTES = {"5m": 5, "15m": 15, "1h": 60, "4h": 240}
_PLACE = {window: SPANS.index(minutes) for window, minutes in _MINUTES.items()}


@dataclass(frozen=True, slots=True)
class InterestMove:
    """Change of open interest in percent and of price in standard deviations of its own over one window."""

    as_of: datetime
    interest_pct: float
    price_sigma: float
    window: str
    source: str


def interest_move(part: SymbolSnapshot, window: str) -> InterestMove | tuple[Reason, ...]:
    """Both changes over `window` (5m, 15m, 1h, 4h), or why they are not known."""
    features = part.features
    if part.candle_problems or features is None or features.sigma is None:
        return part.candle_problems or (reason("no_candles"),)
    minutes = _MINUTES[window]
    moved = features.returns[_PLACE[window]]
    if moved is None:
        return (reason("too_few_candles", have=features.bars, need=minutes + 1),)
    against = part.intel.problems.get(Feed.OPEN_INTEREST, ())
    everywhere = None if against else part.intel.open_interest
    for told in (everywhere, part.venue_interest):
        told_pct = None if told is None else told.change_pct.get(window)
        if told is not None and told_pct is not None:
            sigma = moved / (features.sigma * math.sqrt(minutes))
            change_pct = 100 * ((1 + told_pct / 100) / math.exp(moved) - 1) if told.in_usd else told_pct
            return InterestMove(told.stamp.as_of, change_pct, sigma, window, told.stamp.said_by)
    return (*against, reason("open_interest_not_watched_long_enough", window=window))
