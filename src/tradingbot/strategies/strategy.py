"""What a strategy is: which regimes it is for, what it sees, what it says of entries and of its open positions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Regime, Symbol, Timeframe
from tradingbot.market.frame_features import FrameFeatures
from tradingbot.market.multi_timeframe import MtfAlignment
from tradingbot.market.regime import RegimeReading


@dataclass(frozen=True, slots=True)
class StrategyView:
    """What a strategy may see of one symbol. `funding_8h` is the fraction longs pay per 8 hours, None if unknown."""

    symbol: Symbol
    as_of: datetime
    mark: float
    frames: Mapping[Timeframe, FrameFeatures]
    mtf: MtfAlignment | None
    regime: RegimeReading
    spread_bps: float | None = None
    funding_8h: float | None = None
    is_leader: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """One open position of ours as a strategy may see it. Returns are fractions of the entry price, signed for us."""

    direction: Direction
    entry_price: float
    entry_time: datetime
    return_fraction: float
    peak_fraction: float


@dataclass(frozen=True, slots=True)
class EntryIdea:
    """What a strategy would open, or NEUTRAL and why not.

    `strength` in 0..1; `expected_move_bps` (unsigned, toward `direction`) over `horizon_min` minutes.
    """

    strategy: str
    direction: Direction
    strength: float
    expected_move_bps: float
    horizon_min: float
    as_of: datetime | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class ExitIdea:
    """Whether a strategy would leave a position of its own now, and why or why not."""

    strategy: str
    exit_now: bool
    why: Reason


class Strategy(Protocol):
    """A pure strategy: same view, same ideas."""

    @property
    def name(self) -> str:
        """As in files and tables, e.g. ``TrendFollower``."""

    @property
    def regimes(self) -> frozenset[Regime]:
        """Regimes it may be active in."""

    def entry(self, view: StrategyView) -> EntryIdea:
        """What it would open now."""

    def exit(self, view: StrategyView, held: Held) -> ExitIdea:
        """Whether it would leave a position of its own now."""


@dataclass(frozen=True, slots=True)
class ActiveStrategy:
    """A strategy that the selector has made active, with its share of the capital (per cent) and why."""

    name: str
    share_pct: float
    reasons: tuple[Reason, ...] = field(default=())
