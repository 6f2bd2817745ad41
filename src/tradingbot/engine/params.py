"""Settings of the cycle (SPEC 3.1, 7, 14)."""

from __future__ import annotations

from typing import Literal

from tradingbot.core.params import Params


class EngineParams(Params):
    """x"""

    cycle_s: float = 60
    cycle_offset_s: float = 2
    cycle_deadline_s: float = 50
    candle_count: int = 1000
    book_sample_interval_s: float = 10
    book_sample_keep_s: float = 900
    max_ticker_age_s: float = 60
    max_book_age_s: float = 60
    max_candle_age_s: float = 150
    entry_order: Literal["market", "limit"] = "market"
    fill_wait_s: float = 2
    unknown_order_grace_s: float = 15
    order_lifetime_s: float = 10
    venue_failures_block: int = 3
