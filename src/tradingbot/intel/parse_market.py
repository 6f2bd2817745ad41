"""Funding and open interest of CoinGlass: payload to records. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from tradingbot.core.errors import IntelProtocolError
from tradingbot.core.types import Asset
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import Row, amount, bounded, moment, optional_number, rows, shown, text
from tradingbot.intel.parse_flow import SOURCE
from tradingbot.market.intelligence import FundingRates, OpenInterest

CHANGES: Final = ("5m", "15m", "30m", "1h", "4h", "24h")
USUAL_INTERVAL_H: Final = 8.0
MOST_FUNDING_PCT: Final = 100.0


def parse_funding(answer: Answer, assets: Iterable[Asset]) -> dict[Asset, FundingRates]:
    """Median funding of the wanted assets as a fraction per 8 hours; assets that are not listed are absent.

    A venue counts once, with its stablecoin contract where it has one. Rates come in percent per interval:
    ``[{"symbol": "BTC", "stablecoin_margin_list": [{"exchange": "Binance", "funding_rate_interval": 8,
    "funding_rate": 0.007343, "next_funding_time": 1788000000000}], "token_margin_list": [...]}, ...]``

    A rate is from before the funding that it announces: when the latest announced time is over, so old is the answer.
    That is the only time among CoinGlass's snapshots, and so the one that shows a source that is behind.
    """
    wanted = set(assets)
    found: dict[Asset, FundingRates] = {}
    for row in rows(answer.data, "funding exchange-list"):
        asset = Asset(text(row, "symbol").upper())
        if asset in wanted:
            rates = _rates_8h(row)
            if rates:
                stamp = answer.stamp(SOURCE, _latest_announced(row))
                found[asset] = FundingRates(stamp, statistics.median(rates.values()), len(rates))
    return found


def _latest_announced(row: Row) -> datetime | None:
    """The latest next funding time of any venue; None when none is told."""
    entries = [entry for key in ("token_margin_list", "stablecoin_margin_list") for entry in _entries(row, key)]
    told = [entry["next_funding_time"] for entry in entries if entry.get("next_funding_time") is not None]
    return max((moment(value, "next_funding_time") for value in told), default=None)


def _rates_8h(row: Row) -> Mapping[str, float]:
    rates: dict[str, float] = {}
    for key in ("token_margin_list", "stablecoin_margin_list"):
        for entry in _entries(row, key):
            rate = _rate_8h(entry)
            if rate is not None:
                rates[text(entry, "exchange")] = rate
    return rates


def _entries(row: Row, key: str) -> list[Mapping[str, Any]]:
    try:
        return rows(row.get(key), key)
    except IntelProtocolError as error:
        raise IntelProtocolError(f"field {key!r} must be a list of objects: {shown(row)}") from error


def _rate_8h(entry: Row) -> float | None:
    percent = bounded(entry, "funding_rate", -MOST_FUNDING_PCT, MOST_FUNDING_PCT)
    if percent is None:
        return None
    interval_h = bounded(entry, "funding_rate_interval", 0.25, 24.0) or USUAL_INTERVAL_H
    return percent / 100.0 * USUAL_INTERVAL_H / interval_h


def parse_open_interest(answer: Answer, asset: Asset) -> OpenInterest | None:
    """Open interest of one asset over all venues; None when nothing is told.

    ``[{"exchange": "All", "symbol": "BTC", "open_interest_usd": 57437891724.5,
    "open_interest_change_percent_1h": 2.27, ...}, ...]``
    """
    listed = rows(answer.data, "open-interest exchange-list")
    if not listed:
        return None
    total = next((row for row in listed if row.get("exchange") == "All"), None)
    if total is None:
        raise IntelProtocolError(f"open-interest exchange-list: no row with 'exchange' All: {shown(listed)}")
    symbol = total.get("symbol", asset)
    if not isinstance(symbol, str) or symbol.upper() != asset:
        raise IntelProtocolError(f"field 'symbol' is not the asked {asset}: {shown(symbol)}")
    total_usd = amount(total, "open_interest_usd")
    if total_usd is None:
        return None
    changes = {name: optional_number(total, f"open_interest_change_percent_{name}") for name in CHANGES}
    return OpenInterest(answer.stamp(SOURCE), total_usd, {k: v for k, v in changes.items() if v is not None})
