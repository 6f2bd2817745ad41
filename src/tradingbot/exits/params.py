"""Settings of the exit rules (SPEC 8): profits and losses in per cent of entry, losses as positive numbers."""

from __future__ import annotations

import math

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction


class TimingParams(Params):
    """Timing intelligence (SPEC 8.1)."""

    hold_alignment: float = Field(
        default=0.75, ge=0, le=1, description="Alignment from which a running move is held longer."
    )
    hold_extension: float = Field(default=1.5, ge=1, le=10, description="Factor of the optimal hold time then.")
    exit_alignment: float = Field(default=0.15, ge=0, le=1, description="Alignment below which the position is closed.")
    exit_alignment_drop: float = Field(
        default=0.25, gt=0, le=1, description="Drop of alignment since entry beyond which the position is closed."
    )
    exit_alignment_noise: float = Field(
        default=0.05, ge=0, le=1, description="Smallest fall since entry that counts as one below `exit_alignment`."
    )
    with_trend_alignment: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="Alignment at entry from which a reversal of momentum closes; below, it was against the trend.",
    )
    continuing_trend: float = Field(
        default=0.1,
        ge=-1,
        le=1,
        description="Mean trend of 1 m and 5 m in our direction from which momentum continues.",
    )
    reversed_trend: float = Field(
        default=0.3, gt=0, le=1, description="Mean trend of 1 m and 5 m against us from which momentum is reversed."
    )
    give_back_peak_pct: float = Field(
        default=0.5, gt=0, le=100, description="Best return since entry from which giving back is looked at, per cent."
    )
    give_back_share: float = Field(
        default=0.2, gt=0, le=1, description="Share of the best return that is lost when momentum counts as weakening."
    )
    settle_min: float = Field(
        default=5.0, ge=0, le=240, description="Minutes before reversal and weakening are believed."
    )
    take_profit_pct: float = Field(default=1.5, gt=0, le=100, description="Profit that is taken once momentum weakens.")
    force_exit_loss_pct: float = Field(
        default=2.5, gt=0, le=100, description="Loss at which the position is closed at once."
    )
    default_hold_min: float = Field(
        default=480.0, gt=0, le=10_000, description="Optimal hold before one is learned, minutes: the last time limit."
    )

    @model_validator(mode="after")
    def _exit_below_hold(self) -> TimingParams:
        if self.exit_alignment >= self.hold_alignment:
            raise contradiction(
                "the alignment that closes must be below the one that holds", "exit_alignment", "hold_alignment"
            )
        if self.continuing_trend <= -self.reversed_trend:
            raise contradiction(
                "momentum cannot continue at a trend that reverses it", "continuing_trend", "reversed_trend"
            )
        return self


class ProfitTarget(Params):
    """Close at this profit once the position is so old (SPEC 8.3)."""

    after_min: float = Field(ge=0, le=10_000, description="Minutes since entry; 0 is at any time.")
    profit_pct: float = Field(gt=0, le=1000, description="Profit, per cent.")


class TimeExit(Params):
    """Close after so long unless the profit is at least this (SPEC 8.5)."""

    after_min: float = Field(gt=0, le=100_000, description="Minutes since entry.")
    min_profit_pct: float = Field(ge=-100, le=1000, description="Profit that keeps it open, per cent; may be negative.")


class Rung(Params):
    """One part of the position that is closed at a target (SPEC 8.7)."""

    share_pct: float = Field(gt=0, le=100, description="Part of the original size, per cent.")
    profit_pct: float = Field(gt=0, le=1000, description="Profit that takes this rung, per cent.")
    after_min: float = Field(ge=0, le=10_000, description="Earliest minutes since entry.")


