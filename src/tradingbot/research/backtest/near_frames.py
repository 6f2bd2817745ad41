"""Candles of 5 m to 1 d in a backtest: bars that will close are made ahead, and a series then only grows by a view.

What the daemon would come to is made ahead only where that is plain: every minute of the bar is there, and the venue's
bar agrees with its own minutes. At any other bar the daemon's own way is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.engine.higher_frames import DISAGREEMENT, FRAMES, SETTLE_MS, HigherFrames
from tradingbot.engine.params import EngineParams
from tradingbot.market.candles import Candles, disagreeing, join, part_of, resample
from tradingbot.ports import Clock, Venue
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.trade_candles import trade_numbers
from tradingbot.simulator.venue import SimulatedVenue

Rows = NDArray[np.float64]
"""As those of `MarketFeed.rows`."""
AHEAD: Final = 720
"""Minutes of which bars are made ready at once."""


@dataclass(slots=True)
class _Ahead:
    """A series with the bars that follow it; `row`: the newest that is known now."""

    chart: Candles
    row: int


class NearHigherFrames(HigherFrames):
    """The same series, without questions where the answer is known."""

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        params: EngineParams,
        symbols: Iterable[Symbol],
        sim: SimulatedVenue,
        names: Mapping[Symbol, str],
    ) -> None:
        super().__init__(venue, clock, params, symbols)
        self._sim = sim
        self._names = names
        self._ahead: dict[tuple[Symbol, Timeframe], _Ahead] = {}
        self._told: dict[Symbol, Mapping[Timeframe, Candles]] = {}
        self._due_ms = 0

    def of(self, symbol: Symbol) -> Mapping[Timeframe, Candles]:
        """Every higher series of a symbol; the same mapping while none has changed."""
        found = self._told.get(symbol)
        if found is None:
            found = self._told[symbol] = super().of(symbol)
        return found

    async def refresh(self, minutes: Mapping[Symbol, Candles]) -> None:
        """As the daemon, one series after the other: nobody waits for an answer."""
        now = self._clock.now()
        settled_ms = epoch_ms(now) - SETTLE_MS
        if settled_ms < self._due_ms:
            return
        due = sorted((key for key in self._series if self._is_due(key, settled_ms)), key=self._overdue)
        for symbol, frame in due[: self._params.higher_series_per_cycle]:
            if not self._grown(symbol, frame, now):
                await self._refresh_one(symbol, frame, minutes[symbol], now)
            self._told.pop(symbol, None)
        if len(due) <= self._params.higher_series_per_cycle:
            shortest_ms = min(frame.ms for frame in FRAMES)
            self._due_ms = settled_ms // shortest_ms * shortest_ms + shortest_ms

    def _grown(self, symbol: Symbol, frame: Timeframe, now: datetime) -> bool:
        """Whether the bars that closed since the last look were plain, and the series has them now."""
        key, series = (symbol, frame), self._series[symbol, frame]
        last_ms, now_ms = series.last_close_ms, epoch_ms(now)
        asked_from = now - timedelta(seconds=frame.seconds * (self._params.higher_candle_count + 1))
        closed = 0 if last_ms is None else (now_ms - last_ms) // frame.ms
        if last_ms is None or closed < 1 or last_ms < epoch_ms(asked_from):
            return False
        ahead = self._ahead.get(key)
        if ahead is None or ahead.row + closed >= len(ahead.chart) or _last_ms(ahead) != last_ms:
            ahead = self._ahead[key] = self._made(symbol, series)
        if ahead.row + closed >= len(ahead.chart):
            return False
        ahead.row += closed
        first = max(0, ahead.row + 1 - self._params.higher_candle_count)
        self._series[key] = part_of(ahead.chart, slice(first, ahead.row + 1))
        self._asked_ms[key] = now_ms - SETTLE_MS
        self._failing.discard(symbol)
        self._disagreeing.discard(key)
        return True

    def _made(self, symbol: Symbol, series: Candles) -> _Ahead:
        """The series with the plain bars that follow it, up to the first that is not."""
        begin_ms = series.last_close_ms
        assert begin_ms is not None
        row, frame = len(series) - 1, series.timeframe
        count = max(1, AHEAD * MINUTE_MS // frame.ms)
        one = self._sim.instruments[self._names[symbol]]
        rows = self._sim.feed.rows(one.asset, begin_ms + count * frame.ms, count * frame.ms // MINUTE_MS)
        bars, rows = _bars(rows[rows[:, 0] >= begin_ms], begin_ms, frame)
        if not len(bars):
            return _Ahead(series, row)
        fresh = Candles(symbol, frame, bars[:, 0].astype(np.int64), *trade_numbers(one, bars))
        minutes = Candles(symbol, Timeframe.M1, rows[:, 0].astype(np.int64), *trade_numbers(one, rows))
        wrong = disagreeing(fresh, resample(minutes, frame), DISAGREEMENT)
        plain = int(fresh.open_ms.searchsorted(wrong[0])) if len(wrong) else len(fresh)
        return _Ahead(join(series, part_of(fresh, slice(0, plain))), row)


def _last_ms(ahead: _Ahead) -> int:
    """When the newest bar that is known now closed, epoch milliseconds."""
    return int(ahead.chart.open_ms[ahead.row]) + ahead.chart.timeframe.ms


def _bars(rows: Rows, begin_ms: int, frame: Timeframe) -> tuple[Rows, Rows]:
    """Whole bars from `begin_ms` on, as `BarStore.candle_rows` has them, up to the first hole; and their minutes."""
    ratio = frame.ms // MINUTE_MS
    there = rows[:, 0] == begin_ms + MINUTE_MS * np.arange(len(rows))
    count = (len(rows) if bool(there.all()) else int(np.argmin(there))) // ratio
    rows = rows[: count * ratio]
    if not count:
        return rows, rows
    starts, ends = np.arange(count) * ratio, np.arange(count) * ratio + ratio - 1
    high, low = np.maximum.reduceat(rows[:, 2], starts), np.minimum.reduceat(rows[:, 3], starts)
    volume = np.add.reduceat(rows[:, 5], starts)
    bars = np.column_stack((rows[starts, 0], rows[starts, 1], high, low, rows[ends, 4], volume, rows[ends, 6]))
    return bars, rows
