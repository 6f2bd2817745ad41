"""Exchange balances and large transfers of CoinGlass: payload to records. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any, Final

from tradingbot.core.errors import IntelProtocolError
from tradingbot.core.types import Asset
from tradingbot.intel.answer import Answer
from tradingbot.intel.fields import Row, amount, column, moment, optional_number, past, record, rows, shown, to_number
from tradingbot.intel.parse_flow import SOURCE
from tradingbot.market.intelligence import ExchangeFlow, Stamp, WhaleTransfers

DAY_S: Final = 86_400
FEWEST_CHANGES: Final = 5
"""A typical daily change needs at least this many days."""
INFLOW: Final = 1
OUTFLOW: Final = 2
PAGE_ROWS: Final = 100
EXCHANGES: Final = (
    "binance", "bitfinex", "bitget", "bithumb", "bitmex", "bitstamp", "bitvavo", "bybit", "coinbase", "coincheck",
    "crypto.com", "deribit", "gate", "gemini", "htx", "huobi", "kraken", "kucoin", "mexc", "okex", "okx", "poloniex",
    "robinhood", "upbit",
)  # fmt: skip
"""How labels of exchange wallets begin, lower case."""


@dataclass(frozen=True, slots=True)
class BalanceChange:
    """Coins that exchanges gained (positive) or lost over a day."""

    stamp: Stamp
    coins: float


@dataclass(frozen=True, slots=True)
class BalanceChart:
    """What the history of balances tells: the newest price, and the standard deviation of daily changes in USD."""

    stamp: Stamp
    price_usd: float
    typical_usd: float | None


def parse_balance_list(answer: Answer) -> BalanceChange | None:
    """Change of all exchanges' balances over a day, in coins; None when no exchange tells one.

    ``[{"exchange_name": "Coinbase", "total_balance": 716590.35, "balance_change_1d": 638.79, ...}, ...]``
    """
    listed = [row for row in rows(answer.data, "balance list") if row.get("exchange_name") != "All"]
    changes = [change for row in listed if (change := optional_number(row, "balance_change_1d")) is not None]
    return BalanceChange(answer.stamp(SOURCE), sum(changes)) if changes else None


def parse_balance_chart(answer: Answer) -> BalanceChart | None:
    """Price and typical daily change from parallel arrays, bare or in a list; None without a price.

    ``{"time_list": [1691460000000], "price_list": [29140.9], "data_map": {"huobi": [15167.03]}}``
    """
    row = record(answer.data, "balance chart")
    if row is None:
        return None
    times = [past(value, "time_list", answer.received_at) for value in column(row, "time_list")]
    prices = [_maybe(value, "price_list") for value in column(row, "price_list")]
    days = _last_of_each_day(times[: len(prices)])
    known = [price for index in days if (price := prices[index])]
    if not known:
        return None
    changes = _daily_changes_usd(days, prices, _balances(row))
    typical = statistics.pstdev(changes) if len(changes) >= FEWEST_CHANGES else None
    return BalanceChart(answer.stamp(SOURCE, times[days[-1]]), known[-1], typical)


def _maybe(value: object, name: str) -> float | None:
    if value is None:
        return None
    number = to_number(value, name)
    if number < 0:
        raise IntelProtocolError(f"field {name!r} must not be negative: {shown(value)}")
    return number


def _balances(row: Row) -> list[list[float | None]]:
    by_exchange = row.get("data_map")
    if not isinstance(by_exchange, dict):
        raise IntelProtocolError(f"field 'data_map' must be an object: {shown(row)}")
    return [[_maybe(value, "data_map") for value in column(by_exchange, name)] for name in by_exchange]


def _last_of_each_day(times: Sequence[datetime]) -> list[int]:
    newest: dict[date, int] = {}
    for index, at in enumerate(times):
        day = at.astimezone(UTC).date()
        if day not in newest or times[newest[day]] <= at:
            newest[day] = index
    return [newest[day] for day in sorted(newest)]


def _daily_changes_usd(
    days: Sequence[int], prices: Sequence[float | None], balances: Sequence[Sequence[float | None]]
) -> list[float]:
    changes: list[float] = []
    for before, after in pairwise(days):
        price = prices[after]
        moved = [
            new - old
            for one in balances
            if max(before, after) < len(one) and (old := one[before]) is not None and (new := one[after]) is not None
        ]
        if price and moved:
            changes.append(sum(moved) * price)
    return changes


def exchange_flow(change: BalanceChange, chart: BalanceChart) -> ExchangeFlow:
    """The flow in USD that a change of balances is at the chart's price."""
    return ExchangeFlow(change.stamp, DAY_S, change.coins * chart.price_usd, chart.typical_usd)


def parse_token_transfers(answer: Answer, asset: Asset, window_s: float, min_usd: float) -> WhaleTransfers | None:
    """Transfers of an ERC-20 token to (type 1) and from (type 2) exchanges; None when none at all is told.

    ``[{"asset_symbol": "LINK", "amount_usd": 9998.5, "transfer_type": 1, "transaction_time": 1745224211, ...}, ...]``
    """
    listed = [row for row in rows(answer.data, "chain tx list") if row.get("asset_symbol") in (None, asset)]
    if not listed:
        return None
    moves = [(row, row.get("transfer_type")) for row in listed]
    flows = [(row, kind == INFLOW) for row, kind in moves if kind in (INFLOW, OUTFLOW)]
    source = f"{SOURCE}:first {PAGE_ROWS}" if len(listed) >= PAGE_ROWS else SOURCE
    return _transfers(answer, flows, "transaction_time", window_s, min_usd, source)


def parse_whale_transfers(answer: Answer, asset: Asset, window_s: float, min_usd: float) -> WhaleTransfers | None:
    """Transfers of 10 million USD and more between exchanges and other wallets; None when none at all is told.

    ``[{"asset_symbol": "WETH", "amount_usd": "18403606.8", "from": "unknown wallet", "to": "Binance",
    "block_timestamp": 1746265043, ...}, ...]``
    """
    names = (None, asset, f"W{asset}")
    listed = [row for row in rows(answer.data, "whale transfer") if row.get("asset_symbol") in names]
    if not listed:
        return None
    sides = [(row, _is_exchange(row.get("from")), _is_exchange(row.get("to"))) for row in listed]
    flows = [(row, to_exchange) for row, from_exchange, to_exchange in sides if from_exchange != to_exchange]
    return _transfers(answer, flows, "block_timestamp", window_s, min_usd, SOURCE)


def _is_exchange(label: object) -> bool:
    return isinstance(label, str) and label.strip().lower().startswith(EXCHANGES)


def _transfers(
    answer: Answer,
    flows: Iterable[tuple[Mapping[str, Any], bool]],
    time_key: str,
    window_s: float,
    min_usd: float,
    source: str,
) -> WhaleTransfers:
    since = answer.received_at - timedelta(seconds=window_s)
    sums, count = {True: 0.0, False: 0.0}, 0
    for row, inward in flows:
        usd, at = amount(row, "amount_usd"), moment(row.get(time_key), time_key)
        if usd is not None and usd >= min_usd and at > since:
            sums[inward] += usd
            count += 1
    return WhaleTransfers(answer.stamp(source), round(window_s), sums[True], sums[False], count)
