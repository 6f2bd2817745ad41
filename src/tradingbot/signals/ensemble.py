"""One calibrated probability out of several voices (SPEC 5.2): flow signal, active strategies, approved model.

A logarithmic opinion pool (Genest, Zidek, Statistical Science 1(1), 1986) adds the log odds of all voices, each with
its weight. What comes out is not yet a probability that keeps its word; Platt scaling (slope and intercept fitted on
what happened) makes it one. Until a fit has proven more, the slope is small and the probability stays near one half.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from pydantic import Field, model_validator

from tradingbot.core.memo import by_identity
from tradingbot.core.opinions import Opinion
from tradingbot.core.params import Params, contradiction
from tradingbot.core.records import Reason, reason
from tradingbot.core.types import Direction, Symbol
from tradingbot.signals.predictive_flow_engine import FlowSignal

FLOW: Final = "flow"
MEAN_ABSOLUTE_NORMAL: Final = math.sqrt(2 / math.pi)
"""Mean distance of a normal variable from its mean, in standard deviations."""


class EnsembleParams(Params):
    """The ensemble (SPEC 5.2)."""

    horizon_min: float = Field(default=60.0, gt=0, le=10_080, description="What the probability is about, minutes.")
    flow_weight: float = Field(default=0.45, ge=0, le=1, description="Weight of the flow signal.")
    strategy_weight: float = Field(default=0.30, ge=0, le=1, description="Weight of the active strategies together.")
    model_weight: float = Field(
        default=0.25, ge=0, le=1, description="Weight of the approved model, where there is one."
    )
    flow_horizon_min: float = Field(
        default=30.0, gt=0, le=10_080, description="What the flow signal is about, minutes."
    )
    flow_full_tilt: float = Field(
        default=0.15, gt=0, lt=0.5, description="Distance from one half of the flow's probability at confidence 1."
    )
    max_probability: float = Field(
        default=0.95, gt=0.5, lt=1, description="No voice is heard as surer than this, either way."
    )
    calibration_slope: float = Field(
        default=0.05,
        ge=0,
        le=5,
        description="Platt slope on the pooled log odds (scripts/fit_ensemble.py); near 0 while nothing is proven.",
    )
    calibration_intercept: float = Field(
        default=0.0, ge=-1, le=1, description="Platt intercept, log odds; fitted together with the slope."
    )

    @model_validator(mode="after")
    def _somebody_is_heard(self) -> EnsembleParams:
        if self.flow_weight + self.strategy_weight + self.model_weight <= 0:
            raise contradiction("at least one weight must be above 0", "flow_weight", "strategy_weight", "model_weight")
        return self


@dataclass(frozen=True, slots=True)
class EnsembleMember:
    """One voice as it was heard: its probability, its weight among all (0..1), what it added to the pooled log odds."""

    source: str
    probability: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class EnsemblePrediction:
    """What all voices add up to.

    `probability` (0..1, calibrated) that the price is higher after `horizon_min` minutes; `expected_move_bps` is
    signed; `raw_logit` is the pooled log odds before calibration, `sigma_bps` the volatility of one minute that the
    move was made with. `direction` is that of the calibrated probability, NEUTRAL when no voice has an opinion.
    """

    symbol: Symbol
    as_of: datetime
    direction: Direction
    probability: float
    expected_move_bps: float
    horizon_min: float
    raw_logit: float
    sigma_bps: float
    members: tuple[EnsembleMember, ...]
    reasons: tuple[Reason, ...]


def ensemble(
    flow: FlowSignal, opinions: Sequence[Opinion], sigma_bps: float, params: EnsembleParams
) -> EnsemblePrediction:
    """The prediction for one symbol.

    `opinions` have a source of ``strategy:<name>`` or ``model:<name>``; `sigma_bps` is the standard deviation of the
    symbol's one-minute return. Kinds without a voice give their weight to the others. Expected move: (2p - 1) times the
    mean absolute move of a normal walk, sigma x sqrt(horizon) x sqrt(2 / pi).
    Raises ValueError for an opinion of another kind, a negative sigma or a number that is not finite.
    """
    if not math.isfinite(sigma_bps) or sigma_bps < 0:
        raise ValueError(f"{flow.symbol}: sigma_bps must be a finite number not below 0, not {sigma_bps!r}")
    members = _members(flow, opinions, params)
    added = [member.contribution for member in members]
    raw, heard = math.fsum(added), any(added)
    probability = calibrated(raw, params) if heard else 0.5
    return EnsemblePrediction(
        symbol=flow.symbol,
        as_of=flow.as_of,
        direction=_direction(probability),
        probability=probability,
        expected_move_bps=expected_move(probability, sigma_bps, params),
        horizon_min=params.horizon_min,
        raw_logit=raw,
        sigma_bps=sigma_bps,
        members=members,
        reasons=(
            reason("pooled", voices=len(members), raw_logit=raw, sigma_bps=sigma_bps),
            _calibration(params),
        ),
    )


@by_identity(8)
def _calibration(params: EnsembleParams) -> Reason:
    return reason("calibrated", slope=params.calibration_slope, intercept=params.calibration_intercept)


def expected_move(probability: float, sigma_bps: float, params: EnsembleParams) -> float:
    """Signed expected move in bps over the horizon: (2p - 1) times the mean absolute move of a normal walk."""
    return (2 * probability - 1) * sigma_bps * math.sqrt(params.horizon_min) * MEAN_ABSOLUTE_NORMAL


def calibrated(raw_logit: float, params: EnsembleParams) -> float:
    """Platt scaling: the probability of slope x log odds + intercept."""
    return _probability(params.calibration_slope * raw_logit + params.calibration_intercept)


def flow_probability(flow: FlowSignal, params: EnsembleParams) -> float:
    """Probability that the price is higher, as the flow signal alone would say it."""
    return 0.5 + flow.direction.sign * flow.confidence * params.flow_full_tilt


def _members(flow: FlowSignal, opinions: Sequence[Opinion], params: EnsembleParams) -> tuple[EnsembleMember, ...]:
    """Every voice with its share of the whole weight; voices without weight are left out."""
    kinds = {FLOW: params.flow_weight, "strategy": params.strategy_weight, "model": params.model_weight}
    voices = [(FLOW, flow_probability(flow, params), params.flow_horizon_min, params.flow_weight)]
    present = {FLOW}
    for opinion in opinions:
        kind = opinion.source.partition(":")[0]
        if kind == FLOW or kind not in kinds:
            raise ValueError(f"{flow.symbol}: opinion of {opinion.source!r}; allowed are strategy:<name>, model:<name>")
        voices.append((opinion.source, opinion.probability, opinion.horizon_min, kinds[kind] * opinion.weight))
        present.add(kind)
    total = math.fsum([kinds[kind] for kind in present]) or 1.0
    return tuple(
        [
            _member(source, probability, horizon_min, weight / total, params)
            for source, probability, horizon_min, weight in voices
            if weight > 0
        ]
    )


def _member(
    source: str, probability: float, horizon_min: float, weight: float, params: EnsembleParams
) -> EnsembleMember:
    if not 0 <= probability <= 1:
        raise ValueError(f"opinion of {source!r}: probability must be within 0 and 1, not {probability!r}")
    surest = params.max_probability
    heard = min(surest, max(1 - surest, probability))
    scale = _horizon_scale(horizon_min, params.horizon_min)
    return EnsembleMember(source, probability, weight, weight * scale * math.log(heard / (1 - heard)))


def _horizon_scale(own_min: float, asked_min: float) -> float:
    """What a voice about another horizon still says: root of shorter over longer.

    Drift over noise grows with the root of time; of a shorter one, nothing is known beyond its end, but noise goes on.
    A voice without a horizon (0, as a NEUTRAL idea has) says nothing.
    """
    if own_min <= 0:
        return 0.0
    return math.sqrt(own_min / asked_min if own_min < asked_min else asked_min / own_min)


def _direction(probability: float) -> Direction:
    if probability == 0.5:
        return Direction.NEUTRAL
    return Direction.LONG if probability > 0.5 else Direction.SHORT


def _probability(logit: float) -> float:
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1 + odds)
