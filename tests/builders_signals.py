"""Signals with outcomes for tests of the learners, made by a seed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from benchmarks.made_signals import MadeMarket, made_signals

from tradingbot.app.learning_ground import flow_rules
from tradingbot.core.types import iso_utc, utc_from_ms
from tradingbot.gates.params import GateParams
from tradingbot.learning.exit_learner import Targets
from tradingbot.learning.flow_value import FlowRules
from tradingbot.learning.learner_params import LearnerParams
from tradingbot.learning.learners import Ground
from tradingbot.learning.outcomes import HORIZONS_MIN
from tradingbot.learning.signal_table import SignalTable
from tradingbot.signals.params import SignalParams

STRATEGIES = {"TrendFollower": ("trend_follower", 2.0), "MeanReversion": ("mean_reversion", 1.0)}
GATE_SETTINGS = {
    "fee.min_edge_bps": 3.0,
    "ensemble.min_side_probability": 0.45,
    "correlation.throttle_from_share": 0.34,
    "intelligence.strong_conflict_multiplier": 0.4,
    "intelligence.moderate_conflict_multiplier": 0.6,
    "intelligence.weak_conflict_multiplier": 0.8,
    "microstructure.spread_full_bps": 8.0,
}


def rules(params: SignalParams | None = None, composite: bool = True) -> FlowRules:
    """The flow rules of settings."""
    made = flow_rules(params or SignalParams(), GateParams())
    return made if composite else replace(made, composite={}, steps=())


def ground(table: SignalTable, clamp: float = 0.2, params: LearnerParams | None = None) -> Ground:
    """Default settings, every symbol ready."""
    ready = frozenset(table.symbols)
    return Ground(rules(), Targets(()), 480.0, GATE_SETTINGS, STRATEGIES, clamp, ready, params or LearnerParams())


def market(days: int, seed: int, drift: Mapping[str, float] | None = None, symbols: int = 2) -> SignalTable:
    """Signals of a made market in which some components know something."""
    return made_signals(MadeMarket(days, seed, symbols, tuple((drift or {}).items())))


def with_returns(table: SignalTable, returns: np.ndarray) -> SignalTable:
    """The same signals with other outcomes."""
    return SignalTable(
        table.symbols,
        table.components,
        table.parts,
        table.time_ms,
        table.symbol,
        table.said,
        returns.astype(np.float32),
        table.composite,
        table.cost_bps,
    )


def outcome_lines(table: SignalTable) -> Iterator[dict[str, Any]]:
    """The table as `logs/signal_outcomes.jsonl` has it."""
    said, returns, composite = table.said.tolist(), table.returns_bps.tolist(), table.composite.tolist()
    for row in range(len(table)):
        moment = iso_utc(utc_from_ms(int(table.time_ms[row])))
        symbol = table.symbols[int(table.symbol[row])]
        yield {
            "signal_id": f"{moment}-{symbol}",
            "at": moment,
            "as_of": moment,
            "symbol": symbol,
            "components": {
                name: [1 if word > 0 else -1 if word < 0 else 0, abs(word)]
                for name, word in zip(table.components, said[row], strict=True)
            },
            "composite": composite[row],
            "cost_bps": float(table.cost_bps[row]),
            "returns_bps": {
                str(minutes): None if math.isnan(value) else value
                for minutes, value in zip(HORIZONS_MIN, returns[row], strict=True)
            },
            "unknown": {},
        }