class ReversalParams(Params):
    """Signal reversal by an EMA cross against the position (SPEC 8.6)."""

    fast_ema_bars: int = Field(default=9, ge=2, le=500, description="Fast EMA, bars of 5 minutes.")
    slow_ema_bars: int = Field(default=21, ge=3, le=1000, description="Slow EMA, bars of 5 minutes.")
    min_flow_confidence: float = Field(
        default=0.3, ge=0, le=1, description="Confidence of a flow signal against the position that closes it."
    )

    @model_validator(mode="after")
    def _fast_is_faster(self) -> ReversalParams:
        if self.fast_ema_bars >= self.slow_ema_bars:
            raise contradiction("the fast EMA must be shorter than the slow one", "fast_ema_bars", "slow_ema_bars")
        return self


class GraceParams(Params):
    """After an entry only stops act (SPEC 7.5)."""

    normal_s: float = Field(default=120.0, ge=0, le=3600, description="Seconds of grace.")
    high_conviction_s: float = Field(default=300.0, ge=0, le=3600, description="Seconds of grace at high conviction.")

    @model_validator(mode="after")
    def _longer_for_high(self) -> GraceParams:
        if self.high_conviction_s < self.normal_s:
            raise contradiction(
                "grace at high conviction must not be shorter than otherwise", "high_conviction_s", "normal_s"
            )
        return self


class ExitParams(Params):
    """Everything that closes a position."""

    stop_loss_pct: float = Field(
        default=2.5, gt=0, le=50, description="Stop, checked every cycle and resting (SPEC 8.4)."
    )
    timing: TimingParams = TimingParams()
    profit_targets: tuple[ProfitTarget, ...] = Field(
        default=(
            ProfitTarget(after_min=30, profit_pct=0.5),
            ProfitTarget(after_min=60, profit_pct=1.0),
            ProfitTarget(after_min=90, profit_pct=1.5),
            ProfitTarget(after_min=0, profit_pct=2.0),
        ),
        description="Targets by age; the one that holds at any time has after_min 0.",
    )
    time_exits: tuple[TimeExit, ...] = Field(
        default=(
            TimeExit(after_min=120, min_profit_pct=-0.5),
            TimeExit(after_min=240, min_profit_pct=0.2),
            TimeExit(after_min=480, min_profit_pct=0.5),
        ),
        description="Oldest last; each asks for at least as much profit as the one before.",
    )
    reversal: ReversalParams = ReversalParams()
    acceleration: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Factor of time limits and of the ages of targets and rungs once it is time to leave sooner.",
    )
    ladder: tuple[Rung, ...] = Field(
        default=(
            Rung(share_pct=25, profit_pct=0.8, after_min=10),
            Rung(share_pct=50, profit_pct=1.4, after_min=20),
            Rung(share_pct=25, profit_pct=2.0, after_min=30),
        ),
        description="Rungs, nearest first; their shares add up to 100.",
    )
    break_even_after_rungs: int = Field(
        default=0, ge=0, le=20, description="Rungs after which the stop moves to the entry price; 0 is never."
    )

    @model_validator(mode="after")
    def _rungs_fit(self) -> ExitParams:
        total = math.fsum(rung.share_pct for rung in self.ladder)
        if self.ladder and not math.isclose(total, 100.0, abs_tol=1e-6):
            raise contradiction(f"the rungs add up to {total:g} %; they must add up to 100 %", "ladder")
        if any(near.profit_pct >= far.profit_pct for near, far in zip(self.ladder, self.ladder[1:], strict=False)):
            raise contradiction("each rung's profit must be above the one before", "ladder")
        return self

    @model_validator(mode="after")
    def _times_rise(self) -> ExitParams:
        pairs = list(zip(self.time_exits, self.time_exits[1:], strict=False))
        if any(one.after_min >= two.after_min or one.min_profit_pct > two.min_profit_pct for one, two in pairs):
            raise contradiction("time exits must rise in time and in the profit that they ask for", "time_exits")
        if self.stop_loss_pct > self.timing.force_exit_loss_pct:
            raise contradiction(
                "the stop must not lie beyond the loss that forces an exit",
                "stop_loss_pct",
                "timing.force_exit_loss_pct",
            )
        return self
