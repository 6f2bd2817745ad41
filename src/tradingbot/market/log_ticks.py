"""Log prices as whole numbers, so that sums over moving windows are exact and do not depend on how they were made.

One tick is 1e-8 of log price (a ten-thousandth of a basis point), far below any venue's tick. Products of two returns
over the longest window stay below 2**63 for moves of up to 50 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Final

import numpy as np

from tradingbot.market.candles import IntArray

TICK: Final = 1e-8
_PER_UNIT: Final = 1e8


def log_tick(price: float) -> int:
    """ln(price) in ticks. Raises ValueError for a price that is not positive."""
    return round(math.log(price) * _PER_UNIT)


def log_ticks(prices: Iterable[float]) -> IntArray:
    """`log_tick` of every price."""
    return np.array([log_tick(price) for price in prices], dtype=np.int64)
