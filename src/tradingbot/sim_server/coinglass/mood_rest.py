"""Fear & greed, options, the key's own plan; and the two services that need no key."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from tradingbot.core.types import utc_from_ms
from tradingbot.sim_server.coinglass.call import Answer, Call, Endpoint, RefusedError, invalid
from tradingbot.simulator.intelligence_columns import DAY_MS
from tradingbot.simulator.intelligence_options import OptionRow
from tradingbot.simulator.intelligence_smile import DEARER, Option, Summaries

_LABELS: Final = ((24, "Extreme Fear"), (44, "Fear"), (54, "Neutral"), (75, "Greed"), (100, "Extreme Greed"))
_RESOLUTIONS: Final = {"1": 1_000, "60": 60_000, "3600": 3_600_000, "43200": 43_200_000, "1D": DAY_MS}
_DATES: Final = {"us": "%m-%d-%Y", "cn": "%Y-%m-%d", "kr": "%Y년 %m월 %d일", "world": "%d-%m-%Y"}
_NOT_TRADED: Final = ("mid_price", "bid_price", "ask_price", "last", "high", "low", "price_change")
"""Fields that are null of an option nobody has traded today."""
_SUBSCRIBED_MS: Final = 200 * DAY_MS


def fear_greed(call: Call) -> Answer:
    """Every day's index as parallel lists, oldest first."""
    days = call.intelligence.mood.fear_greed(call.now_ms)
    data = {
        "data_list": [int(value) if value == int(value) else value for value in days.values.tolist()],
        "price_list": [round(price, 4) for price in days.prices.tolist()],
        "time_list": days.time_ms.tolist(),
    }
    return Answer(data, days.origin, message=False)


def option_info(call: Call) -> Answer:
    """Options of a coin by exchange; all exchanges first."""
    coin = call.coin()
    if coin is None or not call.intelligence.options.has(coin):
        return Answer([], call.origin)
    price = call.intelligence.world.price(coin, call.now_ms)
    rows = [_option_row(row, price) for row in call.intelligence.options.info(coin, call.now_ms)]
    return Answer(rows, call.origin)


def _option_row(row: OptionRow, price: float) -> dict[str, Any]:
    shown = {
        "exchange_name": row.exchange,
        "open_interest": round(row.interest, 2),
        "oi_market_share": round(row.share_pct, 2),
        "open_interest_change_24h": round(row.interest_change_pct, 2),
        "open_interest_usd": round(row.interest * price, 4),
        "volume_usd_24h": round(row.volume * price, 4),
    }
    return shown | ({"volume_change_percent_24h": round(row.volume_change_pct, 2)} if row.exchange == "All" else {})


def max_pain(call: Call) -> Answer:
    """Max pain of each expiry of a coin."""
    call.required("exchange")
    coin = call.coin()
    if coin is None or not call.intelligence.options.has(coin):
        return Answer([], call.origin)
    price = call.intelligence.world.price(coin, call.now_ms)
    rows = [
        {
            "date": one.date,
            "call_open_interest_market_value": round(one.calls * price * one.call_value, 2),
            "put_open_interest": round(one.puts, 1),
            "put_open_interest_market_value": round(one.puts * price * one.put_value, 2),
            "max_pain_price": f"{one.max_pain:g}" if one.max_pain < 1e6 else str(int(one.max_pain)),
            "call_open_interest": round(one.calls, 1),
            "call_open_interest_notional": round(one.calls * price, 2),
            "put_open_interest_notional": round(one.puts * price, 2),
        }
        for one in call.intelligence.options.max_pain(coin, call.now_ms)
    ]
    return Answer(rows, call.origin)


def option_history(call: Call) -> Answer:
    """Open options of a coin by day and exchange, in USD or coins."""
    coin, unit = call.coin(), (call.text("unit") or "USD").lower()
    if coin is None or not call.intelligence.options.has(coin):
        return Answer([], call.origin)
    times, table = call.intelligence.options.history(coin, call.now_ms, 90)
    prices = [call.intelligence.world.past_price(coin, time_ms) for time_ms in times]
    worth = prices if unit == "usd" else [1.0] * len(prices)
    shown = {name: [round(v * p, 5) for v, p in zip(values, worth, strict=True)] for name, values in table.items()}
    return Answer({"time_list": times, "price_list": prices, "data_map": shown}, call.origin, message=False)


