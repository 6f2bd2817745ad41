"""Settings of the regime (SPEC 11.1)."""

from __future__ import annotations

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.market.multi_timeframe import TrendParams
from tradingbot.market.volatility_index import VolatilityIndexParams


class RegimeParams(Params):
    """The regime: levels of the volatility index, trend, decline, hysteresis."""

    volatility: VolatilityIndexParams = VolatilityIndexParams()
    trend: TrendParams = TrendParams()
    calm_level: float = Field(default=20.0, gt=0, le=200, description="RISK_ON below this index, with an uptrend.")
    stress_level: float = Field(default=30.0, gt=0, le=200, description="RISK_OFF from this index on.")
    panic_level: float = Field(default=40.0, gt=0, le=300, description="PANIC above this index, with a sharp decline.")
    level_margin: float = Field(
        default=1.5, ge=0, le=20, description="A regime is left this far beyond its level, VIX points."
    )
    weight_1h: float = Field(default=0.25, ge=0, le=1, description="Weight of the 1 h trend of BTC.")
    weight_4h: float = Field(default=0.40, ge=0, le=1, description="Weight of the 4 h trend of BTC.")
    weight_1d: float = Field(default=0.35, ge=0, le=1, description="Weight of the 1 d trend of BTC.")
    uptrend: float = Field(default=0.15, ge=0, lt=1, description="Trend of BTC (-1..1) that counts as up.")
    downtrend: float = Field(
        default=0.40, gt=0, lt=1, description="Minus this trend of BTC (-1..1), or lower, counts as a downtrend."
    )
    trend_margin: float = Field(default=0.15, ge=0, lt=1, description="A trend is over this far beyond its level.")
    panic_fall_24h_pct: float = Field(
        default=5.0, gt=0, le=90, description="Fall of BTC in 24 h that is a sharp decline, per cent."
    )
    panic_drawdown_7d_pct: float = Field(
        default=12.0, gt=0, le=90, description="Distance of BTC below its 7-day high that is one too, per cent."
    )
    panic_hold_share: float = Field(
        default=0.5, gt=0, le=1, description="PANIC goes on while the decline is at least this share of those."
    )
    confirm_h: float = Field(default=3.0, ge=0, le=72, description="Hours a change must be asked for without a break.")
    dwell_h: float = Field(default=12.0, ge=0, le=240, description="Least hours of a regime, PANIC apart.")
    panic_dwell_h: float = Field(default=6.0, ge=0, le=240, description="Least hours of PANIC.")
    recovery_h: float = Field(default=48.0, gt=0, le=720, description="Hours of RECOVERY unless PANIC returns.")
    correlation_window_h: int = Field(
        default=168, ge=24, le=2160, description="Hours of the correlation between pairs."
    )
    correlation_min_h: int = Field(default=120, ge=10, le=2160, description="Fewest hourly returns a pair needs.")
    max_age_h: float = Field(default=2.5, gt=0, le=72, description="Inputs older than this are stale, hours.")
    forget_after_h: float = Field(
        default=168.0, gt=0, le=2160, description="A reading whose inputs are older than this is not held on to, hours."
    )
    confidence_half_life_h: float = Field(
        default=6.0, gt=0, le=240, description="Confidence halves in this time while inputs are missing, hours."
    )
    confidence_index_points: float = Field(
        default=8.0, gt=0, le=100, description="Distance from a level at which confidence is full, VIX points."
    )
    confidence_trend: float = Field(
        default=0.4, gt=0, le=2, description="Distance from a trend border at which confidence is full."
    )

    @model_validator(mode="after")
    def _levels_rise(self) -> RegimeParams:
        if not self.calm_level < self.stress_level < self.panic_level:
            raise contradiction("the levels must rise", "calm_level", "stress_level", "panic_level")
        gaps = (self.stress_level - self.calm_level, self.panic_level - self.stress_level)
        if 2 * self.level_margin > min(gaps):
            raise contradiction(
                "the margin is more than half of the gap between two levels", "level_margin", "calm_level"
            )
        if self.trend_margin > self.uptrend + self.downtrend:
            raise contradiction("the margin bridges both trends", "trend_margin", "uptrend", "downtrend")
        if self.weight_1h + self.weight_4h + self.weight_1d <= 0:
            raise contradiction("one of the trends must have weight", "weight_1h", "weight_4h", "weight_1d")
        if self.forget_after_h <= self.max_age_h:
            raise contradiction("a reading would be forgotten while it is fresh", "forget_after_h", "max_age_h")
        if self.correlation_min_h > self.correlation_window_h:
            raise contradiction("more returns are needed than looked at", "correlation_min_h", "correlation_window_h")
        return self
