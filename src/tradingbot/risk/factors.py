"""The factors that risk itself puts on a size: history, circuit breaker, rollout, strategies' parity. Pure numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from tradingbot.risk.params import CircuitBreakerParams, HistoryParams, RolloutParams


def history_multiplier(mean_net_bps: float | None, params: HistoryParams) -> float:
    """1 plus or minus `max_change` in proportion to the mean net result; 1 while nothing is known (SPEC 6.1)."""
    if mean_net_bps is None:
        return 1.0
    share = max(-1.0, min(1.0, mean_net_bps / params.full_bps))
    return 1.0 + share * params.max_change


def circuit_breaker(volatility_ratio: float | None, params: CircuitBreakerParams) -> float:
    """1 up to the spike ratio, then its inverse proportion, never below the least (SPEC 6.6); 1 while unknown.

    `volatility_ratio` is the volatility of the last hour over that of the week.
    """
    if volatility_ratio is None or volatility_ratio <= params.spike_ratio:
        return 1.0
    return max(params.min_size_multiplier, params.spike_ratio / volatility_ratio)


def rollout_share(hours: float | None, params: RolloutParams) -> float:
    """Part of the allocation (0..1) that live trading may use after so many hours; 1 where there is no rollout."""
    if not params.enabled or hours is None:
        return 1.0
    first = params.first_share_pct / 100
    if hours < params.first_hours:
        return first
    steps = 1 + math.floor((hours - params.first_hours) / params.step_hours)
    return min(1.0, first + steps * params.step_share_pct / 100)


def risk_parity(strategy: str, active: Sequence[str], volatility_bps: Mapping[str, float]) -> float:
    """Inverse-volatility weight of a strategy among the active ones, times their number (mean 1).

    1 unless the strategy is active and the volatility of every active one is known (Qian, Risk Parity, 2005).
    """
    known = [volatility_bps.get(name, 0.0) for name in active]
    if strategy not in active or not all(value > 0 for value in known):
        return 1.0
    total = math.fsum(1 / value for value in known)
    return (1 / volatility_bps[strategy]) / total * len(known)
