"""What a component is, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Symbol
from tradingbot.market.snapshot import MarketSnapshot


@dataclass(frozen=True, slots=True)
class ComponentReading:
    """One component's opinion of one symbol.

    `confidence` in 0..1, 0 exactly when NEUTRAL. `value` is the component's own number (unit in its file), None when
    it could not be computed. `as_of` is the time its newest input was true, None without any input.
    """

    name: str
    direction: Direction
    confidence: float
    value: float | None
    as_of: datetime | None
    reasons: tuple[Reason, ...]


class Component(Protocol):
    """A pure function of the snapshot; the moment is in the snapshot."""

    def __call__(self, snapshot: MarketSnapshot, symbol: Symbol) -> ComponentReading:
        """The reading for one symbol."""


def neutral(name: str, why: Reason, value: float | None = None, as_of: datetime | None = None) -> ComponentReading:
    """A reading without an opinion, and why."""
    return ComponentReading(name, Direction.NEUTRAL, 0.0, value, as_of, (why,))


def opinion(
    name: str, signed: float, confidence: float, value: float, as_of: datetime, why: Reason
) -> ComponentReading:
    """A reading that leans to the sign of `signed`; NEUTRAL when it has none or no confidence."""
    strength = max(0.0, min(1.0, confidence))
    if signed == 0.0 or strength == 0.0:
        return neutral(name, why, value, as_of)
    direction = Direction.LONG if signed > 0 else Direction.SHORT
    return ComponentReading(name, direction, strength, value, as_of, (why,))
