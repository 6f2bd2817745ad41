"""The collector of a backtest: the same snapshots, from columns that lie ready, without questions over a wire.

Candles and the features that follow from them are made half a day at a time, each from nothing but the bars up to it;
the functions that make them are proven equal to those of the daemon, bar by bar; so is this collector to its parent.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import numpy as np

from tradingbot.core.records import Ticker
from tradingbot.core.types import Symbol, Timeframe, epoch_ms
from tradingbot.engine.collect import MarketCollector
from tradingbot.engine.features import FeatureKeeper
from tradingbot.engine.seen_book import SeenBook
from tradingbot.market.candle_contract import HourShape, hour_shapes
from tradingbot.market.candles import Candles, empty_candles, part_of
from tradingbot.market.frame_features import FrameFeatures, FrameParams
from tradingbot.market.frame_series import frame_features_of
from tradingbot.market.minute_features import FeatureWindows, MinuteFeatures
from tradingbot.market.minute_series import minute_features_of
from tradingbot.market.snapshot import BookSamples
from tradingbot.research.backtest.near_frames import NearHigherFrames
from tradingbot.research.backtest.near_quotes import NearQuotes
from tradingbot.research.backtest.near_samples import NearSamples
from tradingbot.simulator.trade_candles import trade_numbers
from tradingbot.simulator.venue import SimulatedVenue

MINUTE_MS: Final = 60_000
AHEAD: Final = 720
"""Minutes that are made ready at once."""


@dataclass(slots=True)
class _Ready:
    """One symbol's stretch: candles, of which those from `first` on have features at the same places."""

    candles: Candles
    first: int
    minutes: list[MinuteFeatures]
    frames: list[FrameFeatures | None]
    hours: list[HourShape]
    row: int = -1
    """The newest candle that is known now."""


