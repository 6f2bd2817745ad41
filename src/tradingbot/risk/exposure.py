"""What is at risk now: open positions at current marks, heat, and free margin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from tradingbot.core.types import Direction, Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.portfolio.book import Book


@dataclass(frozen=True, slots=True)
class HeldRisk:
    """One open position, or an entry of this cycle. `heat_usd` is its notional times its stop distance."""

    symbol: Symbol
    direction: Direction
    notional_usd: Decimal
    heat_usd: Decimal


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is already at risk. `available_usd` is free margin by wallet."""

    equity_usd: Decimal
    held: tuple[HeldRisk, ...]
    available_usd: Mapping[str, Decimal]

    @property
    def heat_usd(self) -> Decimal:
        """What is lost when every stop fires."""
        return sum((held.heat_usd for held in self.held), Decimal(0))

    def with_entry(self, entry: HeldRisk, wallet: str, margin_usd: Decimal) -> Exposure:
        """The exposure once an entry is filled."""
        left = self.available_usd.get(wallet, Decimal(0)) - margin_usd
        return Exposure(self.equity_usd, (*self.held, entry), {**self.available_usd, wallet: left})


def exposure_of(snapshot: MarketSnapshot, book: Book) -> Exposure:
    """Open notional and heat at current marks, entry prices where there is none; margin free for new positions."""
    held = []
    for position in book.open_positions:
        part = snapshot.symbols.get(position.symbol)
        notional = position.notional_usd((part.mark_price if part else None) or position.entry_price)
        distance = abs(position.entry_price - position.stop_price) / position.entry_price
        held.append(HeldRisk(position.symbol, position.direction, notional, notional * distance))
    return Exposure(snapshot.equity_usd or Decimal(0), tuple(held), snapshot.available_usd)
