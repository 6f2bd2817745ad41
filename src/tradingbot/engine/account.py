"""One account at the venue as this process keeps it: orders, book, ledger, and what brings them up to the venue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tradingbot.engine.execute import Executor
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.reconcile import Reconciler
from tradingbot.engine.resolve import UnknownOrders
from tradingbot.engine.settlement import Settlement
from tradingbot.ports import Clock, Venue


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingAccount:
    """Everything that moves the book. Whoever does so holds `lock`."""

    venue: Venue
    clock: Clock
    lock: asyncio.Lock
    intents: IntentLog
    ids: OrderIds
    keeper: PortfolioKeeper
    settlement: Settlement
    unknown: UnknownOrders
    reconciler: Reconciler
    executor: Executor
