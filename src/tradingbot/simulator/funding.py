"""Hourly funding as it follows from the premium."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tradingbot.simulator.instruments import Instrument
from tradingbot.simulator.rounding import ZERO, booked, wire

HOUR_MS = 3_600_000
_RELATIVE_QUANTUM = Decimal("1e-12")


def relative_rate(premiums: Sequence[float], coefficient: int, cap: float) -> float:
    """Funding of one hour as a fraction: the mean premium spread over `coefficient` hours, within +-cap."""
    if not len(premiums):
        return 0.0
    mean = sum(premiums) / len(premiums) / coefficient
    return round(max(-cap, min(cap, mean)), 12)


def absolute_rate(instrument: Instrument, relative: float, index: Decimal) -> Decimal:
    """USD per base unit and hour for linear contracts, coin per USD contract and hour for inverse ones."""
    fraction = Decimal(repr(relative)).quantize(_RELATIVE_QUANTUM)
    if index <= 0:
        return ZERO
    return wire(fraction / index if instrument.inverse else fraction * index)


def accrued(instrument: Instrument, size: Decimal, rate: Decimal, since_ms: int, now_ms: int) -> Decimal:
    """What a signed position has earned (+) or owes (-) since `since_ms`; longs pay when the rate is positive."""
    hours = Decimal(now_ms - since_ms) / HOUR_MS
    return booked(-size * rate * hours, instrument.quantum)
