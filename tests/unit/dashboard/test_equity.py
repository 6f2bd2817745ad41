"""Equity over time: bounded, thinned without hiding a fall, and its drawdown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tradingbot.dashboard.equity import HOURS_KEPT, MINUTES_KEPT, EquityPoint, EquitySeries, drawdown_pct, thinned

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


def a_series(minutes: int) -> EquitySeries:
    series = EquitySeries()
    for number in range(minutes):
        series.add(START + timedelta(minutes=number), 1000.0 + number)
    return series


def test_a_week_of_minutes_stays_and_hours_of_the_time_before() -> None:
    minutes = 20 * 1440
    points = a_series(minutes).points()
    assert len(points) == MINUTES_KEPT + (minutes - MINUTES_KEPT) // 60
    assert [one.at_s for one in points] == sorted({one.at_s for one in points})
    assert points[0].usd == 1000.0
    assert points[-1].usd == 1000.0 + minutes - 1
    assert HOURS_KEPT >= 24 * 365


def test_a_point_that_is_not_newer_is_left_out() -> None:
    series = a_series(3)
    series.add(START + timedelta(minutes=2), 5.0)
    series.add(START, 5.0)
    assert [one.usd for one in series.points()] == [1000.0, 1001.0, 1002.0]


def test_a_span_holds_both_its_ends() -> None:
    found = a_series(10).points(START + timedelta(minutes=2), START + timedelta(minutes=4))
    assert [one.usd for one in found] == [1002.0, 1003.0, 1004.0]


@pytest.mark.parametrize("count", [5, 100, 999, 10_000])
def test_thinning_keeps_the_deepest_and_the_highest_point(count: int) -> None:
    points = [EquityPoint(number, 100.0) for number in range(count)]
    points[count // 3] = EquityPoint(count // 3, 1.0)
    points[2 * count // 3] = EquityPoint(2 * count // 3, 500.0)
    found = thinned(points, 60)
    assert len(found) <= 62
    assert {1.0, 500.0} <= {one.usd for one in found}
    assert [one.at_s for one in found] == sorted({one.at_s for one in found})
    assert found[-1] == points[-1]


def test_drawdown_is_measured_from_the_highest_so_far() -> None:
    values = [100.0, 120.0, 90.0, 120.0, 60.0]
    found = [pct for _, pct in drawdown_pct(EquityPoint(number, usd) for number, usd in enumerate(values))]
    assert found == pytest.approx([0.0, 0.0, -25.0, 0.0, -50.0])
