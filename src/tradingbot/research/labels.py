"""What happened after a moment: the labels that signals are judged by (horizons of SPEC 10.1). Pure."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from tradingbot.core.types import Direction, epoch_ms
from tradingbot.market.candles import Candles

HORIZONS_MIN: Final = (1, 5, 15, 30, 60)


def price_at(minutes: Candles, moment: datetime) -> float | None:
    """The close of the newest one-minute candle that had closed at `moment`, USD; None when it is a minute old."""
    at_ms = epoch_ms(moment)
    row = int(np.searchsorted(minutes.open_ms, at_ms - minutes.timeframe.ms, side="right")) - 1
    if row < 0 or at_ms - int(minutes.open_ms[row]) - minutes.timeframe.ms >= minutes.timeframe.ms:
        return None
    return float(minutes.close[row])


def forward_return(minutes: Candles, moment: datetime, horizon_min: int) -> float | None:
    """Log return from `moment` to `horizon_min` minutes later; None without a price at either end."""
    start, end = price_at(minutes, moment), price_at(minutes, moment + timedelta(minutes=horizon_min))
    return None if start is None or end is None else math.log(end / start)


def hit(direction: Direction, forward: float | None) -> bool | None:
    """Whether the price went in `direction`; None for NEUTRAL, an unknown return, or a price that did not move."""
    if forward is None or forward == 0 or direction is Direction.NEUTRAL:
        return None
    return forward * direction.sign > 0
