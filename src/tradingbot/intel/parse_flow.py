"""Taker volume and liquidations of CoinGlass: payload to records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from tradingbot.core.errors import IntelProtocolError
from tradingbot.core.types import Asset
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import Row, amount, record, rows, shown, text
from tradingbot.market.intelligence import Liquidations, LiquidationWindow, TakerFlow

SOURCE: Final = "coinglass"
RANGE_S: Final[Mapping[str, int]] = {
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "4h": 14_400,
    "12h": 43_200,
    "24h": 86_400,
}


def parse_taker(answer: Answer, asset: Asset, window: str) -> TakerFlow | None:
    """Taker volume of one asset over `window`; None when nothing is told.

    ``{"symbol": "BTC", "buy_ratio": 51.01, "buy_vol_usd": 1112108532.1, "sell_vol_usd": 1068220541.0, ...}``
    """
    row = record(answer.data, "taker exchange-list")
    if row is None:
        return None
    _same_asset(row, asset)
    buy_usd, sell_usd = amount(row, "buy_vol_usd"), amount(row, "sell_vol_usd")
    if buy_usd is None or sell_usd is None:
        return None
    return TakerFlow(answer.stamp(SOURCE), RANGE_S[window], buy_usd, sell_usd)


def _same_asset(row: Row, asset: Asset) -> None:
    symbol = row.get("symbol")
    if symbol is not None and (not isinstance(symbol, str) or symbol.upper() != asset):
        raise IntelProtocolError(f"field 'symbol' is not the asked {asset}: {shown(symbol)}")


def parse_liquidations(answer: Answer, window: str) -> LiquidationWindow | None:
    """Liquidations of the asked asset over `window`, all venues; None when nothing is told.

    ``[{"exchange": "All", "long_liquidation_usd": 451394.2, "short_liquidation_usd": 14222125.6}, ...]``
    """
    listed = rows(answer.data, "liquidation exchange-list")
    if not listed:
        return None
    total = next((row for row in listed if row.get("exchange") == "All"), None)
    if total is None:
        raise IntelProtocolError(f"liquidation exchange-list: no row with 'exchange' All: {shown(listed)}")
    return _window(answer, total, "", window, SOURCE)


def _window(answer: Answer, row: Row, suffix: str, window: str, source: str) -> LiquidationWindow | None:
    long_usd = amount(row, f"long_liquidation_usd{suffix}")
    short_usd = amount(row, f"short_liquidation_usd{suffix}")
    if long_usd is None or short_usd is None:
        return None
    return LiquidationWindow(answer.stamp(source), RANGE_S[window], long_usd, short_usd)


def parse_liquidation_coins(answer: Answer, assets: Iterable[Asset], exchange: str) -> dict[Asset, Liquidations]:
    """Liquidations of all wanted assets at once, as one venue tells them; assets that are not listed are absent.

    ``[{"symbol": "BTC", "long_liquidation_usd_1h": 3182915.1, "short_liquidation_usd_1h": 100720.8, ..."_24h"}, ...]``
    """
    wanted = set(assets)
    found: dict[Asset, Liquidations] = {}
    for row in rows(answer.data, "liquidation coin-list"):
        asset = Asset(text(row, "symbol").upper())
        if asset in wanted:
            source = f"{SOURCE}:{exchange}"
            hour, four, day = (_window(answer, row, f"_{name}", name, source) for name in ("1h", "4h", "24h"))
            found[asset] = Liquidations(hour, four, day)
    return found
