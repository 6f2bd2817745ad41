"""Settings and factors as exact numbers: sizes are Decimal from the first step on."""

from __future__ import annotations

from decimal import Decimal

from tradingbot.core.types import exact


def exact_of(number: float) -> Decimal:
    """A setting or a factor digit for digit."""
    return exact(float(number))


def percent(number: float) -> Decimal:
    """Per cent as a fraction."""
    return exact_of(number) / 100
