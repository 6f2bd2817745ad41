"""What a backtest needs to know: a market, a span, and every parameter that the daemon would have. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tradingbot.core.types import Symbol
from tradingbot.decision import DecisionParams
from tradingbot.engine.params import EngineParams
from tradingbot.guards.downtime import DowntimeParams
from tradingbot.guards.entry_permission import AlphaTradingPolicy
from tradingbot.intel.params import CoinglassParams
from tradingbot.learning.params import LearningParams
from tradingbot.market.data_contracts import ContractParams
from tradingbot.market.frame_features import FrameParams
from tradingbot.market.universe import Universe
from tradingbot.simulator.intelligence_world import Recordings
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.params import SimulatorParams


@dataclass(frozen=True, slots=True)
class Span:
    """Cycles from `warm_since` on, counted from `since` to before `until`; aware UTC."""

    warm_since: datetime
    since: datetime
    until: datetime

    def __post_init__(self) -> None:
        """Raises ValueError for a span without time."""
        if not self.warm_since <= self.since < self.until:
            raise ValueError("a backtest begins with its warm-up, and ends after its beginning")


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """What it is played on. `intelligence`: whether the service beside the venue tells of this market, too."""

    feed: MarketFeed
    recorded: bool
    source: str
    digest: str
    seed: int
    intelligence: bool = True
    recordings: Recordings = field(default_factory=Recordings)


@dataclass(frozen=True, slots=True)
class TradingPlan:
    """How it is traded: the daemon's own parameters. `latency`: whether orders take the venue's time.

    `near`: candles from columns that lie ready, as against asked one by one like the daemon; both come to the same.
    `obey_switches`: whether tripped kill switches hold entries back; else they are only told. `counterfactual`: whether
    every signal is carried forward as if it had been traded, beside the run.
    """

    universe: Universe
    symbols: tuple[Symbol, ...]
    profile: str
    settings_digest: str
    decision: DecisionParams
    engine: EngineParams
    simulator: SimulatorParams
    learning: LearningParams
    frames: FrameParams
    contracts: ContractParams
    coinglass: CoinglassParams
    alpha_trading: AlphaTradingPolicy
    downtime: DowntimeParams
    latency: bool = True
    near: bool = True
    obey_switches: bool = True
    counterfactual: bool = False


Progress = Callable[[int, int], None]
"""Told of cycles done and all cycles, now and then."""


class Lines(Protocol):
    """What a process that plays ahead tells, in order."""

    def next_line(self) -> bytes:
        """The next line; waits for it. Raises WorkerError when there will be none."""

    def close(self) -> None:
        """No more are wanted."""


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """One run. `version` of the program that decides.

    `ahead` begins to play the intelligence beside the market in a process of its own; None: the run plays it itself.
    """

    name: str
    span: Span
    market: MarketPlan
    trading: TradingPlan
    version: str
    progress: Progress = lambda _done, _all: None
    ahead: Callable[[], Lines] | None = None
