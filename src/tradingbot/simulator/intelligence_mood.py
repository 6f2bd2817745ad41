"""Fear & greed by the day and an index of expected volatility, from what the leading asset has been doing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.intelligence_columns import CLOSE, DAY_MS, HOUR_MS, MINUTE_MS
from tradingbot.simulator.intelligence_world import RECORDED, World, published
from tradingbot.simulator.scan import FloatArray

FIRST_DAY: Final = int(datetime(2018, 2, 1, tzinfo=UTC).timestamp()) * 1000 // DAY_MS
"""Day number (from the epoch) of the first value there is."""
_USUAL_DAY: Final = 0.026
_MEMORY_DAYS: Final = 31
_SMOOTHING: Final = (0.55, 0.27, 0.18)
_PRIOR_VARIANCE: Final = 0.45**2 / 8_766.0


@dataclass(frozen=True, slots=True)
class MoodDays:
    """Fear & greed, oldest first: midnights (ms), values 0..100, the leading asset's price, the newest one's origin."""

    time_ms: NDArray[np.int64]
    values: FloatArray
    prices: FloatArray
    origin: str


@dataclass(frozen=True, slots=True)
class _Day:
    close: float
    high: float
    low: float


class Mood:
    """Answers for any moment from what was published by then."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._days: dict[int, _Day | None] = {}
        self._made: dict[int, float] = {}

    def fear_greed(self, now_ms: int) -> MoodDays:
        """Every day's value up to today's, which is of the day before and comes at 00:00 UTC."""
        today = published(now_ms, self._world.delays.fear_greed_s, DAY_MS) // DAY_MS
        return self._world.memory.recall(("mood", today), lambda: self._history(today))

    def volatility(
        self, step_ms: int, since_ms: int, until_ms: int, now_ms: int
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Closed bars of the index, annualised percent: open times, rows (open, high, low, close); at most 1,000."""
        at_ms = min(published(now_ms, self._world.delays.volatility_s, step_ms), until_ms // step_ms * step_ms)
        count = min(1_000, max(0, (at_ms - since_ms) // step_ms))
        ends = at_ms - np.arange(count, -1, -1, dtype=np.int64) * step_ms
        levels = self._levels(ends)
        if count == 0:
            return np.empty(0, dtype=np.int64), np.empty((4, 0))
        open_, close = levels[:-1], levels[1:]
        wick = 0.004 * np.abs(self._world.noise.normals("dvol:wick", ends[1:] // step_ms)) * np.sqrt(step_ms / HOUR_MS)
        wick = wick.clip(max=0.05)
        high, low = np.maximum(open_, close) * (1.0 + wick), np.minimum(open_, close) * (1.0 - wick)
        return ends[:-1], np.round(np.stack([open_, high, low, close]), 2)

    def expected_volatility(self, now_ms: int) -> float:
        """The index now, annualised percent."""
        at_ms = published(now_ms, self._world.delays.volatility_s)
        return float(self._levels(np.array([at_ms], dtype=np.int64))[0])

    # ------------------------------------------------------------ fear and greed

    def _history(self, today: int) -> MoodDays:
        days = np.arange(FIRST_DAY, today + 1)
        values = (48.0 + 17.0 * self._background(days)).clip(3.0, 97.0)
        for day in range(today, FIRST_DAY, -1):
            if self._day(day - 1) is None:
                break
            values[day - FIRST_DAY] = self._value(day)
        values = np.round(values)
        origin = self._world.origin
        series = self._world.recordings.fear_greed
        if series is not None and (count := series.known(today * DAY_MS)):
            places = series.time_ms[:count] // DAY_MS - FIRST_DAY
            inside = (places >= 0) & (places < len(values))
            values[places[inside]] = series.values[:count][inside]
            origin = RECORDED if places[count - 1] == len(values) - 1 else origin
        return MoodDays(days * DAY_MS, values, self._prices(days), origin)

    def _background(self, days: NDArray[np.int64]) -> FloatArray:
        """What the mood does without a market: slow waves."""
        noise, at_ms = self._world.noise, days * DAY_MS
        waves = 0.75 * noise.wave("mood:slow", at_ms, 45 * DAY_MS) + 0.55 * noise.wave("mood:fast", at_ms, 9 * DAY_MS)
        return waves + 0.15 * noise.normals("mood:day", days)

    def _value(self, day: int) -> float:
        """The index that is published at the beginning of `day`: the last days' moods, the newest most."""
        weights = [(weight, self._raw(day - age)) for age, weight in enumerate(_SMOOTHING)]
        return min(97.0, max(3.0, sum(weight * raw for weight, raw in weights)))

    def _raw(self, day: int) -> float:
        if day not in self._made:
            self._made[day] = self._mood_before(day)
        return self._made[day]

    def _mood_before(self, day: int) -> float:
        """Momentum, volatility and drawdown of the month before `day`; the less is known the more of the background."""
        background = 48.0 + 17.0 * float(self._background(np.array([day]))[0])
        known = [one for age in range(_MEMORY_DAYS, 0, -1) if (one := self._day(day - age)) is not None]
        if len(known) < 2:
            return background
        closes = np.log([one.close for one in known])
        moves = np.diff(closes)
        size = float(np.sqrt((np.square(moves).sum() + 6 * _USUAL_DAY**2) / (len(moves) + 6)))
        momentum = sum(
            weight * float(closes[-1] - closes[max(-len(closes), -1 - back)]) / (size * float(np.sqrt(back)))
            for weight, back in ((0.45, 1), (0.55, 7), (0.45, 30))
        )
        high = max(one.high for one in known)
        drawdown = min(3.0, float(np.log(high) - closes[-1]) / (size * 5.0))
        span = float(np.log(known[-1].high / known[-1].low))
        stress = max(-0.5, min(2.5, span / (1.7 * size) - 1.0)) * (1.0 if moves[-1] < 0 else -0.2)
        raw = 55.0 + 16.0 * max(-3.0, min(3.0, momentum)) - 9.0 * drawdown - 7.0 * stress
        weight = min(1.0, (len(known) - 1) / 5.0)
        return weight * (0.85 * raw + 0.15 * background) + (1.0 - weight) * background

    def _day(self, day: int) -> _Day | None:
        """A day that is over; None when the market has no history of it."""
        if day not in self._days:
            fields = self._world.tables.day(self._world.tables.leader, day)
            self._days[day] = (
                _Day(float(fields[-1, 3]), float(fields[:, 1].max()), float(fields[:, 2].min()))
                if len(fields)
                else None
            )
        return self._days[day]

    def _prices(self, days: NDArray[np.int64]) -> FloatArray:
        """Closes of the days before; before the market's history a seeded path that leads to its first price."""
        known = [
            (place, one.close) for place, day in enumerate(days) if (one := self._days.get(int(day) - 1)) is not None
        ]
        anchor_day, anchor = (int(days[known[0][0]]), known[0][1]) if known else (int(days[-1]), 1.0)
        path = 0.45 * self._world.noise.wave("mood:price", days * DAY_MS, 200 * DAY_MS)
        start = 0.45 * float(self._world.noise.wave("mood:price", anchor_day * DAY_MS, 200 * DAY_MS))
        prices: FloatArray = anchor * np.exp(path - start - 0.0006 * (anchor_day - days).clip(min=0))
        for place, close in known:
            prices[place] = close
        return prices

    # ------------------------------------------------------------ expected volatility

    def _levels(self, at_ms: NDArray[np.int64]) -> FloatArray:
        """The index at moments that are past: realised volatility of a day, a week and a month, and what it costs."""
        hours = at_ms // HOUR_MS
        first, last = int(hours.min()) - 720, int(hours.max())
        rows = self._world.tables.lasting(self._world.tables.leader, int(at_ms.max())).hours(last, last - first)
        squares = np.full(last - first, _PRIOR_VARIANCE)
        if rows.shape[1] > 1:
            squares[len(squares) - rows.shape[1] + 1 :] = np.square(np.diff(np.log(rows[CLOSE])))
        total = np.cumsum(np.insert(squares, 0, 0.0))
        place = hours - first
        variance = sum(
            weight * (total[place] - total[place - back]) / back
            for weight, back in ((0.15, 24), (0.35, 168), (0.5, 720))
        )
        slow = 1.0 + 0.05 * self._world.noise.wave("dvol:term", at_ms, 5 * DAY_MS)
        quick = 1.0 + 0.004 * self._world.noise.wave("dvol:minute", at_ms, 20 * MINUTE_MS)
        levels: FloatArray = (1.1 * 100.0 * np.sqrt(variance * 8_766.0) * slow * quick).clip(15.0, 220.0)
        return levels
