"""Minutes of the last weeks and all hours of one asset as columns, and bars of any length made of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.scan import FloatArray

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
_KEEP_MINUTES: Final = 16 * 1440
_SPARE_MINUTES: Final = 4 * 1440
_ROOM_MINUTES: Final = _KEEP_MINUTES + _SPARE_MINUTES + 1440
"""What a table that is in use for long holds at once; it is made one time, and rows move within it."""

OPEN, HIGH, LOW, CLOSE, VOLUME, BUYS, PREMIUM, INTEREST, LONGS, SHORTS, MOOD, I_OPEN, I_HIGH, I_LOW = range(14)
"""Columns. Volume, buys, liquidations and open interest in USD; premium and mood are means over a bar."""
MINUTE_COLUMNS: Final = I_OPEN
_COLUMNS: Final = I_LOW + 1
_SUMS: Final = (VOLUME, BUYS, LONGS, SHORTS)
_MEANS: Final = (PREMIUM, MOOD)
_LASTS: Final = (CLOSE, INTEREST)


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of one length, oldest first: open times in ms and one row of `columns` per column number."""

    time_ms: NDArray[np.int64]
    columns: FloatArray

    def __len__(self) -> int:
        return len(self.time_ms)

    def __getitem__(self, column: int) -> FloatArray:
        values: FloatArray = self.columns[column]
        return values


