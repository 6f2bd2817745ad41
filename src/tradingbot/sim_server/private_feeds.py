"""Messages of the private feeds."""

from __future__ import annotations

from typing import Any

from tradingbot.sim_server.account_json import ws_flex, ws_futures_wallet
from tradingbot.sim_server.account_log_rest import log_json
from tradingbot.sim_server.notices import notices
from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import OPEN_ORDER_SIGNALS, num
from tradingbot.simulator.arithmetic import profit
from tradingbot.simulator.margin import liquidation_price, position_margin, wallet_margin, wallets
from tradingbot.simulator.records import EventKind, Fill, LogRow, Order, OrderEvent
from tradingbot.simulator.rounding import ZERO

_WS_TYPES = {"stp": "stop", "take_profit": "take_profit", "trailing_stop": "trailing_stop"}
_POST_REJECTED = "post_order_failed_because_it_would_be_filled"
_SNAPSHOT_ROWS = 100


def open_order(order: Order) -> dict[str, Any]:
    """O of the open_orders feed; `qty` is what remains."""
    made: dict[str, Any] = {
        "instrument": order.symbol,
        "time": order.created_ms,
        "last_update_time": order.updated_ms,
        "qty": num(order.open),
        "filled": num(order.filled),
        "limit_price": num(order.limit_price or ZERO),
        "stop_price": num(order.stop_price or ZERO),
        "type": _WS_TYPES.get(order.kind, "limit") if order.is_trigger else "limit",
        "order_id": order.uid,
        "direction": 0 if order.side.value == "buy" else 1,
        "reduce_only": order.reduce_only,
    }
    if order.client_id:
        made["cli_ord_id"] = order.client_id
    if order.is_trigger:
        made["triggerSignal"] = OPEN_ORDER_SIGNALS[order.signal]
    if order.kind == "trailing_stop" and order.deviation is not None:
        unit = order.deviation_unit.lower()
        made["trailing_stop_options"] = {"max_deviation": num(order.deviation), "unit": unit}
    return made


def open_orders_snapshot(service: Service, feed: str) -> dict[str, Any]:
    """All resting orders and triggers."""
    orders = [open_order(order) for order in service.venue.account.orders.values()]
    return {"feed": f"{feed}_snapshot", "account": service.venue.account.uid, "orders": orders}


def open_orders_delta(event: OrderEvent, feed: str) -> dict[str, Any] | None:
    """The feed's message for one step; None for steps that it does not show, as trades of immediate orders."""
    order = event.order
    if event.kind in {EventKind.PLACE, EventKind.EDIT}:
        return {"feed": feed, "order": open_order(order), "is_cancel": False, "reason": event.reason}
    if event.kind is EventKind.EXECUTION:
        if event.fill is None or event.fill.fill_type not in {"maker", "takerAfterEdit"}:
            return None
        done = order.open == 0
        return {"feed": feed, "order": open_order(order), "is_cancel": done, "reason": event.reason}
    if event.kind is EventKind.REJECT:
        return _rejected(event, feed)
    gone: dict[str, Any] = {"feed": feed, "order_id": order.uid, "is_cancel": True, "reason": event.reason}
    return {**gone, "cli_ord_id": order.client_id} if order.client_id else gone


def _rejected(event: OrderEvent, feed: str) -> dict[str, Any] | None:
    if event.order.from_trigger:
        names = {"INSUFFICIENT_MARGIN": "not_enough_margin"}
        reason = names.get(event.reason, event.reason.lower())
        return {"feed": feed, "order_id": event.order.uid, "is_cancel": True, "reason": reason}
    if feed == "open_orders_verbose" and event.reason == "POST_WOULD_EXECUTE":
        return {"feed": feed, "order": open_order(event.order), "is_cancel": True, "reason": _POST_REJECTED}
    return None


