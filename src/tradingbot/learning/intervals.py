"""Means and shares that are gathered value by value, with the interval that they can be trusted within. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

_T_975: Final = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Student's t, 97.5 %, for 1 to 10 degrees of freedom (any table of it)."""
_Z_975: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Running:
    """Count, mean and sum of squared distances from it (Welford 1962): no value is kept."""

    count: int = 0
    mean: float = 0.0
    square_sum: float = 0.0

    def with_value(self, value: float) -> Running:
        """With one more value."""
        count = self.count + 1
        mean = self.mean + (value - self.mean) / count
        return Running(count, mean, self.square_sum + (value - self.mean) * (value - mean))

    @property
    def standard_error(self) -> float | None:
        """Of the mean; None below two values."""
        return math.sqrt(self.square_sum / (self.count - 1) / self.count) if self.count > 1 else None

    def interval(self, tests: int = 1) -> tuple[float, float] | None:
        """Where the true mean lies with 95 %, for independent values; None below two.

        With `tests` comparisons made at once each is held to 5 % / tests (Bonferroni), by the normal distribution.
        """
        error = self.standard_error
        if error is None:
            return None
        width = error * (t_quantile(self.count - 1) if tests == 1 else _wide(self.count - 1, tests))
        return self.mean - width, self.mean + width


NO_VALUES: Final = Running()


def t_quantile(freedom: int) -> float:
    """97.5 % quantile of Student's t; above 10 degrees the expansion of Fisher and Cornish (1960), within 0.002."""
    if freedom <= len(_T_975):
        return _T_975[freedom - 1]
    z = _Z_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def _wide(freedom: int, tests: int) -> float:
    """The quantile for `tests` comparisons: the normal one, widened as t is against normal at 97.5 %."""
    return _normal_quantile(1 - 0.025 / tests) * t_quantile(freedom) / _Z_975


def _normal_quantile(share: float) -> float:
    """By bisection of the error function; exact to 1e-9 for 0.5 <= share < 1."""
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 0.5 * (1 + math.erf(middle / math.sqrt(2))) < share else (low, middle)
    return (low + high) / 2


def share_interval(hits: int, count: int) -> tuple[float, float] | None:
    """Where the true share lies with 95 % (Wilson 1927), 0..1; None without any."""
    if not count:
        return None
    z2, share = _Z_975**2, hits / count
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    width = _Z_975 / (1 + z2 / count) * math.sqrt(share * (1 - share) / count + z2 / (4 * count**2))
    return max(0.0, middle - width), min(1.0, middle + width)
