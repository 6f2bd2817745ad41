"""SPEC 5.2: the calibrated probability of all voices together must not speak clearly against the signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import reason
from tradingbot.gates.gate import GateVerdict, blocks, passes
from tradingbot.gates.params import GateParams

NAME: Final = "ensemble"


@dataclass(frozen=True, slots=True)
class EnsembleView:
    """`side_probability` (0..1) that the price goes the signal's way; `side_move_bps` the expected move that way."""

    side_probability: float
    side_move_bps: float


def judge(view: EnsembleView, params: GateParams) -> GateVerdict:
    """Blocks below the least probability of the side."""
    least = params.ensemble.min_side_probability
    seen = {"side_probability": view.side_probability, "minimum": least}
    if view.side_probability < least:
        return blocks(NAME, view, reason("ensemble_against", **seen))
    agrees = view.side_probability > 0.5
    return passes(NAME, view, reason("ensemble_agrees" if agrees else "ensemble_doubts", **seen))
