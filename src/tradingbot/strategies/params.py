"""Settings of the strategies and of the selector (SPEC 11.2). Distances in ATRs are ATRs of the timeframe named."""

from __future__ import annotations

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction


class TrendFollowerParams(Params):
    """TrendFollower: continuation and pullback in the direction of the 1 h and 4 h trends."""

    min_trend: float = Field(default=0.25, gt=0, lt=1, description="Trend (0..1) that 1 h and 4 h both need.")
    min_alignment: float = Field(default=0.55, ge=0, le=1, description="Alignment with the direction, where known.")
    min_efficiency: float = Field(
        default=0.30, ge=0, le=1, description="Efficiency of 15 m that a break of its channel needs."
    )
    pullback_atr: float = Field(
        default=0.5, gt=0, le=10, description="A pullback is this near to the fast EMA of 15 m, ATRs."
    )
    pullback_rsi: float = Field(
        default=55.0, gt=0, le=100, description="RSI of 15 m at most, in a pullback of an uptrend; mirrored for short."
    )
    max_zscore: float = Field(
        default=2.5, gt=0, le=10, description="Further than this from the 1 h mean, in its direction, is too late."
    )
    max_funding_8h: float = Field(
        default=0.0005, gt=0, le=0.1, description="Most that the position may pay per 8 hours, fraction of notional."
    )
    target_atr_1h: float = Field(default=1.0, gt=0, le=20, description="Move expected at full strength, ATRs of 1 h.")
    horizon_min: float = Field(default=240.0, gt=0, le=10_080, description="In so many minutes.")
    trail_atr_1h: float = Field(
        default=3.0, gt=0, le=20, description="Leave once the return is this far below its peak, ATRs of 1 h."
    )


class VolatilitySwingParams(Params):
    """VolatilitySwing: a narrow band on 15 m, then a break of its channel with a wide bar."""

    max_squeeze: float = Field(
        default=0.75, gt=0, lt=1, description="Band width before the break over its mean, at most."
    )
    min_range_atr: float = Field(default=1.3, gt=0, le=10, description="Range of the breaking bar, ATRs of 15 m.")
    target_atr_15m: float = Field(
        default=2.5, gt=0, le=20, description="Move expected at full strength, and taken, ATRs of 15 m."
    )
    horizon_min: float = Field(default=120.0, gt=0, le=10_080, description="In so many minutes.")


class MeanReversionParams(Params):
    """MeanReversion: an extreme of 15 m in a market without trend."""

    min_zscore: float = Field(default=2.0, gt=0, le=10, description="Distance of 15 m from its mean.")
    rsi_low: float = Field(
        default=30.0, gt=0, lt=50, description="RSI of 15 m at most for a long; mirrored for a short."
    )
    max_efficiency: float = Field(default=0.40, ge=0, le=1, description="Efficiency of 15 m at most.")
    max_trend_1h: float = Field(default=0.40, ge=0, le=1, description="Trend of 1 h at most, either way.")
    capture: float = Field(default=0.5, gt=0, le=1, description="Part of the way to the mean that is expected.")
    horizon_min: float = Field(default=120.0, gt=0, le=10_080, description="In so many minutes.")
    exit_zscore: float = Field(
        default=0.0, ge=-3, le=3, description="Leave at this distance before the mean (positive) or beyond it."
    )
    exit_efficiency: float = Field(
        default=0.60, gt=0, le=1, description="Leave when 15 m goes against the position this efficiently."
    )

    @model_validator(mode="after")
    def _exit_is_not_at_entry(self) -> MeanReversionParams:
        if self.exit_zscore >= self.min_zscore:
            raise contradiction("the exit is no nearer to the mean than the entry", "exit_zscore", "min_zscore")
        if self.exit_efficiency <= self.max_efficiency:
            raise contradiction("what opens would also close", "exit_efficiency", "max_efficiency")
        return self


class DefensiveHedgeParams(Params):
    """DefensiveHedge: a small short for a limited time on a rally within a downtrend."""

    min_downtrend: float = Field(default=0.20, gt=0, lt=1, description="Downtrend (0..1) that 1 h and 4 h both need.")
    resistance_atr: float = Field(
        default=0.5, gt=0, le=10, description="A rally has come this near to the resistance, ATRs of 15 m."
    )
    min_zscore: float = Field(default=0.5, ge=-3, le=10, description="Distance of 15 m above its mean in a rally.")
    min_rsi_1h: float = Field(
        default=30.0, ge=0, lt=100, description="Below this RSI of 1 h the fall is too old to be sold."
    )
    max_funding_8h: float = Field(
        default=0.0005, gt=0, le=0.1, description="Most that the short may pay per 8 hours, fraction of notional."
    )
    max_strength: float = Field(default=0.5, gt=0, le=1, description="A hedge is never stronger than this.")
    target_atr_1h: float = Field(default=1.0, gt=0, le=20, description="Move expected at strength 1, ATRs of 1 h.")
    time_limit_min: float = Field(
        default=120.0, gt=0, le=10_080, description="Horizon, and age at which it is closed, minutes."
    )


class RecoveryParams(Params):
    """Recovery: long after a capitulation, once 15 m has turned, 1 h is turning and volatility falls."""

    min_trend_15m: float = Field(default=0.20, ge=0, lt=1, description="Trend of 15 m at least.")
    min_trend_1h: float = Field(default=-0.20, gt=-1, lt=1, description="Trend of 1 h at least.")
    max_volatility_ratio: float = Field(
        default=0.9, gt=0, le=3, description="ATR of 15 m, times 2 (the root of 4), over the ATR of 1 h, at most."
    )
    max_rsi_15m: float = Field(default=75.0, gt=0, le=100, description="Above this RSI of 15 m it is bought too late.")
    target_atr_1h: float = Field(
        default=2.0, gt=0, le=20, description="Move expected at strength 1, and taken, ATRs of 1 h."
    )
    horizon_min: float = Field(default=360.0, gt=0, le=10_080, description="In so many minutes.")


class SelectorParams(Params):
    """How many strategies are active, and how the capital is shared."""

    max_active: int = Field(default=2, ge=1, le=2, description="Strategies at once.")
    min_confidence: float = Field(
        default=0.05, ge=0, le=1, description="Below this confidence of the regime none is active."
    )
    largest_share_pct: float = Field(
        default=70.0, ge=50, le=70, description="Share of the first of two at full confidence, per cent; 50 at none."
    )


class OpinionParams(Params):
    """How far an idea moves a probability."""

    full_strength_tilt: float = Field(
        default=0.10, gt=0, lt=0.5, description="Distance from one half of the probability at strength 1."
    )


class StrategyParams(Params):
    """Everything the strategies are made with."""

    trend_follower: TrendFollowerParams = TrendFollowerParams()
    volatility_swing: VolatilitySwingParams = VolatilitySwingParams()
    mean_reversion: MeanReversionParams = MeanReversionParams()
    defensive_hedge: DefensiveHedgeParams = DefensiveHedgeParams()
    recovery: RecoveryParams = RecoveryParams()
    selector: SelectorParams = SelectorParams()
    opinion: OpinionParams = OpinionParams()
    max_age_bars: float = Field(
        default=2.5, gt=1, le=20, description="A timeframe whose newest close is older, in bars of its own, is missing."
    )
