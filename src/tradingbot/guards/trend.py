"""How fast something grows: least squares through samples over time, with the error of the slope. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400.0
MIN_POINTS: Final = 3
"""Two points make a line without an error; only three say how sure it is."""


@dataclass(frozen=True, slots=True)
class Trend:
    """`per_day` is the slope in units per day, `error_per_day` its standard error, `span_s` what was looked at."""

    per_day: float
    error_per_day: float
    span_s: float
    points: int

    @property
    def surely_per_day(self) -> float:
        """The slope that is exceeded with about 97 % certainty: two standard errors below the estimate."""
        return self.per_day - 2 * self.error_per_day


def trend(points: Sequence[tuple[float, float]]) -> Trend | None:
    """The trend of (seconds, value); None with fewer than three points or without time between them.

    Neighbouring samples resemble each other, so the true error is somewhat larger than the one that is given.
    """
    if len(points) < MIN_POINTS:
        return None
    count = len(points)
    mean_x = sum(x for x, _ in points) / count
    mean_y = sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if spread <= 0:
        return None
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    left = sum((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in points)
    error = math.sqrt(left / (count - 2) / spread)
    times = [x for x, _ in points]
    return Trend(slope * DAY_S, error * DAY_S, max(times) - min(times), count)
