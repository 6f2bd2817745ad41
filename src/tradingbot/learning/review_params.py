"""Settings of the nightly and weekly reports."""

from __future__ import annotations

from pydantic import Field, model_validator

from tradingbot.core.params import Params, contradiction


class ReviewParams(Params):
    """What the nightly reports look for."""

    missed_move_bps: float = Field(
        default=100.0, gt=0, le=5000, description="Smallest move that counts as a missed opportunity, bps."
    )
    move_reversal_bps: float = Field(
        default=50.0, gt=0, le=5000, description="Way back that ends a move, bps; no larger than the move itself."
    )
    missed_moves_kept: int = Field(
        default=200, ge=1, le=5000, description="Missed opportunities that are listed one by one."
    )
    gate_days: float = Field(
        default=7.0, gt=0, le=90, description="Days of signals over which the gates' use is counted."
    )

    @model_validator(mode="after")
    def _a_move_is_a_move(self) -> ReviewParams:
        if self.move_reversal_bps > self.missed_move_bps:
            raise contradiction(
                "a move must be at least as large as the way back that ends it", "move_reversal_bps", "missed_move_bps"
            )
        return self
