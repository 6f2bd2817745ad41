"""How many positions were opened in this UTC day: what the limit per day counts (SPEC 6.3)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from tradingbot.engine.portfolio_keeper import PortfolioKeeper

LATE_SETTLEMENT: Final = timedelta(hours=1)
"""Trades are settled in about the order in which they ended; none is later than this."""


def opened_today(keeper: PortfolioKeeper, now: datetime) -> int:
    """Positions of ours that were opened since midnight UTC, closed ones among them."""
    since = now.replace(hour=0, minute=0, second=0, microsecond=0)
    found = {position.position_id for position in keeper.book.positions if position.entry_time >= since}
    for trade in reversed(keeper.trades):
        if trade.exit_time < since - LATE_SETTLEMENT:
            break
        if trade.entry_time >= since:
            found.add(trade.trade_id)
    return len(found) + keeper.archived.opened_on(since.date())
