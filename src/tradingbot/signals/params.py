"""Settings of the raw signal (SPEC 3.4, 4). Defaults are the relaxed values of paper; the live profile is stricter."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Literal

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.market.minute_features import FeatureWindows


class ComponentWeights(Params):
    """Share of each component in the confidence; together 1 (SPEC 4.1)."""

    liquidation_cascade: float = Field(default=0.22, ge=0, le=1, description="Forced closings of one side.")
    whale_flow: float = Field(default=0.20, ge=0, le=1, description="Large transfers to and from exchanges.")
    funding_extreme: float = Field(default=0.16, ge=0, le=1, description="Funding away from its mean, contrarian.")
    hurst: float = Field(default=0.08, ge=0, le=1, description="Persistence or reversion of the trend.")
    btc_lead_lag: float = Field(default=0.08, ge=0, le=1, description="What BTC did a few minutes ago.")
    ofi_momentum: float = Field(default=0.06, ge=0, le=1, description="Change of order-flow imbalance.")
    fear_greed: float = Field(default=0.06, ge=0, le=1, description="Fear & greed index, contrarian.")
    volatility_skew: float = Field(default=0.05, ge=0, le=1, description="Option skew, or realised semivariance skew.")
    oi_velocity: float = Field(default=0.05, ge=0, le=1, description="Speed of open interest.")
    oi_price_divergence: float = Field(default=0.04, ge=0, le=1, description="Open interest against price.")

    @cached_property
    def by_name(self) -> Mapping[str, float]:
        """Every weight by the name of its component."""
        return self.model_dump()

    @model_validator(mode="after")
    def _sum_is_one(self) -> ComponentWeights:
        total = math.fsum(self.model_dump().values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise contradiction(f"the weights add up to {total:g}; they must add up to 1", *type(self).model_fields)
        return self


class SignalThresholds(Params):
    """From where on a component speaks (SPEC 4.2)."""

    liquidation_volume_usd: float = Field(default=50_000.0, gt=0, description="Liquidations in the last hour, USD.")
    whale_flow_usd: float = Field(default=250_000.0, gt=0, description="Net flow to (bearish) or from exchanges, USD.")
    funding_deviation: float = Field(
        default=0.0001, gt=0, lt=0.1, description="Distance of funding from its mean, fraction of notional."
    )
    fear_greed_low: float = Field(default=15.0, ge=0, le=100, description="Index below this: contrarian buy.")
    fear_greed_high: float = Field(default=85.0, ge=0, le=100, description="Index above this: contrarian sell.")
    oi_change_pct: float = Field(default=0.5, gt=0, le=100, description="Change of open interest, per cent.")

    @model_validator(mode="after")
    def _low_below_high(self) -> SignalThresholds:
        if self.fear_greed_low >= self.fear_greed_high:
            raise contradiction(
                "the fear threshold must be below the greed threshold", "fear_greed_low", "fear_greed_high"
            )
        return self


class HurstParams(Params):
    """Hurst exponent (SPEC 4.3)."""

    window_bars: int = Field(default=360, ge=100, le=5000, description="1-minute bars the exponent is estimated over.")
    max_lag_bars: int = Field(default=20, ge=4, le=200, description="Longest lag in the scaling, 1-minute bars.")
    trending_above: float = Field(default=0.53, gt=0.5, lt=1, description="Exponent above this: follow momentum.")
    reverting_below: float = Field(default=0.47, gt=0, lt=0.5, description="Exponent below this: fade the move.")
    momentum_bars: int = Field(default=30, ge=2, le=500, description="Bars whose return is the move to follow or fade.")
    min_move_sigma: float = Field(
        default=0.5, ge=0, le=10, description="Smallest move worth an opinion, in its own expected spread."
    )


class LeadLagParams(Params):
    """BTC lead-lag (SPEC 4.3)."""

    max_lag_min: int = Field(default=5, ge=1, le=30, description="Lags tried are 1 to this, minutes.")
    window_min: int = Field(default=360, ge=30, le=5000, description="Minutes the correlations are taken over.")
    min_t_statistic: float = Field(
        default=2.6, ge=1, le=10, description="Significance a lagged correlation must reach."
    )
    leader: str = Field(default="BTCUSDT", min_length=1, description="Symbol that leads.")
    min_expected_sigma: float = Field(
        default=0.10, gt=0, le=10, description="Smallest move still expected, in spreads of the symbol's minute."
    )
    full_confidence_sigma: float = Field(
        default=0.6, gt=0, le=10, description="Expected move at which confidence nears 1 (tanh scale)."
    )


class OfiParams(Params):
    """Order-flow imbalance momentum (SPEC 4.3)."""

    fast_window_s: float = Field(
        default=60.0, gt=0, le=3600, description="The imbalance of now is the mean of these seconds."
    )
    slow_window_s: float = Field(
        default=300.0, gt=0, le=7200, description="It is compared with the mean of these seconds."
    )
    min_change: float = Field(
        default=0.10, gt=0, le=10, description="Smallest change of imbalance that counts, touches per sample."
    )
    full_confidence_change: float = Field(
        default=0.6, gt=0, le=10, description="Change at which confidence nears 1 (tanh scale), touches per sample."
    )
    min_samples: int = Field(default=12, ge=3, le=10_000, description="Book samples needed in the slow window.")
    max_age_s: float = Field(default=90.0, gt=0, le=3600, description="Age of the newest sample, seconds.")

    @model_validator(mode="after")
    def _fast_is_faster(self) -> OfiParams:
        if self.fast_window_s >= self.slow_window_s:
            raise contradiction("the fast window must be shorter than the slow one", "fast_window_s", "slow_window_s")
        return self


class SkewParams(Params):
    """Volatility skew (SPEC 4.3)."""

    window_bars: int = Field(default=240, ge=30, le=5000, description="1-minute bars of the realised semivariances.")
    min_skew: float = Field(default=0.15, gt=0, le=1, description="(down - up) / (down + up) that counts.")
    min_option_skew: float = Field(
        default=0.05, gt=0, le=1, description="(put - call) / at the money, implied volatilities, that counts."
    )


class LiquidationParams(Params):
    """Liquidation cascade (SPEC 4.1)."""

    min_dominance: float = Field(
        default=0.2, ge=0, lt=1, description="Smallest |2 x long share - 1| of the hour's liquidations that counts."
    )
    full_pace: float = Field(
        default=3.0, gt=1, le=100, description="Pace, in multiples of the day's, at which confidence nears full."
    )


class WhaleParams(Params):
    """Whale exchange flow (SPEC 4.1)."""

    usual_thresholds: float = Field(
        default=4.0, gt=0, le=1000, description="Usual flow in thresholds while no history tells the real one."
    )
    full_confidence_sigma: float = Field(
        default=2.0, gt=0, le=20, description="Flow in usual flows at which confidence nears 1 (tanh scale)."
    )


class FundingParams(Params):
    """Funding extreme (SPEC 4.1)."""

    min_z: float = Field(default=1.0, ge=0, le=10, description="Smallest deviation in standard deviations.")
    min_history: int = Field(default=9, ge=2, le=10_000, description="Past periods needed for mean and spread.")


class InterestParams(Params):
    """Both open-interest components (SPEC 4.1)."""

    velocity_window: Literal["5m", "15m", "1h", "4h"] = Field(default="1h", description="Window of oi_velocity.")
    divergence_window: Literal["5m", "15m", "1h", "4h"] = Field(
        default="4h", description="Window of oi_price_divergence."
    )
    min_price_sigma: float = Field(
        default=0.5, ge=0, le=10, description="Smallest price move over the window, in its own standard deviations."
    )


class ConvictionLevel(Params):
    """One level of the raw signal's conviction (SPEC 4.5)."""

    min_aligned: int = Field(ge=1, le=10, description="Components that agree.")
    min_confidence: float = Field(ge=0, le=1, description="Confidence needed, 0..1.")
    size_multiplier: float = Field(gt=0, le=5, description="Factor of the position size.")


