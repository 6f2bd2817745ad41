"""Smaller promises of the venue: listing, latency, edits that fail, prices between ticks, bars and budgets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

import numpy as np
import pytest

from tests.builders_sim import MINUTE_MS, START_MS, SineFeed, make_venue
from tradingbot.core.types import Side
from tradingbot.simulator.bars import BarStore
from tradingbot.simulator.instruments import CATALOGUE, listed
from tradingbot.simulator.market_feed import MinuteBar, rows_of
from tradingbot.simulator.order_desk import Change, NewOrder
from tradingbot.simulator.price_path import minute_path
from tradingbot.simulator.rate_limits import Budget
from tradingbot.simulator.tape import minute_tape

XBT = "PF_XBTUSD"


def test_contracts_without_a_market_are_not_listed_and_unknown_ones_are_an_error() -> None:
    assert set(listed((XBT, "PF_DOGEUSD"), frozenset({"BTC"}))) == {XBT}
    with pytest.raises(ValueError, match="PF_NOPE"):
        listed(("PF_NOPE",), frozenset({"BTC"}))


def test_specifications_of_the_real_contracts() -> None:
    xbt, inverse, pepe = CATALOGUE[XBT], CATALOGUE["PI_XBTUSD"], CATALOGUE["PF_PEPEUSD"]
    assert (xbt.tick, xbt.step, xbt.max_position) == (D(1), D("0.0001"), D(1200))
    assert (inverse.tick, inverse.step, inverse.wallet, inverse.currency) == (D("0.5"), D(1), "fi_xbtusd", "XBT")
    assert (pepe.tick, pepe.step) == (D("1e-10"), D(1000))
    for one in CATALOGUE.values():
        thresholds = [step.threshold_usd for step in one.steps]
        assert thresholds[0] == 0
        assert thresholds == sorted(thresholds)
        assert all(step.maintenance < step.initial for step in one.steps)


def test_latency_stays_in_its_range_and_repeats_with_the_seed() -> None:
    def drawn(seed: int) -> list[int]:
        venue = make_venue(seed=seed, latency_min_ms=50, latency_max_ms=500)
        return [venue.next_latency_ms() for _ in range(200)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert min(drawn(1)) >= 50
    assert max(drawn(1)) <= 500
    assert max(drawn(1)) - min(drawn(1)) > 300


def test_an_edit_that_is_refused_leaves_the_order_as_it_was() -> None:
    venue = make_venue()
    placed = venue.send(NewOrder(XBT, Side.BUY, "lmt", D("0.01"), limit_price=D(59000)))
    assert placed.order is not None
    known = len(venue.state.fresh.events)
    outcome = venue.edit(placed.order.uid, Change(limit_price=D("59000.5")))
    assert outcome.status == "invalidPrice"
    assert venue.account.orders[placed.order.uid] == placed.order
    assert len(venue.state.fresh.events) == known


def test_quantity_modes_of_an_edit() -> None:
    venue = make_venue(starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    price, available = venue.market(XBT).available(Side.SELL)[0]
    placed = venue.send(NewOrder(XBT, Side.BUY, "lmt", available + 1, limit_price=price))
    assert placed.order is not None
    relative = venue.edit(placed.order.uid, Change(size=D("0.5")))
    assert relative.order is not None
    assert relative.order.open == D("0.5")
    absolute = venue.edit(placed.order.uid, Change(size=available + D("0.2"), absolute=True))
    assert absolute.order is not None
    assert (absolute.order.open, absolute.order.filled) == (D("0.2"), available)


def test_orders_meet_the_price_of_their_own_moment_not_of_the_last_tick() -> None:
    feed = SineFeed(amplitude=0.2)
    at_tick, later = make_venue(feed), make_venue(feed)
    later.advance(START_MS + 9_000)
    first = at_tick.send(NewOrder(XBT, Side.BUY, "mkt", D("0.01")))
    second = later.send(NewOrder(XBT, Side.BUY, "mkt", D("0.01")))
    assert first.events[0].fill is not None
    assert second.events[0].fill is not None
    assert first.events[0].fill.price != second.events[0].fill.price


def test_what_was_taken_stays_taken_until_the_next_tick() -> None:
    venue = make_venue(SineFeed(amplitude=0.0, premium=0.0), starting_equity_usd=10_000_000, traded_contracts=(XBT,))
    levels = venue.market(XBT).available(Side.SELL)
    venue.send(NewOrder(XBT, Side.BUY, "mkt", levels[0][1] + levels[1][1]))
    venue.advance(START_MS + 5_000)
    second = venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.01")))
    assert second.events[0].fill is not None
    assert second.events[0].fill.price > levels[0][0]


def test_a_fired_stop_without_a_position_left_is_dropped_with_its_reason() -> None:
    venue = make_venue(SineFeed(moves={2: 0.97}))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.02")))
    venue.send(NewOrder(XBT, Side.SELL, "stp", D("0.02"), stop_price=D(59000), signal="mark", reduce_only=True))
    venue.send(NewOrder(XBT, Side.SELL, "mkt", D("0.02")))
    venue.advance(START_MS + 6 * MINUTE_MS)
    assert not venue.account.orders
    assert venue.state.fresh.events[-1].reason == "WOULD_NOT_REDUCE_POSITION"
    assert venue.account.size(XBT) == 0


@pytest.mark.parametrize("signal", ["mark", "index", "last"])
def test_stops_fire_on_each_signal(signal: str) -> None:
    venue = make_venue(SineFeed(moves={2: 0.97}))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.02")))
    stop = NewOrder(XBT, Side.SELL, "stp", D("0.02"), stop_price=D(59500), signal=signal, reduce_only=True)
    assert venue.send(stop).status == "placed"
    venue.advance(START_MS + 6 * MINUTE_MS)
    assert venue.account.size(XBT) == 0


def test_a_stop_with_a_limit_may_rest_unfilled() -> None:
    venue = make_venue(SineFeed(moves={2: 0.97}))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.02")))
    stop = NewOrder(XBT, Side.SELL, "stp", D("0.02"), limit_price=D(60400), stop_price=D(59500), signal="mark",
                    reduce_only=True)  # fmt: skip
    placed = venue.send(stop)
    venue.advance(START_MS + 6 * MINUTE_MS)
    assert placed.order is not None
    child = venue.account.orders[placed.order.uid]
    assert not child.is_trigger
    assert venue.account.size(XBT) == D("0.02")
    assert [e.reason for e in venue.state.fresh.events][-2:] == ["stop_order_triggered", "limit_order_from_stop"]


def test_liquidations_of_the_bar_show_on_the_tape() -> None:
    bar = MinuteBar(0, 100.0, 101.0, 99.0, 100.0, 5_000.0, 0.5, long_liquidations_usd=100_000.0)
    prints = minute_tape(CATALOGUE["PF_SOLUSD"], bar, minute_path(bar, 1, "SOL"), 0.0, 40, 1)
    forced = [entry for entry in prints if entry.kind == "liquidation"]
    assert {entry.side for entry in forced} == {Side.SELL}
    assert sum(float(entry.size * entry.price) for entry in forced) >= 100_000


class CountingFeed(SineFeed):
    """Notes what was asked for."""

    asked = 0

    def rows(self, asset: str, until_ms: int, count: int) -> np.ndarray:
        return rows_of(self.history(asset, until_ms, count))

    def history(self, asset: str, until_ms: int, count: int) -> list[MinuteBar]:  # type: ignore[override]
        self.asked += count
        return list(super().history(asset, until_ms, count))


def test_candles_are_built_from_history_and_live_minutes_without_asking_twice() -> None:
    feed = CountingFeed()
    store = BarStore(feed, START_MS, history_days=10)
    for number in range(10):
        minute = feed.minute(START_MS + number * MINUTE_MS)
        assert minute is not None
        store.add(minute)
    candles = store.candles("BTC", 5 * MINUTE_MS, START_MS - 60 * MINUTE_MS, START_MS + 9 * MINUTE_MS)
    assert [candle.open_ms for candle in candles] == [START_MS + k * 5 * MINUTE_MS for k in range(-12, 2)]
    bars = [feed._bar("BTC", number) for number in range(5)]
    assert candles[12].high == max(bar.high for bar in bars)
    assert candles[12].volume_base == pytest.approx(sum(bar.volume_base for bar in bars))
    asked = feed.asked
    store.candles("BTC", MINUTE_MS, START_MS - 600 * MINUTE_MS, START_MS)
    assert feed.asked == asked
    rows = store.minutes("BTC", START_MS - 5_000 * MINUTE_MS)
    assert len(rows) == 5_010
    assert np.all(np.diff(rows[:, 0]) == MINUTE_MS)


def test_minutes_that_are_too_old_to_be_shown_are_let_go() -> None:
    """A venue that runs for years holds as many minutes as one that runs for days."""
    feed = CountingFeed()
    store = BarStore(feed, START_MS, history_days=1)
    for number in range(6 * 1_440):
        store.add({"BTC": feed._bar("BTC", number)})
    newest_ms = START_MS + (6 * 1_440 - 1) * MINUTE_MS
    assert len(store._rows["BTC"].view()) <= 2 * 1_440 + 1
    rows = store.minutes("BTC", 0)
    assert rows[-1, 0] == newest_ms
    assert newest_ms - 2 * 86_400_000 <= rows[0, 0] <= newest_ms - 86_400_000
    assert feed.asked == 0
    candles = store.candles("BTC", 60 * MINUTE_MS, newest_ms - 5 * 60 * MINUTE_MS, newest_ms)
    assert len(candles) == 5


def test_a_budget_refills_evenly_and_never_beyond_its_size() -> None:
    budget = Budget(100, 10.0)
    assert budget.spend(100, 0)
    assert not budget.spend(1, 0)
    assert budget.wait_s(50) == pytest.approx(5.0)
    assert budget.spend(50, 5_000)
    assert not budget.spend(101, 1_000_000)
    assert budget.spend(100, 1_000_000)


class RisingPremium(SineFeed):
    """A premium of 8 bps in the first live hour, none before."""

    def _bar(self, asset: str, number: int) -> MinuteBar:
        return replace(super()._bar(asset, number), premium=0.0008 if 0 <= number < 60 else 0.0)


def test_the_predicted_rate_of_an_hour_becomes_the_rate_of_the_next() -> None:
    venue = make_venue(RisingPremium())
    assert venue.market(XBT).funding.relative == 0.0
    venue.advance(START_MS + 59 * MINUTE_MS)
    predicted = venue.market(XBT).funding.relative_next
    assert predicted == pytest.approx(0.0001)
    venue.advance(START_MS + 60 * MINUTE_MS)
    assert venue.market(XBT).funding.relative == predicted
    venue.advance(START_MS + 120 * MINUTE_MS)
    assert venue.market(XBT).funding.relative == 0.0


def test_a_stop_waits_while_markets_are_post_only_and_fires_after() -> None:
    venue = make_venue(SineFeed(moves={2: 0.97}))
    venue.send(NewOrder(XBT, Side.BUY, "mkt", D("0.02")))
    venue.send(NewOrder(XBT, Side.SELL, "stp", D("0.02"), stop_price=D(59500), signal="mark", reduce_only=True))
    venue.state.post_only_until_ms = START_MS + 6 * MINUTE_MS
    venue.advance(START_MS + 5 * MINUTE_MS)
    assert len(venue.account.orders) == 1
    venue.advance(START_MS + 7 * MINUTE_MS)
    assert not venue.account.orders
    assert venue.account.size(XBT) == 0
