"""Means that forget slowly: a value that is one half-life older than the newest weighs half. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class DecayedMean:
    """Sums of weight, weight x value and weight x value^2, as of the newest value; `count` is not weighed."""

    as_of: datetime | None = None
    count: int = 0
    weight: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def with_value(self, value: float, at: datetime, half_life_days: float) -> DecayedMean:
        """With one more value; it may be older than the newest."""
        newest = at if self.as_of is None else max(at, self.as_of)
        keep = 1.0 if self.as_of is None else _halved(newest, self.as_of, half_life_days)
        mine = _halved(newest, at, half_life_days)
        return DecayedMean(
            newest,
            self.count + 1,
            self.weight * keep + mine,
            self.total * keep + mine * value,
            self.squares * keep + mine * value * value,
        )

    @property
    def mean(self) -> float | None:
        """The weighted mean; None without a value."""
        return self.total / self.weight if self.weight > 0 else None

    @property
    def deviation(self) -> float | None:
        """The weighted standard deviation; None below two values."""
        if self.count < 2 or self.weight <= 0:
            return None
        mean = self.total / self.weight
        return math.sqrt(max(0.0, self.squares / self.weight - mean * mean))


def _halved(newest: datetime, at: datetime, half_life_days: float) -> float:
    return float(0.5 ** ((newest - at).total_seconds() / (half_life_days * 86_400)))
