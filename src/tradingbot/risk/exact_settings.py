"""Settings and factors as exact numbers: sizes are Decimal from the first step on."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from tradingbot.core.types import exact


def exact_of(number: float) -> Decimal:
    """A setting or a factor digit for digit."""
    return _exact(float(number)) if number else exact(float(number))  # 0.0 and -0.0 are equal, but not the same


@lru_cache(maxsize=1024)
def _exact(number: float) -> Decimal:
    return exact(number)


def percent(number: float) -> Decimal:
    """Per cent as a fraction."""
    return exact_of(number) / 100
