"""Multi-timeframe alignment: how far the timeframes from 1 m to 1 d agree with a direction (SPEC 8.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Direction, Timeframe
from tradingbot.market.frame_features import FrameFeatures


@dataclass(frozen=True, slots=True)
class MtfAlignment:
    """Trend of each timeframe in -1..1 and what they add up to.

    `long` and `short` are the alignment scores in 0..1 of either direction (0.5 when no frame trends); `missing` names
    frames without enough candles, with stale or with not yet closed ones. `trends` is empty with fewer frames than
    `min_frames`. `as_of` is the oldest newest-candle close among the frames used, None without any.
    """

    trends: Mapping[Timeframe, float]
    long: float
    short: float
    missing: tuple[Timeframe, ...]
    as_of: datetime | None

    def score(self, direction: Direction) -> float | None:
        """Alignment with a direction in 0..1; None for NEUTRAL or without any frame."""
        if direction is Direction.NEUTRAL or not self.trends:
            return None
        return self.long if direction is Direction.LONG else self.short


class TrendParams(Params):
    """What counts as a trend of one timeframe. A scale is the value at which its part reaches tanh(1) = 0.76."""

    distance_scale_atr: float = Field(
        default=1.5, gt=0, le=50, description="Fast EMA minus slow EMA, in ATRs of the timeframe."
    )
    slope_scale_atr: float = Field(default=0.1, gt=0, le=10, description="Slope of the slow EMA, ATRs per bar.")
    distance_share: float = Field(
        default=0.6, ge=0, le=1, description="Weight of the distance; the slope has the rest of 1."
    )


class FrameWeights(Params):
    """Weight of each timeframe; those of missing frames go to the others in proportion."""

    m1: float = Field(default=0.05, ge=0, le=1, description="Weight of 1 m.")
    m5: float = Field(default=0.15, ge=0, le=1, description="Weight of 5 m.")
    m15: float = Field(default=0.20, ge=0, le=1, description="Weight of 15 m.")
    h1: float = Field(default=0.25, ge=0, le=1, description="Weight of 1 h.")
    h4: float = Field(default=0.20, ge=0, le=1, description="Weight of 4 h.")
    d1: float = Field(default=0.15, ge=0, le=1, description="Weight of 1 d.")

    @model_validator(mode="after")
    def _sum_is_one(self) -> FrameWeights:
        total = math.fsum(self.model_dump().values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise contradiction(f"the weights add up to {total:g}; they must add up to 1", *type(self).model_fields)
        return self

    def of(self, frame: Timeframe) -> float:
        """Weight of one timeframe, 0..1."""
        return float(getattr(self, frame.name.lower()))

    @cached_property
    def counted(self) -> tuple[tuple[Timeframe, float], ...]:
        """Every timeframe that has a weight, shortest first."""
        return tuple((frame, self.of(frame)) for frame in Timeframe if self.of(frame) > 0)


class MtfParams(Params):
    """Multi-timeframe alignment (SPEC 8.2)."""

    trend: TrendParams = TrendParams()
    weights: FrameWeights = FrameWeights()
    max_age_bars: float = Field(
        default=2.5, gt=1, le=20, description="A frame whose newest close is older, in bars of its own, is missing."
    )
    min_frames: int = Field(default=3, ge=1, le=6, description="Frames with weight that must be there.")


DEFAULT_TREND = TrendParams()


def frame_trend(features: FrameFeatures, params: TrendParams = DEFAULT_TREND) -> float:
    """Trend of one timeframe in -1 (down) .. 1 (up).

    tanh of the weighted sum of two distances in ATRs: fast EMA above slow EMA, and what the slow EMA gains per bar.
    0 for a market without any range.
    """
    atr, slow = features.atr, features.ema_slow
    if atr <= 0:
        return 0.0
    distance = (features.ema_fast - slow) / atr
    slope = slow * features.ema_slow_slope_pct / 100 / atr
    share = params.distance_share
    return math.tanh(share * distance / params.distance_scale_atr + (1 - share) * slope / params.slope_scale_atr)


def is_fresh(features: FrameFeatures, now: datetime, max_age_bars: float) -> bool:
    """Whether the newest close is neither in the future nor older than so many bars of its timeframe."""
    age_s = (now - features.as_of).total_seconds()
    return 0 <= age_s <= max_age_bars * features.timeframe.seconds


def alignment(frames: Mapping[Timeframe, FrameFeatures], now: datetime, params: MtfParams) -> MtfAlignment:
    """How far the timeframes agree: long is (1 + weighted mean of the trends) / 2, short is the rest of 1."""
    trend_params, max_age_bars = params.trend, params.max_age_bars
    trends, weights, parts, missing = {}, [], [], []
    oldest = None
    for frame, weight in params.weights.counted:
        features = frames.get(frame)
        if features is None or not is_fresh(features, now, max_age_bars):
            missing.append(frame)
            continue
        trends[frame] = trend = frame_trend(features, trend_params)
        weights.append(weight)
        parts.append(weight * trend)
        if oldest is None or features.as_of < oldest:
            oldest = features.as_of
    if len(trends) < params.min_frames:
        return MtfAlignment({}, 0.5, 0.5, tuple(missing), None)
    mean = math.fsum(parts) / math.fsum(weights)
    long = min(1.0, max(0.0, (1 + mean) / 2))
    return MtfAlignment(trends, long, 1 - long, tuple(missing), oldest)
