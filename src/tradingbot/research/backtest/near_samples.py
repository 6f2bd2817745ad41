"""Samples of books in a backtest: from columns made half a day at a time, and looked at one by one where it matters.

A book follows from the minute's bar and the moment alone while nothing of ours rests in it nor took from it. The
moments at which something may have are gone through one after the other, as the daemon's own sampling does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import gcd
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradingbot.core.types import Symbol, epoch_ms
from tradingbot.engine.params import EngineParams
from tradingbot.market.microstructure import OrderFlow, order_flow, order_flows
from tradingbot.market.snapshot import BookSamples, empty_samples
from tradingbot.ports import TouchSizes
from tradingbot.signals.params import OfiParams
from tradingbot.simulator.book_columns import touches_at
from tradingbot.simulator.minute_columns import minute_columns
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.venue import InProcessVenue

AHEAD: Final = 720
"""Minutes that are made ready at once."""


def can_be_near(params: EngineParams, begun_at: datetime) -> bool:
    """Whether sampling falls on whole milliseconds and never into the moment of a cycle, where order would matter."""
    every_ms, cycle_ms = round(params.book_sample_s * 1000), round(params.cycle_s * 1000)
    offset_ms = round(params.cycle_offset_s * 1000)
    exact = (every_ms / 1000, cycle_ms / 1000) == (params.book_sample_s, params.cycle_s)
    return exact and offset_ms % gcd(every_ms, cycle_ms) != 0 and epoch_ms(begun_at) % MINUTE_MS == 0


@dataclass(slots=True)
class _Columns:
    """One symbol's samples, past ones and those to come; `until_ms`: to before which moment they are made."""

    until_ms: int
    times_ms: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    quotes: NDArray[np.float64] = field(default_factory=lambda: np.empty((4, 0)))
    flows: dict[int, OrderFlow | None] = field(default_factory=dict)
    """Order flow at the moments of cycles to come, made of the columns as they were made."""
    looked_ms: int = 0
    """When the newest sample was taken that is not as it was made."""


