"""Settings of the review gates (SPEC 5). Moves and costs in basis points of notional."""

from __future__ import annotations

import itertools
import math
from typing import Literal

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.core.types import Direction, Regime


class EnsembleGateParams(Params):
    """The ensemble's veto (SPEC 5.2)."""

    min_side_probability: float = Field(
        default=0.45, ge=0, le=0.6, description="Calibrated probability of the signal's side below which it is blocked."
    )


class ConvictionLevel(Params):
    """One level of the conviction gate."""

    name: str = Field(min_length=1, description="As in records.")
    min_score: float = Field(ge=0, le=1, description="Composite score from which on it holds.")
    size_multiplier: float = Field(gt=0, le=5, description="Size factor.")


class CompositeWeights(Params):
    """What the composite score is made of; together 1."""

    flow: float = Field(default=0.40, ge=0, le=1, description="Weighted confidence of the components.")
    agreement: float = Field(default=0.20, ge=0, le=1, description="Share of the votes that agree.")
    alignment: float = Field(default=0.15, ge=0, le=1, description="Alignment of the timeframes with the side.")
    probability: float = Field(default=0.15, ge=0, le=1, description="The ensemble's probability of the side.")
    intelligence: float = Field(default=0.10, ge=0, le=1, description="Market intelligence for the side.")

    @model_validator(mode="after")
    def _sum_is_one(self) -> CompositeWeights:
        total = math.fsum(self.model_dump().values())
        if not math.isclose(total, 1.0, abs_tol=1e-6):
            raise contradiction(f"the weights add up to {total:g}; they must add up to 1", *type(self).model_fields)
        return self


class RegimeBias(Params):
    """Factor of the composite score in one regime, by side."""

    long: float = Field(ge=0, le=2, description="For long signals.")
    short: float = Field(ge=0, le=2, description="For short signals.")


class RegimeBiases(Params):
    """Which side each regime favours."""

    risk_on: RegimeBias = RegimeBias(long=1.10, short=0.90)
    neutral: RegimeBias = RegimeBias(long=1.00, short=1.00)
    risk_off: RegimeBias = RegimeBias(long=0.85, short=1.05)
    panic: RegimeBias = RegimeBias(long=0.70, short=1.05)
    recovery: RegimeBias = RegimeBias(long=1.05, short=0.90)

    def of(self, regime: Regime, direction: Direction) -> float:
        """The factor that holds."""
        bias: RegimeBias = getattr(self, regime.lower())
        return bias.long if direction is Direction.LONG else bias.short


class ConvictionGateParams(Params):
    """The conviction gate (SPEC 5.3): it never blocks."""

    weights: CompositeWeights = CompositeWeights()
    levels: tuple[ConvictionLevel, ...] = Field(
        default=(
            ConvictionLevel(name="ULTRA", min_score=0.85, size_multiplier=2.5),
            ConvictionLevel(name="HIGH", min_score=0.70, size_multiplier=1.8),
            ConvictionLevel(name="MEDIUM", min_score=0.55, size_multiplier=1.3),
            ConvictionLevel(name="BASELINE", min_score=0.40, size_multiplier=1.0),
            ConvictionLevel(name="LOW", min_score=0.25, size_multiplier=0.7),
            ConvictionLevel(name="MINIMUM", min_score=0.0, size_multiplier=0.4),
        ),
        description="Strongest first; the last one begins at 0, so that there is always a level.",
    )
    history_full_bps: float = Field(
        default=50.0, gt=0, le=1000, description="Mean net result of symbol and side at which history counts in full."
    )
    history_max_change: float = Field(
        default=0.2, ge=0, le=1, description="Largest part of the score that history adds or takes."
    )
    edge_boost_above_bps: float = Field(
        default=50.0, gt=0, le=1000, description="Expected edge after costs above this lifts the score."
    )
    edge_boost: float = Field(default=0.10, ge=0, le=1, description="What that adds to the score.")
    cascade_boost: float = Field(
        default=0.10, ge=0, le=1, description="What an active liquidation cascade on our side adds to the score."
    )
    regime_bias: RegimeBiases = RegimeBiases()

    @model_validator(mode="after")
    def _levels_fall_to_zero(self) -> ConvictionGateParams:
        scores = [level.min_score for level in self.levels]
        if not scores or scores[-1] != 0 or any(one <= two for one, two in itertools.pairwise(scores)):
            raise contradiction("levels must fall from strongest to one that begins at 0", "levels")
        return self


