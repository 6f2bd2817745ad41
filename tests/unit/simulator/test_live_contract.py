"""A venue on a real market's quotes fills at what that market shows, remembers what it took, and stops when blind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import numpy as np
import pytest

from tests.builders_sim import MINUTE_MS, START_MS
from tradingbot.core.types import Side
from tradingbot.simulator.instruments import CATALOGUE, Instrument
from tradingbot.simulator.live_quotes import LiveQuote, PastFunding, StandingQuotes
from tradingbot.simulator.market_feed import MinuteBar, rows_of
from tradingbot.simulator.order_desk import Change, NewOrder, Outcome
from tradingbot.simulator.params import SimulatorParams
from tradingbot.simulator.tape import Print
from tradingbot.simulator.venue import SimulatedVenue

ETH = "PF_ETHUSD"
XBT = "PI_XBTUSD"
BIDS = ((D("2999.9"), D(2)), (D("2999.5"), D(10)))
ASKS = ((D("3000.1"), D(2)), (D("3000.5"), D(10)))


class FakeQuotes(StandingQuotes):
    """A real market that shows what the test says."""

    def __init__(self) -> None:
        super().__init__({})
        self.now = LiveQuote(START_MS, BIDS, ASKS, index=D("2999.8"), mark=D(3000), funding=0.0001)
        self.prints: list[Print] = []
        self.bars: list[MinuteBar] = []
        self.rates: tuple[PastFunding, ...] = ()

    def instruments(self, symbols: Sequence[str]) -> Mapping[str, Instrument]:
        return {symbol: CATALOGUE[symbol] for symbol in symbols}

    def rows(self, asset: str, until_ms: int, count: int) -> np.ndarray:
        return rows_of(self.history(asset, until_ms, count))

    def history(self, asset: str, until_ms: int, count: int) -> Sequence[MinuteBar]:
        return [MinuteBar(until_ms - MINUTE_MS, 2990.0, 2996.0, 2989.0, 2995.0, 7.0)]

    def quote(self, symbol: str) -> LiveQuote | None:
        return self.now

    def new_prints(self, symbol: str) -> Sequence[Print]:
        taken, self.prints = self.prints, []
        return taken

    def new_bars(self, symbol: str) -> Sequence[MinuteBar]:
        taken, self.bars = self.bars, []
        return taken

    def past_funding(self, symbol: str) -> Sequence[PastFunding]:
        return self.rates

    def show(self, as_of_ms: int, **changes: Any) -> None:
        """The next quote."""
        self.now = replace(self.now, as_of_ms=as_of_ms, **changes)


class Paper:
    """A venue on fake quotes and the seconds that have passed since it opened."""

    def __init__(self, symbol: str = ETH, **settings: object) -> None:
        self.quotes = FakeQuotes()
        self.symbol = symbol
        base = {"contracts": (symbol,), "tick_interval_s": 1.0, "latency_min_ms": 0, "latency_max_ms": 0}
        self.venue = SimulatedVenue(
            SimulatorParams.model_validate({**base, **settings}), self.quotes, START_MS, quotes=self.quotes
        )

    def at(self, seconds: float, **changes: Any) -> None:
        """The market shows this now, and time moves on to it."""
        moment = START_MS + round(seconds * 1000)
        self.quotes.show(moment, **changes)
        self.venue.advance(moment)

    def trade(self, seconds: float, side: str, price: str, size: str) -> None:
        """A public trade."""
        self.quotes.prints.append(Print(START_MS + round(seconds * 1000), Side(side), D(price), D(size)))

    def send(self, kind: str, side: str, size: str, **extra: Any) -> Outcome:
        """An order of ours."""
        return self.venue.send(NewOrder(self.symbol, Side(side), kind, D(size), **extra))

    @property
    def size(self) -> D:
        """The position."""
        return self.venue.account.size(self.symbol)


def fills(outcome: Outcome) -> list[tuple[D, D]]:
    return [(event.fill.price, event.fill.size) for event in outcome.events if event.fill]


def test_a_taker_pays_the_real_levels_in_their_order() -> None:
    assert fills(Paper().send("mkt", "buy", "5")) == [(D("3000.1"), D(2)), (D("3000.5"), D(3))]


def test_what_was_taken_stays_taken_until_the_real_level_changes() -> None:
    paper = Paper()
    paper.send("mkt", "buy", "3")
    paper.at(2)
    assert paper.venue.market(ETH).available(Side.SELL) == [(D("3000.5"), D(9))]
    paper.at(3, asks=(ASKS[0], (D("3000.5"), D(8))))
    assert paper.venue.market(ETH).available(Side.SELL) == [(D("3000.5"), D(8))]
    paper.at(4, asks=((D("3000.5"), D(8)),))
    paper.at(5, asks=ASKS)
    assert paper.venue.market(ETH).available(Side.SELL) == list(ASKS)


def test_a_market_order_finds_no_more_than_the_book_shows() -> None:
    outcome = Paper(starting_equity_usd=1_000_000).send("mkt", "buy", "20")
    assert sum(size for _, size in fills(outcome)) == D(12)


def test_a_resting_order_waits_for_its_queue_and_then_fills_by_traded_volume() -> None:
    paper = Paper()
    paper.send("lmt", "buy", "3", limit_price=D("2999.9"))
    paper.trade(1.5, "sell", "2999.9", "1.5")
    paper.at(2)
    assert paper.size == 0
    paper.trade(2.5, "sell", "2999.9", "2.5")
    paper.at(3)
    assert paper.size == D(2)  # 2 rested before us, 4 have traded
    paper.trade(3.5, "sell", "2999.5", "9")
    paper.at(4)
    assert paper.size == D(3)
    assert [fill.fill_type for fill in paper.venue.state.fresh.fills] == ["maker", "maker"]


def test_trades_of_before_the_order_or_of_before_the_start_fill_nothing() -> None:
    paper = Paper()
    paper.at(5)
    paper.send("lmt", "buy", "1", limit_price=D("2999.7"))
    paper.trade(4.9, "sell", "2999.0", "50")
    paper.trade(-3, "sell", "2990.0", "50")
    paper.at(6)
    assert paper.size == 0
    assert [float(entry.price) for entry in paper.venue.market(ETH).tape] == [2990.0, 2999.0]


def test_a_resting_order_is_filled_at_its_price_when_the_real_book_crosses_it() -> None:
    paper = Paper()
    paper.send("lmt", "buy", "3", limit_price=D("2999.7"))
    paper.at(1, bids=((D("2999.2"), D(1)),), asks=((D("2999.6"), D(2)), (D("3000.5"), D(5))))
    assert [(fill.price, fill.size) for fill in paper.venue.state.fresh.fills] == [(D("2999.7"), D(2))]
    paper.at(2)
    assert paper.size == D(2)  # the same two are not sold to us twice


@pytest.mark.parametrize("signal", ["mark", "index", "last"])
def test_a_stop_fires_on_the_real_price_it_watches_and_sells_into_the_real_book(signal: str) -> None:
    paper = Paper()
    paper.send("mkt", "buy", "1")
    paper.send("stp", "sell", "1", stop_price=D(2980), signal=signal, reduce_only=True)
    low = {"bids": ((D(2975), D(4)),), "asks": ((D(2976), D(4)),)}
    if signal == "last":
        paper.trade(0.9, "sell", "2979", "0.1")
        paper.at(1, **low)
    else:
        paper.at(1, **{signal: D(2979)}, **low)
    assert paper.size == 0
    assert paper.venue.state.fresh.fills[-1].price == D(2975)


def test_without_fresh_quotes_orders_are_refused_and_nothing_fires_until_the_market_is_back() -> None:
    paper = Paper(live_max_age_s=10)
    paper.send("mkt", "buy", "1")
    resting = paper.send("stp", "sell", "1", stop_price=D(2980), signal="mark", reduce_only=True)
    paper.venue.advance(START_MS + 10_000)
    assert paper.venue.market(ETH).alive
    paper.venue.advance(START_MS + 11_000)
    assert not paper.venue.market(ETH).alive
    assert paper.send("mkt", "buy", "1").status == "marketSuspended"
    assert paper.send("mkt", "sell", "1", reduce_only=True).status == "marketSuspended"
    assert resting.order is not None
    assert paper.venue.edit(resting.order.uid, Change(stop_price=D(2990))).status == "marketSuspended"
    paper.quotes.show(START_MS, mark=D(2900))
    paper.venue.advance(START_MS + 30_000)
    assert paper.size == 1
    paper.at(31, mark=D(2970), bids=((D(2969), D(4)),))
    assert paper.size == 0
    assert paper.venue.state.fresh.fills[-1].price == D(2969)


def test_a_market_seen_again_between_two_ticks_takes_orders_at_once() -> None:
    paper = Paper(live_max_age_s=5)
    paper.venue.advance(START_MS + 9_000)
    paper.quotes.show(START_MS + 9_100)
    paper.venue.advance(START_MS + 9_200)
    assert paper.send("mkt", "buy", "1").status == "placed"


def test_a_suspended_contract_takes_no_orders_and_a_post_only_one_no_takers() -> None:
    paper = Paper()
    paper.at(1, suspended=True)
    assert paper.send("mkt", "buy", "1").status == "marketSuspended"
    paper.at(2, suspended=False, post_only=True)
    assert paper.send("mkt", "buy", "1").status == "marketIsPostOnly"
    assert paper.send("post", "buy", "1", limit_price=D("2999.5")).status == "placed"


def test_an_account_is_not_liquidated_on_a_price_that_is_no_longer_seen() -> None:
    paper = Paper(live_max_age_s=5)
    for _ in range(3):
        paper.send("mkt", "buy", "12")
        paper.at(1, asks=((D("3000.1"), D(12)),))
    assert paper.size > 20
    paper.quotes.show(START_MS - 60_000, mark=D(2000), index=D(2000), bids=((D(1999), D(100)),))
    paper.venue.advance(START_MS + 60_000)
    assert paper.size > 20
    paper.at(61)
    assert paper.size < 20
    assert paper.venue.state.fresh.fills[-1].fill_type == "assignor"


def test_funding_follows_the_real_rate_and_what_accrued_is_booked_at_the_old_one() -> None:
    paper = Paper()
    paper.send("mkt", "buy", "1")
    paper.at(1800, funding=-0.0002)
    booked = [row.realized_funding for row in paper.venue.state.fresh.log if row.realized_funding]
    assert booked == [D("-0.14999000")]  # half an hour of 0.0001 at an index of 2999.8
    assert paper.venue.market(ETH).funding.relative == -0.0002
    paper.at(1801, index=D(4000))
    assert [row.realized_funding for row in paper.venue.state.fresh.log if row.realized_funding] == booked


def test_a_minute_is_what_trades_told_until_the_real_candle_replaces_it() -> None:
    paper = Paper()
    paper.trade(10, "buy", "3001", "1")
    paper.trade(20, "sell", "2998", "2")
    paper.at(30)
    running = paper.venue.market(ETH).played(START_MS + 30_000)
    assert (running.high, running.low, running.close, running.volume) == (3001.0, 2998.0, 2998.0, 3.0)
    paper.trade(50, "buy", "3002", "1")
    paper.at(60)
    closed = paper.venue.bars.candles("ETH", MINUTE_MS, START_MS, START_MS)[0]
    assert (closed.open, closed.high, closed.low, closed.close, closed.volume_base) == (3001, 3002, 2998, 3002, 4)
    paper.quotes.bars = [MinuteBar(START_MS, 3000.5, 3002.0, 2998.0, 3001.5, 6.0)]
    paper.at(61)
    official = paper.venue.bars.candles("ETH", MINUTE_MS, START_MS - MINUTE_MS, START_MS + MINUTE_MS)
    assert [(bar.open, bar.close, bar.volume_base) for bar in official] == [
        (2990.0, 2995.0, 7.0),
        (3000.5, 3001.5, 6.0),
        (3002.0, 3002.0, 0.0),
    ]


def test_a_minute_that_was_not_seen_has_no_candle_until_the_real_one_comes() -> None:
    paper = Paper(live_max_age_s=5)
    paper.trade(10, "buy", "3001", "1")
    paper.at(30)
    paper.venue.advance(START_MS + 3 * MINUTE_MS)
    assert paper.venue.bars.candles("ETH", MINUTE_MS, START_MS, START_MS + 3 * MINUTE_MS) == []
    paper.at(200)
    paper.quotes.bars = [MinuteBar(START_MS, 3000.5, 3002.0, 2998.0, 3001.5, 6.0)]
    paper.at(240)
    assert [bar.open_ms for bar in paper.venue.bars.candles("ETH", MINUTE_MS, START_MS, START_MS + 240_000)] == [
        START_MS,
        START_MS + 180_000,
        START_MS + 240_000,
    ]


def test_a_ticker_is_as_old_as_the_quote_behind_it() -> None:
    paper = Paper()
    paper.at(5)
    paper.venue.advance(START_MS + 12_000)
    assert paper.venue.market(ETH).alive
    assert paper.venue.market(ETH).seen_ms(START_MS + 12_000) == START_MS + 5_000


def test_an_inverse_contract_counts_its_volume_in_coins() -> None:
    paper = Paper(XBT)
    paper.trade(10, "buy", "50000", "100000")
    paper.at(30)
    assert paper.venue.market(XBT).bar.volume_base == pytest.approx(2.0)


def test_a_new_account_is_funded_in_wallets_whose_contract_has_a_price() -> None:
    quotes = StandingQuotes({ETH: (D(3000), D(3000)), XBT: (D(0), D(0))})
    params = SimulatorParams.model_validate({"contracts": (ETH, XBT), "traded_contracts": (ETH, XBT)})
    venue = SimulatedVenue(params, quotes, START_MS, quotes=quotes)
    assert venue.account.balances == {("flex", "USD"): D(10_000)}
