"""Candles as columns of floats, oldest first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Symbol, Timeframe

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candles:
    """Closed candles of one symbol; `open_ms` strictly rising UTC epoch milliseconds of each bar's open.

    `volume` is in contracts. The still-open bar is never in here.
    """

    symbol: Symbol
    timeframe: Timeframe
    open_ms: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return int(self.open_ms.shape[0])

    @property
    def last_close_ms(self) -> int | None:
        """When the newest bar closed, or None without bars."""
        return int(self.open_ms[-1]) + self.timeframe.ms if len(self) else None

    def tail(self, count: int) -> Candles:
        """The newest `count` bars."""
        if len(self) <= count:
            return self
        return self._slice(slice(len(self) - count, None))

    def until(self, moment_ms: int) -> Candles:
        """Only bars that had closed at `moment_ms`."""
        newest_ms = moment_ms - self.timeframe.ms
        if not len(self) or self.open_ms[-1] <= newest_ms:
            return self
        end = int(self.open_ms.searchsorted(newest_ms, side="right"))
        return self._slice(slice(0, end))

    def _slice(self, part: slice) -> Candles:
        return Candles(
            self.symbol,
            self.timeframe,
            self.open_ms[part],
            self.open[part],
            self.high[part],
            self.low[part],
            self.close[part],
            self.volume[part],
        )


def part_of(candles: Candles, rows: slice) -> Candles:
    """Some of the bars; their columns are views."""
    return candles._slice(rows)


def empty_candles(symbol: Symbol, timeframe: Timeframe) -> Candles:
    """No bars yet."""
    none = np.empty(0, dtype=np.float64)
    return Candles(symbol, timeframe, np.empty(0, dtype=np.int64), none, none, none, none, none)


def candles_from_rows(
    symbol: Symbol, timeframe: Timeframe, rows: list[tuple[int, float, float, float, float, float]]
) -> Candles:
    """Candles of (open_ms, open, high, low, close, volume) rows, oldest first."""
    if not rows:
        return empty_candles(symbol, timeframe)
    times = np.array([row[0] for row in rows], dtype=np.int64)
    columns = np.array([row[1:] for row in rows], dtype=np.float64).T
    opens, highs, lows, closes, volumes = (np.ascontiguousarray(column) for column in columns)
    return Candles(symbol, timeframe, times, opens, highs, lows, closes, volumes)


def join(older: Candles, newer: Candles) -> Candles:
    """Both series as one; where they overlap, `newer` wins."""
    if not len(newer):
        return older
    keep = older.until(int(newer.open_ms[0]) + older.timeframe.ms - 1) if len(older) else older
    keep = keep._slice(slice(0, int(np.searchsorted(keep.open_ms, newer.open_ms[0]))))
    return Candles(
        older.symbol,
        older.timeframe,
        np.concatenate([keep.open_ms, newer.open_ms]),
        np.concatenate([keep.open, newer.open]),
        np.concatenate([keep.high, newer.high]),
        np.concatenate([keep.low, newer.low]),
        np.concatenate([keep.close, newer.close]),
        np.concatenate([keep.volume, newer.volume]),
    )


def union(primary: Candles, secondary: Candles) -> Candles:
    """Every bar that either has, oldest first; where both have one, `primary` wins."""
    times = np.concatenate([primary.open_ms, secondary.open_ms])
    _, first = np.unique(times, return_index=True)
    columns = ("open_ms", "open", "high", "low", "close", "volume")
    merged = (np.concatenate([getattr(primary, name), getattr(secondary, name)])[first] for name in columns)
    return Candles(primary.symbol, primary.timeframe, *merged)


def disagreeing(one: Candles, other: Candles, tolerance: float) -> IntArray:
    """Open times of bars that both have and whose prices differ by more than this fraction of the close."""
    _, mine, theirs = np.intersect1d(one.open_ms, other.open_ms, assume_unique=True, return_indices=True)
    limit = tolerance * other.close[theirs]
    far = np.zeros(mine.shape[0], dtype=bool)
    for name in ("open", "high", "low", "close"):
        far |= ~(np.abs(getattr(one, name)[mine] - getattr(other, name)[theirs]) <= limit)
    return one.open_ms[mine[far]]


def without(candles: Candles, open_ms: IntArray) -> Candles:
    """The candles but for those that open at these times."""
    keep = ~np.isin(candles.open_ms, open_ms)
    columns = ("open_ms", "open", "high", "low", "close", "volume")
    return Candles(candles.symbol, candles.timeframe, *(getattr(candles, name)[keep] for name in columns))


def resample(candles: Candles, timeframe: Timeframe) -> Candles:
    """Higher candles built from lower ones, complete bars only (SPEC 3.1)."""
    if not len(candles):
        return empty_candles(candles.symbol, timeframe)
    ratio = timeframe.ms // candles.timeframe.ms
    bucket = candles.open_ms // timeframe.ms
    starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
    counts = np.diff(np.concatenate((starts, [len(candles)])))
    whole = counts == ratio
    ends = starts + counts - 1
    return Candles(
        candles.symbol,
        timeframe,
        (bucket[starts] * timeframe.ms)[whole],
        candles.open[starts][whole],
        np.maximum.reduceat(candles.high, starts)[whole],
        np.minimum.reduceat(candles.low, starts)[whole],
        candles.close[ends][whole],
        np.add.reduceat(candles.volume, starts)[whole],
    )
