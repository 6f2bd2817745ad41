"""Private endpoints about the account: positions, orders, fills, wallets, preferences, notices."""

from __future__ import annotations

import itertools
from typing import Any

from tradingbot.sim_server.account_json import account_section, accounts_json
from tradingbot.sim_server.call import Answer, Call, Endpoint
from tradingbot.sim_server.errors import ApiError, invalid, missing
from tradingbot.sim_server.notices import notices
from tradingbot.sim_server.past import Span
from tradingbot.sim_server.public_rest import FEE_SCHEDULE
from tradingbot.sim_server.wire import fill_json, iso, num, open_order_json
from tradingbot.simulator.arithmetic import profit
from tradingbot.simulator.records import EventKind, Order, OrderEvent
from tradingbot.simulator.rounding import ZERO

_STRATEGIES = ("REJECT_TAKER", "CANCEL_MAKER_SELF", "CANCEL_MAKER_CHILD", "CANCEL_MAKER_ANY")
_PNL_CURRENCIES = ("USD", "EUR", "GBP", "USDC", "USDT", "BTC", "ETH")
_MONTH_MS = 30 * 86_400_000
_FILLS_PER_PAGE = 100


def accounts(call: Call) -> Answer:
    """All wallets."""
    return {"accounts": accounts_json(call.service)}


def open_positions(call: Call) -> Answer:
    """Open positions; `size` is unsigned, there is no mark and no id."""
    state = call.service.venue.state
    rows: list[dict[str, Any]] = []
    if _left_out("empty_positions", call):
        return {"openPositions": rows}
    for symbol, position in state.account.positions.items():
        market = state.market(symbol)
        row: dict[str, Any] = {
            "symbol": symbol,
            "side": "long" if position.size > 0 else "short",
            "size": num(abs(position.size)),
            "price": num(position.entry),
            "fillTime": iso(position.fill_ms),
            "unrealizedFunding": num(state.unrealized_funding(symbol)),
            "unrealizedPnl": num(profit(market.instrument, position.size, position.entry, market.mark)),
            "pnlCurrency": state.account.pnl_currency.get(symbol, market.instrument.currency),
        }
        if symbol in state.account.leverage:
            row["maxFixedLeverage"] = num(state.account.leverage[symbol])
        rows.append(row)
    return {"openPositions": rows}


def open_orders(call: Call) -> Answer:
    """Resting orders and triggers, newest first."""
    orders = [] if _left_out("empty_orders", call) else list(call.service.venue.account.orders.values())
    return {"openOrders": [open_order_json(order) for order in reversed(orders)]}


def _left_out(fault: str, call: Call) -> bool:
    return call.service.venue.state.faults.hit(fault, call.path, call.service.now_ms()) is not None


async def fills(call: Call) -> Answer:
    """The last 100 fills, newest first; `lastFillTime` pages backwards and excludes itself."""
    before_ms = call.moment_ms("lastFillTime")
    span = Span("fills", before_ms=before_ms)
    newest = await call.service.past.page(span, newest_first=True, count=_FILLS_PER_PAGE)
    return {"fills": [fill_json(fill, with_pnl=before_ms is None) for fill in newest]}


def fills_cost(call: Call) -> int:
    """Paging backwards is dear."""
    return 25 if call.text("lastFillTime") else 2


def orders_status(call: Call) -> Answer:
    """Orders that are open or ended within the last five seconds."""
    wanted = set(call.lists.get("orderIds", ())) | set(call.lists.get("orderIds[]", ()))
    clients = set(call.lists.get("cliOrdIds", ())) | set(call.lists.get("cliOrdIds[]", ()))
    if not wanted and not clients:
        raise missing("orderIds")
    latest = {event.order.uid: event for event in _remembered(call) if _asked(event, wanted, clients)}
    return {"orders": [_status_row(event) for event in latest.values()]}


def _asked(event: OrderEvent, uids: set[str], clients: set[str]) -> bool:
    return event.order.uid in uids or (event.order.client_id or "") in clients


