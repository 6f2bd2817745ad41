"""One account at the venue as this process keeps it: orders, book, ledger, and what brings them up to the venue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Self

from tradingbot.engine.execute import Executor
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.params import EngineParams
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

    @classmethod
    def wired(
        cls,
        venue: Venue,
        clock: Clock,
        intents: IntentLog,
        ids: OrderIds,
        keeper: PortfolioKeeper,
        params: EngineParams,
        **more: Any,
    ) -> Self:
        """The account with all its parts made of these; `more` is what a subclass has beside them."""
        settlement = Settlement(venue, clock, keeper, params.read_budget_s)
        unknown = UnknownOrders(venue, clock, intents, keeper, params)
        return cls(
            venue=venue,
            clock=clock,
            lock=asyncio.Lock(),
            intents=intents,
            ids=ids,
            keeper=keeper,
            settlement=settlement,
            unknown=unknown,
            reconciler=Reconciler(venue, clock, keeper, settlement, unknown, ids),
            executor=Executor(venue, clock, ids, intents, keeper, params),
            **more,
        )
