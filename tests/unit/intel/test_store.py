"""The store: newer values replace older ones, histories grow, feeds judge themselves by what they live of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.intel.support import START
from tradingbot.core.errors import IntelUnavailableError
from tradingbot.core.types import Asset
from tradingbot.intel.health import HealthBoard
from tradingbot.intel.histories import BAR, Bar, HistoryKind
from tradingbot.intel.parse_onchain import BalanceChange, BalanceChart
from tradingbot.intel.store import IntelStore
from tradingbot.market.intelligence import FearGreed, Feed, Liquidations, LiquidationWindow, Stamp

BTC = Asset("BTC")


def stamp(hours_ago: float = 0.0, source: str = "coinglass") -> Stamp:
    at = START - timedelta(hours=hours_ago)
    return Stamp(at, at, source)


def test_new_bars_join_the_old_ones_and_the_oldest_go() -> None:
    store = IntelStore(keep_days=2)
    starts = [START - BAR * back for back in range(20, 0, -1)]
    store.put_history(HistoryKind.LONG_SHORT, BTC, [Bar(at, (0.5,)) for at in starts[:-1]], START - BAR, "")
    store.put_history(HistoryKind.LONG_SHORT, BTC, [Bar(starts[-1], (0.7,))], START, "")
    kept = store.history(HistoryKind.LONG_SHORT, BTC)
    assert [bar.start for bar in kept.bars] == starts[-12:]
    share = store.of(BTC).long_short
    assert share is not None
    assert share.long_share == 0.7


def test_a_bar_of_the_future_is_no_bar() -> None:
    store = IntelStore()
    bars = [Bar(START - BAR, (0.6,)), Bar(START + timedelta(days=9000), (0.1,))]
    store.put_history(HistoryKind.LONG_SHORT, BTC, bars, START, "")
    share = store.of(BTC).long_short
    assert share is not None
    assert share.long_share == 0.6


def test_a_window_that_is_not_told_stays() -> None:
    store = IntelStore()
    hour, day = (LiquidationWindow(stamp(), seconds, 1, 2) for seconds in (3600, 86_400))
    store.put_liquidation_window("1h", BTC, hour)
    store.put_liquidations(BTC, Liquidations(day=day))
    assert store.of(BTC).liquidations == Liquidations(hour=hour, day=day)


@pytest.mark.parametrize("chart_first", [True, False])
def test_a_flow_needs_the_change_and_the_price(chart_first: bool) -> None:
    store = IntelStore()
    halves = [BalanceChart(stamp(5), 100.0, 7.0), BalanceChange(stamp(), -3.0)]
    first, second = halves if chart_first else halves[::-1]
    store.put_balance(BTC, first)
    assert store.of(BTC).exchange_flow is None
    store.put_balance(BTC, second)
    flow = store.of(BTC).exchange_flow
    assert flow is not None
    assert (flow.net_inflow_usd, flow.typical_usd, flow.stamp) == (-300, 7, stamp())


@pytest.mark.parametrize(
    ("own_age_h", "free_age_h", "expected"),
    [
        (None, None, None),
        (None, 5, "free"),
        (5, None, "own"),
        (40, None, "own"),
        (25, 1, "own"),
        (27, 1, "free"),
        (27, 30, "own"),
    ],
)
def test_the_younger_mood_counts_once_the_own_one_is_old(
    own_age_h: float | None, free_age_h: float | None, expected: str | None
) -> None:
    store = IntelStore()
    store.fear_greed = FearGreed(stamp(own_age_h, "own"), 50) if own_age_h else None
    store.free_fear_greed = FearGreed(stamp(free_age_h, "free"), 50) if free_age_h else None
    best = store.best_fear_greed(START, 26)
    assert (best.stamp.source if best else None) == expected


def test_a_side_history_neither_excuses_nor_blames_its_feed() -> None:
    """Snapshots fail while the daily history works: the feed counts its failures, and the reverse."""
    board, error = HealthBoard(), IntelUnavailableError("down")
    board.failed(Feed.TAKER_FLOW, "TAKER:BTC:5m", START, error)
    board.succeeded(Feed.TAKER_FLOW, "TAKER_HISTORY:BTC:backfill", START, counts=False)
    board.failed(Feed.TAKER_FLOW, "TAKER:BTC:5m", START, error)
    health = board.snapshot({})[Feed.TAKER_FLOW]
    assert (health.errors_in_a_row, health.last_success_at) == (2, None)
    board.succeeded(Feed.TAKER_FLOW, "TAKER:BTC:5m", START)
    board.failed(Feed.TAKER_FLOW, "TAKER_HISTORY:BTC:backfill", START, error, counts=False)
    assert board.snapshot({})[Feed.TAKER_FLOW].errors_in_a_row == 0
