"""Settings of the learners and of what applies their proposals (SPEC 10.1-10.5)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction


class WeightLearnerParams(Params):
    """Weights of the components and of the conviction gate's parts (SPEC 10.2)."""

    horizon_min: Literal[1, 5, 15, 30, 60] = Field(default=30, description="Outcome that a component is judged by.")
    min_blocks: int = Field(
        default=72, ge=10, le=100_000, description="Blocks with an opinion before a component is judged."
    )
    significance: float = Field(
        default=1.64, ge=0, le=5, description="Standard errors of a result that count as nothing."
    )
    prior_blocks: float = Field(
        default=72.0, ge=0, le=100_000, description="Blocks at which data and no skill at all weigh the same."
    )
    tilt: float = Field(default=6.0, ge=0, le=100, description="Change of the logarithm of a weight per unit of skill.")
    floor: float = Field(default=0.01, gt=0, lt=0.1, description="No weight falls below this share.")


class FactorLearnerParams(Params):
    """Size factors of symbol and side, and of conviction levels (SPEC 10.1, 10.3)."""

    horizon_min: Literal[1, 5, 15, 30, 60] = Field(default=60, description="Outcome that a factor is judged by.")
    min_blocks: int = Field(default=72, ge=10, le=100_000, description="Blocks before a factor is judged.")
    prior_blocks: float = Field(
        default=72.0, ge=0, le=100_000, description="Blocks at which data and an ordinary result weigh the same."
    )
    significance: float = Field(default=1.64, ge=0, le=5, description="Standard errors that count as nothing.")
    step: float = Field(default=0.15, ge=0, le=2, description="Change of a factor per standard error beyond those.")
    min_factor: float = Field(default=0.5, gt=0, le=1, description="No factor falls below this.")
    max_factor: float = Field(default=1.5, ge=1, le=3, description="No factor rises above this.")


class ExitLearnerParams(Params):
    """Optimal hold and profit targets, from trades and the counterfactual ledger (SPEC 10.3)."""

    min_trades: int = Field(default=30, ge=5, le=100_000, description="Results before anything is proposed.")
    prior_trades: float = Field(default=30.0, ge=0, le=100_000, description="Results of 0 that a mean is shrunk by.")
    hold_edges_min: tuple[float, ...] = Field(
        default=(15.0, 30.0, 60.0, 120.0, 240.0), description="Bounds of the buckets of hold times, minutes."
    )
    min_hold_min: float = Field(default=10.0, gt=0, le=10_000, description="Shortest optimal hold, minutes.")
    max_hold_min: float = Field(default=480.0, gt=0, le=10_000, description="Longest optimal hold, minutes.")
    min_target_scale: float = Field(default=0.5, gt=0, le=1, description="Targets never shrink below this factor.")
    significance: float = Field(default=1.64, ge=0, le=5, description="Standard errors that count as nothing.")

    @model_validator(mode="after")
    def _in_order(self) -> ExitLearnerParams:
        if self.min_hold_min >= self.max_hold_min:
            raise contradiction("the shortest hold must be below the longest", "min_hold_min", "max_hold_min")
        if list(self.hold_edges_min) != sorted(set(self.hold_edges_min)):
            raise contradiction("bounds of buckets must rise", "hold_edges_min")
        return self


class GateLearnerParams(Params):
    """Gates that cost money are loosened, gates that save money kept (SPEC 10.4)."""

    step_share: float = Field(
        default=0.1, gt=0, le=1, description="Part of a gate's allowed range that one step loosens or restores."
    )
    min_episodes: int = Field(default=50, ge=10, le=100_000, description="Independent episodes before a verdict.")


class MetaLearningParams(Params):
    """Proving, applying, watching and taking back (SPEC 10.5)."""

    enabled: bool = Field(default=True, description="Apply what is proven; false: propose and record only.")
    window_days: float = Field(default=30.0, ge=1, le=3650, description="Signals that are looked at, days.")
    executed_h: float = Field(default=168.0, ge=1, le=87_600, description="Trades that are looked at, hours.")
    held_out_share: float = Field(
        default=0.3, gt=0.05, lt=0.9, description="Newest part that proposals are judged on and not made from."
    )
    embargo_min: float = Field(
        default=60.0, ge=0, le=10_000, description="Left out between both, so that no outcome reaches across, minutes."
    )
    block_min: float = Field(default=60.0, ge=60, le=1440, description="Length of a block of time, minutes.")
    min_held_out_blocks: int = Field(default=48, ge=10, le=100_000, description="Blocks that a proof needs.")
    proof_level: float = Field(
        default=0.05,
        gt=0,
        lt=0.5,
        description="Chance that worthless proposals of one meeting pass, all of them together (Bonferroni).",
    )
    settle_h: float = Field(
        default=24.0, ge=0, le=720, description="Hours between two changes, so that one can be told from the other."
    )
    watch_every_h: float = Field(
        default=4.0, gt=0, le=168, description="Hours between two looks at a change that is watched."
    )
    watch_blocks: int = Field(
        default=24, ge=5, le=10_000, description="Blocks after a change before it can be taken back."
    )
    watch_days: float = Field(default=14.0, gt=0, le=365, description="Days that a change is watched.")
    ledger_block_min: float = Field(
        default=360.0, ge=60, le=10_080, description="Block of results that last as long as trades do, minutes."
    )
    harm: float = Field(
        default=2.0, ge=0, le=5, description="Standard errors below 0 of a watched change that take it back."
    )
    quarantine_days: float = Field(
        default=7.0, ge=0, le=365, description="Days for which the same learner may not try again after that."
    )
    scenarios_s: float = Field(
        default=120.0, ge=0, le=390, description="Real seconds for the nightly scenarios; 0 switches them off."
    )
    kept_generations: int = Field(default=500, ge=10, le=100_000, description="Generations that are kept on file.")


class LearnerParams(Params):
    """All learners."""

    weights: WeightLearnerParams = WeightLearnerParams()
    factors: FactorLearnerParams = FactorLearnerParams()
    strategies: FactorLearnerParams = FactorLearnerParams(min_blocks=30, prior_blocks=30.0)
    exits: ExitLearnerParams = ExitLearnerParams()
    gates: GateLearnerParams = GateLearnerParams()
    meta: MetaLearningParams = MetaLearningParams()
