"""Public endpoints of /derivatives: instruments, tickers, books, trades, funding, fees."""

from __future__ import annotations

from typing import Any

from tradingbot.core.types import Side
from tradingbot.sim_server.call import Answer, Call, Endpoint
from tradingbot.sim_server.errors import ApiError, invalid
from tradingbot.sim_server.ticker import rest_ticker
from tradingbot.sim_server.wire import iso, num
from tradingbot.simulator.depth import full_depth
from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.past_funding import hourly_funding

FEE_SCHEDULE = "5b755fea-c5b0-4307-a66e-b392cd5bd931"
_WEEK_MS = 7 * 86_400_000
_WS_TO_REST_KIND = {"partialLiquidation": "partial liquidation"}


def instruments(call: Call) -> Answer:
    """All listed contracts."""
    service = call.service
    if service.venue.state.faults.hit("empty_instruments", call.path, service.now_ms()):
        return {"instruments": []}
    return {"instruments": [instrument_json(call, one) for one in service.venue.instruments.values()]}


def instrument_json(call: Call, one: Instrument) -> dict[str, Any]:
    """One row of instruments."""
    params = call.service.params
    threshold = "contracts" if one.inverse else "numNonContractUnits"
    levels = [
        {
            threshold: int(step.threshold_usd) if one.inverse else num(step.threshold_usd),
            "initialMargin": num(step.initial),
            "maintenanceMargin": num(step.maintenance),
        }
        for step in one.steps
    ]
    row: dict[str, Any] = {
        "symbol": one.symbol,
        "type": "futures_inverse" if one.inverse else "flexible_futures",
        "tickSize": num(one.tick),
        "contractSize": 1,
        "contractValueTradePrecision": one.precision,
        "tradeable": True,
        "isExpired": False,
        "impactMidSize": num(one.impact_mid),
        "maxPositionSize": num(one.max_position),
        "openingDate": one.opened,
        "marginLevels": levels,
        "fundingRateCoefficient": params.funding_coefficient,
        "maxRelativeFundingRate": params.max_relative_funding,
        "feeScheduleUid": FEE_SCHEDULE,
        "postOnly": call.service.venue.state.post_only(),
        "mtf": True,
        "tradfi": False,
        "base": one.asset,
        "quote": "USD",
        "pair": one.pair,
        "category": one.category,
        "tags": [],
    }
    if one.inverse:
        row["underlying"] = f"rr_{one.symbol[3:].lower()}"
    return row


def instruments_status(call: Call) -> Answer:
    """Dislocation and volatility flags: of all contracts, or of one named in the path."""
    if len(call.rest) == 3:
        symbol = call.rest[1].upper()
        if symbol not in call.service.venue.instruments:
            raise ApiError("contractNotFound")
        return {"tradeable": symbol, **_STATUS}
    return {"instrumentStatus": [{"tradeable": symbol, **_STATUS} for symbol in call.service.venue.instruments]}


_STATUS = {
    "experiencingDislocation": False,
    "priceDislocationDirection": None,
    "experiencingExtremeVolatility": False,
    "extremeVolatilityInitialMarginMultiplier": 1,
}


def tickers(call: Call) -> Answer:
    """Tickers of all contracts and indices, or of those asked for; one alone when it is in the path."""
    venue = call.service.venue
    if len(call.rest) == 2:
        symbol = call.rest[1].upper()
        if symbol not in venue.instruments:
            raise ApiError("contractNotFound")
        return {"ticker": rest_ticker(call.service, symbol)}
    wanted = {symbol.upper() for symbol in call.lists.get("symbol", ())} or set(venue.instruments)
    rows = [rest_ticker(call.service, symbol) for symbol in venue.instruments if symbol in wanted]
    if "symbol" not in call.lists:
        rows += _index_rows(call)
    return {"tickers": rows}


def _index_rows(call: Call) -> list[dict[str, Any]]:
    venue = call.service.venue
    last = {one.code: venue.market(symbol).index for symbol, one in venue.instruments.items()}
    stamp = iso(venue.now_ms)
    return [{"symbol": f"in_{code.lower()}usd", "last": num(price), "lastTime": stamp} for code, price in last.items()]


def orderbook(call: Call) -> Answer:
    """The full book. Bids ascend here: their order is not promised."""
    symbol = call.listed_symbol()
    sides = {side: full_depth(call.service.venue.state, symbol, side) for side in Side}
    bids = [[num(price), num(size)] for price, size in sorted(sides[Side.BUY].items())]
    asks = [[num(price), num(size)] for price, size in sorted(sides[Side.SELL].items())]
    return {"orderBook": {"bids": bids, "asks": asks}}


def history(call: Call) -> Answer:
    """The last 100 public trades, newest first."""
    symbol = call.listed_symbol()
    before_ms = call.moment_ms("lastTime")
    oldest_ms = call.service.now_ms() - _WEEK_MS
    rows = [
        {
            "time": iso(entry.time_ms),
            "trade_id": entry.seq,
            "price": num(entry.price),
            "size": num(entry.size),
            "side": entry.side.value,
            "type": _WS_TO_REST_KIND.get(entry.kind, entry.kind),
            "uid": entry.uid,
        }
        for entry in reversed(call.service.venue.market(symbol).tape)
        if entry.time_ms >= oldest_ms and (before_ms is None or entry.time_ms < before_ms)
    ]
    return {"history": rows[:100]}


def historical_funding(call: Call) -> Answer:
    """Hourly funding, ascending, the whole series at once."""
    symbol = call.listed_symbol()
    rates = [
        {"timestamp": iso(past.time_ms), "fundingRate": num(past.rate), "relativeFundingRate": past.relative}
        for past in hourly_funding(call.service.venue, symbol, 0)
    ]
    return {"rates": rates}


def feeschedules(call: Call) -> Answer:
    """One schedule, one tier; values are percent."""
    params = call.service.params
    tier = {"makerFee": num(params.maker_fee * 100), "takerFee": num(params.taker_fee * 100), "usdVolume": 0.0}
    return {"feeSchedules": [{"uid": FEE_SCHEDULE, "name": "simulated", "tiers": [tier]}]}


def v4_funding(call: Call) -> Answer:
    """The same series under its other address."""
    if call.text("symbol") is None:
        raise invalid("symbol")
    return historical_funding(call)


PUBLIC_ENDPOINTS = {
    ("GET", "instruments"): Endpoint(instruments),
    ("GET", "instruments/status"): Endpoint(instruments_status),
    ("GET", "tickers"): Endpoint(tickers),
    ("GET", "orderbook"): Endpoint(orderbook),
    ("GET", "history"): Endpoint(history),
    ("GET", "historical-funding-rates"): Endpoint(historical_funding),
    ("GET", "historicalfundingrates"): Endpoint(v4_funding),
    ("GET", "feeschedules"): Endpoint(feeschedules),
}
"""Public endpoints by method and path after the API's root."""
