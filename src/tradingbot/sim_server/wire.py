"""Records as the venue writes them on REST."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tradingbot.core.types import iso_utc, utc_from_ms
from tradingbot.simulator.records import EventKind, Fill, Order, OrderEvent

_ORDER_TYPES = {"mkt": "ioc", "take_profit": "take_profit", "trailing_stop": "trailing_stop"}
_SIGNALS = {"mark": "mark_price", "last": "last_price", "index": "spot_price"}
OPEN_ORDER_SIGNALS = {"mark": "mark", "last": "last", "index": "spot"}


def num(value: Decimal) -> float:
    """A Decimal as JSON number."""
    return float(value)


def num_or_none(value: Decimal | None) -> float | None:
    """A Decimal as JSON number, or null."""
    return None if value is None else float(value)


def iso(moment_ms: int) -> str:
    """Epoch milliseconds as the venue writes moments."""
    return iso_utc(utc_from_ms(moment_ms))


def order_json(order: Order) -> dict[str, Any]:
    """O of order events; `quantity` is the order's whole size."""
    return {
        "orderId": order.uid,
        "cliOrdId": order.client_id,
        "type": _ORDER_TYPES.get(order.kind, order.kind),
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": num(order.total),
        "filled": num(order.filled),
        "limitPrice": num_or_none(order.limit_price),
        "reduceOnly": order.reduce_only,
        "timestamp": iso(order.created_ms),
        "lastUpdateTimestamp": iso(order.updated_ms),
    }


def trigger_json(order: Order) -> dict[str, Any]:
    """T of order events."""
    return {
        "uid": order.uid,
        "clientId": order.client_id,
        "type": "lmt" if order.limit_price is not None or order.offset is not None else "ioc",
        "symbol": order.symbol,
        "side": order.side.value,
        "quantity": num(order.open),
        "limitPrice": num_or_none(order.limit_price),
        "triggerPrice": num_or_none(order.stop_price),
        "triggerSide": "trigger_above" if order.above else "trigger_below",
        "triggerSignal": _SIGNALS[order.signal],
        "reduceOnly": order.reduce_only,
        "timestamp": iso(order.created_ms),
        "lastUpdateTimestamp": iso(order.updated_ms),
        "startTime": None,
    }


def event_json(event: OrderEvent) -> dict[str, Any] | None:
    """One entry of orderEvents; None for steps that an answer does not carry."""
    made = {
        EventKind.PLACE: _place,
        EventKind.EXECUTION: _execution,
        EventKind.CANCEL: _named,
        EventKind.REJECT: _named,
        EventKind.EDIT: _edit,
    }.get(event.kind)
    return made(event) if made else None


def events_json(events: tuple[OrderEvent, ...]) -> list[dict[str, Any]]:
    """orderEvents of an answer."""
    return [made for event in events if (made := event_json(event)) is not None]


def _subject(order: Order) -> dict[str, Any]:
    return {"orderTrigger": trigger_json(order)} if order.is_trigger else {"order": order_json(order)}


def _place(event: OrderEvent) -> dict[str, Any]:
    return {"type": "PLACE", **_subject(event.order), "reducedQuantity": num_or_none(event.reduced)}


def _execution(event: OrderEvent) -> dict[str, Any]:
    fill, old = event.fill, event.old
    if fill is None or old is None:
        raise ValueError("an execution without its fill")
    return {
        "type": "EXECUTION",
        "executionId": fill.fill_id,
        "price": num(fill.price),
        "amount": num(fill.size),
        "orderPriorEdit": None,
        "orderPriorExecution": order_json(old),
        "takerReducedQuantity": None,
    }


def _named(event: OrderEvent) -> dict[str, Any]:
    made = {"type": event.kind.value, "uid": event.order.uid, **_subject(event.order)}
    return {**made, "reason": event.reason} if event.kind is EventKind.REJECT else made


def _edit(event: OrderEvent) -> dict[str, Any]:
    render = trigger_json if event.order.is_trigger else order_json
    old = render(event.old) if event.old else None
    return {"type": "EDIT", "old": old, "new": render(event.order), "reducedQuantity": num_or_none(event.reduced)}


def open_order_json(order: Order) -> dict[str, Any]:
    """One row of openorders. Triggers without a client id have no unfilledSize; post orders look like limit orders."""
    names = {"stp": "stop", "take_profit": "take_profit", "trailing_stop": "trailing_stop"}
    row: dict[str, Any] = {
        "order_id": order.uid,
        "symbol": order.symbol,
        "side": order.side.value,
        "orderType": names.get(order.kind, "lmt"),
        "filledSize": num(order.filled),
        "reduceOnly": order.reduce_only,
        "status": "partiallyFilled" if order.filled else "untouched",
        "receivedTime": iso(order.created_ms),
        "lastUpdateTime": iso(order.updated_ms),
    }
    if order.client_id:
        row["cliOrdId"] = order.client_id
    if order.limit_price is not None:
        row["limitPrice"] = num(order.limit_price)
    if order.is_trigger:
        row |= {"stopPrice": num_or_none(order.stop_price), "triggerSignal": OPEN_ORDER_SIGNALS[order.signal]}
    if not order.is_trigger or order.client_id:
        row["unfilledSize"] = num(order.open)
    return row


def fill_json(fill: Fill, *, with_pnl: bool) -> dict[str, Any]:
    """One row of fills: no fee on REST."""
    row: dict[str, Any] = {
        "fill_id": fill.fill_id,
        "order_id": fill.uid,
        "symbol": fill.symbol,
        "side": fill.side.value,
        "size": num(fill.size),
        "price": num(fill.price),
        "fillTime": iso(fill.time_ms),
        "fillType": fill.fill_type,
        "realized_pnl": num(fill.realized_pnl) if with_pnl else None,
        "sequence_id": str(fill.seq),
    }
    if fill.client_id:
        row["cliOrdId"] = fill.client_id
    return row
