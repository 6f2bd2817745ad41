"""Recorded candles as a market: one-minute bars as they are, longer ones walked through minute by minute.

What a recording does not hold is derived by the rules of `recorded_track`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.simulator.market_feed import ROW_FIELDS, MinuteBar
from tradingbot.simulator.minute_bars import bar_of
from tradingbot.simulator.recorded_track import RecordedColumns, RecordedTrack

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_MINUTE_MS: Final = 60_000


class RecordedMarket:
    """Implements `MarketFeed` over a recording. A minute without a bar of an asset lacks that asset: a gap.

    `start_ms` is `warmup_minutes` after the moment from which every asset has bars (after the first bar of any when
    they never all overlap); less when what is left is short: at most half of it.
    `seed` fixes the path that bars longer than a minute are given. Raises ValueError for an empty recording.
    """

    def __init__(self, recording: Mapping[str, RecordedColumns], warmup_minutes: int = 1500, seed: int = 1) -> None:
        if not recording or not all(len(columns.open_ms) for columns in recording.values()):
            raise ValueError("a recorded market needs at least one bar of every asset")
        self._tracks = {asset: _track(asset, columns, seed) for asset, columns in recording.items()}
        first_ms = self._common_start_ms()
        self._end_ms = max(int(track.open_ms[-1]) for track in self._tracks.values()) + _MINUTE_MS
        half = (self._end_ms - first_ms) // 2 // _MINUTE_MS
        self._start_ms = first_ms + min(warmup_minutes, half) * _MINUTE_MS
        self._cursor = dict.fromkeys(self._tracks, 0)

    def _common_start_ms(self) -> int:
        firsts = [int(track.open_ms[0]) for track in self._tracks.values()]
        overlap = max(firsts) < min(int(track.open_ms[-1]) for track in self._tracks.values())
        return max(firsts) if overlap else min(firsts)

    @property
    def assets(self) -> Sequence[str]:
        """Canonical assets of the recording."""
        return tuple(self._tracks)

    @property
    def start_ms(self) -> int:
        """Open time of the first minute that is played live."""
        return self._start_ms

    @property
    def end_ms(self) -> int:
        """When the last bar closes."""
        return self._end_ms

    def minute(self, open_ms: int) -> Mapping[str, MinuteBar] | None:
        """Bars of the minute that opens at `open_ms`; None after the last bar of the recording."""
        if open_ms >= self._end_ms:
            return None
        bars: dict[str, MinuteBar] = {}
        for asset, track in self._tracks.items():
            row = self._row(asset, track, open_ms)
            if row < len(track.open_ms) and int(track.open_ms[row]) == open_ms:
                bars[asset] = bar_of(open_ms, track.row(row), "recorded")
        return bars

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        """Up to `count` bars that open before `until_ms`, oldest first. Raises ValueError for an unknown asset."""
        if asset not in self._tracks:
            raise ValueError(f"{asset} is not in this recording: {', '.join(self._tracks)}")
        track = self._tracks[asset]
        end = int(np.searchsorted(track.open_ms, until_ms))
        rows = slice(max(0, end - count), end)
        times = track.open_ms[rows].tolist()
        return [
            bar_of(open_ms, fields, "recorded")
            for open_ms, fields in zip(times, track.fields(rows.start, rows.stop).tolist(), strict=True)
        ]

    def table(self, asset: str, since_ms: int, until_ms: int) -> tuple[IntArray, FloatArray, Sequence[str]]:
        """Minutes that open in [since, until) as columns: open times, fields after `open_ms`, regimes."""
        track = self._tracks[asset]
        rows = slice(*np.searchsorted(track.open_ms, (since_ms, until_ms)).tolist())
        times = track.open_ms[rows]
        return times, track.fields(rows.start, rows.stop), ["recorded"] * len(times)

    def rows(self, asset: str, until_ms: int, count: int) -> FloatArray:
        """As `MarketFeed.rows`. Raises ValueError for an unknown asset."""
        if asset not in self._tracks:
            raise ValueError(f"{asset} is not in this recording: {', '.join(self._tracks)}")
        track = self._tracks[asset]
        end = int(np.searchsorted(track.open_ms, until_ms))
        part = slice(max(0, end - count), end)
        return np.column_stack(
            (track.open_ms[part].astype(np.float64), track.fields(part.start, part.stop)[:, ROW_FIELDS])
        )

    def _row(self, asset: str, track: RecordedTrack, open_ms: int) -> int:
        """The first row at or after a time; found at once when minutes are asked for in order."""
        row = self._cursor[asset]
        rows = len(track.open_ms)
        if row + 1 < rows and track.open_ms[row] < open_ms <= track.open_ms[row + 1]:
            row += 1
        elif not (row < rows and track.open_ms[row] == open_ms):
            row = int(np.searchsorted(track.open_ms, open_ms))
        self._cursor[asset] = min(row, rows - 1)
        return row


def _track(asset: str, columns: RecordedColumns, seed: int) -> RecordedTrack:
    minutes = columns.step_ms // _MINUTE_MS
    if minutes > 1:
        columns = expand(columns, np.random.default_rng([seed, *asset.encode()]))
    return RecordedTrack(columns)


def expand(columns: RecordedColumns, random: np.random.Generator) -> RecordedColumns:
    """Bars of several minutes as minutes that together have the same open, high, low, close and volume.

    The path is a bridge from open to close, folded back into low..high, with both extremes put where the path comes
    nearest to them; volume is spread with more of it where the path moves more.
    """
    count, minutes = len(columns.open_ms), columns.step_ms // _MINUTE_MS
    open_, high, low, close = (part[:, None] for part in (columns.open, columns.high, columns.low, columns.close))
    closes = _bridge(random, count, minutes, open_, high, low, close)
    opens = np.concatenate([open_, closes[:, :-1]], axis=1)
    wiggle = 0.15 * (high - low) / np.sqrt(minutes)
    highs = np.minimum(high, np.maximum(opens, closes) + wiggle * random.random((count, minutes)))
    lows = np.maximum(low, np.minimum(opens, closes) - wiggle * random.random((count, minutes)))
    rows = np.arange(count)
    highs[rows, highs.argmax(axis=1)] = columns.high
    lows[rows, lows.argmin(axis=1)] = columns.low
    weight = 0.3 + (highs - lows) / np.maximum(high - low, 1e-300) + 0.4 * random.random((count, minutes))
    volumes = columns.volume[:, None] * weight / weight.sum(axis=1, keepdims=True)
    times = columns.open_ms[:, None] + np.arange(minutes, dtype=np.int64) * _MINUTE_MS
    return RecordedColumns(
        times.reshape(-1),
        opens.reshape(-1),
        highs.reshape(-1),
        lows.reshape(-1),
        closes.reshape(-1),
        volumes.reshape(-1),
    )


def _bridge(
    random: np.random.Generator,
    count: int,
    minutes: int,
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
) -> FloatArray:
    share = np.arange(1, minutes + 1) / minutes
    walk = np.cumsum(random.standard_normal((count, minutes)), axis=1)
    bridge = (walk - share * walk[:, -1:]) * 0.45 * (high - low) / np.sqrt(minutes)
    path = open_ + (close - open_) * share + bridge
    span = np.maximum(high - low, 1e-300)
    folded = np.abs((path - low) % (2 * span) - span)
    inside: FloatArray = np.clip(high - folded, low, high)
    inside[:, -1] = close[:, 0]
    return inside
