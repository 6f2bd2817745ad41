"""Derived figures: from snapshots while they are young, else from complete bars, else nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.intel.support import START
from tradingbot.intel.derived import bar_sums, change_pct, derive, funding_stats, funding_z, newest_long_short
from tradingbot.intel.histories import BAR, Bar
from tradingbot.market.intelligence import (
    FundingRates,
    FundingStats,
    Liquidations,
    LiquidationWindow,
    OpenInterest,
    Stamp,
)

FRESH = Stamp(START, START, "coinglass")
NEWEST = START - BAR - timedelta(minutes=10)
"""Start of the newest bar that has ended."""


def bars(*values: float, newest: int = 0) -> tuple[Bar, ...]:
    """Bars up to the newest ended one; `newest` bars further."""
    first = NEWEST + BAR * (newest - len(values) + 1)
    return tuple(Bar(first + BAR * place, (value, value / 2)) for place, value in enumerate(values))


def test_change_of_open_interest_over_bars() -> None:
    assert change_pct(bars(100, 110), 14_400, START) == pytest.approx(10)
    assert change_pct(bars(50, 1, 1, 1, 1, 1, 60), 86_400, START) == pytest.approx(20)


def test_no_change_without_the_bars_for_it() -> None:
    assert change_pct(bars(100, 110), 3600, START) is None
    assert change_pct(bars(100), 14_400, START) is None
    assert change_pct(bars(0, 110), 14_400, START) is None
    assert change_pct(bars(100, 110), 14_400, START + timedelta(hours=9)) is None
    assert change_pct((), 14_400, START) is None


def test_an_unfinished_bar_does_not_count() -> None:
    assert change_pct(bars(100, 110, 990, newest=1), 14_400, START) == pytest.approx(10)
    assert bar_sums(bars(3, 5, 100, newest=1), 14_400, START) == (5, 2.5)


def test_sums_need_every_bar_of_the_window() -> None:
    assert bar_sums(bars(1, 2, 3, 4, 5, 6, 7), 86_400, START) == (27, 13.5)
    assert bar_sums(bars(2, 3, 4, 5, 6), 86_400, START) is None
    holed = bars(1, 2, 3, 4, 5, 6, 7)
    assert bar_sums((*holed[:3], *holed[4:]), 86_400, START) is None
    assert bar_sums(holed, 3600, START) is None


def test_funding_z_is_in_standard_deviations() -> None:
    stats = FundingStats(FRESH, 0.0001, 0.00005, 30)
    assert funding_z(FundingRates(FRESH, 0.0002, 9), stats) == pytest.approx(2)
    assert funding_z(FundingRates(FRESH, 0.0002, 9), FundingStats(FRESH, 0.0001, 0.0, 30)) is None
    assert funding_z(None, stats) is None


def test_funding_stats_need_enough_ended_bars() -> None:
    assert funding_stats(bars(*[1.0] * 9), START, START) is None
    stats = funding_stats(bars(*[1.0, 3.0] * 5, 99.0, newest=1), START, START, "synthetic")
    assert stats is not None
    assert (stats.mean_8h, stats.std_8h, stats.count) == (2, 1, 10)
    assert stats.stamp == Stamp(NEWEST + BAR, START, "coinglass", "synthetic")


def test_the_newest_share_was_true_when_its_bar_ended_or_when_it_came() -> None:
    ended, running = (newest_long_short(bars(0.6, newest=later), START) for later in (0, 1))
    assert ended is not None
    assert running is not None
    assert ended.stamp.as_of == NEWEST + BAR
    assert running.stamp.as_of == START


def test_a_young_snapshot_goes_before_the_history_and_an_old_one_after() -> None:
    snapshot = OpenInterest(FRESH, 1e9, {"1h": 1.5, "4h": 2.5})
    window = LiquidationWindow(FRESH, 14_400, 70, 30)
    history = bars(100, 110), bars(8, 12)

    def at(hours: float) -> tuple[dict[str, float], dict[str, float]]:
        now = START + timedelta(hours=hours)
        figures = derive(now, snapshot, None, None, Liquidations(four_hours=window), *history)
        return figures.oi_delta_pct, figures.liquidation_long_usd

    assert at(0) == ({"1h": 1.5, "4h": 2.5}, {"4h": 70})
    assert at(2) == ({"4h": 2.5}, {"4h": 70})
    assert at(3.8) == ({"4h": 2.5}, {"4h": 70})
    later = START + timedelta(hours=4.5)
    old = Liquidations(four_hours=window)
    gone = derive(later, snapshot, None, None, old, *history)
    assert (gone.oi_delta_pct, gone.liquidation_long_usd) == ({}, {})
    newer = tuple(bars(100, 130, newest=1))
    figures = derive(later, snapshot, None, None, old, newer, newer)
    assert figures.oi_delta_pct == {"4h": pytest.approx(30)}
    assert figures.liquidation_long_usd == {"4h": 130}
    assert figures.liquidation_short_usd == {"4h": 65}
