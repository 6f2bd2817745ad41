"""What a recording of candles does not hold, derived from it a stretch at a time, by rules simple enough to be stated:

- `buy_fraction`: 0.5 plus up to 0.3 by where the close lies between low and high of the minute.
- `premium`: the move of the last 8 hours (exponential average), damped: 0.0003 at a move of 2 %, never above 0.001.
- `open_interest_base`: a quarter of the mean daily volume of the last seven days, of fewer at the beginning.
- `spread_bps`: 1 plus 4 times the high-low range of the last quarter of an hour in per mille, within 1..50.
- `depth_usd`: two minutes' worth of that mean volume, halved for every 10 bps of spread beyond 5.
- liquidations: for a minute that falls (rises) by more than 0.15 %, 2 % of open interest per per cent beyond it, as
  long (short) liquidations.
- `regime`: ``recorded``.

A year of ten assets is 250 MB of candles; everything derived would be as much again, and most of it is looked at once.
Sums are carried from stretch to stretch, so that it is the same to the last bit as if it were made in one go.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MINUTE_MS: Final = 60_000
_DAY_MINUTES: Final = 1440
_PREMIUM_MINUTES: Final = 480.0
_KEEP: Final = float(np.exp(-1.0 / _PREMIUM_MINUTES))
_RANGE_MINUTES: Final = 15
_USUAL_MINUTES: Final = 7 * _DAY_MINUTES
_FIELDS: Final = 12
STRETCH: Final = 4096
"""Minutes that are derived at once."""
_KEPT: Final = 3
"""Stretches that are kept."""


@dataclass(frozen=True, slots=True)
class RecordedColumns:
    """One asset's bars, oldest first; `open_ms` strictly rising, `step_ms` the length of a bar (whole minutes).

    Prices in USD, `volume` in base units.
    """

    open_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    step_ms: int = _MINUTE_MS


class RecordedTrack:
    """One asset's minutes with everything derived; `open_ms` strictly rising. Bars must be of one minute."""

    def __init__(self, columns: RecordedColumns) -> None:
        self.open_ms = columns.open_ms
        self._columns = columns
        count = len(columns.open_ms)
        self._volumes = _RecentMean(lambda begin, end: columns.volume[begin:end], count, _USUAL_MINUTES)
        self._ranges = _RecentMean(self._relative_ranges, count, _RANGE_MINUTES)
        self._averages = _averages(columns.close)
        self._made: dict[int, FloatArray] = {}

    def row(self, row: int) -> list[Any]:
        """All fields of `MinuteBar` after `open_ms` of one minute."""
        found: list[Any] = self._stretch(row // STRETCH)[row % STRETCH].tolist()
        return found

    def fields(self, first: int, until: int) -> FloatArray:
        """The same of the minutes from `first` to before `until`."""
        if until <= first:
            return np.empty((0, _FIELDS))
        parts = []
        for number in range(first // STRETCH, (until - 1) // STRETCH + 1):
            begin = number * STRETCH
            parts.append(self._stretch(number)[max(0, first - begin) : until - begin])
        return np.concatenate(parts)

    def _stretch(self, number: int) -> FloatArray:
        made = self._made.get(number)
        if made is None:
            while len(self._made) >= _KEPT:
                del self._made[next(iter(self._made))]
            made = self._made[number] = self._derived(number)
        return made

    def _relative_ranges(self, begin: int, end: int) -> FloatArray:
        whole, part = self._columns, slice(begin, end)
        ranges: FloatArray = (whole.high[part] - whole.low[part]) / whole.close[part]
        return ranges

    def _derived(self, number: int) -> FloatArray:
        begin, end = number * STRETCH, min((number + 1) * STRETCH, len(self.open_ms))
        whole, part = self._columns, slice(begin, end)
        open_, high, low, close = whole.open[part], whole.high[part], whole.low[part], whole.close[part]
        span = high - low
        place = np.divide(close - low, span, out=np.full_like(close, 0.5), where=span > 0)
        minute_base = self._volumes.of(begin, end)
        interest = 0.25 * _DAY_MINUTES * minute_base
        spread = (1.0 + 4.0 * 1000.0 * self._ranges.of(begin, end)).clip(1.0, 50.0)
        depth = 2.0 * minute_base * close * np.exp2(-(spread - 5.0).clip(0.0) / 10.0)
        move_pct = 100.0 * (close / open_ - 1.0)
        forced = 0.02 * interest * close
        fields = (
            open_,
            high,
            low,
            close,
            whole.volume[part],
            0.5 + 0.3 * (2.0 * place - 1.0),
            _premium(close, self._averages[number]),
            interest,
            spread,
            depth,
            forced * (-move_pct - 0.15).clip(0.0),
            forced * (move_pct - 0.15).clip(0.0),
        )
        return np.stack(fields, axis=1)


class _RecentMean:
    """Mean of the last `window` values, of fewer at the beginning: nothing from the future."""

    def __init__(self, values: Callable[[int, int], FloatArray], count: int, window: int) -> None:
        """`values`: those from a place to before another."""
        self._values = values
        self._window = window
        self._before = [0.0]
        for begin in range(0, count, STRETCH):
            self._before.append(float(self._totals(begin, min(begin + STRETCH, count))[-1]))

    def of(self, begin: int, end: int) -> FloatArray:
        """At every place from `begin` to before `end`."""
        ends = np.arange(begin + 1, end + 1)
        starts = np.maximum(0, ends - self._window)
        first = int(starts[0]) // STRETCH * STRETCH
        totals = self._totals(first, end)
        mean: FloatArray = (totals[ends - first] - totals[starts - first]) / (ends - starts)
        return mean

    def _totals(self, begin: int, end: int) -> FloatArray:
        """Sums of everything before each place from `begin`, where a stretch begins, to `end`."""
        totals: FloatArray = np.cumsum(np.concatenate(([self._before[begin // STRETCH]], self._values(begin, end))))
        return totals


def _averages(close: FloatArray) -> list[float]:
    """The slow average of closes before each stretch."""
    average, averages = float(close[0]), []
    for begin in range(0, len(close), STRETCH):
        averages.append(average)
        for price in close[begin : begin + STRETCH].tolist():
            average = _KEEP * average + (1.0 - _KEEP) * price
    return averages


def _premium(close: FloatArray, average: float) -> FloatArray:
    result = np.empty_like(close)
    for row, price in enumerate(close.tolist()):
        average = _KEEP * average + (1.0 - _KEEP) * price
        result[row] = price / average - 1.0
    premium: FloatArray = np.clip(result * 0.015, -0.001, 0.001)
    return premium
