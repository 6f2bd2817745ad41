"""Candles of 5 m to 1 d: the venue's own where it has them, else built from one-minute candles (SPEC 3.1).

Where both exist they are compared: a bar that its own minutes contradict is replaced by the built one, and said.
Each series is asked for once when it is missing and then whenever a bar of it has closed, a few series a cycle, so that
a start is not delayed and the rate limit keeps its room for orders.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from tradingbot.core.errors import VenueError
from tradingbot.core.types import Symbol, Timeframe, epoch_ms, utc_from_ms
from tradingbot.engine.budget import within
from tradingbot.engine.params import EngineParams
from tradingbot.market.candles import Candles, disagreeing, empty_candles, resample, union, without
from tradingbot.ports import Clock, Venue

log = structlog.get_logger(__name__)

FRAMES: Final = tuple(frame for frame in Timeframe if frame is not Timeframe.M1)
DISAGREEMENT: Final = 0.002
"""Prices of a bar that the venue's minutes contradict by more than this fraction are not believed."""
SETTLE_MS: Final = 3_000
"""A bar is asked for this long after it has closed."""


class HigherFrames:
    """All higher series of all symbols. `of` gives what is known, complete bars only, oldest first."""

    def __init__(self, venue: Venue, clock: Clock, params: EngineParams, symbols: Iterable[Symbol]) -> None:
        self._venue = venue
        self._clock = clock
        self._params = params
        self._series: dict[tuple[Symbol, Timeframe], Candles] = {
            (symbol, frame): empty_candles(symbol, frame) for symbol in symbols for frame in FRAMES
        }
        self._asked_ms: dict[tuple[Symbol, Timeframe], int] = {}
        self._failing: set[Symbol] = set()
        self._disagreeing: set[tuple[Symbol, Timeframe]] = set()

    def of(self, symbol: Symbol) -> Mapping[Timeframe, Candles]:
        """Every higher series of a symbol."""
        return {frame: self._series[symbol, frame] for frame in FRAMES}

    async def refresh(self, minutes: Mapping[Symbol, Candles]) -> None:
        """Bring the most overdue series up to now; what the venue does not give is built from `minutes`."""
        now = self._clock.now()
        settled_ms = epoch_ms(now) - SETTLE_MS
        due = sorted((key for key in self._series if self._is_due(key, settled_ms)), key=self._overdue)
        async with asyncio.TaskGroup() as group:
            for symbol, frame in due[: self._params.higher_series_per_cycle]:
                group.create_task(self._refresh_one(symbol, frame, minutes[symbol], now), name=f"{frame}-{symbol}")

    def _is_due(self, key: tuple[Symbol, Timeframe], settled_ms: int) -> bool:
        """A bar has closed that was not asked for yet."""
        return self._asked_ms.get(key, 0) < settled_ms // key[1].ms * key[1].ms

    def _overdue(self, key: tuple[Symbol, Timeframe]) -> tuple[int, int]:
        """Never asked for first, then the one that was asked for longest ago in its own bars."""
        return self._asked_ms.get(key, 0), key[1].ms

    async def _refresh_one(self, symbol: Symbol, frame: Timeframe, minutes: Candles, now: datetime) -> None:
        series = self._series[symbol, frame]
        last_ms = series.last_close_ms
        wanted = timedelta(seconds=frame.seconds * (self._params.higher_candle_count + 1))
        since = now - wanted if last_ms is None else max(now - wanted, utc_from_ms(last_ms))
        try:
            question = self._venue.candles(symbol, frame, since, now)
            fresh = await within(self._clock, self._params.read_budget_s, f"{frame} candles", question)
            self._failing.discard(symbol)
        except VenueError as error:
            if symbol not in self._failing:
                log.warning("higher_candles.failed", symbol=symbol, timeframe=frame.value, error=str(error))
            self._failing.add(symbol)
            fresh = empty_candles(symbol, frame)
        else:
            self._asked_ms[symbol, frame] = epoch_ms(now) - SETTLE_MS
        built = resample(minutes, frame)
        known = union(self._trusted(fresh, built), union(series, built))
        self._series[symbol, frame] = known.tail(self._params.higher_candle_count)

    def _trusted(self, fresh: Candles, built: Candles) -> Candles:
        """The venue's bars without those that its own minutes contradict; said when it begins and when it ends."""
        wrong = disagreeing(fresh, built, DISAGREEMENT)
        key = fresh.symbol, fresh.timeframe
        if len(wrong) and key not in self._disagreeing:
            names = {"symbol": fresh.symbol, "timeframe": fresh.timeframe.value}
            log.warning("higher_candles.disagree", **names, bars=len(wrong), first=str(utc_from_ms(int(wrong[0]))))
            self._disagreeing.add(key)
        elif len(fresh) and not len(wrong):
            self._disagreeing.discard(key)
        return without(fresh, wrong) if len(wrong) else fresh
