"""Builders with defaults: a test names only what matters to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from tradingbot.core.records import Fill, LedgerEntry, LedgerKind, Liquidity, OpenOrder, Ticker
from tradingbot.core.types import (
    ClientOrderId,
    ContractKind,
    Direction,
    FillId,
    OrderKind,
    Side,
    Symbol,
    Timeframe,
    TriggerSignal,
    VenueOrderId,
    epoch_ms,
)
from tradingbot.market.candles import Candles
from tradingbot.market.contracts import ContractSpec, MarginLevel
from tradingbot.market.intelligence import Stamp
from tradingbot.market.minute_features import minute_features
from tradingbot.market.snapshot import BookSamples, BookStats, MarketSnapshot, SymbolSnapshot, empty_samples
from tradingbot.portfolio.book import EntryPlan
from tradingbot.signals.params import SignalParams

NOW = datetime(2026, 1, 5, 12, 0, 2, tzinfo=UTC)
BTC = Symbol("BTCUSDT")
ETH = Symbol("ETHUSDT")


def a_spec(symbol: Symbol = ETH, **changes: Any) -> ContractSpec:
    """A linear contract: tick 0.1, step 0.001."""
    spec = ContractSpec(
        symbol=symbol,
        venue_symbol="PF_ETHUSD",
        kind=ContractKind.LINEAR,
        contract_size=Decimal(1),
        tick_size=Decimal("0.1"),
        size_step=Decimal("0.001"),
        min_size=Decimal("0.001"),
        max_size=Decimal(16000),
        margin_levels=(MarginLevel(Decimal(0), Decimal("0.02"), Decimal("0.01")),),
        settlement_currency="USD",
        wallet="flex",
        tradeable=True,
        post_only=False,
        as_of=NOW,
        source="venue",
    )
    return replace(spec, **changes)


def an_inverse_spec(symbol: Symbol = BTC, **changes: Any) -> ContractSpec:
    """An inverse contract of 1 USD, settled in XBT."""
    return a_spec(
        symbol,
        **{
            "venue_symbol": "PI_XBTUSD",
            "kind": ContractKind.INVERSE,
            "tick_size": Decimal("0.5"),
            "size_step": Decimal(1),
            "min_size": Decimal(1),
            "settlement_currency": "XBT",
            "wallet": "fi_xbtusd",
            **changes,
        },
    )


def a_plan(symbol: Symbol = ETH, direction: Direction = Direction.LONG, **changes: Any) -> EntryPlan:
    """An entry plan of a linear contract with a 2.5 % stop."""
    plan = EntryPlan(
        symbol=symbol,
        direction=direction,
        kind=ContractKind.LINEAR,
        contract_size=Decimal(1),
        settlement_currency="USD",
        leverage=Decimal(3),
        strategy="predictive_flow",
        conviction="LOW",
        stop_fraction=Decimal("0.025"),
        grace_s=120,
    )
    return replace(plan, **changes)


def a_fill(fill_id: str = "f1", **changes: Any) -> Fill:
    """A taker buy of 1 ETH at 2000."""
    fill = Fill(
        fill_id=FillId(fill_id),
        venue_order_id=VenueOrderId("o1"),
        client_order_id=ClientOrderId("tb-aa-1-ETHUSDT-entry"),
        symbol=ETH,
        side=Side.BUY,
        size=Decimal(1),
        price=Decimal(2000),
        time=NOW,
        liquidity=Liquidity.TAKER,
    )
    return replace(fill, **changes)


def a_ledger_row(entry_id: int, fill_id: str | None = None, **changes: Any) -> LedgerEntry:
    """A booked trade without any amounts."""
    row = LedgerEntry(
        entry_id=entry_id,
        time=NOW,
        kind=LedgerKind.TRADE if fill_id else LedgerKind.FUNDING,
        wallet="flex",
        currency="USD",
        symbol=ETH,
        fill_id=FillId(fill_id) if fill_id else None,
        old_balance=Decimal(100),
        new_balance=Decimal(100),
    )
    return replace(row, **changes)


def a_stop_order(order_id: str = "s1", **changes: Any) -> OpenOrder:
    """Our resting sell stop of 1 ETH at 1950."""
    order = OpenOrder(
        venue_order_id=VenueOrderId(order_id),
        client_order_id=ClientOrderId(f"tb-aa-1-ETHUSDT-{order_id}"),
        symbol=ETH,
        side=Side.SELL,
        kind=OrderKind.STOP,
        size=Decimal(1),
        filled=Decimal(0),
        limit_price=None,
        stop_price=Decimal(1950),
        trigger_signal=TriggerSignal.MARK,
        reduce_only=True,
        created_at=NOW,
    )
    return replace(order, **changes)


def candles_of(
    closes: Sequence[float], symbol: Symbol = ETH, end: datetime = NOW, timeframe: Timeframe = Timeframe.M1
) -> Candles:
    """Candles that close at these prices; the last one closed at or before `end`."""
    close = np.asarray(closes, dtype=np.float64)
    step = timeframe.ms
    last_open_ms = epoch_ms(end) // step * step - step
    times = last_open_ms - step * np.arange(close.shape[0] - 1, -1, -1, dtype=np.int64)
    opens = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opens, close), np.minimum(opens, close)
    return Candles(symbol, timeframe, times, opens, high, low, close, np.ones_like(close))


def a_ticker(symbol: Symbol = ETH, mark: str = "2000", **changes: Any) -> Ticker:
    """A fresh ticker."""
    price = Decimal(mark)
    ticker = Ticker(symbol, NOW, NOW, price, price, price, price, price)
    return replace(ticker, **changes)


def a_symbol(symbol: Symbol = ETH, closes: Sequence[float] = (2000.0,) * 400, **changes: Any) -> SymbolSnapshot:
    """One symbol with fresh data and a tight book."""
    price = float(closes[-1])
    part = SymbolSnapshot(
        symbol=symbol,
        spec=a_spec(symbol),
        candles=candles_of(closes, symbol),
        samples=empty_samples(),
        ticker=a_ticker(symbol, str(price)),
        book=BookStats(NOW, price - 0.1, price + 0.1, 0.01, 1e6, 1e6),
    )
    return replace(part, **changes)


def with_features(part: SymbolSnapshot, leader: Candles | None) -> SymbolSnapshot:
    """The symbol with the features that follow from its candles, unless it has some already."""
    if part.features is not None:
        return part
    windows = SignalParams().windows
    made = minute_features(part.candles, leader if part.symbol != BTC else None, windows)
    return replace(part, features=made)


def a_stamp(age_s: float = 10.0, source: str = "coinglass", now: datetime = NOW) -> Stamp:
    """A value of some seconds ago that arrived at once."""
    moment = now - timedelta(seconds=age_s)
    return Stamp(moment, moment, source)


def a_snapshot(*parts: SymbolSnapshot, **changes: Any) -> MarketSnapshot:
    """A snapshot of an account worth 10,000 USD."""
    leader = next((part.candles for part in parts if part.symbol == BTC), None)
    snapshot = MarketSnapshot(
        as_of=NOW,
        cycle_id="20260105T1200",
        symbols={part.symbol: with_features(part, leader) for part in parts},
        equity_usd=Decimal(10_000),
        available_usd={"flex": Decimal(9_000), "fi_xbtusd": Decimal(1_000)},
    )
    return replace(snapshot, **changes)


def samples_of(bid_sizes: Sequence[float], ask_sizes: Sequence[float], interval_s: float = 10.0) -> BookSamples:
    """Book samples at constant prices whose touch sizes change; the last one is now."""
    count = len(bid_sizes)
    now_ms = epoch_ms(NOW)
    times = np.array([now_ms - int((count - 1 - i) * interval_s * 1000) for i in range(count)], dtype=np.int64)
    constant = np.full(count, 1.0)
    return BookSamples(times, 99 * constant, np.array(bid_sizes, float), 101 * constant, np.array(ask_sizes, float))


def minutes(count: float) -> timedelta:
    """A length of time."""
    return timedelta(minutes=count)
