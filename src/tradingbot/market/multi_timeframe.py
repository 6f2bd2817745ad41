"""Multi-timeframe alignment: how far the timeframes from 1 m to 1 d agree with a direction (SPEC 8.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.types import Direction, Timeframe


@dataclass(frozen=True, slots=True)
class MtfAlignment:
    """Trend of each timeframe in -1..1 and what they add up to.

    `long` and `short` are the alignment scores in 0..1 of either direction (0.5 when no frame trends); `missing` names
    frames without enough candles. `as_of` is the oldest newest-candle close among the frames used, None without any.
    """

    trends: Mapping[Timeframe, float]
    long: float
    short: float
    missing: tuple[Timeframe, ...]
    as_of: datetime | None

    def score(self, direction: Direction) -> float | None:
        """Alignment with a direction in 0..1; None for NEUTRAL or without any frame."""
        if direction is Direction.NEUTRAL or not self.trends:
            return None
        return self.long if direction is Direction.LONG else self.short
