"""Equity over time in memory: every minute of the newest days, hours before that, with its drawdown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

MINUTES_KEPT: Final = 7 * 1440
HOURS_KEPT: Final = 2 * 365 * 24
_HOUR_S: Final = 3600


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """Equity in USD at an epoch second."""

    at_s: int
    usd: float


@dataclass(slots=True)
class EquitySeries:
    """Bounded: a week of minutes and two years of hours. Times must not fall."""

    _minutes: deque[EquityPoint] = field(default_factory=lambda: deque(maxlen=MINUTES_KEPT))
    _hours: deque[EquityPoint] = field(default_factory=lambda: deque(maxlen=HOURS_KEPT))

    def add(self, at: datetime, usd: float) -> None:
        """One more point; one that is not newer than the last is left out."""
        point = EquityPoint(int(at.timestamp()), usd)
        if self._minutes and point.at_s <= self._minutes[-1].at_s:
            return
        if not self._hours or point.at_s // _HOUR_S != self._hours[-1].at_s // _HOUR_S:
            self._hours.append(point)
        self._minutes.append(point)

    def points(self, since: datetime | None = None, until: datetime | None = None) -> list[EquityPoint]:
        """Points of a span, oldest first: hours as far as minutes do not reach."""
        first_s = self._minutes[0].at_s if self._minutes else 0
        low = since.timestamp() if since else float("-inf")
        high = until.timestamp() if until else float("inf")
        joined = [*(one for one in self._hours.copy() if one.at_s < first_s), *self._minutes.copy()]
        return [one for one in joined if low <= one.at_s <= high]


def thinned(points: list[EquityPoint], most: int) -> list[EquityPoint]:
    """At most about `most` points that keep every stretch's lowest and highest one: no peak or fall is hidden."""
    if len(points) <= most or most < 4:
        return points
    size = -(-len(points) * 2 // most)
    kept: list[EquityPoint] = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        low, high = min(part, key=lambda one: one.usd), max(part, key=lambda one: one.usd)
        kept += sorted({low.at_s: low, high.at_s: high}.values(), key=lambda one: one.at_s)
    return [*kept, points[-1]] if kept[-1].at_s != points[-1].at_s else kept


def drawdown_pct(points: Iterable[EquityPoint]) -> list[tuple[int, float]]:
    """How far below the highest equity so far, in percent: 0 or less."""
    peak, found = float("-inf"), []
    for one in points:
        peak = max(peak, one.usd)
        found.append((one.at_s, (one.usd / peak - 1) * 100 if peak > 0 else 0.0))
    return found
