"""Settings of exits (SPEC 8)."""

from __future__ import annotations

from tradingbot.core.params import Params


class ProfitTarget(Params):
    """x"""

    after_min: float
    gain_pct: float


class TimeExit(Params):
    """x"""

    after_min: float
    gain_below_pct: float


class ExitParams(Params):
    """x"""

    stop_loss_pct: float = 2.5
    profit_targets_by_time: tuple[ProfitTarget, ...] = (
        ProfitTarget(after_min=90, gain_pct=1.5),
        ProfitTarget(after_min=60, gain_pct=1.0),
        ProfitTarget(after_min=30, gain_pct=0.5),
    )
    profit_target_any_time_pct: float = 2.0
    time_exits: tuple[TimeExit, ...] = (
        TimeExit(after_min=120, gain_below_pct=-0.5),
        TimeExit(after_min=240, gain_below_pct=0.2),
        TimeExit(after_min=480, gain_below_pct=0.5),
    )
    reversal_min_confidence: float = 0.3
    grace_s: float = 120
    grace_high_conviction_s: float = 300
