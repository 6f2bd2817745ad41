"""Order entry: every way a request can end, as one outcome. Raises nothing but cancellation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tradingbot.core.errors import SizingError, StateError, SymbolUnknownError, VenueError
from tradingbot.core.records import (
    AmendRequest,
    CancelOutcome,
    CancelStatus,
    OrderDenied,
    OrderOutcome,
    OrderRefused,
    OrderRequest,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.types import ClientOrderId, Symbol, VenueOrderId
from tradingbot.net.http import NotSentError
from tradingbot.net.rate_limiter import Lane, LocalRateLimitError
from tradingbot.venues.kraken_futures.answers import refusal_code
from tradingbot.venues.kraken_futures.parse_orders import (
    amend_arguments,
    cancel_arguments,
    order_arguments,
    parse_cancel,
    parse_edit,
    parse_send,
)
from tradingbot.venues.kraken_futures.rest import KrakenFuturesRest

Payload = dict[str, Any]
Parse = Callable[[Payload, ClientOrderId], OrderOutcome]

_NEVER_SENT = (NotSentError, LocalRateLimitError, StateError, SizingError, SymbolUnknownError)


class OrderDesk:
    """Places, amends and cancels through one REST account."""

    def __init__(self, rest: KrakenFuturesRest, venue_symbol: Callable[[Symbol], str], can_trade: bool) -> None:
        self._rest = rest
        self._venue_symbol = venue_symbol
        self._can_trade = can_trade

    async def place(self, order: OrderRequest) -> OrderOutcome:
        """Send one order, once. Orders that reduce a position use the lane of exits."""
        lane = Lane.EXITS if order.reduce_only else Lane.ORDERS

        def send() -> Awaitable[Payload]:
            return self._rest.sendorder(order_arguments(order, self._venue_symbol(order.symbol)), lane)

        return await self._outcome(order.client_order_id, send, parse_send)

    async def amend(self, change: AmendRequest) -> OrderOutcome:
        """Change a resting order. Moving a stop uses the lane of exits: it protects a position."""
        lane = Lane.EXITS if change.stop_price is not None else Lane.ORDERS

        def send() -> Awaitable[Payload]:
            return self._rest.editorder(amend_arguments(change), lane)

        return await self._outcome(change.client_order_id, send, parse_edit)

    async def _outcome(
        self, client_order_id: ClientOrderId, send: Callable[[], Awaitable[Payload]], parse: Parse
    ) -> OrderOutcome:
        if not self._can_trade:
            return OrderDenied(client_order_id, "no API key is configured: this instance only reads public data")
        try:
            return parse(await send(), client_order_id)
        except _NEVER_SENT as error:
            return OrderDenied(client_order_id, str(error))
        except VenueError as error:
            code = refusal_code(error)
            if code is None:
                return OrderUnknown(client_order_id, f"{type(error).__name__}: {error}")
            return OrderRefused(client_order_id, code, str(error))

    async def cancel(self, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None) -> CancelOutcome:
        """Take one order off the book."""
        try:
            payload = await self._rest.cancelorder(cancel_arguments(client_order_id, venue_order_id))
            return parse_cancel(payload, client_order_id, venue_order_id)
        except (*_NEVER_SENT, VenueError) as error:
            gone = isinstance(error, VenueError) and refusal_code(error) is RefusalCode.NOT_FOUND
            status = CancelStatus.NOT_FOUND if gone else CancelStatus.UNKNOWN
            return CancelOutcome(client_order_id, venue_order_id, status, f"{type(error).__name__}: {error}")