class AssetTable:
    """One asset: minutes of the last weeks and every hour since the first. Times before the first have no rows."""

    def __init__(self) -> None:
        self.first_ms = 0
        self._minutes = np.empty((MINUTE_COLUMNS, _SPARE_MINUTES))
        self._first_minute = 0
        self._count = 0
        self._hours = np.empty((_COLUMNS, 512))
        self._hour_count = 0
        self.newest: FloatArray | None = None
        """The last minute as the market gave it."""
        self.nothing_before = 0
        """Number of the minute before which the market has been found to have nothing."""
        self.swelling = 0.0
        """How much open interest has grown by itself."""

    @property
    def end_minute(self) -> int:
        """Number of the first minute that is not known; 0 when none is."""
        return self._first_minute + self._count

    def forgot(self, minute: int) -> bool:
        """Whether this minute has been let go."""
        return self.first_ms // MINUTE_MS <= minute < self._first_minute

    def append(self, first_minute: int, rows: FloatArray) -> None:
        """Rows that follow without a gap."""
        if not self._count and not self._hour_count:
            skipped = -first_minute % 60
            first_minute, rows = first_minute + skipped, rows[:, skipped:]
            self._first_minute, self.first_ms = first_minute, first_minute * MINUTE_MS
        added = rows.shape[1]
        self._make_room(added)
        self._minutes[:, self._count : self._count + added] = rows
        self._count += added
        self._close_hours()
        self._forget()

    def minutes(self, until_minute: int, count: int) -> FloatArray:
        """The last `count` known minutes before `until_minute`; fewer when there are fewer."""
        end = min(self._count, max(0, until_minute - self._first_minute))
        return self._minutes[:, max(0, end - count) : end]

    def hours(self, until_hour: int, count: int) -> FloatArray:
        """The last `count` whole hours before `until_hour`; fewer when there are fewer."""
        end = min(self._hour_count, max(0, until_hour - self.first_ms // HOUR_MS))
        return self._hours[:, max(0, end - count) : end]

    def bars(self, step_ms: int, since_ms: int, until_ms: int) -> Bars:
        """Bars that open at or after `since_ms`, from minutes that closed by `until_ms`; the last may be unfinished."""
        since_ms, until_ms = max(since_ms, self.first_ms), min(until_ms, self.end_minute * MINUTE_MS)
        if until_ms <= since_ms or not self._count:
            return Bars(np.empty(0, dtype=np.int64), np.empty((_COLUMNS, 0)))
        times, rows = self._pieces(step_ms, since_ms, until_ms)
        shift_ms = 3 * DAY_MS if step_ms == 7 * DAY_MS else 0
        bucket = (times + shift_ms) // step_ms
        starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
        opens = bucket[starts] * step_ms - shift_ms
        folded = _folded(rows, starts)
        whole = opens >= since_ms
        return Bars(opens[whole], folded[:, whole])

    def _pieces(self, step_ms: int, since_ms: int, until_ms: int) -> tuple[NDArray[np.int64], FloatArray]:
        minute, until = since_ms // MINUTE_MS, until_ms // MINUTE_MS
        if step_ms % HOUR_MS:
            rows = _widened(self.minutes(until, until - minute))
            return _times(until - rows.shape[1], rows.shape[1], MINUTE_MS), rows
        until_hour = until // 60
        hours = self.hours(until_hour, until_hour - since_ms // HOUR_MS)
        times = _times(until_hour - hours.shape[1], hours.shape[1], HOUR_MS)
        if until % 60:
            rest = _folded(_widened(self.minutes(until, until % 60)), np.zeros(1, dtype=np.intp))
            hours = np.concatenate([hours, rest], axis=1)
            times = np.append(times, until_hour * HOUR_MS)
        return times, hours

    def _make_room(self, added: int) -> None:
        if self._count + added > self._minutes.shape[1]:
            # Written at once: memory that is only reserved would grow for weeks while rows fill it, as a leak does.
            wider = np.full((MINUTE_COLUMNS, max(_ROOM_MINUTES, self._count + added)), np.nan)
            wider[:, : self._count] = self._minutes[:, : self._count]
            self._minutes = wider

    def _close_hours(self) -> None:
        from_minute = self.first_ms // MINUTE_MS + self._hour_count * 60 - self._first_minute
        fresh = (self._count - from_minute) // 60
        if fresh <= 0:
            return
        rows = _widened(self._minutes[:, from_minute : from_minute + fresh * 60])
        if self._hour_count + fresh > self._hours.shape[1]:
            wider = np.empty((_COLUMNS, 2 * (self._hour_count + fresh)))
            wider[:, : self._hour_count] = self._hours[:, : self._hour_count]
            self._hours = wider
        self._hours[:, self._hour_count : self._hour_count + fresh] = _folded(rows, np.arange(0, fresh * 60, 60))
        self._hour_count += fresh

    def _forget(self) -> None:
        if self._count > _KEEP_MINUTES + _SPARE_MINUTES:
            gone = self._count - _KEEP_MINUTES
            self._minutes[:, :_KEEP_MINUTES] = self._minutes[:, gone : self._count].copy()
            self._first_minute += gone
            self._count -= gone


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values, of fewer at the beginning."""
    total = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    mean: FloatArray = (total[ends] - total[starts]) / (ends - starts)
    return mean


def _times(first: int, count: int, step_ms: int) -> NDArray[np.int64]:
    return (first + np.arange(count, dtype=np.int64)) * step_ms


def _widened(minutes: FloatArray) -> FloatArray:
    """Minutes as bars: open interest is known at their end alone."""
    return np.concatenate([minutes, minutes[[INTEREST, INTEREST, INTEREST]]])


def _folded(rows: FloatArray, starts: NDArray[np.intp]) -> FloatArray:
    """Bars of bars."""
    ends = np.append(starts[1:], rows.shape[1]) - 1
    result = np.empty((_COLUMNS, len(starts)))
    result[OPEN], result[I_OPEN] = rows[OPEN, starts], rows[I_OPEN, starts]
    for column in (HIGH, I_HIGH):
        result[column] = np.maximum.reduceat(rows[column], starts)
    for column in (LOW, I_LOW):
        result[column] = np.minimum.reduceat(rows[column], starts)
    for column in _SUMS:
        result[column] = np.add.reduceat(rows[column], starts)
    for column in _MEANS:
        result[column] = np.add.reduceat(rows[column], starts) / (ends - starts + 1)
    for column in _LASTS:
        result[column] = rows[column, ends]
    return result
