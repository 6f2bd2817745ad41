"""Tickers and books of a backtest's cycles from columns made half a day at a time.

They hold at the moment within a minute at which cycles look, while the book is as the market makes it; at any other
moment the venue itself is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from tradingbot.core.records import Ticker
from tradingbot.core.types import Symbol, utc_from_ms
from tradingbot.engine.params import EngineParams
from tradingbot.engine.seen_book import SeenBook
from tradingbot.market.contracts import ContractSpec
from tradingbot.market.snapshot import BookStats
from tradingbot.simulator.minute_columns import minute_columns
from tradingbot.simulator.shown_columns import ShownMinute, shown_minutes
from tradingbot.simulator.tape import MINUTE_MS
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.told import told
from tradingbot.venues.paper.venue import LIVE_DEPTH, InProcessVenue

AHEAD: Final = 720
"""Minutes that are made ready at once."""


@dataclass(slots=True)
class _Ready:
    """What is shown of one symbol in the minutes from `first_ms` to before `until_ms`."""

    first_ms: int = 0
    until_ms: int = 0
    shown: list[ShownMinute | None] = field(default_factory=list)
    told: tuple[int, ShownMinute] | None = None
    """What the ticker was just made of, and as of when: the book that is asked for next shows the same."""


class NearQuotes:
    """What tickers and books show at the cycles' moment of each minute; None wherever the venue has to be asked."""

    def __init__(
        self,
        sim: SimulatedVenue,
        venue: InProcessVenue,
        specs: Mapping[Symbol, ContractSpec],
        params: EngineParams,
    ) -> None:
        self._sim = sim
        self._venue = venue
        self._opened_ms = sim.now_ms // MINUTE_MS * MINUTE_MS
        """In that minute cycles look twice, and the day's figures are those of the first look."""
        self._offset_ms = round(params.cycle_offset_s * 1000) % MINUTE_MS
        self._names = {symbol: spec.venue_symbol for symbol, spec in specs.items() if self._has_begun(spec)}
        self._ready = {symbol: _Ready() for symbol in self._names}
        self._moment = 0, utc_from_ms(0)

    def _has_begun(self, spec: ContractSpec) -> bool:
        """The contract is of one unit, and its asset has a bar of the minute that the venue opened in."""
        one = self._sim.instruments[spec.venue_symbol]
        bars = self._sim.feed.history(one.asset, self._opened_ms + MINUTE_MS, 1)
        return spec.contract_size == 1 and bool(bars) and bars[-1].open_ms == self._opened_ms

    def ticker(self, symbol: Symbol) -> Ticker | None:
        """As `ShownMarket.ticker` would make it now."""
        one = self._shown(symbol)
        if one is None:
            return None
        market = self._sim.market(self._names[symbol])
        self._ready[symbol].told, moved_at = (self._sim.now_ms, one), self._utc(market.now_ms)
        return Ticker(
            symbol,
            moved_at,
            moved_at,
            Decimal(repr(one.mark)),
            Decimal(repr(one.index)),
            None if market.last is None else told(market.last.price),
            Decimal(repr(one.bid)),
            Decimal(repr(one.ask)),
            Decimal(repr(one.bid_size)),
            Decimal(repr(one.ask_size)),
            one.funding,
            one.funding_next,
            Decimal(repr(one.interest)),
            Decimal(repr(one.volume)),
            one.volume_usd,
            suspended=False,
            post_only=self._sim.state.post_only(),
        )

    def book(self, symbol: Symbol) -> SeenBook | None:
        """Statistics of the book that `ShownMarket.book` would show now; asked for in the moment of the ticker."""
        ready = self._ready.get(symbol)
        one = self._told(ready) if ready is not None else None
        if one is None:
            one = self._shown(symbol)
        if one is None:
            return None
        moved_at, bid, ask = self._utc(self._sim.market(self._names[symbol]).now_ms), one.bid, one.ask
        spread_pct = (ask - bid) / ((bid + ask) / 2) * 100
        return SeenBook(moved_at, BookStats(moved_at, bid, ask, spread_pct, one.bid_depth_usd, one.ask_depth_usd))

    def _told(self, ready: _Ready) -> ShownMinute | None:
        known, ready.told = ready.told, None
        return known[1] if known is not None and known[0] == self._sim.now_ms else None

    def _utc(self, at_ms: int) -> datetime:
        if self._moment[0] != at_ms:
            self._moment = at_ms, utc_from_ms(at_ms)
        return self._moment[1]

    def _shown(self, symbol: Symbol) -> ShownMinute | None:
        sim, one = self._sim, self._ready.get(symbol)
        self._venue.catch_up()
        now_ms = sim.now_ms
        minute_ms = now_ms // MINUTE_MS * MINUTE_MS
        if one is None or now_ms - minute_ms != self._offset_ms or sim.ended or not self._venue.is_plain(symbol):
            return None
        if minute_ms == self._opened_ms or sim.market(self._names[symbol]).extreme != sim.params.testnet_spreads:
            return None
        if not one.first_ms <= minute_ms < one.until_ms:
            self._make(symbol, one, minute_ms)
        return one.shown[(minute_ms - one.first_ms) // MINUTE_MS]

    def _make(self, symbol: Symbol, one: _Ready, minute_ms: int) -> None:
        instrument, params = self._sim.instruments[self._names[symbol]], self._sim.params
        minutes = minute_columns(self._sim.feed, instrument.asset, minute_ms, AHEAD)
        assert minutes is not None
        one.shown = shown_minutes(instrument, params, self._sim.feed, minutes, self._offset_ms, LIVE_DEPTH)
        one.first_ms, one.until_ms = minute_ms, minute_ms + AHEAD * MINUTE_MS
