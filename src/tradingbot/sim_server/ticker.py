"""Tickers, on REST and in the streams."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tradingbot.core.types import Side
from tradingbot.sim_server.service import Service
from tradingbot.sim_server.wire import iso, num
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.day_stats import open_interest
from tradingbot.simulator.depth import best, full_depth
from tradingbot.simulator.funding import HOUR_MS


def _quotes(service: Service, symbol: str) -> dict[str, float]:
    state = service.venue.state
    if state.faults.on("missing_bid_ask", service.now_ms()):
        return {}
    quotes: dict[str, float] = {}
    for side, name in ((Side.BUY, "bid"), (Side.SELL, "ask")):
        top = best(full_depth(state, symbol, side), side)
        if top is not None:
            quotes |= {name: num(top[0]), f"{name}_size": num(top[1])}
    return quotes


def rest_ticker(service: Service, symbol: str) -> dict[str, Any]:
    """One row of /tickers. Bid, ask and last are absent when there is none."""
    return _or_stale(service, f"rest {symbol}", _rest_ticker)


def ws_ticker(service: Service, symbol: str) -> dict[str, Any]:
    """A message of the `ticker` feed. Zero funding rates are left out."""
    return _or_stale(service, f"ws {symbol}", _ws_ticker)


def _or_stale(service: Service, key: str, make: Callable[[Service, str], dict[str, Any]]) -> dict[str, Any]:
    """A fresh ticker, or the last one again while tickers stand still."""
    stale = service.venue.state.faults.on("stale_ticker", service.now_ms()) is not None
    if not stale or key not in service.stale:
        service.stale[key] = make(service, key.split()[1])
    return service.stale[key]


def _rest_ticker(service: Service, symbol: str) -> dict[str, Any]:
    market, one = service.venue.market(symbol), service.venue.instruments[symbol]
    if not market.alive:
        return {"symbol": symbol, "tag": "perpetual", "pair": one.pair, "suspended": True, "postOnly": False}
    stats, quotes = service.day.of(symbol), _quotes(service, symbol)
    row: dict[str, Any] = {
        "symbol": symbol,
        "tag": "perpetual",
        "pair": one.pair,
        "markPrice": num(market.mark),
        "indexPrice": num(market.index),
        "vol24h": stats.volume,
        "volumeQuote": stats.quote,
        "openInterest": open_interest(market),
        "open24h": stats.open,
        "high24h": stats.high,
        "low24h": stats.low,
        "change24h": round((float(market.mark) / stats.open - 1) * 100, 2),
        "fundingRate": num(market.funding.rate),
        "fundingRatePrediction": num(market.funding.rate_next),
        "suspended": False,
        "postOnly": service.venue.state.post_only(),
    }
    names = {"bid": "bid", "bid_size": "bidSize", "ask": "ask", "ask_size": "askSize"}
    row |= {names[name]: value for name, value in quotes.items()}
    if market.last is not None and quotes:
        last = market.last
        row |= {"last": num(last.price), "lastTime": iso(last.time_ms), "lastSize": num(last.size)}
    return row


def _ws_ticker(service: Service, symbol: str) -> dict[str, Any]:
    market, one = service.venue.market(symbol), service.venue.instruments[symbol]
    stats = service.day.of(symbol)
    message: dict[str, Any] = {
        "time": market.seen_ms(service.venue.now_ms),
        "product_id": symbol,
        "feed": "ticker",
        **_quotes(service, symbol),
        "volume": stats.volume,
        "volumeQuote": stats.quote,
        "dtm": 0,
        "leverage": f"{int(1 / one.steps[0].initial)}x",
        "index": num(market.index),
        "premium": round(float((market.mark - market.index) / market.index) * 100, 1) if market.index else 0.0,
        "change": (float(market.mark) / stats.open - 1) * 100,
        "suspended": False,
        "tag": "perpetual",
        "pair": one.ws_pair,
        "openInterest": open_interest(market),
        "markPrice": num(market.mark),
        "maturityTime": 0,
        "post_only": service.venue.state.post_only(),
        "open": stats.open,
        "high": stats.high,
        "low": stats.low,
    }
    if market.last is not None and "bid" in message:
        message["last"] = num(market.last.price)
    return message | _funding(market, service.venue.now_ms)


def ws_ticker_lite(service: Service, symbol: str) -> dict[str, Any]:
    """A message of the `ticker_lite` feed."""
    full = ws_ticker(service, symbol)
    kept = ("product_id", "bid", "ask", "change", "premium", "volume", "tag", "pair", "dtm", "maturityTime",
            "volumeQuote")  # fmt: skip
    return {"feed": "ticker_lite", **{name: full[name] for name in kept if name in full}}


def _funding(market: ContractMarket, now_ms: int) -> dict[str, Any]:
    funding = market.funding
    rates = {
        "funding_rate": num(funding.rate),
        "funding_rate_prediction": num(funding.rate_next),
        "relative_funding_rate": funding.relative,
        "relative_funding_rate_prediction": funding.relative_next,
    }
    shown: dict[str, Any] = {name: value for name, value in rates.items() if value != 0}
    return {**shown, "next_funding_rate_time": (now_ms // HOUR_MS + 1) * HOUR_MS}
