"""Settings of what is learned from finished trades (SPEC 6.5, 9, 10.7)."""

from __future__ import annotations

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction
from tradingbot.learning.counterfactual_params import CounterfactualParams
from tradingbot.learning.learner_params import LearnerParams
from tradingbot.learning.outcomes import OutcomeParams
from tradingbot.learning.review_params import ReviewParams


class AllocationLearningParams(Params):
    """How far a symbol's share of capital follows its results once it is sample-ready (SPEC 6.5)."""

    prior_trades: int = Field(
        default=30,
        ge=1,
        le=10_000,
        description="The mean result is shrunk as by so many trades at 0.",
    )
    step: float = Field(
        default=0.25, ge=0, le=2, description="Change of the share per standard error of the shrunk mean."
    )
    min_multiplier: float = Field(default=0.5, gt=0, le=1, description="The share never falls below this factor.")
    max_multiplier: float = Field(default=1.5, ge=1, le=5, description="The share never rises above this factor.")


class VenueMigrationParams(Params):
    """What becomes of what was learned when another venue is traded (SPEC 10.6)."""

    retain_pct: float = Field(
        default=10.0, ge=0, le=100, description="Weight that decayed statistics of the old venue keep, per cent."
    )


class VenueAgeParams(Params):
    """How far learners may move a weight at once, by the age of the venue; `risk.sizing.early_days` is its youth."""

    early_clamp_pct: float = Field(
        default=10.0, gt=0, le=100, description="Largest change in the early days, per cent."
    )
    clamp_pct: float = Field(default=20.0, gt=0, le=100, description="Largest change after them, %.")

    @model_validator(mode="after")
    def _youth_is_careful(self) -> VenueAgeParams:
        if self.early_clamp_pct > self.clamp_pct:
            raise contradiction("the early clamp must not be above the later one", "early_clamp_pct", "clamp_pct")
        return self


class LearningParams(Params):
    """How trades are remembered and weighed."""

    half_life_days: float = Field(
        default=30.0, gt=0, le=3650, description="A trade so many days older than the newest weighs half, days."
    )
    default_slippage_bps: float = Field(
        default=2.0, ge=0, le=200, description="Cost of a fill beyond half the spread and fees while unknown, bps."
    )
    slippage_prior_fills: int = Field(
        default=20, ge=1, le=10_000, description="Fills at which default and measured slippage weigh the same."
    )
    newest_fees: int = Field(
        default=20, ge=1, le=500, description="Newest orders of each purpose whose mean fee is a symbol's fee."
    )
    newest_values: int = Field(default=500, ge=50, le=10_000, description="Newest fill costs that quantiles are over.")
    newest_trades: int = Field(default=200, ge=10, le=10_000, description="Trades that learning files list one by one.")
    hold_min_trades: int = Field(
        default=5, ge=1, le=1000, description="Trades with a profitable peak before an optimal hold is named."
    )
    small_sample_trades: int = Field(default=30, ge=2, le=1000, description="No conclusion is drawn below this.")
    volatility_edges_bps: tuple[float, ...] = Field(
        default=(5.0, 10.0, 20.0), description="Bounds of the volatility buckets, bps per square root of a minute."
    )
    spread_edges_bps: tuple[float, ...] = Field(
        default=(1.0, 2.0, 5.0, 10.0), description="Bounds of the spread buckets, bps."
    )
    allocation: AllocationLearningParams = AllocationLearningParams()
    migration: VenueMigrationParams = VenueMigrationParams()
    venue_age: VenueAgeParams = VenueAgeParams()
    learners: LearnerParams = LearnerParams()
    outcomes: OutcomeParams = OutcomeParams()
    counterfactual: CounterfactualParams = CounterfactualParams()
    review: ReviewParams = ReviewParams()

    @model_validator(mode="after")
    def _edges_rise(self) -> LearningParams:
        for name in ("volatility_edges_bps", "spread_edges_bps"):
            edges = getattr(self, name)
            if list(edges) != sorted(set(edges)):
                raise contradiction("bounds of buckets must rise", name)
        return self
