"""What is at risk now: open notional, heat and free margin at current marks."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.types import Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book
from tradingbot.risk.position_sizing import Exposure


def exposure_of(snapshot: MarketSnapshot, book: Book) -> Exposure:
    """Open notional and heat at current marks; margin free for new positions."""
    equity = snapshot.equity_usd or Decimal(0)
    notional: dict[Symbol, Decimal] = {}
    heat_usd = Decimal(0)
    for position in book.open_positions:
        part = snapshot.symbols.get(position.symbol)
        price = (part.mark_price if part else None) or position.entry_price
        notional[position.symbol] = position.notional_usd(price)
        heat_usd += notional[position.symbol] * abs(position.entry_price - position.stop_price) / position.entry_price
    heat = heat_usd / equity if equity > 0 else Decimal(1)
    return Exposure(notional, heat, equity, snapshot.available_usd)
