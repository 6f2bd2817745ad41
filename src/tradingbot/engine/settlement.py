"""One road for everything that has traded: fills from stream or REST, then the venue's ledger, then finished trades."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.engine.budget import within
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.portfolio.book import Book
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)


class Settlement:
    """Brings the book up to the venue's records."""

    def __init__(self, venue: Venue, clock: Clock, keeper: PortfolioKeeper, read_budget_s: float = 6.0) -> None:
        self._read_budget_s = read_budget_s
        self._venue = venue
        self._clock = clock
        self._keeper = keeper
        self._ledger_due_hour = -1

    def absorb_stream(self) -> int:
        """Apply what the private stream brought; how many fills were new."""
        return len(self._keeper.absorb(self._venue.take_fills(), self._clock.now()))

    async def absorb_rest(self) -> int:
        """Ask for fills since the newest applied one; how many were new. Raises VenueError."""
        now = self._clock.now()
        fills = await self._venue.fills(self._keeper.fills_wanted_since(now))
        return len(self._keeper.absorb(fills, now, complete=True))

    async def absorb_again(self, symbol: str, since: datetime) -> int:
        """Ask for a symbol's fills since a moment, e.g. its position's entry; how many were new. Raises VenueError."""
        fills = [fill for fill in await self._venue.fills(since) if fill.symbol == symbol]
        return len(self._keeper.absorb(fills, self._clock.now(), complete=True))

    async def book(self, prices_usd: Mapping[str, Decimal]) -> list[ClosedTrade]:
        """Book ledger rows when fills or an hour's funding wait for them, and settle what is finished.

        Saves positions whenever the book changed. Raises StorageUnavailableError.
        """
        before = self._keeper.book
        hour = int(self._clock.now().timestamp() // 3600)
        funding_due = hour != self._ledger_due_hour and bool(before.open_positions)
        if (self._keeper.needs_ledger() or funding_due) and await self._book_rows():
            self._ledger_due_hour = hour
        trades = await self._keeper.settle(prices_usd, self._clock.now())
        await self.save_if_changed(before)
        return trades

    async def _book_rows(self) -> bool:
        """Whether the account log could be read; what could not is asked for again in the next cycle."""
        try:
            question = self._venue.ledger(self._keeper.book.ledger_id)
            rows = await within(self._clock, self._read_budget_s, "account log", question)
            if self._keeper.unknown_fills(rows):
                await within(self._clock, self._read_budget_s, "fills", self.absorb_rest())
        except VenueError as error:
            log.warning("ledger.failed", error=str(error))
            return False
        self._keeper.book_ledger(rows)
        return True

    async def save_if_changed(self, before: Book) -> None:
        """Write positions when the book is another one than before."""
        if self._keeper.book is not before:
            await self._keeper.save()