class ReadyMarket:
    """Candles and minute features of all symbols, a stretch at a time."""

    def __init__(
        self,
        sim: SimulatedVenue,
        names: Mapping[Symbol, str],
        windows: FeatureWindows,
        frames: FrameParams,
        kept: int,
    ) -> None:
        """`names`: the venue's name of each symbol. `kept`: how many candles a snapshot holds."""
        self._sim = sim
        self._names = names
        self._windows = windows
        self._frames = frames
        self._kept = kept
        self._until_ms = 0
        self._oldest_ms = 0
        """What a daemon that began in the same moment would have asked for first: nothing older is ever known."""
        self._known: dict[Symbol, _Ready] = {}

    def reach(self, now_ms: int) -> None:
        """Make what closed up to now ready, and a stretch beyond it."""
        closed_ms = now_ms // MINUTE_MS * MINUTE_MS
        if not self._oldest_ms:
            self._oldest_ms = -(-now_ms // MINUTE_MS) * MINUTE_MS - (self._kept + 1) * MINUTE_MS
        if closed_ms > self._until_ms:
            self._make(closed_ms)
        for one in self._known.values():
            times = one.candles.open_ms
            row = one.row
            while row + 1 < len(times) and times[row + 1] + MINUTE_MS <= closed_ms:
                row += 1
            one.row = row

    def candles(self, symbol: Symbol) -> Candles:
        """The newest closed candles."""
        one = self._known[symbol]
        return part_of(one.candles, slice(max(0, one.row + 1 - self._kept), one.row + 1))

    def minute(self, symbol: Symbol) -> MinuteFeatures | None:
        """Features at the newest closed candle."""
        one = self._known[symbol]
        place = one.row - one.first
        return one.minutes[place] if 0 <= place < len(one.minutes) else None

    def frame(self, symbol: Symbol) -> FrameFeatures | None:
        """Indicators of the one-minute candles."""
        one = self._known[symbol]
        place = one.row - one.first
        return one.frames[place] if 0 <= place < len(one.frames) else None

    def hour(self, symbol: Symbol) -> HourShape | None:
        """Shape of the hour up to the newest closed candle."""
        one = self._known[symbol]
        place = one.row - one.first
        return one.hours[place] if 0 <= place < len(one.hours) else None

    def _make(self, closed_ms: int) -> None:
        self._until_ms = closed_ms + AHEAD * MINUTE_MS
        charts = {symbol: self._chart(symbol, name) for symbol, name in self._names.items()}
        leader = charts.get(Symbol(self._windows.leader))
        for symbol, chart in charts.items():
            # The newest that has closed by now is read by this very cycle.
            first = max(0, int(np.searchsorted(chart.open_ms, closed_ms - MINUTE_MS, side="right")) - 1)
            bars = range(first, len(chart))
            ahead = None if symbol == self._windows.leader or leader is None else leader
            known = bool(len(chart))
            self._known[symbol] = _Ready(
                chart,
                first,
                minute_features_of(chart, ahead, self._windows, bars, self._kept) if known else [],
                frame_features_of(chart, self._frames, bars) if known else [],
                hour_shapes(chart, bars) if known else [],
                first - 1,
            )

    def _chart(self, symbol: Symbol, name: str) -> Candles:
        """As many candles as are kept, and those that are made ready; where minutes are missing they reach further."""
        one = self._sim.instruments[name]
        rows = self._sim.feed.rows(one.asset, self._until_ms, self._kept + 2 + AHEAD)
        rows = rows[rows[:, 0] >= self._oldest_ms]
        if not len(rows):
            return empty_candles(symbol, Timeframe.M1)
        return Candles(symbol, Timeframe.M1, rows[:, 0].astype(np.int64), *trade_numbers(one, rows))


class NearFeatures(FeatureKeeper):
    """Takes the features of minutes from where they lie ready; those of longer bars are made when a bar has closed."""

    def __init__(
        self, windows: FeatureWindows, frames: FrameParams, symbols: Iterable[Symbol], ready: ReadyMarket
    ) -> None:
        super().__init__(windows, frames, symbols)
        self._ready = ready
        self._longer: dict[Symbol, tuple[Sequence[Candles], Mapping[Timeframe, FrameFeatures]]] = {}

    def minute(self, symbol: Symbol, minutes: Mapping[Symbol, Candles]) -> MinuteFeatures | None:  # noqa: ARG002
        """One-minute features of a symbol."""
        return self._ready.minute(symbol)

    def frames(self, symbol: Symbol, series: Iterable[Candles]) -> Mapping[Timeframe, FrameFeatures]:
        """Features of every timeframe that has enough bars."""
        higher = [one for one in series if one.timeframe is not Timeframe.M1]
        known = self._longer.get(symbol)
        if known is None or not all(map(operator.is_, higher, known[0])):
            known = self._longer[symbol] = (higher, super().frames(symbol, higher))
        longer = known[1]
        own = self._ready.frame(symbol)
        return longer if own is None else {Timeframe.M1: own, **longer}


@dataclass(slots=True)
class NearCollector(MarketCollector):
    """Collects from a venue of this process: nothing can fail, nothing has to be waited for."""

    ready: ReadyMarket = field(kw_only=True)
    sampled: NearSamples | None = field(kw_only=True)
    """None where books are sampled as the daemon does it."""
    quotes: NearQuotes = field(kw_only=True)
    higher: NearHigherFrames = field(kw_only=True)

    def __post_init__(self) -> None:
        # Not `super()`: a dataclass with slots is another class than the one that this stands in.
        MarketCollector.__post_init__(self)
        self._higher = self.higher

    async def _refresh_minutes(self) -> bool:
        self.ready.reach(epoch_ms(self.clock.now()))
        for symbol, track in self._tracks.items():
            track.candles = self.ready.candles(symbol)
        return True

    def _samples(self, symbol: Symbol, now: datetime) -> BookSamples:
        if self.sampled is None:
            return MarketCollector._samples(self, symbol, now)
        samples = self.sampled.newest(symbol)
        self.sampled.note_flow(symbol, samples, now)
        return samples

    def _live_ticker(self, symbol: Symbol) -> Ticker | None:
        return self.quotes.ticker(symbol) or self.venue.live_ticker(symbol)

    def _seen_book(self, symbol: Symbol) -> SeenBook | None:
        return self.quotes.book(symbol) or MarketCollector._seen_book(self, symbol)

    def _hour_shape(self, symbol: Symbol) -> HourShape | None:
        return self.ready.hour(symbol)
