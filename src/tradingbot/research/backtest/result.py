"""What one backtest came to, as plain values that reports, comparisons and walk-forwards are made of. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tradingbot.core.types import Symbol
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.arrays import Floats, Ints
from tradingbot.research.backtest.counterfactual import Counterfactual


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What was run. Equal digests and seeds give equal results, on any number of workers.

    Cycles before `since` only filled windows (warm-up); they could open nothing and count for nothing.
    """

    name: str
    source: str
    symbols: tuple[Symbol, ...]
    warm_since: datetime
    since: datetime
    until: datetime
    seed: int
    profile: str
    settings_digest: str
    data_digest: str
    version: str
    cycles: int
    start_usd: float


@dataclass(frozen=True, slots=True)
class EquityCurve:
    """One point per cycle of [since, until): UTC milliseconds, equity and notional of open positions in USD."""

    time_ms: Ints
    equity_usd: Floats
    exposure_usd: Floats


@dataclass(slots=True)
class GateCounts:
    """What one gate said of the signals that had a side: how many it let pass and held back, sum of multipliers."""

    passed: int = 0
    blocked: int = 0
    multiplied: float = 0.0


@dataclass(slots=True)
class ComponentCounts:
    """What one component said: live readings, those for long and short, and how many of those came true.

    `judged` are opinions whose price was known `horizon` later; `right` of them moved the way that was said.
    `moved_bps` sums the move in the direction that was said.
    """

    live: int = 0
    long: int = 0
    short: int = 0
    judged: int = 0
    right: int = 0
    moved_bps: float = 0.0


@dataclass(slots=True)
class SignalTally:
    """Signals of all cycles: where each ended (`stages`, see entering.py), why, and what gates and components said."""

    total: int = 0
    with_side: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    gates: dict[str, GateCounts] = field(default_factory=dict)
    components: dict[str, ComponentCounts] = field(default_factory=dict)
    regime_minutes: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class BacktestResult:
    """Everything that came of one run. `closes` has each symbol's mark price per point of `equity` (NaN: unknown).

    `open_positions` were still held at the end; their unrealised worth is in the equity, not in `trades`.
    `digest` is the hash over every cycle's signals, actions and equity: equal results have equal digests.
    `checkpoints` are what the hash over signals and actions was after every counted cycle.
    `costs` names what was assumed: fees, slippage, latency. `warnings` are said above everything else.
    `counterfactual` is what blocked signals would have made, None where it was not asked for.
    """

    facts: RunFacts
    equity: EquityCurve
    closes: Mapping[Symbol, Floats]
    trades: Sequence[ClosedTrade]
    signals: SignalTally
    open_positions: int
    digest: str
    checkpoints: tuple[str, ...]
    costs: Mapping[str, float]
    timings_s: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    counterfactual: Counterfactual | None = None