def _remembered(call: Call) -> list[OrderEvent]:
    venue = call.service.venue
    oldest_ms = call.service.now_ms() - round(call.service.params.order_memory_s * 1000)
    recent = list(itertools.takewhile(lambda event: event.time_ms >= oldest_ms, reversed(venue.rows.events)))
    known = {event.order.uid for event in recent}
    resting = [_standing(order) for uid, order in venue.account.orders.items() if uid not in known]
    return [*resting, *reversed(recent)]


def _standing(order: Order) -> OrderEvent:
    """A resting order to which nothing has happened lately."""
    reason = "partial_fill" if order.filled else "new_placed_order_by_user"
    return OrderEvent("", order.updated_ms, EventKind.PLACE, order, reason=reason)


def _status_row(event: OrderEvent) -> dict[str, Any]:
    order = event.order
    options = None
    if order.is_trigger:
        signals = {"mark": "MARK_PRICE", "last": "LAST_PRICE", "index": "SPOT_PRICE"}
        options = {
            "triggerPrice": num(order.stop_price or ZERO),
            "triggerSide": "TRIGGER_ABOVE" if order.above else "TRIGGER_BELOW",
            "triggerSignal": signals[order.signal],
        }
    status, reason = _status_words(event)
    return {
        "order": {
            "type": "TRIGGER_ORDER" if order.is_trigger else "ORDER",
            "orderId": order.uid,
            "cliOrdId": order.client_id,
            "symbol": order.symbol,
            "side": order.side.value,
            "quantity": num(order.total),
            "filled": num(order.filled),
            "limitPrice": None if order.limit_price is None else num(order.limit_price),
            "reduceOnly": order.reduce_only,
            "timestamp": iso(order.created_ms),
            "lastUpdateTimestamp": iso(order.updated_ms),
            "priceTriggerOptions": options,
            "triggerTime": None,
        },
        "status": status,
        "updateReason": reason,
        "error": event.reason if event.kind is EventKind.REJECT else None,
    }


_REASONS = {
    "new_placed_order_by_user": "NEW_USER_ORDER",
    "limit_order_from_stop": "LIMIT_FROM_STOP",
    "ioc_order_failed_because_it_would_not_be_executed": "IOC_WOULD_NOT_EXECUTE_REASON",
    "would_execute_self": "WOULD_EXECUTE_SELF_REASON",
}


def _status_words(event: OrderEvent) -> tuple[str, str | None]:
    reason = _REASONS.get(event.reason, event.reason.upper())
    if event.kind is EventKind.REJECT:
        return ("TRIGGER_ACTIVATION_FAILURE" if event.order.from_trigger else "REJECTED"), None
    if event.kind is EventKind.CANCEL:
        return "CANCELLED", reason
    if event.order.is_trigger:
        return "TRIGGER_PLACED", reason
    return ("FULLY_EXECUTED" if event.order.open == 0 else "ENTERED_BOOK"), reason


def leverage_preferences(call: Call) -> Answer:
    """Isolated leverages; a contract that is absent is cross."""
    chosen = call.symbol(required=False)
    leverage = call.service.venue.account.leverage
    rows = [{"symbol": s, "maxLeverage": num(v)} for s, v in leverage.items() if chosen in (None, s)]
    return {"leveragePreferences": rows}


def set_leverage(call: Call) -> Answer:
    """With maxLeverage isolated at it, without it cross."""
    if not call.service.venue.set_leverage(call.listed_symbol(), call.number("maxLeverage")):
        raise invalid("maxLeverage")
    return {}


def pnl_preferences(call: Call) -> Answer:
    """Currencies that profit is paid in."""
    chosen = call.service.venue.account.pnl_currency
    return {"preferences": [{"symbol": symbol, "pnlCurrency": currency} for symbol, currency in chosen.items()]}


