"""Multiples of a tick or a step as whole numbers: exact, and quick to count with."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from functools import lru_cache
from typing import Final

NEAR: Final = 1e-4
SURE: Final = 1e10
"""Up to so many steps a float's quotient is off by less than `NEAR` by far, and multiples have at most 15 digits."""


class Grid:
    """All multiples of one step. A float `steps * unit / scale` is the very float of the exact multiple."""

    def __init__(self, step: Decimal) -> None:
        """Raises ValueError for a step that is not above zero."""
        sign, _, exponent = step.as_tuple()
        if not isinstance(exponent, int) or sign or not step:
            raise ValueError(f"no step: {step}")
        self.step = step
        self.places = max(0, -exponent)
        self.unit: int = int(step.scaleb(self.places))
        self.scale: int = 10**self.places
        self.size: float = self.unit / self.scale

    def floor(self, number: float) -> int:
        """Steps of the largest multiple that is not above the number, as its shortest decimal form says it."""
        count = number / self.size
        whole = math.floor(count)
        if count > SURE or count - whole < NEAR or whole + 1 - count < NEAR:
            return int((Decimal(repr(number)) / self.step).to_integral_value(ROUND_FLOOR))
        return whole

    def ceil(self, number: float) -> int:
        """Steps of the smallest multiple that is not below the number."""
        count = number / self.size
        whole = math.floor(count)
        if count > SURE or count - whole < NEAR or whole + 1 - count < NEAR:
            return int((Decimal(repr(number)) / self.step).to_integral_value(ROUND_CEILING))
        return whole + 1

    def number(self, steps: int) -> float:
        """The multiple as a float."""
        return steps * self.unit / self.scale

    def exact(self, steps: int) -> Decimal:
        """The multiple."""
        return Decimal(steps * self.unit).scaleb(-self.places)


@lru_cache(maxsize=512)
def grid_of(step: Decimal) -> Grid:
    """The grid of a step, made once. Raises ValueError for a step that is not above zero."""
    return Grid(step)
