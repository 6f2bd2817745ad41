"""Snapshots of futures: what is listed, taker volume, liquidations, open interest, funding, overview."""

from __future__ import annotations

from typing import Any, Final

from tradingbot.sim_server.coinglass.call import Answer, Call, Endpoint, invalid
from tradingbot.simulator.intelligence_columns import DAY_MS, HOUR_MS
from tradingbot.simulator.intelligence_crowd import ExchangeFunding
from tradingbot.simulator.intelligence_futures import CHANGES, Interest, Split
from tradingbot.simulator.intelligence_scale import EXCHANGE_NAMES, EXCHANGES, TRADED, Exchange

_TAKER_RANGES: Final = {"5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "24h": 1440}
_FORCED_RANGES: Final = {"1h": 60, "4h": 240, "12h": 720, "24h": 1440}
_FUNDING_RANGES: Final = {"1d": 1, "7d": 7, "30d": 30, "365d": 365}


def pair_name(exchange: Exchange, asset: str) -> str:
    """What an exchange calls its perpetual of an asset."""
    return exchange.pair.format("XBT" if exchange.name == "Kraken" and asset == "BTC" else asset)


def supported_coins(call: Call) -> Answer:
    """Every coin."""
    return Answer(list(call.intelligence.world.tables.assets), call.origin)


def supported_exchanges(call: Call) -> Answer:
    """Every exchange."""
    return Answer(list(EXCHANGE_NAMES), call.origin, message=False)


def supported_pairs(call: Call) -> Answer:
    """Every perpetual of every exchange, or of one."""
    wanted = call.text("exchange")
    table: dict[str, list[dict[str, str]]] = {}
    for exchange in EXCHANGES:
        if wanted in (None, exchange.name):
            quote = "USDT" if "USDT" in exchange.pair else "USD"
            table[exchange.name] = [
                {"instrument_id": pair_name(exchange, asset), "base_asset": asset, "quote_asset": quote}
                for asset in call.intelligence.world.tables.assets
            ]
    return Answer(table, call.origin)


def taker(call: Call) -> Answer:
    """Taker volume of a coin over a range."""
    minutes = call.choice("range", _TAKER_RANGES)
    asset = call.coin()
    if asset is None:
        return Answer([], call.origin)
    split = call.intelligence.futures.taker(asset, minutes, call.now_ms)
    rows = [{"exchange": name, **_taker_row(buy, sell)} for name, (buy, sell) in split.by_exchange.items()]
    data = {"symbol": call.required("symbol"), **_taker_row(split.first, split.second), "exchange_list": rows}
    return Answer(data, call.origin)


def _taker_row(buy: float, sell: float) -> dict[str, float]:
    total = buy + sell
    share = round(100.0 * buy / total, 2) if total else 50.0
    return {
        "buy_ratio": share,
        "sell_ratio": round(100.0 - share, 2),
        "buy_vol_usd": round(buy, 4),
        "sell_vol_usd": round(sell, 4),
    }


def liquidation_coins(call: Call) -> Answer:
    """Liquidations of every coin on one exchange over four ranges."""
    exchange = call.required("exchange")
    rows = []
    for asset in call.intelligence.world.tables.assets:
        row: dict[str, Any] = {"symbol": asset}
        for name in ("24h", "12h", "4h", "1h"):
            split = call.intelligence.futures.liquidated(asset, _FORCED_RANGES[name], call.now_ms)
            if exchange not in split.by_exchange:
                return Answer([], call.origin)
            longs, shorts = split.by_exchange[exchange]
            row |= _forced_row(longs, shorts, f"_{name}")
        rows.append(row)
    return Answer(rows, call.origin)


def liquidation_exchanges(call: Call) -> Answer:
    """Liquidations of a coin, or of all, by exchange over a range; all exchanges first."""
    minutes = call.choice("range", _FORCED_RANGES)
    wanted = call.text("symbol")
    assets = call.intelligence.world.tables.assets if wanted is None else [call.known(wanted)]
    splits = [call.intelligence.futures.liquidated(one, minutes, call.now_ms) for one in assets if one is not None]
    if not splits:
        return Answer([], call.origin)
    rows = [{"exchange": "All", **_forced_row(sum(s.first for s in splits), sum(s.second for s in splits))}]
    named = [{"exchange": one.name, **_forced_row(*_added(splits, one.name))} for one in TRADED]
    rows += sorted(named, key=lambda row: -float(row["liquidation_usd"]))
    return Answer(rows, call.origin)


def _added(splits: list[Split], exchange: str) -> tuple[float, float]:
    pairs = [split.by_exchange[exchange] for split in splits]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def _forced_row(longs: float, shorts: float, suffix: str = "") -> dict[str, Any]:
    return {
        f"liquidation_usd{suffix}": round(longs + shorts, 8),
        f"long_liquidation_usd{suffix}": round(longs, 8),
        f"short_liquidation_usd{suffix}": round(shorts, 8),
    }


def liquidation_orders(call: Call) -> Answer:
    """Single liquidations of the last week, newest first."""
    exchange, least = call.required("exchange"), call.number("min_liquidation_amount", 0.0)
    asset = call.coin()
    if asset is None:
        return Answer([], call.origin)
    since_ms = max(call.integer("start_time", 0), call.now_ms - 7 * DAY_MS)
    until_ms = min(call.integer("end_time", call.now_ms), call.now_ms)
    found = call.intelligence.futures.orders(asset, since_ms, until_ms, call.now_ms, least)
    rows = [
        {
            "exchange_name": one.exchange.name.upper(),
            "symbol": pair_name(one.exchange, asset),
            "base_asset": asset,
            "price": float(f"{one.price:.7g}"),
            "usd_value": round(one.usd, 4),
            "side": 2 if one.long else 1,
            "time": one.time_ms,
        }
        for one in found
        if exchange.upper() in (one.exchange.name.upper(), "ALL")
    ]
    return Answer(rows, call.origin)


def interest_exchanges(call: Call) -> Answer:
    """Open interest of a coin by exchange; all exchanges first."""
    asset = call.coin()
    if asset is None:
        return Answer([], call.origin)
    parts, origin = call.intelligence.futures.interest(asset, call.now_ms)
    return Answer([_interest_row(call.required("symbol"), part) for part in parts], origin)


def _interest_row(symbol: str, part: Interest) -> dict[str, Any]:
    stable = 1.0 - part.coin_margin
    return {
        "exchange": part.exchange,
        "symbol": symbol,
        "open_interest_usd": round(part.usd, 4),
        "open_interest_quantity": round(part.coins, 4),
        "open_interest_by_stable_coin_margin": round(part.usd * stable, 4),
        "open_interest_quantity_by_coin_margin": round(part.coins * part.coin_margin, 4),
        "open_interest_quantity_by_stable_coin_margin": round(part.coins * stable, 4),
        **{f"open_interest_change_percent_{window}": round(part.change_pct[window], 2) for window in CHANGES},
    }


def funding_exchanges(call: Call) -> Answer:
    """Funding of every coin on every exchange, whatever was asked for."""
    rows, origins = [], []
    for asset in call.intelligence.world.tables.assets:
        parts, origin = call.intelligence.crowd.funding(asset, call.now_ms)
        origins.append(origin)
        rows.append(
            {
                "symbol": asset,
                "stablecoin_margin_list": [_funding_row(part, part.rate) for part in parts],
                "token_margin_list": [
                    _funding_row(part, part.coin_rate) for part in parts if part.coin_rate is not None
                ],
            }
        )
    return Answer(rows, origins[0] if origins else call.origin)


def _funding_row(part: ExchangeFunding, rate: float) -> dict[str, Any]:
    return {
        "exchange": part.exchange.name,
        "funding_rate_interval": part.exchange.funding_hours,
        "funding_rate": round(100.0 * rate, 8),
        "next_funding_time": part.next_ms,
    }


def funding_accumulated(call: Call) -> Answer:
    """Funding added up over a range, percent."""
    days = call.choice("range", _FUNDING_RANGES)
    rows = []
    for asset in call.intelligence.world.tables.assets:
        since_ms = call.now_ms - days * DAY_MS
        _, candles, _ = call.intelligence.crowd.history(asset, None, 8 * HOUR_MS, since_ms, call.now_ms)
        total = 100.0 * float(candles[3].sum())
        parts, _ = call.intelligence.crowd.funding(asset, call.now_ms)
        rows.append(
            {
                "symbol": asset,
                "stablecoin_margin_list": [
                    {"exchange": part.exchange.name.upper(), "funding_rate": round(total, 8)} for part in parts
                ],
                "token_margin_list": [
                    {"exchange": part.exchange.name.upper(), "funding_rate": round(0.8 * total, 8)}
                    for part in parts
                    if part.coin_rate is not None
                ],
            }
        )
    return Answer(rows, call.origin)


def markets(call: Call) -> Answer:
    """An overview of every coin."""
    if (wanted := call.text("exchange_list")) and not set(wanted.split(",")) & set(EXCHANGE_NAMES):
        raise invalid("exchange_list")
    return Answer([_market(call, asset) for asset in call.intelligence.world.tables.assets], call.origin)


def _market(call: Call, asset: str) -> dict[str, Any]:
    intelligence, now_ms = call.intelligence, call.now_ms
    price = intelligence.world.price(asset, now_ms)
    parts, _ = intelligence.futures.interest(asset, now_ms)
    rate = 100.0 * intelligence.crowd.rate(asset, now_ms)
    usd, coins = (parts[0].usd, parts[0].coins) if parts else (0.0, 0.0)
    turnover = sum(intelligence.futures.turnover(asset, 1440, now_ms))
    row: dict[str, Any] = {
        "symbol": asset,
        "current_price": price,
        "avg_funding_rate_by_oi": round(rate, 6),
        "avg_funding_rate_by_vol": round(rate, 6),
        "market_cap_usd": round(30.0 * usd, 4),
        "open_interest_market_cap_ratio": 0.0333,
        "open_interest_usd": round(usd, 4),
        "open_interest_quantity": round(coins, 4),
        "open_interest_volume_ratio": round(usd / max(1.0, turnover), 4),
    }
    return row | _market_changes(call, asset, price) | _market_flows(call, asset)


def _market_changes(call: Call, asset: str, price: float) -> dict[str, Any]:
    row: dict[str, Any] = {}
    parts, _ = call.intelligence.futures.interest(asset, call.now_ms)
    for name, minutes in (CHANGES | {"12h": 720}).items():
        before = call.intelligence.world.price(asset, call.now_ms - minutes * 60_000)
        row[f"price_change_percent_{name}"] = round(100.0 * (price / before - 1.0), 2) if before else 0.0
        if parts and name in CHANGES:
            row[f"open_interest_change_percent_{name}"] = round(parts[0].change_pct[name], 2)
    return row


def _market_flows(call: Call, asset: str) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, minutes in _TAKER_RANGES.items():
        buys, sells = call.intelligence.futures.turnover(asset, minutes, call.now_ms)
        row[f"long_short_ratio_{name}"] = round(buys / sells, 4) if sells else 1.0
        if name in CHANGES:
            then = call.intelligence.futures.turnover(asset, minutes, call.now_ms - minutes * 60_000)
            fresh, past = buys + sells, sum(then)
            row[f"volume_change_percent_{name}"] = round(100.0 * (fresh / past - 1.0), 2) if past else 0.0
            if minutes >= 60:
                row[f"volume_change_usd_{name}"] = round(fresh - past, 4)
    for name, minutes in _FORCED_RANGES.items():
        split = call.intelligence.futures.liquidated(asset, minutes, call.now_ms)
        row |= _forced_row(split.first, split.second, f"_{name}")
    return row


FUTURES_ENDPOINTS: Final = {
    "/api/futures/supported-coins": Endpoint(supported_coins),
    "/api/futures/supported-exchanges": Endpoint(supported_exchanges),
    "/api/futures/supported-exchange-pairs": Endpoint(supported_pairs),
    "/api/futures/taker-buy-sell-volume/exchange-list": Endpoint(taker),
    "/api/futures/liquidation/coin-list": Endpoint(liquidation_coins, "STARTUP"),
    "/api/futures/liquidation/exchange-list": Endpoint(liquidation_exchanges),
    "/api/futures/liquidation/order": Endpoint(liquidation_orders, "STANDARD"),
    "/api/futures/open-interest/exchange-list": Endpoint(interest_exchanges),
    "/api/futures/funding-rate/exchange-list": Endpoint(funding_exchanges),
    "/api/futures/funding-rate/accumulated-exchange-list": Endpoint(funding_accumulated),
    "/api/futures/coins-markets": Endpoint(markets, "STANDARD"),
}
