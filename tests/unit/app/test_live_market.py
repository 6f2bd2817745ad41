"""A venue's public side as quotes: as old as its oldest part, every trade once, every candle once it is closed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal as D

import pytest

from tests.builders_sim import ManualClock
from tests.fakes import FakeVenue
from tests.support import BTC, ETH, NOW, a_spec, an_inverse_spec, candles_of
from tradingbot.app.live_market import LiveMarket, instrument_of
from tradingbot.clock import SteppedClock
from tradingbot.core.errors import VenueUnavailableError
from tradingbot.core.records import BookView, PublicTrade, Ticker
from tradingbot.core.types import Side, Symbol, epoch_ms
from tradingbot.market.contracts import MarginLevel

CONTRACTS = {"PF_ETHUSD": ETH, "PI_XBTUSD": BTC}
ASSETS = {ETH: "ETH", BTC: "BTC"}


class PublicVenue(FakeVenue):
    """A fake whose ticker and book can be held back."""

    held_ticker: Ticker | None = None
    held_book: BookView | None = None
    blind = False

    def live_ticker(self, symbol: Symbol) -> Ticker | None:
        return self.held_ticker or super().live_ticker(symbol)

    def live_book(self, symbol: Symbol) -> BookView | None:
        return None if self.blind else self.held_book or super().live_book(symbol)


def a_venue(clock: SteppedClock) -> PublicVenue:
    specs = {ETH: a_spec(ETH), BTC: an_inverse_spec()}
    venue = PublicVenue(clock, specs, {ETH: "2000", BTC: "50000"})
    venue.candle_sets = {ETH: candles_of([1999.0, 2000.0]), BTC: candles_of([50000.0], BTC)}
    return venue


async def a_market(clock: SteppedClock) -> tuple[LiveMarket, PublicVenue]:
    venue = a_venue(clock)
    market = LiveMarket(venue, clock, CONTRACTS, ASSETS, "https://venue.example/derivatives")
    await market.open()
    return market, venue


def a_trade(number: int) -> PublicTrade:
    return PublicTrade(ETH, NOW + timedelta(seconds=number), Side.BUY, D(number), D(2000), f"t{number}")


async def test_a_market_that_cannot_be_reached_is_named_with_the_remedy() -> None:
    clock = ManualClock(NOW)
    venue = a_venue(clock)
    venue.down = True
    market = LiveMarket(venue, clock, CONTRACTS, ASSETS, "https://venue.example/derivatives")
    with pytest.raises(VenueUnavailableError, match=r"venue\.example/derivatives .*--source simulated"):
        await market.open()


async def test_there_are_quotes_and_a_past_before_the_stream_has_said_anything() -> None:
    market, venue = await a_market(ManualClock(NOW))
    venue.blind = True
    quote = market.quote("PF_ETHUSD")
    assert quote is not None
    assert (quote.mark, quote.asks[0][0]) == (D(2000), D("2000.2"))
    assert [bar.close for bar in market.history("ETH", epoch_ms(NOW), 10)] == [1999.0, 2000.0]
    assert [bar.volume_base for bar in market.history("BTC", epoch_ms(NOW), 10)] == [1 / 50000.0]


async def test_a_quote_is_as_old_as_its_older_part() -> None:
    clock = ManualClock(NOW)
    market, venue = await a_market(clock)
    venue.held_ticker = venue.live_ticker(ETH)
    await clock.advance(7)
    quote = market.quote("PF_ETHUSD")
    assert quote is not None
    assert quote.as_of_ms == epoch_ms(NOW)
    venue.held_ticker, venue.held_book = None, venue.live_book(ETH)
    await clock.advance(5)
    quote = market.quote("PF_ETHUSD")
    assert quote is not None
    assert quote.as_of_ms == epoch_ms(NOW) + 7_000


async def test_while_the_book_is_out_of_step_the_last_quote_grows_old() -> None:
    clock = ManualClock(NOW)
    market, venue = await a_market(clock)
    before = market.quote("PF_ETHUSD")
    venue.blind = True
    venue.prices[ETH] = D(1000)
    await clock.advance(60)
    assert market.quote("PF_ETHUSD") is before


async def test_every_trade_comes_once_and_in_its_order() -> None:
    market, venue = await a_market(ManualClock(NOW))
    venue.trades[ETH] = [a_trade(1), a_trade(2)]
    assert [entry.size for entry in market.new_prints("PF_ETHUSD")] == [1, 2]
    assert market.new_prints("PF_ETHUSD") == []
    venue.trades[ETH] = [a_trade(2), a_trade(3), a_trade(4)]
    assert [entry.size for entry in market.new_prints("PF_ETHUSD")] == [3, 4]


async def test_a_contract_is_played_with_the_specification_that_the_venue_states() -> None:
    spec = a_spec(tick_size=D("0.5"), size_step=D(1000), margin_levels=(MarginLevel(D(0), D("0.1"), D("0.05")),))
    found = instrument_of(spec)
    assert (found.tick, found.step, found.steps[0].initial) == (D("0.5"), D(1000), D("0.1"))
    assert instrument_of(replace(spec, margin_levels=())).steps[0].initial == D("0.02")


async def test_contracts_that_the_venue_does_not_list_are_left_out() -> None:
    clock = ManualClock(NOW)
    venue = a_venue(clock)
    del venue.specs[BTC]
    market = LiveMarket(venue, clock, CONTRACTS, ASSETS, "url")
    await market.open()
    assert tuple(market.assets) == ("ETH",)
    assert list(market.instruments(["PF_ETHUSD", "PI_XBTUSD"])) == ["PF_ETHUSD"]


async def test_closed_candles_are_asked_for_after_each_minute_and_come_once() -> None:
    clock = SteppedClock(NOW)
    market, venue = await a_market(clock)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(market.run())
        await clock.sleep(1)
        venue.down = True
        await clock.sleep(60)
        assert market.new_bars("PF_ETHUSD") == ()
        venue.down = False
        venue.candle_sets[ETH] = candles_of([2001.0], end=NOW + timedelta(minutes=1))
        await clock.sleep(60)
        assert [bar.close for bar in market.new_bars("PF_ETHUSD")][:1] == [2001.0]
        assert market.new_bars("PF_ETHUSD") == ()
        task.cancel()
