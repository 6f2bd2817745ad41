"""Results of backtests for tests: a test names only what matters to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from tests.builders_trades import COMPONENTS, a_trade
from tests.support import BTC, ETH
from tradingbot.core.types import Direction, Symbol, epoch_ms
from tradingbot.portfolio.position import ClosedTrade
from tradingbot.research.arrays import Floats
from tradingbot.research.backtest.result import (
    BacktestResult,
    ComponentCounts,
    EquityCurve,
    GateCounts,
    RunFacts,
    SignalTally,
)

SINCE = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = "BTC ETH SOL XRP ADA DOGE LINK LTC AVAX DOT"
RULES = ("time_exit", "stop_loss", "take_profit", "trailing_stop")


def run_facts(**changes: Any) -> RunFacts:
    """Facts of 60 days of BTC and ETH that begin with 10,000 USD."""
    facts = RunFacts(
        name="a run",
        source="synthetic",
        symbols=(BTC, ETH),
        warm_since=SINCE - timedelta(days=2),
        since=SINCE,
        until=SINCE + timedelta(days=60),
        seed=7,
        profile="paper",
        settings_digest="5e77",
        data_digest="da7a",
        version="0.1.0",
        cycles=1_440,
        start_usd=10_000.0,
    )
    return replace(facts, **changes)


def a_tally() -> SignalTally:
    """2,880 signals, 1,000 of them with a side."""
    return SignalTally(
        total=2_880,
        with_side=1_000,
        stages=Counter({"signal": 1_880, "conviction": 700, "fee": 200, "sizing": 60, "entered": 40}),
        reasons=Counter({("signal", "no_side"): 1_880, ("conviction", "too_low"): 700, ("fee", "edge_low"): 200}),
        gates={"conviction": GateCounts(300, 700, 270.0), "fee": GateCounts(800, 200, 800.0)},
        components={name: ComponentCounts(2_800, 300, 200, 490, 260, 980.0) for name in COMPONENTS},
        regime_minutes=Counter({"NEUTRAL": 60_000, "PANIC": 26_400}),
    )


def a_result(equity: Sequence[float] | Floats | None = None, step_min: int = 60, **changes: Any) -> BacktestResult:
    """A run whose equity is given point by point from its begin on; unless given, 60 days that gain 1 USD an hour.

    Prices of BTC rise by 0.1 % a day and those of ETH stay.
    """
    usd = 10_000.0 + np.arange(24 * 60) if equity is None else np.asarray(equity, dtype=np.float64)
    facts = changes.pop("facts", None) or run_facts(until=SINCE + timedelta(minutes=step_min * len(usd)))
    times = epoch_ms(facts.since) + np.arange(len(usd), dtype=np.int64) * step_min * 60_000 + 2_000
    values: dict[str, Any] = {
        "facts": facts,
        "equity": EquityCurve(times, usd, np.zeros(len(usd))),
        "closes": {
            BTC: 90_000 * 1.001 ** (np.arange(len(usd)) * step_min / 1_440),
            ETH: np.full(len(usd), 3_000.0),
        },
        "trades": (),
        "signals": a_tally(),
        "open_positions": 0,
        "digest": "d16e57",
        "checkpoints": ("c4ec",),
        "costs": {"taker_fee_pct": 0.05, "slippage_bps": 5.0, "latency_ms": 150.0},
        "timings_s": {"cycles": 12.5},
    }
    return BacktestResult(**{**values, **changes})


def made_up(days: int, step_min: int = 1, per_day: float = 6.0, symbols: int = 2, seed: int = 3) -> BacktestResult:
    """A long run as a real one would look: trades of many kinds, and an equity that follows from them and wanders."""
    chance = np.random.Generator(np.random.PCG64(seed))
    names = tuple(Symbol(f"{name}USDT") for name in NAMES.split()[:symbols])
    count = days * 1_440 // step_min
    closes = {
        name: 10.0 ** (4 - number) * np.exp(np.cumsum(chance.standard_normal(count)) * 0.0009 * step_min**0.5)
        for number, name in enumerate(names)
    }
    trades = _trades_of(chance, names, days, int(days * per_day))
    gained = np.zeros(count)
    places = [int((one.exit_time - SINCE).total_seconds() // (60 * step_min)) for one in trades]
    np.add.at(gained, np.minimum(places, count - 1), [float(one.net_pnl_usd) for one in trades])
    held = np.zeros(count)
    for one in trades:
        begin, end = ((at - SINCE).total_seconds() // (60 * step_min) for at in (one.entry_time, one.exit_time))
        held[int(begin) : int(end) + 1] += float(one.notional_usd or 0)
    wander = np.where(held > 0, chance.standard_normal(count) * 4, 0.0)
    equity = 10_000 + np.cumsum(gained) + wander
    facts = run_facts(name="a long run", symbols=names, until=SINCE + timedelta(days=days), cycles=count)
    result = a_result(equity, step_min, facts=facts, closes=closes, trades=trades)
    return replace(result, equity=replace(result.equity, exposure_usd=held))


def _trades_of(chance: np.random.Generator, names: Sequence[Symbol], days: int, count: int) -> tuple[ClosedTrade, ...]:
    minutes = np.sort(chance.integers(60, days * 1_440 - 400, count))
    found = []
    for number, minute in enumerate(minutes.tolist(), 1):
        entered, held_min = SINCE + timedelta(minutes=minute), int(chance.integers(5, 300))
        net = round(float(chance.standard_t(4)) * 9 + 0.4, 2)
        found.append(
            a_trade(
                number,
                net=str(net),
                closed=entered + timedelta(minutes=held_min),
                symbol=names[int(chance.integers(len(names)))],
                direction=Direction.LONG if chance.random() < 0.55 else Direction.SHORT,
                entry_time=entered,
                duration_s=held_min * 60.0,
                exit_rule=RULES[int(chance.integers(len(RULES)))],
                strategy=("predictive_flow", "trend_following")[int(chance.integers(2))],
                funding=Decimal("0.01"),
                gross_pnl=Decimal(str(net)) + 2 - Decimal("0.01"),
                signal={"regime": ("NEUTRAL", "RISK_ON", "PANIC")[int(chance.integers(3))]},
            )
        )
    return tuple(sorted(found, key=lambda one: one.exit_time))
