"""Tickers and books from columns are those that the venue shows, cycle by cycle, bit by bit."""

from __future__ import annotations

from datetime import datetime

import pytest

from tests.unit.simulator.test_shortcuts import columns
from tradingbot.clock import SystemClock
from tradingbot.core.types import Side, Symbol, utc_from_ms
from tradingbot.engine.params import EngineParams
from tradingbot.engine.seen_book import SeenBook
from tradingbot.market.snapshot import book_stats
from tradingbot.market.universe import Universe, UniverseParams
from tradingbot.research.backtest import near_quotes
from tradingbot.research.backtest.near_quotes import NearQuotes
from tradingbot.simulator.market_feed import MarketFeed
from tradingbot.simulator.order_desk import NewOrder
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.recorded_market import RecordedMarket
from tradingbot.simulator.synthetic_market import DEFAULT_START_MS, SyntheticMarket
from tradingbot.simulator.venue import SimulatedVenue
from tradingbot.venues.paper.venue import InProcessVenue

CYCLES = 90
MADE = SyntheticMarket(7, start_ms=DEFAULT_START_MS + 25 * 60_000, volatility=4.0)


class Moment(SystemClock):
    """Stands where it is put."""

    at_ms = 0

    def now(self) -> datetime:
        return utc_from_ms(self.at_ms)

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


def recorded() -> RecordedMarket:
    """A wild market of three days with minutes missing."""
    return RecordedMarket({"BTC": columns(4, 4_000, 60_000.0), "ETH": columns(5, 4_000, 3_000.0)}, 1_700)


CASES: dict[str, tuple[MarketFeed, dict[str, object], float]] = {
    "made": (MADE, {}, 2.0),
    "made, slow market": (MADE, {"tick_interval_s": 60.0}, 0.0),
    "made, in the middle of a minute": (MADE, {"slippage_bps": 1.5}, 25.0),
    "made, extreme": (MADE, {"testnet_spreads": True}, 2.0),
    "recorded": (recorded(), {}, 2.0),
}


@pytest.mark.parametrize("case", CASES)
async def test_they_are_what_the_venue_shows(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_quotes, "AHEAD", 37)
    feed, settings, offset_s = CASES[case]
    opened_ms, clock = feed.start_ms, Moment()
    clock.at_ms = opened_ms
    sim = SimulatedVenue(SimulatorParams.model_validate({"seed": 5, "history_days": 2, **settings}), feed, opened_ms)
    venue = InProcessVenue(sim, Universe(UniverseParams()), clock, tape=False)
    specs = await venue.contract_specs()
    engine = EngineParams(cycle_offset_s=offset_s, cycle_deadline_s=31.0)
    quotes, known, bought = NearQuotes(sim, venue, specs, engine), 0, Symbol("ETHUSDT")
    for minute in range(CYCLES):
        clock.at_ms = opened_ms + minute * 60_000 + round(offset_s * 1000)
        for symbol, spec in specs.items():
            ticker, book = quotes.ticker(symbol), quotes.book(symbol)
            assert (ticker is None) == (book is None) == (minute == 0)
            if ticker is not None:
                view = venue.live_book(symbol)
                assert view is not None
                assert repr(ticker) == repr(venue.live_ticker(symbol))
                assert repr(book) == repr(SeenBook(view.received_at, book_stats(view, spec)))
                known += 1
        if minute == CYCLES // 2:
            # Whether it trades or is refused: the command moves the contract to this moment, between two ticks.
            sim.send(NewOrder(specs[bought].venue_symbol, Side.BUY, "mkt", specs[bought].min_size * 900))
            filled = bool(sim.state.fresh.fills)
            assert filled != sim.params.testnet_spreads
            moved = round(offset_s * 1000) % round(sim.params.tick_interval_s * 1000) != 0
            assert (quotes.ticker(bought) is None) == (filled or moved)
    assert known == (CYCLES - 1) * len(specs) >= 2 * (CYCLES - 1)
