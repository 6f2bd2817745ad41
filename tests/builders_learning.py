"""A home that has learned: learning files as the post-trade handler would have left them after some trades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tests.builders_trades import a_trade
from tests.support import BTC, ETH, NOW
from tradingbot.app.home import make_home
from tradingbot.app.stores import Stores, open_stores
from tradingbot.clock import SteppedClock
from tradingbot.core.levers import Levers
from tradingbot.core.parameters import LearnedParameters
from tradingbot.core.types import Direction
from tradingbot.counterfactual.model import Ledger
from tradingbot.engine.catalog import DOCUMENTS
from tradingbot.engine.learning_models import VenueMetadata
from tradingbot.engine.models import InstanceState, TradesState
from tradingbot.engine.post_trade import EMPTY, step_functions
from tradingbot.learning.allocation import Readiness
from tradingbot.learning.handled import Handled
from tradingbot.learning.meta_learning import MetaState
from tradingbot.learning.params import LearningParams
from tradingbot.learning.reality_gap import RealityGap, measured
from tradingbot.learning.trade_facts import facts_of
from tradingbot.learning.venue_migration import REPORTS
from tradingbot.portfolio.position import ClosedTrade

PARAMS = LearningParams()
READY = Readiness(30, 7.0)
BEGAN = NOW - timedelta(days=40)
LATER = NOW + timedelta(days=20)
TRADES = [
    a_trade(1, "8"),
    a_trade(2, "-12.5", direction=Direction.SHORT),
    a_trade(3, "3.123456789012345678", symbol=BTC, strategy="trend_follower"),
    a_trade(4, "0.1", signal={"components": None}),
    *(a_trade(number, "2", closed=NOW + timedelta(hours=8 * number)) for number in range(5, 40)),
]


def contents(trades: Iterable[ClosedTrade], venue: str = "blofin") -> dict[str, Any]:
    """The content of every step's file after these trades, and a reality gap of some orders."""
    functions, known = step_functions(venue, PARAMS, READY, 5.0), dict(EMPTY)
    count = 0
    for trade in trades:
        facts, count = facts_of(trade), count + 1
        known = {name: functions[name](content, facts) for name, content in known.items()}
    gap = RealityGap()
    for number in range(count):
        gap = measured(gap, ETH, "entry", {"slippage": 1.0 + number % 3, "fees": 5.0}, 500)
    return {**known, "reality_gap": gap}


def save_learning(
    stores: Stores, metadata: VenueMetadata, trades: Sequence[ClosedTrade], names: Iterable[str] = ()
) -> None:
    """Write the learning files (or those of these names) as of these trades."""
    handled = Handled()
    for trade in trades:
        handled = handled.with_one(trade.trade_id, trade.exit_time)
    bodies: dict[str, Any] = {
        **{name: {"content": one, "handled": handled} for name, one in contents(trades, metadata.venue).items()},
        "learned": {"parameters": LearnedParameters(default_slippage_bps=3.0), "hash": "abc"},
        "counterfactual": {"handled_until": NOW, "cycles": len(trades), "ledger": Ledger(opened=len(trades))},
        "gate_feedback": {"as_of": NOW, "behind": True},
        "trade_analysis": {"as_of": NOW, "analyses": {"trades": {"count": len(trades)}}},
        "generation": {"content": MetaState(Levers(3, {"targets.scale": 0.9}), 4, trials=17)},
        **{name: {"as_of": NOW, "report": {"trades": len(trades)}} for name in REPORTS},
    }
    for name in tuple(names) or tuple(bodies):
        stores.documents[name].save(DOCUMENTS[name].model(venue_metadata=metadata, **bodies[name]))


def learned_home(
    home: Path, venue: str = "blofin", instance: str = "blofin", trades: Sequence[ClosedTrade] = TRADES
) -> Path:
    """A home whose instance is at one venue and whose files were learned at `venue`; its trades are on file."""
    make_home(home)
    stores = stores_at(home, BEGAN)
    made = InstanceState(instance="aabbcc", created_at=BEGAN, profile="paper", venue=instance)
    stores.documents["instance"].save(made)
    stores.documents["trades"].save(TradesState(trades=list(trades)))
    save_learning(stores, VenueMetadata(venue=venue, since=BEGAN), trades)
    return home


def stores_at(home: Path, moment: datetime = LATER) -> Stores:
    """The files of a home on a clock that stands at a moment."""
    return open_stores(home, SteppedClock(moment))