def set_pnl_preference(call: Call) -> Answer:
    """Remember the currency. This venue books profit of linear contracts in USD all the same."""
    currency = call.required("pnlPreference").upper()
    if currency not in _PNL_CURRENCIES:
        raise invalid("pnlPreference")
    call.service.venue.account.pnl_currency[call.listed_symbol()] = currency
    return {}


def self_trade(call: Call) -> Answer:
    """The self-trade strategy; PUT changes it."""
    account = call.service.venue.account
    if call.method == "PUT":
        strategy = call.required("strategy").upper()
        if strategy not in _STRATEGIES:
            raise invalid("strategy")
        account.self_trade = strategy
    return {"strategy": account.self_trade}


def notifications(call: Call) -> Answer:
    """Announcements: maintenance while that fault is planned or on, post-only after it."""
    return {"notifications": notices(call.service)}


def transfer(call: Call) -> Answer:
    """Move money between wallets."""
    amount = call.number("amount")
    if amount is None:
        raise missing("amount")
    if amount <= 0:
        raise ApiError("invalidAmount")
    source, target = account_section(call.required("fromAccount")), account_section(call.required("toAccount"))
    known = {"cash", "flex", *(one.wallet for one in call.service.venue.instruments.values())}
    if source not in known or target not in known:
        raise ApiError("invalidAccount")
    if not call.service.venue.transfer(source, target, call.required("unit").upper(), amount):
        raise ApiError("insufficientFunds")
    return {}


def unwind_queue(call: Call) -> Answer:
    """Where our positions stand in the unwind queue."""
    return {"queue": [{"symbol": symbol, "percentile": 20} for symbol in call.service.venue.account.positions]}


def subaccounts(call: Call) -> Answer:
    """There is one account and no sub-accounts."""
    return {"masterAccountUid": call.service.venue.account.uid, "subaccounts": []}


async def fee_volumes(call: Call) -> Answer:
    """USD traded in the last 30 days."""
    venue = call.service.venue
    span = Span("fills", since_ms=call.service.now_ms() - _MONTH_MS)
    recent = await call.service.past.page(span, newest_first=True)
    total = sum((venue.instruments[f.symbol].notional_usd(f.size, f.price) for f in recent), ZERO)
    return {"volumesByFeeSchedule": {FEE_SCHEDULE: round(float(total), 2)}}


ACCOUNT_ENDPOINTS = {
    ("GET", "accounts"): Endpoint(accounts, private=True, cost=2),
    ("GET", "openpositions"): Endpoint(open_positions, private=True, cost=2),
    ("GET", "openorders"): Endpoint(open_orders, private=True, cost=2),
    ("GET", "fills"): Endpoint(fills, private=True, cost=fills_cost),
    ("POST", "orders/status"): Endpoint(orders_status, private=True, cost=1),
    ("GET", "orders/status"): Endpoint(orders_status, private=True, cost=1),  # some clients ask this way
    ("GET", "leveragepreferences"): Endpoint(leverage_preferences, private=True, cost=2),
    ("PUT", "leveragepreferences"): Endpoint(set_leverage, private=True, cost=10, commits=True),
    ("GET", "pnlpreferences"): Endpoint(pnl_preferences, private=True, cost=2),
    ("PUT", "pnlpreferences"): Endpoint(set_pnl_preference, private=True, cost=10, commits=True),
    ("GET", "self-trade-strategy"): Endpoint(self_trade, private=True, cost=2),
    ("PUT", "self-trade-strategy"): Endpoint(self_trade, private=True, cost=2, commits=True),
    ("GET", "notifications"): Endpoint(notifications, private=True),
    ("POST", "transfer"): Endpoint(transfer, private=True, cost=10, commits=True),
    ("GET", "unwindqueue"): Endpoint(unwind_queue, private=True, cost=200),
    ("GET", "subaccounts"): Endpoint(subaccounts, private=True),
    ("GET", "feeschedules/volumes"): Endpoint(fee_volumes, private=True),
}
"""Endpoints about the account."""
