"""Past minutes of one asset as columns, kept as far back as somebody asked, and candles built from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.market_feed import MarketFeed, MinuteBar
from tradingbot.simulator.tape import MINUTE_MS

_DAY_MS = 86_400_000
_CHUNK = 2_880
_LARGEST_CHUNK = 20_160
_SPARE = 1_440
_COLUMNS = 7  # open_ms, open, high, low, close, volume_base, premium


@dataclass(frozen=True, slots=True)
class Candle:
    """One candle of the index; `premium` is the last minute's, `volume_base` the sum."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume_base: float
    premium: float


class BarStore:
    """All minutes of all assets that are needed, asked from the feed in chunks and never twice.

    What is older than `history_days` before the newest minute is neither shown nor kept.
    """

    def __init__(self, feed: MarketFeed, start_ms: int, history_days: int) -> None:
        self._feed = feed
        self._history_ms = history_days * _DAY_MS
        self._oldest_ms = start_ms - self._history_ms
        self._rows: dict[str, _Rows] = {}
        self._waiting: dict[str, list[MinuteBar]] = {}
        """Minutes that were played since somebody asked for the asset's rows."""
        self._start_ms = start_ms
        self._exhausted: set[str] = set()

    def add(self, minute: Mapping[str, MinuteBar]) -> None:
        """Note a minute that is being played; it is put to its rows when somebody asks for them."""
        for asset, bar in minute.items():
            waiting = self._waiting.setdefault(asset, [])
            waiting.append(bar)
            self._oldest_ms = max(self._oldest_ms, bar.open_ms - self._history_ms)
            if len(waiting) >= _SPARE:
                self._of(asset)

    def _append(self, rows: _Rows, bars: list[MinuteBar]) -> None:
        for bar in bars:
            view = rows.view()
            if not len(view) or view[-1, 0] < bar.open_ms:
                rows.append(_row(bar))
                self._forget(rows, bar.open_ms)

    def _forget(self, rows: _Rows, newest_ms: int) -> None:
        """Let go of what is too old to be shown, a day at a time."""
        self._oldest_ms = max(self._oldest_ms, newest_ms - self._history_ms)
        if rows.oldest_ms < self._oldest_ms - _DAY_MS:
            rows.cut(self._oldest_ms)

    def warm(self, days: int) -> None:
        """Read the last `days` of every asset, day by day: markets that are made day by day are then made once."""
        for day in range(1, days + 1):
            since_ms = self._start_ms - day * 86_400_000
            for asset in self._feed.assets:
                self._reach_back(asset, max(since_ms, self._oldest_ms), 1_440)

    def put(self, asset: str, bar: MinuteBar) -> None:
        """Note what a minute was, in place of what was thought of it before."""
        rows = self._of(asset)
        rows.put(_row(bar))
        self._forget(rows, bar.open_ms)

    def drop(self, asset: str, open_ms: int) -> None:
        """Forget the newest minute if it is this one: it was not seen to its end."""
        self._of(asset).drop(open_ms)

    def minutes(self, asset: str, since_ms: int) -> NDArray[np.float64]:
        """Rows (open_ms, open, high, low, close, volume_base, premium) from `since_ms` on, oldest first."""
        self._reach_back(asset, max(since_ms, self._oldest_ms))
        rows = self._of(asset).view()
        return rows[int(np.searchsorted(rows[:, 0], since_ms)) :]

    def has(self, asset: str, since_ms: int) -> bool:
        """Whether any known minute of an asset opens at or after a moment; asks the feed for nothing."""
        waiting = self._waiting.get(asset)
        if waiting and waiting[-1].open_ms >= since_ms:
            return True
        rows = self._of(asset).view()
        return bool(len(rows)) and bool(rows[-1, 0] >= since_ms)

    def candles(self, asset: str, resolution_ms: int, since_ms: int, until_ms: int) -> list[Candle]:
        """Candles that open in [since, until], the unfinished last one included."""
        rows = self.candle_rows(asset, resolution_ms, since_ms, until_ms)
        opens = rows[:, 0].astype(np.int64).tolist()
        return [Candle(at_ms, *values) for at_ms, values in zip(opens, rows[:, 1:].tolist(), strict=True)]

    def candle_rows(self, asset: str, resolution_ms: int, since_ms: int, until_ms: int) -> NDArray[np.float64]:
        """The same as rows like those of `minutes`."""
        first_ms = -(-since_ms // resolution_ms) * resolution_ms
        rows = self.minutes(asset, first_ms)
        rows = rows[: int(np.searchsorted(rows[:, 0], until_ms // resolution_ms * resolution_ms + resolution_ms))]
        if not len(rows):
            return np.empty((0, _COLUMNS))
        bucket = rows[:, 0] // resolution_ms
        starts = np.flatnonzero(np.concatenate(([True], bucket[1:] != bucket[:-1])))
        ends = np.concatenate((starts[1:], [len(rows)])) - 1
        high = np.maximum.reduceat(rows[:, 2], starts)
        low = np.minimum.reduceat(rows[:, 3], starts)
        volume = np.add.reduceat(rows[:, 5], starts)
        opens = bucket[starts] * resolution_ms
        return np.column_stack((opens, rows[starts, 1], high, low, rows[ends, 4], volume, rows[ends, 6]))

    def _reach_back(self, asset: str, since_ms: int, least: int = _CHUNK) -> None:
        while asset not in self._exhausted and since_ms < self._have_from(asset):
            until_ms = self._have_from(asset)
            count = min(_LARGEST_CHUNK, max(least, (until_ms - since_ms) // MINUTE_MS))
            rows = self._feed.rows(asset, until_ms, count)
            if len(rows) < count:
                self._exhausted.add(asset)
            if not len(rows):
                return
            self._of(asset).prepend(rows)

    def _have_from(self, asset: str) -> int:
        rows = self._of(asset).view()
        return min(self._start_ms, int(rows[0, 0])) if len(rows) else self._start_ms

    def _of(self, asset: str) -> _Rows:
        rows = self._rows.get(asset)
        if rows is None:
            rows = self._rows[asset] = _Rows()
        waiting = self._waiting.get(asset)
        if waiting:
            del self._waiting[asset]
            self._append(rows, waiting)
        return rows


class _Rows:
    """Rows that grow at both ends: cheaply at the end, by copying at the start."""

    def __init__(self) -> None:
        self._data = np.empty((_SPARE, _COLUMNS))
        self._count = 0

    def view(self) -> NDArray[np.float64]:
        """All rows, without copying."""
        return self._data[: self._count]

    @property
    def oldest_ms(self) -> float:
        """When the oldest row opens; only where there is one."""
        return float(self._data[0, 0])

    def cut(self, since_ms: int) -> None:
        """Forget the rows that open before a moment."""
        self._data = self.view()[int(np.searchsorted(self.view()[:, 0], since_ms)) :].copy()
        self._count = len(self._data)

    def append(self, row: tuple[float, ...]) -> None:
        """One newer row."""
        if self._count == len(self._data):
            self._data = np.concatenate((self._data, np.empty((max(_SPARE, self._count // 8), _COLUMNS))))
        self._data[self._count] = row
        self._count += 1

    def put(self, row: tuple[float, ...]) -> None:
        """One row at its place in time."""
        view = self.view()
        place = int(np.searchsorted(view[:, 0], row[0]))
        if place == len(view):
            self.append(row)
        elif view[place, 0] == row[0]:
            view[place] = row
        else:
            self._data = np.insert(view, place, row, axis=0)
            self._count += 1

    def drop(self, open_ms: int) -> None:
        """Take the newest row away if it is this minute's."""
        if self._count and self._data[self._count - 1, 0] == open_ms:
            self._count -= 1

    def prepend(self, rows: NDArray[np.float64]) -> None:
        """Older rows."""
        self._data = np.concatenate((rows, self._data))
        self._count += len(rows)


def _row(bar: MinuteBar) -> tuple[float, ...]:
    return (float(bar.open_ms), bar.open, bar.high, bar.low, bar.close, bar.volume_base, bar.premium)