class ConvictionParams(Params):
    """The three levels that trade; below LOW nothing does."""

    high: ConvictionLevel = ConvictionLevel(min_aligned=4, min_confidence=0.6, size_multiplier=1.5)
    medium: ConvictionLevel = ConvictionLevel(min_aligned=3, min_confidence=0.4, size_multiplier=1.0)
    low: ConvictionLevel = ConvictionLevel(min_aligned=2, min_confidence=0.3, size_multiplier=0.5)

    @model_validator(mode="after")
    def _rising(self) -> ConvictionParams:
        for lower, higher in (("low", "medium"), ("medium", "high")):
            for name in ConvictionLevel.model_fields:
                if getattr(getattr(self, lower), name) > getattr(getattr(self, higher), name):
                    raise contradiction(
                        f"{name} of {lower} must not be above that of {higher}", f"{lower}.{name}", f"{higher}.{name}"
                    )
        return self


class IntelligenceParams(Params):
    """Market-intelligence score (SPEC 3.4)."""

    taker_weight: float = Field(default=0.40, ge=0, le=1, description="Share of taker flow.")
    liquidation_weight: float = Field(default=0.40, ge=0, le=1, description="Share of liquidations.")
    fear_greed_weight: float = Field(default=0.20, ge=0, le=1, description="Share of the fear & greed index.")
    taker_bullish_above: float = Field(default=1.15, gt=1, le=10, description="Buy/sell ratio above this is bullish.")
    taker_bearish_below: float = Field(default=0.87, gt=0, lt=1, description="Buy/sell ratio below this is bearish.")
    long_share_bearish_above: float = Field(
        default=0.60, gt=0.5, le=1, description="Share of longs among liquidations."
    )
    long_share_bullish_below: float = Field(
        default=0.40, ge=0, lt=0.5, description="Share of longs among liquidations."
    )
    fear_below: float = Field(default=25.0, ge=0, lt=50, description="Index below this: contrarian buy.")
    greed_above: float = Field(default=75.0, gt=50, le=100, description="Index above this: contrarian sell.")

    @model_validator(mode="after")
    def _sum_is_one(self) -> IntelligenceParams:
        total = self.taker_weight + self.liquidation_weight + self.fear_greed_weight
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            keys = ("taker_weight", "liquidation_weight", "fear_greed_weight")
            raise contradiction(f"the weights add up to {total:g}; they must add up to 1", *keys)
        return self


