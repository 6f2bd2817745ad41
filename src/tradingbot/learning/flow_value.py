"""What the flow signals of a table would have earned under given levers. Pure.

Direction, confidence and conviction follow the rules of the decision (SPEC 4.4, 4.5), written for whole columns; a test
holds them against `signals.predictive_flow_engine` signal by signal. A signal of size s earns s times what the price
moved its way over the horizon less its costs; everything that the gates do after it is the same for all levers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.levers import COMPOSITE, CONVICTION, DIRECTION, WEIGHTS, Levers
from tradingbot.learning.batch_means import Floats
from tradingbot.learning.signal_table import SignalTable


@dataclass(frozen=True, slots=True)
class FlowRules:
    """The settings that a flow signal follows: weights by component; per level (least aligned, confidence, size).

    `composite`: weights of the parts of the conviction gate's score, `steps` its (least score, size). Both kinds of
    levels are strongest first.
    """

    weights: Mapping[str, float]
    min_aligned: int
    levels: Mapping[str, tuple[int, float, float]]
    composite: Mapping[str, float] = field(default_factory=dict)
    steps: tuple[tuple[float, float], ...] = ()

    def with_levers(self, levers: Levers) -> FlowRules:
        """The rules as a generation has them."""
        weights, sizes = levers.of(WEIGHTS), levers.of(CONVICTION)
        levels = {
            name: (least, confidence, sizes.get(name, size)) for name, (least, confidence, size) in self.levels.items()
        }
        composite = levers.of(COMPOSITE) or self.composite
        return FlowRules(weights or self.weights, self.min_aligned, levels, composite, self.steps)


@dataclass(frozen=True, slots=True)
class Flow:
    """Per signal (n,): direction -1, 0 or 1, confidence 0..1, number of the conviction level or -1, size factor.

    `score` is the conviction gate's base score 0..1, NaN where its parts are not known.
    """

    direction: NDArray[np.int8]
    confidence: Floats
    level: NDArray[np.int8]
    size: Floats
    score: Floats


def flow_of(table: SignalTable, rules: FlowRules, by_pair: Mapping[str, float] | None = None) -> Flow:
    """Every signal of the table. `by_pair`: size factors by ``SYMBOL:direction``."""
    said = table.said.astype(np.float64)
    longs, shorts = (said > 0).sum(axis=1), (said < 0).sum(axis=1)
    direction = np.sign(longs - shorts).astype(np.int8)
    aligned = np.maximum(longs, shorts)
    direction[aligned < rules.min_aligned] = 0
    weights = np.array([rules.weights[name] for name in table.components])
    voting = (said != 0) @ weights
    net = (said @ weights) * direction
    with np.errstate(invalid="ignore", divide="ignore"):
        confidence = np.where((direction != 0) & (voting > 0), np.clip(net / voting, 0.0, 1.0), 0.0)
    level, size = np.full(len(table), -1, dtype=np.int8), np.zeros(len(table))
    for number, (least, confident, factor) in reversed(list(enumerate(rules.levels.values()))):
        reached = (aligned >= least) & (confidence >= confident) & (direction != 0)
        level[reached], size[reached] = number, factor
    score = _scores(table, rules)
    size *= _steps_of(score, rules)
    if by_pair:
        size *= _pair_factors(table, direction, by_pair)
    return Flow(direction, confidence, level, size, score)


def earned_bps(table: SignalTable, flow: Flow, horizon_min: int) -> Floats:
    """What each signal of size 1 earned after costs, bps; NaN where the outcome is not known, 0 without a direction."""
    moved = table.returns(horizon_min).astype(np.float64) * flow.direction
    net: Floats = np.where(flow.direction == 0, 0.0, moved - table.cost_bps)
    return net


def value_of(table: SignalTable, rules: FlowRules, levers: Levers, horizon_min: int) -> Floats:
    """Size times what was earned, per signal, under these levers; NaN where the outcome is not known."""
    flow = flow_of(table, rules.with_levers(levers), levers.of(DIRECTION))
    made: Floats = flow.size * earned_bps(table, flow, horizon_min)
    return made


def _scores(table: SignalTable, rules: FlowRules) -> Floats:
    """The conviction gate's score before history, boosts and bias; NaN where its parts are not known."""
    if not rules.composite:
        return np.full(len(table), np.nan)
    weights = np.array([rules.composite[name] for name in table.parts])
    made: Floats = table.composite.astype(np.float64) @ weights
    return made


def _steps_of(score: Floats, rules: FlowRules) -> Floats:
    """The size of the level that each score reaches; 1 where it is not known."""
    if not rules.steps:
        return np.ones(len(score))
    bounds = np.array([least for least, _ in reversed(rules.steps)])
    sizes = np.array([size for _, size in reversed(rules.steps)])
    place = np.clip(np.searchsorted(bounds, score, side="right") - 1, 0, len(sizes) - 1)
    found: Floats = np.where(np.isfinite(score), sizes[place], 1.0)
    return found


def _pair_factors(table: SignalTable, direction: NDArray[Any], by_pair: Mapping[str, float]) -> Floats:
    factors = np.ones((3, len(table.symbols)))
    for number, symbol in enumerate(table.symbols):
        factors[2, number] = by_pair.get(f"{symbol}:long", 1.0)
        factors[0, number] = by_pair.get(f"{symbol}:short", 1.0)
    found: Floats = factors[direction.astype(np.int64) + 1, table.symbol]
    return found
