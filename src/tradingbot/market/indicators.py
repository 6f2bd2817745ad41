"""Indicators over numpy columns, oldest first. Sources stand with each formula."""

from __future__ import annotations

import numpy as np

from tradingbot.market.candles import FloatArray


def order_flow_imbalance(bid: FloatArray, bid_size: FloatArray, ask: FloatArray, ask_size: FloatArray) -> FloatArray:
    """Order-flow imbalance of each step between consecutive best quotes, in contracts; one fewer than quotes.

    e_n of Cont, Kukanov, Stoikov, "The price impact of order book events", J. Financial Econometrics 12(1), 2014:
    size added at or above the old bid counts as buying, size added at or below the old ask as selling.
    """
    prices, sizes = np.empty((2, bid.shape[0])), np.empty((2, bid.shape[0]))
    prices[0], sizes[0], sizes[1] = bid, bid_size, ask_size
    np.negative(ask, out=prices[1])  # a lower ask is the better one, as a higher bid is
    now, before = prices[:, 1:], prices[:, :-1]
    gained = np.where(now >= before, sizes[:, 1:], 0.0)
    gained -= np.where(now <= before, sizes[:, :-1], 0.0)
    return np.asarray(gained[0] - gained[1], dtype=np.float64)
