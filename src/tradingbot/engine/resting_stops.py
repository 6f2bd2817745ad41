"""A stop of ours that is missing in the list of open orders is asked for by its id before another one is placed.

The list may be incomplete for a moment; without this question every such moment would leave one stop more behind.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.core.records import OpenOrder, OrderReport, OrderState
from tradingbot.core.types import OrderKind
from tradingbot.portfolio.book import exit_side
from tradingbot.portfolio.position import Position
from tradingbot.ports import Venue

log = structlog.get_logger(__name__)

RESTING = (OrderState.OPEN, OrderState.TRIGGER_PENDING)


async def with_missing_stops(
    venue: Venue, positions: Sequence[Position], orders: Sequence[OpenOrder]
) -> list[OpenOrder]:
    """The open orders, completed by stops of ours that the list left out and the venue says are resting.

    When it cannot be asked the list stands: one stop too many does less harm than none.
    """
    listed = {order.client_order_id for order in orders}
    missing = {
        position.stop_client_order_id: position
        for position in positions
        if position.stop_client_order_id is not None and position.stop_client_order_id not in listed
    }
    if not missing:
        return list(orders)
    try:
        reports = await venue.order_reports(list(missing))
    except VenueError as error:
        log.warning("stops.ask_failed", orders=len(missing), error=str(error))
        return list(orders)
    found = [
        _resting(report, missing[report.client_order_id])
        for report in reports
        if report.client_order_id in missing and report.state in RESTING
    ]
    if found:
        log.warning("open_orders.incomplete", left_out=[order.client_order_id for order in found])
    return [*orders, *found]


def _resting(report: OrderReport, position: Position) -> OpenOrder:
    return OpenOrder(
        venue_order_id=report.venue_order_id,
        client_order_id=report.client_order_id,
        symbol=position.symbol,
        side=exit_side(position),
        kind=OrderKind.STOP,
        size=report.size - report.filled,
        filled=report.filled,
        limit_price=None,
        stop_price=position.stop_price,
        trigger_signal=None,
        reduce_only=True,
        created_at=position.entry_time,
    )
