"""Is a symbol far more volatile now than it usually is? The last hour against the week (SPEC 6.6)."""

from __future__ import annotations

import math

import numpy as np

from tradingbot.core.memo import by_identity
from tradingbot.market.candles import Candles, FloatArray

HOUR_BARS = 60
WEEK_BARS = 168
LEAST_BARS = 24


def volatility_ratio(minutes: Candles, hours: Candles | None) -> float | None:
    """Volatility of the last 60 one-minute returns over that of the week's hourly ones, both per hour.

    None with fewer than 61 minutes or 25 hours, or a week without any move.
    """
    if hours is None or len(minutes) <= HOUR_BARS or len(hours) <= LEAST_BARS:
        return None
    usual = _usual(hours)
    if usual <= 0:
        return None
    return _root_mean_square(minutes.close[-HOUR_BARS - 1 :]) * math.sqrt(HOUR_BARS) / usual


@by_identity(128)
def _usual(hours: Candles) -> float:
    """Of the week; the same until another hour has closed."""
    return _root_mean_square(hours.close[-WEEK_BARS - 1 :])


def _root_mean_square(closes: FloatArray) -> float:
    if not float(closes.min()) > 0:
        return 0.0
    returns = np.diff(np.log(closes))
    return math.sqrt(float(returns.dot(returns)) / returns.shape[0])
