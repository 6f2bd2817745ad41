"""Order payloads -> outcomes and order records. Pure.

An unknown word in a description is tolerated; an unknown order state is not: it becomes OrderUnknown or raises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from tradingbot.core.errors import SizingError, VenueProtocolError
from tradingbot.core.records import (
    AmendRequest,
    CancelOutcome,
    CancelStatus,
    OpenOrder,
    OrderAccepted,
    OrderOutcome,
    OrderRefused,
    OrderReport,
    OrderRequest,
    OrderState,
    OrderUnknown,
    RefusalCode,
)
from tradingbot.core.types import ClientOrderId, FillId, OrderKind, Side, TriggerSignal, VenueOrderId, iso_utc, plain
from tradingbot.venues.kraken_futures.answers import REFUSALS_BY_REASON
from tradingbot.venues.kraken_futures.fields import (
    Row,
    ToSymbol,
    child,
    flag,
    moment,
    number,
    number_or_zero,
    optional_number,
    optional_text,
    positive,
    rows,
    shown,
    side,
    text,
)

MAX_CLIENT_ID_CHARS: Final = 100

ACCEPTED: Final = frozenset({"placed", "partiallyFilled", "filled", "edited"})

REFUSALS: Final[Mapping[str, RefusalCode]] = {
    "marketSuspended": RefusalCode.MARKET_SUSPENDED,
    "marketInactive": RefusalCode.MARKET_SUSPENDED,
    "marketIsPostOnly": RefusalCode.MARKET_POST_ONLY,
    "invalidOrderType": RefusalCode.INVALID_ORDER,
    "invalidSide": RefusalCode.INVALID_ORDER,
    "invalidSize": RefusalCode.INVALID_SIZE,
    "invalidPrice": RefusalCode.INVALID_PRICE,
    "tooManySmallOrders": RefusalCode.ORDER_LIMIT,
    "tooManyOrders": RefusalCode.ORDER_LIMIT,
    "insufficientAvailableFunds": RefusalCode.INSUFFICIENT_FUNDS,
    "wouldCauseLiquidation": RefusalCode.WOULD_LIQUIDATE,
    "clientOrderIdAlreadyExist": RefusalCode.DUPLICATE_CLIENT_ID,
    "clientOrderIdTooBig": RefusalCode.INVALID_CLIENT_ID,
    "clientOrderIdTooLong": RefusalCode.INVALID_CLIENT_ID,
    "clientOrderIdInvalid": RefusalCode.INVALID_CLIENT_ID,
    "maxPositionViolation": RefusalCode.POSITION_LIMIT,
    "outsidePriceCollar": RefusalCode.PRICE_COLLAR,
    "wouldIncreasePriceDislocation": RefusalCode.PRICE_COLLAR,
    "postWouldExecute": RefusalCode.POST_WOULD_EXECUTE,
    "iocWouldNotExecute": RefusalCode.NOTHING_TO_MATCH,
    "selfFill": RefusalCode.SELF_TRADE,
    "wouldNotReducePosition": RefusalCode.WOULD_NOT_REDUCE,
    "fixedLeverageTooHigh": RefusalCode.LEVERAGE_TOO_HIGH,
    "wouldProcessAfterSpecifiedTime": RefusalCode.TOO_LATE,
    "notFound": RefusalCode.NOT_FOUND,
    "orderForEditNotFound": RefusalCode.NOT_FOUND,
    "orderForEditNotAStop": RefusalCode.INVALID_ORDER,
    "cannotEditTriggerPriceOfTrailingStop": RefusalCode.INVALID_ORDER,
    "cannotEditLimitPriceOfTrailingStop": RefusalCode.INVALID_ORDER,
}
"""Every documented refusal in `sendStatus.status` and `editStatus.status`."""

CANCELS: Final[Mapping[str, CancelStatus]] = {
    "cancelled": CancelStatus.CANCELLED,
    "filled": CancelStatus.FILLED,
    "notFound": CancelStatus.NOT_FOUND,
}

WIRE_KINDS: Final[Mapping[OrderKind, str]] = {
    OrderKind.MARKET: "mkt",
    OrderKind.LIMIT: "lmt",
    OrderKind.IOC: "ioc",
    OrderKind.POST_ONLY: "post",
    OrderKind.STOP: "stp",
    OrderKind.TAKE_PROFIT: "take_profit",
}
_NEEDS_LIMIT: Final = frozenset({OrderKind.LIMIT, OrderKind.IOC, OrderKind.POST_ONLY})
_TRIGGERS: Final = frozenset({OrderKind.STOP, OrderKind.TAKE_PROFIT})

OPEN_KINDS: Final[Mapping[str, OrderKind]] = {
    "lmt": OrderKind.LIMIT,
    "limit": OrderKind.LIMIT,
    "post": OrderKind.POST_ONLY,
    "ioc": OrderKind.IOC,
    "mkt": OrderKind.MARKET,
    "market": OrderKind.MARKET,
    "stop": OrderKind.STOP,
    "stp": OrderKind.STOP,
    "trailing_stop": OrderKind.STOP,
    "take_profit": OrderKind.TAKE_PROFIT,
}
SIGNALS: Final[Mapping[str, TriggerSignal]] = {
    "mark": TriggerSignal.MARK,
    "mark_price": TriggerSignal.MARK,
    "last": TriggerSignal.LAST,
    "last_price": TriggerSignal.LAST,
    "spot": TriggerSignal.INDEX,
    "spot_price": TriggerSignal.INDEX,
    "index": TriggerSignal.INDEX,
    "index_price": TriggerSignal.INDEX,
}
STATES: Final[Mapping[str, OrderState]] = {
    "ENTERED_BOOK": OrderState.OPEN,
    "FULLY_EXECUTED": OrderState.FILLED,
    "REJECTED": OrderState.REJECTED,
    "CANCELLED": OrderState.CANCELLED,
    "TRIGGER_PLACED": OrderState.TRIGGER_PENDING,
    "TRIGGER_ACTIVATION_FAILURE": OrderState.REJECTED,
}


# ---------------------------------------------------------------- requests


def order_arguments(order: OrderRequest, venue_symbol: str) -> list[tuple[str, str]]:
    """Arguments of ``sendorder``. Raises SizingError when the order lacks what its kind needs."""
    _check(order)
    arguments = [
        ("orderType", WIRE_KINDS[order.kind]),
        ("symbol", venue_symbol),
        ("side", order.side.value),
        ("size", plain(order.size)),
    ]
    if order.limit_price is not None and order.kind is not OrderKind.MARKET:
        arguments.append(("limitPrice", plain(order.limit_price)))
    if order.kind in _TRIGGERS and order.stop_price is not None:
        arguments.append(("stopPrice", plain(order.stop_price)))
        arguments.append(("triggerSignal", (order.trigger_signal or TriggerSignal.MARK).value))
    arguments.append(("cliOrdId", order.client_order_id))
    if order.reduce_only:
        arguments.append(("reduceOnly", "true"))
    if order.process_before is not None:
        arguments.append(("processBefore", iso_utc(order.process_before)))
    return arguments


def _check(order: OrderRequest) -> None:
    if not 0 < len(order.client_order_id) <= MAX_CLIENT_ID_CHARS:
        raise SizingError(f"client order id must have 1 to {MAX_CLIENT_ID_CHARS} characters")
    if order.size <= 0:
        raise SizingError(f"size must be above zero, got {order.size}")
    if order.kind in _NEEDS_LIMIT and not order.limit_price:
        raise SizingError(f"a {order.kind} order needs a limit price")
    if order.kind in _TRIGGERS and not order.stop_price:
        raise SizingError(f"a {order.kind} order needs a stop price")
    if any(price is not None and price <= 0 for price in (order.limit_price, order.stop_price)):
        raise SizingError("prices must be above zero")


def amend_arguments(change: AmendRequest) -> list[tuple[str, str]]:
    """Arguments of ``editorder``. Raises SizingError when nothing is to be changed."""
    changes = [("size", change.size), ("limitPrice", change.limit_price), ("stopPrice", change.stop_price)]
    given = [(name, plain(value)) for name, value in changes if value is not None]
    if not given:
        raise SizingError("an amendment must change something")
    if any(value is not None and value <= 0 for _, value in changes):
        raise SizingError("size and prices must be above zero")
    return [("cliOrdId", change.client_order_id), *given]


def cancel_arguments(
    client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
) -> list[tuple[str, str]]:
    """Arguments of ``cancelorder``: the client id is preferred, the venue has had faults with its own."""
    if client_order_id:
        return [("cliOrdId", client_order_id)]
    if venue_order_id:
        return [("order_id", venue_order_id)]
    raise SizingError("a cancel needs a client order id or a venue order id")


# ---------------------------------------------------------------- outcomes


@dataclass(frozen=True, slots=True)
class _Events:
    order_id: str | None
    executed: Decimal
    average: Decimal | None
    fill_ids: tuple[FillId, ...]
    reject_reason: str | None
    entered: bool


def parse_send(payload: Row, client_order_id: ClientOrderId) -> OrderOutcome:
    """Outcome of ``sendorder``.

    ``{"sendStatus":{"order_id":"...","status":"placed","orderEvents":[{"type":"EXECUTION","price":1,"amount":2}]}}``
    """
    return _outcome(child(payload, "sendStatus"), client_order_id)


def parse_edit(payload: Row, client_order_id: ClientOrderId) -> OrderOutcome:
    """Outcome of ``editorder``: ``{"editStatus":{"status":"edited","orderId":"...","orderEvents":[...]}}``"""
    return _outcome(child(payload, "editStatus"), client_order_id)


def _outcome(status_row: Row, client_order_id: ClientOrderId) -> OrderOutcome:
    status = text(status_row, "status")
    events = _read_events(status_row)
    order_id = optional_text(status_row, "order_id", "orderId") or events.order_id
    if events.executed > 0:
        if order_id is None:
            return OrderUnknown(client_order_id, f"{status}: executed, but no order id was given")
        return OrderAccepted(client_order_id, VenueOrderId(order_id), events.executed, events.average, events.fill_ids)
    if status in ACCEPTED:
        if order_id is None or (events.reject_reason is not None and not events.entered):
            return OrderUnknown(client_order_id, f"contradictory answer: {shown(status_row)}")
        return OrderAccepted(client_order_id, VenueOrderId(order_id))
    refusal = REFUSALS.get(status)
    if refusal is None or events.entered:
        return OrderUnknown(client_order_id, f"status {status!r} proves nothing")
    venue_text = f"{status} ({events.reject_reason})" if events.reject_reason else status
    return OrderRefused(client_order_id, _refined(refusal, events.reject_reason), venue_text)


def _refined(refusal: RefusalCode, reject_reason: str | None) -> RefusalCode:
    """EDIT_HAS_NO_EFFECT arrives under several statuses; the reason is the better word there."""
    if reject_reason == "EDIT_HAS_NO_EFFECT":
        return REFUSALS_BY_REASON[reject_reason]
    return refusal


def _read_events(status_row: Row) -> _Events:
    listed = rows(status_row, "orderEvents") if status_row.get("orderEvents") is not None else []
    executions = [row for row in listed if row.get("type") == "EXECUTION"]
    executed = sum((positive(row, "amount") for row in executions), Decimal(0))
    turnover = sum((positive(row, "amount") * positive(row, "price") for row in executions), Decimal(0))
    return _Events(
        order_id=next((found for row in listed if (found := _event_order_id(row)) is not None), None),
        executed=executed,
        average=turnover / executed if executed else None,
        fill_ids=tuple(FillId(text(row, "executionId")) for row in executions),
        reject_reason=next((optional_text(row, "reason") for row in listed if row.get("type") == "REJECT"), None),
        entered=any(row.get("type") in ("PLACE", "EDIT") for row in listed),
    )


def _event_order_id(row: Row) -> str | None:
    for key in ("order", "orderPriorExecution", "new", "orderTrigger"):
        order = row.get(key)
        if isinstance(order, dict):
            return optional_text(order, "orderId", "uid")
    return None


def parse_cancel(
    payload: Row, client_order_id: ClientOrderId | None, venue_order_id: VenueOrderId | None
) -> CancelOutcome:
    """``{"cancelStatus":{"status":"cancelled","order_id":"..."}}``; an unknown status is UNKNOWN."""
    row = child(payload, "cancelStatus")
    status = text(row, "status")
    order_id = optional_text(row, "order_id", "orderId")
    known = CANCELS.get(status, CancelStatus.UNKNOWN)
    detail = "" if known is not CancelStatus.UNKNOWN else f"status {status!r} proves nothing"
    return CancelOutcome(client_order_id, VenueOrderId(order_id) if order_id else venue_order_id, known, detail)


def parse_batch(payload: Row, client_order_ids: Sequence[ClientOrderId]) -> list[OrderOutcome]:
    """Outcomes of a batch of sends whose `order_tag` is the position in `client_order_ids`; the missing are unknown.

    ``{"batchStatus":[{"status":"placed","order_tag":"0","order_id":"..."}]}``
    """
    by_tag = {str(row.get("order_tag")): row for row in rows(payload, "batchStatus")}
    return [
        _outcome(by_tag[str(tag)], client_id)
        if str(tag) in by_tag
        else OrderUnknown(client_id, "missing in the answer to the batch")
        for tag, client_id in enumerate(client_order_ids)
    ]


# ---------------------------------------------------------------- resting orders


def parse_open_orders(payload: Row, to_symbol: ToSymbol) -> list[OpenOrder]:
    """``{"openOrders":[{"order_id":"...","symbol":"PI_ETHUSD","side":"buy","orderType":"lmt","unfilledSize":100.0}]}``"""
    return [_open_order(row, to_symbol) for row in rows(payload, "openOrders")]


def _open_order(row: Row, to_symbol: ToSymbol) -> OpenOrder:
    client_id = optional_text(row, "cliOrdId", "cli_ord_id")
    size = optional_number(row, "unfilledSize")
    return OpenOrder(
        venue_order_id=VenueOrderId(text(row, "order_id")),
        client_order_id=ClientOrderId(client_id) if client_id else None,
        symbol=to_symbol(text(row, "symbol")),
        side=side(row),
        kind=_kind(row, "orderType"),
        size=number_or_zero(row, "size") if size is None else size,
        filled=number_or_zero(row, "filledSize"),
        limit_price=optional_number(row, "limitPrice"),
        stop_price=optional_number(row, "stopPrice"),
        trigger_signal=_signal(row),
        reduce_only=flag(row, "reduceOnly"),
        created_at=moment(row, "receivedTime"),
    )


def _kind(row: Row, key: str) -> OrderKind:
    word = text(row, key)
    kind = OPEN_KINDS.get(word.lower())
    if kind is None:
        raise VenueProtocolError(f"open order of unknown type {word!r}: {shown(row)}")
    return kind


def _signal(row: Row) -> TriggerSignal | None:
    word = optional_text(row, "triggerSignal")
    return SIGNALS.get(word.lower()) if word else None


def parse_stream_order(row: Row, to_symbol: ToSymbol) -> OpenOrder:
    """One order of the ``open_orders`` feed; ``qty`` is what remains open, ``direction`` 0 is buy."""
    client_id = optional_text(row, "cli_ord_id")
    direction = number(row, "direction")
    if direction not in (0, 1):
        raise VenueProtocolError(f"direction must be 0 or 1: {shown(row)}")
    return OpenOrder(
        venue_order_id=VenueOrderId(text(row, "order_id")),
        client_order_id=ClientOrderId(client_id) if client_id else None,
        symbol=to_symbol(text(row, "instrument")),
        side=Side.SELL if direction else Side.BUY,
        kind=_kind(row, "type"),
        size=number(row, "qty"),
        filled=number_or_zero(row, "filled"),
        limit_price=optional_number(row, "limit_price") or None,
        stop_price=optional_number(row, "stop_price") or None,
        trigger_signal=_signal(row),
        reduce_only=flag(row, "reduce_only"),
        created_at=moment(row, "time"),
    )


def parse_reports(payload: Row, to_symbol: ToSymbol) -> list[OrderReport]:
    """``{"orders":[{"order":{"orderId":"...","quantity":1,"filled":0,...},"status":"ENTERED_BOOK"}]}``"""
    return [_report(row, to_symbol) for row in rows(payload, "orders")]


def _report(row: Row, to_symbol: ToSymbol) -> OrderReport:
    order = child(row, "order")
    word = text(row, "status")
    state = STATES.get(word)
    if state is None:
        raise VenueProtocolError(f"order in unknown state {word!r}: {shown(row)}")
    client_id = optional_text(order, "cliOrdId")
    return OrderReport(
        venue_order_id=VenueOrderId(text(order, "orderId")),
        client_order_id=ClientOrderId(client_id) if client_id else None,
        symbol=to_symbol(text(order, "symbol")),
        state=state,
        size=number(order, "quantity"),
        filled=number_or_zero(order, "filled"),
        venue_reason=optional_text(row, "error", "updateReason") or "",
    )
