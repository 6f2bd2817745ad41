"""Equity over time in memory: every minute of the newest days, hours before that, with its drawdown."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Final

MINUTES_KEPT: Final = 7 * 1440
HOURS_KEPT: Final = 2 * 365 * 24
_HOUR_S: Final = 3600
UNEVEN: Final = 3.0
"""A gap so many times as long as the usual one is shown as one."""
OLDEST: Final = 24
"""Gaps that tell how far apart the oldest points are, where they are rarest."""


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


Row = tuple[int, float | None]
"""Epoch seconds and a value; None where nothing is known of that time."""


def evenly(points: Sequence[tuple[int, float]], most: int) -> list[Row]:
    """At most about `most` rows in even steps of time, each stretch with its lowest and highest value.

    A chart spaces rows evenly, whatever their times: hours beside minutes would be squeezed to nothing, and a time
    without values would vanish. No peak or fall is hidden; within a stretch times are rounded.
    """
    gaps = [later[0] - one[0] for one, later in pairwise(points)]
    if not gaps or (len(points) <= most and max(gaps) <= UNEVEN * median(gaps)):
        return list(points)
    first_s, last_s = points[0][0], points[-1][0]
    width_s = max(2.0, median(gaps[:OLDEST]), 2 * (last_s - first_s) / most)
    stretches: dict[int, list[tuple[int, float]]] = {}
    for one in points:
        stretches.setdefault(int((one[0] - first_s) / width_s), []).append(one)
    rows: list[Row] = []
    for number in range(max(stretches) + 1):
        begin_s, middle_s = first_s + round(number * width_s), first_s + round((number + 0.5) * width_s)
        early, late = _extremes(stretches.get(number))
        rows += [(begin_s, early), (middle_s, late)]
    newest = points[-1][1]
    return rows if rows[-1][1] == newest else [*rows, (max(last_s, rows[-1][0] + 1), newest)]


def _extremes(stretch: list[tuple[int, float]] | None) -> tuple[float | None, float | None]:
    """The lowest and the highest value, in the order in which they were."""
    if stretch is None:
        return None, None
    low, high = min(stretch, key=lambda one: one[1]), max(stretch, key=lambda one: one[1])
    return (low[1], high[1]) if low[0] <= high[0] else (high[1], low[1])


def drawdown_pct(points: Iterable[EquityPoint]) -> list[tuple[int, float]]:
    """How far below the highest equity so far, in percent: 0 or less."""
    peak, found = float("-inf"), []
    for one in points:
        peak = max(peak, one.usd)
        found.append((one.at_s, (one.usd / peak - 1) * 100 if peak > 0 else 0.0))
    return found
