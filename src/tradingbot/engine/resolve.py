"""Orders of unknown outcome: ask open orders, order status and fills until one of them proves something.

A fast fill leaves the open list within 200 ms, and the venue remembers finished orders only for seconds, so absence is
proof only after every order that could still arrive has expired: `orders.unknown_grace_s` after it was sent.
"""

from __future__ import annotations

from datetime import datetime

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.core.records import OrderAccepted, OrderOutcome, OrderRefused, OrderReport, OrderState, RefusalCode
from tradingbot.core.types import ClientOrderId
from tradingbot.engine.budget import within
from tradingbot.engine.intents import Intent, IntentLog
from tradingbot.engine.params import EngineParams
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)


class UnknownOrders:
    """Resolves what the intent log holds as unresolved."""

    def __init__(
        self, venue: Venue, clock: Clock, intents: IntentLog, keeper: PortfolioKeeper, params: EngineParams
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._intents = intents
        self._keeper = keeper
        self._params = params

    def first_order_at(self, since: datetime | None = None) -> datetime | None:
        """When the oldest order that the journal remembers was made, of those not before `since`; None without any."""
        return self._intents.first_after(since) if since is not None else self._intents.first_at

    async def resolve(self) -> list[OrderOutcome]:
        """One round of questions; what stays open is asked again next time. A failed query proves nothing."""
        waiting = [order_id for order_id in self._intents.unresolved if self._intents.find(order_id) is not None]
        if not waiting:
            return []
        try:
            proofs = await within(self._clock, self._params.read_budget_s, "unknown orders", self._ask(waiting))
        except VenueError as error:
            log.warning("unknown_orders.ask_failed", orders=len(waiting), error=str(error))
            return []
        found = []
        for order_id in waiting:
            outcome = proofs.get(order_id) or self._expired(order_id)
            if outcome is not None:
                self._intents.outcome(outcome, self._clock.now())
                log.info("unknown_order.resolved", client_order_id=order_id, outcome=type(outcome).__name__)
                found.append(outcome)
        return found

    async def _ask(self, waiting: list[ClientOrderId]) -> dict[ClientOrderId, OrderOutcome]:
        now = self._clock.now()
        proofs: dict[ClientOrderId, OrderOutcome] = {}
        for report in await self._venue.order_reports(waiting):
            if report.client_order_id in waiting:
                proofs[report.client_order_id] = _from_report(report.client_order_id, report)
        for order in await self._venue.open_orders():
            if order.client_order_id in waiting:
                proofs[order.client_order_id] = OrderAccepted(order.client_order_id, order.venue_order_id, order.filled)
        intents = [intent for order_id in waiting if (intent := self._intents.find(order_id)) is not None]
        earliest = min((intent.created_at for intent in intents), default=now)
        fills = await self._venue.fills(min(earliest, self._keeper.fills_wanted_since(now)))
        self._keeper.absorb(fills, now, complete=True)
        for fill in fills:
            if fill.client_order_id in waiting:
                proofs[fill.client_order_id] = OrderAccepted(fill.client_order_id, fill.venue_order_id, fill.size)
        return proofs

    def _expired(self, order_id: ClientOrderId) -> OrderOutcome | None:
        intent: Intent | None = self._intents.find(order_id)
        if intent is None:
            return None
        age_s = (self._clock.now() - intent.created_at).total_seconds()
        if age_s < self._params.orders.unknown_grace_s:
            return None
        text = f"absent from open orders, order status and fills {age_s:.0f} s after it was sent"
        return OrderRefused(order_id, RefusalCode.NOT_FOUND, text)


def _from_report(order_id: ClientOrderId, report: OrderReport) -> OrderOutcome:
    if report.state is OrderState.REJECTED and report.filled == 0:
        return OrderRefused(order_id, RefusalCode.INVALID_ORDER, report.venue_reason)
    return OrderAccepted(order_id, report.venue_order_id, report.filled)