def subscription(call: Call) -> Answer:
    """The plan of the key."""
    expire_ms = (call.now_ms // DAY_MS) * DAY_MS + _SUBSCRIBED_MS
    return Answer({"level": call.plan, "expire_time": expire_ms, "expired": False}, call.origin)


def fng(call: Call) -> dict[str, Any]:
    """alternative.me's shape: texts, newest first."""
    days = call.intelligence.mood.fear_greed(call.now_ms)
    limit, form = call.integer("limit", 1), call.text("date_format")
    count = len(days.values) if limit <= 0 else min(limit, len(days.values))
    rows: list[dict[str, str]] = []
    for time_ms, value in zip(days.time_ms[::-1][:count].tolist(), days.values[::-1][:count].tolist(), strict=True):
        label = next(name for top, name in _LABELS if value <= top)
        stamp = utc_from_ms(time_ms).strftime(_DATES[form]) if form in _DATES else str(time_ms // 1000)
        rows.append({"value": str(round(value)), "value_classification": label, "timestamp": stamp})
    if rows:
        rows[0]["time_until_update"] = str((DAY_MS - call.now_ms % DAY_MS) // 1000)
    return {
        "name": "Fear and Greed Index",
        "data": rows,
        "metadata": {"error": None},
        "origin": days.origin,
    }


def volatility_index(call: Call) -> dict[str, Any]:
    """Deribit's shape: rows (time, open, high, low, close), annualised percent, oldest first."""
    try:
        currency = call.required("currency").upper()
        since_ms, until_ms = int(call.required("start_timestamp")), int(call.required("end_timestamp"))
        step_ms = call.choice("resolution", _RESOLUTIONS)
    except (RefusedError, ValueError) as error:
        raise invalid("params") from error
    if currency not in DEARER:
        raise invalid("currency")
    times, rows = call.intelligence.mood.volatility(step_ms, since_ms, until_ms, call.now_ms)
    rows = np.round(rows * DEARER[currency], 2)
    data = [[time_ms, *values] for time_ms, values in zip(times.tolist(), rows.T.tolist(), strict=True)]
    earlier = int(times[0]) - step_ms if len(data) == 1_000 and int(times[0]) > since_ms else None
    return _deribit(call, {"data": data, "continuation": earlier})


def option_summaries(call: Call) -> dict[str, Any]:
    """Deribit's shape: one row per option, worth and interest in coins, `mark_iv` in annualised percent."""
    try:
        currency, kind = call.required("currency").upper(), call.text("kind") or "any"
    except RefusedError as error:
        raise invalid("params") from error
    if currency not in DEARER:
        raise invalid("currency")
    if kind not in ("option", "any"):
        raise invalid("kind")
    if not call.intelligence.smiles.has(currency):
        return _deribit(call, [])
    told = call.intelligence.smiles.summaries(currency, call.now_ms)
    return _deribit(call, [_summary(currency, one, told) for one in told.options])


def _summary(currency: str, one: Option, told: Summaries) -> dict[str, Any]:
    return {
        "instrument_name": f"{currency}-{one.day}-{one.strike}-{'C' if one.is_call else 'P'}",
        "underlying_index": f"SYN.{currency}-{one.day}",
        "underlying_price": round(told.price, 4),
        "estimated_delivery_price": round(told.price, 2),
        "mark_iv": round(one.iv_pct, 2),
        "mark_price": round(one.worth, 6),
        **dict.fromkeys(_NOT_TRADED),
        "open_interest": round(one.interest, 1),
        "volume": 0.0,
        "volume_usd": 0.0,
        "interest_rate": 0.0,
        "base_currency": currency,
        "quote_currency": currency,
        "creation_timestamp": told.time_ms,
    }


def _deribit(call: Call, result: object) -> dict[str, Any]:
    return {
        "jsonrpc": "2.0",
        "result": result,
        "usIn": call.now_ms * 1000,
        "usOut": call.now_ms * 1000 + 250,
        "usDiff": 250,
        "testnet": False,
        "origin": call.origin,
    }


MOOD_ENDPOINTS: Final = {
    "/api/index/fear-greed-history": Endpoint(fear_greed),
    "/api/option/info": Endpoint(option_info),
    "/api/option/max-pain": Endpoint(max_pain),
    "/api/option/exchange-oi-history": Endpoint(option_history),
    "/api/option/exchange-vol-history": Endpoint(option_history),
    "/api/user/account/subscription": Endpoint(subscription),
}
FREE_ENDPOINTS: Final = {
    "/fng": fng,
    "/fng/": fng,
    "/api/v2/public/get_volatility_index_data": volatility_index,
    "/api/v2/public/get_book_summary_by_currency": option_summaries,
}
