"""SPEC 5.3: one composite score of everything that speaks for the signal, and the size that follows. Never blocks.

score = (weighted mean of five parts in 0..1) x (1 + history) + edge boost + cascade boost, all x regime bias, in 0..1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Regime
from tradingbot.gates.gate import GateVerdict, passes
from tradingbot.gates.params import ConvictionGateParams, ConvictionLevel, GateParams

NAME: Final = "conviction"


@dataclass(frozen=True, slots=True)
class ConvictionView:
    """`flow_confidence` and `side_probability` in 0..1; `alignment` 0..1 with the side, None when unknown.

    `intelligence` is the score seen from the side, -1..1. `history_net_bps` is the mean net result of a ready symbol
    and side. `edge_bps` is the expected move after costs. `cascade`: liquidations drive the price our way now.
    """

    direction: Direction
    flow_confidence: float
    aligned: int
    opposed: int
    alignment: float | None
    side_probability: float
    intelligence: float | None
    history_net_bps: float | None
    edge_bps: float
    cascade: bool
    regime: Regime


def judge(view: ConvictionView, params: GateParams) -> GateVerdict:
    """The level of the composite score and its size factor."""
    own = params.conviction
    score, why = composite_score(view, own)
    level = level_of(score, own)
    return passes(NAME, view, reason("level", level=level.name, score=score), *why, multiplier=level.size_multiplier)


def composite_score(view: ConvictionView, params: ConvictionGateParams) -> tuple[float, tuple[Reason, ...]]:
    """The score in 0..1 and what it is made of."""
    weights = params.weights
    parts = {
        "flow": view.flow_confidence,
        "agreement": view.aligned / (view.aligned + view.opposed) if view.aligned else 0.0,
        "alignment": 0.5 if view.alignment is None else view.alignment,
        "probability": view.side_probability,
        "intelligence": 0.5 if view.intelligence is None else (1 + view.intelligence) / 2,
    }
    base = math.fsum(
        (
            weights.flow * parts["flow"],
            weights.agreement * parts["agreement"],
            weights.alignment * parts["alignment"],
            weights.probability * parts["probability"],
            weights.intelligence * parts["intelligence"],
        )
    )
    history = _history(view, params)
    edge = params.edge_boost if view.edge_bps > params.edge_boost_above_bps else 0.0
    cascade = params.cascade_boost if view.cascade else 0.0
    bias = params.regime_bias.of(view.regime, view.direction)
    score = min(1.0, max(0.0, (base * (1 + history) + edge + cascade) * bias))
    return score, (
        reason("composite", **parts, base=base),
        reason("adjusted", history=history, edge_boost=edge, cascade_boost=cascade, regime_bias=bias),
    )


def _history(view: ConvictionView, params: ConvictionGateParams) -> float:
    if view.history_net_bps is None:
        return 0.0
    share = max(-1.0, min(1.0, view.history_net_bps / params.history_full_bps))
    return share * params.history_max_change


def level_of(score: float, params: ConvictionGateParams) -> ConvictionLevel:
    """The strongest level that the score reaches; the last one begins at 0."""
    for level in params.levels:
        if score >= level.min_score:
            return level
    return params.levels[-1]
