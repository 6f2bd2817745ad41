"""/api/history/v3: executions, orders, triggers, positions, account log. Numbers are strings here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tradingbot.core.types import plain
from tradingbot.sim_server.call import Answer, Call, Endpoint
from tradingbot.sim_server.errors import ApiError, invalid, unknown_path
from tradingbot.sim_server.wire import iso, num, num_or_none
from tradingbot.simulator.records import EventKind, Fill, LogRow, Order, OrderEvent, PositionChange
from tradingbot.simulator.tape import Print

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
_MAX_PAGE = 1000

Element = tuple[str, int, dict[str, Any]]


def paged(call: Call, elements: Sequence[Element], account: str | None) -> Answer:
    """Elements (uid, time, event), oldest first, as one page of the history API."""
    since_ms, before_ms = call.moment_ms("since"), call.moment_ms("before")
    kept = [
        one
        for one in elements
        if (since_ms is None or one[1] >= since_ms) and (before_ms is None or one[1] < before_ms)
    ]
    if (call.text("sort") or "desc").lower() != "asc":
        kept.reverse()
    count = min(_MAX_PAGE, call.integer("count") or _MAX_PAGE)
    start = _offset(call)
    page = kept[start : start + count]
    answer: dict[str, Any] = {
        "len": len(page),
        "elements": [{"uid": uid, "timestamp": moment, "event": event} for uid, moment, event in page],
    }
    if account:
        answer["accountUid"] = account
    if start + count < len(kept):
        answer["continuationToken"] = f"o{start + count}"
    return answer


def _offset(call: Call) -> int:
    token = call.text("continuation_token") or call.text("continuationToken")
    if token is None:
        return 0
    if not token.startswith("o") or not token[1:].isdecimal():
        raise invalid("continuation_token")
    return int(token[1:])


def _mine(call: Call, symbol: str) -> bool:
    wanted = call.text("tradeable")
    return wanted is None or wanted.upper() == symbol


def _page_of(make: Callable[[Call], list[Element]]) -> Callable[[Call], Answer]:
    def handler(call: Call) -> Answer:
        return paged(call, make(call), call.service.venue.account.uid)

    return handler


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


def _orders(call: Call, *, triggers: bool) -> list[Element]:
    account = call.service.venue.account.uid
    return [
        (event.uid, event.time_ms, _order_event(event, account))
        for event in call.service.venue.rows.events
        if event.order.is_trigger is triggers and _mine(call, event.order.symbol)
    ]


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


def _executions(call: Call) -> list[Element]:
    return [_execution(call, fill) for fill in call.service.venue.rows.fills if _mine(call, fill.symbol)]


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


def _positions(call: Call) -> list[Element]:
    venue = call.service.venue
    return [
        (change.uid, change.time_ms, _position(change, venue.account.uid))
        for change in venue.rows.positions
        if _mine(call, change.symbol)
    ]


def log_json(row: LogRow) -> dict[str, Any]:
    """One row of the account log."""
    return {
        "asset": row.asset,
        "booking_uid": row.booking,
        "contract": row.contract,
        "date": iso(row.time_ms),
        "execution": row.execution,
        "fee": num_or_none(row.fee),
        "funding_rate": num_or_none(row.funding_rate),
        "id": row.id,
        "info": row.info,
        "margin_account": row.wallet,
        "mark_price": num_or_none(row.mark_price),
        "new_balance": num(row.new_balance),
        "old_balance": num(row.old_balance),
        "new_average_entry_price": num_or_none(row.new_average),
        "old_average_entry_price": num_or_none(row.old_average),
        "realized_funding": num_or_none(row.realized_funding),
        "realized_pnl": num_or_none(row.realized_pnl),
        "trade_price": num_or_none(row.trade_price),
        "collateral": None,
        "liquidation_fee": num_or_none(row.liquidation_fee),
    }


def account_log(call: Call) -> Answer:
    """Booked rows: since/before in ms, from/to by row id (inclusive), sorted, counted."""
    since_ms, before_ms = call.moment_ms("since"), call.moment_ms("before")
    first, last, info = call.integer("from"), call.integer("to"), call.text("info")
    kept = [
        row
        for row in call.service.venue.rows.log[max(0, (first or 1) - 1) :]
        if (since_ms is None or row.time_ms >= since_ms)
        and (before_ms is None or row.time_ms < before_ms)
        and (last is None or row.id <= last)
        and (info is None or row.info == info)
    ]
    if (call.text("sort") or "desc").lower() != "asc":
        kept.reverse()
    count = call.integer("count")
    logs = [log_json(row) for row in kept[: 500 if count is None else max(0, count)]]
    return {"accountUid": call.service.venue.account.uid, "logs": logs}


def account_log_csv(call: Call) -> Answer:
    """The whole log as CSV text, newest first."""
    rows = [log_json(row) for row in reversed(call.service.venue.rows.log)]
    columns = list(rows[0]) if rows else []
    lines = [",".join("" if row[name] is None else str(row[name]) for name in columns) for row in rows]
    return "\n".join([",".join(columns), *lines]) + "\n"


def log_cost(call: Call) -> int:
    """Dearer by the number of rows asked for."""
    count = call.integer("count") or 500
    for limit, cost in ((25, 1), (50, 2), (1000, 3), (5000, 6)):
        if count <= limit:
            return cost
    return 10


def market_history(call: Call) -> Answer:
    """market/{symbol}/executions, orders or price: public, from the tape that is remembered."""
    if len(call.rest) != 3:
        raise unknown_path()
    symbol, kind = call.rest[1].upper(), call.rest[2]
    if symbol not in call.service.venue.instruments:
        raise ApiError("contractNotFound", 404)
    tape = call.service.venue.market(symbol).tape
    if kind == "executions":
        return paged(call, [_public_execution(symbol, entry) for entry in tape], None)
    if kind == "price":
        return paged(call, [(e.uid, e.time_ms, {"MarkPriceChanged": {"price": plain(e.price)}}) for e in tape], None)
    if kind == "orders":
        return paged(call, [], None)
    raise unknown_path()


def _public_execution(symbol: str, entry: Print) -> Element:
    sides = {"takerOrder": entry.side, "makerOrder": entry.side.opposite}
    orders = {
        name: {
            "uid": entry.uid,
            "tradeable": symbol,
            "direction": side.value.capitalize(),
            "quantity": plain(entry.size),
            "timestamp": entry.time_ms,
            "limitPrice": plain(entry.price),
            "orderType": "Limit",
            "reduceOnly": False,
            "lastUpdateTimestamp": entry.time_ms,
        }
        for name, side in sides.items()
    }
    execution = {
        "uid": entry.uid,
        **orders,
        "timestamp": entry.time_ms,
        "quantity": plain(entry.size),
        "price": plain(entry.price),
        "markPrice": plain(entry.price),
        "limitFilled": True,
        "usdValue": plain(round(entry.size * entry.price, 2)),
    }
    return entry.uid, entry.time_ms, {"Execution": {"execution": execution, "takerReducedQuantity": ""}}


HISTORY_ENDPOINTS = {
    ("GET", "executions"): Endpoint(_page_of(_executions), private=True, cost=1, history=True),
    ("GET", "orders"): Endpoint(_page_of(lambda c: _orders(c, triggers=False)), private=True, cost=1, history=True),
    ("GET", "triggers"): Endpoint(_page_of(lambda c: _orders(c, triggers=True)), private=True, cost=1, history=True),
    ("GET", "positions"): Endpoint(_page_of(_positions), private=True, cost=1, history=True),
    ("GET", "account-log"): Endpoint(account_log, private=True, cost=log_cost, history=True),
    ("GET", "accountlogcsv"): Endpoint(account_log_csv, private=True, cost=6, history=True),
    ("GET", "market"): Endpoint(market_history),
}
"""Endpoints of /api/history/v3 (v2 is the same)."""
