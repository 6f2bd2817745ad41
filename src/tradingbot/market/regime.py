"""The regime of the whole market (SPEC 11.1): which one holds, with hysteresis.

Levels of the volatility index and of the trend are entered at their setting and left a margin beyond it. A change
must hold for a confirmation time, and a regime lasts a least time. PANIC alone is entered at once; it is left to
RECOVERY only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Regime
from tradingbot.market.regime_metrics import RegimeMetrics
from tradingbot.market.regime_params import RegimeParams

CONFIDENCE_READ: Final = "confidence_read"
"""Metric that keeps the confidence of the last reading with inputs, from which it shrinks while they are missing."""


@dataclass(frozen=True, slots=True)
class RegimeReading:
    """The regime that holds, how sure that is (0..1), since when, and the numbers behind it.

    `as_of` is the time of the newest input. `metrics` holds at least ``volatility_index`` (VIX scale). It is also the
    state that hysteresis carries from one reading to the next.
    """

    regime: Regime
    confidence: float
    since: datetime
    as_of: datetime
    metrics: Mapping[str, float]
    reasons: tuple[Reason, ...]
    pending: Regime | None = None
    pending_since: datetime | None = None


def next_regime(
    previous: RegimeReading | None, metrics: RegimeMetrics, now: datetime, params: RegimeParams
) -> RegimeReading:
    """The reading of now; `previous` is the only memory.

    Without usable inputs the previous regime is kept and its confidence shrinks; without a previous reading either it
    is NEUTRAL with confidence 0. The first reading with inputs, or after so long a hole that the previous one is
    forgotten, takes what the levels say.
    """
    problems = metrics.problems_at(now, params.max_age_h)
    if problems:
        return _kept(previous, problems, now, params)
    if previous is None or _knows_nothing(previous) or metrics.as_of - previous.as_of > _hours(params.forget_after_h):
        return _entered(plain_regime(metrics, params), metrics, now, params)
    if previous.regime is not Regime.PANIC and is_panic(metrics, params):
        return _entered(Regime.PANIC, metrics, now, params)
    target = target_regime(previous, metrics, now, params)
    if target is previous.regime:
        return _stays(previous, metrics, params, None, None)
    pending_since = _pending_since(previous, target, metrics, now, params)
    if _may_switch(previous, pending_since, now, params):
        return _entered(target, metrics, now, params)
    return _stays(previous, metrics, params, target, pending_since)


def is_panic(metrics: RegimeMetrics, params: RegimeParams, *, inside: bool = False) -> bool:
    """Index above the panic level with a sharp decline; `inside` asks with the margins that keep a PANIC going."""
    level = params.panic_level - (params.level_margin if inside else 0.0)
    share = params.panic_hold_share if inside else 1.0
    falling = (
        metrics.return_24h_pct <= -params.panic_fall_24h_pct * share
        or metrics.drawdown_7d_pct >= params.panic_drawdown_7d_pct * share
    )
    return metrics.index > level and falling


def plain_regime(metrics: RegimeMetrics, params: RegimeParams) -> Regime:
    """What the levels alone say, without any memory (never RECOVERY)."""
    return Regime.PANIC if is_panic(metrics, params) else _calm_regime(Regime.NEUTRAL, metrics, params)


def _calm_regime(held: Regime, metrics: RegimeMetrics, params: RegimeParams) -> Regime:
    """RISK_ON, NEUTRAL or RISK_OFF; the borders lean toward the one that is held."""
    stress = params.stress_level - (params.level_margin if held is Regime.RISK_OFF else 0.0)
    down = -params.downtrend + (params.trend_margin if held is Regime.RISK_OFF else 0.0)
    if metrics.index >= stress or metrics.trend <= down:
        return Regime.RISK_OFF
    calm = params.calm_level + (params.level_margin if held is Regime.RISK_ON else 0.0)
    up = params.uptrend - (params.trend_margin if held is Regime.RISK_ON else 0.0)
    return Regime.RISK_ON if metrics.index < calm and metrics.trend >= up else Regime.NEUTRAL


def target_regime(previous: RegimeReading, metrics: RegimeMetrics, now: datetime, params: RegimeParams) -> Regime:
    """Where the held regime would go now, before confirmation and least time."""
    if previous.regime is Regime.PANIC:
        return Regime.PANIC if is_panic(metrics, params, inside=True) else Regime.RECOVERY
    calm = _calm_regime(previous.regime, metrics, params)
    if previous.regime is not Regime.RECOVERY:
        return calm
    if now - previous.since < _hours(params.recovery_h):
        return Regime.RECOVERY
    return Regime.RISK_ON if calm is Regime.RISK_ON else Regime.NEUTRAL


def _hours(count: float) -> timedelta:
    return timedelta(hours=count)


def _knows_nothing(reading: RegimeReading) -> bool:
    """The reading of a start without inputs: it has seen nothing that could be held on to."""
    return CONFIDENCE_READ not in reading.metrics


def _pending_since(
    previous: RegimeReading, target: Regime, metrics: RegimeMetrics, now: datetime, params: RegimeParams
) -> datetime:
    """Since when the change has been asked for; it starts anew after a hole in the inputs."""
    hole = metrics.as_of - previous.as_of > _hours(params.max_age_h)
    if previous.pending is target and previous.pending_since is not None and not hole:
        return previous.pending_since
    return now


def _may_switch(previous: RegimeReading, pending_since: datetime, now: datetime, params: RegimeParams) -> bool:
    confirmed = now - pending_since >= _hours(params.confirm_h)
    least_h = params.panic_dwell_h if previous.regime is Regime.PANIC else params.dwell_h
    return confirmed and now - previous.since >= _hours(least_h)


# ---------------------------------------------------------------- readings


def _entered(regime: Regime, metrics: RegimeMetrics, now: datetime, params: RegimeParams) -> RegimeReading:
    sure = confidence(regime, metrics, params)
    return RegimeReading(
        regime,
        sure,
        now,
        metrics.as_of,
        {**metrics.numbers(), CONFIDENCE_READ: sure},
        (reason("regime_entered", regime=regime.value), *metrics.reasons),
    )


def _stays(
    previous: RegimeReading,
    metrics: RegimeMetrics,
    params: RegimeParams,
    pending: Regime | None,
    pending_since: datetime | None,
) -> RegimeReading:
    sure = confidence(previous.regime, metrics, params)
    why = (
        reason("regime_holds", regime=previous.regime.value)
        if pending is None
        else reason("regime_change_pending", regime=previous.regime.value, pending=pending.value)
    )
    return RegimeReading(
        previous.regime,
        sure,
        previous.since,
        metrics.as_of,
        {**metrics.numbers(), CONFIDENCE_READ: sure},
        (why, *metrics.reasons),
        pending,
        pending_since,
    )


def _kept(
    previous: RegimeReading | None, problems: tuple[Reason, ...], now: datetime, params: RegimeParams
) -> RegimeReading:
    if previous is None:
        return RegimeReading(Regime.NEUTRAL, 0.0, now, now, {}, (reason("regime_unknown"), *problems))
    age_h = max(0.0, (now - previous.as_of).total_seconds() / 3600)
    sure = previous.metrics.get(CONFIDENCE_READ, 0.0) * 0.5 ** (age_h / params.confidence_half_life_h)
    return replace(previous, confidence=sure, reasons=(reason("regime_kept_without_inputs", age_h=age_h), *problems))


# ---------------------------------------------------------------- confidence


def confidence(regime: Regime, metrics: RegimeMetrics, params: RegimeParams) -> float:
    """How clearly the inputs are inside the regime, 0..1: 0.5 on its border, 1 far inside, below 0.5 outside.

    The distance to a level counts in `confidence_index_points`, that to a trend in `confidence_trend`; where several
    conditions must hold the nearest border counts, where one of several is enough the farthest.
    """
    index, trend = params.confidence_index_points, params.confidence_trend
    over_calm = (metrics.index - params.calm_level) / index
    over_stress = (metrics.index - params.stress_level) / index
    over_panic = (metrics.index - params.panic_level) / index
    up, down = (metrics.trend - params.uptrend) / trend, (-params.downtrend - metrics.trend) / trend
    not_off = min(-over_stress, -down)
    inside = {
        Regime.RISK_ON: min(-over_calm, up),
        Regime.NEUTRAL: min(not_off, max(over_calm, -up)),
        Regime.RISK_OFF: max(over_stress, down),
        Regime.PANIC: over_panic,
        Regime.RECOVERY: -over_panic,
    }[regime]
    return 0.5 + 0.5 * min(1.0, max(-1.0, inside))
