"""From a row of the plan to the words of its request, and from the answer into the store. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from tradingbot.core.types import Asset, epoch_ms
from tradingbot.intel.answer import Answer
from tradingbot.intel.endpoints import HISTORIES, Endpoint
from tradingbot.intel.histories import BARS_PER_DAY, INTERVAL, MOST_BARS, HistoryKind, parse_history
from tradingbot.intel.params import CoinglassParams
from tradingbot.intel.parse_flow import parse_liquidation_coins, parse_liquidations, parse_taker
from tradingbot.intel.parse_market import parse_funding, parse_open_interest
from tradingbot.intel.parse_mood import parse_fear_greed
from tradingbot.intel.parse_onchain import (
    PAGE_ROWS,
    parse_balance_chart,
    parse_balance_list,
    parse_token_transfers,
    parse_whale_transfers,
)
from tradingbot.intel.plan_rows import BACKFILL, PollRow
from tradingbot.intel.store import IntelStore

Arguments = Sequence[tuple[str, str]]
_V = TypeVar("_V")
RECENT_BARS: Final = 12
PROOF_S: Final = 21_600.0
"""Transfers are asked for this long, so that an asset without any in its window is told from one not covered."""


def arguments(row: PollRow, params: CoinglassParams, now: datetime) -> Arguments:
    """The query of a request."""
    if row.endpoint in HISTORIES:
        return _history_arguments(row, params)
    if row.endpoint is Endpoint.LIQUIDATION_COINS:
        return [("exchange", params.liquidation_exchange)]
    if row.subject is None:
        return []
    query = [("symbol", str(row.subject))]
    if row.variant:
        query.append(("range", row.variant))
    if row.endpoint in (Endpoint.TOKEN_TRANSFERS, Endpoint.WHALE_TRANSFERS):
        since = now - timedelta(seconds=max(PROOF_S, params.whale_window_s))
        query.append(("start_time", str(epoch_ms(since))))
    if row.endpoint is Endpoint.TOKEN_TRANSFERS:
        query += [("min_usd", f"{params.whale_min_usd:.0f}"), ("per_page", str(PAGE_ROWS)), ("page", "1")]
    return query


def _history_arguments(row: PollRow, params: CoinglassParams) -> Arguments:
    asset = row.subject or Asset("")
    wanted = params.backfill_days * BARS_PER_DAY if row.variant == BACKFILL else RECENT_BARS
    common = [("interval", INTERVAL), ("limit", str(max(1, min(wanted, MOST_BARS))))]
    if row.endpoint is Endpoint.LONG_SHORT_HISTORY:
        return [("exchange", params.ratio_exchange), ("symbol", params.pair(asset)), *common]
    if row.endpoint in (Endpoint.TAKER_HISTORY, Endpoint.LIQUIDATION_HISTORY):
        common.append(("exchange_list", params.history_exchanges))
    return [("symbol", str(asset)), *common]


def take(row: PollRow, answer: Answer, store: IntelStore, params: CoinglassParams, assets: Sequence[Asset]) -> bool:
    """Put what an answer tells into the store; False when it tells nothing. Raises IntelProtocolError."""
    kind = HISTORIES.get(row.endpoint)
    if row.subject is None:
        return _take_common(row, answer, store, params, assets)
    if kind is not None:
        return _take_history(kind, row.subject, answer, store)
    return _take_snapshot(row, row.subject, answer, store, params)


def _take_common(
    row: PollRow, answer: Answer, store: IntelStore, params: CoinglassParams, assets: Sequence[Asset]
) -> bool:
    if row.endpoint is Endpoint.FEAR_GREED:
        value = parse_fear_greed(answer)
        store.fear_greed = value or store.fear_greed
        return value is not None
    if row.endpoint is Endpoint.FUNDING:
        rates = parse_funding(answer, assets)
        store.put_funding(rates)
        return bool(rates)
    liquidations = parse_liquidation_coins(answer, assets, params.liquidation_exchange)
    for asset, told in liquidations.items():
        store.put_liquidations(asset, told)
    return bool(liquidations)


def _take_history(kind: HistoryKind, asset: Asset, answer: Answer, store: IntelStore) -> bool:
    bars = parse_history(answer, kind)
    if bars:
        store.put_history(kind, asset, bars, answer.received_at, answer.origin)
    return bool(bars)


def _take_snapshot(row: PollRow, asset: Asset, answer: Answer, store: IntelStore, params: CoinglassParams) -> bool:
    match row.endpoint:
        case Endpoint.TAKER:
            return _put(store.put_taker, asset, parse_taker(answer, asset, row.variant))
        case Endpoint.LIQUIDATION_EXCHANGES:
            window = parse_liquidations(answer, row.variant)
            return _put(partial(store.put_liquidation_window, row.variant), asset, window)
        case Endpoint.OPEN_INTEREST:
            return _put(store.put_open_interest, asset, parse_open_interest(answer, asset))
        case Endpoint.BALANCE_LIST:
            return _put(store.put_balance, asset, parse_balance_list(answer))
        case Endpoint.BALANCE_CHART:
            return _put(store.put_balance, asset, parse_balance_chart(answer))
        case _:
            parse = parse_token_transfers if row.endpoint is Endpoint.TOKEN_TRANSFERS else parse_whale_transfers
            return _put(store.put_whales, asset, parse(answer, asset, params.whale_window_s, params.whale_min_usd))


def _put(put: Callable[[Asset, _V], None], asset: Asset, value: _V | None) -> bool:
    if value is not None:
        put(asset, value)
    return value is not None
