"""Start-up, hourly and on suspicion: the venue's truth first, then our book (SPEC 7.2). Idempotent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from tradingbot.core.errors import StorageUnavailableError
from tradingbot.core.records import OpenOrder, VenuePosition
from tradingbot.core.types import Symbol
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.resolve import UnknownOrders
from tradingbot.engine.resting_stops import with_missing_stops
from tradingbot.engine.settlement import Settlement
from tradingbot.portfolio.reconcile import Difference, compare_positions
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)

LOCK_BUDGETS: Final = 3
"""So many read budgets a job may hold the account: the cycle waits for it meanwhile, and exits with it."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the venue says now, and where our book differs from it."""

    positions: tuple[VenuePosition, ...]
    open_orders: tuple[OpenOrder, ...]
    differences: tuple[Difference, ...]

    def blocked_symbols(self) -> dict[Symbol, str]:
        """Symbols that must not be entered while book and venue disagree."""
        return {Symbol(difference.symbol): difference.kind for difference in self.differences}


class Reconciler:
    """Asks the venue and brings the book up to it; what cannot be explained is reported, never 'corrected'."""

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        keeper: PortfolioKeeper,
        settlement: Settlement,
        unknown: UnknownOrders,
        ids: OrderIds,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._keeper = keeper
        self._settlement = settlement
        self._unknown = unknown
        self._ids = ids

    async def baseline(self, account_since: datetime | None = None) -> None:
        """A book that never met this account starts at its newest ledger row. Raises VenueError.

        When the journal knows of orders although there is no book, the book was lost: it begins before the first of
        them, and fills and ledger are applied anew. Trades that are known already stay as they are. Orders before
        `account_since` were sent to another venue and tell nothing of this one.
        """
        book = self._keeper.book
        if book.fills_since is not None:
            return
        rows = await self._venue.ledger(0)
        lost_since = self._unknown.first_order_at(account_since)
        if lost_since is not None:
            log.error("positions.rebuilt", since=lost_since.isoformat())
            rows = [row for row in rows if row.time < lost_since]
        since = lost_since or self._clock.now()
        newest = max((row.entry_id for row in rows), default=0)
        self._keeper.set_book(replace(book, ledger_id=newest, baseline_id=newest, fills_since=since))
        await self._keeper.save()

    async def reconcile(self) -> Truth:
        """Resolve unknown orders, fetch fills, compare. Raises VenueError when the venue cannot be asked."""
        before = self._keeper.book
        await self._unknown.resolve()
        await self._settlement.absorb_rest()
        truth = await self.look()
        try:
            await self._settlement.save_if_changed(before)
        except StorageUnavailableError as error:
            # It is written as soon as the disk takes it; exits must not wait for that.
            log.error("positions.not_durable", error=str(error))
        for difference in truth.differences:
            log.error("reconcile.difference", **asdict(difference))
        return truth

    async def look(self) -> Truth:
        """Positions and open orders as the venue has them, compared with the book; asks for fills when they differ.

        So it does when somebody else traded here: what that took from us is told by the complete list alone.
        """
        positions, orders = await self._ask()
        differences = compare_positions(self._keeper.book, positions)
        if differences or self._keeper.needs_complete_fills:
            # The stream may be behind: fills that REST already knows explain most differences.
            await self._settlement.absorb_rest()
            positions, orders = await self._ask()
            differences = compare_positions(self._keeper.book, positions)
        orders = await with_missing_stops(self._venue, self._keeper.book.open_positions, orders)
        return Truth(tuple(positions), tuple(orders), differences)

    async def _ask(self) -> tuple[Sequence[VenuePosition], Sequence[OpenOrder]]:
        return await self._venue.positions(), await self._venue.open_orders()
