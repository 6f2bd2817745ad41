"""Private endpoints that change orders: send, edit, cancel, batch, dead-man switch."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from tradingbot.sim_server.call import Answer, Call, Endpoint
from tradingbot.sim_server.errors import ApiError, bad_request, invalid, missing
from tradingbot.sim_server.wire import events_json, iso
from tradingbot.simulator.checks import ORDER_KINDS
from tradingbot.simulator.order_desk import Change, NewOrder, Outcome
from tradingbot.simulator.records import TRIGGER_KINDS

_SIGNALS = {"mark": "mark", "index": "index", "spot": "index", "last": "last", "mark_price": "mark",
            "spot_price": "index", "index_price": "index", "last_price": "last"}  # fmt: skip


def send_order(call: Call) -> Answer:
    """sendorder: "success" says nothing about acceptance, `sendStatus.status` does."""
    return {"sendStatus": _send(call)}


def _send(call: Call) -> dict[str, Any]:
    service = call.service
    received = iso(service.now_ms())
    if (too_late := _too_late(call)) is not None:
        return {"status": too_late, "receivedTime": received, "orderEvents": []}
    outcome = service.venue.send(_new_order(call))
    status: dict[str, Any] = {
        "status": _shown(call, outcome.status),
        "receivedTime": received,
        "orderEvents": events_json(outcome.events),
    }
    if outcome.order is not None:
        status["order_id"] = outcome.order.uid
    if call.text("cliOrdId"):
        status["cliOrdId"] = call.text("cliOrdId")
    return status


def _shown(call: Call, status: str) -> str:
    fault = call.service.venue.state.faults.hit("unknown_status", call.path, call.service.now_ms())
    return "pendingReviewByMatcher" if fault else status


def _too_late(call: Call) -> str | None:
    limit_ms = call.moment_ms("processBefore")
    late = limit_ms is not None and call.service.now_ms() > limit_ms
    return "wouldProcessAfterSpecifiedTime" if late else None


def _new_order(call: Call) -> NewOrder:
    kind = call.required("orderType").lower()
    if kind not in ORDER_KINDS:
        raise bad_request(11, "invalid order type")
    _required_prices(call, kind)
    signal = (call.text("triggerSignal") or "last").lower()
    if signal not in _SIGNALS:
        raise invalid("triggerSignal")
    size = call.number("size")
    if size is None:
        raise missing("size")
    return NewOrder(
        symbol=call.listed_symbol(),
        side=call.side(),
        kind=kind,
        size=size,
        limit_price=call.number("limitPrice"),
        stop_price=call.number("stopPrice"),
        signal=_SIGNALS[signal],
        client_id=call.text("cliOrdId"),
        reduce_only=call.flag("reduceOnly"),
        deviation=call.number("trailingStopMaxDeviation"),
        deviation_unit=(call.text("trailingStopDeviationUnit") or "PERCENT").upper(),
        offset=call.number("limitPriceOffsetValue"),
        offset_unit=(call.text("limitPriceOffsetUnit") or "").upper(),
    )


def _required_prices(call: Call, kind: str) -> None:
    if kind in {"lmt", "post", "ioc", "fok"} and call.number("limitPrice") is None:
        raise missing("limitPrice")
    if kind in {"stp", "take_profit"} and call.number("stopPrice") is None:
        raise missing("stopPrice")
    if kind == "trailing_stop":
        if call.number("trailingStopMaxDeviation") is None:
            raise missing("trailingStopMaxDeviation")
        if call.text("stopPrice") or call.text("limitPrice"):
            raise invalid("stopPrice" if call.text("stopPrice") else "limitPrice")
    if call.text("limitPriceOffsetValue") and call.text("limitPrice"):
        raise invalid("limitPriceOffsetValue")
    if kind not in TRIGGER_KINDS and call.text("stopPrice"):
        raise invalid("stopPrice")


def edit_order(call: Call) -> Answer:
    """editorder: by orderId or cliOrdId."""
    return {"editStatus": _edit(call, call.text("orderId") or call.text("order_id"))}


def _edit(call: Call, uid: str | None) -> dict[str, Any]:
    client_id = call.text("cliOrdId")
    if not uid and not client_id:
        raise missing("orderId")
    received = iso(call.service.now_ms())
    if (too_late := _too_late(call)) is not None:
        return {"status": too_late, "receivedTime": received, "orderEvents": []}
    mode = (call.text("qtyMode") or "RELATIVE").upper()
    if mode not in {"RELATIVE", "ABSOLUTE"}:
        raise invalid("qtyMode")
    change = Change(
        size=call.number("size"),
        limit_price=call.number("limitPrice"),
        stop_price=call.number("stopPrice"),
        absolute=mode == "ABSOLUTE",
        deviation=call.number("trailingStopMaxDeviation"),
        deviation_unit=call.text("trailingStopDeviationUnit"),
    )
    found = call.service.venue.find(uid, client_id)
    outcome = call.service.venue.edit(found.uid, change) if found else Outcome("orderForEditNotFound")
    status: dict[str, Any] = {
        "status": outcome.status,
        "receivedTime": received,
        "orderEvents": events_json(outcome.events),
    }
    if outcome.order is not None:
        status["orderId"] = outcome.order.uid
        if outcome.order.client_id:
            status["cliOrdId"] = outcome.order.client_id
    return status


def cancel_order(call: Call) -> Answer:
    """cancelorder: by order_id or cliOrdId."""
    return {"cancelStatus": _cancel(call)}


def _cancel(call: Call) -> dict[str, Any]:
    uid, client_id = call.text("order_id"), call.text("cliOrdId")
    if not uid and not client_id:
        raise missing("order_id")
    venue = call.service.venue
    found = venue.find(uid, client_id)
    outcome = venue.cancel(found.uid) if found else Outcome(_cancel_miss(call, uid, client_id))
    status: dict[str, Any] = {
        "status": outcome.status,
        "receivedTime": iso(call.service.now_ms()),
        "orderEvents": events_json(outcome.events),
    }
    if uid or outcome.order:
        status["order_id"] = outcome.order.uid if outcome.order else uid
    if client_id:
        status["cliOrdId"] = client_id
    return status


def _cancel_miss(call: Call, uid: str | None, client_id: str | None) -> str:
    """``filled`` for an order that has just traded, otherwise ``notFound``."""
    venue = call.service.venue
    oldest_ms = call.service.now_ms() - round(call.service.params.order_memory_s * 1000)
    for event in reversed(venue.rows.events):
        if event.time_ms < oldest_ms:
            break
        mine = event.order.uid == uid if uid else event.order.client_id == client_id
        if mine:
            return "filled" if event.fill is not None and event.order.open == 0 else "notFound"
    return "notFound"


def cancel_all(call: Call) -> Answer:
    """cancelallorders: of one contract or all, triggers too."""
    symbol = call.symbol(required=False)
    outcomes = call.service.venue.cancel_all(symbol)
    orders = [outcome.order for outcome in outcomes if outcome.order is not None]
    cancelled = [
        {"order_id": order.uid, **({"cliOrdId": order.client_id} if order.client_id else {})} for order in orders
    ]
    return {
        "cancelStatus": {
            "receivedTime": iso(call.service.now_ms()),
            "cancelOnly": symbol or "all",
            "status": "cancelled" if cancelled else "noOrdersToCancel",
            "cancelledOrders": cancelled,
            "orderEvents": [made for outcome in outcomes for made in events_json(outcome.events)],
        }
    }


def dead_man(call: Call) -> Answer:
    """cancelallordersafter: arm, re-arm or disarm the switch."""
    timeout_s = call.integer("timeout")
    if timeout_s is None:
        raise missing("timeout")
    if not 0 <= timeout_s < 2**32:
        raise invalid("timeout")
    strikes_ms = call.service.venue.arm_dead_man(timeout_s)
    trigger_time = iso(strikes_ms) if strikes_ms else "0"
    return {"status": {"currentTime": iso(call.service.now_ms()), "triggerTime": trigger_time}}


def batch_order(call: Call) -> Answer:
    """batchorder: each element on its own; partial success is normal."""
    return {"batchStatus": [_batch_one(call, element) for element in batch_elements(call)]}


def batch_elements(call: Call) -> list[dict[str, Any]]:
    """The instructions of a batch. Raises `Json Parse Error` or `invalidArgument`."""
    try:
        body = orjson.loads(call.required("json"))
    except orjson.JSONDecodeError:
        raise ApiError("Json Parse Error") from None
    elements = body.get("batchOrder") if isinstance(body, dict) else None
    if not isinstance(elements, list) or not all(isinstance(one, dict) for one in elements):
        raise invalid("batchOrder")
    if len(elements) > call.service.params.max_batch:
        raise invalid("batchOrder")
    return elements


def batch_cost(call: Call) -> int:
    """9 and one per element."""
    try:
        return 9 + len(batch_elements(call))
    except ApiError:
        return 9


def _batch_one(call: Call, element: dict[str, Any]) -> dict[str, Any]:
    one = Call(call.service, "POST", call.path, call.rest, {k: [_as_text(v)] for k, v in element.items()})
    actions = {"send": _send, "cancel": _cancel}
    word = one.required("order")
    try:
        if word == "edit":
            status = _edit(one, one.text("order_id") or one.text("orderId"))
            status["order_id"] = status.pop("orderId", None)
        elif word in actions:
            status = actions[word](one)
        else:
            raise invalid("order")
    except ApiError as error:
        status = {"status": _batch_refusal(error), "orderEvents": []}
    status["dateTimeReceived"] = status.pop("receivedTime", iso(call.service.now_ms()))
    if one.text("order_tag"):
        status["order_tag"] = one.text("order_tag")
    return {name: value for name, value in status.items() if value is not None}


def _batch_refusal(error: ApiError) -> str:
    names = {"invalidArgument: symbol": "marketInactive", "invalidArgument: side": "invalidSide",
             "invalid order type": "invalidOrderType"}  # fmt: skip
    return names.get(error.error, error.error)


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(Decimal(repr(value)), "f") if isinstance(value, float) else str(value)


ORDER_ENDPOINTS = {
    ("POST", "sendorder"): Endpoint(send_order, private=True, cost=10, matches=True),
    ("POST", "editorder"): Endpoint(edit_order, private=True, cost=10, matches=True),
    ("POST", "cancelorder"): Endpoint(cancel_order, private=True, cost=10, matches=True),
    ("POST", "batchorder"): Endpoint(batch_order, private=True, cost=batch_cost, matches=True),
    ("POST", "cancelallorders"): Endpoint(cancel_all, private=True, cost=25, matches=True),
    ("POST", "cancelallordersafter"): Endpoint(dead_man, private=True, cost=25, commits=True),
}
"""Endpoints that change orders."""
