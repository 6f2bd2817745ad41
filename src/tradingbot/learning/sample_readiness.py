"""Which symbols may be judged by their trades, and what the others lack (SPEC 10.7). Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.types import Symbol
from tradingbot.learning.allocation import Allocations, Readiness, SymbolAllocation, is_ready, readiness_pct


@dataclass(frozen=True, slots=True)
class SampleReadiness:
    """One symbol. `days_active` lie between first and last trade, `days_since_last` between the last and now.

    `missing` is empty when it is ready, else ``12 trades, 3.2 days``. `allocation_multiplier` is 1 unless it is ready.
    """

    symbol: Symbol
    trade_count: int
    first_trade_at: datetime | None
    last_trade_at: datetime | None
    days_active: float
    days_since_last: float | None
    sample_readiness_pct: float
    ready: bool
    missing: str
    allocation_multiplier: float


def sample_readiness(allocations: Allocations, now: datetime, readiness: Readiness) -> dict[Symbol, SampleReadiness]:
    """Every symbol that has traded or was carried over, judged by today's requirement and not by the file's word."""
    return {symbol: _one(symbol, known, now, readiness) for symbol, known in sorted(allocations.symbols.items())}


def _one(symbol: Symbol, known: SymbolAllocation, now: datetime, readiness: Readiness) -> SampleReadiness:
    ready = is_ready(known.trade_count, known.days_active, readiness)
    last = known.last_trade_at
    return SampleReadiness(
        symbol=symbol,
        trade_count=known.trade_count,
        first_trade_at=known.first_trade_at,
        last_trade_at=last,
        days_active=known.days_active,
        days_since_last=None if last is None else max(0.0, (now - last).total_seconds() / 86_400),
        sample_readiness_pct=readiness_pct(known.trade_count, known.days_active, readiness),
        ready=ready,
        missing=missing(known.trade_count, known.days_active, readiness),
        allocation_multiplier=known.allocation_multiplier if ready else 1.0,
    )


def missing(trades: int, days: float, readiness: Readiness) -> str:
    """What a symbol still needs; empty when that is nothing. Days are rounded up: it never says 0.0 days."""
    lacking = []
    if trades < readiness.trades:
        count = readiness.trades - trades
        lacking.append(f"{count} trade{'' if count == 1 else 's'}")
    if days < readiness.days:
        lacking.append(f"{math.ceil((readiness.days - days) * 10) / 10:.1f} days")
    return ", ".join(lacking)
