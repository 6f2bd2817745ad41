"""What was learned from finished trades, as one frozen value: jobs write it, the next cycle reads it (SPEC 9, 10).

Nothing in here is applied before a symbol is sample-ready (SPEC 10.7); whoever reads it asks `ready`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tradingbot.core.types import Direction, Symbol


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What came of the trades of one symbol and direction.

    `trades` counts them, `mean_net_bps` is their decay-weighted net result in bps of notional, `win_rate` 0..1 the
    decay-weighted share that won. `optimal_hold_min` is when such trades were best on average, None while unknown.
    """

    trades: int
    mean_net_bps: float
    win_rate: float
    optimal_hold_min: float | None = None


@dataclass(frozen=True, slots=True)
class SymbolRecord:
    """How far one symbol can be judged, and the share of capital that follows: 1 is the ordinary one (SPEC 6.5).

    `days` lie between its first and last trade; `readiness_pct` is 0..100; `ready` is 30 trades and 7 days.
    """

    trades: int
    days: float
    readiness_pct: float
    ready: bool
    allocation_multiplier: float = 1.0


@dataclass(frozen=True, slots=True)
class LearnedParameters:
    """Everything that decisions may know of the past beside book and market.

    `records` by `record_key`; `slippage_bps` is what one fill of a symbol costs beyond half the spread and fees (delay
    and impact), one way, already shrunk towards `default_slippage_bps`, which other symbols have.
    `fee_bps` is the fee of one fill as it was measured; a symbol without any has the fee gate's setting.
    `strategy_volatility_bps` is the standard deviation of each strategy's net results per trade.
    """

    as_of: datetime | None = None
    records: Mapping[str, TrackRecord] = field(default_factory=dict)
    symbols: Mapping[Symbol, SymbolRecord] = field(default_factory=dict)
    slippage_bps: Mapping[Symbol, float] = field(default_factory=dict)
    default_slippage_bps: float = 2.0
    fee_bps: Mapping[Symbol, float] = field(default_factory=dict)
    strategy_volatility_bps: Mapping[str, float] = field(default_factory=dict)

    def record_of(self, symbol: Symbol, direction: Direction) -> TrackRecord | None:
        """The record of a symbol and direction; None without trades or while the symbol is not sample-ready."""
        known = self.symbols.get(symbol)
        return self.records.get(record_key(symbol, direction)) if known is not None and known.ready else None


def record_key(symbol: Symbol, direction: Direction) -> str:
    """``BTCUSDT:long``."""
    return f"{symbol}:{direction.value}"


NOTHING_LEARNED: Final = LearnedParameters()
