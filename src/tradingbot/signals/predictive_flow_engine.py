"""All components of one symbol folded into one flow signal: alignment, confidence, conviction (SPEC 4.4, 4.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.types import Conviction, Direction, Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.component import ComponentReading
from tradingbot.signals.params import ConvictionParams, SignalParams
from tradingbot.signals.table import COMPONENTS


@dataclass(frozen=True, slots=True)
class FlowSignal:
    """What the components of one symbol add up to. `confidence` in 0..1; `aligned` agree with `direction`."""

    symbol: Symbol
    as_of: datetime
    direction: Direction
    confidence: float
    aligned: int
    opposed: int
    conviction: Conviction
    size_multiplier: float
    components: tuple[ComponentReading, ...]

    @property
    def live(self) -> int:
        """How many components could judge, with or without an opinion."""
        return [reading.live for reading in self.components].count(True)


def read_components(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> tuple[ComponentReading, ...]:
    """Every component's reading, in the order of the table."""
    return tuple([component(snapshot, symbol, params) for component in COMPONENTS.values()])


def flow_signal(snapshot: MarketSnapshot, symbol: Symbol, params: SignalParams) -> FlowSignal:
    """The raw signal of one symbol."""
    readings = read_components(snapshot, symbol, params)
    direction, aligned, opposed = majority(readings, params.min_aligned_components)
    confidence = aligned_confidence(readings, direction, params.weights.by_name)
    conviction, multiplier = conviction_of(aligned, confidence, params.conviction)
    return FlowSignal(
        symbol,
        snapshot.as_of,
        direction,
        confidence,
        aligned,
        opposed,
        conviction,
        multiplier,
        readings,
    )


def majority(readings: Sequence[ComponentReading], min_aligned: int) -> tuple[Direction, int, int]:
    """(direction, how many agree, how many oppose); NEUTRAL for a tie or fewer than `min_aligned` votes."""
    votes = [reading.direction for reading in readings]
    longs, shorts = votes.count(Direction.LONG), votes.count(Direction.SHORT)
    more, less = (longs, shorts) if longs > shorts else (shorts, longs)
    if more == less or more < min_aligned:
        return Direction.NEUTRAL, more, less
    return (Direction.LONG if longs > shorts else Direction.SHORT), more, less


def aligned_confidence(
    readings: Sequence[ComponentReading], direction: Direction, weights: Mapping[str, float]
) -> float:
    """(sum of weight x confidence of the agreeing - same of the opposing) / weight of the non-neutral, in 0..1."""
    if direction is Direction.NEUTRAL:
        return 0.0
    voting = [reading for reading in readings if reading.direction is not Direction.NEUTRAL]
    total = net = 0.0
    for reading in voting:
        weight = weights[reading.name]
        total += weight
        net += weight * reading.confidence * (1 if reading.direction is direction else -1)
    if total <= 0:
        return 0.0
    return max(0.0, min(1.0, net / total))


def conviction_of(aligned: int, confidence: float, params: ConvictionParams) -> tuple[Conviction, float]:
    """HIGH, MEDIUM or LOW by votes and confidence and its size multiplier, else NONE and 0."""
    levels = ((Conviction.HIGH, params.high), (Conviction.MEDIUM, params.medium), (Conviction.LOW, params.low))
    for conviction, level in levels:
        if aligned >= level.min_aligned and confidence >= level.min_confidence:
            return conviction, level.size_multiplier
    return Conviction.NONE, 0.0
