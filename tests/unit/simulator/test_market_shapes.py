"""Paths, tapes and books hold what the minute bar says."""

from __future__ import annotations

from decimal import Decimal as D
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders_sim import START_MS, SineFeed, make_venue
from tradingbot.core.types import Side
from tradingbot.simulator.instruments import CATALOGUE
from tradingbot.simulator.market_feed import MinuteBar
from tradingbot.simulator.price_path import minute_path
from tradingbot.simulator.rounding import on_step
from tradingbot.simulator.tape import minute_tape

prices = st.floats(0.5, 2.0)


@st.composite
def bars(draw: st.DrawFn) -> MinuteBar:
    first, last, up, down = draw(prices), draw(prices), draw(st.floats(0, 0.2)), draw(st.floats(0, 0.2))
    high, low = max(first, last) * (1 + up), min(first, last) * (1 - down)
    return MinuteBar(draw(st.integers(0, 10_000)) * 60_000, first, high, low, last, 1000.0, draw(st.floats(0, 1)))


@given(bars(), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_a_path_visits_open_high_low_and_close_and_never_leaves_the_bar(bar: MinuteBar, seed: int) -> None:
    path = minute_path(bar, seed, "BTC")
    assert path.at(0.0) == pytest.approx(bar.open)
    assert path.at(1.0) == pytest.approx(bar.close)
    low, high = path.extremes(0.0, 1.0)
    assert (low, high) == (pytest.approx(bar.low), pytest.approx(bar.high))
    assert all(right > left for (left, _), (right, _) in pairwise(path.points))
    assert path == minute_path(bar, seed, "BTC")


@given(bars())
@settings(max_examples=40, deadline=None)
def test_first_reach_is_the_first_moment_at_the_level(bar: MinuteBar) -> None:
    path = minute_path(bar, 1, "BTC")
    moment = path.first_reach(0.0, 1.0, bar.high, above=True)
    assert moment is not None
    assert path.at(moment) == pytest.approx(bar.high)
    assert path.first_reach(0.0, 1.0, bar.high * 1.01, above=True) is None


@given(bars(), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_the_tape_trades_the_bars_volume_with_its_share_of_buys(bar: MinuteBar, seed: int) -> None:
    instrument = CATALOGUE["PF_SOLUSD"]
    prints = minute_tape(instrument, bar, minute_path(bar, seed, "SOL"), 0.0, 40, seed)
    assert [entry.time_ms for entry in prints] == sorted(entry.time_ms for entry in prints)
    total = float(sum(entry.size for entry in prints))
    assert total <= 1000.0
    assert all(on_step(entry.price, instrument.tick) and on_step(entry.size, instrument.step) for entry in prints)
    bought = float(sum(entry.size for entry in prints if entry.side is Side.BUY))
    assert bought <= bar.buy_fraction * 1000 + 1e-6


def test_the_book_is_uncrossed_on_tick_and_as_deep_as_the_bar_says() -> None:
    venue = make_venue()
    for symbol in ("PF_XBTUSD", "PF_ETHUSD", "PF_SOLUSD", "PI_XBTUSD", "PF_PEPEUSD"):
        market = venue.market(symbol)
        instrument = market.instrument
        bids, asks = market.book.bids, market.book.asks
        assert bids[0][0] < asks[0][0]
        assert all(on_step(price, instrument.tick) and on_step(size, instrument.step) for price, size in bids + asks)
        assert [price for price, _ in bids] == sorted((price for price, _ in bids), reverse=True)
        assert [price for price, _ in asks] == sorted(price for price, _ in asks)
        near = [(price, size) for price, size in asks if price <= asks[0][0] * D("1.01")]
        depth = float(sum(instrument.notional_usd(size, price) for price, size in near))
        assert 0.5 * 2_000_000 < depth < 1.6 * 2_000_000


def test_extreme_spreads_are_as_wide_as_the_old_demo_venue() -> None:
    market = make_venue(testnet_spreads=True).market("PF_XBTUSD")
    assert market.book.bids[0][0] < market.mark * D("0.4")
    assert market.book.asks[0][0] > market.mark * D("1.5")


def test_mark_follows_index_with_a_smoothed_premium_within_one_percent() -> None:
    calm = make_venue(SineFeed(premium=0.0002)).market("PF_XBTUSD")
    assert float(calm.mark / calm.index) == pytest.approx(1.0002, rel=1e-6)
    wild = make_venue(SineFeed(premium=0.05)).market("PF_XBTUSD")
    assert float(wild.mark / wild.index) == pytest.approx(1.01, rel=1e-6)


def test_the_same_seed_gives_the_same_market_and_another_seed_another() -> None:
    def tape(seed: int, tick_interval_s: int) -> list[tuple[int, D, D]]:
        venue = make_venue(seed=seed, tick_interval_s=tick_interval_s)
        venue.advance(START_MS + 180_000)
        return [(entry.time_ms, entry.price, entry.size) for entry in venue.market("PF_ETHUSD").tape]

    assert tape(1, 10) == tape(1, 10)
    assert tape(1, 10) == tape(1, 3)
    assert tape(1, 10) != tape(2, 10)
