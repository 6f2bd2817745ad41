"""The trading account of a backtest: the engine's own parts over a venue of this process, with nothing on disk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tradingbot.engine.account import TradingAccount
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.engine.execution_quality import ExecutionQuality
from tradingbot.engine.identifiers import OrderIds
from tradingbot.engine.intents import IntentLog
from tradingbot.engine.kill_switches import KillSwitches, looked_at
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.engine.models import PositionsState, TradesState
from tradingbot.engine.portfolio_keeper import PortfolioKeeper
from tradingbot.engine.post_trade import EMPTY, PostTrade
from tradingbot.guards.switch_state import SwitchState
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.reality_gap import RealityGap
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.ports import Clock, Venue
from tradingbot.research.backtest.memory import MemoryDocument, Unwritten
from tradingbot.research.backtest.plan import TradingPlan

INSTANCE = "backtest"
KEPT_TRADES = 200
"""Finished trades that the keeper has at hand: no rule looks at more, and every cycle walks through them."""


class AllTrades(MemoryDocument[TradesState]):
    """The file of trades, of which none ever leaves."""

    def __init__(self) -> None:
        super().__init__()
        self.trades: list[ClosedTrade] = []

    async def commit(self, value: TradesState) -> None:
        """Take the new ones over."""
        await super().commit(value)
        known = self.trades[-1].trade_id if self.trades else ""
        fresh = []
        for trade in reversed(value.trades):
            if trade.trade_id == known:
                break
            fresh.append(trade)
        self.trades += reversed(fresh)


def open_account(plan: TradingPlan, venue: Venue, clock: Clock, trades: AllTrades) -> TradingAccount:
    """An account that has never traded. What it will have traded is in `trades`."""
    intents = IntentLog(Unwritten())
    ids = OrderIds(INSTANCE)
    keeper = PortfolioKeeper(
        PositionsState().to_book(),
        TradesState(),
        MemoryDocument[PositionsState](),
        trades,
        Unwritten(),
        Unwritten(),
        intents,
        kept_trades=max(KEPT_TRADES, looked_at(plan.decision.risk.kill_switches)),
    )
    return TradingAccount.wired(venue, clock, intents, ids, keeper, plan.engine)


def open_learning(plan: TradingPlan, account: TradingAccount, since: datetime) -> PostTrade:
    """The post-trade handler of a venue that nothing is known of."""
    metadata = VenueMetadata(venue=account.venue.name, since=since)
    contents: Mapping[str, Any] = {**EMPTY, "reality_gap": RealityGap()}
    states = {name: _fresh(name, content, metadata) for name, content in contents.items()}
    files: dict[str, MemoryDocument[Any]] = {name: MemoryDocument() for name in (*contents, "learned")}
    learning, risk, gates = plan.learning, plan.decision.risk, plan.decision.gates
    quality = ExecutionQuality(account.intents, Unwritten(), files["reality_gap"], states["reality_gap"], learning)
    readiness = Readiness(risk.allocation.ready_trades, risk.allocation.ready_days)
    handler = PostTrade(
        account.keeper, account.clock, files, states, quality, learning, readiness, gates.fee.taker_fee_bps
    )
    handler.handle()
    return handler


def _fresh(name: str, content: Any, metadata: VenueMetadata) -> Any:
    return DOCUMENTS[name].model(venue_metadata=metadata, content=content)


def open_switches(plan: TradingPlan, account: TradingAccount) -> KillSwitches:
    """Switches of which none is tripped."""
    switches = KillSwitches(
        SwitchState(), MemoryDocument(), Unwritten(), account.clock, plan.decision.risk.kill_switches
    )
    account.intents.listeners.append(switches.note)
    return switches