class SignalParams(Params):
    """Everything the raw signal is made with."""

    weights: ComponentWeights = ComponentWeights()
    thresholds: SignalThresholds = SignalThresholds()
    hurst: HurstParams = HurstParams()
    lead_lag: LeadLagParams = LeadLagParams()
    ofi: OfiParams = OfiParams()
    skew: SkewParams = SkewParams()
    liquidation: LiquidationParams = LiquidationParams()
    whale: WhaleParams = WhaleParams()
    funding: FundingParams = FundingParams()
    interest: InterestParams = InterestParams()
    min_live_components: int = Field(
        default=5, ge=1, le=10, description="Components that must be able to judge, or nothing is opened (SPEC 3.6)."
    )
    min_aligned_components: int = Field(default=2, ge=1, le=10, description="Components that must agree (SPEC 4.4).")
    conviction: ConvictionParams = ConvictionParams()
    intelligence: IntelligenceParams = IntelligenceParams()

    @property
    def windows(self) -> FeatureWindows:
        """Lengths of the one-minute windows that the features are made over."""
        return FeatureWindows(
            hurst_bars=self.hurst.window_bars,
            hurst_max_lag=self.hurst.max_lag_bars,
            momentum_bars=self.hurst.momentum_bars,
            lead_bars=self.lead_lag.window_min,
            lead_max_lag=self.lead_lag.max_lag_min,
            skew_bars=self.skew.window_bars,
            leader=self.lead_lag.leader,
        )

    @model_validator(mode="after")
    def _low_needs_alignment(self) -> SignalParams:
        if self.conviction.low.min_aligned < self.min_aligned_components:
            raise contradiction(
                "the lowest conviction needs fewer aligned components than any signal does",
                "conviction.low.min_aligned",
                "min_aligned_components",
            )
        return self
