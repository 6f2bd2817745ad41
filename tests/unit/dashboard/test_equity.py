"""Equity over time: bounded, thinned without hiding a fall, and its drawdown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from tradingbot.dashboard.equity import HOURS_KEPT, MINUTES_KEPT, EquityPoint, EquitySeries, drawdown_pct, evenly
from tradingbot.dashboard.views.book import _by_day
from tradingbot.research.performance import daily_returns, ratios

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


@pytest.mark.parametrize("count", [100, 999, 10_000])
def test_the_deepest_and_the_highest_point_stay(count: int) -> None:
    points = [(60 * number, 100.0) for number in range(count)]
    points[count // 3] = (points[count // 3][0], 1.0)
    points[2 * count // 3] = (points[2 * count // 3][0], 500.0)
    points[-1] = (points[-1][0], 77.0)
    found = evenly(points, 60)
    assert len(found) <= 64
    assert {1.0, 500.0} <= {value for _, value in found}
    assert [at_s for at_s, _ in found] == sorted({at_s for at_s, _ in found})
    assert found[-1][1] == 77.0


def test_few_even_points_stay_as_they_are() -> None:
    points = [(60 * number + number % 3, float(number)) for number in range(1440)]
    assert evenly(points, 2_000) == points
    assert evenly(points[:1], 2_000) == points[:1]
    assert evenly([], 2_000) == []


def test_hours_and_minutes_share_one_scale_of_time() -> None:
    """Twenty-three days by the hour and seven by the minute: each day gets the same width."""
    day = 86_400
    hours = [(day * number // 24, 1.0) for number in range(23 * 24)]
    minutes = [(23 * day + 60 * number, 2.0) for number in range(7 * 1440)]
    found = evenly([*hours, *minutes], 2_000)
    steps = {later[0] - one[0] for one, later in pairwise(found)}
    assert max(steps) - min(steps) <= 1
    assert all(value is not None for _, value in found)
    per_day = [sum(1 for at_s, _ in found if at_s // day == number) for number in range(30)]
    assert max(per_day) - min(per_day) <= 2


def test_a_time_without_values_keeps_its_width() -> None:
    points = [(60 * number, 5.0) for number in range(100)] + [(60 * number, 6.0) for number in range(500, 600)]
    found = evenly(points, 2_000)
    unknown = [at_s for at_s, value in found if value is None]
    assert len(unknown) == pytest.approx(len(found) * 2 / 3, rel=0.02)
    assert 100 * 60 <= min(unknown) <= max(unknown) < 500 * 60


def test_drawdown_is_measured_from_the_highest_so_far() -> None:
    values = [100.0, 120.0, 90.0, 120.0, 60.0]
    found = [pct for _, pct in drawdown_pct(EquityPoint(number, usd) for number, usd in enumerate(values))]
    assert found == pytest.approx([0.0, 0.0, -25.0, 0.0, -50.0])


def test_ratios_by_the_day_are_those_of_the_command() -> None:
    """Of the newest value that is known of each day: longer ago than a week that is the begin of its last hour."""
    hours = [(day, hour) for day in range(40) for hour in range(24)]
    points = [EquityPoint(86_400 * day + 3_600 * hour, 10_000 * 1.01**day + hour) for day, hour in hours]
    found = _by_day(points)
    closes = [10_000 * 1.01**day + 23 for day in range(40)]
    expected = ratios(daily_returns([10_000.0, *closes]))
    assert found is not None
    assert (found["days"], found["sharpe"], found["worst_day"]) == (40, expected.sharpe, expected.worst_day)
    assert _by_day(points[:48]) is None
