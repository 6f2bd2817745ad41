"""Tickers, on REST and in the streams."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tradingbot.core.types import Side
from tradingbot.sim_server.depth import best, full_depth
from tradingbot.sim_server.service import DayStats, Service
from tradingbot.sim_server.wire import iso, num
from tradingbot.simulator.contract_market import ContractMarket
from tradingbot.simulator.funding import HOUR_MS
from tradingbot.simulator.tape import MINUTE_MS

_DAY_MS = 86_400_000


def day_stats(service: Service, symbol: str) -> DayStats:
    """Figures of the last 24 hours, taken at the last full minute."""
    minute = service.venue.now_ms // MINUTE_MS
    known = service.day_stats.get(symbol)
    if known is None or known[0] != minute:
        known = service.day_stats[symbol] = (minute, _day_stats(service, symbol))
    return _with_shown_volume(service.venue.market(symbol), known[1])


def _with_shown_volume(market: ContractMarket, stats: DayStats) -> DayStats:
    """A real market says itself what has traded."""
    volume, turnover_usd = market.volume_24h, market.turnover_24h_usd
    if volume is None:
        return stats
    usd = float(volume * market.mark) if turnover_usd is None else turnover_usd
    quote = float(volume) / float(market.index) if market.instrument.inverse else usd
    return replace(stats, volume=num(volume), quote=round(quote, 4))


def _day_stats(service: Service, symbol: str) -> DayStats:
    one = service.venue.instruments[symbol]
    rows = service.venue.bars.minutes(one.asset, service.venue.now_ms - _DAY_MS)
    rows = rows[rows[:, 0] + 60_000 <= service.venue.now_ms]
    if not len(rows):
        price = float(service.venue.market(symbol).mark)
        return DayStats(price, price, price, 0.0, 0.0)
    base = float(np.sum(rows[:, 5]))
    worth = float(np.sum(rows[:, 5] * rows[:, 4]))
    volume, quote = (worth, base) if one.inverse else (base, worth)
    return DayStats(
        float(rows[0, 1]), float(rows[:, 2].max()), float(rows[:, 3].min()), round(volume, 4), round(quote, 4)
    )


def open_interest(market: ContractMarket) -> float:
    """Open interest in contracts."""
    base = market.bar.open_interest_base
    return round(base * float(market.index) if market.instrument.inverse else base, 4)


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
    stats, quotes = day_stats(service, symbol), _quotes(service, symbol)
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
    stats = day_stats(service, symbol)
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