class FeeGateParams(Params):
    """The fee gate (SPEC 5.4)."""

    basis: Literal["reachable", "calibrated"] = Field(
        default="reachable",
        description="Move that must pay the costs: reachable is what the market usually moves within the hold, or an "
        "agreeing strategy's aim; calibrated is the ensemble's proven expectation (live).",
    )
    taker_fee_bps: float = Field(
        default=5.0, ge=0, le=100, description="Fee of one fill, in simulated results and until one was measured, bps."
    )
    expected_hold_min: float = Field(
        default=90.0, gt=0, le=10_000, description="Hold that funding and move are reckoned for, before one is learned."
    )
    min_edge_bps: float = Field(
        default=3.0, ge=-10_000, le=1000, description="What must be left after all costs, bps; negative lets all pass."
    )


class CorrelationGateParams(Params):
    """The correlation throttle (SPEC 5.5)."""

    window_h: int = Field(default=168, ge=24, le=2160, description="Hours of the rolling correlation.")
    min_h: int = Field(default=48, ge=10, le=2160, description="Fewest common hourly returns of a pair.")
    cluster_above: float = Field(
        default=0.7, gt=0, le=1, description="Correlation above which two symbols are one cluster."
    )
    max_cluster_notional_pct: float = Field(
        default=15.0, gt=0, le=1000, description="Exposure to one cluster in one direction, per cent of equity."
    )
    throttle_from_share: float = Field(
        default=0.34, ge=0, lt=1, description="Share of that exposure from which on sizes shrink, in a straight line."
    )
    min_multiplier: float = Field(default=0.25, ge=0, lt=1, description="A size factor below this blocks instead.")


class IntelligenceGateParams(Params):
    """The intelligence gate (SPEC 5.6). Levels are of the score (-1..1) seen from the signal's side."""

    strong_conflict_below: float = Field(default=-0.60, ge=-1, le=0, description="Strong conflict.")
    moderate_conflict_below: float = Field(default=-0.35, ge=-1, le=0, description="Moderate conflict.")
    weak_conflict_below: float = Field(default=-0.10, ge=-1, le=0, description="Weak conflict.")
    aligned_above: float = Field(default=0.10, ge=0, le=1, description="Aligned.")
    boost_above: float = Field(default=0.60, ge=0, le=1, description="Aligned so well that the size is boosted.")
    strong_conflict_multiplier: float = Field(default=0.4, ge=0, le=2, description="Size factor.")
    moderate_conflict_multiplier: float = Field(default=0.6, ge=0, le=2, description="Size factor.")
    weak_conflict_multiplier: float = Field(default=0.8, ge=0, le=2, description="Size factor.")
    neutral_multiplier: float = Field(default=0.85, ge=0, le=2, description="Size factor, also without any score.")
    aligned_multiplier: float = Field(default=1.0, ge=0, le=2, description="Size factor.")
    boost_multiplier: float = Field(default=1.3, ge=0, le=2, description="Size factor.")

    @model_validator(mode="after")
    def _levels_rise(self) -> IntelligenceGateParams:
        names = ("strong_conflict_below", "moderate_conflict_below", "weak_conflict_below", "aligned_above")
        values = [getattr(self, name) for name in (*names, "boost_above")]
        if any(one >= two for one, two in itertools.pairwise(values)):
            raise contradiction("the levels must rise from strong conflict to boost", *names, "boost_above")
        return self


class MicrostructureGateParams(Params):
    """The microstructure gate (SPEC 5.7)."""

    spread_full_bps: float = Field(default=8.0, ge=0, le=1000, description="Spread up to which the size stays whole.")
    spread_zero_bps: float = Field(
        default=60.0, gt=0, le=5000, description="Spread at which nothing would be left; sizes shrink in between."
    )
    min_multiplier: float = Field(default=0.2, ge=0, le=1, description="A size factor below this blocks instead.")
    depth_share_pct: float = Field(
        default=2.0, gt=0, le=100, description="Part of the depth within 1 % on our side that an entry may take."
    )

    @model_validator(mode="after")
    def _zero_beyond_full(self) -> MicrostructureGateParams:
        if self.spread_zero_bps <= self.spread_full_bps:
            raise contradiction("the spread of no size must be wider", "spread_full_bps", "spread_zero_bps")
        return self


class PreEntryParams(Params):
    """The pre-entry gate (SPEC 5.8, 7.1)."""

    futures_only: bool = Field(default=True, description="Spot contracts are not traded.")
    losing_below_bps: float = Field(
        default=-20.0, ge=-1000, le=0, description="Mean net result of a ready symbol and side that blocks it, bps."
    )


class GateParams(Params):
    """All review gates."""

    ensemble: EnsembleGateParams = EnsembleGateParams()
    conviction: ConvictionGateParams = ConvictionGateParams()
    fee: FeeGateParams = FeeGateParams()
    correlation: CorrelationGateParams = CorrelationGateParams()
    intelligence: IntelligenceGateParams = IntelligenceGateParams()
    microstructure: MicrostructureGateParams = MicrostructureGateParams()
    pre_entry: PreEntryParams = PreEntryParams()
