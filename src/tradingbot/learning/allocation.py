"""How far a symbol can be judged, and the share of capital that follows (SPEC 6.5, 10.7). Pure.

Until a symbol is ready its share is the ordinary one. Then: the mean net result of its trades is shrunk as if
`prior_trades` more had come to nothing, divided by its standard error, and each standard error moves the share by
`step`, within `min_multiplier` and `max_multiplier`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from tradingbot.core.types import Symbol
from tradingbot.learning.params import AllocationLearningParams
from tradingbot.learning.trade_facts import TradeFacts

LEAST_ERROR_BPS: Final = 1.0
"""A standard error below this is an accident of few equal results."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a symbol needs before it is judged: trades, and days between the first and the last of them."""

    trades: int
    days: float


@dataclass(frozen=True, slots=True)
class SymbolAllocation:
    """One symbol. `days_active` lie between its first and last exit; `sample_readiness_pct` is 0..100."""

    trade_count: int = 0
    first_trade_at: datetime | None = None
    last_trade_at: datetime | None = None
    days_active: float = 0.0
    sample_readiness_pct: float = 0.0
    ready: bool = False
    allocation_multiplier: float = 1.0
    total_bps: float = 0.0
    squares_bps: float = 0.0


@dataclass(frozen=True, slots=True)
class Allocations:
    """By symbol."""

    symbols: Mapping[Symbol, SymbolAllocation] = field(default_factory=dict)


def allocated(
    known: Allocations, facts: TradeFacts, readiness: Readiness, params: AllocationLearningParams
) -> Allocations:
    """The allocations with one more trade."""
    symbol, at = facts.trade.symbol, facts.trade.exit_time
    old = known.symbols.get(symbol, SymbolAllocation())
    first = at if old.first_trade_at is None else min(at, old.first_trade_at)
    last = at if old.last_trade_at is None else max(at, old.last_trade_at)
    count, days = old.trade_count + 1, (last - first).total_seconds() / 86_400
    total, squares = old.total_bps + facts.net_bps, old.squares_bps + facts.net_bps**2
    made = SymbolAllocation(
        trade_count=count,
        first_trade_at=first,
        last_trade_at=last,
        days_active=days,
        total_bps=total,
        squares_bps=squares,
    )
    return Allocations({**known.symbols, symbol: _judged(made, readiness, params)})


def judged(known: Allocations, readiness: Readiness, params: AllocationLearningParams) -> Allocations:
    """The allocations as today's requirement judges them, whatever they were judged by when they were written."""
    return Allocations({symbol: _judged(one, readiness, params) for symbol, one in known.symbols.items()})


def _judged(one: SymbolAllocation, readiness: Readiness, params: AllocationLearningParams) -> SymbolAllocation:
    ready = is_ready(one.trade_count, one.days_active, readiness)
    share = multiplier(one.trade_count, one.total_bps, one.squares_bps, params) if ready else 1.0
    pct = readiness_pct(one.trade_count, one.days_active, readiness)
    return replace(one, ready=ready, allocation_multiplier=share, sample_readiness_pct=pct)


def is_ready(trades: int, days: float, readiness: Readiness) -> bool:
    """Whether a symbol may be judged: enough trades and enough days, both."""
    return trades >= readiness.trades and days >= readiness.days


def readiness_pct(trades: int, days: float, readiness: Readiness) -> float:
    """The lesser of the two shares of what is needed, 0..100."""
    by_days = days / readiness.days if readiness.days > 0 else 1.0
    return 100.0 * min(1.0, trades / readiness.trades, by_days)


def multiplier(trades: int, total_bps: float, squares_bps: float, params: AllocationLearningParams) -> float:
    """1 + step x (shrunk mean / its standard error), within bounds; 1 below two trades."""
    if trades < 2:
        return 1.0
    mean = total_bps / trades
    variance = max(0.0, (squares_bps - trades * mean * mean) / (trades - 1))
    error = max(LEAST_ERROR_BPS, math.sqrt(variance / trades))
    shrunk = total_bps / (trades + params.prior_trades)
    return min(params.max_multiplier, max(params.min_multiplier, 1.0 + params.step * shrunk / error))
