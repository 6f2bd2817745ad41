"""Indicators over numpy columns, oldest first. Sources stand with each formula."""

from __future__ import annotations

import numpy as np

from tradingbot.market.candles import FloatArray


def order_flow_imbalance(bid: FloatArray, bid_size: FloatArray, ask: FloatArray, ask_size: FloatArray) -> FloatArray:
    """Order-flow imbalance of each step between consecutive best quotes, in contracts; one fewer than quotes.

    e_n of Cont, Kukanov, Stoikov, "The price impact of order book events", J. Financial Econometrics 12(1), 2014:
    size added at or above the old bid counts as buying, size added at or below the old ask as selling.
    """
    gained_bid = np.where(bid[1:] >= bid[:-1], bid_size[1:], 0.0) - np.where(bid[1:] <= bid[:-1], bid_size[:-1], 0.0)
    gained_ask = np.where(ask[1:] <= ask[:-1], ask_size[1:], 0.0) - np.where(ask[1:] >= ask[:-1], ask_size[:-1], 0.0)
    return np.asarray(gained_bid - gained_ask, dtype=np.float64)
