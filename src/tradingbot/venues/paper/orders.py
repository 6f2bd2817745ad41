"""Orders to the simulated venue, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from tradingbot.core.records import (
    AmendRequest,
    CancelStatus,
    OrderAccepted,
    OrderOutcome,
    OrderRefused,
    OrderRequest,
    RefusalCode,
)
from tradingbot.core.types import ClientOrderId, FillId, OrderKind, TriggerSignal, VenueOrderId
from tradingbot.simulator.order_desk import Change, NewOrder, Outcome
from tradingbot.simulator.records import EventKind
from tradingbot.venues.paper.told import told

MAX_CLIENT_ID_CHARS: Final = 100
KINDS: Final[Mapping[OrderKind, str]] = {
    OrderKind.MARKET: "mkt",
    OrderKind.LIMIT: "lmt",
    OrderKind.IOC: "ioc",
    OrderKind.POST_ONLY: "post",
    OrderKind.STOP: "stp",
    OrderKind.TAKE_PROFIT: "take_profit",
}
NEED_LIMIT: Final = frozenset({OrderKind.LIMIT, OrderKind.IOC, OrderKind.POST_ONLY})
TRIGGERS: Final = frozenset({OrderKind.STOP, OrderKind.TAKE_PROFIT})
TOO_LATE: Final = "wouldProcessAfterSpecifiedTime"
REFUSALS: Final[Mapping[str, RefusalCode]] = {
    "marketSuspended": RefusalCode.MARKET_SUSPENDED,
    "marketIsPostOnly": RefusalCode.MARKET_POST_ONLY,
    "invalidSize": RefusalCode.INVALID_SIZE,
    "invalidPrice": RefusalCode.INVALID_PRICE,
    "outsidePriceCollar": RefusalCode.PRICE_COLLAR,
    "tooManyOrders": RefusalCode.ORDER_LIMIT,
    "tooManySmallOrders": RefusalCode.ORDER_LIMIT,
    "wouldNotReducePosition": RefusalCode.WOULD_NOT_REDUCE,
    "maxPositionViolation": RefusalCode.POSITION_LIMIT,
    "fixedLeverageTooHigh": RefusalCode.LEVERAGE_TOO_HIGH,
    "clientOrderIdTooLong": RefusalCode.INVALID_CLIENT_ID,
    "clientOrderIdAlreadyExist": RefusalCode.DUPLICATE_CLIENT_ID,
    "selfFill": RefusalCode.SELF_TRADE,
    "postWouldExecute": RefusalCode.POST_WOULD_EXECUTE,
    "iocWouldNotExecute": RefusalCode.NOTHING_TO_MATCH,
    "insufficientAvailableFunds": RefusalCode.INSUFFICIENT_FUNDS,
    "orderForEditNotFound": RefusalCode.NOT_FOUND,
    "orderForEditNotAStop": RefusalCode.INVALID_ORDER,
    "cannotEditTriggerPriceOfTrailingStop": RefusalCode.INVALID_ORDER,
    "cannotEditLimitPriceOfTrailingStop": RefusalCode.INVALID_ORDER,
    TOO_LATE: RefusalCode.TOO_LATE,
}
CANCELS: Final = {"cancelled": CancelStatus.CANCELLED, "notFound": CancelStatus.NOT_FOUND}
TAKEN: Final = frozenset({"placed", "edited"})


def problem_of(order: OrderRequest) -> str:
    """Why an order is not even sent; empty when nothing is missing."""
    if not 0 < len(order.client_order_id) <= MAX_CLIENT_ID_CHARS:
        return f"client order id must have 1 to {MAX_CLIENT_ID_CHARS} characters"
    if order.size <= 0:
        return f"size must be above zero, got {order.size}"
    if order.kind in NEED_LIMIT and not order.limit_price:
        return f"a {order.kind} order needs a limit price"
    if order.kind in TRIGGERS and not order.stop_price:
        return f"a {order.kind} order needs a stop price"
    if any(price is not None and price <= 0 for price in (order.limit_price, order.stop_price)):
        return "prices must be above zero"
    return ""


def problem_of_change(change: AmendRequest) -> str:
    """Why a change is not even sent; empty when nothing is missing."""
    given = [value for value in (change.size, change.limit_price, change.stop_price) if value is not None]
    if not given:
        return "an amendment must change something"
    return "size and prices must be above zero" if any(value <= 0 for value in given) else ""


def new_order(order: OrderRequest, venue_symbol: str) -> NewOrder:
    """The command that sends it."""
    trigger = order.kind in TRIGGERS
    return NewOrder(
        symbol=venue_symbol,
        side=order.side,
        kind=KINDS[order.kind],
        size=order.size,
        limit_price=None if order.kind is OrderKind.MARKET else order.limit_price,
        stop_price=order.stop_price if trigger else None,
        signal=(order.trigger_signal or TriggerSignal.MARK).value if trigger else "last",
        client_id=order.client_order_id,
        reduce_only=order.reduce_only,
    )


def change_of(change: AmendRequest) -> Change:
    """The command that changes a resting order."""
    return Change(size=change.size, limit_price=change.limit_price, stop_price=change.stop_price)


def outcome_of(outcome: Outcome, client_order_id: ClientOrderId) -> OrderOutcome:
    """What the venue made of it; an order that traded was taken, whatever else is said."""
    fills = [event.fill for event in outcome.events if event.kind is EventKind.EXECUTION and event.fill is not None]
    if outcome.order is not None and (fills or outcome.status in TAKEN):
        sizes = [(told(fill.size), told(fill.price)) for fill in fills]
        executed = sum((size for size, _ in sizes), Decimal(0))
        turnover = sum((size * price for size, price in sizes), Decimal(0))
        average = turnover / executed if executed else None
        ids = tuple(FillId(fill.fill_id) for fill in fills)
        return OrderAccepted(client_order_id, VenueOrderId(outcome.order.uid), executed, average, ids)
    reason = next((event.reason for event in outcome.events if event.kind is EventKind.REJECT), "")
    text = f"{outcome.status} ({reason})" if reason else outcome.status
    return OrderRefused(client_order_id, REFUSALS[outcome.status], text)