def fill_message(fill: Fill) -> dict[str, Any]:
    """F of the fills feed, with the fee."""
    made = {
        "instrument": fill.symbol,
        "time": fill.time_ms,
        "price": num(fill.price),
        "seq": fill.seq,
        "buy": fill.side.value == "buy",
        "qty": num(fill.size),
        "remaining_order_qty": num(fill.remaining),
        "order_id": fill.uid,
        "fill_id": fill.fill_id,
        "fill_type": fill.fill_type,
        "fee_paid": num(fill.fee),
        "fee_currency": fill.fee_currency,
        "order_type": fill.order_kind,
    }
    if fill.fill_type != "maker":
        made["taker_order_type"] = fill.order_kind
    return {**made, "cli_ord_id": fill.client_id} if fill.client_id else made


def fills_snapshot(service: Service) -> dict[str, Any]:
    """Recent fills, newest last."""
    recent = service.venue.rows.fills[-_SNAPSHOT_ROWS:]
    fills = [fill_message(fill) for fill in recent]
    return {"feed": "fills_snapshot", "account": service.venue.account.uid, "fills": fills}


def open_positions(service: Service, seq: int) -> dict[str, Any]:
    """The full list of positions; `balance` is negative for shorts."""
    state = service.venue.state
    rows = []
    for symbol, position in state.account.positions.items():
        market = state.market(symbol)
        margin = position_margin(state, symbol, state.orders_of(symbol))
        wallet = wallet_margin(state, market.instrument.wallet)
        pnl = profit(market.instrument, position.size, position.entry, market.mark)
        size = abs(position.size)
        worth = size / market.mark if market.instrument.inverse else size * market.mark
        rows.append(
            {
                "instrument": symbol,
                "balance": num(position.size),
                "pnl": num(pnl),
                "entry_price": num(position.entry),
                "mark_price": num(market.mark),
                "index_price": num(market.index),
                "liquidation_threshold": num(liquidation_price(state, symbol)),
                "effective_leverage": float(worth / wallet.equity) if wallet.equity > 0 else 0.0,
                "return_on_equity": float(pnl / margin.initial) if margin.initial else 0.0,
                "unrealized_funding": num(margin.funding),
                "initial_margin": num(margin.initial),
                "initial_margin_with_orders": num(margin.initial_with_orders),
                "maintenance_margin": num(margin.maintenance),
                "pnl_currency": state.account.pnl_currency.get(symbol, market.instrument.currency),
            }
        )
    stamp = service.venue.now_ms
    return {"feed": "open_positions", "account": state.account.uid, "positions": rows, "seq": seq, "timestamp": stamp}


def balances(service: Service, seq: int, *, snapshot: bool) -> dict[str, Any]:
    """All wallets, as snapshot or as update."""
    state = service.venue.state
    margins = {name: wallet_margin(state, name) for name in wallets(state)}
    futures = dict(ws_futures_wallet(margin) for name, margin in margins.items() if name != "flex")
    message: dict[str, Any] = {
        "feed": "balances_snapshot" if snapshot else "balances",
        "account": state.account.uid,
        "holding": {c: num(v) for (wallet, c), v in state.account.balances.items() if wallet == "cash"},
        "futures": futures,
        "timestamp": service.venue.now_ms,
        "seq": seq,
    }
    if "flex" in margins:
        message["flex_futures"] = ws_flex(state, margins["flex"])
    return message


def log_entry(row: LogRow) -> dict[str, Any]:
    """A booked row as the stream writes it: no nulls."""
    made = log_json(row)
    texts = ("execution", "contract", "collateral")
    return {name: ("" if name in texts else 0.0) if value is None else value for name, value in made.items()} | {
        "conversion_spread_percentage": 0.0
    }


def account_log_snapshot(service: Service) -> dict[str, Any]:
    """Recent booked rows, newest first."""
    rows = service.venue.rows.log[-_SNAPSHOT_ROWS:]
    return {"feed": "account_log_snapshot", "logs": [log_entry(row) for row in reversed(rows)]}


def notifications(service: Service) -> dict[str, Any]:
    """Announcements; times in milliseconds."""
    rows = []
    for number, notice in enumerate(notices(service), 1):
        row = {"id": number, **{k: notice[k] for k in ("type", "priority", "note")}}
        if "effectiveTime" in notice:
            row["effective_time"] = service.now_ms()
            row["expected_downtime_minutes"] = notice["expectedDowntimeMinutes"]
        rows.append(row)
    return {"feed": "notifications_auth", "notifications": rows}