class NearSamples:
    """The newest samples of every symbol's book, the first one `book_sample_s` after the beginning."""

    def __init__(
        self,
        sim: SimulatedVenue,
        venue: InProcessVenue,
        names: Mapping[Symbol, str],
        params: EngineParams,
        ofi: OfiParams,
    ) -> None:
        """`names`: the venue's name of each symbol. From now on the venue tells where it is going.

        `ofi`: windows of the order flow that will be asked for.
        """
        self._sim = sim
        self._venue = venue
        self._names = names
        self._every_ms = round(params.book_sample_s * 1000)
        self._kept = params.book_samples
        self._cycle_ms = round(params.cycle_offset_s * 1000) % MINUTE_MS
        self._ofi = ofi
        self._first_ms = self._next_ms = sim.now_ms + self._every_ms
        self._known = {symbol: _Columns(sim.now_ms) for symbol in names}
        venue.on_the_way = self.reach

    def newest(self, symbol: Symbol) -> BookSamples:
        """All that are kept up to now, oldest first, without copying."""
        one, reached_ms = self._known[symbol], self._next_ms - self._every_ms
        if reached_ms >= one.until_ms:
            self._make(symbol, reached_ms)
        end = int(one.times_ms.searchsorted(reached_ms, side="right"))
        if not end:
            return empty_samples()
        part = slice(max(0, end - self._kept), end)
        bid, bid_size, ask, ask_size = one.quotes[:, part]
        return BookSamples(one.times_ms[part], bid, bid_size, ask, ask_size)

    def note_flow(self, symbol: Symbol, samples: BookSamples, now: datetime) -> None:
        """Spare the reading to find the order flow of the newest samples, where it was made with many others."""
        one, now_ms, ofi = self._known[symbol], epoch_ms(now), self._ofi
        if now_ms in one.flows and one.looked_ms < now_ms - ofi.slow_window_s * 1000:
            order_flow.note(one.flows.pop(now_ms), samples, now, ofi.fast_window_s, ofi.slow_window_s)

    def reach(self, now_ms: int) -> None:
        """Take the samples up to now; the venue moves on with them as far as it matters."""
        sim = self._sim
        while self._next_ms <= now_ms:
            minute_ms = self._next_ms // MINUTE_MS * MINUTE_MS
            sim.advance(max(sim.now_ms, minute_ms))
            through_ms = min(now_ms, minute_ms + MINUTE_MS - 1)
            if sim.is_quiet(through_ms) and all(sim.is_as_made(name) for name in self._alive()):
                self._next_ms += ((through_ms - self._next_ms) // self._every_ms + 1) * self._every_ms
            else:
                sim.advance(self._next_ms)
                self._look(self._next_ms)
                self._next_ms += self._every_ms

    def _alive(self) -> Iterator[str]:
        return (name for name in self._names.values() if self._sim.market(name).alive)

    def _look(self, at_ms: int) -> None:
        for symbol in self._names:
            if self._sim.ended or not self._venue.is_plain(symbol):
                self._put(symbol, at_ms, self._venue.live_touch(symbol))

    def _put(self, symbol: Symbol, at_ms: int, touch: TouchSizes | None) -> None:
        """What was seen in place of what was made ahead; nobody was given a sample of this moment yet."""
        one = self._known[symbol]
        if at_ms >= one.until_ms:
            self._make(symbol, at_ms)
        one.looked_ms = at_ms
        row = int(one.times_ms.searchsorted(at_ms))
        made = row < len(one.times_ms) and int(one.times_ms[row]) == at_ms
        if touch is None:
            if made:
                one.times_ms, one.quotes = np.delete(one.times_ms, row), np.delete(one.quotes, row, axis=1)
        elif made:
            one.quotes[:, row] = touch
        else:
            one.times_ms, one.quotes = np.insert(one.times_ms, row, at_ms), np.insert(one.quotes, row, touch, axis=1)

    def _make(self, symbol: Symbol, at_ms: int) -> None:
        """Samples of all moments up to this one and a stretch beyond it; of the older ones those that are kept."""
        one = self._known[symbol]
        first_ms, until_ms = one.until_ms, at_ms // MINUTE_MS * MINUTE_MS + AHEAD * MINUTE_MS
        instrument = self._sim.instruments[self._names[symbol]]
        minutes = minute_columns(self._sim.feed, instrument.asset, first_ms, (until_ms - first_ms) // MINUTE_MS)
        one.until_ms = until_ms
        if minutes is None:
            return
        times = np.arange(self._sampled_from(minutes.first_ms), until_ms, self._every_ms, dtype=np.int64)
        made = touches_at(instrument, self._sim.params, minutes, times)
        one.times_ms = np.concatenate((one.times_ms[-self._kept :], times))
        one.quotes = np.concatenate((one.quotes[:, -self._kept :], made), axis=1)
        one.flows = self._flows(one, minutes.first_ms, until_ms)

    def _flows(self, one: _Columns, first_ms: int, until_ms: int) -> dict[int, OrderFlow | None]:
        """Where no sample is missing and all that a window needs is kept."""
        slow_ms, times = self._ofi.slow_window_s * 1000, one.times_ms
        moments = np.arange(first_ms + self._cycle_ms, until_ms, MINUTE_MS, dtype=np.int64)
        moments = moments[moments >= times[0] + slow_ms] if len(times) else moments[:0]
        enough = slow_ms // self._every_ms + 1 <= self._kept and self._ofi.fast_window_s * 1000 > 2 * self._every_ms
        if not len(moments) or not enough or bool(np.any(np.diff(times) != self._every_ms)):
            return {}
        bid, bid_size, ask, ask_size = one.quotes
        samples, ends = BookSamples(times, bid, bid_size, ask, ask_size), times.searchsorted(moments, side="right")
        flows = order_flows(samples, ends, moments, self._ofi.fast_window_s, self._ofi.slow_window_s)
        return dict(zip(moments.tolist(), flows, strict=True))

    def _sampled_from(self, moment_ms: int) -> int:
        """The first sampling at or after a moment."""
        return self._first_ms + max(0, -(-(moment_ms - self._first_ms) // self._every_ms)) * self._every_ms
