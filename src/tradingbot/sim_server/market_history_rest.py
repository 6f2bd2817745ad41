"""/api/history/v3/market: what everybody may see of past trading."""

from __future__ import annotations

from tradingbot.core.types import plain
from tradingbot.sim_server.call import Answer, Call
from tradingbot.sim_server.errors import ApiError, unknown_path
from tradingbot.sim_server.history_page import Element, public_page
from tradingbot.simulator.tape import Print


def market_history(call: Call) -> Answer:
    """market/{symbol}/executions, orders or price: public, from the tape that is remembered."""
    if len(call.rest) != 3:
        raise unknown_path()
    symbol, kind = call.rest[1].upper(), call.rest[2]
    if symbol not in call.service.venue.instruments:
        raise ApiError("contractNotFound", 404)
    tape = call.service.venue.market(symbol).tape
    if kind == "executions":
        return public_page(call, [_public_execution(symbol, entry) for entry in tape])
    if kind == "price":
        return public_page(call, [(e.uid, e.time_ms, {"MarkPriceChanged": {"price": plain(e.price)}}) for e in tape])
    if kind == "orders":
        return public_page(call, [])
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
