"""/api/history/v3: executions, orders, triggers, positions, account log. Numbers are strings here."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import Any

from tradingbot.core.types import plain
from tradingbot.sim_server.account_log_rest import account_log, account_log_csv, log_cost
from tradingbot.sim_server.call import Answer, Call, Endpoint
from tradingbot.sim_server.history_page import Element, account_page
from tradingbot.sim_server.market_history_rest import market_history
from tradingbot.simulator.records import EventKind, Fill, Order, OrderEvent, PositionChange

_KINDS = {"lmt": "Limit", "post": "Post", "ioc": "IoC", "mkt": "IoC", "fok": "FillOrKill", "stp": "IoC",
          "take_profit": "IoC", "trailing_stop": "IoC", "liquidation": "Liquidation"}  # fmt: skip
_EVENTS = {
    EventKind.PLACE: "OrderPlaced",
    EventKind.EXECUTION: "OrderUpdated",
    EventKind.CANCEL: "OrderCancelled",
    EventKind.EDIT: "OrderEdited",
    EventKind.REJECT: "OrderRejected",
}
_TRIGGER_EVENTS = {
    EventKind.PLACE: "OrderTriggerPlaced",
    EventKind.ACTIVATE: "OrderTriggerActivated",
    EventKind.CANCEL: "OrderTriggerCancelled",
    EventKind.EDIT: "OrderTriggerUpdated",
    EventKind.REJECT: "OrderRejected",
}


def _mine(call: Call, symbol: str) -> bool:
    wanted = call.text("tradeable")
    return wanted is None or wanted.upper() == symbol


def _order(order: Order, account: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "uid": order.uid,
        "accountUid": account,
        "tradeable": order.symbol,
        "direction": order.side.value.capitalize(),
        "quantity": plain(order.open),
        "filled": plain(order.filled),
        "timestamp": order.created_ms,
        "limitPrice": "" if order.limit_price is None else plain(order.limit_price),
        "orderType": _KINDS.get(order.kind, "Limit"),
        "clientId": order.client_id or "",
        "reduceOnly": order.reduce_only,
        "lastUpdateTimestamp": order.updated_ms,
    }
    if order.stop_price is not None:
        signals = {"mark": "MarkPrice", "last": "LastPrice", "index": "SpotPrice"}
        made["triggerOptions"] = {
            "triggerPrice": plain(order.stop_price),
            "triggerSignal": signals[order.signal],
            "triggerSide": "Above" if order.above else "Below",
        }
    return made


def _order_event(event: OrderEvent, account: str) -> dict[str, Any]:
    name = (_TRIGGER_EVENTS if event.order.is_trigger else _EVENTS).get(event.kind, "OrderUpdated")
    body: dict[str, Any] = {
        "reason": event.reason.lower(),
        "reducedQuantity": "" if event.reduced is None else plain(event.reduced),
        "algoId": "",
        "origin": "Api",
    }
    if event.old is not None:
        body |= {"oldOrder": _order(event.old, account), "newOrder": _order(event.order, account)}
    else:
        body["order"] = _order(event.order, account)
    return {name: body}


def _orders(call: Call, *, triggers: bool) -> Awaitable[Answer]:
    account = call.service.venue.account.uid

    def wanted(event: OrderEvent) -> bool:
        return event.order.is_trigger is triggers and _mine(call, event.order.symbol)

    def show(event: OrderEvent) -> Element:
        return event.uid, event.time_ms, _order_event(event, account)

    return account_page(call, "events", wanted, show)


def _execution(call: Call, fill: Fill) -> Element:
    account = call.service.venue.account.uid
    order = {
        "uid": fill.uid,
        "accountUid": account,
        "tradeable": fill.symbol,
        "direction": fill.side.value.capitalize(),
        "quantity": plain(fill.remaining),
        "filled": plain(fill.size),
        "timestamp": fill.time_ms,
        "limitPrice": plain(fill.price),
        "orderType": {"limit": "Limit", "post": "Post"}.get(fill.order_kind, "IoC"),
        "clientId": fill.client_id or "",
        "reduceOnly": False,
        "lastUpdateTimestamp": fill.time_ms,
    }
    maker = fill.fill_type == "maker"
    instrument = call.service.venue.instruments[fill.symbol]
    data = {
        "fee": plain(fill.fee),
        "feeCurrency": fill.fee_currency,
        "positionSize": plain(fill.size),
    }
    execution = {
        "uid": fill.fill_id,
        "makerOrder" if maker else "takerOrder": order,
        "timestamp": fill.time_ms,
        "quantity": plain(fill.size),
        "price": plain(fill.price),
        "markPrice": plain(fill.mark_price),
        "limitFilled": fill.remaining == 0,
        "usdValue": plain(round(instrument.notional_usd(fill.size, fill.price), 2)),
        "executionType": fill.fill_type,
        "orderData": data,
    }
    return fill.fill_id, fill.time_ms, {"execution": {"execution": execution, "takerReducedQuantity": ""}}


def _executions(call: Call) -> Awaitable[Answer]:
    return account_page(call, "fills", lambda fill: _mine(call, fill.symbol), partial(_execution, call))


def _position(change: PositionChange, account: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "accountUid": account,
        "tradeable": change.symbol,
        "oldPosition": plain(change.old_size),
        "oldAverageEntryPrice": plain(change.old_entry),
        "newPosition": plain(change.new_size),
        "newAverageEntryPrice": plain(change.new_entry),
        "fillTime": change.time_ms,
        "fee": plain(change.fee),
        "feeCurrency": change.fee_currency,
        "realizedPnL": plain(change.realized_pnl),
        "realizedFunding": plain(change.realized_funding),
        "fundingRealizationTime": change.time_ms,
        "positionChange": change.change,
        "tradeType": "userExecution" if change.fill_type in {"maker", "taker"} else change.fill_type,
        "timestamp": change.time_ms,
        "updateReason": change.reason,
    }
    if change.fill_id:
        body |= {
            "executionUid": change.fill_id,
            "executionPrice": plain(change.price),
            "executionSize": plain(change.size),
        }
    return {"PositionUpdate": body}


def _positions(call: Call) -> Awaitable[Answer]:
    account = call.service.venue.account.uid

    def show(change: PositionChange) -> Element:
        return change.uid, change.time_ms, _position(change, account)

    return account_page(call, "positions", lambda change: _mine(call, change.symbol), show)


HISTORY_ENDPOINTS = {
    ("GET", "executions"): Endpoint(_executions, private=True, cost=1, history=True),
    ("GET", "orders"): Endpoint(partial(_orders, triggers=False), private=True, cost=1, history=True),
    ("GET", "triggers"): Endpoint(partial(_orders, triggers=True), private=True, cost=1, history=True),
    ("GET", "positions"): Endpoint(_positions, private=True, cost=1, history=True),
    ("GET", "account-log"): Endpoint(account_log, private=True, cost=log_cost, history=True),
    ("GET", "accountlogcsv"): Endpoint(account_log_csv, private=True, cost=6, history=True),
    ("GET", "market"): Endpoint(market_history),
}
"""Endpoints of /api/history/v3 (v2 is the same)."""
