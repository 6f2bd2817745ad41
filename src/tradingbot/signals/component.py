"""What a component says, and what it is: a pure function (snapshot, symbol, parameters) -> reading (SPEC 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tradingbot.core.records import Reason
from tradingbot.core.types import Direction, Symbol
from tradingbot.market.snapshot import MarketSnapshot
from tradingbot.signals.params import SignalParams


@dataclass(frozen=True, slots=True)
class ComponentReading:
    """One component's opinion of one symbol.

    `confidence` in 0..1, 0 exactly when NEUTRAL. `value` is the component's own number (unit in its file), None when
    it could not be computed. `as_of` is the time its newest input was true, None without any input. Not `live`: it
    could not judge at all, because an input is missing, stale or quarantined.
    """

    name: str
    direction: Direction
    confidence: float
    value: float | None
    as_of: datetime | None
    reasons: tuple[Reason, ...]
    live: bool = True

    def age_s(self, now: datetime) -> float | None:
        """Seconds since the newest input was true."""
        return None if self.as_of is None else (now - self.as_of).total_seconds()


Component = Callable[[MarketSnapshot, Symbol, SignalParams], ComponentReading]
"""The moment is in the snapshot; nothing else may be read."""


def blind(name: str, *why: Reason, as_of: datetime | None = None) -> ComponentReading:
    """A reading of a component that cannot judge, and why."""
    return ComponentReading(name, Direction.NEUTRAL, 0.0, None, as_of, why, live=False)


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
